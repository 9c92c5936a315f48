"""Moves of detailed placement: those that a cell has, what they cost in wirelength, and batches without conflict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placement_data.columns import between
from placement_data.design import Codes, Ints
from routenas.flow.repair.floor import Floor, Free, Spots
from routenas.flow.repair.wires import Rest

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

KINDS = ("shift", "swap", "mirror", "white_space")
SHIFT, SWAP, MIRROR, WHITE_SPACE = range(len(KINDS))


@dataclass(frozen=True)
class Moves:
    """Moves (n,), each of a cell and, in a swap, of a partner (else -1): columns 0 and 1 of the tables (n, 2).

    ``cost`` is the change of the wirelength in database units, as if no other move were made and, in a swap, the two
    shared no net.
    """

    kind: Ints
    cell: Ints
    band: Ints
    column: Ints
    orientation: Codes
    cost: Array

    def __len__(self) -> int:
        return len(self.kind)

    def take(self, rows: Ints | Mask | Sequence[int]) -> Moves:
        """Some of them."""
        at = np.asarray(rows, dtype=None if len(rows) else np.int64)
        return Moves(self.kind[at], self.cell[at], self.band[at], self.column[at], self.orientation[at], self.cost[at])

    def applied(self, spots: Spots) -> Spots:
        """Where cells are when all moves are made."""
        some = self.cell >= 0
        cell = self.cell[some]
        band, column, orientation = spots.band.copy(), spots.column.copy(), spots.orientation.copy()
        band[cell], column[cell], orientation[cell] = self.band[some], self.column[some], self.orientation[some]
        return Spots(band, column, orientation)


def joined(parts: Sequence[Moves]) -> Moves:
    """All of several lists of moves."""
    names = ("kind", "cell", "band", "column", "orientation", "cost")
    return Moves(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


@dataclass(frozen=True)
class Neighbourhood:
    """Where cells are, what is free, and how far a move goes at most (``reach``, database units along each axis)."""

    floor: Floor
    spots: Spots
    free: Free
    rest: Rest
    reach: int

    def moves(self, cell: Ints, rng: np.random.Generator) -> Moves:
        """All kinds of moves of cells (n,)."""
        single = [self._white_space(cell, rng), self._shifts(cell, rng), self._mirrors(cell)]
        found = joined([*single, self._swaps(cell, rng)])
        near = np.ones(len(found), dtype=bool)
        for side in (0, 1):
            who, band, column = (each[:, side] for each in (found.cell, found.band, found.column))
            far = np.abs(self._corner(band, column) - self._corner(self.spots.band[who], self.spots.column[who]))
            near &= (who < 0) | (far <= self.reach).all(axis=1)
        return found.take(near)

    def _corner(self, band: Ints, column: Ints) -> Ints:
        floor = self.floor
        return np.stack([floor.x[band] + column * floor.step, floor.y[band]], axis=1)

    def _near(self, cell: Ints, band: Ints, column: Ints, size: Ints) -> tuple[Ints, Ints]:
        """Pairs of rows, a cell's and a place's, for places within reach: ``size`` sites of a band from a column on.

        Places in a band do not overlap, and some of each one's sites are within reach of the cell's corner.
        """
        floor, reach = self.floor, self.reach
        left = int(floor.x[0]) - floor.step  # bands begin less than a step from each other
        span = (floor.domain.shape[1] + 3) * floor.step  # more than any band is long
        low = self._corner(band, column)[:, 0] - left
        order = np.lexsort((low, band))
        first = (band * span + low)[order]
        last = first + (size[order] - 1) * floor.step
        home = self._corner(self.spots.band[cell], self.spots.column[cell])
        start, stop = (
            np.searchsorted(floor.y, home[:, 1] - reach),
            np.searchsorted(floor.y, home[:, 1] + reach, "right"),
        )
        level, which = between(start, stop)
        x = home[which, 0] - left
        begin = np.searchsorted(last, level * span + np.maximum(x - reach, 0))
        end = np.searchsorted(first, level * span + np.minimum(x + reach, span - 1), "right")
        at, pair = between(begin, np.maximum(begin, end))
        return which[pair], order[at]

    def _single(self, kind: int, cell: Ints, band: Ints, column: Ints, orientation: Codes) -> Moves:
        cost = self.rest.change(cell, self._corner(band, column), orientation)
        none = np.full(len(cell), -1)
        cells, bands, columns = (np.stack([one, none], axis=1) for one in (cell, band, column))
        turned = np.stack([orientation, orientation], axis=1)
        return Moves(np.full(len(cell), kind), cells, bands, columns, turned, cost)

    def _white_space(self, cell: Ints, rng: np.random.Generator) -> Moves:
        """To a place of its own in each free run of sites within reach."""
        free, floor, spots = self.free, self.floor, self.spots
        which, gap = self._near(cell, free.gap_band, free.gap_first, free.gap_size)
        room = free.gap_size[gap] - floor.width[cell[which]]
        which, gap, room = which[room >= 0], gap[room >= 0], room[room >= 0]
        who, band = cell[which], free.gap_band[gap]
        # Within the run: anywhere near the cell's own place, at an end of it most often where that is far.
        home = (floor.x[spots.band[who]] + spots.column[who] * floor.step - floor.x[band]) // floor.step
        place = np.clip(home - free.gap_first[gap], 0, room)
        place = np.where(rng.random(len(room)) < 0.5, place, (rng.random(len(room)) * (room + 1)).astype(np.int64))
        column = free.gap_first[gap] + place
        turned, allowed = floor.turned(who, band, spots.orientation[who])
        allowed &= free.fits(who, band, column)
        return self._single(WHITE_SPACE, who[allowed], band[allowed], column[allowed], turned[allowed])

    def _shifts(self, cell: Ints, rng: np.random.Generator) -> Moves:
        """Along the row, to sites of which some may be its own."""
        floor, spots = self.floor, self.spots
        most = max(1, min(self.reach // floor.step, 8))
        who = np.repeat(cell, 2)
        step = rng.integers(1, most + 1, len(who)) * np.tile([-1, 1], len(cell))
        band, column = spots.band[who], spots.column[who]
        own = np.stack([column, column + floor.width[who]], axis=1)
        good = self.free.fits(who, band, column + step, own)
        return self._single(SHIFT, who[good], band[good], (column + step)[good], spots.orientation[who][good])

    def _mirrors(self, cell: Ints) -> Moves:
        turned, allowed = self.floor.mirrored(cell, self.spots.orientation[cell])
        who = cell[allowed]
        return self._single(MIRROR, who, self.spots.band[who], self.spots.column[who], turned[allowed])

    def _swaps(self, cell: Ints, rng: np.random.Generator) -> Moves:
        """With a cell within reach that has as many sites, or with a narrower one that has free sites beside it."""
        floor, spots = self.floor, self.spots
        movable = np.flatnonzero(floor.movable)
        which, at = self._near(cell, spots.band[movable], spots.column[movable], floor.width[movable])
        one, other = cell[which], movable[at]
        domain = floor.domain[floor.spots.band, floor.spots.column]
        wider = floor.width[one] - floor.width[other]
        good = (one != other) & (floor.bands[one] == floor.bands[other]) & (domain[one] == domain[other])
        good &= (wider == 0) | ((wider > 0) & (floor.bands[one] == 1))
        one, other, wider = one[good], other[good], wider[good]
        band, column = spots.band[other], spots.column[other]
        own = np.stack([column, column + floor.width[other]], axis=1)
        column = column - np.where(rng.random(len(one)) < 0.5, wider, 0)
        turned, allowed = floor.turned(one, band, spots.orientation[one])
        back, also = floor.turned(other, spots.band[one], spots.orientation[other])
        good = allowed & also
        good[good] = self.free.fits(one[good], band[good], column[good], own[good])
        one, other, band, column = (each[good] for each in (one, other, band, column))
        turned, back = turned[good], back[good]
        cost = self.rest.change(one, self._corner(band, column), turned)
        cost += self.rest.change(other, self._corner(spots.band[one], spots.column[one]), back)
        return Moves(
            np.full(len(one), SWAP),
            np.stack([one, other], axis=1),
            np.stack([band, spots.band[one]], axis=1),
            np.stack([column, spots.column[one]], axis=1),
            np.stack([turned, back], axis=1),
            cost,
        )


def batch(moves: Moves, order: Ints, size: int, floor: Floor) -> Moves:
    """Up to ``size`` of the moves, the first in ``order``, that can all be made: no cell twice, no site twice."""
    cells: set[int] = set()
    sites: dict[int, list[tuple[int, int]]] = {}
    chosen: list[int] = []
    table = zip(*(each[order].tolist() for each in (moves.cell, moves.band, moves.column)), strict=True)
    for row, (pair, bands, columns) in zip(order.tolist(), table, strict=True):
        wanted = [
            (band + level, column, column + int(floor.width[cell]))
            for cell, band, column in zip(pair, bands, columns, strict=True)
            if cell >= 0
            for level in range(int(floor.bands[cell]))
        ]
        met = any(first < end and begin < last for band, first, last in wanted for begin, end in sites.get(band, ()))
        if met or cells.intersection(pair):
            continue
        chosen.append(row)
        cells.update(cell for cell in pair if cell >= 0)
        for band, first, last in wanted:
            sites.setdefault(band, []).append((first, last))
        if len(chosen) == size:
            break
    return moves.take(chosen)
