"""REGIONS and GROUPS of a DEF, and the cells that belong to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from placement_data.columns import name_column, offsets
from placement_data.cursor import Cursor
from placement_data.design import RegionKind, Regions
from placement_data.names import DEFAULT, Spelling, common, rows_of
from placement_data.readers.def_.sections import options, read_points, skip_option
from placement_data.readers.words import codes_of

_KINDS = codes_of(RegionKind, "NONE")
_Box = tuple[int, int, int, int]


@dataclass
class RawRegions:
    """REGIONS as written."""

    name: list[str] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    boxes: list[list[_Box]] = field(default_factory=list)


@dataclass
class RawGroups:
    """GROUPS as written. ``region`` is "" for none; the old form gives ``boxes`` in place of a region's name."""

    name: list[str] = field(default_factory=list)
    members: list[list[str]] = field(default_factory=list)  # names of components, with ``*`` for any text
    region: list[str] = field(default_factory=list)
    boxes: list[list[_Box]] = field(default_factory=list)


def read_regions(statements: Iterable[Cursor]) -> RawRegions:
    """REGIONS. Raises ``InputError`` for broken statements."""
    regions = RawRegions()
    for cursor in statements:
        regions.name.append(cursor.name("the name of a region"))
        regions.boxes.append(_read_boxes(cursor))
        kind = int(RegionKind.NONE)
        for word in options(cursor):
            if word == "TYPE":
                kind = cursor.choice("TYPE", _KINDS)
            else:
                skip_option(cursor, properties=word == "PROPERTY")
        regions.kind.append(kind)
    return regions


def _read_boxes(cursor: Cursor) -> list[_Box]:
    """Pairs of points, at least one."""
    points = read_points(cursor, least=2)
    if len(points) % 2:
        raise cursor.fail("region has half a rectangle", expected="a point")
    pairs = zip(points[0::2], points[1::2], strict=True)
    return [(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)) for (x0, y0), (x1, y1) in pairs]


def read_groups(statements: Iterable[Cursor]) -> RawGroups:
    """GROUPS. Raises ``InputError`` for broken statements."""
    groups = RawGroups()
    for cursor in statements:
        groups.name.append(cursor.name("the name of a group"))
        members = []
        while cursor.peek() not in ("+", ";"):
            if cursor.peek() == "-":
                raise cursor.fail("statement is not ended", expected="'+' or ';'")
            members.append(cursor.name("the name of a component"))
        region, boxes = "", []
        for word in options(cursor):
            if word == "REGION" and cursor.peek() == "(":
                boxes = _read_boxes(cursor)
            elif word == "REGION":
                region = cursor.name("the name of a region")
            else:
                skip_option(cursor, properties=word == "PROPERTY")
        groups.members.append(members)
        groups.region.append(region)
        groups.boxes.append(boxes)
    return groups


def regions_of(
    regions: RawRegions,
    groups: RawGroups,
    cell_names: Sequence[str],
    components: Sequence[tuple[int, str]] = (),
    spelling: Spelling = DEFAULT,
) -> Regions:
    """The regions, and the cells that groups and ``components`` (cell and the name of its REGION) assign to them.

    A group that gives rectangles becomes a region of its own name. Names of members that no cell has are left out, as
    a netlist may have lost them. Raises ``InputError``, naming ``path``, for a region that nothing defines.
    """
    name, kind, boxes = list(regions.name), list(regions.kind), list(regions.boxes)
    asked = {region for _, region in components} | set(filter(None, groups.region))
    row_of = {region: row for row, region in enumerate(name)}
    row_of |= rows_of(asked - row_of.keys(), name, spelling)
    cells: list[set[int]] = [set() for _ in name]
    for cell, region in components:
        if region not in row_of:
            raise UnknownRegionError("COMPONENTS", cell, f"component {cell_names[cell]}", region)
        cells[row_of[region]].add(cell)
    found = _members(groups, cell_names, spelling)
    for row, region in enumerate(groups.region):
        if region and region not in row_of:
            raise UnknownRegionError("GROUPS", row, f"group {groups.name[row]}", region)
        if region:
            cells[row_of[region]] |= found[row]
        elif groups.boxes[row]:
            name.append(groups.name[row])
            kind.append(int(RegionKind.NONE))
            boxes.append(groups.boxes[row])
            cells.append(found[row])
    return Regions(
        name_column(name),
        np.array(kind, dtype=np.uint8),
        offsets([len(some) for some in boxes]),
        np.array([box for some in boxes for box in some], dtype=np.int64).reshape(-1, 4),
        offsets([len(some) for some in cells]),
        np.array([cell for some in cells for cell in sorted(some)], dtype=np.int32),
    )


class UnknownRegionError(Exception):
    """A group or component names a region that nothing defines: ``section``, ``row`` of its statement, and the word."""

    def __init__(self, section: str, row: int, owner: str, region: str) -> None:
        super().__init__(region)
        self.section, self.row, self.region = section, row, region
        self.what = f"{owner} names an unknown region"


def _members(groups: RawGroups, cell_names: Sequence[str], spelling: Spelling) -> list[set[int]]:
    """Cells of each group that has a region."""
    wanted = [row for row in range(len(groups.name)) if groups.region[row] or groups.boxes[row]]
    plain = {member for row in wanted for member in groups.members[row] if "*" not in member}
    cell_of = {name: cell for cell, name in enumerate(cell_names) if name in plain} if plain else {}
    cell_of |= rows_of(plain - cell_of.keys(), cell_names, spelling)
    found: list[set[int]] = [set() for _ in groups.name]

    @cache
    def common_names() -> list[str]:
        return [common(name, spelling) for name in cell_names]

    for row in wanted:
        members = groups.members[row]
        found[row] = {cell_of[member] for member in members if member in cell_of}
        for member in members:
            if "*" in member:
                found[row] |= _matching(member, cell_names, spelling.any_case) or _matching(
                    common(member, spelling), common_names(), spelling.any_case
                )
    return found


def _matching(pattern: str, names: Sequence[str], any_case: bool) -> set[int]:
    """Rows of the names that a pattern with ``*`` for any text matches."""
    texts = map(re.escape, re.split(r"\*+", pattern))
    match = re.compile(".*".join(texts), re.IGNORECASE if any_case else 0).fullmatch
    return {row for row, name in enumerate(names) if match(name)}
