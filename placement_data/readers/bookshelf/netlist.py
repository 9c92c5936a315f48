"""The large files of Bookshelf: .nodes, .nets and .pl, as written and in Bookshelf's units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Codes, Direction, Floats, Ints
from placement_data.errors import InputError
from placement_data.orientation import Orientation
from placement_data.readers.bookshelf.lines import Lines, read_blocks, texts
from placement_data.text import PathLike

T = TypeVar("T")

MOVABLE, TERMINAL, TERMINAL_NI = 0, 1, 2

_KINDS = {b"terminal": TERMINAL, b"terminal_ni": TERMINAL_NI}
_DIRECTIONS = {b"I": Direction.INPUT, b"O": Direction.OUTPUT, b"B": Direction.INOUT}
_DIRECTIONS |= {word.lower(): code for word, code in _DIRECTIONS.items()}
_FIXED, _FIXED_NI, _PLACED = 100, 101, 102
_PLACE_WORDS: dict[bytes, int] = {orientation.name.encode(): int(orientation) for orientation in Orientation}
_PLACE_WORDS |= {b"/FIXED": _FIXED, b"FIXED": _FIXED, b"/FIXED_NI": _FIXED_NI, b"FIXED_NI": _FIXED_NI}
_PLACE_WORDS |= {b"/PLACED": _PLACED, b"PLACED": _PLACED}


@dataclass(frozen=True)
class Nodes:
    """The nodes of a .nodes file; ``kind`` is MOVABLE, TERMINAL or TERMINAL_NI."""

    index: dict[bytes, int]  # by name, in order
    width: Floats
    height: Floats
    kind: Codes


@dataclass(frozen=True)
class Netlist:
    """The nets of a .nets file in CSR form, and their pins; offsets are those from the node's centre."""

    name: list[str]
    pin_offset: Ints
    node: Ints
    direction: Codes  # Direction
    dx: Floats
    dy: Floats


@dataclass(frozen=True)
class Placement:
    """Where a .pl puts the nodes, one row per node: the lower-left corner of the turned outline."""

    placed: NDArray[np.bool_]
    x: Floats
    y: Floats
    orientation: Codes
    fixed: NDArray[np.bool_]
    no_image: NDArray[np.bool_]  # FIXED_NI: other nodes may lie upon it

    @classmethod
    def none(cls, count: int) -> Placement:
        """No node has a place."""
        off, zero = np.zeros(count, dtype=bool), np.zeros(count)
        return cls(off, zero, zero.copy(), np.zeros(count, dtype=np.uint8), off.copy(), off.copy())


def read_nodes(path: PathLike) -> Nodes:
    """A .nodes file. Lines are ``name width height [terminal | terminal_NI]``; a terminal may lack its size (0 x 0).

    Raises ``InputError`` for broken lines, names that come twice and counts that are not kept.
    """
    head, blocks = read_blocks(path, "nodes", ("NumNodes", "NumTerminals"))
    index: dict[bytes, int] = {}
    widths, heights, kinds = [], [], []
    for lines in blocks:
        kind, sized = _node_kinds(lines)
        size = np.zeros((2, len(lines)))
        for axis, what in enumerate(("width", "height")):
            size[axis, sized] = lines.numbers(1 + axis, f"{what} of a node", sized)
        negative = np.flatnonzero((size < 0).any(axis=0))
        if negative.size:
            raise lines.error(int(negative[0]), "size of a node is negative", expected="at least 0")
        _extend(index, lines)
        widths.append(size[0])
        heights.append(size[1])
        kinds.append(kind)
    kind = np.concatenate(kinds)
    head.check("NumNodes", len(kind))
    # The contests count both kinds of terminals, some writers only those that take room.
    head.check("NumTerminals", int((kind != MOVABLE).sum()), int((kind == TERMINAL).sum()))
    if not len(kind):
        raise InputError("file holds no node", file=path, line=1)
    return Nodes(index, np.concatenate(widths), np.concatenate(heights), kind)


