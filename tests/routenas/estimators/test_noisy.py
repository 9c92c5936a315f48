"""Noise around an executor: the contract, and what the noise follows from."""

from __future__ import annotations

import numpy as np
import pytest

from routenas.estimators.noisy import Noisy
from routenas.executor import estimate_all
from routenas.interfaces import Executor
from routenas.testing.above import AboveContract
from routenas.testing.estimators import GOOD, Quality


class TestNoisy(AboveContract):
    def make(self, executor: Executor) -> Executor:
        return Noisy(executor, 0.1, 3)

    def test_the_noise_by_hand(self) -> None:
        (plain,) = Quality().estimate(GOOD[:1])
        executor = Noisy(Quality(), 0.1, 3)
        for times in range(3):
            (noisy,) = estimate_all(executor, GOOD[:1])
            drawn = np.random.default_rng([3, int(GOOD[0].hash, 16), times]).standard_normal()
            assert noisy.value == pytest.approx((plain.value or 0.0) + 0.1 * drawn)
            assert noisy.metrics["without_noise"] == plain.value

    def test_it_follows_the_genotype_and_the_repeat_not_the_order(self) -> None:
        forth, back = Noisy(Quality(), 0.1, 3), Noisy(Quality(), 0.1, 3)
        assert estimate_all(forth, GOOD) == estimate_all(back, GOOD[::-1])[::-1]
        again = estimate_all(forth, GOOD)
        assert again != estimate_all(Noisy(Quality(), 0.1, 3), GOOD)

    def test_sigma(self) -> None:
        found = estimate_all(Noisy(Quality(), 0.0), GOOD)
        assert [result.value for result in found] == [result.value for result in Quality().estimate(GOOD)]
        with pytest.raises(ValueError, match="sigma must be at least 0, not -1"):
            Noisy(Quality(), -1)
