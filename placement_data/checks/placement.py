"""Where components lie that should lie on the die, in their own fence and in no other one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from placement_data.cursor import LARGEST
from placement_data.design import Ints, RegionKind, Status
from placement_data.polygons import Box, rectangles, union
from placement_data.readers.def_.components import Component
from placement_data.readers.def_.regions import RawGroups, RawRegions, regions_of
from placement_data.readers.lef import Library

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Misplaced:
    """A component that lies where it should not: code of ``lint``, line, what is wrong, its place, what is allowed."""

    code: str
    line: int
    what: str
    found: str
    expected: str


@dataclass(frozen=True)
class Placed:
    """The placed components, in the order of the file."""

    names: list[str]
    lines: list[int]
    box: Ints  # (n, 4) outline; a point where the LEF does not tell its master's size
    movable: Mask  # (n,) PLACED, not FIXED or COVER

    @classmethod
    def of(cls, components: Mapping[str, tuple[int, Component]], library: Library | None, dbu: int) -> Placed:
        """Those of ``components`` (name to line and component) that have a place."""
        rows = [(name, *entry) for name, entry in components.items() if entry[1].status != Status.UNPLACED]
        corner = np.array([one.place[:2] for *_, one in rows], dtype=np.int64).reshape(-1, 2)
        size: dict[str, tuple[int, int]] = {}
        if library is not None:
            masters = library.masters
            for name, width, height in zip(masters.name, masters.width, masters.height, strict=True):
                size[name] = min(round(width * dbu), LARGEST), min(round(height * dbu), LARGEST)
        upright = np.array([size.get(one.master, (0, 0)) for *_, one in rows], dtype=np.int64).reshape(-1, 2)
        turned = np.array([one.place[2] % 2 == 1 for *_, one in rows], dtype=bool)
        extent = np.where(turned[:, None], upright[:, ::-1], upright)
        movable = np.array([one.status == Status.PLACED for *_, one in rows], dtype=bool)
        box = np.concatenate([corner, corner + extent], axis=1)
        return cls([name for name, *_ in rows], [line for _, line, _ in rows], box, movable)

    def misplaced(self, code: str, row: int, what: str, expected: str) -> Misplaced:
        """The finding about the component of ``row``."""
        x, y = self.box[row, :2].tolist()
        return Misplaced(code, self.lines[row], f"component {self.names[row]} {what}", f"( {x} {y} )", expected)


@dataclass
class Fences:
    """What REGIONS and GROUPS say, collected statement by statement."""

    regions: RawRegions = field(default_factory=RawRegions)
    groups: RawGroups = field(default_factory=RawGroups)

    def add_region(self, region: RawRegions) -> None:
        """Take over one statement of REGIONS."""
        self.regions.name += region.name
        self.regions.kind += region.kind
        self.regions.boxes += region.boxes

    def add_group(self, group: RawGroups) -> None:
        """Take over one statement of GROUPS."""
        self.groups.name += group.name
        self.groups.members += group.members
        self.groups.region += group.region
        self.groups.boxes += group.boxes


def outside_die(placed: Placed, corners: Sequence[tuple[int, int]]) -> Iterator[Misplaced]:
    """Components that lie not, or not wholly, on the die, whose outline has these corners in order."""
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    die = rectangles(corners, whole=True)
    wholly, partly = _covered(placed.box, die)
    (x0, y0), (x1, y1) = low.tolist(), high.tolist()
    expected = f"( {x0} {y0} ) to ( {x1} {y1} )" if len(die) == 1 else f"the die's outline of {len(corners)} corners"
    for row in np.flatnonzero(~wholly).tolist():
        how = "partly" if partly[row] else "wholly"
        yield placed.misplaced("outside-die", row, f"lies {how} outside the die", expected)


def outside_fences(placed: Placed, fences: Fences, members: Sequence[tuple[str, str]]) -> Iterator[Misplaced]:
    """Components of a fence that do not lie wholly in it, and movable ones of no fence or another that lie in it.

    ``members`` are components (by name) with the region that their own statement names.
    """
    known = set(fences.regions.name)
    row_of = {name: row for row, name in enumerate(placed.names)}
    own = [(row_of[name], region) for name, region in members if name in row_of and region in known]
    groups = RawGroups()
    for name, group, region, boxes in zip(*vars(fences.groups).values(), strict=True):
        if not region or region in known:
            groups.name.append(name)
            groups.members.append(group)
            groups.region.append(region)
            groups.boxes.append(boxes)
    regions = regions_of(fences.regions, groups, placed.names, own)
    for fence in np.flatnonzero(regions.kind == RegionKind.FENCE).tolist():
        name = regions.name[fence]
        boxes = regions.box[regions.box_offset[fence] : regions.box_offset[fence + 1]].tolist()
        room = union([((x0, y0), (x1, y0), (x1, y1), (x0, y1)) for x0, y0, x1, y1 in boxes], whole=True)
        wholly, partly = _covered(placed.box, room)
        inside = np.zeros(len(placed.names), dtype=bool)
        inside[regions.cell[regions.cell_offset[fence] : regions.cell_offset[fence + 1]]] = True
        for row in np.flatnonzero(inside & ~wholly).tolist():
            yield placed.misplaced("outside-fence", row, f"lies outside its fence {name}", f"a place in {name}")
        for row in np.flatnonzero(~inside & partly & placed.movable).tolist():
            yield placed.misplaced("inside-fence", row, f"lies in a fence of others, {name}", f"a place outside {name}")


def _covered(box: Ints, room: Sequence[Box]) -> tuple[Mask, Mask]:
    """Whether boxes (n, 4) lie wholly, and whether in part, in what disjoint rectangles cover.

    A point does both or neither.
    """
    area = np.zeros(len(box), dtype=np.int64)
    touches = np.zeros(len(box), dtype=bool)
    for x0, y0, x1, y1 in room:
        width = np.minimum(box[:, 2], int(x1)) - np.maximum(box[:, 0], int(x0))
        height = np.minimum(box[:, 3], int(y1)) - np.maximum(box[:, 1], int(y0))
        area += np.maximum(width, 0) * np.maximum(height, 0)
        touches |= (width >= 0) & (height >= 0)
    full = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    return np.where(full > 0, area == full, touches), np.where(full > 0, area > 0, touches)
