"""Wrappers around strategies, in a search."""

from __future__ import annotations

import pytest

from routenas.estimators.noisy import Noisy
from routenas.loop import search
from routenas.results import Result
from routenas.strategies import strategy_class
from routenas.strategies.wrappers import Deduplicated, FailurePenalty, Repeated
from routenas.testing.estimators import BAD, SPACE, Quality


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

    def test_failure_penalty(self) -> None:
        strategy = FailurePenalty(strategy_class("random")(SPACE, 0), -1.0)
        strategy.tell([BAD], [Result(None)])
        assert strategy.strategy.state_dict()["results"] == [-1.0]

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
