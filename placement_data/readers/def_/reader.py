"""DEF: a placed design, read together with the library of its masters.

What has no bearing on placement and routability is stepped over: wires of signal nets, fills, scan chains, properties,
extensions and statements that are not known.
"""

from __future__ import annotations

from placement_data.cursor import Cursor
from placement_data.design import Design
from placement_data.outline import corners_of
from placement_data.readers.def_.components import read_components
from placement_data.readers.def_.geometry import read_blockages, read_ports
from placement_data.readers.def_.link import RawDesign, RawRow, link
from placement_data.readers.def_.nets import read_nets
from placement_data.readers.def_.regions import read_groups, read_regions
from placement_data.readers.def_.sections import (
    ORIENTATIONS,
    SECTIONS,
    SKIPPED_SECTIONS,
    Section,
    Walker,
    open_section,
    read_points,
    skip_option,
    skip_section,
)
from placement_data.readers.def_.units import require_same_scale
from placement_data.readers.def_.vias import read_vias
from placement_data.readers.def_.wires import read_special_nets
from placement_data.readers.lef import Library
from placement_data.readers.words import SPELLING, read_spelling
from placement_data.text import PathLike

_STATEMENTS = ("VERSION", *SPELLING, "TECHNOLOGY", "HISTORY")
_READ_STATEMENTS = ("DESIGN", "UNITS", "DIEAREA", "ROW", "TRACKS", "GCELLGRID")
FIRST_WORDS = {*SECTIONS, *_STATEMENTS, *_READ_STATEMENTS, *SKIPPED_SECTIONS, "BEGINEXT"}
_LEF_WORDS = {"LAYER", "SITE", "MACRO", "VIA", "VIARULE", "NONDEFAULTRULE", "MANUFACTURINGGRID", "USEMINSPACING"}
_LEF_WORDS |= {"CLEARANCEMEASURE", "SPACING", "MAXVIASTACK"}


_DIE = "a polygon of sides along the axes, which meet at its corners only"


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
    walker = Walker(path)
    raw = RawDesign(path)
    word = walker.token()
    if word not in FIRST_WORDS | _LEF_WORDS:
        expected = "a DEF statement such as VERSION or DESIGN"
        raise walker.source.error("not a DEF file", walker.offset, found=word, expected=expected)
    unknown = ""
    while (word := walker.token()) != "END" or unknown:
        if not word:
            raise walker.source.cut_off("before END DESIGN", "END DESIGN")
        if unknown and word in ("-", "END"):  # it was the header of a section that no standard names
            skip_section(walker, unknown)
            unknown = ""
        else:
            unknown = _read_next(raw, word, walker)
    source, offset = walker.source, walker.offset
    after, _ = source.token(offset + len("END"))
    if after != "DESIGN":
        raise source.error("END closes nothing here", offset, found=f"END {after}".strip(), expected="END DESIGN")
    for name, value in (("DESIGN", raw.name), ("UNITS", raw.dbu_per_micron), ("DIEAREA", raw.die)):
        if not value:
            raise source.error(f"{name} is missing", offset)
    return raw


def _read_next(raw: RawDesign, word: str, walker: Walker) -> str:
    """Read or step over the statement or section that comes next; its word where it may be an unknown section's."""
    if word in SECTIONS:
        if word in raw.sections:
            raise walker.source.error(f"{word} is there twice", walker.offset)
        raw.sections[word] = open_section(walker, word)
        _read_section(raw, raw.sections[word])
        return ""
    if word == "BEGINEXT" or word in SKIPPED_SECTIONS:
        skip_section(walker, word)
        return ""
    source, offset = walker.source, walker.offset
    refuse_lef(walker, word)
    if word in ("-", "+", ";", "("):
        raise source.error("statement is in no section", offset, found=word, expected="a DEF statement or END DESIGN")
    cursor = walker.statement(word)
    read_statement(raw, word, cursor)
    unknown = word not in FIRST_WORDS and len(cursor.tokens) == 3 and cursor.tokens[1].isdecimal()
    return word if unknown else ""


def refuse_lef(walker: Walker, word: str) -> None:
    """Raise ``InputError`` where the statement ``word`` that comes next is one of LEF."""
    source, offset = walker.source, walker.offset
    if word in _LEF_WORDS or (word == "UNITS" and source.token(offset + len(word))[0] == "DATABASE"):
        raise source.error("LEF statement in a DEF file", offset, found=word, expected="DEF")


def _read_section(raw: RawDesign, section: Section) -> None:
    """Read a section. The number in its header counts where a lost statement would be a lost part of the design."""
    if section.name == "COMPONENTS":
        raw.components = read_components(section)
    elif section.name == "NETS":
        raw.nets = read_nets(section)
    elif section.name == "PINS":
        raw.ports = read_ports(section.statements())
        section.check_unique(raw.ports.name, "pin")
        section.check_count(section.found)
    elif section.name == "SPECIALNETS":
        raw.special_nets = read_special_nets(section.statements())
        section.check_unique(raw.special_nets.name, "special net")
        section.check_count(section.found)
    elif section.name == "BLOCKAGES":
        raw.blockages = read_blockages(section.statements())
        section.check_count(section.found)
    elif section.name == "VIAS":
        raw.vias = read_vias(section.statements())
    elif section.name == "REGIONS":
        raw.regions = read_regions(section.statements())
    else:
        raw.groups = read_groups(section.statements())


def read_statement(raw: RawDesign, word: str, cursor: Cursor) -> None:
    """Take over what the statement ``word`` says; one that has no bearing on placement is stepped over."""
    if word in SPELLING:
        read_spelling(raw.spelling, word, cursor)
        return
    if word not in _READ_STATEMENTS:
        if word in _STATEMENTS and word != "HISTORY":
            cursor.name(f"the value of {word}")
            cursor.literal(";", "statement is not ended")
        return
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
    try:
        raw.die = corners_of(points)
    except ValueError as error:
        raise cursor.fail(f"DIEAREA has {error}", expected=_DIE, at=0) from None


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
    """TRACKS, one row per layer (one row without a layer where none is named)."""
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
