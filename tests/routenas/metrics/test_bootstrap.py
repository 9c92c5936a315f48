from __future__ import annotations

import math

import numpy as np
import pytest

from routenas.metrics import ScoreCounts, bootstrap, hotspot_metrics, kendall_tau_b, ranking_by_design


def random_designs(seed: int, number: int = 5) -> list[ScoreCounts]:
    rng = np.random.default_rng(seed)
    designs = []
    for _ in range(number):
        labels = rng.random(60) < rng.choice([0.0, 0.1, 0.5])
        designs.append(ScoreCounts.of(labels, (rng.normal(size=60) + labels).round(1)))
    return designs


@pytest.mark.parametrize("name", ["roc_auc", "average_precision"])
@pytest.mark.parametrize("seed", range(4))
def test_weighted_pooled_metric_equals_repeating_the_designs(
    name: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "_THRESHOLDS", 3)
    designs = random_designs(seed)
    weights = np.random.default_rng(seed).integers(0, 3, (20, len(designs))).astype(float)
    fast = {"roc_auc": bootstrap.pooled_roc_auc, "average_precision": bootstrap.pooled_average_precision}[name]
    slow = bootstrap.resampled(lambda drawn: getattr(ScoreCounts.merge(drawn), name)())
    np.testing.assert_allclose(fast(designs, weights), slow(designs, weights), atol=1e-12)


def test_interval_covers_the_true_mean() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(100):
        values = {f"design{i}": float(value) for i, value in enumerate(rng.normal(0.9, 0.05, 30))}
        interval = bootstrap.bootstrap_over_designs(values, bootstrap.mean_over_designs, resamples=300, seed=trial)
        assert interval is not None
        covered += interval[0] <= 0.9 <= interval[1]
    assert 86 <= covered <= 100  # nominal 95, binomial deviation about 2, percentile intervals run a little narrow


def test_interval_is_repeatable_and_holds_the_estimate() -> None:
    rng = np.random.default_rng(5)
    samples = []
    for index in range(12):
        labels = rng.random((9, 9)) < 0.2
        samples.append((f"d{index % 6}", labels, rng.normal(size=(9, 9)) + labels))
    designs = ranking_by_design(samples)
    interval = bootstrap.bootstrap_over_designs(designs, bootstrap.pooled_roc_auc, resamples=200, seed=7)
    assert interval == bootstrap.bootstrap_over_designs(designs, bootstrap.pooled_roc_auc, resamples=200, seed=7)
    estimate = hotspot_metrics(samples).roc_auc
    assert interval is not None
    assert estimate is not None
    assert interval[0] <= estimate <= interval[1]


def test_interval_is_undefined_for_one_design_or_no_value() -> None:
    mean = bootstrap.mean_over_designs
    assert bootstrap.bootstrap_over_designs({"a": 0.5}, mean) is None
    assert bootstrap.bootstrap_over_designs({"a": None, "b": None}, mean) is None
    assert bootstrap.paired_bootstrap_difference({"a": 0.5}, {"a": 0.5}, mean) is None
    clean = ScoreCounts.of([0, 0], [0.1, 0.2])
    for statistic in (bootstrap.pooled_roc_auc, bootstrap.pooled_average_precision):
        assert bootstrap.bootstrap_over_designs({"a": clean, "b": clean}, statistic) is None
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        bootstrap.bootstrap_over_designs({"a": 0.5, "b": 0.6}, mean, level=1.5)


def test_paired_difference_ignores_what_the_designs_share() -> None:
    rng = np.random.default_rng(2)
    hard = {f"d{i}": float(value) for i, value in enumerate(rng.normal(0.8, 0.1, 20))}
    better = {name: value + 0.01 + float(rng.normal(0, 0.002)) for name, value in hard.items()}
    interval = bootstrap.paired_bootstrap_difference(better, hard, bootstrap.mean_over_designs)
    assert interval is not None
    assert 0.005 < interval[0] < interval[1] < 0.015
    alone = bootstrap.bootstrap_over_designs(better, bootstrap.mean_over_designs)
    assert alone is not None
    assert alone[1] - alone[0] > 0.05
    with pytest.raises(ValueError, match="same designs; only one holds d0"):
        bootstrap.paired_bootstrap_difference(hard, {k: v for k, v in hard.items() if k != "d0"}, lambda v, w: w[:, 0])


def test_bootstrap_of_counts_by_a_plain_function() -> None:
    rng = np.random.default_rng(4)
    values = {}
    for index in range(8):
        truth = rng.random(6)
        values[f"d{index}"] = (truth, truth + rng.normal(0, 0.3, 6))

    def pooled(drawn) -> float | None:  # type: ignore[no-untyped-def]
        return kendall_tau_b(np.concatenate([t for t, _ in drawn]), np.concatenate([p for _, p in drawn]))

    interval = bootstrap.bootstrap_over_designs(values, bootstrap.resampled(pooled), resamples=200)
    estimate = pooled(list(values.values()))
    assert interval is not None
    assert estimate is not None
    assert interval[0] < estimate < interval[1]
    assert not math.isnan(interval[0])
