from __future__ import annotations

from itertools import combinations

import numpy as np

from routenas.surrogates.ridge import Ridge
from searchspaces.space import Genotype
from tests.routenas.surrogates.labelled import SMALL, labelled


def test_ridge_equals_least_squares_on_written_out_terms() -> None:
    genotypes, values = labelled(SMALL, 60)
    known, new, y = genotypes[:40], genotypes[40:], values[:40]
    model = Ridge(SMALL)
    model.fit(known, y, seed=0)

    def terms(some: list[Genotype]) -> tuple[np.ndarray, np.ndarray]:
        rows = np.stack([SMALL.one_hot(genotype) for genotype in some]).astype(float)
        return rows, np.stack([rows[:, i] * rows[:, j] for i, j in combinations(range(rows.shape[1]), 2)], 1)

    share = model.setting[0]
    parts, tests = [], []
    for weight, a, b in zip((1 - share, share), terms(known), terms(new), strict=True):
        centred = a - a.mean(0)
        scale = np.sqrt(weight / (centred**2).sum(1).mean())
        parts.append(centred * scale)
        tests.append((b - a.mean(0)) * scale)
    x, t = np.concatenate(parts, 1), np.concatenate(tests, 1)
    z = (y - y.mean()) / y.std()
    precision = x.T @ x + model.noise * np.eye(x.shape[1])
    mean, deviation = model.predict(new)
    np.testing.assert_allclose(mean, y.mean() + y.std() * t @ np.linalg.solve(precision, x.T @ z), atol=1e-4)
    # Posterior variance of the weights is noise / precision, in the unit of the function's variance.
    ratio = deviation**2 / np.einsum("ij,ji->i", t, np.linalg.solve(precision, t.T))
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-2)
