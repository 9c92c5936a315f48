"""A batch of trials spread over an executor's workers."""

from __future__ import annotations

from collections.abc import Sequence

from routenas.interfaces import Estimator, Executor
from routenas.results import Result
from searchspaces.space import Genotype


class Parallel(Estimator):
    """Estimates a batch on all workers of an executor; results come in the order of the genotypes.

    They do not depend on timing, so a search with ``batch`` genotypes at a time is the same for any number of workers.
    """

    def __init__(self, executor: Executor) -> None:
        self.executor = executor

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``."""
        for ticket, genotype in enumerate(genotypes):
            self.executor.submit(ticket, genotype)
        found = dict(self.executor.wait() for _ in genotypes)
        return [found[ticket] for ticket in range(len(genotypes))]
