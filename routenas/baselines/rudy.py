"""Predictors of one number: RUDY for hotspots, utilisation or mean RUDY for violated nets.

They, and the boosting ones, take features in the units of the store (not normalised), a tuple of maps of any sizes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.linear_model import LogisticRegression

from placement_data.errors import InputError

Map = NDArray[np.float32]
Floats = NDArray[np.float64]


def channel_index(name: str, channels: Sequence[str] | None = None) -> int:
    """Where the channel ``name`` stands in ``channels`` (default: the order of ``placement_data.features``)."""
    if channels is None:
        from placement_data.features import CHANNELS  # late: networks do not need the extractor

        channels = CHANNELS
    if name not in channels:
        raise InputError("channel not among the features", found=name, expected=f"one of {', '.join(channels)}")
    return list(channels).index(name)


def _total_rudy(features: Map, channels: Sequence[str] | None) -> Floats:
    """RUDY of all nets (h, w): the sum of two channels, by fan-out or by span (as CircuitNet has them)."""
    pairs = (("rudy_small", "rudy_large"), ("rudy_long", "rudy_short"), ("RUDY_long", "RUDY_short"))
    names = next((pair for pair in pairs if channels is not None and {*pair} <= {*channels}), pairs[0])
    first, second = (features[channel_index(name, channels)] for name in names)
    total: Floats = first.astype(np.float64) + second.astype(np.float64)
    return total


class RudyLogistic:
    """Logistic regression of a hotspot on the tile's RUDY (small and large nets together): two parameters.

    The ranking is RUDY's own; the fit only makes log-odds of it. ``slope_`` per unit of RUDY, ``intercept_``.
    """

    def __init__(self, channels: Sequence[str] | None = None) -> None:
        self.channels = channels

    def fit(
        self,
        features: Sequence[Map],
        labels: Sequence[ArrayLike],
        search_features: Sequence[Map] = (),
        search_labels: Sequence[ArrayLike] = (),
    ) -> Self:
        """Fits by maximum likelihood, to labels (h, w) of 0 and 1, and NaN for tiles off the die, which are left out.

        The search split is accepted as by all predictors; nothing is chosen on it.
        """
        x = np.concatenate([_total_rudy(each, self.channels).ravel() for each in features])
        y = np.concatenate([np.asarray(each).ravel() for each in labels]).astype(np.float64)
        x, y = x[~np.isnan(y)], y[~np.isnan(y)]
        if not 0 < y.mean() < 1:
            raise InputError("hotspot labels hold one class", found=float(y.mean()), expected="a rate between 0 and 1")
        centre, scale = x.mean(), x.std() or 1.0
        # The slight ridge keeps the slope finite where RUDY separates the classes.
        model = LogisticRegression(C=1e6 / y.size, solver="newton-cholesky", tol=1e-10)
        model.fit(((x - centre) / scale)[:, None], y)
        self.slope_ = float(model.coef_[0, 0] / scale)
        self.intercept_ = float(model.intercept_[0] - self.slope_ * centre)
        return self

    def predict(self, features: Map) -> Floats:
        """Log-odds (h, w) of a hotspot from features (c, h, w)."""
        return self.intercept_ + self.slope_ * _total_rudy(features, self.channels)


class _MeanOfMap(ABC):
    """Violated nets as a rising line of one statistic, which matches the mean and the deviation of the targets.

    A least-squares slope could come out negative on few placements and turn the ranking round; the control is meant to
    rank as the statistic does, so its slope is deviation over deviation, which cannot.
    """

    def __init__(self, channels: Sequence[str] | None = None) -> None:
        self.channels = channels

    @abstractmethod
    def statistic(self, features: Map) -> float:
        """The one number of a placement, from features (c, h, w)."""

    def fit(
        self,
        features: Sequence[Map],
        targets: ArrayLike,
        search_features: Sequence[Map] = (),
        search_targets: ArrayLike = (),
    ) -> Self:
        """Fits the line. The search split is accepted because all predictors are; nothing is chosen on it."""
        x = np.array([self.statistic(each) for each in features])
        y = np.asarray(targets, dtype=np.float64)
        if x.shape != y.shape or not x.size:
            raise InputError("features and targets differ in number", found=f"{x.size} and {y.size}")
        self.slope_ = float(y.std() / x.std()) if x.std() > 0 else 0.0
        self.intercept_ = float(y.mean() - self.slope_ * x.mean())
        return self

    def predict(self, features: Map) -> float:
        """The prediction for one placement, in the unit of the targets."""
        return self.intercept_ + self.slope_ * self.statistic(features)


class UtilizationMean(_MeanOfMap):
    """Ranks placements by the mean cell density over the die."""

    def statistic(self, features: Map) -> float:
        """Mean cell density, a share of area."""
        return float(np.mean(features[channel_index("cell_density", self.channels)], dtype=np.float64))


class RudyMean(_MeanOfMap):
    """Ranks placements by the mean RUDY over the die."""

    def statistic(self, features: Map) -> float:
        """Mean RUDY of small and large nets together, 1/um."""
        return float(np.mean(_total_rudy(features, self.channels)))