def _node_kinds(lines: Lines) -> tuple[Codes, Ints]:
    """Kind of the node of each line, and the lines that give a size."""
    wrong = np.flatnonzero((lines.size < 2) | (lines.size > 4))
    if wrong.size:
        row = int(wrong[0])
        expected = "name, width, height and perhaps terminal or terminal_NI"
        raise lines.error(row, "line of a node is broken", found=" ".join(lines.row(row)).encode(), expected=expected)
    kind = np.zeros(len(lines), dtype=np.uint8)
    for size in (2, 4):
        rows = np.flatnonzero(lines.size == size)
        words = lines.column(size - 1, rows)
        codes = np.fromiter((_KINDS.get(word.lower(), 255) for word in words), dtype=np.uint8, count=len(words))
        unknown = np.flatnonzero(codes == 255)
        if unknown.size:
            at = int(unknown[0])
            raise lines.error(
                int(rows[at]), "kind of a node is unknown", found=words[at], expected="terminal or terminal_NI"
            )
        kind[rows] = codes
    return kind, np.flatnonzero(lines.size != 2)


def _extend(index: dict[bytes, int], lines: Lines) -> None:
    """Number the lines' names on from those in ``index``, where none of them may stand yet."""
    names = lines.column(0)
    start = len(index)
    index.update(zip(names, range(start, start + len(names)), strict=True))
    if len(index) < start + len(names):
        row = _first_twice(names, set(islice(index, start)))
        raise lines.error(row, "name of a node comes twice", found=names[row])


def _first_twice(names: Sequence[T], seen: set[T]) -> int:
    """Place of the first name that is among ``seen`` or comes before in ``names``; their number where none is."""
    for row, name in enumerate(names):
        if name in seen:
            return row
        seen.add(name)
    return len(names)


def read_nets(path: PathLike, nodes: Nodes) -> Netlist:
    """A .nets file: ``NetDegree : k [name]``, then k pins ``node [I | O | B] [: dx dy]``; words behind are ignored.

    Nets without a name are called ``net`` and their number from 0; pins without offsets lie in the node's centre.
    Raises ``InputError`` for broken lines, unknown nodes, net names that come twice and counts that are not kept.
    """
    head, blocks = read_blocks(path, "nets", ("NumNets", "NumPins"))
    names: list[str] = []
    degrees, starts, net_lines = [], [], []
    columns: list[tuple[Ints, Codes, Floats, Floats]] = []
    pins = 0
    for lines in blocks:
        is_net = lines.words[lines.first] == b"NetDegree"
        opens, rows = np.flatnonzero(is_net), np.flatnonzero(~is_net)
        if not names and rows.size and not (opens.size and opens[0] < rows[0]):
            row = int(rows[0])
            raise lines.error(row, "pin belongs to no net", found=lines.column(0)[row], expected="NetDegree before it")
        names += _net_names(lines, opens, len(names))
        degrees.append(lines.numbers(1, "NetDegree", _at_least(lines, opens, 2, "NetDegree lacks its number")))
        starts.append(pins + np.searchsorted(rows, opens))
        net_lines.append(lines.number[opens])
        columns.append(_pins(lines, rows, nodes))
        pins += len(rows)
    start = np.concatenate([*starts, [pins]]).astype(np.int64)
    _check_nets(path, names, np.concatenate(degrees), np.diff(start), np.concatenate(net_lines))
    head.check("NumNets", len(names))
    head.check("NumPins", pins)
    node, direction, dx, dy = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Netlist(names, start, node, direction, dx, dy)


def _at_least(lines: Lines, rows: Ints, words: int, what: str) -> Ints:
    """``rows``, which must have that many words."""
    short = np.flatnonzero(lines.size[rows] < words)
    if short.size:
        row = int(rows[short[0]])
        raise lines.error(row, what, found=" ".join(lines.row(row)).encode())
    return rows


def _net_names(lines: Lines, opens: Ints, before: int) -> list[str]:
    names = [f"net{number}" for number in range(before, before + len(opens))]
    named = np.flatnonzero(lines.size[opens] > 2)
    given = texts(lines.column(2, opens[named]))
    if len(given) == len(names):
        return given
    for position, name in zip(named.tolist(), given, strict=True):
        names[position] = name
    return names


