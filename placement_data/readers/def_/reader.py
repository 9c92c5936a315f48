"""DEF: a placed design, read together with the library of its masters.

What has no bearing on placement and routability is stepped over: wires of signal nets, fills, scan chains, properties,
extensions and statements that are not known.
"""

from __future__ import annotations

from placement_data.cursor import Cursor
from placement_data.design import Design
from placement_data.errors import InputError
from placement_data.findings import Findings
from placement_data.outline import corners_of
from placement_data.readers.def_.components import read_components
from placement_data.readers.def_.geometry import read_blockages, read_ports
from placement_data.readers.def_.link import link
from placement_data.readers.def_.nets import read_nets
from placement_data.readers.def_.raw import RawDesign, RawRow, RawTracks
from placement_data.readers.def_.regions import read_groups, read_regions
from placement_data.readers.def_.sections import (
    ORIENTATIONS,
    Section,
    Walker,
    each,
    read_points,
    refuse_lef,
    skip_option,
    walk,
)
from placement_data.readers.def_.units import require_same_scale
from placement_data.readers.def_.vias import read_vias
from placement_data.readers.def_.wires import SpecialNetReader
from placement_data.readers.lef import Library
from placement_data.readers.words import DEF, SPELLING, read_spelling
from placement_data.text import PathLike

_ONCE = {"DESIGN": "name", "UNITS": "dbu_per_micron", "DIEAREA": "die"}
_READ_STATEMENTS = ("DESIGN", "UNITS", "DIEAREA", "ROW", "TRACKS", "GCELLGRID")
_DIE = "a polygon of sides along the axes, which meet at its corners only"


def read_def(path: PathLike, library: Library) -> Design:
    """Read a DEF, plain or gzip, whose masters are in ``library``.

    Lengths of the library are rounded to the DEF's database units. A pin that has no shape in the library lies in the
    middle of its cell. Raises ``InputError`` naming file and line for a file that is broken, cut off or no DEF, and for
    names of components, masters and pins that nothing defines. What is stepped over is in the design's ``findings``.
    """
    design = link(parse_def(path), library)
    require_same_scale(design.rows, design.sites, design.dbu_per_micron, str(path))
    return design


def parse_def(path: PathLike, findings: Findings | None = None) -> RawDesign:
    """What a DEF says by itself, without a library; names are not looked up. Raises as ``read_def``.

    With ``findings`` that are lenient, statements that are broken are left out and go there.
    """
    gathered = Findings() if findings is None else findings
    trial = Findings(lenient=gathered.lenient)
    try:
        raw = _parse(path, trial, folded=False)
        wrong = any(one.code == "syntax" for one in trial.found)
    except InputError:
        wrong = True
    if wrong:  # a section's END may stand in other letters than capitals
        trial = Findings(lenient=gathered.lenient)
        raw = _parse(path, trial, folded=True)
    gathered.take(trial)
    raw.findings = gathered
    return raw


def _parse(path: PathLike, findings: Findings, *, folded: bool) -> RawDesign:
    walker = Walker(path, findings, folded=folded)
    word = walker.token()
    refuse_lef(walker, word.upper())
    if word.upper() not in DEF[""]:
        expected = "a DEF statement such as VERSION or DESIGN"
        raise walker.source.error("not a DEF file", walker.offset, found=word, expected=expected)
    raw = RawDesign(path, findings, folded)
    special = SpecialNetReader()
    for word, found in walk(walker):
        if isinstance(found, Section):
            _read_section(raw, found, special)
            continue
        try:
            read_statement(raw, word, found)
        except InputError as error:
            findings.error("syntax", error)
    raw.components.finish()
    raw.nets.finish()
    raw.special_nets = special.finish()
    source, offset = walker.source, walker.offset
    for name, value in (("DESIGN", raw.name), ("UNITS", raw.dbu_per_micron), ("DIEAREA", raw.die)):
        if not value:
            findings.error("missing", source.error(f"{name} is missing", offset))
    behind = walker.token()
    if behind:
        source, offset = walker.source, walker.offset
        what, expected = "text behind END DESIGN is not read", "the end of the file"
        findings.add("ignored", path, lambda: source.error(what, offset, found=behind, expected=expected))
    return raw


def _read_section(raw: RawDesign, section: Section, special: SpecialNetReader) -> None:
    """Read a section. The number in its header counts where a lost statement would be a lost part of the design."""
    if section.name == "COMPONENTS":
        read_components(section, raw.components)
    elif section.name == "NETS":
        read_nets(section, raw.nets)
    elif section.name == "PINS":
        read_ports(section, raw.ports)
        section.check_count()
    elif section.name == "SPECIALNETS":
        each(section, special.read)
        section.check_count()
    elif section.name == "BLOCKAGES":
        read_blockages(section, raw.blockages)
        section.check_count()
    elif section.name == "VIAS":
        read_vias(section, raw.vias)
    elif section.name == "REGIONS":
        read_regions(section, raw.regions)
    else:
        read_groups(section, raw.groups)


def read_statement(raw: RawDesign, word: str, cursor: Cursor) -> None:
    """Take over what the statement ``word`` says; one that has no bearing on placement is stepped over."""
    if word in SPELLING:
        read_spelling(raw.spelling, word, cursor)
        return
    if word not in _READ_STATEMENTS:
        if word not in DEF[""]:
            cursor.where = "outside the sections"
            cursor.unknown(0)
        elif word in ("VERSION", "TECHNOLOGY"):
            cursor.name(f"the value of {word}")
            cursor.literal(";", "statement is not ended")
        return
    if word in _ONCE and getattr(raw, _ONCE[word]):
        expected = "one; the last one counts"
        raw.findings.add("duplicate", raw.path, lambda: cursor.fail(f"{word} is there twice", expected=expected, at=0))
    if word == "DESIGN":
        raw.name = cursor.name("the name of the design")
    elif word == "UNITS":
        cursor.literal("DISTANCE", "UNITS are not those of distance")
        cursor.literal("MICRONS", "UNITS are not those of distance")
        units = cursor.count("UNITS")
        if units < 1:
            raise cursor.fail("UNITS are out of range", expected="a number of at least 1", at=cursor.position - 1)
        raw.dbu_per_micron = units
    elif word == "DIEAREA":
        _read_die(raw, cursor)
    elif word == "ROW":
        _read_row(raw, cursor)
    elif word == "TRACKS":
        _read_tracks(raw, cursor)
    else:
        raw.gcell_grid.append(RawTracks(*_read_lines(cursor), line=cursor.source.line(cursor.span[0])))
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
    row.line = cursor.source.line(cursor.span[0])
    if cursor.keyword() == "DO":
        cursor.position += 1
        columns = cursor.count("count")
        cursor.literal("BY", "ROW has no second count")
        row.count = (columns, cursor.count("count"))
        if cursor.keyword() == "STEP":
            cursor.position += 1
            row.step = (cursor.integer("STEP"), cursor.integer("STEP"))
    while cursor.peek() == "+":
        cursor.position += 1
        skip_option(cursor, cursor.name("an option").upper(), ("PROPERTY",))
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
    if cursor.keyword() == "MASK":
        cursor.position += 1
        cursor.count("MASK")
        cursor.position += cursor.keyword() == "SAMEMASK"
    layers = []
    if cursor.keyword() == "LAYER":
        cursor.position += 1
        layers.append(cursor.name("the name of a layer"))
        while cursor.peek() not in (";", ""):
            layers.append(cursor.name("the name of a layer"))
    line = cursor.source.line(cursor.span[0])
    raw.tracks += [RawTracks(*lines, layer, line) for layer in layers or [""]]
