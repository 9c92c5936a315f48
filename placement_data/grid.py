"""``Grid``: the tiles laid over a die, and exact rasterisers of many boxes, points and segments at once.

Maps are ``(rows, columns)`` arrays, indexed ``[y, x]``; row 0 lies at the bottom of the die and column 0 at its left.
The last row and column are cut at the die's edge and may be slivers. Tiles are half open: a tile owns its left and
bottom border, and the last tiles own the die's right and top edge too. Coordinates given to a rasteriser are database
units; lengths and areas that come back are microns and square microns.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from placement_data.design import Design, Orientation
from placement_data.errors import InputError

Map = NDArray[np.float64]
Array = NDArray[np.float64]
Indices = NDArray[np.int64]

TILES_MAX = 4096
"""Most tiles along one side of a grid."""

_PIECES_MAX = 1 << 15
"""Pieces of segments held at one time: few enough to stay in the processor's cache."""

_SEGMENTS_MAX = 1 << 14
"""Segments held at one time."""

_QUARTER_TURNED = (Orientation.W, Orientation.E, Orientation.FW, Orientation.FE)


@dataclass(frozen=True)
class Grid:
    """Tiles of ``tile`` database units over ``die`` (x0, y0, x1, y1)."""

    die: tuple[int, int, int, int]
    tile: int
    dbu_per_micron: int

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = self.die
        if x1 <= x0 or y1 <= y0:
            raise InputError("the die has no area", found=str(self.die), expected="x0 < x1 and y0 < y1")
        if self.tile < 1:
            raise InputError("the tile is too small", found=self.tile, expected="at least one database unit")
        rows, columns = self.shape
        if max(rows, columns) > TILES_MAX:
            what = (
                f"a tile of {self.tile_um:g} um is too small for a die of {self._um(x1 - x0)} x {self._um(y1 - y0)} um"
            )
            raise InputError(
                what, found=f"{columns} x {rows} tiles", expected=f"at most {TILES_MAX} x {TILES_MAX} tiles"
            )

    @classmethod
    def of(cls, design: Design, tile_um: float | None = None) -> Grid:
        """The grid of a design. ``tile_um`` (microns) is rounded to database units; the default is the row height.

        Raises ``InputError`` where the tile is no positive number, the grid too fine, or no row height is known.
        """
        if tile_um is None:
            tile_um = row_height(design)
            if tile_um is None:
                raise InputError("no row tells the row height", expected="a tile size given with --tile (microns)")
        if not (math.isfinite(tile_um) and tile_um > 0):
            raise InputError(
                "the tile size cannot be used", found=str(tile_um), expected="a positive number of microns"
            )
        x0, y0, x1, y1 = (int(edge) for edge in design.die)
        return cls((x0, y0, x1, y1), round(tile_um * design.dbu_per_micron), design.dbu_per_micron)

    def to_dict(self) -> dict[str, object]:
        """JSON form; ``origin``, ``shape`` and ``tile_um`` are there for readers of the file."""
        return {
            "die": list(self.die),
            "tile": self.tile,
            "dbu_per_micron": self.dbu_per_micron,
            "origin": list(self.origin),
            "shape": list(self.shape),
            "tile_um": self.tile_um,
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Grid:
        """Inverse of ``to_dict``."""
        x0, y0, x1, y1 = (int(edge) for edge in fields["die"])
        return cls((x0, y0, x1, y1), int(fields["tile"]), int(fields["dbu_per_micron"]))

    @property
    def origin(self) -> tuple[int, int]:
        """Lower-left corner of the die, database units."""
        return self.die[:2]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns); the last ones may be cut."""
        x0, y0, x1, y1 = self.die
        return -((y0 - y1) // self.tile), -((x0 - x1) // self.tile)

    @property
    def tile_um(self) -> float:
        """Side of a full tile, microns."""
        return self.tile / self.dbu_per_micron

    @cached_property
    def x_edges(self) -> Indices:
        """(columns + 1,) exact tile borders, database units."""
        return _edges(self.die[0], self.die[2], self.tile)

    @cached_property
    def y_edges(self) -> Indices:
        """(rows + 1,) exact tile borders, database units."""
        return _edges(self.die[1], self.die[3], self.tile)

    @cached_property
    def area(self) -> Map:
        """(rows, columns) area of each tile, square microns."""
        area: Map = np.outer(np.diff(self.y_edges), np.diff(self.x_edges)) / float(self.dbu_per_micron) ** 2
        return area

    def contains(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """(n,) True for the points that lie on the closed die."""
        x0, y0, x1, y1 = self.die
        px, py = np.asarray(x), np.asarray(y)
        return np.asarray((px >= x0) & (px <= x1) & (py >= y0) & (py <= y1))

    def column_of(self, x: ArrayLike) -> Indices:
        """(n,) column that owns each x; an x off the die goes to the nearest column."""
        return _tile_of(np.asarray(x, dtype=np.float64) - self.die[0], self.tile, self.shape[1])

    def row_of(self, y: ArrayLike) -> Indices:
        """(n,) row that owns each y; a y off the die goes to the nearest row."""
        return _tile_of(np.asarray(y, dtype=np.float64) - self.die[1], self.tile, self.shape[0])

    def box_area(self, boxes: NDArray[Any], weight: ArrayLike = 1.0) -> Map:
        """Sum over boxes (n, 4) of weight times the area of the overlap with each tile, square microns.

        Boxes are clipped to the die. Each axis of a box becomes four signed entries, their products are summed up
        twice: the work is 16 entries a box however large it is. Results below the rounding noise of the sums become 0.
        """
        rows, columns = self.shape
        weights = _weights(weight, len(boxes))
        x_entries = _ramp_entries(self._clip(boxes, 0), self._clip(boxes, 2), self.x_edges, self.tile)
        y_entries = _ramp_entries(self._clip(boxes, 1), self._clip(boxes, 3), self.y_edges, self.tile)
        steps = np.zeros((rows + 1) * (columns + 1))
        for row, y_share in y_entries:
            base, y_weight = row * (columns + 1), y_share * weights
            for column, x_share in x_entries:
                steps += np.bincount(base + column, x_share * y_weight, minlength=steps.size)
        share = _sum_up(steps.reshape(rows + 1, columns + 1))
        share[np.abs(share) <= 8 * np.finfo(np.float64).eps * np.abs(weights).sum()] = 0.0
        if weights.min(initial=0.0) >= 0.0:
            np.maximum(share, 0.0, out=share)
        return np.asarray(share * self.area)

    def box_count(self, boxes: NDArray[Any], weight: ArrayLike = 1.0) -> Map:
        """Sum of the weights of the boxes (n, 4) that touch each tile; exact for whole weights.

        A closed box touches a half-open tile when they have a point in common, so a box of no size touches exactly one
        tile. Boxes wholly off the die touch none.
        """
        x0, y0, x1, y1 = self.die
        rows, columns = self.shape
        on_die = (boxes[:, 0] <= x1) & (boxes[:, 2] >= x0) & (boxes[:, 1] <= y1) & (boxes[:, 3] >= y0)
        weights = _weights(weight, len(boxes))[on_die]
        low_row, low_column, high_row, high_column = self.tiles_touched(boxes[on_die])
        steps = np.zeros((rows + 1) * (columns + 1))
        for row, row_sign in ((low_row, 1.0), (high_row + 1, -1.0)):
            for column, sign in ((low_column, row_sign), (high_column + 1, -row_sign)):
                steps += np.bincount(row * (columns + 1) + column, sign * weights, minlength=steps.size)
        return _sum_up(steps.reshape(rows + 1, columns + 1))

    def tiles_touched(self, boxes: NDArray[Any]) -> tuple[Indices, Indices, Indices, Indices]:
        """First row, first column, last row and last column (inclusive) that each closed box (n, 4) touches."""
        return (
            self.row_of(boxes[:, 1]),
            self.column_of(boxes[:, 0]),
            self.row_of(boxes[:, 3]),
            self.column_of(boxes[:, 2]),
        )

    def point_count(self, x: ArrayLike, y: ArrayLike, weight: ArrayLike = 1.0) -> Map:
        """Sum of the weights of the points (n,) in each tile; points off the die are not counted."""
        px, py = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        on_die = self.contains(px, py)
        rows, columns = self.shape
        tiles = self.row_of(py[on_die]) * columns + self.column_of(px[on_die])
        weights = _weights(weight, len(px))[on_die]
        count: Map = np.bincount(tiles, weights, minlength=rows * columns).astype(np.float64)
        return count.reshape(rows, columns)

    def segment_length(
        self, x0: ArrayLike, y0: ArrayLike, x1: ArrayLike, y1: ArrayLike, weight: ArrayLike = 1.0
    ) -> Map:
        """Sum over straight segments (n,) of weight times their length inside each tile, microns.

        Segments of any angle are clipped to the die. One that runs along a tile border belongs to the tile that owns
        the border. A segment is cut at the borders across its longer side, so that a piece meets two tiles at most.
        """
        ends = [np.asarray(v, dtype=np.float64) for v in (x0, y0, x1, y1)]
        weights = _weights(weight, len(ends[0]))
        rows, columns = self.shape
        steep, flat = np.zeros(rows * columns), np.zeros(rows * columns)
        for start in range(0, len(weights), _SEGMENTS_MAX):
            part = slice(start, start + _SEGMENTS_MAX)
            ax, ay, bx, by = (v[part] - self.die[axis % 2] for axis, v in enumerate(ends))
            ax, ay, bx, by = _clip_segments(ax, ay, bx, by, self.die[2] - self.die[0], self.die[3] - self.die[1])
            dx, dy = bx - ax, by - ay
            length = np.hypot(dx, dy) * weights[part] / self.dbu_per_micron
            upright, some = np.abs(dy) >= np.abs(dx), length != 0.0
            up, along = np.flatnonzero(upright & some), np.flatnonzero(~upright & some)
            _cut(steep, (rows, columns), self.tile, ay[up], ax[up], by[up], bx[up], length[up])
            _cut(flat, (columns, rows), self.tile, ax[along], ay[along], bx[along], by[along], length[along])
        return steep.reshape(rows, columns) + flat.reshape(columns, rows).T

    def _clip(self, boxes: NDArray[Any], side: int) -> Array:
        """One side of the boxes, relative to the origin and clipped to the die."""
        low, high = self.die[side % 2], self.die[side % 2 + 2]
        return np.clip(boxes[:, side].astype(np.float64) - low, 0.0, float(high - low))

    def _um(self, length: int) -> str:
        return f"{length / self.dbu_per_micron:g}"


def row_height(design: Design) -> float | None:
    """Height in microns of the site that most rows use, None where no row names a known site."""
    sites = {str(name): i for i, name in enumerate(design.sites.name)}
    heights: Counter[float] = Counter()
    for site, orientation in zip(design.rows.site, design.rows.orientation, strict=True):
        i = sites.get(str(site))
        if i is not None:
            turned = int(orientation) in _QUARTER_TURNED
            heights[float(design.sites.width[i] if turned else design.sites.height[i])] += 1
    known = [(count, height) for height, count in heights.items() if math.isfinite(height) and height > 0]
    return max(known, key=lambda item: (item[0], -item[1]))[1] if known else None


def _edges(low: int, high: int, tile: int) -> Indices:
    return np.append(np.arange(low, high, tile, dtype=np.int64), np.int64(high))


def _tile_of(distance: Array, tile: int, count: int) -> Indices:
    """Index of the half-open tile that holds each distance from the origin, the last one closed."""
    return np.clip(np.floor(distance / tile), 0, count - 1).astype(np.int64)


def _weights(weight: ArrayLike, count: int) -> Array:
    return np.broadcast_to(np.asarray(weight, dtype=np.float64), (count,))


def _sum_up(steps: Map) -> Map:
    """Map from its signed corners."""
    np.cumsum(steps, axis=0, out=steps)
    np.cumsum(steps, axis=1, out=steps)
    return steps[:-1, :-1].copy()


def _ramp_entries(low: Array, high: Array, edges: Indices, tile: int) -> list[tuple[Indices, Array]]:
    """Entries whose running sum along one axis is the share of each tile that [low, high] covers.

    A half line that begins at v inside tile j covers the share s of tile j and all of every later tile: that is s at j
    and 1 - s at j + 1. The interval is the half line from its low end less the one from its high end.
    """
    borders = (edges - edges[0]).astype(np.float64)
    sizes = np.diff(borders)
    entries = []
    for value, sign in ((low, 1.0), (high, -1.0)):
        index = _tile_of(value, tile, len(sizes))
        share = (borders[index + 1] - value) / sizes[index]
        entries += [(index, sign * share), (index + 1, sign * (1.0 - share))]
    return entries


def _clip_segments(
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
    for position, step, limit in ((px, dx, width), (py, dy, height)):
        moving = step != 0
        safe = np.where(moving, step, 1.0)
        first, second = -position / safe, (limit - position) / safe
        enter = np.where(moving, np.maximum(enter, np.minimum(first, second)), enter)
        leave = np.where(moving, np.minimum(leave, np.maximum(first, second)), leave)
        leave = np.where(~moving & ((position < 0) | (position > limit)), -1.0, leave)
    leave = np.where(leave < enter, enter, leave)
    for start, end, position, step, limit in ((ax, bx, px, dx, width), (ay, by, py, dy, height)):
        start[outside] = np.clip(position + enter * step, 0.0, limit)
        end[outside] = np.clip(position + leave * step, 0.0, limit)
    missed = outside[leave <= enter]
    bx[missed], by[missed] = ax[missed], ay[missed]
    return ax, ay, bx, by


def _cut(
    total: Array,
    shape: tuple[int, int],
    tile: int,
    major0: Array,
    minor0: Array,
    major1: Array,
    minor1: Array,
    length: Array,
) -> None:
    """Add to the flat map of (major tiles, minor tiles) the segments' lengths; none is longer in minor than in major.

    Coordinates become tiles here: borders are whole numbers. A piece runs from one major border to the next; only a
    segment's first and last piece end at the segment's own ends.
    """
    swap = major0 > major1
    low, high = np.where(swap, major1, major0) / tile, np.where(swap, major0, major1) / tile
    start, end = np.where(swap, minor1, minor0) / tile, np.where(swap, minor0, minor1) / tile
    slope, density = (end - start) / (high - low), length / (high - low)
    first = np.minimum(low.astype(np.int32), shape[0] - 1)
    last = np.minimum(high.astype(np.int32), shape[0] - 1)
    # Lengths of a segment's first and last piece; where they are one piece, it has the whole length.
    single = first == last
    head = np.where(single, length, density * (first + 1 - low))
    tail = np.where(single, length, density * (high - last))
    count = (last - first + 1).astype(np.int64)
    intercept = start - low * slope
    for part in _chunks(count, _PIECES_MAX):
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


def _chunks(count: Indices, most: int) -> Iterator[slice]:
    """Consecutive slices of the items whose counts sum to ``most`` at most; an item that has more stands alone."""
    total = np.cumsum(count)
    start = 0
    while start < len(count):
        done = total[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(total, done + most, side="right")))
        yield slice(start, stop)
        start = stop
