"""The Gaussian process against its formulas."""

from __future__ import annotations

import numpy as np
import pytest

from routenas.surrogates import gaussian_process
from routenas.surrogates.encoding import OneHot
from routenas.surrogates.gaussian_process import GaussianProcess
from routenas.surrogates.ridge import Ridge
from searchspaces.space import Genotype
from tests.routenas.surrogates.labelled import LARGE, SMALL, labelled


def test_the_gaussian_process_by_its_formula() -> None:
    genotypes, values = labelled(SMALL, 40)
    known, new, y = genotypes[:25], genotypes[25:], values[:25]
    model = GaussianProcess(SMALL, graph=False)
    model.fit(known, y, seed=0)

    def hamming(a: Genotype, b: Genotype) -> int:
        return sum(x != z for x, z in zip(a.values, b.values, strict=True))

    typical = np.mean([[hamming(a, b) for b in known] for a in known])
    length = model.setting[0]
    own = np.array([[np.exp(-hamming(a, b) / typical / length) for b in known] for a in known])
    across = np.array([[np.exp(-hamming(a, b) / typical / length) for b in new] for a in known])
    inverse = np.linalg.inv(own + model.noise * np.eye(25))
    z = (y - y.mean()) / y.std()
    variance = z @ inverse @ z / 25
    mean, deviation = model.predict(new)
    np.testing.assert_allclose(mean, y.mean() + y.std() * across.T @ inverse @ z, atol=1e-4)
    expected = y.std() * np.sqrt(variance * (1 - np.einsum("ij,ik,kj->j", across, inverse, across)))
    np.testing.assert_allclose(deviation, expected, rtol=1e-3)


def test_the_likelihood_chooses_the_setting() -> None:
    genotypes, values = labelled(SMALL, 40)
    model = GaussianProcess(SMALL, graph=False)
    model.fit(genotypes, values, seed=0)
    rows = OneHot(SMALL).rows(genotypes).astype(float)
    distances = ((rows[:, None] - rows[None]) ** 2).sum(2)
    z = (values - values.mean()) / values.std()

    def likelihood(length: float, noise: float) -> float:
        covariance = np.exp(-distances / distances.mean() / length) + noise * np.eye(len(z))
        covariance *= z @ np.linalg.solve(covariance, z) / len(z)
        return -0.5 * float(np.linalg.slogdet(covariance)[1] + z @ np.linalg.solve(covariance, z))

    grid = {(n, s): likelihood(n, s) for n in gaussian_process.LENGTHS for s in gaussian_process.NOISES}
    assert (model.setting[0], model.noise) == max(grid, key=lambda key: grid[key])


def test_predictions_in_parts_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    genotypes, values = labelled(SMALL, 50)
    model = GaussianProcess(SMALL)
    model.fit(genotypes[:20], values[:20], seed=0)
    whole = model.predict(genotypes)
    monkeypatch.setattr(gaussian_process, "CHUNK", 7)
    np.testing.assert_allclose(model.predict(genotypes), whole, atol=1e-5)


def test_a_duplicate_with_two_values_is_survived() -> None:
    genotypes, _ = labelled(SMALL, 3)
    for model in (GaussianProcess(SMALL), Ridge(SMALL)):
        model.fit([genotypes[0], genotypes[0], genotypes[1]], [0.0, 1.0, 2.0], seed=0)
        mean, deviation = model.predict(genotypes)
        assert np.isfinite(mean).all()
        assert (deviation > 0).all()


def test_uncertainty_grows_away_from_the_samples() -> None:
    genotypes, values = labelled(LARGE, 40)
    for model in (GaussianProcess(LARGE), Ridge(LARGE)):
        model.fit(genotypes[:20], values[:20], seed=0)
        _, deviation = model.predict(genotypes)
        assert deviation[:20].mean() < deviation[20:].mean()
