"""Straight segments of any angle on a map: the length of each inside each tile, for many segments at once.

A segment is turned so that its longer side is the major one: it is no longer along minor than along major. Coordinates
are in tiles here, counted from the die's corner: tile borders are whole numbers.

Short segments are cut at the major borders, and each piece is shared between the two tiles it may meet. A long segment
has one density (length per major tile) all the way and leaves a minor tile for the next only now and then, so only
these crossings are written down: as steps whose running sum along major is the map.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float64]
Array = NDArray[np.float64]
Indices = NDArray[np.int64]

_PIECES_MAX = 1 << 15
"""Pieces or crossings held at one time: few enough to stay in the processor's cache."""

_SEGMENTS_MAX = 1 << 14
"""Segments held at one time."""

_LONG = 12
"""Major tiles that a segment has to meet to be long."""


def segment_lengths(
    ends: tuple[Array, Array, Array, Array], weight: Array, size: tuple[float, float], tile: int, shape: tuple[int, int]
) -> Map:
    """Sum over segments (n,) of weight times length inside each tile of ``shape`` (rows, columns).

    ``ends`` are x0, y0, x1, y1 from the corner of a die of ``size`` (width, height), to which segments are clipped.
    """
    steep, flat = _Strokes(shape), _Strokes((shape[1], shape[0]))
    for start in range(0, len(weight), _SEGMENTS_MAX):
        part = slice(start, start + _SEGMENTS_MAX)
        ax, ay, bx, by = (values[part] for values in ends)
        ax, ay, bx, by = clipped(ax, ay, bx, by, *size)
        dx, dy = bx - ax, by - ay
        length = np.hypot(dx, dy) * weight[part]
        upright, some = np.abs(dy) >= np.abs(dx), length != 0.0
        up, along = np.flatnonzero(upright & some), np.flatnonzero(~upright & some)
        steep.add(tile, ay[up], ax[up], by[up], bx[up], length[up])
        flat.add(tile, ax[along], ay[along], bx[along], by[along], length[along])
    return steep.map() + flat.map().T


