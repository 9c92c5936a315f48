"""What a surrogate is, and what all of them share: standardised targets, failures left out, constant targets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from searchspaces.space import Genotype, Space


class Surrogate(Protocol):
    """Guesses the values of genotypes after a look at some of them. Made as ``Class(space, **options)``."""

    def fit(self, genotypes: Sequence[Genotype], values: Sequence[float] | np.ndarray, seed: int) -> None:
        """Forget everything and learn from genotypes and their values; pairs without a finite value are left out.

        All that is random comes from ``seed``. Raises ValueError where no pair is left or the lengths differ.
        """

    def predict(self, genotypes: Sequence[Genotype]) -> tuple[np.ndarray, np.ndarray]:
        """Means and standard deviations, float64 (n,), in the unit of the values that `fit` was given.

        The deviation is what the model does not know of the mean; it is 0 only after one sample or equal values.
        """


class StandardisedSurrogate(ABC):
    """Base of the surrogates: a subclass learns targets of mean 0 and standard deviation 1."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self._centre = self._scale = float("nan")

    @abstractmethod
    def _fit(self, genotypes: list[Genotype], targets: np.ndarray, seed: int) -> None:
        """Learn from two or more genotypes with targets that differ."""

    @abstractmethod
    def _predict(self, genotypes: Sequence[Genotype]) -> tuple[np.ndarray, np.ndarray]:
        """Means and deviations of standardised targets."""

    def fit(self, genotypes: Sequence[Genotype], values: Sequence[float] | np.ndarray, seed: int) -> None:
        """See `Surrogate.fit`."""
        numbers = np.asarray(values, np.float64)
        if numbers.shape != (len(genotypes),):
            raise ValueError(f"fit needs a value for each of {len(genotypes)} genotypes, not {numbers.shape}")
        kept = np.flatnonzero(np.isfinite(numbers))
        if not len(kept):
            raise ValueError(f"fit needs one or more finite values, found none among {len(numbers)}")
        numbers = numbers[kept]
        self._centre, self._scale = float(numbers.mean()), float(numbers.std())
        # Rounding leaves equal numbers with a deviation that is not quite 0.
        if self._scale <= 1e-12 * max(1e-300, float(np.abs(numbers).max())):
            self._scale = 0.0
        if self._scale:
            self._fit([genotypes[i] for i in kept.tolist()], (numbers - self._centre) / self._scale, seed)

    def predict(self, genotypes: Sequence[Genotype]) -> tuple[np.ndarray, np.ndarray]:
        """See `Surrogate.predict`. Raises ValueError before `fit`."""
        if np.isnan(self._centre):
            raise ValueError(f"{type(self).__name__} must be fitted before it predicts")
        if not self._scale or not len(genotypes):
            return np.full(len(genotypes), self._centre), np.zeros(len(genotypes))
        mean, deviation = self._predict(genotypes)
        return (
            self._centre + self._scale * np.asarray(mean, np.float64),
            self._scale * np.asarray(deviation, np.float64),
        )
