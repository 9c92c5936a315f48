"""The best threshold against trying all of them."""

from __future__ import annotations

import numpy as np
import pytest

from routenas.metrics.threshold import best_threshold


def test_best_threshold_against_brute_force() -> None:
    rng = np.random.default_rng(8)
    for _ in range(30):
        labels = [(rng.random((3, 5)) < 0.3).astype(np.uint8) for _ in range(2)]
        scores = [np.round(rng.random((3, 5)), 1) for _ in range(2)]
        truth, values = np.concatenate([v.ravel() for v in labels]), np.concatenate([v.ravel() for v in scores])

        def f1(threshold: float, truth: np.ndarray = truth, values: np.ndarray = values) -> float:
            hot = values >= threshold
            return 2 * float(truth[hot].sum()) / max(float(hot.sum() + truth.sum()), 1.0)

        candidates = np.unique(values)
        best = max(f1(threshold) for threshold in candidates)
        expected = max(threshold for threshold in candidates if f1(threshold) == pytest.approx(best))
        if truth.any():
            assert best_threshold(labels, scores) == expected
