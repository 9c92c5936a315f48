"""Successive halving: many candidates at a low fidelity, the best of them at higher ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from routenas.interfaces import Estimator
from routenas.results import Result
from searchspaces.space import Genotype


class SuccessiveHalving(Estimator):
    """Estimates a batch at the first fidelity, the best 1/``eta`` of it at the second, and so on (Jamieson &
    Talwalkar, AISTATS 2016, arXiv 1502.07943).

    A wrapper around estimators, not a strategy: strategies ask genotypes and know of no fidelities, so any of them
    can be halved, by ``search(strategy, SuccessiveHalving(...), budget, batch=n)``. A result has the value of the last
    fidelity that its genotype reached (``metrics["fidelity"]``, from 0) and is charged for all of them. Values of
    different fidelities are comparable only if the estimators' are; ``offset`` (0 by default) is added for each
    fidelity reached, so that promoted candidates can be kept above the others.
    """

    def __init__(self, estimators: Sequence[Estimator], eta: float = 3.0, offset: float = 0.0) -> None:
        if not estimators or eta <= 1:
            raise ValueError(f"successive halving needs an estimator or more and eta > 1, not {eta}")
        self.estimators, self.eta, self.offset = tuple(estimators), eta, offset

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``."""
        found: dict[int, Result] = {}
        alive = list(range(len(genotypes)))
        for fidelity, estimator in enumerate(self.estimators):
            results = estimator.estimate([genotypes[i] for i in alive])
            for i, result in zip(alive, results, strict=True):
                found[i] = self._charged(found.get(i), result, fidelity)
            usable = [i for i in alive if not found[i].failed]
            usable.sort(key=lambda i: (-(found[i].value or 0.0), i))
            alive = sorted(usable[: max(1, math.floor(len(alive) / self.eta))])
            if not alive:
                break
        return [found[i] for i in range(len(genotypes))]

    def _charged(self, before: Result | None, result: Result, fidelity: int) -> Result:
        value = None if result.value is None else result.value + self.offset * fidelity
        return replace(
            result,
            value=value,
            metrics={**result.metrics, "fidelity": fidelity},
            seconds=result.seconds + (before.seconds if before else 0.0),
            epochs=result.epochs + (before.epochs if before else 0.0),
        )
