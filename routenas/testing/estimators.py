"""The contract of an estimator: subclass `EstimatorContract`, set ``make``, and have all tests."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from routenas.executor import InProcess, estimate_all
from routenas.interfaces import Estimator
from routenas.loop import search
from routenas.results import Result
from routenas.strategies import strategy_class
from searchspaces.space import Choice, Genotype, Space

SPACE = Space("quality", [Choice("a", 4), Choice("b", 5), Choice("c", 3)])
GOOD = [SPACE.genotype(values) for values in ((0, 1, 2), (2, 4, 0), (1, 0, 1), (2, 2, 2))]
BAD = SPACE.genotype((3, 0, 0))


class Quality(Estimator):
    """A value that follows from the genotype, none for the first choice's last option; two seconds each."""

    def __init__(self, epochs: float = 1.0, worth: float = 0.2) -> None:
        self.epochs, self.worth = epochs, worth
        self.asked: list[Genotype] = []

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``."""
        self.asked += genotypes
        return [self._one(genotype) for genotype in genotypes]

    def _one(self, genotype: Genotype) -> Result:
        a, b, c = genotype.values
        if a == 3:
            return Result(None, {}, "failed", {"parameters": 5.0}, 2.0, self.epochs)
        value = 0.1 + self.worth * a + 0.03 * b + 0.001 * c
        return Result(value, {"b": b}, "", {"parameters": 10.0}, 2.0, self.epochs)


class EstimatorContract:
    """Every estimator keeps these. ``good`` are genotypes that it can estimate, ``bad`` is one that fails there."""

    space: Space = SPACE
    good: Sequence[Genotype] = GOOD
    bad: Genotype | None = BAD
    costs: Sequence[str] = ("parameters",)
    """The costs that every result has, a failed one too."""

    def make(self) -> Estimator:
        """The estimator under test, a new one each time."""
        raise NotImplementedError

    def test_a_result_for_each_in_order(self) -> None:
        together = self.make().estimate(self.good)
        assert len(together) == len(self.good)
        assert all(not result.failed for result in together)
        assert self.make().estimate([]) == []

    def test_a_result_does_not_depend_on_those_before(self) -> None:
        together = self.make().estimate(self.good)
        backwards = self.make().estimate(self.good[::-1])[::-1]
        one_by_one = [self.make().estimate([genotype])[0] for genotype in self.good]
        values = [result.value for result in together]
        assert values == [result.value for result in backwards] == [result.value for result in one_by_one]

    def test_it_travels_to_another_process(self, tmp_path: Path) -> None:
        estimator = self.make()
        estimator.prepare(tmp_path)
        sent: Estimator = pickle.loads(pickle.dumps(estimator))
        here, there = (each.estimate(self.good[:1])[0] for each in (estimator, sent))
        assert (here.value, here.costs, here.epochs) == (there.value, there.costs, there.epochs)

    def test_what_was_prepared_is_read_again(self, tmp_path: Path) -> None:
        values = []
        for _ in range(2):
            estimator = self.make()
            estimator.prepare(tmp_path)
            values.append(estimator.estimate(self.good[:1])[0].value)
        assert values[0] == values[1]

    def test_a_failure_stays_a_failure(self) -> None:
        if self.bad is None:
            pytest.skip("nothing fails")
        good, bad, again = self.make().estimate([self.good[0], self.bad, self.good[1]])
        assert bad.failed
        assert bad.message
        assert not good.failed
        assert not again.failed

    def test_costs_are_carried(self) -> None:
        for genotype in [*self.good, *([] if self.bad is None else [self.bad])]:
            (result,) = self.make().estimate([genotype])
            assert set(self.costs) <= set(result.costs)
            assert all(np.isfinite(cost) for cost in result.costs.values())

    def test_a_result_is_json(self) -> None:
        for result in self.make().estimate(self.good[:1]):
            found = json.loads(json.dumps(result.finite().to_dict(), allow_nan=False))
            assert Result.from_dict(found) == result.finite()

    def test_no_global_randomness(self) -> None:
        def streams() -> Sequence[object]:
            return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index] # noqa: NPY002

        before = streams()
        self.make().estimate(self.good)
        assert streams() == before

    def test_a_search_spends_what_it_may(self) -> None:
        strategy = strategy_class("random")(self.space, 1, initial=self.good)
        assert len(search(strategy, self.make(), 3)) == 3

    def test_epochs_and_seconds_are_charged(self) -> None:
        genotypes = self.good if self.bad is None else [*self.good, self.bad]
        for genotype in genotypes:
            (result,) = estimate_all(InProcess(self.make()), [genotype])
            assert result.epochs >= 0
            assert result.seconds is not None
