"""The sections of DEF that hold shapes: PINS and BLOCKAGES."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np

from placement_data.cursor import Cursor
from placement_data.design import Direction, Ints, Status, Use
from placement_data.orientation import turned
from placement_data.polygons import Box
from placement_data.readers.def_.sections import (
    STATUSES,
    each,
    options,
    read_placement,
    read_point,
    read_points,
    skip_option,
)
from placement_data.readers.def_.vias import read_boxes
from placement_data.readers.words import DEF, DIRECTIONS, USES

_EXTRA = re.compile(r"(.+)\.extra[0-9]+", re.IGNORECASE)
_LAYER_OPTIONS = ("MASK", "SPACING", "DESIGNRULEWIDTH")


@dataclass
class RawPorts:
    """PINS as written, with the bounding box of each pin's shapes on the die."""

    name: list[str] = field(default_factory=list)
    line: list[int] = field(default_factory=list)
    net: list[str] = field(default_factory=list)
    direction: list[int] = field(default_factory=list)
    use: list[int] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    box: list[tuple[int, int, int, int]] = field(default_factory=list)
    placed: list[tuple[int, ...]] = field(default_factory=list)  # as _boxes takes them
    parts: list[tuple[int, tuple[int, int, int, int]]] = field(default_factory=list)  # of pins of several PORTs
    layers: list[tuple[int, str]] = field(default_factory=list)  # line and layer of each shape
    vias: list[tuple[int, str]] = field(default_factory=list)  # line and name of each via


@dataclass
class _Port:
    """One PORT of a pin: its points so far, and where it is placed."""

    points: list[tuple[int, int]] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)
    vias: list[str] = field(default_factory=list)
    placement: tuple[int, int, int] | None = None
    status: int = Status.UNPLACED


def read_ports(statements: Iterable[Cursor], ports: RawPorts | None = None) -> RawPorts:
    """PINS, added to those of ``ports``. A placed pin without shapes is a point, and so is a via of a pin.

    A further PORT of the old form, a pin ``name.extra1``, is a pin of its own and a PORT of the pin ``name`` of the
    same net. Raises ``InputError`` for broken statements.
    """
    into = RawPorts() if ports is None else ports
    each(statements, lambda cursor: _read_port(cursor, into))
    boxes = _boxes(into.placed)
    into.box = _bounds(into.placed, boxes, len(into.name)).tolist()
    into.parts = _parts(into, [row for row, *_ in into.placed], boxes)
    return into


def _read_port(cursor: Cursor, ports: RawPorts) -> None:
    name = cursor.name("the name of a pin")
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
    line = cursor.source.line(cursor.span[0])
    for port in shapes:
        ports.layers += [(line, layer) for layer in port.layers]
        ports.vias += [(line, via) for via in port.vias]
        if port.placement is not None:
            x, y = zip(*port.points or [(0, 0)], strict=True)
            ports.placed.append((len(ports.name), *port.placement, min(x), min(y), max(x), max(y)))
    ports.name.append(name)
    ports.line.append(line)
    ports.net.append(net)
    ports.direction.append(direction)
    ports.use.append(use)
    ports.status.append(next((int(port.status) for port in shapes if port.status), int(Status.UNPLACED)))


def _read_port_option(cursor: Cursor, word: str, port: _Port) -> None:
    if word == "LAYER":
        port.layers.append(_read_layer(cursor))
        port.points += [read_point(cursor), read_point(cursor)]
    elif word == "POLYGON":
        port.layers.append(_read_layer(cursor))
        port.points += read_points(cursor, least=3)
    elif word == "VIA":
        port.vias.append(cursor.name("the name of a via"))
        if cursor.keyword() == "MASK":
            cursor.position += 1
            cursor.count("MASK")
        port.points.append(read_point(cursor))
    elif word in STATUSES:
        port.placement, port.status = read_placement(cursor), STATUSES[word]
    else:
        skip_option(cursor, word, DEF["PINS"])


def _read_layer(cursor: Cursor) -> str:
    """A layer's name; the options that may stand before its points are stepped over."""
    name = cursor.name("the name of a layer")
    while cursor.keyword() in _LAYER_OPTIONS:
        cursor.position += 1
        cursor.count("layer option")
    return name


