"""Maps at another size: means by area, and as CircuitNet's preparation makes them, by maximum and by cubic spline.

Maps are (rows, columns); all functions work in float64.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Map = NDArray[np.float64]
Size = tuple[int, int]


def area_resize(maps: ArrayLike, size: tuple[int, int]) -> Map:
    """Maps (..., rows, columns) at another ``size``: means over what each new tile covers, weighted by overlap.

    A new tile covers ``old / new`` tiles of the old map along each axis, the outer ones in part. The mean of a whole
    map stays as it is.
    """
    source = np.asarray(maps, dtype=np.float64)
    rows, columns = (_shares(old, new) for old, new in zip(source.shape[-2:], size, strict=True))
    return np.asarray(rows @ source @ columns.T, dtype=np.float64)


def _shares(old: int, new: int) -> Map:
    """(new, old) share that each old tile of a line has in each new one."""
    edges = np.arange(new + 1) * (old / new)
    tiles = np.arange(old)
    overlap = np.minimum(edges[1:, None], tiles + 1) - np.maximum(edges[:-1, None], tiles)
    return np.asarray(np.clip(overlap, 0.0, None) * (new / old), dtype=np.float64)


def cubic_resize(values: ArrayLike, size: Size) -> Map:
    """Interpolating cubic spline with mirrored ends through the tiles' values, first on first and last on last tile.

    Overshoots beside steps, below zero too.
    """
    source = np.asarray(values, dtype=np.float64)
    zoom = [new / old for old, new in zip(source.shape, size, strict=True)]
    return np.asarray(ndimage.zoom(source, zoom, order=3, mode="mirror"), dtype=np.float64)


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
