"""The structure of a DEF: statements and counted sections, walked piece by piece, never held as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from placement_data.cursor import Cursor
from placement_data.design import Ints, Status
from placement_data.errors import InputError
from placement_data.orientation import Orientation
from placement_data.readers.words import codes_of
from placement_data.text import PathLike, Source, read_pieces

ORIENTATIONS = codes_of(Orientation)
STATUSES = codes_of(Status, "UNPLACED")

_DASH = re.compile(rb"(?<=[ \n])-(?=[ \n])")


class Walker:
    """Walks over a DEF, a piece of it at a time. ``source`` and ``offset`` are where it stands."""

    def __init__(self, path: PathLike) -> None:
        self._pieces = read_pieces(path)
        self.source = next(self._pieces)
        self.offset = 0

    def token(self) -> str:
        """The token that comes next, an empty string at the end of the file; the walker then stands before it."""
        while True:
            word, self.offset = self.source.token(self.offset)
            if word or not self.advance():
                return word

    def advance(self) -> bool:
        """Go to the next piece; False where there is none."""
        if self.source.last:
            return False
        self.source, self.offset = next(self._pieces), 0
        return True

    def statement(self, word: str) -> Cursor:
        """The statement that begins with ``word`` here, with the cursor behind the word; the walker goes behind it."""
        stop = statement_end(self.source, self.offset, len(self.source.data))
        cursor = Cursor(self.source, self.offset, stop, f"inside {word}")
        cursor.position = 1
        self.offset = stop
        return cursor

    def parts(self, end: re.Pattern[bytes], where: str, expected: str) -> Iterator[Source]:
        """What stands before ``end``, a stretch for each piece; the walker goes behind ``end``."""
        while True:
            found = _find(self.source, end, self.offset)
            stop = len(self.source.data) if found is None else found.start()
            part = self.source.part(self.offset, stop)
            self.offset = stop if found is None else found.end()
            yield part
            if found is not None:
                return
            if self.source.last:
                raise self.source.cut_off(where, expected)
            self.advance()

    def skip(self, end: re.Pattern[bytes], where: str, expected: str) -> None:
        """Go behind ``end``."""
        for _ in self.parts(end, where, expected):
            pass


@dataclass
class Section:
    """A counted section whose header has been read. Its statements can be walked over once."""

    name: str
    count: int
    header: Source  # the header's statement
    walker: Walker = field(repr=False)
    found: int = 0  # statements walked over so far

    @property
    def path(self) -> PathLike:
        """The file."""
        return self.header.path

    def parts(self) -> Iterator[Source]:
        """The section's statements, in stretches that hold whole ones."""
        return self.walker.parts(end_of(self.name), f"inside {self.name}", f"END {self.name}")

    def statements(self) -> Iterator[Cursor]:
        """Each statement of the section, with the cursor behind its dash."""
        for part in self.parts():
            for cursor in statements(part, self.name):
                self.found += 1
                yield cursor

    def check_count(self, found: int) -> None:
        """Refuse a section that holds more or fewer statements than its header says."""
        if found != self.count:
            what = f"number of {self.name} is not what the header says"
            raise self.header.error(what, 0, found=str(found), expected=str(self.count))

    def check_unique(
        self, names: list[str], kind: str, repeated: list[int] | None = None, rows: Ints | None = None
    ) -> None:
        """Refuse a name that comes twice.

        ``repeated`` are the names that may be such ones, where that is known; ``rows`` their statements, where some
        statements have no name.
        """
        if repeated is None:
            repeated = [] if len(set(names)) == len(names) else list(range(len(names)))
        if not repeated:
            return
        first = {name: place for place, name in reversed(list(enumerate(names)))}
        for place in repeated:
            if first[names[place]] != place:
                raise self.statement(place if rows is None else int(rows[place])).fail(f"{kind} is there twice", at=1)

    def statement(self, row: int) -> Cursor:
        """Statement ``row``, found by walking the file once more, for an error that shows only later."""
        for number, cursor in enumerate(self.again().statements()):
            if number == row:
                return cursor
        raise AssertionError(f"{self.path} changed while it was read")

    def again(self) -> Section:
        """The section as if its header had only just been read."""
        walker = Walker(self.path)
        while (word := walker.token()) != self.name:
            if word == "BEGINEXT" or word in SKIPPED_SECTIONS or word in SECTIONS:
                skip_section(walker, word)
            else:
                walker.statement(word)
        return open_section(walker, self.name)


