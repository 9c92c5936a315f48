"""Maps at another size: by area, by maximum, and by the cubic spline that CircuitNet's preparation uses.

The first two work on exact overlaps: a tile of the new map covers ``old / new`` tiles of the old one along each axis,
the outer ones in part. Maps are (rows, columns); all functions work in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Map = NDArray[np.float64]
Size = tuple[int, int]
_Weights = Callable[[int, int], Map]


def area_resize(values: ArrayLike, size: Size) -> Map:
    """The mean over what each new tile covers, weighted by overlap; keeps the mean of the whole map."""
    return _separable(values, size, _area_weights)


def cubic_resize(values: ArrayLike, size: Size) -> Map:
    """Interpolating cubic spline with mirrored ends through the tiles' values, first on first and last on last tile.

    Overshoots beside steps, below zero too. The same as ``scipy.ndimage.zoom(values, zoom, order=3)``; M. Unser,
    "Splines: a perfect fit for signal and image processing", IEEE Signal Processing Magazine 1999.
    """
    return _separable(values, size, _cubic_weights)


def max_resize(values: ArrayLike, size: Size) -> Map:
    """The largest value among the tiles that each new tile touches: no hotspot is lost where maps shrink."""
    result = np.asarray(values, dtype=np.float64)
    for axis, new in enumerate(size):
        old = result.shape[axis]
        index = np.arange(new)
        low, high = index * old // new, -(-(index + 1) * old // new)
        # reduceat takes the maximum from each index to the next; every second one spans a gap and is dropped. The
        # repeated last tile keeps the index behind it legal.
        padded = np.concatenate([result, np.take(result, [-1], axis=axis)], axis=axis)
        pairs = np.stack([low, high], axis=1).ravel()
        result = np.take(np.maximum.reduceat(padded, pairs, axis=axis), 2 * index, axis=axis)
    return result


def _separable(values: ArrayLike, size: Size, weights: _Weights) -> Map:
    source = np.asarray(values, dtype=np.float64)
    rows, columns = (weights(old, new) for old, new in zip(source.shape, size, strict=True))
    return np.asarray(rows @ source @ columns.T, dtype=np.float64)


@lru_cache(maxsize=8)
def _area_weights(old: int, new: int) -> Map:
    """(new, old) overlap of each new tile with each old one, over the new tile's length."""
    edges = np.arange(new + 1) * (old / new)
    tiles = np.arange(old)
    overlap = np.minimum(edges[1:, None], tiles + 1) - np.maximum(edges[:-1, None], tiles)
    return np.asarray(np.clip(overlap, 0.0, None) * (new / old), dtype=np.float64)


@lru_cache(maxsize=8)
def _cubic_weights(old: int, new: int) -> Map:
    """(new, old) weights: the B-spline basis at the new positions times the inverse of the one at the old tiles."""
    if old == 1:
        return np.ones((new, 1))
    position = np.arange(new, dtype=np.float64) * ((old - 1) / max(new - 1, 1))
    inverse = np.linalg.inv(_basis(np.arange(old, dtype=np.float64), old))
    return np.asarray(_basis(position, old) @ inverse, dtype=np.float64)


def _basis(position: Map, tiles: int) -> Map:
    """(positions, tiles) cubic B-splines about the tiles; those beyond an end are mirrored back about the end tile."""
    nearest = np.floor(position).astype(np.int64)[:, None] + np.arange(-1, 3)
    distance = np.abs(position[:, None] - nearest)
    inner = 2 / 3 - distance**2 * (1 - distance / 2)
    value = np.where(distance < 1, inner, np.clip(2 - distance, 0.0, None) ** 3 / 6)
    period = 2 * (tiles - 1)
    folded = nearest % period
    basis = np.zeros((len(position), tiles))
    np.add.at(basis, (np.arange(len(position))[:, None], np.minimum(folded, period - folded)), value)
    return basis
