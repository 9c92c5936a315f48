from __future__ import annotations

import numpy as np
import pytest

from routenas.metrics import ceiling_count, ceiling_scores, share_of_way


def test_ceiling_is_the_blurred_mean() -> None:
    repeats = [np.eye(5, dtype=bool), np.zeros((5, 5), dtype=bool)]
    # A map of 5 x 5 tiles, mirrored about its edges, under the product of two normalised Gaussians cut at 4 sigma.
    weights = np.exp(-0.5 * (np.arange(-3, 4) / 0.7) ** 2)
    kernel = np.outer(weights, weights) / weights.sum() ** 2
    mirrored = np.pad(np.eye(5) / 2, 3, mode="symmetric")
    expected = [[(kernel * mirrored[i : i + 7, j : j + 7]).sum() for j in range(5)] for i in range(5)]
    np.testing.assert_allclose(ceiling_scores(repeats), expected, atol=1e-12)
    assert ceiling_count([0.1, 0.2, 0.6]) == pytest.approx(0.3)
    for ceiling in (ceiling_scores, ceiling_count):
        with pytest.raises(ValueError, match="at least one repeated routing"):
            ceiling([])


def test_share_of_way() -> None:
    assert share_of_way(0.93, 0.91, 0.95) == pytest.approx(0.5)
    assert share_of_way(0.90, 0.91, 0.95) == pytest.approx(-0.25)
    assert share_of_way(None, 0.91, 0.95) is None
    assert share_of_way(0.93, 0.95, 0.95) is None
    assert share_of_way(0.93, 0.95, 0.9) is None
