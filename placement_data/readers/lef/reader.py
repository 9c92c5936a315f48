"""LEF: layers, sites, vias and masters of one or several files, merged, in microns.

Where one of them is defined again, in one file or another, its first definition counts, as in OpenROAD; another one
that differs is a finding. Masters are
converted to database units only when a DEF says what those are (``def_/link.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np

from placement_data.columns import name_column, offsets
from placement_data.cursor import Cursor
from placement_data.design import Floats, Indices, Ints, LayerKind, Layers, Names, Sites
from placement_data.errors import InputError
from placement_data.findings import Finding, Findings
from placement_data.names import DEFAULT, Spelling
from placement_data.readers.lef.layers import Layer, layer_table, read_layer, skip_rule
from placement_data.readers.lef.masters import (
    Master,
    MicronMasters,
    master_table,
    read_master,
    read_size,
    shape_columns,
    skip_block,
    skip_to,
)
from placement_data.readers.lef.shapes import read_via_shapes
from placement_data.readers.via_shapes import GeneratedVia, Shape
from placement_data.readers.words import LEF, SPELLING, read_spelling
from placement_data.text import PathLike, read_source

# Blocks at the top of a file that are stepped over; True: named, so that END and the name close them.
_SKIPPED_BLOCKS = {
    "VIARULE": True,
    "ARRAY": True,
    "UNITS": False,
    "SPACING": False,
    "PROPERTYDEFINITIONS": False,
    "IRDROP": False,
    "NOISETABLE": False,
    "CORRECTIONTABLE": False,
}
_DEF_WORDS = {"DESIGN", "TECHNOLOGY", "DIEAREA", "ROW", "TRACKS", "GCELLGRID"}
_DEF_WORDS |= {"COMPONENTS", "PINS", "NETS", "SPECIALNETS", "BLOCKAGES"}
_BLOCKS = {"LAYER", "SITE", "MACRO", "VIA", "NONDEFAULTRULE"}
_UNKNOWN = {  # by what is referred to: code, and what is wrong
    "LAYER": ("unknown-layer", "a pin, obstruction or via names a layer that is in no LEF"),
    "VIA": ("unknown-via", "a pin or obstruction names a via that is in no LEF"),
    "SITE": ("unknown-site", "a macro names a site that is in no LEF"),
}

T = TypeVar("T")


@dataclass(frozen=True)
class MicronVias:
    """Vias as boxes about their own (0, 0), in microns."""

    name: Names
    offset: Ints  # CSR over the columns below
    layer: Indices  # into Layers, -1 unknown
    box: Floats  # (n, 4)


def _no_vias() -> MicronVias:
    return via_table({}, {})


@dataclass(frozen=True)
class Library:
    """What LEF files say that has a bearing on placement and routing. Lengths in microns."""

    layers: Layers
    sites: Sites
    masters: MicronMasters
    sources: tuple[str, ...]
    vias: MicronVias = field(default_factory=_no_vias)
    spelling: Spelling = DEFAULT
    findings: tuple[Finding, ...] = ()  # what was stepped over, one a kind and file

    @classmethod
    def empty(cls) -> Library:
        """No layers, sites, vias and masters."""
        return _library(_Tables(), (), ())

    def __repr__(self) -> str:
        counts = f"layers={len(self.layers.name)}, sites={len(self.sites.name)}, masters={len(self.masters.name)}"
        return f"Library({counts})"


@dataclass
class _Tables:
    """What has been read so far, over all files."""

    spelling: dict[str, str] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    sites: dict[str, tuple[float, float]] = field(default_factory=dict)
    vias: dict[str, list[Shape] | GeneratedVia] = field(default_factory=dict)
    masters: dict[str, Master] = field(default_factory=dict)
    cursors: list[Cursor] = field(default_factory=list)

    def define(self, cursor: Cursor, table: dict[str, T], name: str, read: Callable[[Cursor, str], T]) -> None:
        """Read the block whose name has just been read, and keep it unless there is one of that name."""
        at = cursor.position - 1
        value = read(cursor, name)
        if name not in table:
            table[name] = value
        elif repr(table[name]) != repr(value):
            what = f"{cursor.tokens[at - 1].lower()} {name} is there twice"
            cursor.source.findings.add(
                "duplicate", cursor.source.path, lambda: cursor.fail(what, expected="one; the first one counts", at=at)
            )

    def read_via(self, cursor: Cursor) -> None:
        """Read a VIA, at the top of a file or in a NONDEFAULTRULE."""
        self.define(cursor, self.vias, _enter(cursor, "VIA"), read_via_shapes)


def read_lef(paths: Sequence[PathLike], findings: Findings | None = None) -> Library:
    """Read LEF files, plain or gzip, technology and cells in any order, several joined in one file too.

    Raises ``InputError`` naming file and line. With ``findings`` that are lenient, statements that are broken are left
    out and go there; only a file that is no LEF at all or is cut off raises then.
    """
    if isinstance(paths, (str, bytes)) or not isinstance(paths, Sequence):
        raise TypeError("read_lef takes a sequence of paths")
    if not paths:
        raise InputError("no LEF file is given")
    findings = Findings() if findings is None else findings
    tables = _Tables()
    for path in paths:
        tables.cursors.append(Cursor(read_source(path, findings), where="at the top of a LEF"))
        _read_file(tables.cursors[-1], tables)
    _find_unknown(tables)
    return _library(tables, tuple(str(path) for path in paths), tuple(findings.found))


def _read_file(cursor: Cursor, tables: _Tables) -> None:
    _check_kind(cursor)
    while cursor.peek():
        cursor.where = "at the top of a LEF"
        word = cursor.next("a statement").upper()
        if word == ";":
            continue
        start = cursor.position
        try:
            _read_next(cursor, word, tables)
        except InputError as error:
            if not cursor.source.findings.lenient:
                raise
            _recover(cursor, word, start, error)


def _recover(cursor: Cursor, word: str, start: int, error: InputError) -> None:
    """Keep ``error`` and step behind the block or statement that begins before token ``start``, as far as it shows."""
    at, name = cursor.position, cursor.tokens[start] if start < len(cursor.tokens) else ""
    cursor.recover(error, start)
    if word in _BLOCKS:
        cursor.position = at
        while cursor.tokens[cursor.position - 2 : cursor.position] != ["END", name]:
            skip_to(cursor, "END")
            cursor.position += 1
    elif cursor.keyword() == "END":
        cursor.position += 2


def _find_unknown(tables: _Tables) -> None:
    """Note the layers, vias and sites that are referred to and that no file defines."""
    known: dict[str, Container[str]] = {"LAYER": tables.layers, "VIA": tables.vias, "SITE": tables.sites}
    for cursor in tables.cursors:
        for (kind, name), places in cursor.references.items():
            if name in known[kind]:
                continue
            code, what = _UNKNOWN[kind]
            findings = cursor.source.findings
            for at, count in [(at, 1) for at in places] if findings.lenient else [(places[0], len(places))]:
                error = partial(cursor.fail, what, expected=f"the name of a {kind}", at=at)
                findings.add(code, cursor.source.path, error, count)
        cursor.references.clear()


def _read_next(cursor: Cursor, word: str, tables: _Tables) -> None:
    """Read or step over the statement or block that begins with ``word``."""
    if word == "END":
        cursor.literal("LIBRARY", "END closes nothing here")  # what follows is a LEF that was joined to this one
    elif word == "LAYER":
        name = _enter(cursor, word)
        tables.define(cursor, tables.layers, name, read_layer)
    elif word == "SITE":
        name = _enter(cursor, word)
        tables.define(cursor, tables.sites, name, _read_site)
    elif word == "MACRO":
        name = _enter(cursor, word)
        tables.define(cursor, tables.masters, name, read_master)
    elif word == "VIA":
        tables.read_via(cursor)
    elif word == "NONDEFAULTRULE":
        name = _enter(cursor, word)
        skip_rule(cursor, name, tables.read_via)
    elif word in SPELLING:
        read_spelling(tables.spelling, word, cursor)
    elif word in _SKIPPED_BLOCKS:
        skip_block(cursor, cursor.name(f"the name of a {word}") if _SKIPPED_BLOCKS[word] else word, word)
    elif word == "BEGINEXT":
        skip_to(cursor, "ENDEXT")
    elif word in _DEF_WORDS:
        raise cursor.fail("DEF statement in a LEF file", expected="LEF", at=cursor.position - 1)
    else:
        cursor.step_over(word, LEF[""])


def _check_kind(cursor: Cursor) -> None:
    """Refuse a file whose first word no LEF begins with."""
    word = cursor.keyword()
    if word in _DEF_WORDS:
        raise cursor.fail("DEF statement in a LEF file", expected="LEF")
    if word not in LEF[""]:
        raise cursor.fail("not a LEF file", expected="a LEF statement such as VERSION, LAYER or MACRO")


def _enter(cursor: Cursor, word: str) -> str:
    """Name of the block that begins here; errors say that they are inside it."""
    name = cursor.name(f"the name of a {word}")
    cursor.where = f"inside {word} {name}"
    return name


def _read_site(cursor: Cursor, name: str) -> tuple[float, float]:
    start = cursor.position - 1
    size: list[tuple[float, float]] = []

    def read(word: str) -> None:
        if word == "SIZE":
            size.append(read_size(cursor))
            cursor.literal(";", "statement is not ended")
        else:
            cursor.step_over(word, LEF["SITE"])

    cursor.block("SITE", name, read, outside=("SITE", "MACRO", "LAYER"))
    if not size:
        cursor.source.findings.error("missing", cursor.fail("SITE has no SIZE", at=start))
        return 0.0, 0.0
    return size[-1]


def _library(tables: _Tables, sources: tuple[str, ...], findings: tuple[Finding, ...]) -> Library:
    layer_index = {name: index for index, name in enumerate(tables.layers)}
    cut_layers = {name for name, layer in tables.layers.items() if layer.kind == LayerKind.CUT}
    overlaps = {name for name, layer in tables.layers.items() if layer.kind == LayerKind.OVERLAP}
    overlaps |= {"OVERLAP"} - tables.layers.keys()  # the usual name, where the LEF of the technology does not say
    widths = {name: layer.width for name, layer in tables.layers.items()}
    vias = {name: via.boxes(cut_layers) if isinstance(via, GeneratedVia) else via for name, via in tables.vias.items()}
    size = np.array(list(tables.sites.values()), dtype=np.float64).reshape(-1, 2)
    return Library(
        layer_table(tables.layers),
        Sites(name_column(tables.sites), size[:, 0].copy(), size[:, 1].copy()),
        master_table(tables.masters, layer_index, vias, widths, overlaps),
        sources,
        via_table(vias, layer_index),
        Spelling.of(tables.spelling),
        findings,
    )


def via_table(vias: dict[str, list[Shape]], layer_index: dict[str, int]) -> MicronVias:
    """The columns of ``MicronVias``."""
    layer, box = shape_columns(list(vias.values()), layer_index)
    offset = offsets([len(shapes) for shapes in vias.values()])
    return MicronVias(name_column(vias), offset, layer, box)
