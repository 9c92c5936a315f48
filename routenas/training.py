"""The one trainer, for searched and hand-made networks of every task alike: same data, same optimiser, same budget."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from placement_data.errors import InputError, RoutenasError, SettingError
from routenas.budgets import BUDGETS as BUDGETS
from routenas.budgets import Budget as Budget
from routenas.budgets import budget_named as budget_named
from routenas.budgets import budgets_of as budgets_of
from routenas.interfaces import Forward, SelfFitting, Task

Step = Callable[[nn.Module, Task, Any], Tensor]
Progress = Callable[[int, int], object]

WARM_UP = 30
"""Steps in which the learning rate rises to its full height."""


def check_device(device: str) -> None:
    """Raise :class:`InputError` unless networks can be trained on the device here."""
    try:
        torch.zeros(1, device=device).add(1).cpu()
    except Exception:  # torch raises half a dozen kinds
        raise SettingError("networks cannot be trained here on this device", found=device, expected="cpu") from None


def adamw(parameters: list[nn.Parameter], budget: Budget) -> torch.optim.Optimizer:
    """AdamW with the learning rate and weight decay of a budget."""
    return torch.optim.AdamW(parameters, lr=budget.learning_rate, weight_decay=budget.weight_decay)


def cosine(done: float) -> float:
    """Half a period of a cosine, from 1 at 0 to 0 at 1."""
    return 0.5 * (1 + math.cos(math.pi * done))


class DivergedError(RoutenasError):
    """A training whose loss or prediction is not finite."""

    exit_code = 5


@dataclass(frozen=True)
class Trained:
    """A trained module (in evaluation mode), its metrics on the search part, and the epoch that was kept.

    ``curve`` has a point an epoch: its mean loss, and the metric where it was judged (else None).
    """

    module: nn.Module
    metrics: dict[str, Any]
    epoch: int
    seconds: float
    curve: tuple[tuple[float, float | None], ...] = ()


@dataclass(frozen=True)
class Schedule:
    """How weights move. As it stands that of every network: AdamW by the budget, a warm-up, a cosine, averaged weights.

    ``optimiser`` is made of the parameters and the budget. Its learning rate is multiplied by ``rate`` of the share of
    the training that is done, and rises to its height in ``warm_up`` steps. Gradients are cut to the norm ``clip``.
    Without ``averaged`` the weights are judged and kept as they are.
    """

    optimiser: Callable[[list[nn.Parameter], Budget], torch.optim.Optimizer] = adamw
    rate: Callable[[float], float] = cosine
    warm_up: int = WARM_UP
    clip: float = 1.0
    averaged: bool = True


SHARED = Schedule()


def plain(module: nn.Module, task: Task, batch: Any) -> Tensor:
    """The step of ordinary training: the task's loss of the module on the batch."""
    return task.loss(module, batch)


def fit(
    module: nn.Module,
    task: Task,
    budget: Budget,
    seed: int,
    step: Step = plain,
    progress: Progress = lambda epoch, epochs: None,
    device: str = "cpu",
    schedule: Schedule = SHARED,
) -> Trained:
    """Train a module on the training part of a task and keep the state that is best on the search part.

    ``step`` gives the loss of one batch and is where single-path and mixture training differ; ``schedule`` is another
    than the shared one only where a paper's is followed. Weights are averaged over the steps (exponential moving
    average over about two epochs, bias-corrected), which takes out most of the noise between epochs. The same arguments
    and a module with the same weights give the same weights on the same number of threads. ``progress`` is told every
    epoch that is done. A module that is `SelfFitting` is fitted instead: budget, step, schedule and device have no say.
    Raises :class:`DivergedError`.
    """
    start = time.monotonic()
    if isinstance(module, SelfFitting):
        module.fit_to(task, seed)
        return Trained(module.eval(), _judged(module, task, "cpu")[0], 0, time.monotonic() - start)
    rng = np.random.default_rng([seed, 0x7261])
    with torch.random.fork_rng(devices=[]), tolerating_single_values(module):
        torch.manual_seed(seed)
        kept, curve = _descend(module.to(device), task, budget, rng, step, progress, device, schedule)
    module.load_state_dict(kept.state)
    return Trained(module.cpu().eval(), kept.metrics, kept.epoch, time.monotonic() - start, tuple(curve))


@dataclass
class _Kept:
    value: float
    metrics: dict[str, Any]
    epoch: int
    state: dict[str, Any]


