"""Task adapters by name, and tasks as the values that workers and bundles make them from again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routenas.interfaces import Task
from routenas.look_up import look_up
from searchspaces.space import TaskShape

TASKS = {"routability": "routenas.tasks.routability:RoutabilityTask"}
"""The adapters: ``module:Class``, each with ``config``, and either ``from_config`` or a constructor that takes it."""


def task_config(task: Task) -> dict[str, Any]:
    """JSON values that `task_from_config` makes an equal task from, and what a network of it must fit."""
    kind = type(task)
    target = f"{kind.__module__}:{kind.__qualname__}"
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
    kind = look_up("task", TASKS, str(config["task"]))
    rest = {name: value for name, value in config.items() if name not in ("task", "shape")}
    task: Task = kind.from_config(rest) if hasattr(kind, "from_config") else kind(**rest)
    return task
