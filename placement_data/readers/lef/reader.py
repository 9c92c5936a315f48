"""LEF: layers, sites, vias and masters of one or several files, merged, in microns.

Where one of them is defined again, in one file or another, its first definition counts, as in OpenROAD. Masters are
converted to database units only when a DEF says what those are (``def_/link.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from placement_data.columns import name_column, offsets
from placement_data.cursor import Cursor
from placement_data.design import Floats, Indices, Ints, LayerKind, Layers, Names, Sites
from placement_data.errors import InputError
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
_FIRST_WORDS = {"VERSION", "BUSBITCHARS", "DIVIDERCHAR", "NAMESCASESENSITIVE", "MANUFACTURINGGRID", "USEMINSPACING"}
_FIRST_WORDS |= {"CLEARANCEMEASURE", "FIXEDMASK", "MAXVIASTACK", "NOWIREEXTENSIONATPIN", "MINFEATURE", "HISTORY"}
_FIRST_WORDS |= {"LAYER", "SITE", "MACRO", "VIA", "NONDEFAULTRULE", "BEGINEXT", "END", *_SKIPPED_BLOCKS}
_DEF_WORDS = {"DESIGN", "TECHNOLOGY", "DIEAREA", "ROW", "TRACKS", "GCELLGRID"}
_DEF_WORDS |= {"COMPONENTS", "PINS", "NETS", "SPECIALNETS", "BLOCKAGES"}


_BLOCKS = {"LAYER", "SITE", "MACRO", "VIA", "NONDEFAULTRULE"}

T = TypeVar("T")
OnError = Callable[[str, InputError], None]


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
    bus_bit_chars: str = "[]"
    divider_char: str = "/"

    def __repr__(self) -> str:
        counts = f"layers={len(self.layers.name)}, sites={len(self.sites.name)}, masters={len(self.masters.name)}"
        return f"Library({counts})"


@dataclass
class _Tables:
    """What has been read so far, over all files."""

    characters: dict[str, str] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    sites: dict[str, tuple[float, float]] = field(default_factory=dict)
    vias: dict[str, list[Shape] | GeneratedVia] = field(default_factory=dict)
    masters: dict[str, Master] = field(default_factory=dict)
    on_error: OnError | None = None

    def define(self, cursor: Cursor, table: dict[str, T], name: str, read: Callable[[Cursor, str], T]) -> None:
        """Read the LAYER, SITE or MACRO whose name has just been read, and keep it unless there is one of that name."""
        at = cursor.position - 1
        value = read(cursor, name)
        if name not in table:
            table[name] = value
        elif self.on_error is not None:
            what = f"{cursor.tokens[at - 1].lower()} {name} is there twice"
            self.on_error("duplicate", cursor.fail(what, expected="one; the first one counts", at=at))

    def read_via(self, cursor: Cursor) -> None:
        """Read a VIA, at the top of a file or in a NONDEFAULTRULE."""
        name = _enter(cursor, "VIA")
        self.vias.setdefault(name, read_via_shapes(cursor, name))


def read_lef(paths: Sequence[PathLike], on_error: OnError | None = None) -> Library:
    """Read LEF files, plain or gzip, technology and cells in any order. Raises ``InputError`` naming file and line.

    With ``on_error``, statements that are broken or that come twice are given to it, with a code of ``lint``, and left
    out; only a file that is no LEF at all or is cut off raises then.
    """
    if isinstance(paths, (str, bytes)) or not isinstance(paths, Sequence):
        raise TypeError("read_lef takes a sequence of paths")
    if not paths:
        raise InputError("no LEF file is given")
    tables = _Tables(on_error=on_error)
    for path in paths:
        _read_file(Cursor(read_source(path)), tables)
    return _library(tables, tuple(str(path) for path in paths))


def _read_file(cursor: Cursor, tables: _Tables) -> None:
    _check_kind(cursor)
    while cursor.peek():
        word = cursor.next("a statement")
        if word == ";":
            continue
        if word == "END":
            cursor.literal("LIBRARY", "END closes nothing here")
            return
        start = cursor.position
        try:
            _read_next(cursor, word, tables)
        except InputError as error:
            if tables.on_error is None or cursor.position >= len(cursor.tokens):
                raise
            tables.on_error("missing" if error.what.endswith("has no SIZE") else "syntax", error)
            _recover(cursor, word, start)


def _recover(cursor: Cursor, word: str, start: int) -> None:
    """Step behind the block or statement that begins before token ``start``, as far as it can be told."""
    name = cursor.tokens[start]
    if word not in _BLOCKS:
        skip_to(cursor, ";")
    while word in _BLOCKS and cursor.tokens[cursor.position - 2 : cursor.position] != ["END", name]:
        skip_to(cursor, "END")
        cursor.position += 1


def _read_next(cursor: Cursor, word: str, tables: _Tables) -> None:
    """Read or step over the statement or block that begins with ``word``."""
    if word == "LAYER":
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
    elif word in ("BUSBITCHARS", "DIVIDERCHAR"):
        tables.characters.setdefault(word, cursor.name(f"the value of {word}").strip('"'))
        cursor.literal(";", "statement is not ended")
    elif word in _SKIPPED_BLOCKS:
        skip_block(cursor, cursor.name(f"the name of a {word}") if _SKIPPED_BLOCKS[word] else word, word)
    elif word == "BEGINEXT":
        skip_to(cursor, "ENDEXT")
    elif word in _DEF_WORDS:
        cursor.position -= 1
        raise cursor.fail("DEF statement in a LEF file", expected="LEF")
    else:
        cursor.where = f"inside {word}"
        cursor.skip_statement()


def _check_kind(cursor: Cursor) -> None:
    """Refuse a file whose first word no LEF begins with."""
    word = cursor.peek()
    if word in _DEF_WORDS:
        raise cursor.fail("DEF statement in a LEF file", expected="LEF")
    if word not in _FIRST_WORDS:
        raise cursor.fail("not a LEF file", expected="a LEF statement such as VERSION, LAYER or MACRO")


def _enter(cursor: Cursor, word: str) -> str:
    """Name of the block that begins here; errors say that they are inside it."""
    name = cursor.name(f"the name of a {word}")
    cursor.where = f"inside {word} {name}"
    return name


def _read_site(cursor: Cursor, name: str) -> tuple[float, float]:
    start = cursor.position - 1
    size: tuple[float, float] | None = None
    while (word := cursor.word(f"END {name}")) != "END":
        if word == "SIZE":
            size = read_size(cursor)
            cursor.literal(";", "statement is not ended")
        else:
            cursor.skip_statement()
    cursor.literal(name, "SITE is not closed by its own name")
    if size is None:
        raise cursor.fail("SITE has no SIZE", at=start)
    return size


def _library(tables: _Tables, sources: tuple[str, ...]) -> Library:
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
        tables.characters.get("BUSBITCHARS", "[]"),
        tables.characters.get("DIVIDERCHAR", "/"),
    )


def via_table(vias: dict[str, list[Shape]], layer_index: dict[str, int]) -> MicronVias:
    """The columns of ``MicronVias``."""
    layer, box = shape_columns(list(vias.values()), layer_index)
    offset = offsets([len(shapes) for shapes in vias.values()])
    return MicronVias(name_column(vias), offset, layer, box)
