"""``Result``: what an estimator found out about a genotype, and ``Trial``: a genotype with its result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from searchspaces.space import Genotype

FIDELITY = "fidelity"
"""Key in ``metrics`` of how far a schedule let a candidate come, from 0."""


@dataclass(frozen=True)
class Result:
    """What an estimator found out about a genotype.

    ``value`` is larger for better, None where the trial failed (``message`` then says why). ``seconds``,
    ``cpu_seconds`` (of all threads of the process that trained) and ``epochs`` are what the trial is charged for,
    failed or not: the time and training it took, or what a table recorded. Where an estimator says no ``seconds``, the
    executor measures both; where it says no more than them, they count as CPU-seconds, too. ``costs`` are those of the
    architecture by name (``parameters``, ``multiplications``, ``latency``: whatever was counted or measured), lower for
    better. ``repeated`` is True for a value that was known already and cost nothing.
    """

    value: float | None
    metrics: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    costs: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    epochs: float = 0.0
    repeated: bool = False
    cpu_seconds: float | None = None

    @property
    def cpu(self) -> float:
        """The CPU-seconds that the trial is charged for."""
        return self.cpu_seconds if self.cpu_seconds is not None else self.seconds or 0.0

    @property
    def failed(self) -> bool:
        """Whether there is no finite value."""
        return self.value is None or not math.isfinite(self.value)

    def finite(self) -> Result:
        """The result in plain JSON values: numbers of numpy as Python's, None where a number is none that JSON has.

        A result whose value is no finite number has failed.
        """
        value = _number(self.value)
        costs = {str(name): cost for name, each in self.costs.items() if (cost := _number(each)) is not None}
        message = str(self.message)
        if value is None and self.value is not None:
            message = message or f"the metric is {self.value}"
        seconds, cpu = (None if each is None else _number(each) or 0.0 for each in (self.seconds, self.cpu_seconds))
        epochs = _number(self.epochs) or 0.0
        return Result(value, _plain(self.metrics), message, costs, seconds, epochs, bool(self.repeated), cpu)

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, in order; JSON values if the result is `finite`."""
        return {name: getattr(self, name) for name in _FIELDS}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Result:
        """What `to_dict` gave, other keys aside. Raises KeyError where it lacks a field that it must have."""
        result = cls(found["value"], found["metrics"], found["message"], seconds=found["seconds"])
        return replace(
            result, **{name: found[name] for name in ("costs", "epochs", "repeated", "cpu_seconds") if name in found}
        )


_FIELDS = tuple(each.name for each in fields(Result))


def _number(value: Any) -> float | None:
    """A finite number of Python's, else None."""
    plain = _plain(value)
    return plain if isinstance(plain, int | float) else None


def _plain(value: Any) -> Any:
    if type(value) is float:
        return value if math.isfinite(value) else None
    if value is None or type(value) in (str, int, bool):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # a number or array of numpy, a tensor
        return _plain(value.tolist())
    return str(value)  # a path, a set: better in words than the end of a search


@dataclass(frozen=True)
class Trial:
    """A genotype and what was found out about it."""

    genotype: Genotype
    result: Result
