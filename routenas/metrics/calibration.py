"""How far probabilities are to be trusted, and what makes them so."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

BINS = 15


def platt(labels: ArrayLike, logits: ArrayLike) -> tuple[float, float]:
    """Slope and intercept with which ``sigmoid(slope * logit + intercept)`` is most likely (Platt, 1999).

    ``labels`` are 0 and 1, ``logits`` finite, of one shape. The likelihood is concave: Newton's method, its steps
    halved until they lead upwards. The identity, (1, 0), where there is one class alone, or where larger logits are no
    better, so that no slope above 0 would be found.
    """
    truth, score = np.ravel(labels).astype(np.float64), np.ravel(logits).astype(np.float64)
    if truth.min() == truth.max():
        return 1.0, 0.0
    design = np.stack([score, np.ones_like(score)])
    found = np.array([1.0, 0.0])
    loss = _loss(truth, found @ design)
    for _ in range(50):
        probability = expit(found @ design)
        gradient = design @ (probability - truth)
        curvature = (design * (probability * (1 - probability))) @ design.T + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while (after := _loss(truth, (found - step) @ design)) > loss and np.abs(step).max() > 1e-12:
            step = step / 2
        if not after < loss - 1e-12 * abs(loss):
            break
        found, loss = found - step, after
    return (float(found[0]), float(found[1])) if found[0] > 0 else (1.0, 0.0)


def _loss(truth: NDArray[np.float64], logits: NDArray[np.float64]) -> float:
    return float((np.logaddexp(0.0, logits) - truth * logits).sum())


def calibration_metrics(labels: ArrayLike, probabilities: ArrayLike) -> dict[str, float]:
    """``brier``, the mean squared error of probabilities, and ``expected_calibration_error``.

    The latter is the mean over all of |share of positives - mean probability| of the bin that each is in, of `BINS`
    bins of equal width (Naeini et al., AAAI 2015; Guo et al., ICML 2017).
    """
    truth, guess = np.ravel(labels).astype(np.float64), np.ravel(probabilities).astype(np.float64)
    which = _bins(guess)
    gaps = np.bincount(which, weights=truth - guess, minlength=BINS)
    return {
        "brier": float(np.mean((guess - truth) ** 2)),
        "expected_calibration_error": float(np.abs(gaps).sum() / guess.size),
    }


def reliability(labels: ArrayLike, probabilities: ArrayLike) -> dict[str, list[float]]:
    """The reliability curve (Niculescu-Mizil and Caruana, ICML 2005): of each bin that is not empty, in order,

    ``count``, how many are in it, ``probability``, their mean one, and ``share``, that of positives among them.
    """
    truth, guess = np.ravel(labels).astype(np.float64), np.ravel(probabilities).astype(np.float64)
    which = _bins(guess)
    count = np.bincount(which, minlength=BINS)
    sums = {"probability": guess, "share": truth}
    means = {name: np.bincount(which, weights=each, minlength=BINS)[count > 0] for name, each in sums.items()}
    return {
        "count": count[count > 0].tolist(),
        **{name: (each / count[count > 0]).tolist() for name, each in means.items()},
    }


def _bins(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
