"""SPECIALNETS of a DEF: supply nets with their wires, which are most of the text of a large layout."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from placement_data.cursor import LARGEST, Cursor
from placement_data.design import SUPPLIES, Ints, Use
from placement_data.errors import InputError
from placement_data.readers.def_.sections import ORIENTATIONS, each, options, read_point, skip_option
from placement_data.readers.def_.vias import read_boxes
from placement_data.readers.words import DEF, USES
from placement_data.text import PathLike

# Extension of a wire where it goes on round a corner: half its width (see ``metal``).
CORNER = -(2**40)

# More copies of one via, or of all vias that are repeated, are a mistake.
MOST_REPEATED = 10_000_000

_WIRES = ("ROUTED", "FIXED", "COVER", "SHIELD")
_PATH_OPTIONS = frozenset(("SHAPE", "STYLE", "MASK"))
_ITEMS = frozenset(("VIRTUAL", "RECT", "-"))
_PATH_ENDS = frozenset(("NEW", "+", ";"))
_NO_NAMES = frozenset("()+;")
# Words that stand between points, where vias may stand too: one in other letters than capitals is no via's name.
_WORDS = frozenset(("NEW", "VIRTUAL", "RECT", "DO", *_PATH_OPTIONS))
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def _none(columns: int) -> Ints:
    return np.empty((0, columns), dtype=np.int64)


@dataclass
class RawSpecialNets:
    """SPECIALNETS as written; layers and vias by their place in ``layers`` and ``vias``.

    A layer that is negative is the one on the other side of a via: ``~layer`` is a row of ``hop``, (layer, via).
    """

    path: PathLike | None = None
    name: list[str] = field(default_factory=list)
    line: list[int] = field(default_factory=list)  # where each net begins
    use: list[int] = field(default_factory=list)
    pins: list[tuple[int, list[str], list[str]]] = field(default_factory=list)  # net, owners, pins; not of supplies
    supplied: set[str] = field(default_factory=set)  # names of pins that supplies list
    layers: list[str] = field(default_factory=list)
    vias: list[str] = field(default_factory=list)
    hop: list[tuple[int, int]] = field(default_factory=list)
    segment: Ints = field(default_factory=lambda: _none(9))  # net, layer, width, x0, y0, x1, y1, extension at each end
    rectangle: Ints = field(default_factory=lambda: _none(6))  # net, layer, x0, y0, x1, y1
    via: Ints = field(default_factory=lambda: _none(9))  # net, via, x, y, orientation, columns, rows, step x, step y

    @property
    def signals(self) -> bool:
        """Whether any of them is not said to be a supply."""
        return any(use not in SUPPLIES for use in self.use)


class _Numbers(dict[str, int]):
    """Whole numbers by their text, each text read once. ``ValueError`` for what is no number."""

    def __missing__(self, text: str) -> int:
        plain = text.isascii() and text.isdecimal()
        if not plain and not _DECIMAL.fullmatch(text):
            raise ValueError(text)
        exact = int(text) if plain else float(text)
        if abs(exact) > LARGEST:
            raise ValueError(text)
        self[text] = value = round(exact)
        return value


class _Codes(dict[str, int]):
    """Numbers for names, in the order in which they come. ``ValueError`` for punctuation and words of DEF."""

    def __missing__(self, name: str) -> int:
        if name in _NO_NAMES or name.upper() in _WORDS:
            raise ValueError(name)
        self[name] = len(self)
        return self[name]

    def next(self, cursor: Cursor, expected: str) -> int:
        """The number of the cursor's next token, which must be a name."""
        try:
            return self[cursor.name(expected)]
        except ValueError:
            raise cursor.fail("name is a word of DEF", expected=expected, at=cursor.position - 1) from None


def read_special_nets(statements: Iterable[Cursor]) -> RawSpecialNets:
    """SPECIALNETS with their wires, rectangles, polygons and vias. Raises ``InputError`` for broken statements."""
    reader = SpecialNetReader()
    each(statements, reader.read)
    return reader.finish()


