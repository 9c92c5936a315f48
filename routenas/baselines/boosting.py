"""Gradient boosted trees on hand-made features: the strongest predictors that are no networks.

scikit-learn fits them (`HistGradientBoostingClassifier`, `HistGradientBoostingRegressor`); what it found is kept as
tensors, see `routenas.baselines.trees`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from torch import Tensor, nn
from torch.nn import functional

from placement_data.errors import InputError
from routenas.baselines.trees import TreeEnsemble
from searchspaces.space import TaskShape

Floats = NDArray[np.float64]

SIZES = (3, 7)
TREES, RATE = 200, 0.05
"""At this rate no number of trees from 150 to 400 is clearly better (docs/results.md), so none is chosen on data."""
_QUANTILES = (0.5, 0.9, 0.99)


def on_die(maps: Tensor) -> Tensor:
    """(b, 1, h, w) 1 in the tiles on the die of normalised maps (b, c, h, w), which are 0 in all channels off it."""
    return (maps != 0).any(dim=1, keepdim=True).to(maps.dtype)


def local_mean(maps: Tensor, size: int) -> Tensor:
    """Mean over the size x size tiles (odd) around each tile of normalised maps (b, c, h, w), of those on the die."""
    return _local_sum(maps, size) / _local_sum(on_die(maps), size).clamp(min=1)


def _local_sum(maps: Tensor, size: int) -> Tensor:
    """Sum over the tiles around each, in one order: trees would tell another runtime's last bit."""
    height, width = maps.shape[-2:]
    padded = functional.pad(maps, (size // 2,) * 4)
    rows = _added([padded[..., step : height + step, :] for step in range(size)])
    return _added([rows[..., step : width + step] for step in range(size)])


def _added(maps: Sequence[Tensor]) -> Tensor:
    total = maps[0]
    for each in maps[1:]:
        total = total + each
    return total


def tile_columns(maps: Tensor) -> Tensor:
    """(b, c, h, w) -> (b * h * w, 3 c): each tile's channels, and their means over 3x3 and 7x7 tiles."""
    stacked = torch.cat([maps, *(local_mean(maps, size) for size in SIZES)], dim=1)
    return stacked.permute(0, 2, 3, 1).reshape(-1, stacked.shape[1])


def columns_at(maps: Tensor, tiles: Tensor) -> Tensor:
    """(n, 3 c) the rows of `tile_columns` of the n tiles of a mask (h, w) alone, of one map (1, c, h, w)."""
    widest = max(SIZES)
    padded = functional.pad(torch.cat([maps, on_die(maps)], dim=1)[0], (widest // 2,) * 4)
    around = padded.unfold(1, widest, 1).unfold(2, widest, 1)[:, tiles]  # (c + 1, n, widest, widest)
    columns = []
    for size in (1, *SIZES):
        inner = slice((widest - size) // 2, (widest + size) // 2)
        mean = around[..., inner, inner].mean(dim=(2, 3))
        columns.append(mean[:-1] / mean[-1].clamp(min=1 / size**2) if size > 1 else mean[:-1])
    return torch.cat(columns).T.contiguous()


def map_summary(maps: Tensor) -> Tensor:
    """(c, h, w) -> (6 c + 1,): each channel's mean, deviation, maximum and 0.5, 0.9, 0.99 quantiles over the tiles on

    the die; log(1 + their number).
    """
    tiles, inside = maps.double().flatten(1), on_die(maps[None]).flatten().bool()
    inside = inside | ~inside.any()
    count = inside.sum()
    mean = torch.where(inside, tiles, 0.0).sum(1) / count
    squares = torch.where(inside, (tiles - mean[:, None]) ** 2, 0.0)
    ordered = torch.where(inside, tiles, torch.inf).sort(dim=1).values  # those off the die behind all others
    largest = ordered.index_select(1, count[None] - 1)[:, 0]
    quantiles = [_quantile(ordered, count, share) for share in _QUANTILES]
    number = torch.log1p(count.double())[None]
    return torch.cat([mean, (squares.sum(1) / count).sqrt(), largest, *quantiles, number]).float()


def _quantile(ordered: Tensor, count: Tensor, share: float) -> Tensor:
    """The quantile of the ``count`` first of each ascending row, between two values by a line."""
    place = share * (count - 1).double()
    low = place.floor().long()
    ends = ordered.index_select(1, torch.stack([low, torch.minimum(low + 1, count - 1)]))
    return torch.lerp(ends[:, 0], ends[:, 1], place - low)


class GradientBoosting(nn.Module):
    """Hotspots by gradient boosted trees on ``tile_columns``: (b, channels, h, w) -> logits (b, 1, h, w).

    It is fitted to the training part alone, which takes about 3 c x 13 bytes of memory a tile.
    """

    output: str = "map"
    reach: int = max(SIZES) // 2  # stated, as comparisons hide it: see `routenas.tiling`

    def __init__(self, shape: TaskShape, iterations: int = TREES) -> None:
        super().__init__()
        self.iterations = iterations
        self.trees = TreeEnsemble(3 * shape.inputs)

    def forward(self, x: Tensor) -> Tensor:
        rows, columns = x.shape[-2:]
        logits: Tensor = self.trees(tile_columns(x))
        return logits.reshape(-1, 1, rows, columns)

    def at(self, x: Tensor, tiles: Tensor) -> Tensor:
        """(1, 1, 1, n) the logits of one map in the n tiles of a mask (h, w) alone: trees take their time for each."""
        logits: Tensor = self.trees(columns_at(x, tiles))
        return logits.reshape(1, 1, 1, -1)

    def fit_to(self, task: Any, seed: int) -> None:
        """Fit to the training part of a hotspot task. Raises InputError where the labels hold one class."""
        rows, hotspot = _labelled(task.examples("train"))
        if hotspot.all() or not hotspot.any():
            found = float(hotspot.mean())
            raise InputError("hotspot labels hold one class", found=found, expected="a rate between 0 and 1")
        model = HistGradientBoostingClassifier(
            learning_rate=RATE,
            max_iter=self.iterations,
            min_samples_leaf=50,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=seed,
        )
        self.trees.set(model.fit(rows, hotspot))
        self.trees.intercept -= task.card.output_scale.offset


def _labelled(examples: Sequence[Any]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """``tile_columns`` and labels of the tiles on the die."""
    rows, labels = [], []
    for example in examples:
        inside = example.sample.inside
        chosen = slice(None) if inside is None else inside.ravel()
        rows.append(tile_columns(torch.from_numpy(example.maps)[None]).numpy()[chosen])
        labels.append(example.hotspots.ravel()[chosen].astype(bool))
    return np.concatenate(rows), np.concatenate(labels)


class CountBoosting(nn.Module):
    """Violated nets by gradient boosted trees on ``map_summary``: (b, channels, h, w) -> (b,)."""

    output: str = "scalar"

    def __init__(self, shape: TaskShape, iterations: int = TREES) -> None:
        super().__init__()
        self.iterations = iterations
        self.trees = TreeEnsemble(6 * shape.inputs + 1)

    def forward(self, x: Tensor) -> Tensor:
        counts: Tensor = self.trees(torch.stack([map_summary(maps) for maps in x]))
        return counts

    def fit_to(self, task: Any, seed: int) -> None:
        """Fit to the training part of a task of violated nets."""
        model = HistGradientBoostingRegressor(
            learning_rate=RATE,
            max_iter=self.iterations,
            max_leaf_nodes=8,
            min_samples_leaf=5,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=seed,
        )
        self.trees.set(model.fit(*_summaries(task.examples("train"), task.card.output_scale)))


def _summaries(examples: Sequence[Any], output_scale: Any) -> tuple[NDArray[np.float32], Floats]:
    """``map_summary`` of placements, and what a module of one number is to answer for each."""
    rows = np.stack([map_summary(torch.from_numpy(example.maps)).numpy() for example in examples])
    return rows, output_scale.standardised([example.ratio for example in examples])


def gradient_boosting(shape: TaskShape) -> nn.Module:
    """The one that fits the task: of tiles for a map, of placements for a number."""
    return GradientBoosting(shape) if shape.output == "map" else CountBoosting(shape)
