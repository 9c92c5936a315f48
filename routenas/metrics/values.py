"""Values that metrics take: no NaN among them, and means of those that are defined."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]


def no_nan(values: ArrayLike, what: str) -> Floats:
    """The values as floats of their own width; ValueError for a NaN. ``what`` they are, for the message."""
    array = np.asarray(values)
    floats: Floats = array if array.dtype.kind == "f" else array.astype(np.float64)
    if np.isnan(floats).any():
        raise ValueError(f"{what} hold NaN ({int(np.isnan(floats).sum())} of {floats.size})")
    return floats


def pair(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Both sides flat; ValueError for a NaN or different numbers of values."""
    first, second = no_nan(x, "first values").ravel(), no_nan(y, "second values").ravel()
    if first.size != second.size:
        raise ValueError(f"{first.size} first values but {second.size} second values")
    return first, second


def mean_defined(values: Iterable[float | None]) -> float | None:
    """The mean of the values that are not None; None where there are none."""
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if defined else None
