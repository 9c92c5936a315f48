"""Models against hand-made predictors on a part of any task: same data, same trainer, same budget, equal parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from torch import nn

from placement_data.errors import InputError, SettingError
from routenas.architecture import Architecture
from routenas.baselines import baseline, predictor_class
from routenas.bundle import Bundle, ModelMismatchError, has_part
from routenas.estimators.scratch import in_silence
from routenas.interfaces import Task
from routenas.networks.ensemble import Ensemble
from routenas.published import train_network
from routenas.tasks import task_config
from routenas.training import Budget, Progress
from searchspaces.arguments import names as names_of

PLACES = ("data",)
"""What of a task's configuration may differ between a model's training and its judging: where the data lie."""


def require_same_task(name: str, bundle: Bundle, task: Task) -> None:
    """Raise ModelMismatchError unless a model was trained on the very task that it is judged on, split included."""
    own, here = (
        {key: value for key, value in config.items() if key not in PLACES}
        for config in (bundle.task, task_config(task))
    )
    for key in {**own, **here}:
        if own.get(key) != here.get(key):
            what = f"the model {name} was trained on another task: its {key.replace('_', ' ')} differs"
            raise ModelMismatchError(f"{what}, expected {str(here.get(key))[:80]}")


def compare_models(
    task: Task,
    models: Mapping[str, Bundle],
    names: Sequence[str],
    budget: Budget,
    seeds: Sequence[int],
    part: str = "test",
    progress: Progress = in_silence,
    say: Callable[[str], object] = lambda line: None,
) -> dict[str, Any]:
    """Table of models and hand-made predictors as a JSON-ready value, a row each.

    A row has the number of trained ``parameters`` of one network, mean and deviation over ``seeds`` of each metric (of
    a model over its members), and the ``ensemble``'s. A hand-made predictor that can be sized (it has ``sized(shape,
    parameters)``, which gives its options) has as many parameters as the first model's first member. Raises InputError
    for a part that is empty, ModelMismatchError for a model of another task, and DivergedError.
    """
    if not has_part(task, part):
        raise InputError(f"the {part} part of the task {task.name} is empty")
    for name, bundle in models.items():
        require_same_task(name, bundle, task)
    rows = [_row(task, name, bundle.ensemble, part) for name, bundle in models.items()]
    size = rows[0]["parameters"] if rows else None
    space = next((dict(bundle.architecture.space or {}) for bundle in models.values()), {})
    for name in names:
        architecture = hand_made(task, name, size, space)
        modules = [
            train_network(architecture, task, budget, seed, progress).module for seed in _seeds(task, name, seeds)
        ]
        rows.append(_row(task, architecture.name, Ensemble(modules).eval(), part))
        say(f"{architecture.name}: done")
    return {"task": task.name, "part": part, "metric": task.metric, "rows": rows}


def hand_made(
    task: Task, name: str, parameters: int | None = None, space: Mapping[str, Any] = MappingProxyType({})
) -> Architecture:
    """A hand-made predictor of a task, of about so many ``parameters`` where it can be sized.

    Options of a model's ``space`` (a `Space.config`) are its own, too, where its ``sized`` takes them.
    """
    baseline(task.name, name)
    kind = predictor_class(name)
    if parameters is None or not hasattr(kind, "sized"):
        return Architecture(network=name)
    alike = {option: value for option, value in space.items() if option in names_of(kind.sized)}
    return Architecture(network=name, options=kind.sized(task.shape, parameters, **alike))


def parameters_of(module: nn.Module) -> int:
    """How many numbers training moves."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


def _seeds(task: Task, name: str, seeds: Sequence[int]) -> Sequence[int]:
    return seeds if baseline(task.name, name).kind == "network" else seeds[:1]


def _row(task: Task, name: str, ensemble: Ensemble, part: str) -> dict[str, Any]:
    members = [_plain(task.score(module, part)) for module in ensemble.members]
    spread = {}
    for metric in members[0]:
        values = [each[metric] for each in members]
        deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
        spread[metric] = {"mean": float(np.mean(values)), "deviation": deviation}
    whole = members[0] if len(members) == 1 else _plain(task.score(ensemble, part))
    size = parameters_of(next(iter(ensemble.members)))
    return {"name": name, "seeds": len(members), "parameters": size, "metrics": spread, "ensemble": whole}


def _plain(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among the metrics."""
    found = {name: float(value) for name, value in metrics.items() if isinstance(value, int | float)}
    if not found:
        raise SettingError("the task gives no number to compare by", found=", ".join(metrics))
    return found
