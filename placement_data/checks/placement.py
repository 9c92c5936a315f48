"""Where components lie that should lie on the die, in their own fence and in no other one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Design, Ints, RegionKind, Status
from placement_data.features.layout import cell_outlines
from placement_data.polygons import Box, cover, rectangles

Mask = NDArray[np.bool_]
Outlines = tuple[Ints, Ints]  # boxes (n, 4), and the place of each one's component among the placed ones


@dataclass(frozen=True)
class Misplaced:
    """A component that lies where it should not: code of ``lint``, row, what is wrong, its place, what is allowed."""

    code: str
    cell: int
    what: str
    found: str
    expected: str


def misplaced(design: Design, *, on_die: bool = True) -> Iterator[Misplaced]:
    """Components that lie not, or not wholly, on the die (where it is known, ``on_die``) and in their own fence, and

    those that the placer may move and that lie in a fence of others. A component of no size is a point.
    """
    placed = np.flatnonzero(design.cells.status != Status.UNPLACED)
    outlines = cell_outlines(design, placed)
    if on_die:
        yield from _outside_die(design, placed, outlines)
    yield from _outside_fences(design, placed, outlines)


def _outside_die(design: Design, placed: Ints, outlines: Outlines) -> Iterator[Misplaced]:
    die = rectangles(design.die_polygon.tolist(), whole=True)
    wholly, partly = _covered(outlines, len(placed), die)
    x0, y0, x1, y1 = design.die.tolist()
    corners = len(design.die_polygon)
    expected = f"( {x0} {y0} ) to ( {x1} {y1} )" if len(die) == 1 else f"the die's outline of {corners} corners"
    for row in np.flatnonzero(~wholly).tolist():
        how = "partly" if partly[row] else "wholly"
        yield _misplaced(design, "outside-die", placed[row], f"lies {how} outside the die", expected)


def _outside_fences(design: Design, placed: Ints, outlines: Outlines) -> Iterator[Misplaced]:
    regions = design.regions
    movable = design.cells.status[placed] == Status.PLACED
    for fence in np.flatnonzero(regions.kind == RegionKind.FENCE).tolist():
        name = regions.name[fence]
        boxes = regions.box[regions.box_offset[fence] : regions.box_offset[fence + 1]].tolist()
        room = cover([(x0, y0, x1, y1) for x0, y0, x1, y1 in boxes], whole=True)
        wholly, partly = _covered(outlines, len(placed), room)
        own = regions.cell[regions.cell_offset[fence] : regions.cell_offset[fence + 1]]
        inside = np.isin(placed, own)
        for row in np.flatnonzero(inside & ~wholly).tolist():
            what = f"lies outside its fence {name}"
            yield _misplaced(design, "outside-fence", placed[row], what, f"a place in {name}")
        for row in np.flatnonzero(~inside & partly & movable).tolist():
            what = f"lies in a fence of others, {name}"
            yield _misplaced(design, "inside-fence", placed[row], what, f"a place outside {name}")


def _misplaced(design: Design, code: str, cell: int, what: str, expected: str) -> Misplaced:
    x, y = design.cells.box[cell, :2].tolist()
    return Misplaced(code, int(cell), f"component {design.cells.name[cell]} {what}", f"( {x} {y} )", expected)


def _covered(outlines: Outlines, count: int, room: Sequence[Box]) -> tuple[Mask, Mask]:
    """Whether components (count,) lie wholly, and whether in part, in what disjoint rectangles cover.

    A point does both or neither.
    """
    box, owner = outlines
    area = np.zeros(len(box), dtype=np.int64)
    touches = np.zeros(len(box), dtype=bool)
    for x0, y0, x1, y1 in room:
        width = np.minimum(box[:, 2], int(x1)) - np.maximum(box[:, 0], int(x0))
        height = np.minimum(box[:, 3], int(y1)) - np.maximum(box[:, 1], int(y0))
        area += np.maximum(width, 0) * np.maximum(height, 0)
        touches |= (width >= 0) & (height >= 0)
    left = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) - area
    point = (box[:, 2] <= box[:, 0]) | (box[:, 3] <= box[:, 1])
    out, within = np.where(point, ~touches, left > 0), np.where(point, touches, area > 0)
    wholly, partly = np.ones(count, dtype=bool), np.zeros(count, dtype=bool)
    wholly[owner[out]] = False
    partly[owner[within]] = True
    return wholly, partly
