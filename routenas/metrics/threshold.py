"""Where a probability becomes a decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def best_threshold(labels: Sequence[NDArray[np.uint8]], probabilities: Sequence[NDArray[np.float64]]) -> float:
    """The probability that gives the best F1 over all tiles; ties go to the larger."""
    truth = np.concatenate([label.ravel() for label in labels])
    scores = np.concatenate([probability.ravel() for probability in probabilities])
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + max(int(truth.sum()), 1))
    last = np.append(np.diff(scores[order]) != 0, True)
    return float(scores[order][np.argmax(np.where(last, f1, -1.0))])
