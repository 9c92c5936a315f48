"""How well predicted numbers rank the true ones: rank correlations, and what trusting the best few costs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routenas.metrics.values import Floats, no_nan, pair


def kendall_tau_b(x: ArrayLike, y: ArrayLike) -> float | None:
    """Kendall's tau-b (ties on either side corrected), O(n log n); None if a side is constant."""
    from scipy.stats import kendalltau  # late: loading it takes half a second, and a search needs no correlation

    first, second = pair(x, y)
    return float(kendalltau(first, second).statistic) if _vary(first, second) else None


def spearman(x: ArrayLike, y: ArrayLike) -> float | None:
    """Spearman's rho: Pearson's correlation of mid-ranks; None if a side is constant or there are fewer than two."""
    from scipy.stats import rankdata  # late, see above

    first, second = pair(x, y)
    if not _vary(first, second):
        return None
    first, second = rankdata(first) - (first.size + 1) / 2, rankdata(second) - (second.size + 1) / 2
    scale = math.sqrt(float(first @ first) * float(second @ second))
    return max(-1.0, min(1.0, float(first @ second) / scale))


def weighted_tau(groups: ArrayLike, truth: ArrayLike, predicted: ArrayLike) -> float | None:
    """Kendall's tau over all pairs within ``groups`` (n,), each pair weighted by how much its two true values differ.

    The weight is |a - b| / (a + b) of true values that are not negative: 1 where one of them is 0, next to nothing
    where they are nearly equal, whose order is noise. A pair of equal ``predicted`` counts 0. None without any weight;
    ValueError for a negative truth. Linear in memory, quadratic in the size of the largest group.
    """
    true, guess = pair(truth, predicted)
    if true.size and true.min() < 0:
        raise ValueError(f"a true value is negative: {true.min()}")
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    order = np.argsort(group, kind="stable")
    group, true, guess = group[order], true[order], guess[order]
    agreed = total = 0.0
    for step in range(1, int(np.bincount(group, minlength=1).max())):
        difference, size = true[step:] - true[:-step], true[step:] + true[:-step]
        weight = (group[step:] == group[:-step]) * np.abs(difference) / np.where(size > 0, size, 1.0)
        agreed += float(weight @ (np.sign(difference) * np.sign(guess[step:] - guess[:-step])))
        total += float(weight.sum())
    return agreed / total if total > 0 else None


def _vary(*sides: Floats) -> bool:
    """Whether every side has two or more different values."""
    return all(side.size > 1 and bool((side != side[0]).any()) for side in sides)


def _expected_best(worth: NDArray[np.float64], predicted: Floats, k: int) -> float:
    """Expected least ``worth`` among the k lowest ``predicted``, over all ways to break ties in ``predicted``."""
    bound = np.partition(predicted, k - 1)[k - 1]
    sure = worth[predicted < bound]
    floor = float(sure.min()) if sure.size else math.inf
    tied = np.minimum(np.sort(worth[predicted == bound]), floor)
    take = k - sure.size
    ways = math.comb(tied.size, take)
    # The least of the drawn is tied[i] when i is drawn and the other take - 1 come from those after it.
    return sum(float(w) * (math.comb(tied.size - i - 1, take - 1) / ways) for i, w in enumerate(tied))


def top_k_regret(truth: ArrayLike, predicted: ArrayLike, k: int) -> float | None:
    """What trusting the predictor costs: the least ``truth`` among its ``k`` picks minus the least ``truth`` of all.

    The picks are the k lowest ``predicted`` (few violations are good); ties are averaged over all ways to break them,
    so a constant predictor gets the regret of a random choice. In the unit of ``truth``; 0 where the best is among the
    picks (always so for k >= n). None for fewer than two values; ValueError for k < 1.
    """
    true, guess = pair(truth, predicted)
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    return _expected_best(true - true.min(), guess, min(k, true.size)) if true.size >= 2 else None


def top_k_rank(truth: ArrayLike, predicted: ArrayLike, k: int) -> float | None:
    """The rank version of :func:`top_k_regret`: the true rank of the best of the k picks, 1 = nothing is truly better.

    Equal true values share the better rank; ties in ``predicted`` are averaged.
    """
    true = no_nan(truth, "first values").ravel()
    rank = np.searchsorted(np.sort(true), true, side="left")
    regret = top_k_regret(rank.astype(np.float64), predicted, k)
    return None if regret is None else 1.0 + regret
