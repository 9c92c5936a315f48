"""``Outline``: a die that is no rectangle, as rectangles that do not overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement_data.polygons import rectangles
from placement_data.segments import clipped

Ints = NDArray[np.int64]
Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Corner = tuple[int, int]
Tiles = tuple[Ints, Ints, Ints, Ints]
Ends = tuple[Array, Array, Array, Array]

CORNERS_MAX = 4096
"""Most corners of a die."""


@dataclass(frozen=True)
class Outline:
    """A simple polygon with sides along the axes, by its ``corners`` in order; database units."""

    corners: tuple[Corner, ...]

    @classmethod
    def of(cls, points: Sequence[Sequence[int]]) -> Outline | None:
        """The outline through some points, None for a rectangle. Raises ``ValueError`` as :func:`corners_of`."""
        corners = corners_of([(int(x), int(y)) for x, y in points])
        return cls(tuple(corners)) if len(corners) > 4 else None

    @cached_property
    def parts(self) -> Ints:
        """(n, 4) rectangles that do not overlap and make up the inside. They share level borders only."""
        return np.array(rectangles(self.corners, whole=True), dtype=np.int64)

    @cached_property
    def _tops(self) -> Ints:
        """(n, 3) low x, high x and y of the upper borders of parts on which no other part stands."""
        tops: list[tuple[int, int, int]] = []
        for x0, _, x1, y in self.parts.tolist():
            above = sorted(part for part in self.parts.tolist() if part[1] == y and part[0] < x1 and part[2] > x0)
            ends = [x0, *(end for part in above for end in (part[0], part[2])), x1]
            tops += [(low, high, y) for low, high in zip(ends[0::2], ends[1::2], strict=True) if low < high]
        return np.array(tops, dtype=np.int64).reshape(-1, 3)

    def clip(self, boxes: NDArray[Any]) -> tuple[Array, Ints]:
        """What lies inside of boxes (n, 4), as boxes (m, 4) that do not overlap, and the row of each one's own box."""
        found, owners = [np.empty((0, 4))], [np.empty(0, dtype=np.int64)]
        for part in self.parts:
            inside = np.concatenate([np.maximum(boxes[:, :2], part[:2]), np.minimum(boxes[:, 2:], part[2:])], axis=1)
            rows = np.flatnonzero((inside[:, :2] < inside[:, 2:]).all(axis=1))
            found.append(inside[rows].astype(np.float64))
            owners.append(rows)
        return np.concatenate(found), np.concatenate(owners)

    def nearest(self, boxes: Array) -> Array:
        """Boxes (n, 4) cut to the one part of the outline that each comes nearest to."""
        away = np.stack([np.hypot(*_distance(boxes, part)) for part in self.parts])
        part = self.parts[np.argmin(away, axis=0)]
        return np.clip(boxes, np.tile(part[:, :2], 2), np.tile(part[:, 2:], 2))

    def within(self, boxes: NDArray[Any], margin: float = 0.0) -> Mask:
        """(n,) True for the closed boxes that come as near to the inside as ``margin`` along both axes."""
        near = np.zeros(len(boxes), dtype=bool)
        for part in self.parts:
            x, y = _distance(boxes, part)
            near |= (x <= margin) & (y <= margin)
        return near

    def clip_segments(self, ends: Ends) -> tuple[Ends, Ints]:
        """What lies inside of segments x0, y0, x1, y1 (n,), each stretch once, and the row of each one's segment."""
        level = ends[1] == ends[3]
        found = []
        for x0, y0, x1, y1 in self.parts.tolist():
            # A level segment on a border of two parts is the upper one's.
            rows = np.flatnonzero(~level | ((ends[1] >= y0) & (ends[1] < y1)))
            ax, ay, bx, by = (values[rows] - corner for values, corner in zip(ends, (x0, y0, x0, y0), strict=True))
            cut = clipped(ax, ay, bx, by, float(x1 - x0), float(y1 - y0))
            found.append((cut[0] + x0, cut[1] + y0, cut[2] + x0, cut[3] + y0, rows))
        for low, high, y in self._tops.tolist():
            rows = np.flatnonzero(level & (ends[1] == y))
            left, right = np.clip(ends[0][rows], low, high), np.clip(ends[2][rows], low, high)
            found.append((left, ends[1][rows], right, ends[3][rows], rows))
        x0, y0, x1, y1, rows = (np.concatenate(column) for column in zip(*found, strict=True))
        some = (x0 != x1) | (y0 != y1)
        return (x0[some], y0[some], x1[some], y1[some]), rows[some]


