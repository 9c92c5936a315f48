"""The memory around an executor: the contract, and that a repeat costs nothing."""

from __future__ import annotations

from collections.abc import Sequence

from routenas.estimators.cached import Cached
from routenas.executor import estimate_all
from routenas.interfaces import Executor
from routenas.loop import search
from routenas.results import Result, Trial
from routenas.testing.above import AboveContract, repeating
from routenas.testing.estimators import GOOD, Quality
from searchspaces.space import Genotype


class TestCached(AboveContract):
    def make(self, executor: Executor) -> Executor:
        return Cached(executor)

    def test_a_repeat_costs_nothing_and_is_counted(self) -> None:
        inner = Quality()
        cached = Cached(inner)
        first = estimate_all(cached, [GOOD[0], GOOD[1], GOOD[0]])
        again = estimate_all(cached, [GOOD[1], GOOD[2]])
        assert [result.repeated for result in first + again] == [False, False, True, True, False]
        assert inner.asked == [GOOD[0], GOOD[1], GOOD[2]]
        assert cached.hits == 2
        assert first[2].value == first[0].value

    def test_a_strategy_that_repeats_itself_ends(self) -> None:
        class Stubborn:
            def ask(self, n: int) -> list[Genotype]:
                return [GOOD[0]] * n

            def tell(self, genotypes: Sequence[Genotype], results: Sequence[Result]) -> None:
                pass

        trials = search(Stubborn(), Cached(Quality()), 5)  # type: ignore[arg-type]
        assert sum(not trial.result.repeated for trial in trials) == 1
        assert len(trials) == 1001

    def test_trials_of_former_searches(self) -> None:
        inner = Quality()
        cached = Cached(inner, [Trial(GOOD[0], Result(0.5))])
        assert estimate_all(cached, [GOOD[0]]) == [Result(0.5, repeated=True)]
        assert inner.asked == []

    def test_a_search_trains_nothing_twice(self) -> None:
        inner = Quality()
        trials = search(repeating(), Cached(inner), 12, in_flight=4)
        assert len(inner.asked) == len(set(inner.asked)) == 12  # the budget counts what was not known
        assert len(trials) > 12
