"""Exact ranking metrics of predicted hotspots and violated nets, in numpy alone.

A metric that is not defined (one class only, a constant side, fewer than two values) is ``None``, which JSON writes as
``null``; it is never 0 and never NaN. A NaN among the inputs raises ``ValueError``: divergence is not a ranking.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.floating[Any]]
Counts = NDArray[np.int64]

MIN_PLACEMENTS = 3
"""A design needs this many placements before its own rank correlation counts in a mean over designs."""

_PENDING = 1 << 20


@dataclass(frozen=True, eq=False)
class ScoreCounts:
    """All that a ranking metric needs of a set of tiles: how many positives and negatives hold each distinct score.

    ``scores`` (u,) ascending and distinct, ``positives`` and ``negatives`` (u,) int64. Exact up to 2**31 tiles.
    """

    scores: Floats
    positives: Counts
    negatives: Counts

    @staticmethod
    def of(labels: ArrayLike, scores: ArrayLike) -> ScoreCounts:
        """Counts of ``labels`` (bool, or 0 and 1) and ``scores`` of one shape; ValueError otherwise or for a NaN."""
        label, score = np.asarray(labels), np.asarray(scores)
        if label.shape != score.shape:
            raise ValueError(f"labels have shape {label.shape}, scores {score.shape}; they must be alike")
        positive = label.ravel().astype(bool)
        if label.dtype != bool and not np.array_equal(positive, label.ravel()):
            raise ValueError("labels must be boolean, or 0 and 1 only")
        score = _no_nan(score, "scores").ravel()
        return _compress(score, positive.astype(np.int64), (~positive).astype(np.int64))

    @staticmethod
    def merge(parts: Sequence[ScoreCounts]) -> ScoreCounts:
        """The counts of all ``parts`` pooled."""
        if not parts:
            return ScoreCounts(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64))
        return _compress(
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.positives for part in parts]),
            np.concatenate([part.negatives for part in parts]),
        )

    def roc_auc(self) -> float | None:
        """P(score of a positive > score of a negative) + half of P(equal): the Mann-Whitney statistic, mid-ranks."""
        positives, negatives = int(self.positives.sum()), int(self.negatives.sum())
        if not positives or not negatives:
            return None
        below = np.cumsum(self.negatives) - self.negatives
        twice = int(np.sum(self.positives * (2 * below + self.negatives)))
        return twice / (2 * positives * negatives)

    def average_precision(self) -> float | None:
        """Sum over distinct thresholds of (gain in recall) x (precision), with no interpolation; None for one class."""
        if not self.positives.sum() or not self.negatives.sum():
            return None
        hits, true = self.positives[::-1], np.cumsum(self.positives[::-1])
        called = true + np.cumsum(self.negatives[::-1])
        return float(np.sum(hits * (true / called)) / true[-1])


def _no_nan(values: ArrayLike, what: str) -> Floats:
    array = np.asarray(values)
    floats: Floats = array if array.dtype.kind == "f" else array.astype(np.float64)
    if np.isnan(floats).any():
        raise ValueError(f"{what} hold NaN ({int(np.isnan(floats).sum())} of {floats.size})")
    return floats


def _compress(scores: Floats, positives: Counts, negatives: Counts) -> ScoreCounts:
    if not scores.size:
        return ScoreCounts(scores, positives, negatives)
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return ScoreCounts(
        ordered[starts], np.add.reduceat(positives[order], starts), np.add.reduceat(negatives[order], starts)
    )


class StreamingRanking:
    """Pools batches of tiles of any shape; memory is bounded by the number of distinct scores, not of tiles.

    The result equals the batch functions on all tiles at once, exactly.
    """

    def __init__(self) -> None:
        self._parts: list[ScoreCounts] = []
        self._pending = 0

    def add(self, labels: ArrayLike, scores: ArrayLike) -> ScoreCounts:
        """Adds one batch and returns the counts of that batch alone."""
        part = ScoreCounts.of(labels, scores)
        self._parts.append(part)
        self._pending += part.scores.size
        # Merging only when as much is pending as is already merged keeps the whole at O(n log n).
        if self._pending > max(_PENDING, self._parts[0].scores.size):
            self.counts()
        return part

    def counts(self) -> ScoreCounts:
        """The counts of everything added so far."""
        self._parts = [ScoreCounts.merge(self._parts)]
        self._pending = 0
        return self._parts[0]

    def roc_auc(self) -> float | None:
        """ROC-AUC of everything added so far."""
        return self.counts().roc_auc()

    def average_precision(self) -> float | None:
        """Average precision of everything added so far."""
        return self.counts().average_precision()


def roc_auc(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Area under the ROC curve, exact, ties by mid-ranks; None where ``labels`` hold one class."""
    return ScoreCounts.of(labels, scores).roc_auc()


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float | None:
    """Area under the precision-recall steps (scikit-learn's definition); None where ``labels`` hold one class."""
    return ScoreCounts.of(labels, scores).average_precision()


