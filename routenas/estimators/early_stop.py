"""Stopping hopeless trials early: the median rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from routenas.interfaces import Estimator
from routenas.results import Result, Trial
from searchspaces.space import Genotype


class MedianStopped(Estimator):
    """Estimates a genotype at growing fidelities and stops where it is worse than the median of those before it.

    The median rule (Golovin et al., KDD 2017) needs ``least`` values at a fidelity before it stops anything. A result
    has the value of the last fidelity reached, ``metrics["values"]`` those of all, and is charged for all. ``known``
    are the trials of a resumed search: their values count as seen.
    """

    def __init__(self, estimators: Sequence[Estimator], least: int = 5, known: Iterable[Trial] = ()) -> None:
        if not estimators or least < 1:
            raise ValueError(f"the median rule needs an estimator or more and least >= 1, not {least}")
        self.estimators, self.least = tuple(estimators), least
        self._seen: list[list[float]] = [[] for _ in self.estimators]
        for trial in known:
            self._note(trial.result.metrics.get("values", []))

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``: one after the other, since each is judged by those before it."""
        return [self._one(genotype) for genotype in genotypes]

    def _one(self, genotype: Genotype) -> Result:
        values: list[float] = []
        seconds = epochs = 0.0
        message = ""
        for fidelity, estimator in enumerate(self.estimators):
            (result,) = estimator.estimate([genotype])
            seconds, epochs = seconds + result.seconds, epochs + result.epochs
            if result.value is None or result.failed:
                break
            values.append(result.value)
            seen = self._seen[fidelity]
            last = fidelity + 1 == len(self.estimators)
            if not last and len(seen) >= self.least and result.value < float(np.median(seen)):
                message = f"stopped at fidelity {fidelity}: below the median of {len(seen)}"
                break
        self._note(values)
        return replace(
            result, message=result.message or message, seconds=seconds, epochs=epochs,
            metrics={**result.metrics, "values": values},
        )  # fmt: skip

    def _note(self, values: Sequence[float]) -> None:
        for seen, value in zip(self._seen, values, strict=False):
            seen.append(value)
