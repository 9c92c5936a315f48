"""Maps of any size, answered window by window: the same answer, in memory that does not grow with the die.

A window reaches further than what is kept of its answer, by the *reach* of the networks: how many tiles away a tile can
matter. The reach is measured, not declared, so it holds for any network: what is no number in one tile makes every tile
that depends on it no number either (IEEE 754). Windows begin at multiples of `STEP`, so that strides and halvings
fall on the same tiles as in the whole map. What has no reach, as a mean over all tiles, is answered as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Answer = Callable[[NDArray[np.float32]], NDArray[Any]]
"""Maps (channels, h, w) to maps (..., h, w)."""

STEP = 64
"""Windows begin at multiples of it: up to six halvings fall on the same tiles as in the whole map."""
SIDE = 1024
"""A map of as many tiles as a window of this side, 2^20, is answered as a whole."""
FURTHEST = (64, 384)
"""Reaches that are looked for, one after the other: beyond the last a window would be mostly margin."""


def tiled(answer: Answer, maps: NDArray[np.float32], reach: Callable[[], int | None]) -> NDArray[Any]:
    """The answer for ``maps`` (channels, rows, columns).

    A map of up to `SIDE` squared tiles, or of no ``reach`` (which is not asked for before), is answered as a whole.
    """
    known = None if maps[0].size <= SIDE**2 else reach()
    return answer(maps) if known is None else joined(answer, maps, known, max(SIDE - 2 * _margin(known), SIDE // 2))


def joined(answer: Answer, maps: NDArray[np.float32], reach: int, kept: int) -> NDArray[Any]:
    """The answer in windows of which so many tiles are ``kept`` along each side, a multiple of `STEP`."""
    height, width = maps.shape[1:]
    whole: NDArray[Any] | None = None
    for rows, read_rows, cut_rows in _windows(height, reach, kept):
        for columns, read_columns, cut_columns in _windows(width, reach, kept):
            part = answer(maps[:, read_rows, read_columns])[..., cut_rows, cut_columns]
            if whole is None:
                whole = np.empty((*part.shape[:-2], height, width), part.dtype)
            whole[..., rows, columns] = part
    assert whole is not None
    return whole


def _windows(length: int, reach: int, kept: int) -> Iterator[tuple[slice, slice, slice]]:
    """Along one side of the map: what is kept, what is read for it, and where the former lies in the latter."""
    margin = _margin(reach)
    for start in range(0, length, kept):
        stop = min(start + kept, length)
        low, high = max(0, start - margin), min(length, stop + margin)
        yield slice(start, stop), slice(low, high), slice(start - low, stop - low)


def _margin(reach: int) -> int:
    return -(-reach // STEP) * STEP


def reach_of(answer: Answer, channels: int, stated: int | None = None) -> int | None:
    """How many tiles away a tile can matter to a network's answer; None where that is the whole map or cannot be told.

    What is ``stated`` is not measured: a network that compares numbers, as trees do, hides what is no number. In any
    case windows are tried on noise: a network that answers them otherwise than the whole has no reach.
    """
    reach = _measured(answer, channels) if stated is None else stated
    return reach if reach is not None and _holds(answer, channels, reach) else None


def _measured(answer: Answer, channels: int) -> int | None:
    for furthest in FURTHEST:
        found = [_along(answer, channels, furthest, axis) for axis in (1, 2)]
        known = [each for each in found if each is not None and each <= furthest]
        if len(known) == len(found):
            return max(known)
    return None


def _along(answer: Answer, channels: int, furthest: int, axis: int) -> int | None:
    """How far from half a map that is no number the answer of the other half is none; None if that half has numbers."""
    half = _margin(furthest) + STEP
    far = 0
    for lost, kept in ((slice(0, half), slice(half, None)), (slice(half, None), slice(half - 1, None, -1))):
        maps = np.zeros((channels, 2 * half, STEP), np.float32)
        maps[:, lost] = np.nan
        maps = maps if axis == 1 else np.ascontiguousarray(maps.swapaxes(1, 2))
        found = np.isnan(answer(maps))
        if found.shape[-2:] != maps.shape[1:]:
            return None
        across = np.moveaxis(found, axis - 3, -1).reshape(-1, 2 * half)  # the other side, and the outputs, in front
        if not across[:, lost].any(axis=0).all():
            return None
        far = max(far, int(np.flatnonzero(across[:, kept].any(axis=0)).max(initial=-1)) + 1)
    return far


def _holds(answer: Answer, channels: int, reach: int) -> bool:
    """Whether windows of noise, along both sides, are answered as the whole."""
    long, short = 3 * STEP + 2 * _margin(reach) + 5, STEP + 3
    for shape in ((long, short), (short, long)):
        maps = np.random.default_rng(0).standard_normal((channels, *shape), np.float32)
        whole = answer(maps)
        if whole.shape[-2:] != shape:
            return False
        parts = joined(answer, maps, reach, STEP)
        if not np.allclose(parts, whole, rtol=1e-5, atol=1e-5 * float(np.abs(whole).max())):
            return False
    return True
