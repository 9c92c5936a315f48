"""The sections of DEF that hold shapes: PINS and BLOCKAGES."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from placement_data.cursor import Cursor
from placement_data.design import Direction, Ints, Status, Use
from placement_data.orientation import turned
from placement_data.polygons import Box
from placement_data.readers.def_.sections import (
    STATUSES,
    options,
    read_placement,
    read_point,
    read_points,
    skip_option,
)
from placement_data.readers.def_.vias import read_boxes
from placement_data.readers.words import DIRECTIONS, USES

_LAYER_OPTIONS = ("MASK", "SPACING", "DESIGNRULEWIDTH")


@dataclass
class RawPorts:
    """PINS as written, with the bounding box of each pin's shapes on the die."""

    name: list[str] = field(default_factory=list)
    net: list[str] = field(default_factory=list)
    direction: list[int] = field(default_factory=list)
    use: list[int] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    box: list[tuple[int, int, int, int]] = field(default_factory=list)


@dataclass
class _Port:
    """One PORT of a pin: its points so far, and where it is placed."""

    points: list[tuple[int, int]] = field(default_factory=list)
    placement: tuple[int, int, int] | None = None
    status: int = Status.UNPLACED


def read_ports(statements: Iterable[Cursor]) -> RawPorts:
    """PINS. A placed pin without shapes is a point, and so is a via of a pin.

    A further port of the old form, a pin ``name.extra1``, is a pin of its own. Raises ``InputError`` for broken
    statements.
    """
    ports = RawPorts()
    placed: list[tuple[int, int, int, int, int, int, int, int]] = []
    for cursor in statements:
        row = len(ports.name)
        ports.name.append(cursor.name("the name of a pin"))
        net, direction, use, shapes = "", int(Direction.UNKNOWN), int(Use.SIGNAL), [_Port()]
        for word in options(cursor):
            if word == "NET":
                net = cursor.name("the name of a net")
            elif word == "DIRECTION":
                direction = cursor.choice("DIRECTION", DIRECTIONS)
            elif word == "USE":
                use = cursor.choice("USE", USES)
            elif word == "PORT":
                shapes.append(_Port())
            else:
                _read_port_option(cursor, word, shapes[-1])
        ports.net.append(net)
        ports.direction.append(direction)
        ports.use.append(use)
        ports.status.append(next((int(port.status) for port in shapes if port.status), int(Status.UNPLACED)))
        for port in shapes:
            if port.placement is not None:
                x, y = zip(*port.points or [(0, 0)], strict=True)
                placed.append((row, *port.placement, min(x), min(y), max(x), max(y)))
    ports.box = _bounds(placed, len(ports.name)).tolist()
    return ports


def _read_port_option(cursor: Cursor, word: str, port: _Port) -> None:
    if word == "LAYER":
        _read_layer(cursor)
        port.points += [read_point(cursor), read_point(cursor)]
    elif word == "POLYGON":
        _read_layer(cursor)
        port.points += read_points(cursor, least=3)
    elif word == "VIA":
        cursor.name("the name of a via")
        if cursor.peek() == "MASK":
            cursor.position += 1
            cursor.count("MASK")
        port.points.append(read_point(cursor))
    elif word in STATUSES:
        port.placement, port.status = read_placement(cursor), STATUSES[word]
    else:
        skip_option(cursor, properties=word == "PROPERTY")


def _read_layer(cursor: Cursor) -> None:
    """A layer's name and the options that may stand before its points."""
    cursor.name("the name of a layer")
    while cursor.peek() in _LAYER_OPTIONS:
        cursor.position += 1
        cursor.count("layer option")


def _bounds(placed: Sequence[Sequence[int]], count: int) -> Ints:
    """Bounding box (count, 4) of all placed ports of each pin, zero where there is none.

    A row of ``placed`` is a pin (in order), the place and orientation of one of its ports, and the port's own box.
    """
    bounds = np.zeros((count, 4), dtype=np.int64)
    if placed:
        table = np.array(placed, dtype=np.int64)
        box = turned(table[:, 4:], table[:, 3]) + np.tile(table[:, 1:3], 2)
        pin, first = np.unique(table[:, 0], return_index=True)
        bounds[pin, :2] = np.minimum.reduceat(box[:, :2], first, axis=0)
        bounds[pin, 2:] = np.maximum.reduceat(box[:, 2:], first, axis=0)
    return bounds


@dataclass
class RawBlockages:
    """BLOCKAGES as written, one row per rectangle; ``component`` is "" where a blockage belongs to none."""

    layer: list[str] = field(default_factory=list)
    box: list[Box] = field(default_factory=list)
    soft: list[bool] = field(default_factory=list)
    max_density: list[float] = field(default_factory=list)
    pushdown: list[bool] = field(default_factory=list)
    only_fills: list[bool] = field(default_factory=list)
    component: list[str] = field(default_factory=list)


@dataclass
class _Blockage:
    """What one statement says of its rectangles."""

    layer: str = ""
    soft: bool = False
    max_density: float = float("nan")
    pushdown: bool = False
    only_fills: bool = False
    component: str = ""


def read_blockages(statements: Iterable[Cursor]) -> RawBlockages:
    """BLOCKAGES. A polygon becomes rectangles (``polygons.rectangles``); PARTIAL's percentage becomes a fraction.

    Raises ``InputError`` for broken statements.
    """
    blockages = RawBlockages()
    for cursor in statements:
        one = _Blockage()
        if cursor.next("LAYER or PLACEMENT") == "LAYER":
            one.layer = cursor.name("the name of a layer")
        elif cursor.tokens[cursor.position - 1] != "PLACEMENT":
            raise cursor.fail("kind of blockage is unknown", expected="LAYER or PLACEMENT", at=cursor.position - 1)
        while cursor.peek() not in (";", ""):
            word = cursor.next("RECT or POLYGON")
            if word in ("RECT", "POLYGON"):
                _add_boxes(blockages, one, read_boxes(cursor, word))
            elif word == "+":
                _read_blockage_option(cursor, one)
            else:
                raise cursor.fail("blockage is broken", expected="'+', RECT, POLYGON or ';'", at=cursor.position - 1)
        cursor.literal(";", "statement is not ended")
    return blockages


def _read_blockage_option(cursor: Cursor, one: _Blockage) -> None:
    option = cursor.name("an option of a blockage")
    if option == "SOFT":
        one.soft = True
    elif option == "PARTIAL":
        one.max_density = cursor.decimal("PARTIAL") / 100.0
    elif option == "PUSHDOWN":
        one.pushdown = True
    elif option in ("SLOTS", "FILLS"):
        one.only_fills = True
    elif option == "COMPONENT":
        one.component = cursor.name("the value of COMPONENT")
    elif option in _LAYER_OPTIONS:
        cursor.name(f"the value of {option}")


def _add_boxes(blockages: RawBlockages, one: _Blockage, boxes: Sequence[Box]) -> None:
    count = len(boxes)
    blockages.box += boxes
    blockages.layer += [one.layer] * count
    blockages.soft += [one.soft] * count
    blockages.max_density += [one.max_density] * count
    blockages.pushdown += [one.pushdown] * count
    blockages.only_fills += [one.only_fills] * count
    blockages.component += [one.component] * count
