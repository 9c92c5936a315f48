"""Noise around an estimator, for tests of strategies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from routenas.interfaces import Estimator
from routenas.results import Result
from searchspaces.space import Genotype


class Noisy(Estimator):
    """Adds normal noise of deviation ``sigma`` to every value.

    The noise follows from the seed, the genotype and how often it was estimated before, not from the order of calls:
    the same genotype estimated again has other noise, and another order of genotypes has the same.
    """

    def __init__(self, estimator: Estimator, sigma: float, seed: int = 0) -> None:
        if sigma < 0:
            raise ValueError(f"sigma must be at least 0, not {sigma}")
        self.estimator, self.sigma, self.seed = estimator, sigma, seed
        self._times: Counter[Genotype] = Counter()

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``."""
        return [
            self._with_noise(genotype, result)
            for genotype, result in zip(genotypes, self.estimator.estimate(genotypes), strict=True)
        ]

    def _with_noise(self, genotype: Genotype, result: Result) -> Result:
        again = self._times[genotype]
        self._times[genotype] += 1
        if result.value is None:
            return result
        rng = np.random.default_rng([self.seed, int(genotype.hash, 16), again])
        return replace(result, value=result.value + self.sigma * float(rng.standard_normal()))
