"""A memory around an estimator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from routenas.interfaces import Estimator
from routenas.results import Result, Trial
from searchspaces.space import Genotype


class Cached(Estimator):
    """Estimates each genotype once: a repeat gives the first result again, marked ``repeated``, and costs nothing.

    ``known`` are trials of earlier searches. ``hits`` counts the repeats. A failed trial is remembered, too.
    """

    def __init__(self, estimator: Estimator, known: Iterable[Trial] = ()) -> None:
        self.estimator = estimator
        self.hits = 0
        self._results = {trial.genotype: _free(trial.result) for trial in known}

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``. A genotype that comes twice in one call is estimated once."""
        new = [genotype for genotype in dict.fromkeys(genotypes) if genotype not in self._results]
        fresh = dict(zip(new, self.estimator.estimate(new), strict=True)) if new else {}
        self._results |= {genotype: _free(result) for genotype, result in fresh.items()}
        self.hits += len(genotypes) - len(new)
        return [fresh.pop(genotype) if genotype in fresh else self._results[genotype] for genotype in genotypes]


def _free(result: Result) -> Result:
    return replace(result, repeated=True)
