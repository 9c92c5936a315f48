"""Metrics against scikit-learn, scipy, brute force and hand-worked values."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats
from sklearn.metrics import average_precision_score, roc_auc_score

from routenas.metrics import (
    ScoreCounts,
    StreamingRanking,
    average_precision,
    bootstrap,
    ceiling_count,
    ceiling_scores,
    count_metrics,
    gaussian_blur,
    hotspot_metrics,
    kendall_tau_b,
    ranking_by_design,
    roc_auc,
    share_of_way,
    spearman,
    top_k_rank,
    top_k_regret,
)

# Few distinct scores, so that ties are the rule.
TILES = st.lists(st.tuples(st.booleans(), st.integers(-4, 4)), min_size=2, max_size=60)
PAIRS = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=60)


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


@settings(deadline=None)
@given(PAIRS)
def test_rank_correlations_equal_scipy(rows: list[tuple[int, int]]) -> None:
    x, y = sides(rows)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert kendall_tau_b(x, y) is None
        assert spearman(x, y) is None
        return
    assert kendall_tau_b(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


def test_tau_of_many_values_equals_scipy() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=20_000)
    y = x + rng.normal(size=x.size).round(1)
    assert kendall_tau_b(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)


@pytest.mark.parametrize("metric", [kendall_tau_b, spearman])
def test_correlation_of_less_than_two_is_undefined(metric) -> None:  # type: ignore[no-untyped-def]
    assert metric([], []) is None
    assert metric([1.0], [2.0]) is None


@pytest.mark.parametrize("metric", [kendall_tau_b, spearman, lambda x, y: top_k_regret(x, y, 1)])
def test_nan_and_unequal_lengths_are_refused(metric) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="hold NaN"):
        metric([1.0, 2.0], [float("nan"), 1.0])
    with pytest.raises(ValueError, match="2 first values but 1 second"):
        metric([1.0, 2.0], [1.0])


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
    ranking = StreamingRanking()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("routenas.metrics._PENDING", pending)
        for begin in range(0, len(rows), size):
            ranking.add(labels[begin : begin + size], scores[begin : begin + size])
    assert ranking.roc_auc() == roc_auc(labels, scores)
    assert ranking.average_precision() == average_precision(labels, scores)
    assert ranking.counts().scores.size == len(set(scores))


def test_streaming_takes_maps_and_is_none_when_empty() -> None:
    ranking = StreamingRanking()
    assert ranking.roc_auc() is None
    assert ranking.average_precision() is None
    rng = np.random.default_rng(0)
    labels, scores = rng.random((3, 5, 7)) < 0.3, rng.random((3, 5, 7), dtype=np.float32)
    for label, score in zip(labels, scores, strict=True):
        ranking.add(label, score)
    assert ranking.roc_auc() == pytest.approx(roc_auc_score(labels.ravel(), scores.ravel()), abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), min_size=2, max_size=6), st.integers(1, 7))
def test_regret_equals_all_orders_of_ties(rows: list[tuple[int, int]], k: int) -> None:
    truth, predicted = sides(rows)
    regrets, ranks = [], []
    for order in itertools.permutations(range(len(rows))):
        picks = sorted(order, key=lambda i: predicted[i])[:k]  # stable: ties fall as the permutation has them
        best = min(truth[i] for i in picks)
        regrets.append(best - truth.min())
        ranks.append(1 + sum(value < best for value in truth))
    assert top_k_regret(truth, predicted, k) == pytest.approx(np.mean(regrets))
    assert top_k_rank(truth, predicted, k) == pytest.approx(np.mean(ranks))


def test_regret_by_hand() -> None:
    truth, predicted = [10, 4, 7, 2], [0.1, 0.2, 0.3, 0.9]
    assert [top_k_regret(truth, predicted, k) for k in (1, 2, 3, 4, 9)] == [8, 2, 2, 0, 0]
    assert [top_k_rank(truth, predicted, k) for k in (1, 2, 3, 4)] == [4, 2, 2, 1]
    assert top_k_regret([5], [1], 1) is None
    with pytest.raises(ValueError, match="k must be at least 1, not 0"):
        top_k_regret(truth, predicted, 0)


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


def test_count_metrics() -> None:
    design = ["a"] * 4 + ["b"] * 3 + ["two"] * 2 + ["flat"] * 3
    truth = [1, 2, 3, 4, 10, 30, 20, 5, 6, 7, 7, 7]
    predicted = [1, 2, 4, 3, 3, 2, 1, 6, 5, 1, 2, 3]
    metrics = count_metrics(design, truth, predicted)
    # a: 5 of 6 pairs agree; b: (10, 3), (30, 2), (20, 1): one of three pairs agrees.
    assert metrics.tau == {"a": pytest.approx(4 / 6), "b": pytest.approx(-1 / 3), "flat": None, "two": -1.0}
    assert metrics.design_mean_tau == pytest.approx((4 / 6 - 1 / 3) / 2)
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


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([0.3, 0.7, 1.5, 3.0]), st.integers(0, 99))
def test_blur_equals_scipy(height: int, width: int, sigma: float, seed: int) -> None:
    values = np.random.default_rng(seed).random((height, width))
    expected = ndimage.gaussian_filter(values, sigma, mode="reflect", truncate=4.0)
    np.testing.assert_allclose(gaussian_blur(values, sigma), expected, atol=1e-12)


def test_ceiling_is_the_blurred_mean() -> None:
    repeats = [np.eye(5, dtype=bool), np.zeros((5, 5), dtype=bool)]
    expected = ndimage.gaussian_filter(np.eye(5) / 2, 0.7)
    np.testing.assert_allclose(ceiling_scores(repeats), expected, atol=1e-12)
    assert ceiling_count([0.1, 0.2, 0.6]) == pytest.approx(0.3)
    for ceiling in (ceiling_scores, ceiling_count):
        with pytest.raises(ValueError, match="at least one repeated routing"):
            ceiling([])
    with pytest.raises(ValueError, match="sigma must be positive"):
        gaussian_blur(np.eye(3), 0.0)
    with pytest.raises(ValueError, match="two axes"):
        gaussian_blur(np.ones(3), 1.0)


def test_share_of_way() -> None:
    assert share_of_way(0.93, 0.91, 0.95) == pytest.approx(0.5)
    assert share_of_way(0.90, 0.91, 0.95) == pytest.approx(-0.25)
    assert share_of_way(None, 0.91, 0.95) is None
    assert share_of_way(0.93, 0.95, 0.95) is None
    assert share_of_way(0.93, 0.95, 0.9) is None


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