def _pins(lines: Lines, rows: Ints, nodes: Nodes) -> tuple[Ints, Codes, Floats, Floats]:
    """Node, direction and offsets of the pins in the lines ``rows``."""
    names = lines.column(0, rows)
    node = np.fromiter(map(nodes.index.get, names, repeat(-1)), dtype=np.int64, count=len(rows))
    unknown = np.flatnonzero(node < 0)
    if unknown.size:
        at = int(unknown[0])
        raise lines.error(int(rows[at]), "node is unknown", found=names[at], expected="one of the .nodes file")
    direction = np.full(len(rows), 255, dtype=np.uint8)
    more = np.flatnonzero(lines.size[rows] > 1)
    words = lines.column(1, rows[more])
    direction[more] = np.fromiter(map(_DIRECTIONS.get, words, repeat(255)), dtype=np.uint8, count=len(words))
    behind = 1 + (direction != 255)
    left = lines.size[rows] - behind
    broken = np.flatnonzero(left == 1)
    if broken.size:
        row = int(rows[broken[0]])
        expected = "node, I, O or B, and perhaps two offsets"
        raise lines.error(row, "line of a pin is broken", found=" ".join(lines.row(row)).encode(), expected=expected)
    offset = np.zeros((2, len(rows)))
    for column in (1, 2):
        given = np.flatnonzero((left > 1) & (behind == column))
        for axis in range(2):
            offset[axis, given] = lines.numbers(column + axis, "offset of a pin", rows[given])
    direction[direction == 255] = Direction.UNKNOWN
    return node, direction, offset[0], offset[1]


def _check_nets(path: PathLike, names: list[str], degree: Floats, found: Ints, line: Ints) -> None:
    wrong = np.flatnonzero(degree != found)
    if wrong.size:
        at = int(wrong[0])
        what = f"number of pins of net {names[at]} is not what NetDegree says"
        raise InputError(what, file=path, line=int(line[at]), found=str(found[at]), expected=f"{degree[at]:g}")
    if len(set(names)) < len(names):
        at = _first_twice(names, set())
        raise InputError("name of a net comes twice", file=path, line=int(line[at]), found=names[at])


def read_places(path: PathLike, nodes: Nodes) -> Placement:
    """A .pl file: ``node x y [: orientation] [/FIXED | /FIXED_NI]``. Nodes that it does not name are not placed.

    Raises ``InputError`` for broken lines, unknown nodes and nodes that come twice.
    """
    _, blocks = read_blocks(path, "pl")
    places = Placement.none(len(nodes.kind))
    for lines in blocks:
        names = lines.column(0)
        node = np.fromiter(map(nodes.index.get, names, repeat(-1)), dtype=np.int64, count=len(names))
        unknown = np.flatnonzero(node < 0)
        if unknown.size:
            at = int(unknown[0])
            raise lines.error(at, "node is unknown", found=names[at], expected="one of the .nodes file")
        again = places.placed[node]
        again[np.setdiff1d(np.arange(len(node)), np.unique(node, return_index=True)[1])] = True
        if again.any():
            at = int(np.flatnonzero(again)[0])
            raise lines.error(at, "node is placed twice", found=names[at])
        every = _at_least(lines, np.arange(len(lines)), 3, "line of a node lacks its place")
        places.placed[node] = True
        places.x[node] = lines.numbers(1, "x of a node", every)
        places.y[node] = lines.numbers(2, "y of a node", every)
        for column in range(3, int(lines.size.max(initial=0))):
            _read_place_words(lines, column, node, places)
    return places


def _read_place_words(lines: Lines, column: int, node: Ints, places: Placement) -> None:
    rows = np.flatnonzero(lines.size > column)
    words = lines.column(column, rows)
    codes = np.fromiter(map(_PLACE_WORDS.get, words, repeat(-1)), dtype=np.int64, count=len(words))
    for at in np.flatnonzero(codes < 0).tolist():
        codes[at] = _PLACE_WORDS.get(words[at].upper(), -1)
        if codes[at] < 0:
            expected = "N, S, E, W, FN, FS, FE, FW, /FIXED or /FIXED_NI"
            raise lines.error(int(rows[at]), "word of a place is unknown", found=words[at], expected=expected)
    turn = codes < _FIXED
    places.orientation[node[rows[turn]]] = codes[turn]
    places.fixed[node[rows[(codes == _FIXED) | (codes == _FIXED_NI)]]] = True
    places.no_image[node[rows[codes == _FIXED_NI]]] = True
