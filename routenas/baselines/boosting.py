"""Gradient boosted trees on hand-made features: the strongest predictors that are no networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from placement_data.errors import InputError
from routenas.metrics import average_precision

Map = NDArray[np.float32]
Floats = NDArray[np.float64]

_QUANTILES = (0.5, 0.9, 0.99)


def local_mean(features: Map, size: int) -> Map:
    """Mean over the size x size tiles (odd) around each tile of (c, h, w), of those that lie inside the map."""
    if size < 1 or size % 2 == 0:
        raise ValueError(f"size must be a positive odd number, not {size}")
    radius = size // 2
    sums = np.asarray(features, dtype=np.float64)
    number = np.ones(())
    for axis in (1, 2):
        length = sums.shape[axis]
        running = np.concatenate([np.zeros_like(np.take(sums, [0], axis)), np.cumsum(sums, axis)], axis)
        end = np.minimum(np.arange(length) + radius + 1, length)
        begin = np.maximum(np.arange(length) - radius, 0)
        sums = np.take(running, end, axis) - np.take(running, begin, axis)
        number = np.multiply.outer(number, end - begin)
    return (sums / number).astype(np.float32)


def tile_columns(features: Map) -> Map:
    """(c, h, w) -> (h * w, 3 c): each tile's channels, and their means over 3x3 and 7x7 tiles."""
    stacked = np.concatenate([features, local_mean(features, 3), local_mean(features, 7)]).astype(np.float32)
    return np.ascontiguousarray(stacked.reshape(len(stacked), -1).T)


def map_summary(features: Map) -> Floats:
    """(c, h, w) -> (6 c + 1,): each channel's mean, deviation, maximum and 0.5, 0.9, 0.99 quantiles; log(1 + tiles)."""
    flat = np.asarray(features, dtype=np.float64).reshape(len(features), -1)
    parts = [flat.mean(1), flat.std(1), flat.max(1), *np.quantile(flat, _QUANTILES, axis=1)]
    return np.concatenate([*parts, [np.log1p(flat.shape[1])]])


def _stage(stages: Any, index: int) -> Floats:
    """The ``index``-th (from 1) staged prediction; later trees are never evaluated."""
    return np.asarray(next(islice(stages, index - 1, None)), dtype=np.float64)


class GradientBoosting:
    """Hotspots by gradient boosted trees on ``tile_columns`` (about 3 c x 13 bytes of memory a training tile).

    The number of trees is the one of ``iterations`` with the best average precision on the search split (``trees_``);
    without a search split all are used.
    """

    def __init__(self, seed: int = 0, iterations: int = 200) -> None:
        self.seed = seed
        self.iterations = iterations

    def fit(
        self,
        features: Sequence[Map],
        labels: Sequence[ArrayLike],
        search_features: Sequence[Map] = (),
        search_labels: Sequence[ArrayLike] = (),
    ) -> Self:
        """Fits on maps (c, h, w) with labels (h, w) of 0 and 1, and NaN for tiles off the die, which are left out.

        InputError where the labels hold one class.
        """
        columns, hotspot = _labelled(features, labels)
        if hotspot.all() or not hotspot.any():
            found = float(hotspot.mean())
            raise InputError("hotspot labels hold one class", found=found, expected="a rate between 0 and 1")
        model = HistGradientBoostingClassifier(
            learning_rate=0.1,
            max_iter=self.iterations,
            min_samples_leaf=50,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.seed,
        )
        self.model_: Any = model.fit(columns, hotspot)
        self.trees_ = self.iterations
        if len(search_features):
            columns, held_out = _labelled(search_features, search_labels)
            stages = self.model_.staged_decision_function(columns)
            precision = [average_precision(held_out, np.ravel(scores)) for scores in stages]
            if precision[0] is not None:
                self.trees_ = 1 + int(np.argmax(np.array(precision, dtype=np.float64)))
        return self

    def predict(self, features: Map) -> Floats:
        """Log-odds (h, w) of a hotspot from features (c, h, w)."""
        stages = self.model_.staged_decision_function(tile_columns(features))
        return _stage(stages, self.trees_).reshape(features.shape[1:])


def _labelled(features: Sequence[Map], labels: Sequence[ArrayLike]) -> tuple[Map, NDArray[np.bool_]]:
    """``tile_columns`` and labels of the tiles that have one."""
    label = np.concatenate([np.asarray(each).ravel() for each in labels])
    columns = np.concatenate([tile_columns(each) for each in features])
    known = ~np.isnan(label)
    return (columns, label.astype(bool)) if known.all() else (columns[known], label[known].astype(bool))


class CountBoosting:
    """Violated nets by gradient boosted trees on ``map_summary``, trees chosen by squared error on the search split."""

    def __init__(self, seed: int = 0, iterations: int = 200) -> None:
        self.seed = seed
        self.iterations = iterations

    def fit(
        self,
        features: Sequence[Map],
        targets: ArrayLike,
        search_features: Sequence[Map] = (),
        search_targets: ArrayLike = (),
    ) -> Self:
        """Fits on maps (c, h, w) and one target each, in whatever unit (ratio, log count) the caller predicts."""
        model = HistGradientBoostingRegressor(
            learning_rate=0.05,
            max_iter=self.iterations,
            max_leaf_nodes=8,
            min_samples_leaf=5,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=self.seed,
        )
        rows = np.stack([map_summary(each) for each in features])
        self.model_: Any = model.fit(rows, np.asarray(targets, dtype=np.float64))
        self.trees_ = self.iterations
        if len(search_features):
            rows = np.stack([map_summary(each) for each in search_features])
            wanted = np.asarray(search_targets, dtype=np.float64)
            errors = [float(np.mean((stage - wanted) ** 2)) for stage in self.model_.staged_predict(rows)]
            self.trees_ = 1 + int(np.argmin(errors))
        return self

    def predict(self, features: Map) -> float:
        """The prediction for one placement, in the unit of the targets."""
        return float(_stage(self.model_.staged_predict(map_summary(features)[None]), self.trees_)[0])