class _Strokes:
    """A map of (major tiles, minor tiles) that grows by segments."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.total = np.zeros(shape[0] * shape[1])
        self.long: _LongStrokes | None = None

    def add(self, tile: int, major0: Array, minor0: Array, major1: Array, minor1: Array, length: Array) -> None:
        """Add segments of ``length`` (weighted), none of them longer in minor than in major."""
        swap = major0 > major1
        low, high = np.where(swap, major1, major0) / tile, np.where(swap, major0, major1) / tile
        start, end = np.where(swap, minor1, minor0) / tile, np.where(swap, minor0, minor1) / tile
        is_long = high - low > _LONG
        long = np.flatnonzero(is_long)
        if len(long):
            if self.long is None:
                self.long = _LongStrokes(self.shape)
            self.long.add(low[long], start[long], high[long], end[long], length[long])
            short = np.flatnonzero(~is_long)
            low, start, high, end, length = low[short], start[short], high[short], end[short], length[short]
        _cut(self.total, self.shape, low, start, high, end, length)

    def map(self) -> Map:
        """The map so far."""
        total = self.total.reshape(self.shape)
        return total if self.long is None else total + self.long.map()


class _LongStrokes:
    """A map of (major tiles, minor tiles) kept as steps along major.

    ``ends`` has the steps where a segment begins and where it stops; ``crossings`` those where it passes a minor
    border, which add to the minor tile above the border and take from the one below. A step at position p of major tile
    j adds the share of j behind p to j and the rest to j + 1.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.ends = np.zeros((shape[0] + 2) * (shape[1] + 1))
        self.crossings = np.zeros_like(self.ends)
        self.mass = 0.0

    def add(self, low: Array, start: Array, high: Array, end: Array, length: Array) -> None:
        """Add segments from (low, start) to (high, end), low < high, of ``length`` (weighted)."""
        density = length / (high - low)
        # The sum of all steps bounds the rounding noise that running sums can have (see ``map``).
        self.mass += float(np.abs(density).sum())
        most = self.shape[1] - 1
        first = np.minimum(start.astype(np.int32), most)
        last = np.minimum(end.astype(np.int32), most)
        self._step(self.ends, low, first, density)
        self._step(self.ends, high, last, -density)
        for rising in (True, False):
            rows = np.flatnonzero(last > first if rising else last < first)
            across = end[rows] - start[rows]
            major_per_minor = (high[rows] - low[rows]) / across
            base = low[rows] - start[rows] * major_per_minor
            sign = 1 if rising else -1
            # The borders that a rising segment passes are first + 1 .. last, those of a falling one first .. last + 1.
            border = first[rows] + 1 if rising else -first[rows]
            count = np.abs(last[rows] - first[rows]).astype(np.int64)
            for part in chunks(count, _PIECES_MAX):
                # One entry per crossing: the borders of each segment in turn, and where along major it passes them.
                crossings = count[part]
                stop = np.cumsum(crossings)
                at = np.arange(stop[-1], dtype=np.int32)
                at += np.repeat(border[part] - (stop - crossings).astype(np.int32), crossings)
                at *= sign
                position = at * np.repeat(major_per_minor[part], crossings)
                position += np.repeat(base[part], crossings)
                self._step(self.crossings, position, at, np.repeat(sign * density[rows[part]], crossings))

    def _step(self, steps: Array, position: Array, minor: NDArray[np.int32], density: Array) -> None:
        # From ``position`` on the map is higher by ``density``: the tile that it lies in by the share behind it, every
        # later tile by all. As steps: density * (1 - fraction) here, density * fraction in the next major tile.
        stride = self.shape[1] + 1
        major = position.astype(np.int32)
        position = position - major
        position *= density
        index = major.astype(np.int64)
        index *= stride
        index += minor
        np.add.at(steps, index, density - position)
        np.add.at(steps[stride:], index, position)

    def map(self) -> Map:
        """The map so far; what is below the rounding noise of the running sums is 0."""
        major, minor = self.shape
        crossings = self.crossings.reshape(major + 2, minor + 1)
        # Passing the border below minor tile m adds to m and takes from m - 1: the difference of neighbouring borders.
        steps = self.ends.reshape(major + 2, minor + 1)[:, :-1] + crossings[:, :-1] - crossings[:, 1:]
        total = np.cumsum(steps, axis=0)[:major]
        total[np.abs(total) <= 8 * np.finfo(np.float64).eps * self.mass] = 0.0
        return total


def clipped(
    ax: Array, ay: Array, bx: Array, by: Array, width: float, height: float
) -> tuple[Array, Array, Array, Array]:
    """Segments cut to (0, 0) .. (width, height) after Liang and Barsky (1984); those outside shrink to a point."""
    outside = np.flatnonzero(
        (np.minimum(ax, bx) < 0)
        | (np.minimum(ay, by) < 0)
        | (np.maximum(ax, bx) > width)
        | (np.maximum(ay, by) > height)
    )
    if not len(outside):
        return ax, ay, bx, by
    ax, ay, bx, by = ax.copy(), ay.copy(), bx.copy(), by.copy()
    px, py = ax[outside], ay[outside]
    dx, dy = bx[outside] - px, by[outside] - py
    enter, leave = np.zeros(len(outside)), np.ones(len(outside))
    # Along each axis a segment is inside between two values of its parameter; it stays where both are.
    for position, step, limit in ((px, dx, width), (py, dy, height)):
        moving = step != 0
        safe = np.where(moving, step, 1.0)
        first, second = -position / safe, (limit - position) / safe
        enter = np.where(moving, np.maximum(enter, np.minimum(first, second)), enter)
        leave = np.where(moving, np.minimum(leave, np.maximum(first, second)), leave)
        # One that does not move along an axis and lies outside there is inside nowhere.
        leave = np.where(~moving & ((position < 0) | (position > limit)), -1.0, leave)
    leave = np.where(leave < enter, enter, leave)
    for start, end, position, step, limit in ((ax, bx, px, dx, width), (ay, by, py, dy, height)):
        start[outside] = np.clip(position + enter * step, 0.0, limit)
        end[outside] = np.clip(position + leave * step, 0.0, limit)
    missed = outside[leave <= enter]
    bx[missed], by[missed] = ax[missed], ay[missed]
    return ax, ay, bx, by


