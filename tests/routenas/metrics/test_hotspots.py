from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from routenas.metrics import hotspot_metrics


def test_hotspot_metrics_pool_and_average() -> None:
    rng = np.random.default_rng(1)
    samples = [
        (name, rng.random(shape) < rate, rng.random(shape, dtype=np.float32))
        for name, shape, rate in [("a", (4, 5), 0.4), ("a", (6, 3), 0.3), ("b", (8, 8), 0.2), ("clean", (3, 3), 0.0)]
    ]
    metrics = hotspot_metrics(iter(samples))
    labels = np.concatenate([label.ravel() for _, label, _ in samples])
    scores = np.concatenate([score.ravel() for _, _, score in samples])
    both = [np.concatenate([sample[i].ravel() for sample in samples[:2]]) for i in (1, 2)]
    assert metrics.roc_auc == pytest.approx(roc_auc_score(labels, scores))
    assert metrics.average_precision == pytest.approx(average_precision_score(labels, scores))
    assert metrics.base_rate == labels.mean()
    a, b = roc_auc_score(*both), roc_auc_score(samples[2][1].ravel(), samples[2][2].ravel())
    assert metrics.design_mean_roc_auc == pytest.approx((a + b) / 2)
    each = [roc_auc_score(label.ravel(), score.ravel()) for _, label, score in samples[:3]]
    assert metrics.placement_mean_roc_auc == pytest.approx(np.mean(each))
    assert (metrics.designs, metrics.designs_skipped, metrics.placements, metrics.placements_skipped) == (3, 1, 4, 1)
    assert metrics.by_design["clean"] == {"roc_auc": None, "average_precision": None}
    assert json.loads(json.dumps(metrics.to_json(), allow_nan=False))["tiles"] == 20 + 18 + 64 + 9


def test_hotspot_metrics_of_nothing() -> None:
    metrics = hotspot_metrics([])
    assert metrics.roc_auc is None
    assert metrics.base_rate is None
    assert metrics.designs == 0
    json.dumps(metrics.to_json(), allow_nan=False)
