"""The structure of a DEF: statements and counted sections, walked piece by piece, never held as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from placement_data.cursor import Cursor
from placement_data.design import Status
from placement_data.errors import InputError
from placement_data.findings import Findings
from placement_data.orientation import Orientation
from placement_data.readers.words import DEF, codes_of
from placement_data.text import PathLike, Source, read_pieces

ORIENTATIONS = codes_of(Orientation)
STATUSES = codes_of(Status, "UNPLACED")
SECTIONS = ("COMPONENTS", "PINS", "NETS", "SPECIALNETS", "BLOCKAGES", "VIAS", "REGIONS", "GROUPS")
SKIPPED_SECTIONS = {"FILLS", "SLOTS", "SCANCHAINS", "STYLES", "PINPROPERTIES", "PROPERTYDEFINITIONS", "CONSTRAINTS"}
SKIPPED_SECTIONS |= {"ASSERTIONS", "IOTIMINGS", "PARTITIONS", "FLOORPLANCONSTRAINTS", "TIMINGDISABLES"}
SKIPPED_SECTIONS |= {"NONDEFAULTRULES"}
_LEF_WORDS = {"LAYER", "SITE", "MACRO", "VIA", "VIARULE", "NONDEFAULTRULE", "MANUFACTURINGGRID", "USEMINSPACING"}
_LEF_WORDS |= {"CLEARANCEMEASURE", "SPACING", "MAXVIASTACK"}
_OUTSIDE = ("-", "+", ";", "(")  # stand in sections alone

_DASH = re.compile(rb"(?<=[ \n])-(?=[ \n])")


class Walker:
    """Walks over a DEF, a piece of it at a time. ``source`` and ``offset`` are where it stands.

    The END of a section is sought in capitals, as all tools write it; only a ``folded`` walk, which takes longer, finds
    it in any case.
    """

    def __init__(self, path: PathLike, findings: Findings | None = None, *, folded: bool = False) -> None:
        self.findings = Findings() if findings is None else findings
        self.folded = folded
        self._pieces = read_pieces(path, self.findings)
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

    def parts(self, end: str, where: str) -> Iterator[Source]:
        """What stands before the words ``end``, a stretch for each piece; the walker goes behind them."""
        while True:
            found = _find(self.source.data, end, self.offset, self.folded)
            start, stop = found or (len(self.source.data), len(self.source.data))
            part = self.source.part(self.offset, start)
            self.offset = stop
            yield part
            if found is not None:
                return
            if self.source.last:
                raise self.source.cut_off(where, end)
            self.advance()

    def skip(self, word: str) -> None:
        """Go behind the section, or the extension, that begins with ``word`` here."""
        for _ in self.parts("ENDEXT" if word == "BEGINEXT" else f"END {word}", f"inside {word}"):
            pass


def walk(walker: Walker) -> Iterator[tuple[str, Section | Cursor]]:
    """The words, in capitals, of a DEF's sections and statements up to END DESIGN, each with what it begins.

    A section that the caller does not walk over is stepped over, and so are sections that are known to say nothing
    here and such as no standard names.
    """
    unknown = ""
    walked: dict[str, int] = {}  # statements in the sections of each name so far
    while word := walker.token().upper():
        if unknown and word in ("-", "END"):  # it was the header of a section that no standard names
            walker.skip(unknown)
            unknown = ""
            continue
        unknown = ""
        if word == "END":
            if _ends_here(walker):
                return
        elif word in SECTIONS:
            section = open_section(walker, word, walked.get(word, 0))
            yield word, section
            if not section.opened:
                walker.skip(word)
            walked[word] = section.first + section.found
        elif word == "BEGINEXT" or word in SKIPPED_SECTIONS:
            walker.skip(word)
        else:
            refuse_lef(walker, word)
            if word in _OUTSIDE:
                what, expected = "statement is in no section", "a DEF statement or END DESIGN"
                error = walker.source.error(what, walker.offset, found=word, expected=expected)
                walker.findings.error("syntax", error)
                walker.statement(word)
                continue
            cursor = walker.statement(word)
            yield word, cursor
            if word not in DEF[""]:
                unknown = cursor.tokens[0] if len(cursor.tokens) == 3 and cursor.tokens[1].isdecimal() else ""
    raise walker.source.cut_off("before END DESIGN", "END DESIGN")


def _ends_here(walker: Walker) -> bool:
    """Whether the END that the walker stands before is that of the design; another one is an error."""
    source, offset = walker.source, walker.offset
    after, at = source.token(offset + len("END"))
    if after.upper() == "DESIGN":
        walker.offset = at + len(after)
        return True
    found = f"END {after}".strip()
    walker.findings.error("syntax", source.error("END closes nothing here", offset, found=found, expected="END DESIGN"))
    walker.offset = at + len(after)
    return False


def refuse_lef(walker: Walker, word: str) -> None:
    """Raise ``InputError`` where the statement ``word`` that comes next is one of LEF."""
    source, offset = walker.source, walker.offset
    if word in _LEF_WORDS or (word == "UNITS" and source.token(offset + len(word))[0].upper() == "DATABASE"):
        raise source.error("LEF statement in a DEF file", offset, found=word, expected="DEF")


@dataclass
class Section:
    """A counted section whose header has been read. Its statements can be walked over once.

    ``count`` is the header's number, None where that is broken; ``first`` the number of statements in sections of the
    same name before this one, which the standard allows.
    """

    name: str
    count: int | None
    header: Source  # the header's statement
    walker: Walker = field(repr=False)
    first: int = 0
    found: int = 0  # statements walked over so far
    opened: bool = False

    @property
    def path(self) -> PathLike:
        """The file."""
        return self.header.path

    def parts(self) -> Iterator[Source]:
        """The section's statements, in stretches that hold whole ones."""
        self.opened = True
        return self.walker.parts(f"END {self.name}", f"inside {self.name}")

    def __iter__(self) -> Iterator[Cursor]:
        """Each statement of the section, with the cursor behind its dash."""
        for part in self.parts():
            for cursor in statements(part, self.name):
                self.found += 1
                yield cursor

    def check_count(self) -> None:
        """Refuse a section that holds more or fewer statements than its header says."""
        if self.count is not None and self.found != self.count:
            what = f"number of {self.name} is not what the header says"
            error = self.header.error(what, 0, found=str(self.found), expected=str(self.count))
            self.walker.findings.error("count", error)


