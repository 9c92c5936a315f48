"""Gradient boosting on one-hot genotypes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor

from routenas.surrogates.base import StandardisedSurrogate
from routenas.surrogates.encoding import OneHot
from searchspaces.space import Genotype, Space


class Boosting(StandardisedSurrogate):
    """Gradient-boosted trees (Friedman 2001) on ``members`` bootstrap samples; their spread is the deviation."""

    def __init__(self, space: Space, *, members: int = 5, trees: int = 60, depth: int = 3, rate: float = 0.1) -> None:
        super().__init__(space)
        if members < 1 or trees < 1 or depth < 1 or rate <= 0:
            raise ValueError(f"boosting needs numbers above 0, not {members}, {trees}, {depth}, {rate}")
        self.members, self.trees, self.depth, self.rate = members, trees, depth, rate
        self._view = OneHot(space)
        self._models: list[GradientBoostingRegressor] = []

    def _fit(self, genotypes: list[Genotype], targets: np.ndarray, seed: int) -> None:
        rows = self._view.rows(genotypes)
        rng = np.random.default_rng(seed)
        self._models = []
        for member in range(self.members):
            chosen = rng.integers(len(rows), size=len(rows)) if member else np.arange(len(rows))
            model = GradientBoostingRegressor(
                n_estimators=self.trees, max_depth=self.depth, learning_rate=self.rate, subsample=0.8,
                random_state=int(rng.integers(2**31)),
            )  # fmt: skip
            self._models.append(model.fit(rows[chosen], targets[chosen]))

    def _predict(self, genotypes: Sequence[Genotype]) -> tuple[np.ndarray, np.ndarray]:
        rows = self._view.rows(genotypes)
        found = np.stack([model.predict(rows) for model in self._models])
        return found.mean(axis=0), found.std(axis=0)
