from __future__ import annotations

import numpy as np

from routenas.surrogates.targets import log_regrets, normal_scores


def test_targets_keep_the_order_and_bound_outliers() -> None:
    values = np.array([10.0, 90.0, 91.0, 92.0, 92.0])
    scores = normal_scores(values)
    assert scores[3] == scores[4]
    assert (np.diff(scores[:4]) > 0).all()
    assert abs(scores[0]) < 2
    assert (np.diff(log_regrets(values)[:4]) > 0).all()
