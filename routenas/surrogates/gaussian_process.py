"""Regression with a kernel: the Gaussian process."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import product

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from routenas.surrogates.base import StandardisedSurrogate
from routenas.surrogates.encoding import MAX_VERTICES, Encoding, Neighbourhoods, OneHot
from searchspaces.space import Genotype, Space

Setting = tuple[float, ...]

NOISES = (0.003, 0.03, 0.1, 0.3)
"""Variance of the noise, relative to that of the function."""

LENGTHS = (0.5, 1.0, 2.0, 4.0)
SHARES = (0.0, 0.5, 1.0)
CHUNK = 20_000
"""Predictions at once, to bound the memory."""

JUDGED = 200
"""At most that many samples choose the setting; all are fitted."""


class KernelSurrogate(StandardisedSurrogate):
    """Exact Gaussian-process regression (Rasmussen & Williams 2006, algorithm 2.1).

    Of a few settings of the kernel and the noise the one of the largest marginal likelihood is used, the function's
    variance at its maximum for each. Work grows with the cube of the samples: some thousands are the limit.
    """

    def __init__(self, space: Space, noises: Sequence[float] = NOISES) -> None:
        super().__init__(space)
        if not noises or min(noises) <= 0:
            raise ValueError(f"noises must be one or more numbers > 0, not {noises}")
        self.noises = tuple(noises)
        self.setting: Setting = ()
        self.noise = float("nan")

    @abstractmethod
    def _settings(self) -> list[Setting]:
        """The settings of the kernel to choose from."""

    @abstractmethod
    def _distances(
        self, a: Sequence[Genotype], b: Sequence[Genotype], setting: Setting | None = None
    ) -> list[np.ndarray]:
        """What the kernel, with one setting or all, needs to know of all pairs, float32 (a, b) each."""

    @abstractmethod
    def _kernel(self, distances: list[np.ndarray], setting: Setting) -> np.ndarray:
        """Covariances (a, b) of a function of variance 1 on the average."""

    def _own(self, genotypes: Sequence[Genotype], setting: Setting) -> np.ndarray | float:
        """Variances (n,) of the function before it was seen."""
        return 1.0

    def _prepare(self, genotypes: list[Genotype]) -> None:
        """Whatever the kernel takes from the training genotypes."""

    def _fit(self, genotypes: list[Genotype], targets: np.ndarray, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._known = genotypes
        self._prepare(genotypes)
        chosen = np.sort(rng.permutation(len(genotypes))[:JUDGED])
        distances = [d.astype(np.float64) for d in self._distances(genotypes, genotypes)]
        some = [d[np.ix_(chosen, chosen)] for d in distances]
        best = -np.inf
        for setting in self._settings():
            covariance = self._kernel(some, setting)
            for noise in self.noises:
                likelihood = _fitted(covariance, targets[chosen], noise)[0]
                if likelihood > best:
                    best, self.setting, self.noise = likelihood, setting, noise
        _, self._factor, self._weights, self._variance = _fitted(
            self._kernel(distances, self.setting), targets, self.noise
        )

    def _predict(self, genotypes: Sequence[Genotype]) -> tuple[np.ndarray, np.ndarray]:
        if len(genotypes) > CHUNK:
            parts = [self._predict(genotypes[i : i + CHUNK]) for i in range(0, len(genotypes), CHUNK)]
            return np.concatenate([mean for mean, _ in parts]), np.concatenate([spread for _, spread in parts])
        across = self._kernel(self._distances(self._known, genotypes, self.setting), self.setting)
        factor = self._factor.astype(across.dtype)
        projected = solve_triangular(factor, across, lower=True, check_finite=False, overwrite_b=True)
        variance = self._own(genotypes, self.setting) - np.einsum("ij,ij->j", projected, projected)
        return self._weights @ projected, np.sqrt(self._variance * np.maximum(variance, 1e-6))


class GaussianProcess(KernelSurrogate):
    """A Gaussian process on two views of an architecture.

    The covariance is (1 - s) exp(-h / l) + s exp(-g / l): h is the Hamming distance of the genotypes, g the squared
    distance of their graphs' `Neighbourhoods`, both relative to their mean over the training samples. The likelihood
    chooses the length l and the share s. ``graph`` says whether the second view is used; by default it is unless the
    graphs are large (more than 64 vertices).
    """

    def __init__(self, space: Space, *, graph: bool | None = None, noises: Sequence[float] = NOISES) -> None:
        super().__init__(space, noises)
        if graph is None:
            typical = space.graph(space.sample(np.random.default_rng(0)))
            graph = len(typical.operations) <= MAX_VERTICES
        self._views: list[Encoding] = [OneHot(space), Neighbourhoods(space)] if graph else [OneHot(space)]
        self._means = [1.0] * len(self._views)

    def _settings(self) -> list[Setting]:
        return list(product(LENGTHS, SHARES if len(self._views) > 1 else (0.0,)))

    def _prepare(self, genotypes: list[Genotype]) -> None:
        self._means = [1.0] * len(self._views)
        self._means = [float(d.mean()) or 1.0 for d in self._distances(genotypes, genotypes)]

    def _distances(
        self, a: Sequence[Genotype], b: Sequence[Genotype], setting: Setting | None = None
    ) -> list[np.ndarray]:
        used = (True, True) if setting is None else (setting[1] < 1, setting[1] > 0)
        return [
            view.squared_distances(a, b) / np.float32(mean) if wanted else np.zeros((), np.float32)
            for view, mean, wanted in zip(self._views, self._means, used, strict=False)
        ]

    def _kernel(self, distances: list[np.ndarray], setting: Setting) -> np.ndarray:
        length, share = setting
        parts = [
            weight * np.exp(d * (-1.0 / length))
            for weight, d in zip((1.0 - share, share), distances, strict=False)
            if weight
        ]
        return parts[0] if len(parts) == 1 else parts[0] + parts[1]


def _fitted(covariance: np.ndarray, targets: np.ndarray, noise: float) -> tuple[float, np.ndarray, np.ndarray, float]:
    """Log marginal likelihood (without constants), Cholesky factor, whitened targets, variance of the function."""
    noisy = covariance.astype(np.float64)
    noisy.flat[:: len(noisy) + 1] += noise
    try:
        factor = cholesky(noisy, lower=True, check_finite=False, overwrite_a=True)
    except LinAlgError:
        return -np.inf, covariance, targets, 1.0
    weights = solve_triangular(factor, targets, lower=True, check_finite=False)
    variance = max(float(weights @ weights) / len(targets), 1e-12)
    likelihood = -0.5 * len(targets) * np.log(variance) - np.log(np.diag(factor)).sum()
    return float(likelihood), factor, weights, variance
