"""What the rasterisers of ``Grid`` are made of: tile borders, owners of coordinates, maps from their signed corners."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Map = NDArray[np.float64]
Array = NDArray[np.float64]
Indices = NDArray[np.int64]


def tile_borders(low: int, high: int, tile: int) -> Indices:
    return np.append(np.arange(low, high, tile, dtype=np.int64), np.int64(high))


def tile_of(distance: Array, tile: int, count: int) -> Indices:
    """Index of the half-open tile that holds each distance from the origin, the last one closed."""
    index = (distance / tile).astype(np.int64)  # cut towards 0: what is less than 0 goes to tile 0 all the same
    return np.clip(index, 0, count - 1, out=index)


def as_boxes(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    return np.stack([x, y, x, y], axis=1)


def weights_of(weight: ArrayLike, count: int) -> Array:
    return np.broadcast_to(np.asarray(weight, dtype=np.float64), (count,))


def sum_up(steps: Map) -> Map:
    """Map from its signed corners."""
    np.cumsum(steps, axis=0, out=steps)
    np.cumsum(steps, axis=1, out=steps)
    return steps[:-1, :-1].copy()


def without_noise(map_: Map, weights: Array) -> Map:
    """The map in place, 0 where it is below the rounding noise of sums of the weights or below any sum of them."""
    map_[np.abs(map_) <= 8 * np.finfo(np.float64).eps * np.abs(weights).sum()] = 0.0
    if weights.min(initial=0.0) >= 0.0:
        np.maximum(map_, 0.0, out=map_)
    return map_


def ramp_entries(low: Array, high: Array, edges: Indices, tile: int) -> list[tuple[Indices, Array]]:
    """Entries whose running sum along one axis is the share of each tile that [low, high] covers.

    A half line that begins at v inside tile j covers the share s of tile j and all of every later tile: that is s at j
    and 1 - s at j + 1. The interval is the half line from its low end less the one from its high end.
    """
    borders = (edges - edges[0]).astype(np.float64)
    sizes = np.diff(borders)
    entries = []
    for value, sign in ((low, 1.0), (high, -1.0)):
        index = tile_of(value, tile, len(sizes))
        share = (borders[index + 1] - value) / sizes[index]
        entries += [(index, sign * share), (index + 1, sign * (1.0 - share))]
    return entries
