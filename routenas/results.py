"""``Result``: what an estimator found out about a genotype, and ``Trial``: a genotype with its result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from searchspaces.space import Genotype


@dataclass(frozen=True)
class Result:
    """What an estimator found out about a genotype.

    ``value`` is larger for better, None where the trial failed (``message`` then says why). ``seconds`` and ``epochs``
    are what the trial is charged for, failed or not: the time and training it took, or what a table recorded. ``costs``
    are those of the architecture by name (``parameters``, ``multiplications``, ``latency``: whatever was counted or
    measured), lower for better. ``repeated`` is True for a value that was known already and cost nothing.
    """

    value: float | None
    metrics: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    costs: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    epochs: float = 0.0
    repeated: bool = False

    @property
    def failed(self) -> bool:
        """Whether there is no finite value."""
        return self.value is None or not math.isfinite(self.value)

    def finite(self) -> Result:
        """The result in plain JSON values: numbers of numpy as Python's, None where a number is none that JSON has.

        A result whose value is no finite number has failed.
        """
        value = _plain(self.value)
        costs = {name: cost for name, cost in _plain(dict(self.costs)).items() if cost is not None}
        message = self.message
        if value is None and self.value is not None:
            message = message or f"the metric is {self.value}"
        return replace(self, value=value, metrics=_plain(self.metrics), message=message, costs=costs)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # a scalar or array of numpy, a tensor
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Trial:
    """A genotype and what was found out about it."""

    genotype: Genotype
    result: Result
