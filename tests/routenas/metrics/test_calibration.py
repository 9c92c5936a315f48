"""Calibration makes a planted over-confident predictor right, and is what scikit-learn finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from routenas.metrics.calibration import BINS, calibration_metrics, platt, reliability

RNG = np.random.default_rng(3)
LOGITS = RNG.normal(-2.0, 1.5, 20_000)
LABELS = (RNG.random(20_000) < expit(LOGITS)).astype(np.uint8)


@pytest.mark.parametrize(("slope", "intercept"), [(3.0, 0.0), (0.4, 1.0), (1.0, -4.0), (8.0, 20.0)])
def test_what_was_planted_is_found(slope: float, intercept: float) -> None:
    """Logits that are too large and too small: their inverse is the calibration, within the noise of the labels."""
    planted = slope * LOGITS + intercept
    found = platt(LABELS, planted)
    np.testing.assert_allclose(found[0] * slope, 1.0, atol=0.05)
    np.testing.assert_allclose(found[0] * intercept + found[1], 0.0, atol=0.08)
    calibrated = found[0] * planted + found[1]
    assert np.array_equal(np.argsort(calibrated), np.argsort(planted))
    before, after = (calibration_metrics(LABELS, expit(each)) for each in (planted, calibrated))
    assert after["expected_calibration_error"] < 0.02 < before["expected_calibration_error"]
    assert after["brier"] < before["brier"]
    sklearn = LogisticRegression(C=1e9, tol=1e-9, max_iter=1000).fit(planted[:, None], LABELS)
    np.testing.assert_allclose(found, [sklearn.coef_[0, 0], sklearn.intercept_[0]], rtol=1e-3, atol=1e-3)


def test_the_identity_where_nothing_better_keeps_the_order() -> None:
    assert platt([1, 1, 1], [0.1, 0.2, 3.0]) == (1.0, 0.0)
    assert platt(1 - LABELS, LOGITS) == (1.0, 0.0)


def test_labels_that_logits_separate_give_finite_numbers() -> None:
    slope, intercept = platt([0, 0, 1, 1], [-2.0, -1.0, 1.0, 2.0])
    assert slope > 1
    assert np.isfinite([slope, intercept]).all()


def test_metrics_against_loops() -> None:
    labels, probabilities = LABELS[:500], np.append(expit(LOGITS[:499]), 1.0)
    error, curve = 0.0, []
    for number in range(BINS):
        members = [place for place, value in enumerate(probabilities) if min(int(value * BINS), BINS - 1) == number]
        if members:
            share = sum(labels[place] for place in members) / len(members)
            mean = sum(probabilities[place] for place in members) / len(members)
            curve.append((len(members), mean, share))
            error += len(members) / 500 * abs(share - mean)
    found = calibration_metrics(labels, probabilities)
    assert found["expected_calibration_error"] == pytest.approx(error)
    assert found["brier"] == pytest.approx(sum((p - y) ** 2 for p, y in zip(probabilities, labels, strict=True)) / 500)
    told = reliability(labels, probabilities)
    assert len(curve) > 5
    assert list(zip(told["count"], told["probability"], told["share"], strict=True)) == [
        (count, pytest.approx(mean), pytest.approx(share)) for count, mean, share in curve
    ]
