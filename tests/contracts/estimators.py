"""The contract of an estimator: subclass `EstimatorContract`, set ``make``, and have all tests."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import torch

from routenas.interfaces import Estimator
from routenas.loop import SearchBudget, search
from routenas.results import Result
from routenas.strategies import strategy_class
from searchspaces.space import Choice, Genotype, Space

SPACE = Space("quality", [Choice("a", 4), Choice("b", 5), Choice("c", 3)])


class Quality:
    """The inner estimator: a value that follows from the genotype, none for the first choice's last option."""

    def __init__(self) -> None:
        self.asked: list[Genotype] = []

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        self.asked += genotypes
        return [self._one(genotype) for genotype in genotypes]

    def _one(self, genotype: Genotype) -> Result:
        a, b, c = genotype.values
        if a == 3:
            return Result(None, {}, "failed", {"parameters": 5.0}, 2.0, 1.0)
        return Result(0.1 + 0.2 * a + 0.03 * b + 0.001 * c, {"b": b}, "", {"parameters": 10.0}, 2.0, 1.0)


GOOD = [SPACE.genotype(values) for values in ((0, 1, 2), (2, 4, 0), (1, 0, 1), (2, 2, 2))]
BAD = SPACE.genotype((3, 0, 0))


class EstimatorContract:
    def make(self, inner: Quality) -> Estimator:
        raise NotImplementedError

    def test_a_result_for_each_in_order(self) -> None:
        together = self.make(Quality()).estimate(GOOD)
        assert len(together) == len(GOOD)
        one_by_one = [self.make(Quality()).estimate([genotype])[0] for genotype in GOOD]
        assert [result.value for result in together] == [result.value for result in one_by_one]
        assert self.make(Quality()).estimate([]) == []

    def test_failures_stay_failures(self) -> None:
        good, bad, again = self.make(Quality()).estimate([GOOD[0], BAD, GOOD[1]])
        assert bad.value is None
        assert good.value is not None
        assert again.value is not None

    def test_same_again(self) -> None:
        first, second = (self.make(Quality()).estimate(GOOD) for _ in range(2))
        assert first == second

    def test_no_global_randomness(self) -> None:
        def streams() -> Sequence[object]:
            return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002

        before = streams()
        self.make(Quality()).estimate(GOOD)
        assert streams() == before

    def test_the_budget_is_obeyed(self) -> None:
        inner = Quality()
        trials = search(strategy_class("random")(SPACE, 1), self.make(inner), SearchBudget(evaluations=7))
        assert sum(not trial.result.repeated for trial in trials) == 7

    def test_seconds_and_epochs_are_charged(self) -> None:
        trials = search(strategy_class("random")(SPACE, 1), self.make(Quality()), SearchBudget(epochs=6.0))
        spent = [trial.result.epochs for trial in trials]
        assert sum(spent[:-1]) < 6.0 <= sum(spent)
