"""Out of fold: candidates and finalists trained on each fold of a task, and judged by all their answers together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from routenas.estimators.scratch import Build, Retraining, Training, trained, write_tensors
from routenas.interfaces import FoldedTask
from routenas.results import Result
from routenas.training import Budget
from searchspaces.space import Genotype, Space

Outputs = list[list[NDArray[np.float32]]]
"""By fold, what a network that was trained on the others gave for each of its examples."""


@dataclass(frozen=True)
class OnFolds(Training):
    """What both estimators share: the ``task``, a `FoldedTask`, is cut into ``k`` folds by ``fold_seed``.

    The last state of a training is judged: no epoch is chosen on the fold that judges it.
    """

    k: int = field(kw_only=True)
    fold_seed: int = field(kw_only=True)

    @cached_property
    def folds(self) -> tuple[FoldedTask, ...]:
        """The folds of the task."""
        return cast(FoldedTask, self.task).folds(self.k, self.fold_seed)

    def out_of_fold(
        self, build: Build, seed: int, path: Callable[[int], Path] | None = None
    ) -> tuple[Result, Outputs | None]:
        """Train what ``build`` makes once for each fold; its value out of fold and its outputs, None where it failed.

        One training that fails fails them all. Outputs that are at ``path`` of the fold's number are taken from there,
        else written to it.
        """
        budget = replace(self.budget, evaluations=1)
        results: list[Result] = []
        outputs: Outputs = []
        for number, fold in enumerate(self.folds):
            kept = None if path is None else _read(path(number))
            if kept is None:
                result, found = trained(fold, budget, build, seed, partial(self._told, number), self.device)
                results.append(result)
                if found is None:
                    return replace(_together(results), message=result.message), None
                kept = fold.outputs(found.module, "search")
                if path is not None:
                    write_tensors(
                        path(number),
                        {
                            f"{place:06}": torch.from_numpy(np.ascontiguousarray(each))
                            for place, each in enumerate(kept)
                        },
                    )
            outputs.append(kept)
        return self._judged(_together(results), budget, outputs), outputs

    def _told(self, fold: int, epoch: int, epochs: int) -> None:
        self.progress(fold * epochs + epoch, len(self.folds) * epochs)

    def _judged(self, spent: Result, budget: Budget, outputs: Outputs) -> Result:
        """The result of all trainings together."""
        metric = self.task.metric
        try:
            metrics = cast(FoldedTask, self.task).pooled(self.folds, outputs)
        except FloatingPointError as error:
            return replace(spent, message=str(error))
        value = metrics[metric]
        curve = spent.metrics.get("curve", {"loss": [], "value": []})
        if curve["value"]:
            curve = {**curve, "value": [*curve["value"][:-1], value]}
        message = f"{metric} is undefined out of fold" if value is None else spent.message
        return replace(spent, value=value, metrics={**metrics, "epoch": budget.epochs, "curve": curve}, message=message)


KEPT = "kept from an earlier run"


def _together(results: Sequence[Result]) -> Result:
    """What several trainings cost in all, and their mean loss, epoch by epoch."""
    losses = [result.metrics["curve"]["loss"] for result in results if "curve" in result.metrics]
    mean = [round(float(np.mean(epoch)), 5) for epoch in zip(*losses, strict=True)]
    return Result(
        None,
        {"curve": {"loss": mean, "value": [None] * len(mean)}} if mean else {},
        message="" if results else KEPT,
        costs=results[0].costs if results else {},
        seconds=round(sum(result.seconds or 0.0 for result in results), 2),
        cpu_seconds=round(sum(result.cpu_seconds or 0.0 for result in results), 2),
        epochs=sum(result.epochs for result in results),
    )


def _read(path: Path) -> list[NDArray[np.float32]] | None:
    """The outputs in a file, None where there is none, or one that is damaged."""
    try:
        tensors = load_file(path)
        return [tensors[name].numpy().copy() for name in sorted(tensors)]  # of their own, not of the mapped file
    except (SafetensorError, OSError):
        return None


@dataclass(frozen=True)
class TrainedOnFolds(OnFolds):
    """Trains every genotype once on each fold, and values it by the task's metric of all answers out of fold.

    ``seed`` is that of every training. Costs are those of `TrainedFromScratch`.
    """

    costs: ClassVar = ("parameters", "multiplications")

    space: Space
    seed: int

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``: as many trainings a genotype as there are folds."""
        builds = [partial(self.space.build, genotype, seed=self.seed) for genotype in genotypes]
        return [self.out_of_fold(build, self.seed)[0] for build in builds]


@dataclass(frozen=True)
class RetrainedOnFolds(OnFolds):
    """Trains architectures on each fold at the final budget, and keeps their outputs in ``folder``."""

    folder: Path

    def estimate(self, items: Sequence[Any]) -> list[Result]:
        """See ``Estimator``, for `Retraining` in place of genotypes. What is kept is not trained anew."""
        return [self._one(item)[0] for item in items]

    def outputs(self, item: Retraining) -> Outputs:
        """The outputs of a retraining that did not fail."""
        found = self._one(item)[1]
        assert found is not None
        return found

    def _one(self, item: Retraining) -> tuple[Result, Outputs | None]:
        stem = item.stem(self.budget)
        build = partial(item.architecture.build, seed=item.seed)
        return self.out_of_fold(build, item.seed, lambda fold: self.folder / f"{stem}-fold-{fold}.safetensors")
