"""The sections of DEF that hold shapes: PINS and BLOCKAGES, and boxes under the eight orientations."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from placement_data.design import Direction, Ints, Status, Use
from placement_data.readers.def_sections import (
    STATUSES,
    Section,
    check_unique,
    options,
    read_placement,
    read_point,
    read_points,
    skip_option,
)
from placement_data.readers.lef import DIRECTIONS, USES
from placement_data.readers.text import Cursor

# Matrix rows (x from x, x from y, y from x, y from y) of each orientation, in the order of their codes.
_MATRICES = np.array(
    [
        (1, 0, 0, 1),  # N
        (0, -1, 1, 0),  # W: a quarter turn counter-clockwise
        (-1, 0, 0, -1),  # S
        (0, 1, -1, 0),  # E: a quarter turn clockwise
        (-1, 0, 0, 1),  # FN: mirrored at the y axis
        (0, 1, 1, 0),  # FW: mirrored at the x axis, then W
        (1, 0, 0, -1),  # FS: mirrored at the x axis
        (0, -1, -1, 0),  # FE: mirrored at the y axis, then W
    ],
    dtype=np.int64,
)
_LAYER_OPTIONS = ("MASK", "SPACING", "DESIGNRULEWIDTH")


def turned(box: Ints, orientation: Ints) -> Ints:
    """Boxes (n, 4) turned and mirrored about (0, 0) by orientation codes (n,); x0 <= x1 and y0 <= y1 again."""
    a, b, c, d = (_MATRICES[:, i][orientation] for i in range(4))
    x0, y0 = a * box[:, 0] + b * box[:, 1], c * box[:, 0] + d * box[:, 1]
    x1, y1 = a * box[:, 2] + b * box[:, 3], c * box[:, 2] + d * box[:, 3]
    return np.stack([np.minimum(x0, x1), np.minimum(y0, y1), np.maximum(x0, x1), np.maximum(y0, y1)], axis=1)


def turned_in_frame(box: Ints, size: Ints, orientation: Ints) -> Ints:
    """Boxes (n, 4) in frames of ``size`` (n, 2) after the frame is turned, its lower-left corner at (0, 0)."""
    frame = turned(np.concatenate([np.zeros_like(size), size], axis=1), orientation)
    return turned(box, orientation) - np.tile(frame[:, :2], 2)


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


def read_ports(section: Section) -> RawPorts:
    """PINS. A placed pin without shapes is a point.

    Raises ``InputError`` for broken statements, a wrong number of them and a name that comes twice.
    """
    ports = RawPorts()
    for cursor in section.statements():
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
        box, status = _bounds(shapes)
        ports.box.append(box)
        ports.status.append(status)
    section.check_count(len(ports.name))
    check_unique(section, ports.name, "pin")
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


def _bounds(shapes: list[_Port]) -> tuple[tuple[int, int, int, int], int]:
    """Bounding box of all placed ports (zero where none is) and the status of the first of them."""
    boxes: list[list[int]] = []
    status = int(Status.UNPLACED)
    for port in shapes:
        if port.placement is None:
            continue
        x, y, orientation = port.placement
        status = status or int(port.status)
        points = np.array(port.points or [(0, 0)], dtype=np.int64)
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])[None]
        boxes.append((turned(box, np.array([orientation]))[0] + (x, y, x, y)).tolist())
    if not boxes:
        return (0, 0, 0, 0), status
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return (min(x0), min(y0), max(x1), max(y1)), status


@dataclass
class RawBlockages:
    """BLOCKAGES as written, a row a rectangle."""

    layer: list[str] = field(default_factory=list)
    box: list[tuple[int, int, int, int]] = field(default_factory=list)
    soft: list[bool] = field(default_factory=list)
    max_density: list[float] = field(default_factory=list)


def read_blockages(section: Section) -> RawBlockages:
    """BLOCKAGES. A polygon stands by its bounding box; PARTIAL's percentage becomes a fraction."""
    blockages = RawBlockages()
    statements = 0
    for cursor in section.statements():
        statements += 1
        layer, soft, density = "", False, float("nan")
        if cursor.next("LAYER or PLACEMENT") == "LAYER":
            layer = cursor.name("the name of a layer")
        elif cursor.tokens[cursor.position - 1] != "PLACEMENT":
            raise cursor.fail("kind of blockage is unknown", expected="LAYER or PLACEMENT", at=cursor.position - 1)
        while cursor.peek() not in (";", ""):
            word = cursor.next("RECT or POLYGON")
            if word in ("RECT", "POLYGON"):
                points = read_points(cursor, 3) if word == "POLYGON" else [read_point(cursor), read_point(cursor)]
                x, y = zip(*points, strict=True)
                blockages.layer.append(layer)
                blockages.box.append((min(x), min(y), max(x), max(y)))
                blockages.soft.append(soft)
                blockages.max_density.append(density)
            elif word != "+":
                raise cursor.fail("blockage is broken", expected="'+', RECT, POLYGON or ';'", at=cursor.position - 1)
            elif (option := cursor.name("an option of a blockage")) == "SOFT":
                soft = True
            elif option == "PARTIAL":
                density = cursor.decimal("PARTIAL") / 100.0
            elif option in (*_LAYER_OPTIONS, "COMPONENT"):
                cursor.name(f"the value of {option}")
        cursor.literal(";", "statement is not ended")
    section.check_count(statements)
    return blockages
