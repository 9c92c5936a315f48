"""ROC-AUC and average precision against scikit-learn and hand-worked values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from routenas.metrics import StreamingRanking, average_precision, ranking, roc_auc

# Few distinct scores, so that ties are the rule.
TILES = st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=2, max_size=60)


def sides(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([a for a, _ in rows]), np.array([b for _, b in rows])


@settings(deadline=None)
@given(TILES)
def test_ranking_equals_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    labels, scores = sides(rows)
    if labels.all() or not labels.any():
        assert roc_auc(labels, scores) is None
        assert average_precision(labels, scores) is None
        return
    assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert average_precision(labels, scores) == pytest.approx(average_precision_score(labels, scores), abs=1e-12)


def test_ranking_by_hand() -> None:
    # Pairs (positive, negative): 3 > 2, 3 > 1, 1 < 2, 1 = 1: (1 + 1 + 0 + 1/2) / 4.
    assert roc_auc([1, 1, 0, 0], [3, 1, 2, 1]) == 0.625
    # Thresholds 3: precision 1, recall 1/2; 2: no gain; 1: precision 2/4, recall 1.
    assert average_precision([1, 1, 0, 0], [3, 1, 2, 1]) == 0.75


def test_bad_tiles_are_refused() -> None:
    with pytest.raises(ValueError, match="scores hold NaN"):
        roc_auc([0, 1], [0.5, float("nan")])
    with pytest.raises(ValueError, match=r"labels have shape \(2,\), scores \(3,\)"):
        roc_auc([0, 1], [0.5, 1, 2])
    with pytest.raises(ValueError, match="0 and 1 only"):
        roc_auc([0, 2], [0.5, 0.6])


@settings(deadline=None)
@given(TILES, st.integers(1, 7), st.integers(1, 5))
def test_streaming_equals_batch(rows: list[tuple[bool, int]], size: int, pending: int) -> None:
    labels, scores = sides(rows)
    pooled = StreamingRanking()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "_PENDING", pending)
        for begin in range(0, len(rows), size):
            pooled.add(labels[begin : begin + size], scores[begin : begin + size])
    assert pooled.roc_auc() == roc_auc(labels, scores)
    assert pooled.average_precision() == average_precision(labels, scores)
    assert pooled.counts().scores.size == len(set(scores))


def test_streaming_takes_maps_and_is_none_when_empty() -> None:
    pooled = StreamingRanking()
    assert pooled.roc_auc() is None
    assert pooled.average_precision() is None
    rng = np.random.default_rng(0)
    labels, scores = rng.random((3, 5, 7)) < 0.3, rng.random((3, 5, 7), dtype=np.float32)
    for label, score in zip(labels, scores, strict=True):
        pooled.add(label, score)
    assert pooled.roc_auc() == pytest.approx(roc_auc_score(labels.ravel(), scores.ravel()), abs=1e-12)
