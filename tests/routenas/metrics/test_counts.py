from __future__ import annotations

import json

import pytest
from scipy import stats

from routenas.metrics import count_metrics


def test_count_metrics() -> None:
    design = ["a"] * 4 + ["b"] * 3 + ["two"] * 2 + ["flat"] * 3
    truth = [1, 2, 3, 4, 10, 30, 20, 5, 6, 7, 7, 7]
    predicted = [1, 2, 4, 3, 3, 2, 1, 6, 5, 1, 2, 3]
    metrics = count_metrics(design, truth, predicted)
    # a: 5 of 6 pairs agree; b: (10, 3), (30, 2), (20, 1): one of three pairs agrees.
    assert metrics.tau == {"a": pytest.approx(4 / 6), "b": pytest.approx(-1 / 3), "flat": None, "two": -1.0}
    assert metrics.design_mean_tau == pytest.approx((4 / 6 - 1 / 3) / 2)
    for_it = (1 / 3 + 2 / 4 + 3 / 5 + 1 / 5 + 2 / 6) + 10 / 50  # pairs of a, and 30 and 20 of b
    against = 1 / 7 + (20 / 40 + 10 / 30) + 1 / 11  # 3 and 4 of a, 10 and the others of b, the two
    assert metrics.weighted_tau == pytest.approx((for_it - against) / (for_it + against))
    assert (metrics.designs, metrics.designs_counted, metrics.placements) == (4, 2, 12)
    assert metrics.pooled_tau == pytest.approx(stats.kendalltau(truth, predicted).statistic)
    assert metrics.pooled_spearman == pytest.approx(stats.spearmanr(truth, predicted).statistic)
    # k = 1: a picks 1 (regret 0), b picks 20 (10), flat 0. k = 3: only a has more than three placements.
    assert metrics.top_k_regret == {1: pytest.approx(10 / 3), 3: 0.0}
    assert metrics.top_k_rank == {1: pytest.approx((1 + 2 + 1) / 3), 3: 1.0}
    written = metrics.to_json()
    assert json.loads(json.dumps(written, allow_nan=False)) == written  # keys too survive the journal
    assert written["top_k_regret"] == {"1": pytest.approx(10 / 3), "3": 0.0}
    with pytest.raises(ValueError, match="1 designs but 2 true values"):
        count_metrics(["a"], [1, 2], [1, 2])
