"""Maps at another size as CircuitNet's preparation makes them: by maximum, and by the cubic spline.

Maps are (rows, columns); all functions work in float64. For means by area see :func:`placement_data.grid.area_resize`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

Map = NDArray[np.float64]
Size = tuple[int, int]


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