def on_the_die(tiles: Tiles, boxes: NDArray[Any], inside: Mask, x_edges: Ints, y_edges: Ints) -> Tiles:
    """First row and column, last row and column of the tiles that boxes (n, 4) touch, given what half-open tiles say.

    Where none of those is ``inside`` (rows, columns), a box that begins on a border (of ``x_edges``, ``y_edges``) goes
    to the tiles to the left of it, below it or both, the first that are on the die.
    """
    row, column, high_row, high_column = tiles
    before = np.pad(inside.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    to_left = (boxes[:, 0] == x_edges[column]) & (column > 0)
    to_below = (boxes[:, 1] == y_edges[row]) & (row > 0)
    rows, columns = row, column
    for left, below in ((True, True), (False, True), (True, False), (False, False)):  # the last that serves counts
        low_row, low_column = row - (to_below & below), column - (to_left & left)
        count = before[high_row + 1, high_column + 1] - before[high_row + 1, low_column]
        count -= before[low_row, high_column + 1] - before[low_row, low_column]
        rows, columns = np.where(count > 0, low_row, rows), np.where(count > 0, low_column, columns)
    return rows, columns, high_row, high_column


def _distance(boxes: NDArray[Any], part: Ints) -> tuple[Array, Array]:
    """How far boxes (n, 4) are from a part along x and along y, 0 where they meet."""
    x, y = (np.maximum(part[axis] - boxes[:, axis + 2], boxes[:, axis] - part[axis + 2]) for axis in (0, 1))
    return np.maximum(x, 0).astype(np.float64), np.maximum(y, 0).astype(np.float64)


def corners_of(points: Sequence[Corner]) -> list[Corner]:
    """Corners of the polygon through some points: without points that are there twice in a row or lie on a side.

    Raises ``ValueError`` that says what is wrong: a slanting side, no area, sides that meet other than at a corner.
    """
    corners = [point for point, after in zip(points, [*points[1:], points[0]], strict=True) if point != after]
    if any(a[0] != b[0] and a[1] != b[1] for a, b in _sides(corners)):
        raise ValueError("a slanting side")
    around = zip([*corners[-1:], *corners[:-1]], corners, [*corners[1:], *corners[:1]], strict=True)
    corners = [here for before, here, after in around if _turn(before, here, after) or _turns_back(before, here, after)]
    if sum(a[0] * b[1] - b[0] * a[1] for a, b in _sides(corners)) == 0:
        raise ValueError("no area")
    if len(corners) > CORNERS_MAX:
        raise ValueError(f"more than {CORNERS_MAX} corners")
    if _meets_itself(corners):
        raise ValueError("sides that cross or touch")
    return corners


def _sides(corners: Sequence[Corner]) -> list[tuple[Corner, Corner]]:
    return list(pairwise([*corners, *corners[:1]]))


def _turn(before: Corner, here: Corner, after: Corner) -> bool:
    return (before[0] == here[0]) != (here[0] == after[0])


def _turns_back(before: Corner, here: Corner, after: Corner) -> bool:
    axis = 1 if before[0] == here[0] else 0
    return (here[axis] > before[axis]) != (after[axis] > here[axis])


def _meets_itself(corners: Sequence[Corner]) -> bool:
    """Whether two sides have a point in common that is not the corner between them."""
    ends = np.array(corners, dtype=np.int64)
    nexts = np.roll(ends, -1, axis=0)
    low, high = np.minimum(ends, nexts), np.maximum(ends, nexts)
    for side in range(len(ends)):
        meets = ((low <= high[side]) & (high >= low[side])).all(axis=1)
        # A side meets itself and, in a corner, those before and after it.
        if int(meets.sum()) != 3 or _overlap(low, high, side):
            return True
    return False


def _overlap(low: Ints, high: Ints, side: int) -> bool:
    """Whether a side runs back along the one after it."""
    other = (side + 1) % len(low)
    return bool((np.minimum(high[side], high[other]) - np.maximum(low[side], low[other])).max() > 0)