def open_section(walker: Walker, name: str, first: int = 0) -> Section:
    """The section whose header the walker stands before; the walker goes behind the header."""
    start = walker.offset
    cursor = walker.statement(name)
    count: int | None = None
    try:
        count = cursor.count(f"number of {name}")
        cursor.literal(";", "statement is not ended")
    except InputError as error:
        walker.findings.error("syntax", error)
    return Section(name, count, cursor.source.part(start, walker.offset), walker, first)


def each(statements: Iterable[Cursor], read: Callable[[Cursor], None]) -> None:
    """Read each of the statements; one that is broken is left out where findings are gathered."""
    for cursor in statements:
        try:
            read(cursor)
        except InputError as error:
            cursor.source.findings.error("syntax", error)


@cache
def _pattern(words: str) -> re.Pattern[bytes]:
    return re.compile(rb"[ \n]+".join(re.escape(word).encode() for word in words.split()) + rb"(?![^ \n])")


def _find(data: bytes, words: str, offset: int, folded: bool) -> tuple[int, int] | None:
    """Where these words, the last of a section, stand first behind ``offset``, and where they end.

    In capitals they may stand anywhere; else only behind a statement, since they could be names.
    """
    found = _whole(data, _pattern(words), offset)
    if not folded:
        return None if found is None else found.span()
    lowered = data[offset : None if found is None else found.start()].lower()
    other = _whole(lowered, _pattern(words.lower()), 0)
    while other is not None and " " in words and lowered[: other.start()].rstrip()[-1:] not in (b"", b";"):
        other = _whole(lowered, _pattern(words.lower()), other.end())
    if other is not None:
        return offset + other.start(), offset + other.end()
    return None if found is None else found.span()


def _whole(data: bytes, pattern: re.Pattern[bytes], offset: int) -> re.Match[bytes] | None:
    """The first match behind ``offset`` that begins with a word."""
    found = pattern.search(data, offset)
    while found is not None and found.start() and data[found.start() - 1] not in b" \n":
        found = pattern.search(data, found.end())
    return found


def statements(part: Source, name: str) -> Iterator[Cursor]:
    """Each statement of a stretch of section ``name``, with the cursor behind its dash.

    What is none raises ``InputError``, or is a finding and stepped over.
    """
    offset = 0
    while True:
        word, begin = part.token(offset)
        if not word:
            return
        try:
            offset = statement_end(part, begin, len(part.data))
        except InputError as error:
            part.findings.error("syntax", error)
            return
        if word != "-":
            part.findings.error("syntax", _not_in(part, begin, name))
            continue
        cursor = Cursor(part, begin, offset, f"inside {name}")
        cursor.position = 1
        yield cursor


def _not_in(part: Source, offset: int, name: str) -> InputError:
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
    """The word of each ``+ WORD ...`` of a statement, in capitals; the caller steps over what follows the word."""
    while cursor.peek() == "+":
        cursor.position += 1
        yield cursor.name("an option").upper()
    cursor.literal(";", "statement is not ended")


def skip_option(cursor: Cursor, word: str, known: Container[str]) -> None:
    """Step over the values of option ``word``, which is a finding where it is not ``known``.

    That is up to the next ``+`` or ``;``, but not over the beginning of another statement.
    """
    if word not in known:
        cursor.unknown(cursor.position - 1)
    while cursor.peek() not in ("+", ";"):
        if (cursor.peek() == "-" and word != "PROPERTY") or cursor.keyword() == "END":
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