SECTIONS = ("COMPONENTS", "PINS", "NETS", "SPECIALNETS", "BLOCKAGES", "VIAS", "REGIONS", "GROUPS")
SKIPPED_SECTIONS = {"FILLS", "SLOTS", "SCANCHAINS", "STYLES", "PINPROPERTIES", "PROPERTYDEFINITIONS", "CONSTRAINTS"}
SKIPPED_SECTIONS |= {"ASSERTIONS", "IOTIMINGS", "PARTITIONS", "FLOORPLANCONSTRAINTS", "TIMINGDISABLES"}
SKIPPED_SECTIONS |= {"NONDEFAULTRULES"}


def open_section(walker: Walker, name: str) -> Section:
    """The section whose header the walker stands before; the walker goes behind the header."""
    start = walker.offset
    cursor = walker.statement(name)
    count = cursor.count(f"number of {name}")
    cursor.literal(";", "statement is not ended")
    return Section(name, count, cursor.source.part(start, walker.offset), walker)


def skip_section(walker: Walker, word: str) -> None:
    """Go behind the section, or the extension, that begins with ``word`` here."""
    if word == "BEGINEXT":
        walker.skip(_EXTENSION_END, "inside BEGINEXT", "ENDEXT")
    else:
        walker.skip(end_of(word), f"inside {word}", f"END {word}")


_EXTENSION_END = re.compile(rb"ENDEXT(?![^ \n])")


def end_of(name: str) -> re.Pattern[bytes]:
    """The expression for a section's END."""
    return re.compile(rb"END[ \n]+" + re.escape(name).encode() + rb"(?![^ \n])")


def _find(source: Source, pattern: re.Pattern[bytes], offset: int) -> re.Match[bytes] | None:
    """The first whole-word match behind ``offset``."""
    found = pattern.search(source.data, offset)
    while found is not None and found.start() and source.data[found.start() - 1] not in b" \n":
        found = pattern.search(source.data, found.end())
    return found


def statements(part: Source, name: str) -> Iterator[Cursor]:
    """Each statement of a stretch of section ``name``, with the cursor behind its dash."""
    offset = 0
    while True:
        word, begin = part.token(offset)
        if not word:
            return
        if word != "-":
            raise not_in(part, begin, name)
        offset = statement_end(part, begin, len(part.data))
        cursor = Cursor(part, begin, offset, f"inside {name}")
        cursor.position = 1
        yield cursor


def not_in(part: Source, offset: int, name: str) -> InputError:
    """The error for something in section ``name`` that is no statement of it."""
    what = f"{name} holds no such statement"
    return part.error(what, offset, found=part.token(offset)[0], expected=f"'-' or END {name}")


def statement_end(source: Source, offset: int, limit: int) -> int:
    """Offset behind the ``;`` that ends the statement at ``offset``, before ``limit``."""
    data = source.data
    stop = data.find(b";", offset, limit)
    while stop >= 0:
        if data[stop - 1] in b" \n" and (stop + 1 == len(data) or data[stop + 1] in b" \n"):
            return stop + 1
        stop = data.find(b";", stop + 1, limit)
    if source.last and limit == len(data):
        raise source.cut_off("inside a statement", "';'")
    follower = _DASH.search(data, offset + 1, limit)
    at = limit if follower is None else follower.start()
    raise source.error("statement is not ended", at, found=source.token(at)[0] or "END", expected="';'")


def options(cursor: Cursor) -> Iterator[str]:
    """The word of each ``+ WORD ...`` of a statement; the caller steps over what follows the word."""
    while cursor.peek() == "+":
        cursor.position += 1
        yield cursor.name("an option")
    cursor.literal(";", "statement is not ended")


def skip_option(cursor: Cursor, *, properties: bool = False) -> None:
    """Step over an option's values: up to the next ``+`` or ``;``, but not over the beginning of another statement."""
    while cursor.peek() not in ("+", ";"):
        if cursor.peek() == "-" and not properties:
            raise cursor.fail("statement is not ended", expected="'+' or ';'")
        cursor.next("'+' or ';'")


def read_point(cursor: Cursor, last: tuple[int, int] | None = None) -> tuple[int, int]:
    """``( x y )``; a ``*`` repeats the coordinate of the point before (``last``)."""
    cursor.literal("(", "point is missing")
    values = []
    for axis in range(2):
        if cursor.peek() == "*" and last is not None:
            cursor.position += 1
            values.append(last[axis])
        else:
            values.append(cursor.integer("coordinate"))
    cursor.literal(")", "point is not closed")
    return values[0], values[1]


def read_points(cursor: Cursor, least: int) -> list[tuple[int, int]]:
    """All points that follow, ``least`` of them or more."""
    points: list[tuple[int, int]] = []
    while cursor.peek() == "(" or len(points) < least:
        points.append(read_point(cursor, points[-1] if points else None))
    return points


def read_placement(cursor: Cursor) -> tuple[int, int, int]:
    """``( x y ) ORIENTATION``"""
    x, y = read_point(cursor)
    return x, y, cursor.choice("orientation", ORIENTATIONS)
