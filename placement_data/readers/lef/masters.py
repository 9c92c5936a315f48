"""LEF's MACRO: a cell master with its pins and obstructions."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, field

import numpy as np

from placement_data.columns import name_column, offsets
from placement_data.cursor import Cursor
from placement_data.design import Codes, Direction, Floats, Indices, Ints, MasterClass, Names, Use
from placement_data.polygons import Box, cover
from placement_data.readers.lef.shapes import Item, read_pair, read_shapes, resolved
from placement_data.readers.via_shapes import Shape
from placement_data.readers.words import DIRECTIONS, LEF, USES, codes_of

_CLASSES = codes_of(MasterClass, "UNKNOWN")
_SYMMETRIES = {"X": 1, "Y": 2, "R90": 4}
_PIN_USES = {**USES, "DATA": int(Use.SIGNAL)}  # DATA: up to LEF 5.3


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
    outline_master: Indices
    outline_box: Floats


@dataclass
class Pin:
    """A PIN as written."""

    direction: int = Direction.INPUT  # LEF's default
    use: int = Use.SIGNAL
    shapes: list[Item] = field(default_factory=list)


@dataclass
class Master:
    """A MACRO as written, lengths in microns."""

    kind: int = MasterClass.UNKNOWN
    subclass: str = ""
    size: tuple[float, float] | None = None
    origin: tuple[float, float] = (0.0, 0.0)
    symmetry: int = 0
    site: str = ""
    pins: dict[str, Pin] = field(default_factory=dict)
    obstructions: list[Item] = field(default_factory=list)


def read_master(cursor: Cursor, name: str) -> Master:
    """MACRO from behind its name to its END."""
    start = cursor.position - 1
    master = Master()

    def read(word: str) -> None:
        if word == "PIN":
            _read_pin(cursor, master)
        elif word == "OBS":
            master.obstructions += read_shapes(cursor)
        elif word == "DENSITY":
            skip_to(cursor, "END")
        elif word == "TIMING":
            skip_block(cursor, "TIMING", "TIMING")
        elif word == "BEGINEXT":
            skip_to(cursor, "ENDEXT")
        else:
            _read_statement(cursor, word, master)
        cursor.where = f"inside MACRO {name}"

    cursor.block("MACRO", name, read, outside=("MACRO",))
    if master.size is None:
        cursor.source.findings.error("missing", cursor.fail("MACRO has no SIZE", at=start))
        master.size = 0.0, 0.0
    return master


def _read_statement(cursor: Cursor, word: str, master: Master) -> None:
    if word == "SITE":
        site = cursor.refer("SITE", "the name of a SITE")
        master.site = master.site or site
        cursor.skip_statement()
        return
    if word not in ("CLASS", "SIZE", "ORIGIN", "SYMMETRY"):
        cursor.step_over(word, LEF["MACRO"])
        return
    if word == "CLASS":
        master.kind = _CLASSES.get(cursor.name("the class of a MACRO").upper(), MasterClass.UNKNOWN)
        master.subclass = "" if cursor.peek() == ";" else cursor.next("';'").upper()
    elif word == "SIZE":
        master.size = read_size(cursor)
    elif word == "ORIGIN":
        master.origin = read_pair(cursor, "ORIGIN")
    else:
        while cursor.peek() != ";":
            master.symmetry |= cursor.choice("SYMMETRY", _SYMMETRIES)
    cursor.literal(";", "statement is not ended")


def _read_pin(cursor: Cursor, master: Master) -> None:
    name = cursor.name("the name of a PIN")
    cursor.where += f", PIN {name}"
    at = cursor.position - 1
    pin = Pin()

    def read(word: str) -> None:
        if word == "PORT":
            pin.shapes += read_shapes(cursor)
        elif word == "DIRECTION":
            pin.direction = cursor.choice("DIRECTION", DIRECTIONS)
            cursor.skip_statement()
        elif word == "USE":
            pin.use = cursor.choice("USE", _PIN_USES)
            cursor.literal(";", "statement is not ended")
        else:
            cursor.step_over(word, LEF["PIN"])

    cursor.block("PIN", name, read, outside=("PIN", "OBS", "MACRO"))
    if name in master.pins:
        what = f"pin {name} of the MACRO is there twice"
        cursor.source.findings.add(
            "duplicate", cursor.source.path, lambda: cursor.fail(what, expected="one; the first one counts", at=at)
        )
    master.pins.setdefault(name, pin)


def read_size(cursor: Cursor) -> tuple[float, float]:
    """``WIDTH BY HEIGHT`` in microns."""
    width = cursor.decimal("SIZE")
    cursor.literal("BY", "SIZE is not WIDTH BY HEIGHT")
    height = cursor.decimal("SIZE")
    if width < 0 or height < 0:
        raise cursor.fail("SIZE is negative", expected="a size of at least 0", at=cursor.position - 1)
    return width, height


def skip_block(cursor: Cursor, name: str, word: str) -> None:
    """Step behind ``END name``."""
    cursor.where = f"inside {word}" if name == word else f"inside {word} {name}"
    while True:
        skip_to(cursor, "END")
        if cursor.peek() == name or (name == word and cursor.keyword() == word):
            cursor.position += 1
            return


def skip_to(cursor: Cursor, word: str) -> None:
    """Step behind the next ``word``, in any case."""
    while cursor.next(f"'{word}'").upper() != word:
        pass


def master_table(
    named: dict[str, Master],
    layer_index: dict[str, int],
    vias: dict[str, list[Shape]],
    widths: dict[str, float],
    overlaps: Container[str],
) -> MicronMasters:
    """The columns of ``MicronMasters``; ``vias`` and ``widths`` (of layers) are for ``shapes.resolved``.

    ``overlaps`` are the layers of TYPE OVERLAP, on which OBS tells the outline of a block that is no rectangle.
    """
    masters = list(named.values())
    pins = [pin for master in masters for pin in master.pins.values()]
    ports = [resolved(pin.shapes, vias, widths) for pin in pins]
    obstructions = [resolved(master.obstructions, vias, widths) for master in masters]
    size = np.array([master.size for master in masters], dtype=np.float64).reshape(-1, 2)
    origin = np.array([master.origin for master in masters], dtype=np.float64).reshape(-1, 2)
    pin_offset = offsets([len(master.pins) for master in masters])
    port_offset = offsets([len(shapes) for shapes in ports])
    port_layer, port_box = shape_columns(ports, layer_index)
    obstruction_offset = offsets([len(shapes) for shapes in obstructions])
    obstruction_layer, obstruction_box = shape_columns(obstructions, layer_index)
    port_box += np.tile(np.repeat(origin, np.diff(port_offset[pin_offset]), axis=0), 2)
    obstruction_box += np.tile(np.repeat(origin, np.diff(obstruction_offset), axis=0), 2)
    outlines = [
        (number, box)
        for number, (master, shapes) in enumerate(zip(masters, obstructions, strict=True))
        for box in _outline(master, [box for layer, box in shapes if layer in overlaps])
    ]
    return MicronMasters(
        name_column(list(named)),
        np.array([master.kind for master in masters], dtype=np.uint8),
        name_column([master.subclass for master in masters]),
        size[:, 0].copy(),
        size[:, 1].copy(),
        np.array([master.symmetry for master in masters], dtype=np.uint8),
        name_column([master.site for master in masters]),
        pin_offset,
        name_column([name for master in masters for name in master.pins]),
        np.array([pin.direction for pin in pins], dtype=np.uint8),
        np.array([pin.use for pin in pins], dtype=np.uint8),
        port_offset,
        port_layer,
        port_box,
        obstruction_offset,
        obstruction_layer,
        obstruction_box,
        np.array([number for number, _ in outlines], dtype=np.int32),
        np.array([box for _, box in outlines], dtype=np.float64).reshape(-1, 4),
    )


def _outline(master: Master, shapes: Sequence[Box]) -> list[Box]:
    """What of a master's SIZE its shapes on layers of overlap cover; nothing where that is no part, or all of it."""
    assert master.size is not None
    (x, y), (width, height) = master.origin, master.size
    moved = [(x0 + x, y0 + y, x1 + x, y1 + y) for x0, y0, x1, y1 in shapes]
    inside = [(max(x0, 0.0), max(y0, 0.0), min(x1, width), min(y1, height)) for x0, y0, x1, y1 in moved]
    found = cover([box for box in inside if box[0] < box[2] and box[1] < box[3]])
    return [] if found == [(0.0, 0.0, width, height)] else found


def shape_columns(shapes: Sequence[Sequence[Shape]], layer_index: dict[str, int]) -> tuple[Indices, Floats]:
    """Layer (-1 unknown) and box (n, 4) of all shapes, in a row."""
    layer = np.array([layer_index.get(name, -1) for some in shapes for name, _ in some], dtype=np.int32)
    return layer, np.array([box for some in shapes for _, box in some], dtype=np.float64).reshape(-1, 4)
