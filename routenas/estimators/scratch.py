"""Training from scratch: the estimator of RouteNAS ("proxyless"), and the retraining of a search's best."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from placement_data.files import write_bytes, writing
from routenas.architecture import Architecture
from routenas.interfaces import Estimator, Task
from routenas.networks.tensors import packed
from routenas.results import Result
from routenas.tasks import task_config, task_from_config
from routenas.training import Budget, Progress, Trained, fit
from searchspaces.operators import multiply_adds
from searchspaces.space import Genotype, Space, TaskShape

Build = Callable[[TaskShape], nn.Module]
VALUE = "search_value"
"""The tensor of a checkpoint that is no weight: the value on the search part."""


def in_silence(epoch: int, epochs: int) -> None:
    """Tells nobody of an epoch. A lambda could not be sent to another process."""


@dataclass(frozen=True)
class Training(Estimator):
    """What the estimators that train share. In another process the task is made again from its configuration."""

    task: Task
    budget: Budget
    progress: Progress = field(default=in_silence, kw_only=True)
    device: str = field(default="cpu", kw_only=True)

    def __getstate__(self) -> dict[str, Any]:
        own = {item.name: getattr(self, item.name) for item in fields(self)}
        return {**own, "task": task_config(self.task), "progress": in_silence}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "task": task_from_config(state["task"])})


def trained(
    task: Task, budget: Budget, build: Build, seed: int, progress: Progress, device: str
) -> tuple[Result, Trained | None]:
    """Train what ``build`` makes. A training that fails is a result without a value that is charged all the same.

    The value is the metric on the search part, None where it is undefined there; what was trained is None where it
    failed.
    """
    start, cpu = time.monotonic(), time.process_time()
    epochs = 0
    costs: dict[str, float] = {}

    def charged(result: Result, epochs: int) -> Result:
        seconds, used = round(time.monotonic() - start, 2), round(time.process_time() - cpu, 2)
        return replace(result, costs=costs, seconds=seconds, cpu_seconds=used, epochs=float(epochs))

    def count(epoch: int, of: int) -> None:
        nonlocal epochs
        epochs = epoch
        progress(epoch, of)

    try:
        module = build(task.shape)
        costs = {
            "parameters": float(sum(p.numel() for p in module.parameters() if p.requires_grad)),
            "multiplications": float(multiply_adds(module.eval(), *task.example())),
        }
        found = fit(module, task, budget, seed, progress=count, device=device)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return charged(Result(None, {}, reason[:200]), min(epochs + 1, budget.epochs)), None
    value = found.metrics[task.metric]
    usable = value is not None and math.isfinite(value)
    message = "" if usable else f"{task.metric} is undefined on the search split"
    metrics = {**found.metrics, "epoch": found.epoch, "curve": _curve(found)}
    return charged(Result(value if usable else None, metrics, message), len(found.curve)), found


def _curve(found: Trained) -> dict[str, list[Any]]:
    losses, values = zip(*found.curve, strict=True) if found.curve else ((), ())
    return {"loss": [round(loss, 5) for loss in losses], "value": list(values)}


@dataclass(frozen=True)
class TrainedFromScratch(Training):
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
        build = partial(self.space.build, genotype, seed=self.seed)
        return trained(self.task, self.budget, build, self.seed, self.progress, self.device)[0]


@dataclass(frozen=True)
class Retraining:
    """One of the best architectures, to be trained anew with a seed of its own."""

    architecture: Architecture
    seed: int

    def stem(self, budget: Budget) -> str:
        """The name of the file that keeps it, without what tells files of a retraining apart."""
        return f"{self.architecture.name.replace('/', '-')}-{budget.name}-{self.seed}"


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write tensors, all or nothing, in a folder that is made where there is none."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, packed(tensors))


@dataclass(frozen=True)
class Retrained(Training):
    """Trains architectures at the final budget and keeps a checkpoint of each in ``folder``, so that none is lost.

    ``unjudged``: the task has nothing in its search part. The value is minus the loss of the last epoch (0 for what is
    fitted at once), which chooses nothing.
    """

    folder: Path
    unjudged: bool = False

    def path(self, item: Retraining) -> Path:
        """Where the checkpoint of a retraining is."""
        return self.folder / f"{item.stem(self.budget)}{'-whole' if self.unjudged else ''}.safetensors"

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
        build = partial(item.architecture.build, seed=item.seed)
        result, found = trained(self.task, self.budget, build, item.seed, self.progress, self.device)
        if found is not None and self.unjudged:
            result = replace(result, value=-found.curve[-1][0] if found.curve else 0.0, message="")
        if found is not None and not result.failed:
            value = torch.tensor(result.value, dtype=torch.float64)
            write_tensors(path, {**found.module.state_dict(), VALUE: value})
        return result
