"""``Floor``: the sites that cells may take, and the cells that may move; legality is decided here alone.

A site is one step of a row. Sites are cells of a matrix (bands, columns), where a band is what rows of the same place
in y make up; what is not known to be allowed is not a site here, and a cell that is not known to be legal never moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placement_data.checks.placement import misplaced
from placement_data.columns import between
from placement_data.design import Codes, Design, Ints, MasterClass, Status
from placement_data.features.layout import cell_outlines
from placement_data.netlist import signal_nets
from placement_data.orientation import Orientation
from placement_data.polygons import cover, rectangles

Mask = NDArray[np.bool_]

CLOSED = -1

# Orientations without a quarter turn, as mirrored left to right (a) and upside down (b): code = _CODE[b, a].
_CODE = np.array([[Orientation.N, Orientation.FN], [Orientation.FS, Orientation.S]], dtype=np.uint8)
_UPRIGHT = (Orientation.N, Orientation.S, Orientation.FN, Orientation.FS)
_MIRRORED, _UPSIDE_DOWN = (Orientation.S, Orientation.FN), (Orientation.S, Orientation.FS)
_SYMMETRY_X, _SYMMETRY_Y = 1, 2  # bits of ``Masters.symmetry``


@dataclass(frozen=True)
class Spots:
    """Where cells are: lowest band, first column, and orientation of each."""

    band: Ints
    column: Ints
    orientation: Codes


@dataclass(frozen=True)
class Floor:
    """The sites and cells of a design. ``domain`` (bands, columns) is -1 where no cell may go; elsewhere it is a code

    of the REGIONs that cover the site: a cell stays among sites of its own code, so that it leaves no fence and enters
    none. Sizes of cells are in sites and bands. ``movable`` cells lie legally at ``spots`` (zero for others).
    """

    design: Design
    y: Ints  # (bands,) lower edge, ascending
    x: Ints  # (bands,) where column 0 begins
    height: int  # of a band, database units
    step: int  # of a site
    upside_down: Mask  # (bands,) rows of orientation FS and S
    domain: Ints
    width: Ints  # (cells,)
    bands: Ints  # (cells,)
    movable: Mask
    spots: Spots

    @classmethod
    def of(cls, design: Design, fixed: Collection[str] = ()) -> Floor:
        """The floor of a placed design, on which the cells named ``fixed`` stay where they are."""
        rows, step, height = _rows(design)
        y, first = np.unique(rows[:, 1], return_index=True)
        x = rows[:, 0].min() if len(rows) else 0
        # Column 0 lies at or before the first site of every band, on the band's own grid.
        start = x + (rows[first, 0] - x) % step if len(rows) else np.empty(0, dtype=np.int64)
        columns = int(((rows[:, 2] - x) // step).max()) + 1 if len(rows) else 0
        upside_down = np.isin(rows[first, 3], _UPSIDE_DOWN)
        count = len(design.cells.name)
        none = np.zeros(count, dtype=np.int64)
        spots = Spots(none, none, design.cells.orientation)
        closed = np.full((len(y), columns), CLOSED, dtype=np.int64)
        floor = cls(design, y, start, height, step, upside_down, closed, none, none, none > 0, spots)
        domain = _domains(floor, rows)
        return _with_cells(floor, domain, _may_move(design, fixed))

    def span(self, box: Ints, *, whole: bool = False) -> tuple[Ints, Ints, Ints, Ints]:
        """Band, first column, column behind the last of the sites that boxes (n, 4) touch, and the row of each box.

        Only sites that lie in the box as a ``whole``, where asked for. One row a band.
        """
        low, high = self.y, self.y + self.height
        if whole:
            first, last = np.searchsorted(low, box[:, 1]), np.searchsorted(high, box[:, 3], side="right")
        else:
            first, last = np.searchsorted(high, box[:, 1], side="right"), np.searchsorted(low, box[:, 3])
        area = (box[:, 2] > box[:, 0]) & (box[:, 3] > box[:, 1])
        band, owner = between(first, np.where(area, np.maximum(last, first), first))
        left, right = box[owner, 0] - self.x[band], box[owner, 2] - self.x[band]
        start, stop = (
            (-(-left // self.step), right // self.step) if whole else (left // self.step, -(-right // self.step))
        )
        limit = self.domain.shape[1]
        start = np.clip(start, 0, limit)
        return band, start, np.maximum(np.clip(stop, 0, limit), start), owner

    def painted(self, box: Ints, *, whole: bool = False) -> Ints:
        """(bands, columns) number of the boxes (n, 4) that touch each site, or in which it lies as a ``whole``."""
        band, start, stop, _ = self.span(box, whole=whole)
        return self._counted(band, start, stop)

    def _counted(self, band: Ints, start: Ints, stop: Ints) -> Ints:
        change = np.zeros((self.domain.shape[0], self.domain.shape[1] + 1), dtype=np.int64)
        np.add.at(change, (band, start), 1)
        np.add.at(change, (band, stop), -1)
        return change.cumsum(axis=1)[:, :-1]

    def taken(self, spots: Spots) -> Ints:
        """(bands, columns) number of the movable cells on each site, with cells at ``spots``."""
        cells = np.flatnonzero(self.movable)
        first = spots.band[cells]
        band, owner = between(first, first + self.bands[cells])
        start = spots.column[cells][owner]
        return self._counted(band, start, start + self.width[cells][owner])

    def corner(self, spots: Spots) -> Ints:
        """(cells, 2) lower-left corners of all cells, database units."""
        corner = self.design.cells.box[:, :2].copy()
        cells = np.flatnonzero(self.movable)
        band = spots.band[cells]
        corner[cells] = np.stack([self.x[band] + spots.column[cells] * self.step, self.y[band]], axis=1)
        return corner

    def turned(self, cell: Ints, band: Ints, orientation: Codes) -> tuple[Codes, Mask]:
        """The orientation that cells (n,) of an ``orientation`` have in bands (n,), and whether they may have it."""
        over = self.upside_down[band]
        turns = over != np.isin(orientation, _UPSIDE_DOWN)
        symmetry = self.design.masters.symmetry[self.design.cells.master[cell]]
        allowed = ~turns | ((symmetry & _SYMMETRY_X > 0) & (self.bands[cell] == 1))
        return _CODE[over.astype(int), np.isin(orientation, _MIRRORED).astype(int)], allowed

    def mirrored(self, cell: Ints, orientation: Codes) -> tuple[Codes, Mask]:
        """The orientation of cells (n,) that are mirrored left to right, and whether they may be."""
        symmetry = self.design.masters.symmetry[self.design.cells.master[cell]]
        over, mirrored = (np.isin(orientation, codes).astype(int) for codes in (_UPSIDE_DOWN, _MIRRORED))
        return _CODE[over, 1 - mirrored], symmetry & _SYMMETRY_Y > 0

    def free(self, spots: Spots) -> Free:
        """The sites that nothing takes, with cells at ``spots``."""
        return Free(self, (self.taken(spots) > 0) | (self.domain == CLOSED))


class Free:
    """Free sites of a floor at one moment, as prefix sums, so that any number of places is tested at once."""

    def __init__(self, floor: Floor, full: Mask) -> None:
        self.floor, self.full = floor, full
        domain = floor.domain
        edge = np.zeros_like(full)
        edge[:, 1:] = domain[:, 1:] != domain[:, :-1]
        self._full, self._edges = (np.pad(each.cumsum(axis=1), ((0, 0), (1, 0))) for each in (full, edge))
        # Maximal runs of free sites of one domain.
        begins = ~full
        begins[:, 1:] &= full[:, :-1] | edge[:, 1:]
        self.gap_band, self.gap_first = np.nonzero(begins)
        ends = ~full
        ends[:, :-1] &= full[:, 1:] | edge[:, 1:]
        self.gap_size = np.nonzero(ends)[1] - self.gap_first + 1

    def fits(self, cell: Ints, band: Ints, column: Ints, own: Ints | None = None) -> Mask:
        """Whether cells (n,) fit in at lowest bands and first columns (n,): free sites of their own domain.

        ``own`` (n, 2) first and last-but-one column of sites in the same band that count as free: those that the cell
        or its partner in a swap leaves.
        """
        floor = self.floor
        width, bands = floor.width[cell], floor.bands[cell]
        count, columns = floor.domain.shape
        good = (band >= 0) & (band + bands <= count) & (column >= 0) & (column + width <= columns)
        home = floor.domain[floor.spots.band[cell], floor.spots.column[cell]]
        for level in range(int(bands.max(initial=0))):
            rows = np.flatnonzero(good & (bands > level))
            at, first = band[rows] + level, column[rows]
            last = first + width[rows]
            fine = (floor.domain[at, first] == home[rows]) & (self._edges[at, last] == self._edges[at, first + 1])
            if level:
                below = at - 1
                fine &= (floor.y[at] == floor.y[below] + floor.height) & (floor.x[at] == floor.x[below])
            full = self._full[at, last] - self._full[at, first]
            if own is not None:
                low, high = np.maximum(own[rows, 0], first), np.minimum(own[rows, 1], last)
                some = high > low
                low, high = np.where(some, low, first), np.where(some, high, first)
                full -= self._full[at, high] - self._full[at, low]
            good[rows] = fine & (full == 0)
        return np.asarray(good)


def _rows(design: Design) -> tuple[Ints, int, int]:
    """Rows of the commonest site as (n, 4): x, y, x of the last site, orientation; the site's width and height.

    Rows of which some are at odds (another site, orientation or grid at the same y, or overlapping ones above) are
    left out, the fewer ones; cells in them stay.
    """
    rows, scale = design.rows, design.dbu_per_micron
    sizes = {
        str(name): (round(width * scale), round(height * scale))
        for name, width, height in zip(design.sites.name, design.sites.width, design.sites.height, strict=True)
        if width > 0 and height > 0
    }
    found: list[tuple[int, int, int, int, tuple[int, int]]] = []
    for site, (x, y), turn, (columns, lines), (dx, dy) in zip(
        rows.site, rows.origin.tolist(), rows.orientation.tolist(), rows.count.tolist(), rows.step.tolist(), strict=True
    ):
        size = sizes.get(str(site))
        if size is None or turn not in _UPRIGHT or (columns > 1 and dx != size[0]):
            continue
        found += [(x, y + line * dy, columns, turn, size) for line in range(lines)]
    if not found:
        return np.empty((0, 4), dtype=np.int64), 1, 1
    sites: Counter[tuple[int, int]] = Counter()
    for *_, columns, _, size in found:
        sites[size] += columns
    (width, height), _ = max(sites.items(), key=lambda item: (item[1], item[0]))
    kinds: dict[int, Counter[tuple[int, int]]] = {}
    same = [row for row in found if row[4] == (width, height) and row[2]]
    for x, y, columns, turn, _ in same:
        kinds.setdefault(y, Counter())[x % width, turn] += columns
    kept, top = {}, None
    for y in sorted(kinds):
        if top is None or y >= top:
            kept[y], top = max(kinds[y].items(), key=lambda item: (item[1], item[0]))[0], y + height
    table = [(x, y, x + (n - 1) * width, turn) for x, y, n, turn, _ in same if kept.get(y) == (x % width, turn)]
    return np.array(table, dtype=np.int64).reshape(-1, 4), width, height


def _domains(floor: Floor, rows: Ints) -> Ints:
    """Codes of the sites of rows (n, 4) on the die that no placement blockage touches, -1 for what is no such site."""
    design = floor.design
    site = np.stack([rows[:, 0], rows[:, 1], rows[:, 2] + floor.step, rows[:, 1] + floor.height], axis=1)
    open_ = floor.painted(site, whole=True) > 0
    open_ &= floor.painted(np.array(rectangles(design.die_polygon.tolist(), whole=True)), whole=True) > 0
    open_ &= floor.painted(design.blockages.box[design.blockages.layer == ""]) == 0
    domain = np.zeros(floor.domain.shape, dtype=np.int64)
    regions = design.regions
    for first, last in zip(regions.box_offset[:-1], regions.box_offset[1:], strict=True):
        parts = cover([tuple(box) for box in regions.box[first:last].tolist()], whole=True)
        boxes = np.array(parts, dtype=np.int64).reshape(-1, 4)
        inside = floor.painted(boxes, whole=True) > 0
        open_ &= inside | (floor.painted(boxes) == 0)  # a site that is partly in is nobody's
        domain = np.unique(domain * 2 + inside, return_inverse=True)[1].reshape(domain.shape)
    return np.where(open_, domain, CLOSED)


def _may_move(design: Design, fixed: Collection[str]) -> Mask:
    """(cells,) True for placed standard cells with a pin on a signal net that nothing ties to their place."""
    cells, masters, pins = design.cells, design.masters, design.pins
    kind = (masters.kind == MasterClass.CORE) & ~np.isin(masters.subclass, ("SPACER", "WELLTAP"))
    kind[masters.outline_master] = False
    wired = np.zeros(len(cells.name), dtype=bool)
    wired[pins.cell[signal_nets(design)[pins.net] & (pins.cell >= 0)]] = True
    move = (cells.status == Status.PLACED) & kind[cells.master] & wired & np.isin(cells.orientation, _UPRIGHT)
    tied = design.blockages.cell[design.blockages.cell >= 0]
    move[np.concatenate([tied, cells.halo_cell])] = False
    move[[one.cell for one in misplaced(design)]] = False
    if fixed:
        move &= ~np.fromiter((str(name) in fixed for name in cells.name), dtype=bool, count=len(move))
    return np.asarray(move)


def _with_cells(floor: Floor, domain: Ints, move: Mask) -> Floor:
    """The floor with its movable cells: of those that may ``move`` the ones that lie legally, alone on their sites."""
    design, cells = floor.design, floor.design.cells
    there = np.flatnonzero((cells.status != Status.UNPLACED) & (design.masters.kind[cells.master] != MasterClass.COVER))
    box, owner = cell_outlines(design, there)
    halo = np.zeros((len(cells.name), 4), dtype=np.int64)
    halo[cells.halo_cell] = cells.halo * np.array([-1, -1, 1, 1])
    box = box + halo[there[owner]]
    crowd = floor.painted(box)
    size = cells.box[:, 2:] - cells.box[:, :2]
    width, bands = -(-size[:, 0] // floor.step), size[:, 1] // floor.height
    count = max(len(floor.y), 1)
    band = np.minimum(np.searchsorted(floor.y, cells.box[:, 1]), count - 1)
    move = move & (width > 0) & (bands > 0) & (size[:, 1] == bands * floor.height)
    if not len(floor.y):
        move[:] = False
    rows = np.flatnonzero(move)
    away = cells.box[rows, 0] - floor.x[band[rows]]
    on_site = (floor.y[band[rows]] == cells.box[rows, 1]) & (away >= 0) & (away % floor.step == 0)
    column = np.zeros(len(move), dtype=np.int64)
    column[rows] = np.maximum(away // floor.step, 0)
    move[rows[~on_site]] = False
    spots = Spots(np.where(move, band, 0), np.where(move, column, 0), cells.orientation)
    trial = Floor(
        design, floor.y, floor.x, floor.height, floor.step, floor.upside_down, domain, width, bands, move, spots
    )
    rows = np.flatnonzero(move)
    legal = Free(trial, (crowd > 1) | (domain == CLOSED)).fits(rows, spots.band[rows], spots.column[rows])
    legal &= np.isin(cells.orientation[rows], _UPSIDE_DOWN) == floor.upside_down[spots.band[rows]]
    mirrored = np.isin(cells.orientation[rows], _MIRRORED)
    legal &= ~mirrored | (design.masters.symmetry[cells.master[rows]] & _SYMMETRY_Y > 0)
    move[rows[~legal]] = False
    stays = ~move[there[owner]]
    domain = np.where(floor.painted(box[stays]) > 0, CLOSED, domain)
    spots = Spots(np.where(move, spots.band, 0), np.where(move, spots.column, 0), cells.orientation)
    return Floor(
        design, floor.y, floor.x, floor.height, floor.step, floor.upside_down, domain, width, bands, move, spots
    )
