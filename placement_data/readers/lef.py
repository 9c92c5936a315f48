"""LEF: layers, sites and masters of one or several files, merged, in microns.

Where a layer, site or master is defined again, in one file or another, its first definition counts, as in OpenROAD.
Masters are converted to database units only when a DEF says what those are (``def_.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from placement_data.design import (
    Codes,
    Direction,
    Floats,
    Indices,
    Ints,
    LayerDirection,
    LayerKind,
    Layers,
    MasterClass,
    Names,
    Sites,
    Use,
)
from placement_data.errors import InputError
from placement_data.readers.lef_shapes import Shape, read_shapes
from placement_data.readers.text import Cursor, PathLike, read_source

# Blocks at the top of a file that are stepped over; True: named, so that END and the name close them.
_SKIPPED_BLOCKS = {
    "VIA": True,
    "VIARULE": True,
    "NONDEFAULTRULE": True,
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
_FIRST_WORDS |= {"LAYER", "SITE", "MACRO", "BEGINEXT", "END", *_SKIPPED_BLOCKS}
_DEF_WORDS = {"DESIGN", "TECHNOLOGY", "DIEAREA", "ROW", "TRACKS", "GCELLGRID"}
_DEF_WORDS |= {"COMPONENTS", "PINS", "NETS", "SPECIALNETS", "BLOCKAGES"}
_SYMMETRIES = {"X": 1, "Y": 2, "R90": 4}


def codes_of(kind: type[IntEnum], *left_out: str) -> dict[str, int]:
    """The words of LEF and DEF for the members of an enumeration, with their codes."""
    return {member.name: member.value for member in kind if member.name not in left_out}


DIRECTIONS = codes_of(Direction, "UNKNOWN")
USES = codes_of(Use)
_CLASSES = codes_of(MasterClass, "UNKNOWN")
_LAYER_KINDS = codes_of(LayerKind, "OTHER")
_LAYER_DIRECTIONS = codes_of(LayerDirection, "NONE")


@dataclass(frozen=True)
class MicronMasters:
    """Masters as in ``design.Masters``, all lengths and boxes in microns; ORIGIN is applied."""

    name: Names
    kind: Codes
    subclass: Names
    width: Floats
    height: Floats
    symmetry: Codes
    site: Names
    pin_offset: Ints
    pin_name: Names
    pin_direction: Codes
    pin_use: Codes
    port_offset: Ints
    port_layer: Indices
    port_box: Floats
    obstruction_offset: Ints
    obstruction_layer: Indices
    obstruction_box: Floats


@dataclass(frozen=True)
class Library:
    """What LEF files say that has a bearing on placement and routing. Lengths in microns."""

    layers: Layers
    sites: Sites
    masters: MicronMasters
    sources: tuple[str, ...]

    def __repr__(self) -> str:
        counts = f"layers={len(self.layers.name)}, sites={len(self.sites.name)}, masters={len(self.masters.name)}"
        return f"Library({counts})"


@dataclass
class _Layer:
    kind: int = LayerKind.OTHER
    direction: int = LayerDirection.NONE
    pitch: tuple[float, float] = (np.nan, np.nan)
    width: float = np.nan


@dataclass
class _Pin:
    direction: int = Direction.INPUT  # LEF's default
    use: int = Use.SIGNAL
    shapes: list[Shape] = field(default_factory=list)


@dataclass
class _Master:
    kind: int = MasterClass.UNKNOWN
    subclass: str = ""
    size: tuple[float, float] | None = None
    origin: tuple[float, float] = (0.0, 0.0)
    symmetry: int = 0
    site: str = ""
    pins: dict[str, _Pin] = field(default_factory=dict)
    obstructions: list[Shape] = field(default_factory=list)


@dataclass
class _Tables:
    """What has been read so far, over all files."""

    layers: dict[str, _Layer] = field(default_factory=dict)
    widths: dict[str, float] = field(default_factory=dict)  # of the layers
    sites: dict[str, tuple[float, float]] = field(default_factory=dict)
    masters: dict[str, _Master] = field(default_factory=dict)


def read_lef(paths: Sequence[PathLike]) -> Library:
    """Read LEF files, plain or gzip, technology and cells in any order. Raises ``InputError`` naming file and line."""
    if isinstance(paths, (str, bytes)) or not isinstance(paths, Sequence):
        raise TypeError("read_lef takes a sequence of paths")
    if not paths:
        raise InputError("no LEF file is given")
    tables = _Tables()
    for path in paths:
        _read_file(Cursor(read_source(path)), tables)
    return _library(tables, tuple(str(path) for path in paths))


def _read_file(cursor: Cursor, tables: _Tables) -> None:
    _check_kind(cursor)
    while cursor.peek():
        word = cursor.next("a statement")
        if word == ";":
            continue
        if word == "LAYER":
            _read_layer(cursor, tables)
        elif word == "SITE":
            _read_site(cursor, tables)
        elif word == "MACRO":
            _read_master(cursor, tables)
        elif word in _SKIPPED_BLOCKS:
            _skip_block(cursor, cursor.name(f"the name of a {word}") if _SKIPPED_BLOCKS[word] else word, word)
        elif word == "BEGINEXT":
            _skip_to(cursor, "ENDEXT")
        elif word == "END":
            cursor.literal("LIBRARY", "END closes nothing here")
            return
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


def _skip_block(cursor: Cursor, name: str, word: str) -> None:
    cursor.where = f"inside {word}" if name == word else f"inside {word} {name}"
    while True:
        _skip_to(cursor, "END")
        if cursor.peek() == name:
            cursor.position += 1
            return


def _skip_to(cursor: Cursor, word: str) -> None:
    """Step behind the next ``word``."""
    try:
        cursor.position = cursor.tokens.index(word, cursor.position) + 1
    except ValueError:
        cursor.position = len(cursor.tokens)
        raise cursor.fail("", expected=f"'{word}'") from None


def _end_of(cursor: Cursor, name: str, kind: str) -> None:
    """Step over the name that follows END."""
    cursor.literal(name, f"{kind} is not closed by its own name")


def _semicolon(cursor: Cursor) -> None:
    cursor.literal(";", "statement is not ended")


def _read_layer(cursor: Cursor, tables: _Tables) -> None:
    name = cursor.name("the name of a LAYER")
    cursor.where = f"inside LAYER {name}"
    layer = _Layer()
    while (word := cursor.word(f"END {name}")) != "END":
        if word == "TYPE":
            layer.kind = _LAYER_KINDS.get(cursor.name("the type of a LAYER"), LayerKind.OTHER)
        elif word == "DIRECTION":
            # Old files give a diagonal direction (DIAG45), which has no code.
            layer.direction = _LAYER_DIRECTIONS.get(cursor.name("HORIZONTAL or VERTICAL"), LayerDirection.NONE)
        elif word == "PITCH":
            first = cursor.decimal("PITCH")
            layer.pitch = (first, first if cursor.peek() == ";" else cursor.decimal("PITCH"))
        elif word == "WIDTH":
            layer.width = cursor.decimal("WIDTH")
        else:
            cursor.skip_statement()
            continue
        _semicolon(cursor)
    _end_of(cursor, name, "LAYER")
    tables.widths[name] = tables.layers.setdefault(name, layer).width


def _read_size(cursor: Cursor) -> tuple[float, float]:
    width = cursor.decimal("SIZE")
    cursor.literal("BY", "SIZE is not WIDTH BY HEIGHT")
    height = cursor.decimal("SIZE")
    if width < 0 or height < 0:
        raise cursor.fail("SIZE is negative", expected="a size of at least 0", at=cursor.position - 1)
    return width, height


def _read_site(cursor: Cursor, tables: _Tables) -> None:
    name = cursor.name("the name of a SITE")
    start = cursor.position - 1
    cursor.where = f"inside SITE {name}"
    size: tuple[float, float] | None = None
    while (word := cursor.word(f"END {name}")) != "END":
        if word == "SIZE":
            size = _read_size(cursor)
            _semicolon(cursor)
        else:
            cursor.skip_statement()
    _end_of(cursor, name, "SITE")
    if size is None:
        raise cursor.fail("SITE has no SIZE", at=start)
    tables.sites.setdefault(name, size)


def _read_master(cursor: Cursor, tables: _Tables) -> None:
    name = cursor.name("the name of a MACRO")
    start = cursor.position - 1
    cursor.where = f"inside MACRO {name}"
    master = _Master()
    while (word := cursor.word(f"END {name}")) != "END":
        if word == "PIN":
            _read_pin(cursor, master, tables)
        elif word == "OBS":
            master.obstructions += read_shapes(cursor, tables.widths)
        elif word == "DENSITY":
            _skip_to(cursor, "END")
        elif word == "TIMING":
            _skip_block(cursor, "TIMING", "TIMING")
        elif word == "BEGINEXT":
            _skip_to(cursor, "ENDEXT")
        else:
            _read_master_statement(cursor, word, master)
        cursor.where = f"inside MACRO {name}"
    _end_of(cursor, name, "MACRO")
    if master.size is None:
        raise cursor.fail("MACRO has no SIZE", at=start)
    tables.masters.setdefault(name, master)


def _read_master_statement(cursor: Cursor, word: str, master: _Master) -> None:
    if word == "SITE" and not master.site:
        master.site = cursor.name("the name of a SITE")
    if word not in ("CLASS", "SIZE", "ORIGIN", "SYMMETRY"):
        cursor.skip_statement()
        return
    if word == "CLASS":
        master.kind = _CLASSES.get(cursor.name("the class of a MACRO").upper(), MasterClass.UNKNOWN)
        master.subclass = "" if cursor.peek() == ";" else cursor.next("';'").upper()
    elif word == "SIZE":
        master.size = _read_size(cursor)
    elif word == "ORIGIN":
        master.origin = (cursor.decimal("ORIGIN"), cursor.decimal("ORIGIN"))
    else:
        while cursor.peek() != ";":
            master.symmetry |= cursor.choice("SYMMETRY", _SYMMETRIES)
    _semicolon(cursor)


def _read_pin(cursor: Cursor, master: _Master, tables: _Tables) -> None:
    name = cursor.name("the name of a PIN")
    cursor.where += f", PIN {name}"
    pin = _Pin()
    while (word := cursor.word(f"END {name}")) != "END":
        if word == "PORT":
            if cursor.peek() == "CLASS":
                cursor.skip_statement()
            pin.shapes += read_shapes(cursor, tables.widths)
            continue
        if word == "DIRECTION":
            pin.direction = cursor.choice("DIRECTION", DIRECTIONS)
        elif word == "USE":
            pin.use = cursor.choice("USE", USES)
            _semicolon(cursor)
            continue
        cursor.skip_statement()
    _end_of(cursor, name, "PIN")
    master.pins.setdefault(name, pin)


def _library(tables: _Tables, sources: tuple[str, ...]) -> Library:
    layers, sites = list(tables.layers.values()), list(tables.sites.values())
    return Library(
        Layers(
            _names(tables.layers),
            np.array([layer.kind for layer in layers], dtype=np.uint8),
            np.array([layer.direction for layer in layers], dtype=np.uint8),
            np.array([layer.pitch[0] for layer in layers], dtype=np.float64),
            np.array([layer.pitch[1] for layer in layers], dtype=np.float64),
            np.array([layer.width for layer in layers], dtype=np.float64),
            np.full(len(layers), np.nan),
            np.full(len(layers), np.nan),
            np.full(len(layers), np.nan),
        ),
        Sites(
            _names(tables.sites),
            np.array([site[0] for site in sites], dtype=np.float64),
            np.array([site[1] for site in sites], dtype=np.float64),
        ),
        _masters(tables),
        sources,
    )


def _masters(tables: _Tables) -> MicronMasters:
    masters = list(tables.masters.values())
    layer_index = {name: index for index, name in enumerate(tables.layers)}
    pins = [pin for master in masters for pin in master.pins.values()]
    size = np.array([master.size for master in masters], dtype=np.float64).reshape(-1, 2)
    origin = np.array([master.origin for master in masters], dtype=np.float64).reshape(-1, 2)
    pin_offset = _offsets([len(master.pins) for master in masters])
    port_offset = _offsets([len(pin.shapes) for pin in pins])
    port_layer, port_box = _columns([shape for pin in pins for shape in pin.shapes], layer_index)
    obstruction_offset = _offsets([len(master.obstructions) for master in masters])
    shapes = [shape for master in masters for shape in master.obstructions]
    obstruction_layer, obstruction_box = _columns(shapes, layer_index)
    port_box += np.tile(np.repeat(origin, np.diff(port_offset[pin_offset]), axis=0), 2)
    obstruction_box += np.tile(np.repeat(origin, np.diff(obstruction_offset), axis=0), 2)
    return MicronMasters(
        _names(tables.masters),
        np.array([master.kind for master in masters], dtype=np.uint8),
        _names([master.subclass for master in masters]),
        size[:, 0].copy(),
        size[:, 1].copy(),
        np.array([master.symmetry for master in masters], dtype=np.uint8),
        _names([master.site for master in masters]),
        pin_offset,
        _names([name for master in masters for name in master.pins]),
        np.array([pin.direction for pin in pins], dtype=np.uint8),
        np.array([pin.use for pin in pins], dtype=np.uint8),
        port_offset,
        port_layer,
        port_box,
        obstruction_offset,
        obstruction_layer,
        obstruction_box,
    )


def _names(names: Sequence[str] | dict[str, _Layer] | dict[str, _Master] | dict[str, tuple[float, float]]) -> Names:
    return np.array(list(names), dtype=object)


def _offsets(counts: list[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(np.array(counts, dtype=np.int64))]).astype(np.int64)


def _columns(shapes: list[Shape], layer_index: dict[str, int]) -> tuple[Indices, Floats]:
    layer = np.array([layer_index.get(shape[0], -1) for shape in shapes], dtype=np.int32)
    return layer, np.array([shape[1] for shape in shapes], dtype=np.float64).reshape(-1, 4)