def _cut(
    total: Array, shape: tuple[int, int], low: Array, start: Array, high: Array, end: Array, length: Array
) -> None:
    """Add to the flat map of (major tiles, minor tiles) segments from (low, start) to (high, end), low < high.

    A piece runs from one major border to the next; only a segment's first and last piece end at the segment's own ends.
    """
    slope, density = (end - start) / (high - low), length / (high - low)
    first = np.minimum(low.astype(np.int32), shape[0] - 1)
    last = np.minimum(high.astype(np.int32), shape[0] - 1)
    # Lengths of a segment's first and last piece; where they are one piece, it has the whole length.
    single = first == last
    head = np.where(single, length, density * (first + 1 - low))
    tail = np.where(single, length, density * (high - last))
    count = (last - first + 1).astype(np.int64)
    intercept = start - low * slope
    for part in chunks(count, _PIECES_MAX):
        # One entry per piece: its major tile, and minor at its two ends. A piece ends where the next of its segment
        # begins, but for the last one.
        pieces = count[part]
        stop = np.cumsum(pieces)
        begin, final = stop - pieces, stop - 1
        row = np.arange(stop[-1], dtype=np.int32)
        row += np.repeat((first[part] - begin).astype(np.int32), pieces)
        at = row * np.repeat(slope[part], pieces)
        at += np.repeat(intercept[part], pieces)
        at[begin] = start[part]
        to = np.empty_like(at)
        to[:-1] = at[1:]
        to[final] = end[part]
        piece_length = np.repeat(density[part], pieces)
        piece_length[begin], piece_length[final] = head[part], tail[part]
        _deposit(total, row, at, to, piece_length, shape[1])


def _deposit(total: Array, row: NDArray[np.int32], at: Array, to: Array, length: Array, columns: int) -> None:
    """Share each piece's length between the column where it starts and, where it is another, the one where it ends."""
    here, there = at.astype(np.int32), to.astype(np.int32)
    np.minimum(here, columns - 1, out=here)
    np.minimum(there, columns - 1, out=there)
    tile = row * np.int32(columns)
    crossing = np.flatnonzero(here != there)
    if len(crossing):
        a, b, c, d = at[crossing], to[crossing], here[crossing], there[crossing]
        # A piece is no wider than a tile: it meets three columns only where rounding pushed an end over a border.
        wide = np.abs(d - c) > 1
        if wide.any():
            start_is_off = wide & (np.abs(a - np.rint(a)) <= np.abs(b - np.rint(b)))
            c = np.where(start_is_off, c + np.sign(d - c), c)
            d = np.where(wide & ~start_is_off, d - np.sign(d - c), d)
            here[crossing] = c
        share = np.clip((b - np.maximum(c, d)) / (b - a), 0.0, 1.0) * length[crossing]
        length[crossing] -= share
        np.add.at(total, tile[crossing] + d, share)
    tile += here
    np.add.at(total, tile, length)


def chunks(count: Indices, most: int) -> Iterator[slice]:
    """Consecutive slices of the items whose counts sum to ``most`` at most; an item that has more stands alone."""
    total = np.cumsum(count)
    start = 0
    while start < len(count):
        done = total[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(total, done + most, side="right")))
        yield slice(start, stop)
        start = stop
