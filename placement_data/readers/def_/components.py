"""COMPONENTS of a DEF: plain statements many at once, all others one by one, with one result."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from placement_data.cursor import Cursor, one_of
from placement_data.design import Codes, Ints, Status
from placement_data.orientation import Orientation
from placement_data.readers.def_.sections import (
    STATUSES,
    Section,
    options,
    read_placement,
    skip_option,
    statements,
)
from placement_data.readers.def_.statements import CLOSE, END, OPEN, PLUS, Statements
from placement_data.readers.def_.tokens import Keys, KeyTable, Vocabulary, keys_of
from placement_data.text import Source

SOURCES = ("NETLIST", "DIST", "TIMING", "USER")
_ORIENTATIONS = KeyTable(keys_of([orientation.name for orientation in Orientation]))
_SOURCES = KeyTable(keys_of(SOURCES))
_PLAIN_OPTIONS = ("PLACED", "FIXED", "COVER", "UNPLACED", "SOURCE", "WEIGHT", "EEQMASTER", "REGION", "MASKSHIFT")
_PLAIN = KeyTable(keys_of(_PLAIN_OPTIONS))


@dataclass
class RawComponents:
    """COMPONENTS as written. ``x`` and ``y`` are zero where a component is not placed; ``source`` is 0 for none.

    ``table`` finds names by their keys; masters are numbers in ``masters``. The last three are of few components.
    """

    name: list[str] = field(default_factory=list)
    table: KeyTable = field(default_factory=lambda: KeyTable(np.empty(0, dtype=np.uint64)))
    master: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    masters: list[str] = field(default_factory=list)
    source: Codes = field(default_factory=lambda: np.empty(0, dtype=np.uint8))
    status: Codes = field(default_factory=lambda: np.empty(0, dtype=np.uint8))
    x: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    y: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    orientation: Codes = field(default_factory=lambda: np.empty(0, dtype=np.uint8))
    halo: list[tuple[int, tuple[int, int, int, int]]] = field(default_factory=list)
    route_halo: list[tuple[int, int, str, str]] = field(default_factory=list)
    region: list[tuple[int, str]] = field(default_factory=list)


@dataclass
class Component:
    """One component, read by itself."""

    name: str = ""
    master: str = ""
    source: int = 0
    status: int = Status.UNPLACED
    place: tuple[int, int, int] = (0, 0, int(Orientation.N))
    halo: tuple[int, int, int, int] | None = None
    route_halo: tuple[int, str, str] | None = None
    region: str | None = None


def read_components(section: Section) -> RawComponents:
    """COMPONENTS. Raises ``InputError`` for broken statements, a wrong number of them and a name that comes twice."""
    components = RawComponents()
    vocabulary = Vocabulary()
    parts = [part for stretch in section.parts() if (part := _read(stretch, components, vocabulary)) is not None]
    if parts:
        (key, components.master, components.source, components.status, components.x, components.y,
         components.orientation) = (np.concatenate(column) for column in zip(*parts, strict=True))  # fmt: skip
        components.table = KeyTable(key)
    components.masters = vocabulary.words
    section.check_count(len(components.name))
    section.check_unique(components.name, "component", components.table.repeated().tolist())
    return components


Columns = tuple[Keys, Ints, Codes, Codes, Ints, Ints, Codes]


def _read(stretch: Source, components: RawComponents, vocabulary: Vocabulary) -> Columns | None:
    """The columns of one stretch; names and rare options go to ``components`` at once."""
    several = Statements(stretch, "COMPONENTS")
    if not several.regular:
        for cursor in statements(stretch, "COMPONENTS"):
            component_of(cursor)
    if not len(several):
        return None
    tokens = several.tokens
    name, master = several.names(1), several.names(2)
    third = tokens.mark[np.minimum(several.begin + 3, several.end)]
    several.odd |= ~np.isin(third, (PLUS, END))
    several.suspect(several.option_row, _PLAIN.find(several.option_key) < 0)
    source, status, x, y, orientation = _options(several)
    regions = _regions(several)
    names, key = tokens.text(name), tokens.key(name)
    plain = ~several.odd
    code = np.zeros(len(several), dtype=np.int64)
    code[plain] = vocabulary.codes(tokens, master[plain])
    first = len(components.name)
    for row in np.flatnonzero(several.odd).tolist():
        one = component_of(several.cursor(row))
        names[row], key[row], code[row] = one.name, keys_of([one.name])[0], vocabulary.code(one.master)
        source[row], status[row] = one.source, one.status
        x[row], y[row], orientation[row] = one.place
        _note(components, first + row, one)
    components.region += [(first + row, region) for row, region in regions if plain[row]]
    components.name += names
    return key, code, source, status, x, y, orientation


def _options(several: Statements) -> tuple[Codes, Codes, Ints, Ints, Codes]:
    """Source, status, place and orientation of plain statements."""
    count = len(several)
    status, source = np.zeros(count, dtype=np.uint8), np.zeros(count, dtype=np.uint8)
    x, y = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    orientation = np.zeros(count, dtype=np.uint8)
    seen = np.zeros(count, dtype=np.int64)
    for word, code in STATUSES.items():
        row, at = several.take(word, 7)
        several.expect(row, at + 2, OPEN)
        several.expect(row, np.minimum(at + 5, several.end[row]), CLOSE)
        np.add.at(seen, row, 1)
        status[row] = code
        x[row] = several.integers(row, np.minimum(at + 3, several.end[row]))
        y[row] = several.integers(row, np.minimum(at + 4, several.end[row]))
        turned = _ORIENTATIONS.find(several.tokens.key(np.minimum(at + 6, several.end[row])))
        several.suspect(row, turned < 0)
        orientation[row] = np.maximum(turned, 0)
    row, at = several.take("UNPLACED", 2)
    np.add.at(seen, row, 1)
    several.odd |= seen > 1
    row, at = several.take("SOURCE", 3)
    code_of = _SOURCES.find(several.tokens.key(np.minimum(at + 2, several.end[row])))
    several.suspect(row, code_of < 0)
    source[row] = np.maximum(code_of, -1) + 1
    return source, status, x, y, orientation


def _regions(several: Statements) -> list[tuple[int, str]]:
    """Regions, with their statements. Other options that say nothing here are of the usual length, or else odd."""
    for word in ("EEQMASTER", "MASKSHIFT", "WEIGHT"):
        several.take(word, 3)
    row, at = several.take("REGION", 3)
    regions = several.tokens.text(np.minimum(at + 2, several.end[row]))
    return list(zip(row.tolist(), regions, strict=True))


def component_of(cursor: Cursor) -> Component:
    """One component of its statement, with the cursor behind the dash. Raises ``InputError`` for a broken one."""
    one = Component(cursor.name("the name of a component"), cursor.name("the name of a master"))
    for word in options(cursor):
        if word in STATUSES:
            one.status, one.place = STATUSES[word], read_placement(cursor)
        elif word == "UNPLACED":
            one.status, one.place = int(Status.UNPLACED), (0, 0, int(Orientation.N))
            skip_option(cursor)
        elif word == "SOURCE":
            source = cursor.name("the source of a component")
            if source not in SOURCES:
                raise cursor.fail("SOURCE is unknown", expected=one_of(SOURCES), at=cursor.position - 1)
            one.source = SOURCES.index(source) + 1
        elif word == "HALO":
            cursor.position += cursor.peek() == "SOFT"
            left, bottom, right, top = (cursor.count("HALO") for _ in range(4))
            one.halo = left, bottom, right, top
        elif word == "ROUTEHALO":
            width = cursor.count("ROUTEHALO")
            one.route_halo = width, cursor.name("the name of a layer"), cursor.name("the name of a layer")
        elif word == "REGION":
            one.region = cursor.name("the name of a region")
        else:
            skip_option(cursor, properties=word == "PROPERTY")
    return one


def _note(components: RawComponents, row: int, one: Component) -> None:
    """Keep what few components have."""
    if one.halo is not None:
        components.halo.append((row, one.halo))
    if one.route_halo is not None:
        components.route_halo.append((row, *one.route_halo))
    if one.region is not None:
        components.region.append((row, one.region))
