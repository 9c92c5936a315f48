"""Training from scratch: the estimator of RouteNAS ("proxyless"), and the retraining of a search's best."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from placement_data.files import write_bytes, writing
from routenas.architecture import Architecture
from routenas.interfaces import Estimator, Task
from routenas.results import Result
from routenas.tasks import task_config, task_from_config
from routenas.training import Budget, Progress, Trained, fit
from searchspaces.operators import multiply_adds
from searchspaces.space import Genotype, Space, TaskShape

VALUE = "search_value"
"""The tensor of a checkpoint that is no weight: the value on the search part."""


def in_silence(epoch: int, epochs: int) -> None:
    """Tells nobody of an epoch. A lambda could not be sent to another process."""


@dataclass(frozen=True)
class _Training(Estimator):
    """What both estimators share. In another process the task is made again from its configuration."""

    task: Task
    budget: Budget
    progress: Progress = field(default=in_silence, kw_only=True)
    device: str = field(default="cpu", kw_only=True)

    def __getstate__(self) -> dict[str, Any]:
        own = {item.name: getattr(self, item.name) for item in fields(self)}
        return {**own, "task": task_config(self.task), "progress": in_silence}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "task": task_from_config(state["task"])})

    def _trained(self, build: Callable[[TaskShape], nn.Module], seed: int) -> tuple[Result, nn.Module | None]:
        """Train what ``build`` makes. A training that fails is a result without a value that is charged all the same.

        The module is None where it has none.
        """
        start = time.monotonic()
        epochs, costs = 0, {}

        def progress(epoch: int, of: int) -> None:
            nonlocal epochs
            epochs = epoch
            self.progress(epoch, of)

        try:
            module = build(self.task.shape)
            costs = {
                "parameters": float(sum(p.numel() for p in module.parameters() if p.requires_grad)),
                "multiplications": float(multiply_adds(module.eval(), *self.task.example())),
            }
            trained = fit(module, self.task, self.budget, seed, progress=progress, device=self.device)
        except Exception as error:
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            begun = min(epochs + 1, self.budget.epochs)
            return Result(None, {}, reason[:200], costs, round(time.monotonic() - start, 2), float(begun)), None
        value = trained.metrics[self.task.metric]
        usable = value is not None and math.isfinite(value)
        message = "" if usable else f"{self.task.metric} is undefined on the search split"
        metrics = {**trained.metrics, "epoch": trained.epoch, "curve": _curve(trained)}
        result = Result(
            value if usable else None, metrics, message, costs, round(trained.seconds, 2), float(self.budget.epochs)
        )
        return result, trained.module if usable else None


def _curve(trained: Trained) -> dict[str, list[Any]]:
    losses, values = zip(*trained.curve, strict=True) if trained.curve else ((), ())
    return {"loss": [round(loss, 5) for loss in losses], "value": list(values)}


@dataclass(frozen=True)
class TrainedFromScratch(_Training):
    """Trains every genotype on the training part and values it by the task's metric on the search part.

    ``seed`` is that of every training, whatever the order of the genotypes. A training that diverges, runs out of
    memory or cannot be built is a result without a value, not an error. Its costs are ``parameters`` and
    ``multiplications`` (of one forward pass of the task's example).
    """

    costs: ClassVar = ("parameters", "multiplications")

    space: Space
    seed: int

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``: one training per genotype."""
        return [self._one(genotype) for genotype in genotypes]

    def _one(self, genotype: Genotype) -> Result:
        return self._trained(lambda shape: self.space.build(genotype, shape, seed=self.seed), self.seed)[0]


@dataclass(frozen=True)
class Retraining:
    """One of the best architectures, to be trained anew with a seed of its own."""

    architecture: Architecture
    seed: int


@dataclass(frozen=True)
class Retrained(_Training):
    """Trains architectures at the final budget and keeps a checkpoint of each in ``folder``, so that none is lost."""

    folder: Path

    def path(self, item: Retraining) -> Path:
        """Where the checkpoint of a retraining is."""
        return self.folder / f"{item.architecture.name.replace('/', '-')}-{self.budget.name}-{item.seed}.safetensors"

    def estimate(self, items: Sequence[Any]) -> list[Result]:
        """See ``Estimator``, for `Retraining` in place of genotypes. A checkpoint that is there is the result."""
        return [self._one(item) for item in items]

    def state(self, item: Retraining) -> dict[str, Tensor]:
        """The weights that a retraining kept."""
        tensors = dict(load_file(self.path(item)))
        tensors.pop(VALUE)
        return tensors

    def _one(self, item: Retraining) -> Result:
        path = self.path(item)
        if path.exists():
            try:
                return Result(float(load_file(path)[VALUE]), {}, "kept from an earlier run")
            except (SafetensorError, KeyError, OSError):
                path.unlink()
        result, module = self._trained(lambda shape: item.architecture.build(shape, item.seed), item.seed)
        if module is not None:
            state = {key: tensor.contiguous() for key, tensor in module.state_dict().items()}
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, save({**state, VALUE: torch.tensor(result.value, dtype=torch.float64)}))
        return result