def _boxes(placed: Sequence[Sequence[int]]) -> Ints:
    """Boxes (n, 4) of PORTs: a row of ``placed`` is a pin, place and orientation of a PORT, and the PORT's own box."""
    table = np.array(placed, dtype=np.int64).reshape(-1, 8)
    return np.asarray(turned(table[:, 4:], table[:, 3]) + np.tile(table[:, 1:3], 2))


def _bounds(placed: Sequence[Sequence[int]], box: Ints, count: int) -> Ints:
    """Bounding box (count, 4) of all PORTs of each pin, zero where there is none; ``placed`` is in the pins' order."""
    bounds = np.zeros((count, 4), dtype=np.int64)
    if placed:
        pin, first = np.unique([row for row, *_ in placed], return_index=True)
        bounds[pin, :2] = np.minimum.reduceat(box[:, :2], first, axis=0)
        bounds[pin, 2:] = np.maximum.reduceat(box[:, 2:], first, axis=0)
    return bounds


def _parts(ports: RawPorts, owner: list[int], box: Ints) -> list[tuple[int, tuple[int, int, int, int]]]:
    """Pin and box of each placed PORT of the pins that have several; ``owner`` are the pins of PORTs ``box``."""
    extras = [(pin, match[1]) for pin in dict.fromkeys(owner) if (match := _EXTRA.fullmatch(ports.name[pin]))]
    if len(set(owner)) == len(owner) and not extras:
        return []
    row_of = {name: row for row, name in enumerate(ports.name)} if extras else {}
    base = {pin: row_of[name] for pin, name in extras if name in row_of and ports.net[row_of[name]] == ports.net[pin]}
    found = list(zip(owner, map(tuple, box.tolist()), strict=True))
    found += [(base[pin], part) for pin, part in found if pin in base]
    several = Counter(pin for pin, _ in found)
    return sorted((one for one in found if several[one[0]] > 1), key=itemgetter(0))


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
    line: list[int] = field(default_factory=list)


@dataclass
class _Blockage:
    """What one statement says of its rectangles."""

    layer: str = ""
    soft: bool = False
    max_density: float = float("nan")
    pushdown: bool = False
    only_fills: bool = False
    component: str = ""
    boxes: list[Box] = field(default_factory=list)


def read_blockages(statements: Iterable[Cursor], blockages: RawBlockages | None = None) -> RawBlockages:
    """BLOCKAGES, added to ``blockages``.

    A polygon becomes rectangles (``polygons.rectangles``); PARTIAL's percentage becomes a fraction. Raises
    ``InputError`` for broken statements.
    """
    into = RawBlockages() if blockages is None else blockages
    each(statements, lambda cursor: _read_blockage(cursor, into))
    return into


def _read_blockage(cursor: Cursor, blockages: RawBlockages) -> None:
    one = _Blockage()
    kind = cursor.next("LAYER or PLACEMENT").upper()
    if kind == "LAYER":
        one.layer = cursor.name("the name of a layer")
    elif kind != "PLACEMENT":
        raise cursor.fail("kind of blockage is unknown", expected="LAYER or PLACEMENT", at=cursor.position - 1)
    while cursor.peek() not in (";", ""):
        word = cursor.next("RECT or POLYGON").upper()
        if word in ("RECT", "POLYGON"):
            one.boxes += read_boxes(cursor, word)
        elif word == "+":
            _read_blockage_option(cursor, one)
        else:
            raise cursor.fail("blockage is broken", expected="'+', RECT, POLYGON or ';'", at=cursor.position - 1)
    cursor.literal(";", "statement is not ended")
    _add(blockages, one, cursor.source.line(cursor.span[0]))


def _read_blockage_option(cursor: Cursor, one: _Blockage) -> None:
    option = cursor.name("an option of a blockage").upper()
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
    elif option not in DEF["BLOCKAGES"]:
        skip_option(cursor, option, DEF["BLOCKAGES"])


def _add(blockages: RawBlockages, one: _Blockage, line: int) -> None:
    count = len(one.boxes)
    blockages.line += [line] * count
    blockages.box += one.boxes
    blockages.layer += [one.layer] * count
    blockages.soft += [one.soft] * count
    blockages.max_density += [one.max_density] * count
    blockages.pushdown += [one.pushdown] * count
    blockages.only_fills += [one.only_fills] * count
    blockages.component += [one.component] * count
