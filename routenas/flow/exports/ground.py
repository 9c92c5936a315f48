"""What a die has room for: its rectangles, the macros on it, the white space of its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Design, MasterClass, Status
from placement_data.errors import InputError
from placement_data.features.layout import cell_outlines
from placement_data.netlist import macro_masters
from placement_data.outline import Outline
from placement_data.polygons import cover

Box = tuple[int, int, int, int]
Boxes = NDArray[np.int64]


@dataclass(frozen=True)
class Ground:
    """What lies on a die: its own rectangles, macros, and standard cells: boxes (n, 4), rows, whether they move."""

    die: tuple[Box, ...]
    macros: tuple[Box, ...]
    cell_box: Boxes
    cell: NDArray[np.int64]
    movable: NDArray[np.bool_]

    @classmethod
    def of(cls, design: Design) -> Ground:
        """The ground of a design."""
        cells = design.cells
        outline = Outline.of(design.die_polygon.tolist())
        die = [design.die] if outline is None else outline.parts
        macro = macro_masters(design.masters)[cells.master]
        placed = cells.status != Status.UNPLACED
        macros, _ = cell_outlines(design, np.flatnonzero(macro & placed))
        # Fillers, taps and bumps have no signal pin: they take no room that a cell could not have, or must stay.
        kinds = np.isin(design.masters.kind, (MasterClass.COVER,)) | (design.masters.subclass == "SPACER")
        wired = np.zeros(len(cells.name), dtype=bool)
        wired[design.pins.cell[design.pins.cell >= 0]] = True
        rows = np.flatnonzero(placed & ~macro & ~kinds[cells.master])
        movable = wired[rows] & (cells.status[rows] == Status.PLACED)
        return cls(as_boxes(die), as_boxes(macros), cells.box[rows], rows, movable)

    @property
    def area(self) -> int:
        """Of the die."""
        return area_of(self.die)

    def free(self, box: Box, without: Sequence[Box] = ()) -> tuple[Box, ...]:
        """What of a box is on the die and on no macro, nor in boxes ``without``, in boxes that do not overlap."""
        on_die = [cut for part in self.die if (cut := _common(box, part))]
        holes = [cut for part in on_die for hole in (*self.macros, *without) if (cut := _common(part, hole))]
        return as_boxes(cover(on_die, holes, whole=True)) if on_die else ()

    def parts(self, box: Box, without: Sequence[Box] = ()) -> tuple[Box, ...]:
        """As :meth:`free`, but no slivers in which no standard cell has room."""
        free = self.free(box, without)
        if not len(self.cell_box):
            return free
        width, height = (self.cell_box[:, 2:] - self.cell_box[:, :2]).min(axis=0)
        return tuple(part for part in free if part[2] - part[0] >= width and part[3] - part[1] >= height)

    def cells(self, parts: Sequence[Box]) -> tuple[NDArray[np.int64], float]:
        """Rows of the movable cells that lie in parts by some of their area, and the share that all cells take."""
        met, area = np.zeros(len(self.cell), dtype=bool), 0.0
        for part in parts:
            low, high = np.maximum(self.cell_box[:, :2], part[:2]), np.minimum(self.cell_box[:, 2:], part[2:])
            size = np.maximum(high - low, 0).prod(axis=1)
            met |= size > 0
            area += float(size.sum())
        return self.cell[met & self.movable], area / area_of(parts) if parts else 0.0


def _site_sizes(design: Design) -> tuple[NDArray[np.int64], Boxes]:
    """Rows whose site is known, and the sizes (n, 2) of their sites, database units."""
    sites = {str(name): row for row, name in enumerate(design.sites.name)}
    site = np.array([sites.get(str(name), -1) for name in design.rows.site], dtype=np.int64)
    known = np.flatnonzero(site >= 0)
    size = np.stack([design.sites.width, design.sites.height], axis=1)[site[known]] * design.dbu_per_micron
    return known, np.nan_to_num(size).round().astype(np.int64)


def _row_boxes(design: Design) -> list[Box]:
    """The rows whose site is known, as boxes."""
    known, size = _site_sizes(design)
    low, rows = design.rows.origin[known], design.rows
    high = low + np.maximum(rows.count[known] - 1, 0) * rows.step[known] + size
    return list(as_boxes(np.concatenate([low, high], axis=1)))


def as_boxes(boxes: Any) -> tuple[Box, ...]:
    return tuple((int(x0), int(y0), int(x1), int(y1)) for x0, y0, x1, y1 in boxes)


def _common(one: Box, other: Box) -> Box | None:
    """What two boxes share, None where that has no area."""
    x0, y0, x1, y1 = max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


def area_of(boxes: Sequence[Box]) -> int:
    return sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes)


def white_space(design: Design) -> float:
    """Area that neither macros nor cells take, of the rows, or of the die without rows; square database units."""
    ground = Ground.of(design)
    rows = _row_boxes(design)
    area = sum((area_of(ground.free(box)) for box in rows), 0) if rows else ground.area - area_of(ground.macros)
    size = ground.cell_box[:, 2:] - ground.cell_box[:, :2]
    return max(0.0, float(area) - float(size.prod(axis=1).sum()))


def site_width(design: Design) -> int:
    """Width in database units of the site that most rows use. Raises ``InputError`` where no row tells it."""
    widths = Counter(width for width, _ in _site_sizes(design)[1].tolist() if width > 0)
    if not widths:
        raise InputError("no row tells the width of a site", expected="a layout with rows, and LEF with their sites")
    return int(widths.most_common(1)[0][0])
