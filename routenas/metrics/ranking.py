"""ROC-AUC and average precision of tiles, exact, in one pass over batches of any shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routenas.metrics.values import Floats, no_nan

Counts = NDArray[np.int64]

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
        score = no_nan(score, "scores").ravel()
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
