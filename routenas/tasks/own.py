"""A task of one's own without a class: data sets of torch, a loss and a metric, from a function under `own_task`."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset, default_collate

from placement_data.errors import InputError, SettingError
from routenas.budgets import Budget
from routenas.interfaces import Forward
from searchspaces.space import TaskShape

AT_ONCE = 256
"""Examples in a batch that is judged."""
DIGESTED = 64
"""So many examples of a part tell whether the data are what they were."""

Loss = Callable[[Tensor, Tensor], Tensor]
Metric = Callable[[Tensor, Tensor], Any]


@dataclass(frozen=True)
class DataSets:
    """What a function under `own_task` gives: data sets with a length, ``test`` may be None, and what is learnt.

    An example is a tuple of tensors, arrays or numbers: what a network is called with, and last the target. ``loss`` of
    the answers and targets of a batch is a scalar; ``metric`` of those of a whole part is a number, larger for better,
    which is named as the function. ``shape`` is what a network takes and gives.
    """

    train: Dataset[Any]
    search: Dataset[Any]
    test: Dataset[Any] | None = None
    _: KW_ONLY
    loss: Loss
    metric: Metric
    shape: TaskShape


class OwnTask:
    """The task of data sets: see `routenas.interfaces.Task`. ``made_by`` and ``options`` tell how it is made again."""

    def __init__(self, name: str, made_by: str, options: Mapping[str, Any], given: DataSets) -> None:
        self.name, self.made_by, self.options, self.given = name, made_by, options, given
        self.metric, self.shape, self.budgets = given.metric.__name__, given.shape, own_task.budgets
        for part in ("train", "search"):
            if not self.size(part):
                raise InputError(f"the {part} part of the task {name} is empty")

    def size(self, part: str) -> int:
        """The number of examples of a part."""
        data = getattr(self.given, part)
        return 0 if data is None else len(data)

    def config(self) -> dict[str, Any]:
        """JSON values: the arguments of the function, and what tells that the data are the same."""
        sizes = {part: self.size(part) for part in ("train", "search", "test")}
        return {**self.options, "examples": sizes, "data_sha256": self.data_sha256}

    @cached_property
    def data_sha256(self) -> str:
        """The SHA-256 of some of the examples that networks are judged by; those of training may differ each time."""
        digest = hashlib.sha256()
        for part in ("search", "test"):
            if size := self.size(part):
                for tensor in self._batch(part, np.unique(np.linspace(0, size - 1, DIGESTED).astype(np.int64))):
                    digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def _batch(self, part: str, indices: NDArray[np.int64]) -> tuple[Tensor, ...]:
        """Some examples, side by side; what is not whole is single precision."""
        data = getattr(self.given, part)
        try:
            tensors = data[torch.from_numpy(indices)] if isinstance(data, TensorDataset) else None
            tensors = default_collate([tuple(data[int(i)]) for i in indices]) if tensors is None else tensors
        except (TypeError, RuntimeError) as error:
            what = f"examples of the {part} part of the task {self.name} make no batch: {error}".partition("\n")[0]
            raise InputError(what, expected="tuples of tensors of the same shapes") from None
        if len(tensors) < 2:
            raise InputError(f"an example of the task {self.name} has no target", expected="a tuple (input, target)")
        return tuple(each.float() if each.is_floating_point() else each for each in tensors)

    def batches(self, part: str, size: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, ...]]:
        """One epoch in random order: inputs and target of ``size`` examples each."""
        order = rng.permutation(self.size(part))
        yield from (self._batch(part, order[start : start + size]) for start in range(0, len(order), size))

    def loss(self, forward: Forward, batch: tuple[Tensor, ...]) -> Tensor:
        """The loss of a batch."""
        *inputs, target = batch
        return self.given.loss(forward(*inputs), target)

    @torch.inference_mode()
    def score(self, forward: Forward, part: str) -> dict[str, Any]:
        """The metric of all examples of a part together, and their loss; None where the part is empty.

        Raises FloatingPointError for an answer that is not finite.
        """
        if not self.size(part):
            return {self.metric: None, "loss": None}
        found, targets = [], []
        for indices in np.array_split(np.arange(self.size(part)), -(-self.size(part) // AT_ONCE)):
            *inputs, target = self._batch(part, indices)
            found.append(forward(*inputs))
            targets.append(target)
        outputs, wanted = torch.cat(found), torch.cat(targets)
        if not torch.isfinite(outputs).all():
            raise FloatingPointError("the answer for an example is not finite")
        values = {self.metric: self.given.metric(outputs, wanted), "loss": self.given.loss(outputs, wanted)}
        return {name: float(value) if np.isfinite(float(value)) else None for name, value in values.items()}

    def example(self) -> tuple[Tensor, ...]:
        """The inputs of one example."""
        return self._batch("train", np.arange(1))[:-1]


class own_task:  # noqa: N801  it reads as the decorator that it is
    """Makes of a function that gives `DataSets` one that gives a task; its arguments, JSON values, are its options.

    The task has the name of the function. It goes by ``module:function`` everywhere that a task has a name, and is made
    again by that, in a worker or for a bundle: so the function is at the top of a module that can be imported. An
    argument that is called ``data`` is a path.
    """

    budgets: Mapping[str, Budget] = {
        "smoke": Budget("smoke", epochs=1, batch=32, evaluations=1),
        "fast": Budget("fast", epochs=20, batch=32, evaluations=5),
        "full": Budget("full", epochs=60, batch=32, evaluations=10),
    }

    def __init__(self, function: Callable[..., DataSets]) -> None:
        update_wrapper(self, function)
        self.function, self.name = function, function.__name__
        self.told = tuple(inspect.signature(function).parameters)

    def __call__(self, *given: Any, **options: Any) -> OwnTask:
        bound = inspect.signature(self.function).bind(*given, **options)
        bound.apply_defaults()
        data = bound.arguments.get("data")
        if isinstance(data, Path | str) and Path(data).exists():
            bound.arguments["data"] = str(Path(data).absolute())
        found = self.function(*bound.args, **bound.kwargs)
        if not isinstance(found, DataSets):
            raise SettingError(f"{self.name} gives no data sets", found=type(found).__name__, expected="DataSets")
        target = f"{self.function.__module__}:{self.function.__qualname__}"
        return OwnTask(self.name, target, dict(bound.arguments), found)

    def from_config(self, config: Mapping[str, Any]) -> OwnTask:
        """The task of a `OwnTask.config`: on the data, which are made or read again."""
        return self(**{name: value for name, value in config.items() if name in self.told})
