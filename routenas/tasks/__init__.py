"""Task adapters by name, and tasks as the values that workers and bundles make them from again.

An adapter is a class that keeps `routenas.interfaces.Task`. What a command finds at it beside, where it is there:
``budgets``, what the names of `routenas.budgets.BUDGETS` mean on the task; ``told``, the names of what a file of
settings says of it (default: all of its `config`); ``predictions(config, forward, data)``, which yields a row, a
mapping, for each example of new data. A task that a function makes says so: ``made_by``, ``module:function``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from placement_data.errors import SettingError
from routenas.interfaces import Task
from routenas.look_up import entry, is_own, look_up
from searchspaces.arguments import made, names
from searchspaces.space import TaskShape

ROUTABILITY = "routability"
TASKS = {
    ROUTABILITY: "routenas.tasks.routability:RoutabilityTask",
    "vision": "routenas.tasks.vision:VisionTask",
    "language": "routenas.tasks.language:LanguageTask",
}
"""The adapters: ``module:Class``, each with ``config``, and either ``from_config`` or a constructor that takes it."""


def adapter(name: str) -> Any:
    """The class of a task: one of `TASKS`, or ``module:Class`` of one's own. Raises SettingError for another name."""
    return look_up("task", TASKS, name)


def of_placements(name: str) -> bool:
    """Whether a task is one on placements, "hotspots" or "violated_nets". Raises SettingError for no task at all."""
    from routenas.tasks.card import TASKS as ON_PLACEMENTS

    if name not in ON_PLACEMENTS and not is_own(name):
        others = [each for each in TASKS if each != ROUTABILITY]
        entry("task", dict.fromkeys([*ON_PLACEMENTS, *others]), name)
    return name in ON_PLACEMENTS


def made_task(name: str, data: Path | str | None, options: Mapping[str, Any], seed: int) -> Task:
    """The task of an adapter on ``data``, with options of its constructor; it has ``seed`` where it takes one.

    Raises SettingError for what it does not take, and InputError as its class does.
    """
    kind = adapter(name)
    given = {**({} if data is None else {"data": str(data)}), **options}
    if "seed" in names(kind):
        given.setdefault("seed", seed)
    try:
        return made(kind, given)  # type: ignore[no-any-return]
    except ValueError as error:
        raise SettingError(f"the task {name} cannot be made: {error}") from None


def task_config(task: Task) -> dict[str, Any]:
    """JSON values that `task_from_config` makes an equal task from, and what a network of it must fit."""
    kind = type(task)
    target = getattr(task, "made_by", f"{kind.__module__}:{kind.__qualname__}")
    name = next((name for name, known in TASKS.items() if known == target), target)
    shape = {"inputs": task.shape.inputs, "outputs": task.shape.outputs, "output": task.shape.output}
    groups = {name: list(indices) for name, indices in task.shape.groups}
    return {"task": name, **task.config(), "shape": {**shape, "groups": groups} if groups else shape}


def task_shape(config: Mapping[str, Any]) -> TaskShape:
    """The shape that a configuration tells, without the task's data. Raises LookupError, TypeError, ValueError
    or AttributeError.
    """
    shape = dict(config["shape"])
    groups = tuple((str(name), tuple(indices)) for name, indices in shape.pop("groups", {}).items())
    return TaskShape(**shape, groups=groups)


def task_from_config(config: Mapping[str, Any]) -> Task:
    """The task of a configuration: on its data, which must be where they were. Raises InputError as its class does."""
    kind = adapter(str(config["task"]))
    rest = {name: value for name, value in config.items() if name not in ("task", "shape")}
    task: Task = kind.from_config(rest) if hasattr(kind, "from_config") else kind(**rest)
    return task
