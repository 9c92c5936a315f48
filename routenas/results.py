"""``Result``: what an estimator found out about a genotype, and ``Trial``: a genotype with its result."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

from searchspaces.space import Genotype


@dataclass(frozen=True)
class Result:
    """What an estimator found out about a genotype.

    ``value`` is larger for better, None where the trial failed (``message`` then says why). ``seconds`` and ``epochs``
    are what the trial is charged for: the time and training it took, or what a table recorded. ``cost`` is that of the
    architecture (parameters, FLOPs, milliseconds: whatever a ``Costed`` estimator measured), lower for better.
    ``repeated`` is True for a value that was known already and cost nothing.
    """

    value: float | None
    metrics: dict[str, Any] = field(default_factory=dict)
    message: str = ""
    parameters: int = 0
    seconds: float = 0.0
    epochs: float = 0.0
    cost: float | None = None
    repeated: bool = False

    @property
    def failed(self) -> bool:
        """Whether there is no finite value."""
        return self.value is None or not math.isfinite(self.value)

    def finite(self) -> Result:
        """The result without numbers that JSON lacks; one whose value is such a number has failed."""
        numbers = (self.value, self.cost, *self.metrics.values())
        if all(number is None or isinstance(number, int) or _is_finite(number) for number in numbers):
            return self
        if self.value is not None and not math.isfinite(self.value):
            message = self.message or f"the metric is {self.value}"
            return replace(self, value=None, metrics={}, message=message, cost=_finite(self.cost))
        return replace(self, metrics=_finite(self.metrics), cost=_finite(self.cost))


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Trial:
    """A genotype and what was found out about it."""

    genotype: Genotype
    result: Result
