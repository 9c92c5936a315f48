"""Training from scratch: the estimator of RouteNAS ("proxyless"), at one of three budgets."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import nn

from routenas.checkpoint import build, searched, task_shape
from routenas.interfaces import Estimator
from routenas.results import Result
from routenas.tasks.routability import RoutabilityTask
from routenas.training import Budget, DivergedError, train
from searchspaces.flexible import FlexibleSpace
from searchspaces.space import Genotype


def in_silence(epoch: int, epochs: int) -> None:
    """Tells nobody of an epoch. A lambda could not be sent to another process."""


@dataclass(frozen=True)
class TrainedFromScratch(Estimator):
    """Trains every genotype on the training split and values it by the task's metric on the search split.

    A training that diverges or runs out of memory is a result without a value, not an error.
    """

    space: FlexibleSpace
    task: RoutabilityTask
    budget: Budget
    seed: int
    progress: Callable[[int, int], object] = in_silence

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """One training a genotype; the seed of a training does not depend on the order of the genotypes."""
        return [self._one(genotype) for genotype in genotypes]

    def _one(self, genotype: Genotype) -> Result:
        channels = len(self.task.store.channels)
        costs = {"parameters": float(self.space.cost(genotype, task_shape(self.task.name, channels)).parameters)}
        architecture = searched(self.space, genotype)

        def new(seed: int) -> nn.Module:
            return build(architecture, self.task.name, channels, seed)

        try:
            trained = train(new, self.task, self.budget, self.seed, self.progress)
        except (DivergedError, MemoryError, RuntimeError) as error:
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            return Result(None, {}, reason[:200], costs)
        value = trained.metrics[self.task.metric]
        usable = value is not None and math.isfinite(value)
        message = "" if usable else f"{self.task.metric} is undefined on the search split"
        return Result(value if usable else None, trained.metrics, message, costs, round(trained.seconds, 2))
