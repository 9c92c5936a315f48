"""Bootstrap intervals over designs. Tiles and placements of one design are alike, so designs are what is drawn.

A statistic takes the designs' values and a matrix of weights (resamples, designs), how often each design was drawn, and
returns one number a resample (NaN where it is not defined). In this form the pooled ranking metrics need no sorting per
resample: 1,000 resamples cost about as much as one pass over the tiles and some matrix products.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from routenas.metrics.ranking import ScoreCounts

T = TypeVar("T")
Array = NDArray[np.float64]
Statistic = Callable[[Sequence[T], Array], Array]
Interval = tuple[float, float]

_THRESHOLDS = 2048


def pooled_roc_auc(designs: Sequence[ScoreCounts], weights: Array) -> Array:
    """ROC-AUC of the pooled tiles, exact: it is a quadratic form of the weights over the pairs of designs."""
    wins = np.zeros((len(designs), len(designs)))
    for column, other in enumerate(designs):
        below = np.concatenate(([0], np.cumsum(other.negatives)))
        for row, design in enumerate(designs):
            hit = design.positives > 0
            left = below[np.searchsorted(other.scores, design.scores[hit], side="left")]
            right = below[np.searchsorted(other.scores, design.scores[hit], side="right")]
            wins[row, column] = 0.5 * float(np.sum(design.positives[hit] * (left + right)))
    positives = weights @ np.array([float(design.positives.sum()) for design in designs])
    negatives = weights @ np.array([float(design.negatives.sum()) for design in designs])
    return _divide(np.einsum("rd,rd->r", weights @ wins, weights), positives * negatives)


def pooled_average_precision(designs: Sequence[ScoreCounts], weights: Array) -> Array:
    """Average precision of the pooled tiles, exact, a block of thresholds at a time (memory: resamples x 2,048)."""
    thresholds = np.unique(np.concatenate([design.scores[design.positives > 0] for design in designs]))
    total = np.zeros(len(weights))
    for begin in range(0, thresholds.size, _THRESHOLDS):
        block = thresholds[begin : begin + _THRESHOLDS]
        gained, true, false = (weights @ part for part in _counts_from(designs, block))
        total += np.sum(gained * np.nan_to_num(_divide(true, true + false)), axis=1)
    positives = weights @ np.array([float(design.positives.sum()) for design in designs])
    negatives = weights @ np.array([float(design.negatives.sum()) for design in designs])
    return np.where(negatives > 0, _divide(total, positives), np.nan)


def _counts_from(designs: Sequence[ScoreCounts], thresholds: NDArray[np.floating]) -> tuple[Array, Array, Array]:
    """Each (designs, thresholds): the positives at a threshold, the positives and the negatives at or above it."""
    gained, true, false = (np.zeros((len(designs), thresholds.size)) for _ in range(3))
    for row, design in enumerate(designs):
        positives = np.concatenate(([0], np.cumsum(design.positives)))
        negatives = np.concatenate(([0], np.cumsum(design.negatives)))
        left = np.searchsorted(design.scores, thresholds, side="left")
        right = np.searchsorted(design.scores, thresholds, side="right")
        gained[row] = positives[right] - positives[left]
        true[row] = positives[-1] - positives[left]
        false[row] = negatives[-1] - negatives[left]
    return gained, true, false


def _divide(numerator: Array, denominator: Array) -> Array:
    ratio = np.full(denominator.shape, np.nan)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0)
    return ratio


def mean_over_designs(values: Sequence[float | None], weights: Array) -> Array:
    """The mean of the designs' own metrics; a design whose metric is None has no part in it."""
    known = np.array([value is not None for value in values])
    filled = np.array([0.0 if value is None else value for value in values])
    return _divide(weights @ filled, weights @ known.astype(np.float64))


def resampled(statistic: Callable[[Sequence[T]], float | None]) -> Statistic[T]:
    """Lifts a statistic of plain values: it is called once a resample, with every drawn design as often as drawn."""

    def weighted(values: Sequence[T], weights: Array) -> Array:
        results = np.full(len(weights), np.nan)
        for index, row in enumerate(weights):
            result = statistic([value for value, times in zip(values, row, strict=True) for _ in range(int(times))])
            if result is not None:
                results[index] = result
        return results

    return weighted


def bootstrap_over_designs(
    values: Mapping[str, T], statistic: Statistic[T], *, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> Interval | None:
    """Percentile interval (low, high) of ``statistic`` over designs drawn with replacement.

    ``values`` holds what the statistic needs of each design. Resamples where it is not defined are left out. None with
    fewer than two designs (the interval would have no width and say nothing) or where no resample is defined.
    """
    names = sorted(values)
    if len(names) < 2:
        return None
    draws = statistic([values[name] for name in names], _weights(len(names), resamples, seed))
    return _percentiles(draws, level)


def paired_bootstrap_difference(
    first: Mapping[str, T],
    second: Mapping[str, T],
    statistic: Statistic[T],
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Interval | None:
    """Interval of ``statistic(first) - statistic(second)`` for two predictors, both on the same drawn designs.

    An interval that leaves out 0 says that the predictors differ. ValueError unless both hold the same designs.
    """
    if first.keys() != second.keys():
        alone = sorted(first.keys() ^ second.keys())
        raise ValueError(f"both predictors must hold the same designs; only one holds {', '.join(alone[:5])}")
    names = sorted(first)
    if len(names) < 2:
        return None
    weights = _weights(len(names), resamples, seed)
    draws = [statistic([side[name] for name in names], weights) for side in (first, second)]
    return _percentiles(draws[0] - draws[1], level)


def _weights(designs: int, resamples: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    return rng.multinomial(designs, np.full(designs, 1 / designs), size=resamples).astype(np.float64)


def _percentiles(draws: Array, level: float) -> Interval | None:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    defined = draws[~np.isnan(draws)]
    if not defined.size:
        return None
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
