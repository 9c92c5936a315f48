"""DEF: a placed design, read together with the library of its masters.

What has no bearing on placement and routability is stepped over: wires, vias, rules, regions, groups, fills, scan
chains, properties, extensions and statements that are not known.
"""

from __future__ import annotations

import re

from placement_data.design import Design
from placement_data.readers.def_geometry import read_blockages, read_ports
from placement_data.readers.def_link import RawDesign, RawRow, link
from placement_data.readers.def_sections import (
    ORIENTATIONS,
    Section,
    read_components,
    read_nets,
    read_points,
    read_special_nets,
    skip_option,
    statement_end,
)
from placement_data.readers.lef import Library
from placement_data.readers.text import Cursor, PathLike, Source, read_source
from placement_data.readers.units import require_same_scale

_SECTIONS = ("COMPONENTS", "PINS", "NETS", "SPECIALNETS", "BLOCKAGES")
_STATEMENTS = ("VERSION", "DIVIDERCHAR", "BUSBITCHARS", "NAMESCASESENSITIVE", "TECHNOLOGY", "HISTORY")
_READ_STATEMENTS = ("DESIGN", "UNITS", "DIEAREA", "ROW", "TRACKS", "GCELLGRID")
_SKIPPED_SECTIONS = {"VIAS", "NONDEFAULTRULES", "REGIONS", "GROUPS", "FILLS", "SLOTS", "SCANCHAINS", "STYLES"}
_SKIPPED_SECTIONS |= {"PINPROPERTIES", "PROPERTYDEFINITIONS", "CONSTRAINTS", "ASSERTIONS", "IOTIMINGS", "PARTITIONS"}
_SKIPPED_SECTIONS |= {"FLOORPLANCONSTRAINTS", "TIMINGDISABLES"}
_FIRST_WORDS = {*_SECTIONS, *_STATEMENTS, *_READ_STATEMENTS, *_SKIPPED_SECTIONS, "BEGINEXT"}
_LEF_WORDS = {"LAYER", "SITE", "MACRO", "VIA", "VIARULE", "NONDEFAULTRULE", "MANUFACTURINGGRID", "USEMINSPACING"}
_LEF_WORDS |= {"CLEARANCEMEASURE", "SPACING", "MAXVIASTACK"}


def read_def(path: PathLike, library: Library) -> Design:
    """Read a DEF, plain or gzip, whose masters are in ``library``.

    Lengths of the library are rounded to the DEF's database units. A pin that has no shape in the library lies in the
    middle of its cell. Raises ``InputError`` naming file and line for a file that is broken, cut off or no DEF, and for
    names of components, masters and pins that nothing defines.
    """
    design = link(parse_def(path), library)
    require_same_scale(design.rows, design.sites, design.dbu_per_micron, str(path))
    return design


def parse_def(path: PathLike) -> RawDesign:
    """What a DEF says by itself, without a library; names are not looked up. Raises as ``read_def``."""
    source = read_source(path)
    raw = RawDesign(source)
    word, offset = source.token(0)
    if word not in _FIRST_WORDS | _LEF_WORDS:
        raise source.error("not a DEF file", offset, found=word, expected="a DEF statement such as VERSION or DESIGN")
    while True:
        word, offset = source.token(offset)
        if not word:
            raise source.cut_off("before END DESIGN", "END DESIGN")
        if word == "END":
            break
        offset = _read_next(raw, word, offset)
    word, _ = source.token(offset + len("END"))
    if word != "DESIGN":
        raise source.error("END closes nothing here", offset, found=f"END {word}".strip(), expected="END DESIGN")
    for name, value in (("DESIGN", raw.name), ("UNITS", raw.dbu_per_micron), ("DIEAREA", raw.die)):
        if not value:
            raise source.error(f"{name} is missing", offset)
    return raw


def _read_next(raw: RawDesign, word: str, offset: int) -> int:
    """Read or step over the statement or section at ``offset``; the offset behind it."""
    source = raw.source
    if word in _SECTIONS:
        section, after = _section(source, word, offset)
        if word in raw.sections:
            raise source.error(f"{word} is there twice", offset)
        raw.sections[word] = section
        _read_section(raw, section)
        return after
    if word == "BEGINEXT":
        return _behind(source, re.compile(r"ENDEXT(?!\S)"), offset, "inside BEGINEXT", "ENDEXT")
    if word in _SKIPPED_SECTIONS:
        return _behind(source, _end_of(word), offset, f"inside {word}", f"END {word}")
    if word in _LEF_WORDS or (word == "UNITS" and source.token(offset + len(word))[0] == "DATABASE"):
        raise source.error("LEF statement in a DEF file", offset, found=word, expected="DEF")
    stop = statement_end(source, offset, len(source.text))
    cursor = Cursor(source, offset, stop, f"inside {word}")
    cursor.position = 1
    if word in _READ_STATEMENTS:
        _read_statement(raw, word, cursor)
    elif len(cursor.tokens) == 3 and cursor.tokens[1].isdecimal() and _find(source, _end_of(word), stop) is not None:
        return _behind(source, _end_of(word), stop, f"inside {word}", f"END {word}")
    elif word in _STATEMENTS and word != "HISTORY":
        cursor.name(f"the value of {word}")
        cursor.literal(";", "statement is not ended")
    elif word in ("-", "+", ";", "("):
        raise source.error("statement is in no section", offset, found=word, expected="a DEF statement or END DESIGN")
    return stop


