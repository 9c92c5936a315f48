"""Rank correlations against their definitions and scipy, regrets against brute force and hand-worked values."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from routenas.metrics import kendall_tau_b, spearman, top_k_rank, top_k_regret, weighted_tau

PAIRS = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=60)


def sides(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([a for a, _ in rows]), np.array([b for _, b in rows])


def tau_by_pairs(x: np.ndarray, y: np.ndarray) -> float:
    """The definition: concordant less discordant pairs, over the pairs that are not tied on a side."""
    pairs = list(itertools.combinations(range(len(x)), 2))
    a = [int(np.sign(x[i] - x[j])) for i, j in pairs]
    b = [int(np.sign(y[i] - y[j])) for i, j in pairs]
    return sum(i * j for i, j in zip(a, b, strict=True)) / math.sqrt(sum(map(abs, a)) * sum(map(abs, b)))


@settings(deadline=None)
@given(PAIRS)
def test_rank_correlations_equal_their_definitions(rows: list[tuple[int, int]]) -> None:
    x, y = sides(rows)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert kendall_tau_b(x, y) is None
        assert spearman(x, y) is None
        return
    assert kendall_tau_b(x, y) == pytest.approx(tau_by_pairs(x, y), abs=1e-12)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6), st.integers(-3, 3)), min_size=1, max_size=40))
def test_weighted_tau_equals_its_definition(rows: list[tuple[str, int, int]]) -> None:
    agreed = total = 0.0
    for (group, x, p), (other, y, q) in itertools.combinations(rows, 2):
        if group == other and x + y:
            agreed += (x - y) / (x + y) * float(np.sign(p - q))
            total += abs(x - y) / (x + y)
    found = weighted_tau([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])
    assert found == (pytest.approx(agreed / total) if total else None)


def test_weighted_tau_wants_no_negative_truth() -> None:
    with pytest.raises(ValueError, match="a true value is negative: -1"):
        weighted_tau(["a", "a"], [-1, 2], [1, 2])


def test_correlations_by_hand() -> None:
    # Of six pairs five agree: (5 - 1) / 6. Squared differences of ranks 0 0 1 1: 1 - 6 * 2 / (4 * 15).
    assert kendall_tau_b([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(4 / 6)
    assert spearman([1, 2, 3, 4], [10, 20, 40, 30]) == pytest.approx(0.8)
    assert spearman([1, 2], [1, 2]) == kendall_tau_b([1, math.inf], [0, 1]) == 1.0


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