def _pair(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    first, second = _no_nan(x, "first values").ravel(), _no_nan(y, "second values").ravel()
    if first.size != second.size:
        raise ValueError(f"{first.size} first values but {second.size} second values")
    return first, second


def _dense_rank(values: NDArray[Any]) -> Counts:
    return np.unique(values, return_inverse=True)[1].ravel().astype(np.int64)


def _tied_pairs(ranks: Counts) -> int:
    sizes = np.bincount(ranks).astype(np.int64)
    return int(np.sum(sizes * (sizes - 1) // 2))


def _inversions(ranks: Counts) -> int:
    """Pairs i < j with ranks[i] > ranks[j], in O(n log n): one stable partition a bit, from the highest bit down.

    Two ranks differ first at one bit; the pair is counted at that bit, among the ranks that share the bits above it.
    """
    total = 0
    place = np.arange(ranks.size)
    for bit in range(int(ranks.max(initial=0)).bit_length() - 1, -1, -1):
        prefix, one = ranks >> (bit + 1), (ranks >> bit) & 1
        group = np.flatnonzero(np.concatenate(([True], prefix[1:] != prefix[:-1])))
        start = np.repeat(group, np.diff(np.append(group, ranks.size)))
        zeros = np.repeat(np.add.reduceat(1 - one, group), np.diff(np.append(group, ranks.size)))
        ones_before = np.cumsum(one) - one
        ones_before = ones_before - ones_before[start]
        total += int(ones_before[one == 0].sum())
        target = np.where(one == 1, start + zeros + ones_before, place - ones_before)
        partitioned = np.empty_like(ranks)
        partitioned[target] = ranks
        ranks = partitioned
    return total


def kendall_tau_b(x: ArrayLike, y: ArrayLike) -> float | None:
    """Kendall's tau-b (ties on either side corrected), O(n log n) after Knight 1966; None if a side is constant."""
    first, second = _pair(x, y)
    if first.size < 2:
        return None
    a, b = _dense_rank(first), _dense_rank(second)
    pairs = a.size * (a.size - 1) // 2
    ties_a, ties_b = _tied_pairs(a), _tied_pairs(b)
    if ties_a == pairs or ties_b == pairs:
        return None
    both = _tied_pairs(_dense_rank(a * (int(b.max()) + 1) + b))
    discordant = _inversions(b[np.lexsort((b, a))])
    excess = pairs - ties_a - ties_b + both - 2 * discordant
    return max(-1.0, min(1.0, excess / math.sqrt(pairs - ties_a) / math.sqrt(pairs - ties_b)))


def spearman(x: ArrayLike, y: ArrayLike) -> float | None:
    """Spearman's rho: Pearson's correlation of mid-ranks; None if a side is constant or there are fewer than two."""
    first, second = (_mid_rank(side) for side in _pair(x, y))
    if first.size < 2:
        return None
    first, second = first - first.mean(), second - second.mean()
    scale = math.sqrt(float(first @ first)) * math.sqrt(float(second @ second))
    return max(-1.0, min(1.0, float(first @ second) / scale)) if scale else None


def _mid_rank(values: Floats) -> NDArray[np.float64]:
    dense = _dense_rank(values)
    sizes = np.bincount(dense)
    middle: NDArray[np.float64] = (np.cumsum(sizes) - (sizes - 1) / 2)[dense]
    return middle


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
    true, guess = _pair(truth, predicted)
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    return _expected_best(true - true.min(), guess, min(k, true.size)) if true.size >= 2 else None


def top_k_rank(truth: ArrayLike, predicted: ArrayLike, k: int) -> float | None:
    """The rank version of :func:`top_k_regret`: the true rank of the best of the k picks, 1 = nothing is truly better.

    Equal true values share the better rank; ties in ``predicted`` are averaged.
    """
    true = _no_nan(truth, "first values").ravel()
    rank = np.searchsorted(np.sort(true), true, side="left")
    regret = top_k_regret(rank.astype(np.float64), predicted, k)
    return None if regret is None else 1.0 + regret


@dataclass(frozen=True)
class HotspotMetrics:
    """Hotspot metrics at native tiles. ``design_mean_*`` average designs (tiles pooled within a design);
    ``placement_mean_roc_auc`` averages placements. ``*_skipped`` hold one class only and are in no mean."""

    roc_auc: float | None
    average_precision: float | None
    base_rate: float | None
    design_mean_roc_auc: float | None
    design_mean_average_precision: float | None
    placement_mean_roc_auc: float | None
    tiles: int
    placements: int
    placements_skipped: int
    designs: int
    designs_skipped: int
    by_design: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps(..., allow_nan=False)`` accepts."""
        return asdict(self)


def ranking_by_design(samples: Iterable[tuple[str, ArrayLike, ArrayLike]]) -> dict[str, ScoreCounts]:
    """Pools ``(design, label map, score map)`` within each design: what the bootstrap of pooled metrics needs."""
    rankings: dict[str, StreamingRanking] = {}
    for design, labels, scores in samples:
        rankings.setdefault(design, StreamingRanking()).add(labels, scores)
    return {design: ranking.counts() for design, ranking in rankings.items()}


def mean_defined(values: Iterable[float | None]) -> float | None:
    """The mean of the values that are not None; None where there are none."""
    defined = [value for value in values if value is not None]
    return math.fsum(defined) / len(defined) if defined else None


def hotspot_metrics(samples: Iterable[tuple[str, ArrayLike, ArrayLike]]) -> HotspotMetrics:
    """Metrics of ``(design, label map (h, w) of 0 and 1, score map (h, w))``; maps may differ in size; streams."""
    rankings: dict[str, StreamingRanking] = {}
    placements: list[float | None] = []
    for design, labels, scores in samples:
        part = rankings.setdefault(design, StreamingRanking()).add(labels, scores)
        placements.append(part.roc_auc())
    designs = {design: ranking.counts() for design, ranking in rankings.items()}
    pooled = ScoreCounts.merge(list(designs.values()))
    positives, tiles = int(pooled.positives.sum()), int((pooled.positives + pooled.negatives).sum())
    by_design = {
        design: {"roc_auc": counts.roc_auc(), "average_precision": counts.average_precision()}
        for design, counts in sorted(designs.items())
    }
    return HotspotMetrics(
        roc_auc=pooled.roc_auc(),
        average_precision=pooled.average_precision(),
        base_rate=positives / tiles if tiles else None,
        design_mean_roc_auc=mean_defined(values["roc_auc"] for values in by_design.values()),
        design_mean_average_precision=mean_defined(values["average_precision"] for values in by_design.values()),
        placement_mean_roc_auc=mean_defined(placements),
        tiles=tiles,
        placements=len(placements),
        placements_skipped=sum(value is None for value in placements),
        designs=len(designs),
        designs_skipped=sum(values["roc_auc"] is None for values in by_design.values()),
        by_design=by_design,
    )


@dataclass(frozen=True)
class CountMetrics:
    """Rank metrics of violated nets. ``tau`` holds the tau-b of every design (None where not defined);
    ``design_mean_tau`` averages the ``designs_counted`` that have MIN_PLACEMENTS placements and a defined tau.
    ``top_k_regret[k]`` averages designs that have MIN_PLACEMENTS placements and more than k of them."""

    design_mean_tau: float | None
    pooled_tau: float | None
    pooled_spearman: float | None
    top_k_regret: Mapping[int, float | None]
    top_k_rank: Mapping[int, float | None]
    placements: int
    designs: int
    designs_counted: int
    tau: Mapping[str, float | None] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps(..., allow_nan=False)`` accepts, with string keys: it reads back equal."""
        top_k = {name: {str(k): v for k, v in getattr(self, name).items()} for name in ("top_k_regret", "top_k_rank")}
        return asdict(self) | top_k


def count_metrics(design: Sequence[str], truth: ArrayLike, predicted: ArrayLike) -> CountMetrics:
    """Metrics of n placements: the name of each one's ``design``, its true and its predicted count (or ratio), (n,)."""
    true, guess = _pair(truth, predicted)
    names = np.asarray(design, dtype=np.str_)
    if names.shape != true.shape:
        raise ValueError(f"{names.size} designs but {true.size} true values")
    rows = {str(name): np.flatnonzero(names == name) for name in np.unique(names)}
    tau = {name: kendall_tau_b(true[row], guess[row]) for name, row in rows.items()}
    enough = {name: row for name, row in rows.items() if row.size >= MIN_PLACEMENTS}
    counted = [value for name, value in tau.items() if name in enough and value is not None]
    rest = {k: [row for row in enough.values() if row.size > k] for k in (1, 3)}
    return CountMetrics(
        design_mean_tau=mean_defined(counted),
        pooled_tau=kendall_tau_b(true, guess),
        pooled_spearman=spearman(true, guess),
        top_k_regret={k: mean_defined(top_k_regret(true[r], guess[r], k) for r in some) for k, some in rest.items()},
        top_k_rank={k: mean_defined(top_k_rank(true[r], guess[r], k) for r in some) for k, some in rest.items()},
        placements=true.size,
        designs=len(rows),
        designs_counted=len(counted),
        tau=tau,
    )


def gaussian_blur(values: ArrayLike, sigma: float) -> NDArray[np.float64]:
    """Separable Gaussian of ``sigma`` tiles over a map (h, w), cut at 4 sigma, edges mirrored (edge tile repeated)."""
    if sigma <= 0:
        raise ValueError(f"sigma must be positive, not {sigma}")
    radius = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    blurred = np.asarray(values, dtype=np.float64)
    if blurred.ndim != 2 or not blurred.size:
        raise ValueError(f"a map has two axes and at least one tile, not the shape {blurred.shape}")
    for axis, length in enumerate(blurred.shape):
        padded = np.pad(blurred, [(radius, radius) if a == axis else (0, 0) for a in (0, 1)], mode="symmetric")
        shifted = (np.take(padded, np.arange(i, i + length), axis=axis) for i in range(kernel.size))
        blurred = np.sum([weight * part for weight, part in zip(kernel, shifted, strict=True)], axis=0)
    return blurred


def ceiling_scores(repeats: Sequence[ArrayLike], sigma: float = 0.7) -> NDArray[np.float64]:
    """The best a model could know of a hotspot map: the blurred mean of the *other* net orders' label maps (h, w)."""
    if not len(repeats):
        raise ValueError("the ceiling needs at least one repeated routing of the placement")
    return gaussian_blur(np.mean([np.asarray(repeat, dtype=np.float64) for repeat in repeats], axis=0), sigma)


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