def _end_of(name: str) -> re.Pattern[str]:
    return re.compile(rf"END\s+{re.escape(name)}(?!\S)")


def _find(source: Source, pattern: re.Pattern[str], offset: int) -> re.Match[str] | None:
    """The first whole-word match behind ``offset``."""
    found = pattern.search(source.text, offset)
    while found is not None and not source.text[found.start() - 1].isspace():
        found = pattern.search(source.text, found.end())
    return found


def _behind(source: Source, pattern: re.Pattern[str], offset: int, where: str, expected: str) -> int:
    found = _find(source, pattern, offset)
    if found is None:
        raise source.cut_off(where, expected)
    return found.end()


def _section(source: Source, name: str, offset: int) -> tuple[Section, int]:
    """The counted section whose header stands at ``offset``, and the offset behind its END."""
    start = statement_end(source, offset, len(source.text))
    header = Cursor(source, offset, start, f"inside {name}")
    header.position = 1
    count = header.count(f"number of {name}")
    header.literal(";", "statement is not ended")
    end = _find(source, _end_of(name), start)
    if end is not None:
        return Section(source, name, offset, count, start, end.start()), end.end()
    for cursor in Section(source, name, offset, count, start, len(source.text)).statements():
        # Its statements end before the file does: the first that does not belong here is the place to name.
        del cursor
    raise source.cut_off(f"inside {name}", f"END {name}")


def _read_section(raw: RawDesign, section: Section) -> None:
    if section.name == "COMPONENTS":
        raw.components = read_components(section)
    elif section.name == "PINS":
        raw.ports = read_ports(section)
    elif section.name == "NETS":
        raw.nets = read_nets(section)
    elif section.name == "SPECIALNETS":
        raw.special_nets = read_special_nets(section)
    else:
        raw.blockages = read_blockages(section)


def _read_statement(raw: RawDesign, word: str, cursor: Cursor) -> None:
    if word == "DESIGN":
        raw.name = cursor.name("the name of the design")
    elif word == "UNITS":
        cursor.literal("DISTANCE", "UNITS are not those of distance")
        cursor.literal("MICRONS", "UNITS are not those of distance")
        raw.dbu_per_micron = cursor.count("UNITS")
        if raw.dbu_per_micron < 1:
            raise cursor.fail("UNITS are out of range", expected="a number of at least 1", at=cursor.position - 1)
    elif word == "DIEAREA":
        _read_die(raw, cursor)
    elif word == "ROW":
        _read_row(raw, cursor)
    elif word == "TRACKS":
        _read_tracks(raw, cursor)
    else:
        raw.gcell_grid.append((*_read_lines(cursor), ""))
    cursor.literal(";", "statement is not ended")


def _read_die(raw: RawDesign, cursor: Cursor) -> None:
    """DIEAREA by two corners, or by the corners of a polygon with sides along the axes."""
    points = read_points(cursor, least=2)
    if len(points) == 2:
        (x0, x1), (y0, y1) = (sorted(pair) for pair in zip(*points, strict=True))
        points = [(x0, y0), (x0, y1), (x1, y1), (x1, y0)]
    sides = list(zip(points, points[1:] + points[:1], strict=True))
    if any(a[0] != b[0] and a[1] != b[1] for a, b in sides):
        raise cursor.fail("DIEAREA has a slanting side", expected="sides along the axes", at=0)
    if sum(a[0] * b[1] - b[0] * a[1] for a, b in sides) == 0:
        raise cursor.fail("DIEAREA has no area", expected="an area above zero", at=0)
    raw.die = points


def _read_row(raw: RawDesign, cursor: Cursor) -> None:
    row = RawRow(
        cursor.name("the name of a ROW"),
        cursor.name("the name of a site"),
        (cursor.integer("coordinate"), cursor.integer("coordinate")),
        cursor.choice("orientation", ORIENTATIONS),
    )
    if cursor.peek() == "DO":
        cursor.position += 1
        columns = cursor.count("count")
        cursor.literal("BY", "ROW has no second count")
        row.count = (columns, cursor.count("count"))
        if cursor.peek() == "STEP":
            cursor.position += 1
            row.step = (cursor.integer("STEP"), cursor.integer("STEP"))
    while cursor.peek() == "+":
        cursor.position += 1
        cursor.name("an option")
        skip_option(cursor, properties=True)
    raw.rows.append(row)


def _read_lines(cursor: Cursor) -> tuple[bool, int, int, int]:
    """``X start DO count STEP step`` of TRACKS and GCELLGRID: (vertical, start, count, step)."""
    vertical = cursor.choice("axis", {"X": 1, "Y": 0}) == 1
    start = cursor.integer("start")
    cursor.literal("DO", "count is missing")
    count = cursor.count("count")
    cursor.literal("STEP", "STEP is missing")
    return vertical, start, count, cursor.integer("STEP")


def _read_tracks(raw: RawDesign, cursor: Cursor) -> None:
    """TRACKS, a row a layer (one row without a layer where none is named)."""
    lines = _read_lines(cursor)
    if cursor.peek() == "MASK":
        cursor.position += 1
        cursor.count("MASK")
        cursor.position += cursor.peek() == "SAMEMASK"
    layers = []
    if cursor.peek() == "LAYER":
        cursor.position += 1
        layers.append(cursor.name("the name of a layer"))
        while cursor.peek() not in (";", ""):
            layers.append(cursor.name("the name of a layer"))
    raw.tracks += [(*lines, layer) for layer in layers or [""]]