class SpecialNetReader:
    """Reads special nets one by one. The wires are walked by the place of a token, for speed."""

    def __init__(self) -> None:
        self._raw = RawSpecialNets()
        self._numbers, self._layers, self._vias = _Numbers(), _Codes(), _Codes()
        self._hops: dict[tuple[int, int], int] = {}
        self._segments, self._rectangles, self._placed = array("q"), array("q"), array("q")

    def finish(self) -> RawSpecialNets:
        """All that has been read."""
        raw = self._raw
        raw.layers, raw.vias, raw.hop = list(self._layers), list(self._vias), list(self._hops)
        raw.segment = np.array(self._segments, dtype=np.int64).reshape(-1, 9)
        raw.rectangle = np.array(self._rectangles, dtype=np.int64).reshape(-1, 6)
        raw.via = np.array(self._placed, dtype=np.int64).reshape(-1, 9)
        return raw

    def read(self, cursor: Cursor) -> None:
        """Read one statement; of a broken one nothing is kept."""
        start, wires = cursor.position, (self._segments, self._rectangles, self._placed)
        sizes = [len(table) for table in wires]
        try:
            self._read(cursor)
        except InputError:
            for table, size in zip(wires, sizes, strict=True):
                del table[size:]
            recased = [word.upper() if word.upper() in _WORDS else word for word in cursor.tokens]
            if recased == cursor.tokens:
                raise
            cursor.tokens, cursor.position = recased, start
            self.read(cursor)

    def _read(self, cursor: Cursor) -> None:
        raw = self._raw
        raw.path = cursor.source.path
        net = len(raw.name)
        name = cursor.name("the name of a net")
        owners, pins = _read_pins(cursor)
        use = int(Use.SIGNAL)
        for word in options(cursor):
            if word in _WIRES:
                if word == "SHIELD":
                    cursor.name("the name of a net")
                if cursor.peek() != "+":
                    self._read_wires(cursor, net)
            elif word in ("RECT", "POLYGON"):
                layer = self._layers.next(cursor, "the name of a layer")
                for box in read_boxes(cursor, word):
                    self._rectangles.extend((net, layer, *map(int, box)))
            elif word == "VIA":
                self._read_vias(cursor, net)
            elif word == "USE":
                use = cursor.choice("USE", USES)
            elif word in _PATH_OPTIONS:  # of the rectangle, polygon or via that follows
                cursor.name(f"the value of {word}")
            else:
                skip_option(cursor, word, DEF["SPECIALNETS"])
        raw.name.append(name)
        raw.line.append(cursor.source.line(cursor.span[0]))
        raw.use.append(use)
        if use in SUPPLIES:
            raw.supplied.update(pins)
        elif pins:
            raw.pins.append((net, owners, pins))

    def _read_vias(self, cursor: Cursor, net: int) -> None:
        """``name [orientation] point ...``"""
        via = self._vias.next(cursor, "the name of a via")
        orientation = 0
        if cursor.keyword() in ORIENTATIONS:
            orientation = cursor.choice("orientation", ORIENTATIONS)
        last = read_point(cursor)
        self._placed.extend((net, via, *last, orientation, 1, 1, 0, 0))
        while cursor.peek() == "(":
            last = read_point(cursor, last)
            self._placed.extend((net, via, *last, orientation, 1, 1, 0, 0))

    def _read_wires(self, cursor: Cursor, net: int) -> None:
        """``layer width ... [NEW layer width ...] ...``"""
        while True:
            self._read_path(cursor, net)
            if cursor.peek() != "NEW":
                return
            cursor.position += 1

    def _read_path(self, cursor: Cursor, net: int) -> None:
        """``layer width [+ SHAPE s] [+ STYLE n] [+ MASK n] point [point or via] ...``"""
        tokens, numbers, segments = cursor.tokens, self._numbers, self._segments
        layer, width = self._read_layer(cursor)
        at = cursor.position
        x: int | None = None
        y: int | None = None
        begin = 0
        goes_on = False
        try:
            while (token := tokens[at]) not in _PATH_ENDS:
                if token == "(":
                    extended = tokens[at + 3] != ")"
                    to_x = x if tokens[at + 1] == "*" else numbers[tokens[at + 1]]
                    to_y = y if tokens[at + 2] == "*" else numbers[tokens[at + 2]]
                    extension = numbers[tokens[at + 3]] if extended else 0
                    if to_x is None or to_y is None or tokens[at + 3 + extended] != ")":
                        raise ValueError
                    at += 4 + extended
                    if x is None or y is None:
                        begin = extension
                    else:
                        if goes_on:
                            segments[-1] = begin = CORNER
                        segments.extend((net, layer, width, x, y, to_x, to_y, begin, extension))
                        goes_on = True
                    x, y = to_x, to_y
                elif token in _PATH_OPTIONS:
                    at += 2
                elif x is None or y is None:
                    raise ValueError
                elif tokens[at + 1] in _PATH_ENDS and token not in _ITEMS:  # a via, as most paths end
                    self._placed.extend((net, self._vias[token], x, y, 0, 1, 1, 0, 0))
                    at += 1
                else:
                    cursor.position = at
                    layer, x, y = self._read_item(cursor, (net, layer, x, y))
                    at, begin, goes_on = cursor.position, 0, False
        except (ValueError, IndexError):
            cursor.position = at
            raise _broken(cursor) from None
        cursor.position = at

    def _read_layer(self, cursor: Cursor) -> tuple[int, int]:
        """Layer and width of a path; its options are stepped over."""
        tokens, at = cursor.tokens, cursor.position
        try:
            layer, width = self._layers[tokens[at]], self._numbers[tokens[at + 1]]
            if width < 0:
                raise ValueError
            at += 2
            while tokens[at] == "+" and tokens[at + 1].upper() in _PATH_OPTIONS:
                at += 3
        except (ValueError, IndexError):
            cursor.name("the name of a layer")
            cursor.count("width of a wire")
            raise cursor.fail("wire is broken", expected="a point") from None
        cursor.position = at
        return layer, width

    def _read_item(self, cursor: Cursor, place: tuple[int, int, int, int]) -> tuple[int, int, int]:
        """What stands between points: a via, a jump or a rectangle about the last point (net, layer, x, y).

        Returns layer and point to go on from. A wire goes on behind a via on the via's other side.
        """
        net, layer, x, y = place
        word = cursor.peek()
        if word == "VIRTUAL":
            cursor.position += 1
            return layer, *read_point(cursor, (x, y))
        if word == "RECT":
            cursor.position += 1
            cursor.literal("(", "rectangle is missing")
            x0, y0, x1, y1 = (cursor.integer("coordinate") for _ in range(4))
            cursor.literal(")", "rectangle is not closed")
            box = (x + min(x0, x1), y + min(y0, y1), x + max(x0, x1), y + max(y0, y1))
            self._rectangles.extend((net, layer, *box))
            return layer, x, y
        if word == "-":  # the beginning of another statement
            raise ValueError
        via = self._vias[word]
        cursor.position += 1
        orientation = ORIENTATIONS.get(cursor.keyword())
        cursor.position += orientation is not None
        pattern = (1, 1, 0, 0)
        if cursor.peek() == "DO":
            pattern = _read_pattern(cursor)
        self._placed.extend((net, via, x, y, orientation or 0, *pattern))
        if cursor.peek() in _PATH_ENDS:
            return layer, x, y
        return ~self._hops.setdefault((layer, via), len(self._hops)), x, y


