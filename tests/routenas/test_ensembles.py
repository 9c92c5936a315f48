"""Greedy forward selection against a table of all ensembles."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from routenas.ensembles import greedy_selection, mean_outputs

RNG = np.random.default_rng(0)
TRUTH = RNG.normal(size=(2, 3, 4))  # two folds of three examples
NETWORKS = [[list(TRUTH[fold] + RNG.normal(0, 0.5, (3, 4))) for fold in range(2)] for _ in range(4)]


def value(outputs: list[list[np.ndarray]]) -> float:
    return -float(np.mean((np.array(outputs) - TRUTH) ** 2))


def by_hand(draws: tuple[int, ...]) -> float:
    drawn = [np.array(NETWORKS[number]) for number, count in enumerate(draws) for _ in range(count)]
    return -float(np.mean((np.mean(drawn, axis=0) - TRUTH) ** 2))


def test_the_mean_counts_draws() -> None:
    found = mean_outputs(NETWORKS, (2, 0, 1, 0))
    assert [[each.dtype for each in fold] for fold in found] == [[np.float32] * 3] * 2
    expected = (2 * np.array(NETWORKS[0]) + np.array(NETWORKS[2])) / 3
    np.testing.assert_allclose(np.array(found), expected, rtol=1e-6)


def test_each_step_is_the_best_of_all_steps() -> None:
    for most in range(1, 8):
        draws = (0,) * 4
        for _ in range(most):
            steps = [tuple(count + (place == number) for place, count in enumerate(draws)) for number in range(4)]
            best = max(steps, key=by_hand)
            if any(draws) and by_hand(best) <= by_hand(draws):
                break
            draws = best
        assert greedy_selection(NETWORKS, value, most) == draws


def test_it_is_never_worse_than_the_best_single_one_and_near_the_best_of_all() -> None:
    draws = greedy_selection(NETWORKS, value, 4)
    everything = [d for d in itertools.product(range(5), repeat=4) if 1 <= sum(d) <= 4]
    best, singles = max(map(by_hand, everything)), [by_hand(tuple(np.eye(4, dtype=int)[n])) for n in range(4)]
    assert max(singles) < by_hand(draws) <= best
    assert by_hand(draws) - max(singles) > 0.8 * (best - max(singles))


def test_two_that_err_in_opposite_directions_beat_each_of_them() -> None:
    error = RNG.normal(size=TRUTH.shape)
    pair = [[list(TRUTH[fold] + sign * error[fold]) for fold in range(2)] for sign in (1.0, -1.0)]
    alone = [[list(TRUTH[fold] + 0.9 * error[fold]) for fold in range(2)]]
    assert greedy_selection(pair, value, 2) == (1, 1)
    assert greedy_selection(alone + pair, value, 1) == (1, 0, 0)
    draws = greedy_selection(alone + pair, value, 8)
    assert draws[0] + draws[1] == pytest.approx(draws[2], abs=1)


def test_ties_go_to_the_first_and_an_undefined_value_is_the_worst() -> None:
    assert greedy_selection([NETWORKS[0], NETWORKS[0]], value, 8) == (1, 0)
    assert greedy_selection(NETWORKS, lambda _: None, 8) == (1, 0, 0, 0)
    worse = -by_hand((0, 1, 0, 0)) + 1.0

    def undefined(outputs: list[list[np.ndarray]]) -> float | None:
        return None if value(outputs) < -worse else value(outputs)

    assert greedy_selection(NETWORKS, undefined, 8) == greedy_selection(NETWORKS, value, 8)
    with pytest.raises(ValueError, match="one network or more"):
        greedy_selection([], value, 8)
