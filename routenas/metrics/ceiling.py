"""The noise ceiling: what repeated routings of a placement, with its nets in other orders, say of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import gaussian_filter


def ceiling_scores(repeats: Sequence[ArrayLike], sigma: float = 0.7) -> NDArray[np.float64]:
    """The best a model could know of a hotspot map: the blurred mean of the *other* net orders' label maps (h, w).

    The Gaussian of ``sigma`` tiles is cut at 4 sigma; edges are mirrored (the edge tile is repeated).
    """
    if not len(repeats):
        raise ValueError("the ceiling needs at least one repeated routing of the placement")
    mean = np.mean([np.asarray(repeat, dtype=np.float64) for repeat in repeats], axis=0)
    return np.asarray(gaussian_filter(mean, sigma, mode="reflect", truncate=4.0), dtype=np.float64)


def ceiling_count(repeats: Sequence[float]) -> float:
    """The best a model could know of a count: the mean of the *other* net orders' violated nets (or their ratio)."""
    if not len(repeats):
        raise ValueError("the ceiling needs at least one repeated routing of the placement")
    return math.fsum(repeats) / len(repeats)


def share_of_way(value: float | None, control: float | None, ceiling: float | None) -> float | None:
    """(value - control) / (ceiling - control): 0 = no better than the best control, 1 = at the noise ceiling.

    None where one of the three is None or the ceiling is not above the control.
    """
    if value is None or control is None or ceiling is None or ceiling <= control:
        return None
    return (value - control) / (ceiling - control)
