"""Bayesian ridge regression on one-hot genotypes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routenas.surrogates.encoding import OneHot
from routenas.surrogates.gaussian_process import KernelSurrogate, Setting
from searchspaces.space import Genotype, Space

NOISES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
PAIR_SHARES = (0.0, 0.25, 0.5, 0.75)


class Ridge(KernelSurrogate):
    """Ridge regression on one term for each option and, with ``pairwise``, for each pair of options.

    Solved in its dual form, so the number of terms costs nothing: genotypes that agree on m of the choices have m
    terms in common and m (m - 1) / 2 pairs. The likelihood chooses the penalty and the share of the pairs. Terms are
    centred on the training samples, so the intercept is not penalised.
    """

    def __init__(self, space: Space, *, pairwise: bool = True, noises: Sequence[float] = NOISES) -> None:
        super().__init__(space, noises)
        self.pairwise = pairwise
        self._view = OneHot(space)

    def _settings(self) -> list[Setting]:
        return [(share,) for share in (PAIR_SHARES if self.pairwise else (0.0,))]

    def _prepare(self, genotypes: list[Genotype]) -> None:
        agreement = self._agreement(genotypes, genotypes)
        self._means = [m.mean(0, dtype=np.float64) for m in agreement]
        self._scales = [
            float(np.trace(m) / len(m) - mean.mean()) or 1.0 for m, mean in zip(agreement, self._means, strict=True)
        ]

    def _agreement(self, a: Sequence[Genotype], b: Sequence[Genotype]) -> list[np.ndarray]:
        agree = self._view.products(a, b)
        return [agree, agree * (agree - 1.0) / 2.0]

    def _distances(
        self, a: Sequence[Genotype], b: Sequence[Genotype], setting: Setting | None = None
    ) -> list[np.ndarray]:
        """Centred scalar products of terms and of pairs, divided by their mean square norm."""
        return [
            (m - mean[:, None] - m.mean(0) + mean.mean()) / scale
            for m, mean, scale in zip(self._agreement(a, b), self._means, self._scales, strict=True)
        ]

    def _kernel(self, distances: list[np.ndarray], setting: Setting) -> np.ndarray:
        terms, pairs = distances
        return (1.0 - setting[0]) * terms + setting[0] * pairs

    def _own(self, genotypes: Sequence[Genotype], setting: Setting) -> np.ndarray:
        count = self._view.rows(genotypes).sum(1)
        norms = []
        for own, m, mean, scale in zip(
            (count, count * (count - 1.0) / 2.0),
            self._agreement(self._known, genotypes),
            self._means,
            self._scales,
            strict=True,
        ):
            norms.append((own - 2.0 * m.mean(0) + mean.mean()) / scale)
        return np.asarray((1.0 - setting[0]) * norms[0] + setting[0] * norms[1])
