"""Values made fit for a regression: the lower tail of a search space is long, and only the upper one matters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtri
from scipy.stats import rankdata


def normal_scores(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """The standard normal quantiles of the values' ranks, float64 (n,); equal values share their mean rank.

    No value, however bad, is an outlier then, and the order is kept.
    """
    numbers = np.asarray(values, np.float64)
    return np.asarray(ndtri((rankdata(numbers) - 0.5) / max(1, len(numbers))))


def log_regrets(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """-log(best - value + a tenth of the interquartile range), float64 (n,): differences near the best are widened."""
    numbers = np.asarray(values, np.float64)
    low, high = np.quantile(numbers, [0.25, 0.75])
    spread = 0.1 * (high - low) or 0.1 * float(np.ptp(numbers)) or 1.0
    return np.asarray(-np.log(numbers.max() - numbers + spread))


def unchanged(values: Sequence[float] | np.ndarray) -> np.ndarray:
    """The values themselves, float64 (n,)."""
    return np.asarray(values, np.float64)
