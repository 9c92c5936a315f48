"""Paths of up to three straight runs between two pins: all pairs of pins are priced, and laid on maps, at once.

Coordinates are in tiles: tile ``j`` reaches from ``j`` to ``j + 1`` whatever its size, and a run counts the share of
each tile that it crosses. A path of the pair (a, b) runs horizontally from a to some column, along that column to b's
row, and horizontally to b; or it starts and ends vertically, which is the same on the transposed map. The column is b's
or a's for the two L shapes, lies between them for a Z and outside for a U.

Nothing here is drawn by lot: of paths that cost the same each takes its share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float64]
Array = NDArray[np.float64]
Places = NDArray[np.int32]

Z_SHARES = (0.25, 0.5, 0.75)
"""Where along the box a Z bends."""

U_REACHES = (1, 4)
"""How many tiles beyond the box a U leads."""

BEND = 1.0
"""Cost of a bend, which is a via, in tiles of free track."""

_LEAST = 1e-9
"""Differences of cost, and parts of a wire, that are less than this are rounding noise."""

_HELD = 1 << 14
"""Pairs held at one time, few enough to stay in the processor's cache, but for a map so large that ..."""

_PARTS_OF_A_MAP = 4
"""... passes over it would take longer than the pairs: then as many as it has tiles, over this."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of pins (2, n): the tile of each, and where in the map it lies."""

    row: Places
    column: Places
    y: Array
    x: Array

    def __len__(self) -> int:
        return len(self.row[0])

    def __getitem__(self, which: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Pairs:
        return Pairs(self.row[:, which], self.column[:, which], self.y[:, which], self.x[:, which])

    @property
    def transposed(self) -> Pairs:
        """Rows and columns in each other's place."""
        return Pairs(self.column, self.row, self.x, self.y)


@dataclass(frozen=True)
class Prices:
    """What a run costs, as running sums from the edge of the map to the centre of each tile, flat: along rows, and
    along columns. ``columns`` is the length of a row."""

    along_rows: Array
    along_columns: Array
    columns: int

    @classmethod
    def of(cls, horizontal: Map, vertical: Map) -> Prices:
        """From the cost (rows, columns) of crossing each tile."""
        sums = [np.cumsum(cost, axis=axis) - cost / 2 for cost, axis in ((horizontal, 1), (vertical, 0))]
        return cls(sums[0].ravel(), sums[1].ravel(), horizontal.shape[1])

    @property
    def transposed(self) -> Prices:
        rows = len(self.along_rows) // self.columns
        along_rows, along_columns = (
            values.reshape(rows, self.columns).T.ravel() for values in (self.along_columns, self.along_rows)
        )
        return Prices(along_rows, along_columns, rows)


class Load:
    """Maps of horizontal and of vertical wire, as the share of the tile that runs cross, and of bends."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        tiles = shape[0] * shape[1]
        # For runs along rows and for runs along columns: +1 where one begins and -1 where it ends, and the same times
        # the place inside that tile. A tile's share is the running sum of the first less the second.
        self._ends = np.zeros((2, 2, tiles))
        self._bends = np.zeros(tiles)
        self._mass = 0.0

    def add(self, pairs: Pairs, column: Places, x: Array, weight: Array) -> None:
        """Add paths that start and end horizontally and change rows at ``x`` in ``column``, all (n,)."""
        self._add(pairs, column, x, weight, self.shape[1], 1, 0)

    def add_transposed(self, pairs: Pairs, row: Places, y: Array, weight: Array) -> None:
        """Add paths that start and end vertically and change columns at ``y`` in ``row``; ``pairs`` is transposed."""
        self._add(pairs, row, y, weight, 1, self.shape[1], 1)

    def _add(self, pairs: Pairs, column: Places, x: Array, weight: Array, major: int, minor: int, axis: int) -> None:
        base, step = pairs.row * major, column * minor
        pin, turn = base + pairs.column * minor, base + step
        run = np.sign(np.stack([x - pairs.x[0], pairs.x[1] - x])) * weight
        rise = np.sign(pairs.y[1] - pairs.y[0]) * weight
        self._mass += float(weight.sum())
        places = np.concatenate([pin[0], turn[0], turn[1], pin[1]])
        signs = np.concatenate([run[0], -run[0], run[1], -run[1]])
        at = pairs.x - pairs.column
        turned = x - column
        self._step(axis, places, signs, np.concatenate([at[0], turned, turned, at[1]]))
        self._step(
            1 - axis, np.concatenate([turn[0], turn[1]]), np.concatenate([rise, -rise]), (pairs.y - pairs.row).ravel()
        )
        bends = np.abs(rise) * (run != 0)
        self._bends += np.bincount(turn.ravel(), bends.ravel(), minlength=len(self._bends))

    def _step(self, axis: int, place: Places, sign: Array, inside: Array) -> None:
        tiles = len(self._bends)
        self._ends[axis, 0] += np.bincount(place, sign, minlength=tiles)
        self._ends[axis, 1] += np.bincount(place, sign * inside, minlength=tiles)

    def maps(self) -> Map:
        """(3, rows, columns) share of the tile crossed horizontally, vertically, and bends."""
        ends = self._ends.reshape(2, 2, *self.shape)
        shares = np.stack([np.cumsum(ends[axis, 0], axis=1 - axis) - ends[axis, 1] for axis in (0, 1)])
        shares[shares <= 8 * np.finfo(np.float64).eps * self._mass] = 0.0
        return np.concatenate([shares, self._bends.reshape(1, *self.shape)])


def load_halves(load: Load, pairs: Pairs) -> None:
    """Add both L shapes of each pair, each with half the weight."""
    for part in _parts(pairs, load):
        half = np.full(len(part), 0.5)
        for end in (0, 1):
            load.add(part, part.column[end], part.x[end], half)


def load_cheapest(load: Load, pairs: Pairs, prices: Prices) -> None:
    """Add of each pair the two L shapes, and of the paths over three runs the cheapest that starts horizontally and the
    cheapest that starts vertically, in the shares of ``shares_of``."""
    turned = prices.transposed
    for part in _parts(pairs, load):
        other = part.transposed
        straight = (part.row[0] == part.row[1]) | (part.column[0] == part.column[1])
        level, column = _three_runs(part, prices)
        upright, row = _three_runs(other, turned)
        share = shares_of(np.stack([*(_two_runs(part, prices) + BEND * ~straight), level, upright]))
        load.add(part, part.column[1], part.x[1], share[0])
        load.add(part, part.column[0], part.x[0], share[1])
        some = np.flatnonzero(share[2])
        load.add(part[some], column[some], column[some] + np.float64(0.5), share[2, some])
        some = np.flatnonzero(share[3])
        load.add_transposed(other[some], row[some], row[some] + np.float64(0.5), share[3, some])


def shares_of(cost: Array) -> Array:
    """Share (4, n) of each of a pair's four paths of ``cost`` (4, n): none of one that is dearer than the cheapest by
    a bend or more, the others in proportion to what they lack of that. Paths of the same cost have the same share."""
    share: Array = 1.0 - (cost - cost.min(axis=0)) / BEND
    share[share < _LEAST] = 0.0
    share /= (share[0] + share[1]) + (share[2] + share[3])
    return share


def _two_runs(pairs: Pairs, prices: Prices) -> Array:
    """Cost (2, n) of the L that starts horizontally and of the one that starts vertically."""
    start, stop = pairs.row * prices.columns
    a, b = pairs.column
    along, across = prices.along_rows, prices.along_columns
    first = np.abs(along[start + b] - along[start + a]) + np.abs(across[stop + b] - across[start + b])
    second = np.abs(across[stop + a] - across[start + a]) + np.abs(along[stop + b] - along[stop + a])
    return np.stack([first, second])


def _three_runs(pairs: Pairs, prices: Prices) -> tuple[Array, Places]:
    """Cost (n,) of the cheapest path over three runs that changes rows in a column other than the pins', and that
    column; infinite where there is none."""
    a, b = pairs.column
    start, stop = pairs.row * prices.columns
    along, across = prices.along_rows, prices.along_columns
    at_a, at_b = along[start + a], along[stop + b]
    span = b - a
    outward = np.where(span < 0, np.int32(-1), np.int32(1))
    best, chosen = np.full(len(a), np.inf), a
    same_row = start == stop
    for column in _columns(a, b, span, outward):
        np.clip(column, 0, prices.columns - 1, out=column)
        first, second = start + column, stop + column
        cost = np.abs(along[first] - at_a)
        cost += np.abs(across[first] - across[second])
        cost += np.abs(along[second] - at_b)
        cost[(column == a) | (column == b) | same_row] = np.inf
        better = cost < best - _LEAST
        best = np.where(better, cost, best)
        chosen = np.where(better, column, chosen)
    return best + 2 * BEND, chosen


def _columns(a: Places, b: Places, span: Places, outward: Places) -> Iterator[Places]:
    """The columns in which a path may change rows, counted from a towards b: mirrored pairs have mirrored ones."""
    for share in Z_SHARES:
        yield a + (span * share).astype(np.int32)
    for reach in U_REACHES:
        yield a - outward * np.int32(reach)
        yield b + outward * np.int32(reach)


def _parts(pairs: Pairs, load: Load) -> Iterator[Pairs]:
    step = max(_HELD, load.shape[0] * load.shape[1] // _PARTS_OF_A_MAP)
    for start in range(0, len(pairs), step):
        yield pairs[start : start + step]