def _read_pattern(cursor: Cursor) -> tuple[int, int, int, int]:
    """``DO columns BY rows STEP x y``"""
    cursor.position += 1
    columns = cursor.count("count")
    cursor.literal("BY", "DO has no second count")
    rows = cursor.count("count")
    if not 0 < columns * rows <= MOST_REPEATED:
        expected = f"1 to {MOST_REPEATED} copies"
        raise cursor.fail("count of vias is out of range", expected=expected, at=cursor.position - 1)
    cursor.literal("STEP", "DO has no STEP")
    return columns, rows, cursor.integer("STEP"), cursor.integer("STEP")


def _read_pins(cursor: Cursor) -> tuple[list[str], list[str]]:
    """The owners and the names of ``( component pin [+ SYNTHESIZED] ) ...``"""
    tokens, at = cursor.tokens, cursor.position
    begin = at
    try:
        while tokens[at] == "(":
            behind = at + (6 if tokens[at + 3] == "+" else 4)
            if tokens[behind - 1] != ")":
                break
            at = behind
    except IndexError:
        pass
    cursor.position = at
    if cursor.peek() == "(":
        raise cursor.fail("pin is broken", expected="( component pin )")
    if "+" not in tokens[begin:at]:
        return tokens[begin + 1 : at : 4], tokens[begin + 2 : at : 4]
    opened = [place for place in range(begin, at) if tokens[place] == "("]
    return [tokens[place + 1] for place in opened], [tokens[place + 2] for place in opened]


def _broken(cursor: Cursor) -> InputError:
    """The error for a path that cannot be read from here on."""
    if cursor.peek() == "-":
        return cursor.fail("statement is not ended", expected="'+' or ';'")
    if cursor.peek() != "(":
        return cursor.fail("wire is broken", expected="a point")
    cursor.position += 1
    for _ in range(2):
        if cursor.peek() == "*":
            cursor.position += 1
        else:
            cursor.integer("coordinate")
    if cursor.peek() != ")":
        cursor.integer("extension")
        cursor.literal(")", "point is not closed")
    return cursor.fail("point has none before it whose coordinate '*' could repeat", at=cursor.position)
