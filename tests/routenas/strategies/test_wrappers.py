"""Wrappers around strategies, in a search."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from routenas.estimators.noisy import Noisy
from routenas.loop import search
from routenas.results import Result
from routenas.strategies import strategy_class
from routenas.strategies.random_ import RandomSearch
from routenas.strategies.wrappers import Deduplicated, FailurePenalty, Repeated
from routenas.testing.estimators import BAD, SPACE, Quality
from searchspaces.space import Choice, Genotype, Space


class TestWrappers:
    def test_deduplicated(self) -> None:
        strategy = Deduplicated(strategy_class("random")(SPACE, 0, distinct=False))
        trials = search(strategy, Quality(), 50)
        assert len({trial.genotype for trial in trials}) == 50
        assert strategy.repeats > 0

    def test_repeated(self) -> None:
        noisy = Noisy(Quality(), 0.5, 1)
        strategy = Repeated(strategy_class("random")(SPACE, 0), 3)
        trials = search(strategy, noisy, 12)
        assert [trial.genotype for trial in trials[:3]] == [trials[0].genotype] * 3
        usable = [trial.result.value for trial in trials[:3] if trial.result.value is not None]
        told = strategy.strategy.state_dict()["results"]
        if usable:
            assert told[0] == pytest.approx(sum(usable) / 3)

    def test_repeats_that_failed_are_left_out(self) -> None:
        told: list[Result] = []
        strategy = Repeated(strategy_class("random")(SPACE, 0), 3)
        strategy.strategy.tell = lambda genotypes, results: told.extend(results)  # type: ignore[method-assign]
        asked = strategy.ask(3)
        strategy.tell(asked, [Result(None, {}, "out of memory"), Result(0.25, costs={"a": 1.0}), Result(0.75)])
        assert told == [Result(0.5, costs={"a": 1.0})]

    def test_failure_penalty(self) -> None:
        strategy = FailurePenalty(strategy_class("random")(SPACE, 0), -1.0)
        strategy.tell([BAD], [Result(None)])
        assert strategy.strategy.state_dict()["results"] == [-1.0]

    @pytest.mark.parametrize("wrapper", [Deduplicated, Repeated])
    def test_the_state_holds_results_whole(self, wrapper: type[Deduplicated]) -> None:
        told: list[Result] = []

        class Listens(RandomSearch):
            def tell(self, genotypes: Sequence[Genotype], results: Sequence[Result]) -> None:
                told.extend(results)

        result = Result(0.5, {"auc": 0.25}, "a note", {"parameters": 7.0}, 3.0, 2.0)
        tiny = Space("tiny", [Choice("a", 1)])
        whole = wrapper(Listens(tiny, 0, distinct=False))
        asked = whole.ask(1)
        whole.tell(asked, [result])
        resumed = wrapper(Listens(tiny, 0, distinct=False))
        resumed.load_state_dict(json.loads(json.dumps(whole.state_dict(), allow_nan=False)))
        told.clear()
        asked = resumed.ask(2)  # deduplicated: none, and what is known is told again
        resumed.tell(asked, [result] * len(asked))  # repeated: the mean of three
        assert told
        assert all(each in (result, replace(result, repeated=True)) for each in told)
        assert resumed.state_dict() == json.loads(json.dumps(resumed.state_dict()))

    @pytest.mark.parametrize("wrapper", [Deduplicated, Repeated])
    def test_resume(self, wrapper: type[Deduplicated]) -> None:
        def make(seed: int) -> Deduplicated:
            return wrapper(strategy_class("evolution")(SPACE, seed, population=4, tournament=2))

        whole = make(1)
        search(whole, Quality(), 10)
        resumed = make(7)
        resumed.load_state_dict(whole.state_dict())
        first, second = (search(strategy, Quality(), 12) for strategy in (whole, resumed))
        assert [trial.genotype for trial in first] == [trial.genotype for trial in second]
