"""REGIONS and GROUPS of a DEF, and the cells that belong to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np

from placement_data.columns import name_column, offsets
from placement_data.cursor import Cursor
from placement_data.design import RegionKind, Regions
from placement_data.names import DEFAULT, Spelling, common, rows_of
from placement_data.readers.def_.sections import each, options, read_points, skip_option
from placement_data.readers.words import DEF, codes_of

_KINDS = codes_of(RegionKind, "NONE")
_Box = tuple[int, int, int, int]


@dataclass
class RawRegions:
    """REGIONS as written."""

    name: list[str] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    boxes: list[list[_Box]] = field(default_factory=list)
    line: list[int] = field(default_factory=list)


@dataclass
class RawGroups:
    """GROUPS as written. ``region`` is "" for none; the old form gives ``boxes`` in place of a region's name."""

    name: list[str] = field(default_factory=list)
    members: list[list[str]] = field(default_factory=list)  # names of components, with ``*`` for any text
    region: list[str] = field(default_factory=list)
    boxes: list[list[_Box]] = field(default_factory=list)
    line: list[int] = field(default_factory=list)


def read_regions(statements: Iterable[Cursor], regions: RawRegions | None = None) -> RawRegions:
    """REGIONS, added to ``regions``. Raises ``InputError`` for broken statements."""
    into = RawRegions() if regions is None else regions
    each(statements, lambda cursor: _read_region(cursor, into))
    return into


def _read_region(cursor: Cursor, regions: RawRegions) -> None:
    name, boxes = cursor.name("the name of a region"), _read_boxes(cursor)
    kind = int(RegionKind.NONE)
    for word in options(cursor):
        if word == "TYPE":
            kind = cursor.choice("TYPE", _KINDS)
        else:
            skip_option(cursor, word, DEF["REGIONS"])
    regions.name.append(name)
    regions.boxes.append(boxes)
    regions.kind.append(kind)
    regions.line.append(cursor.source.line(cursor.span[0]))


def _read_boxes(cursor: Cursor) -> list[_Box]:
    """Pairs of points, at least one."""
    points = read_points(cursor, least=2)
    if len(points) % 2:
        raise cursor.fail("region has half a rectangle", expected="a point")
    pairs = zip(points[0::2], points[1::2], strict=True)
    return [(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)) for (x0, y0), (x1, y1) in pairs]


def read_groups(statements: Iterable[Cursor], groups: RawGroups | None = None) -> RawGroups:
    """GROUPS, added to ``groups``. Raises ``InputError`` for broken statements."""
    into = RawGroups() if groups is None else groups
    each(statements, lambda cursor: _read_group(cursor, into))
    return into


def _read_group(cursor: Cursor, groups: RawGroups) -> None:
    name = cursor.name("the name of a group")
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
            skip_option(cursor, word, DEF["GROUPS"])
    groups.name.append(name)
    groups.members.append(members)
    groups.region.append(region)
    groups.boxes.append(boxes)
    groups.line.append(cursor.source.line(cursor.span[0]))


def regions_of(
    regions: RawRegions,
    groups: RawGroups,
    cell_names: Sequence[str],
    components: Sequence[tuple[int, str]] = (),
    spelling: Spelling = DEFAULT,
) -> tuple[Regions, list[Undefined]]:
    """The regions, the cells that groups and ``components`` (cell and name of its REGION) assign to them, and what

    nothing defines: regions, and members of groups with a region. A group that gives rectangles becomes a region of its
    own name.
    """
    name, kind, boxes = list(regions.name), list(regions.kind), list(regions.boxes)
    asked = {region for _, region in components} | set(filter(None, groups.region))
    row_of = {region: row for row, region in enumerate(name)}
    row_of |= rows_of(asked - row_of.keys(), name, spelling)
    cells: list[set[int]] = [set() for _ in name]
    undefined: list[Undefined] = []
    for cell, region in components:
        if region not in row_of:
            undefined.append(Undefined("COMPONENTS", cell, "region", region))
            continue
        cells[row_of[region]].add(cell)
    found = _members(groups, cell_names, spelling, undefined)
    for row, region in enumerate(groups.region):
        if region and region not in row_of:
            undefined.append(Undefined("GROUPS", row, "region", region))
        elif region:
            cells[row_of[region]] |= found[row]
        elif groups.boxes[row]:
            name.append(groups.name[row])
            kind.append(int(RegionKind.NONE))
            boxes.append(groups.boxes[row])
            cells.append(found[row])
    of_cells = Regions(
        name_column(name),
        np.array(kind, dtype=np.uint8),
        offsets([len(some) for some in boxes]),
        np.array([box for some in boxes for box in some], dtype=np.int64).reshape(-1, 4),
        offsets([len(some) for some in cells]),
        np.array([cell for some in cells for cell in sorted(some)], dtype=np.int32),
    )
    return of_cells, undefined


class Undefined(NamedTuple):
    """A name in a group or component of row ``row`` that nothing defines."""

    section: str  # GROUPS or COMPONENTS
    row: int
    kind: str  # "region" or "component"
    name: str


def _members(
    groups: RawGroups, cell_names: Sequence[str], spelling: Spelling, undefined: list[Undefined]
) -> list[set[int]]:
    """Cells of each group that has a region; members that no cell is go to ``undefined``."""
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
        for member in members:
            own = {cell_of[member]} if member in cell_of else set()
            if "*" in member:
                own = _matching(member, cell_names, spelling.any_case) or _matching(
                    common(member, spelling), common_names(), spelling.any_case
                )
            if not own:
                undefined.append(Undefined("GROUPS", row, "component", member))
            found[row] |= own
    return found


def _matching(pattern: str, names: Sequence[str], any_case: bool) -> set[int]:
    """Rows of the names that a pattern with ``*`` for any text matches."""
    texts = map(re.escape, re.split(r"\*+", pattern))
    match = re.compile(".*".join(texts), re.IGNORECASE if any_case else 0).fullmatch
    return {row for row, name in enumerate(names) if match(name)}
