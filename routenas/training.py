"""One trainer for searched and hand-crafted networks alike: same data, same optimiser, same budget."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from placement_data.errors import InputError, RoutenasError
from routenas.tasks.routability import RoutabilityTask

Answers = list[NDArray[np.float64]]


@dataclass(frozen=True)
class Budget:
    """What one training may cost. ``batch`` counts placements; the learning rate falls to zero by a cosine."""

    name: str
    epochs: int
    batch: int = 2
    learning_rate: float = 5e-3
    weight_decay: float = 1e-3
    evaluations: int = 6


BUDGETS = {
    "smoke": Budget("smoke", epochs=1, evaluations=1),
    "fast": Budget("fast", epochs=8, evaluations=3),
    "full": Budget("full", epochs=30, evaluations=10),
}


def budget_named(name: str) -> Budget:
    """The budget of that name, or :class:`InputError`."""
    if name not in BUDGETS:
        raise InputError("no such budget", found=name, expected=", ".join(BUDGETS))
    return BUDGETS[name]


class DivergedError(RoutenasError):
    """A training whose loss or prediction is not finite."""

    exit_code = 5


@dataclass(frozen=True)
class Trained:
    """A trained module (in evaluation mode) with its search-split metrics and the epoch that was kept."""

    module: nn.Module
    metrics: dict[str, Any]
    epoch: int
    seconds: float


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run a block under a torch seed of its own and leave torch's global generator as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def train(
    build: Callable[[int], nn.Module],
    task: RoutabilityTask,
    budget: Budget,
    seed: int,
    progress: Callable[[int, int], object] = lambda epoch, epochs: None,
) -> Trained:
    """Train a new module, ``build(seed)``, on the training split and keep the epoch that is best on the search split.

    Weights are averaged over the steps (exponential moving average, bias-corrected), which takes out most of the noise
    between epochs. The same arguments give the same weights on the same number of threads. Raises
    :class:`DivergedError`.
    """
    start = time.monotonic()
    rng = np.random.default_rng([seed, 0x7261])
    module = build(seed)
    with seeded(seed):
        kept = _fit(module, task, budget, rng, progress)
    module.load_state_dict(kept.state)
    return Trained(module.eval(), kept.metrics, kept.epoch, time.monotonic() - start)


@dataclass(frozen=True)
class _Kept:
    value: float
    metrics: dict[str, Any]
    epoch: int
    state: dict[str, torch.Tensor]


def _fit(
    module: nn.Module,
    task: RoutabilityTask,
    budget: Budget,
    rng: np.random.Generator,
    progress: Callable[[int, int], object],
) -> _Kept:
    steps_an_epoch = math.ceil(len(task.examples("train")) / budget.batch)
    steps = budget.epochs * steps_an_epoch
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=budget.learning_rate, weight_decay=budget.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
    average = _Average(module, horizon=2 * steps_an_epoch)
    marks = {math.ceil((k + 1) * budget.epochs / budget.evaluations) for k in range(budget.evaluations)}
    kept: _Kept | None = None
    resize = getattr(module, "resize", None)
    for epoch in range(1, budget.epochs + 1):
        module.train()
        for batch in task.batches(budget.batch, rng, resize):
            optimiser.zero_grad(set_to_none=True)
            loss = task.loss(module(batch.maps), batch)
            if not torch.isfinite(loss):
                raise DivergedError(f"the loss is {loss.item()} in epoch {epoch}")
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            schedule.step()
            average.update(module)
        progress(epoch, budget.epochs)
        if epoch in marks:
            metrics, value = _evaluate(average.module, task)
            if kept is None or value > kept.value:
                kept = _Kept(value, metrics, epoch, copy.deepcopy(average.module.state_dict()))
    assert kept is not None
    return kept


def _rate(step: int, steps: int) -> float:
    warm = min(1.0, (step + 1) / max(1, steps // 20))
    return warm * 0.5 * (1 + math.cos(math.pi * min(step / steps, 1.0)))


class _Average:
    """Exponential moving average of a module's weights and buffers over about ``horizon`` steps."""

    def __init__(self, module: nn.Module, horizon: int) -> None:
        self.module = copy.deepcopy(module).eval()
        self.horizon, self.steps = horizon, 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        self.steps += 1
        share = max(1 / self.horizon, 1 / self.steps)
        for mean, value in zip(self.module.state_dict().values(), module.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(value, share)
            else:
                mean.copy_(value)


def predictions(module: nn.Module, task: RoutabilityTask, part: str) -> Answers:
    """Answers of a module for all placements of a split, in order."""
    return [task.predict(module, example.maps, example.sample.net_count) for example in task.examples(part)]


def member_mean(members: Sequence[Answers]) -> Answers:
    """The mean of several members' answers, placement by placement."""
    return [np.asarray(np.mean(np.stack(answers), axis=0)) for answers in zip(*members, strict=True)]


def _evaluate(module: nn.Module, task: RoutabilityTask) -> tuple[dict[str, Any], float]:
    answers = predictions(module, task, "search")
    if not all(np.isfinite(answer).all() for answer in answers):
        raise DivergedError("a prediction on the search split is not finite")
    metrics = task.score("search", answers)
    value = metrics[task.metric]
    return metrics, -math.inf if value is None else value


def with_epochs(budget: Budget, epochs: int) -> Budget:
    """The same budget with another number of epochs."""
    return replace(budget, epochs=epochs, evaluations=min(budget.evaluations, epochs))
