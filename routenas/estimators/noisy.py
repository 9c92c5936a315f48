"""Noise around an executor, for tests of strategies."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np

from routenas.executor import Around
from routenas.interfaces import Estimator, Executor, Outcome
from routenas.results import Result

QUIET = "without_noise"


class Noisy(Around):
    """Adds normal noise of deviation ``sigma`` to every value; ``metrics["without_noise"]`` is the value itself.

    The noise follows from the seed, the item and how often it was submitted before, not from the order in which trials
    end: the same genotype again has other noise, and another order of genotypes has the same.
    """

    def __init__(self, executor: Executor | Estimator, sigma: float, seed: int = 0) -> None:
        if sigma < 0:
            raise ValueError(f"sigma must be at least 0, not {sigma}")
        super().__init__(executor)
        self.sigma, self.seed = sigma, seed
        self._times: Counter[Any] = Counter()
        self._seeds: dict[int, list[int]] = {}

    def submit(self, ticket: int, item: Any, known: Result | None = None) -> None:
        """See ``Executor``."""
        genotype, *fidelity = item if isinstance(item, tuple) else (item,)
        self._seeds[ticket] = [self.seed, int(genotype.hash, 16), *fidelity, self._times[item]]
        self._times[item] += 1
        if known is not None and QUIET in known.metrics:
            metrics = dict(known.metrics)
            known = replace(known, value=metrics.pop(QUIET), metrics=metrics)
        super().submit(ticket, item, known)

    def wait(self) -> Outcome:
        """See ``Executor``."""
        ticket, result = super().wait()
        rng = np.random.default_rng(self._seeds.pop(ticket))
        if result.value is None:
            return ticket, result
        metrics = {**result.metrics, QUIET: result.value}
        return ticket, replace(result, value=result.value + self.sigma * float(rng.standard_normal()), metrics=metrics)