def _descend(
    module: nn.Module, task: Task, budget: Budget, rng: np.random.Generator, step: Step, progress: Progress,
    device: str, schedule: Schedule,
) -> tuple[_Kept, list[tuple[float, float | None]]]:  # fmt: skip
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimiser = schedule.optimiser(parameters, budget)
    heights = [group["lr"] for group in optimiser.param_groups]
    average = _Average(module)
    marks = {math.ceil((k + 1) * budget.epochs / budget.evaluations) for k in range(budget.evaluations)}
    kept: _Kept | None = None
    curve: list[tuple[float, float | None]] = []
    steps = 0  # of the epoch before, which tells how far through its epoch a step is
    for epoch in range(1, budget.epochs + 1):
        module.train()
        losses = []
        for number, batch in enumerate(task.batches("train", budget.batch, rng)):
            done = epoch - 1 + (min(number / steps, 1.0) if steps else 0.0)
            warm = min(1.0, (average.steps + 1) / max(schedule.warm_up, 1))
            for group, height in zip(optimiser.param_groups, heights, strict=True):
                group["lr"] = height * warm * schedule.rate(done / budget.epochs)
            optimiser.zero_grad(set_to_none=True)
            loss = step(module, task, moved(batch, device))
            if not torch.isfinite(loss):
                raise DivergedError(f"the loss is {loss.item()} in epoch {epoch}")
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(parameters, schedule.clip)
            optimiser.step()
            losses.append(loss.detach())
            average.update(horizon=2 * (steps or len(losses)) if schedule.averaged else 1)
        if not losses:
            raise InputError(f"the training part of the task {task.name} has no batch")
        steps = len(losses)
        value = None
        if epoch in marks:
            metrics, value = _judged(average.module, task, device)
            if kept is None or value > kept.value or kept.value == -math.inf:  # undefined so far: nothing to keep
                kept = _Kept(value, metrics, epoch, copy.deepcopy(average.module.state_dict()))
        curve.append((float(torch.stack(losses).mean()), value if value is not None and math.isfinite(value) else None))
        progress(epoch, budget.epochs)
    assert kept is not None
    return kept, curve


class _Average:
    """Exponential moving average of a module's weights and buffers; at first the plain mean of all steps."""

    def __init__(self, module: nn.Module) -> None:
        self.module = copy.deepcopy(module).eval()
        self.steps = 0
        self._parts = list(module.modules())  # of one that trains, none comes or goes
        self._means = _values(list(self.module.modules()))

    @torch.no_grad()
    def update(self, horizon: int) -> None:
        """Take in the module's state with a weight of one in ``horizon``."""
        self.steps += 1
        share = max(1 / horizon, 1 / self.steps)
        values = _values(self._parts)
        floating = [place for place, mean in enumerate(self._means) if mean.dtype.is_floating_point]
        torch._foreach_lerp_([self._means[place] for place in floating], [values[place] for place in floating], share)
        for mean, value in zip(self._means, values, strict=True):
            if not mean.dtype.is_floating_point:
                mean.copy_(value)


def _values(parts: Sequence[nn.Module]) -> list[Tensor]:
    """All parameters and buffers of a module's parts, each once, though two layers share it."""
    tables = (table for part in parts for table in (part._parameters, part._buffers))
    found = {id(value): value for table in tables for value in table.values() if value is not None}
    return list(found.values())


def _judged(module: nn.Module, task: Task, device: str) -> tuple[dict[str, Any], float]:
    try:
        metrics = task.score(placed(module, device), "search")
    except FloatingPointError as error:
        raise DivergedError(str(error)) from None
    value = metrics[task.metric]
    return metrics, -math.inf if value is None or not math.isfinite(value) else float(value)


@contextmanager
def tolerating_single_values(module: nn.Module) -> Iterator[None]:
    """Inside, a batch normalisation that is given one value a channel normalises by its running statistics.

    A batch of one map that strides have made a single tile has no spread, for which torch raises ValueError.
    """

    def before(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0]
        if layer.training and x.numel() == x.shape[1]:
            layer.training = False
            layer.was_training = True  # type: ignore[assignment]

    def after(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor | None) -> None:
        if layer.__dict__.pop("was_training", False):
            layer.training = True

    handles = []
    for layer in module.modules():
        if isinstance(layer, _BatchNorm):
            handles.append(layer.register_forward_pre_hook(before))
            handles.append(layer.register_forward_hook(after, always_call=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def moved(value: Any, device: str) -> Any:
    """A batch with all its tensors on a device: tensors, and tuples, lists, mappings and dataclasses that hold some."""
    return value if device == "cpu" else _to(value, device)


def _to(value: Any, device: str) -> Any:
    if hasattr(value, "to"):
        return value.to(device)
    if isinstance(value, Mapping):
        return {name: _to(item, device) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_to(item, device) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{item.name: _to(getattr(value, item.name), device) for item in fields(value)})
    return value


def placed(module: nn.Module, device: str) -> Forward:
    """The module as a function of inputs on the CPU with answers on the CPU, computed on a device."""
    if device == "cpu":
        return module
    return lambda *inputs: _to(module(*_to(inputs, device)), "cpu")
