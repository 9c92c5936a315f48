"""The counted sections of DEF (``COMPONENTS``, ``NETS``, ...), each read in two ways with one result.

The quick way takes a whole section with one regular expression for the shape that statements nearly always have. Where
anything in the section has another shape the exact way reads it, statement by statement; it knows the whole grammar and
finds the line of an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from placement_data.design import Orientation, Status, Use
from placement_data.readers.lef import USES, codes_of
from placement_data.readers.text import Cursor, Source, one_of

ORIENTATIONS = codes_of(Orientation)
STATUSES = codes_of(Status, "UNPLACED")
_SOURCES = ("NETLIST", "DIST", "TIMING", "USER")

# Each of these expressions matches one statement, or else a single character, which is its last group.
_NAME = r"[^\s;]+"
_INTEGER = r"-?[0-9]{1,9}"
_OPTIONS = rf"(?:\+\s+(?:WEIGHT|EEQMASTER|REGION|MASKSHIFT)\s+{_NAME}\s+)*"
_COMPONENT = re.compile(
    rf"-\s+({_NAME})\s+({_NAME})\s+(?:\+\s+SOURCE\s+(NETLIST|DIST|TIMING|USER)\s+)?"
    rf"(?:\+\s+(?:(PLACED|FIXED|COVER)\s+\(\s+({_INTEGER})\s+({_INTEGER})\s+\)\s+(N|W|S|E|FN|FW|FS|FE)|UNPLACED)\s+)?"
    rf"{_OPTIONS};(?!\S)|(\S)"
)
_NET = re.compile(rf"-\s+({_NAME})((?:\s+\(\s+{_NAME}\s+{_NAME}\s+\))*)((?:\s+\+\s[^;]*)?)\s;(?!\S)|(\S)")
_SPECIAL_NET = re.compile(rf"-\s+({_NAME})([^;]*)\s;(?!\S)|(\S)")
_DASH = re.compile(r"(?<=\s)-(?=\s)")
_NET_USE = re.compile(r"\+\s+USE\s+(\S+)")


@dataclass(frozen=True)
class Section:
    """A counted section: where its statements begin and where its END stands."""

    source: Source
    name: str
    header: int
    count: int
    start: int
    end: int

    def statements(self) -> Iterator[Cursor]:
        """Each statement of the section, with the cursor behind its dash."""
        offset = self.start
        while True:
            word, begin = self.source.token(offset)
            if begin >= self.end:
                return
            if word != "-":
                raise self.source.error(
                    f"{self.name} holds no such statement", begin, found=word, expected=f"'-' or END {self.name}"
                )
            stop = statement_end(self.source, begin, self.end)
            cursor = Cursor(self.source, begin, stop, f"inside {self.name}")
            cursor.position = 1
            yield cursor
            offset = stop

    def statement(self, row: int) -> Cursor:
        """Statement ``row``, for an error that is found only later."""
        return next(islice(self.statements(), row, None))

    def shaped_as(self, statement: re.Pattern[str]) -> list[tuple[str, ...]]:
        """Groups of every statement, where there are as many as the header says; else nothing."""
        # A statement without its end would be searched for to the end of the section, again and again: count first.
        if self.source.text.count(";", self.start, self.end) < self.count:
            return []
        found = statement.findall(self.source.text, self.start, self.end)
        return found if len(found) == self.count else []

    def check_count(self, found: int) -> None:
        """Refuse a section that holds more or fewer statements than its header says."""
        if found != self.count:
            what = f"number of {self.name} is not what the header says"
            raise self.source.error(what, self.header, found=str(found), expected=str(self.count))


def statement_end(source: Source, offset: int, limit: int) -> int:
    """Offset behind the ``;`` that ends the statement at ``offset``, before ``limit``."""
    text = source.text
    stop = text.find(";", offset, limit)
    while stop >= 0:
        if text[stop - 1].isspace() and (stop + 1 == len(text) or text[stop + 1].isspace()):
            return stop + 1
        stop = text.find(";", stop + 1, limit)
    if limit == len(text):
        raise source.cut_off("inside a statement", "';'")
    follower = _DASH.search(text, offset + 1, limit)
    at = limit if follower is None else follower.start()
    raise source.error("statement is not ended", at, found=source.token(at)[0], expected="';'")


@dataclass
class RawComponents:
    """COMPONENTS as written; ``x`` and ``y`` are zero where a component is not placed."""

    name: list[str] = field(default_factory=list)
    master: list[str] = field(default_factory=list)
    source: list[str] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    x: list[int] = field(default_factory=list)
    y: list[int] = field(default_factory=list)
    orientation: list[int] = field(default_factory=list)


@dataclass
class RawNets:
    """NETS as written; the pins of all nets stand one behind the other. ``owner`` is a component, PIN or ``*``."""

    name: list[str] = field(default_factory=list)
    use: list[int] = field(default_factory=list)
    fan: list[int] = field(default_factory=list)
    owner: list[str] = field(default_factory=list)
    pin: list[str] = field(default_factory=list)
    row: list[int] | None = None  # statement of each net where some statements are no nets (MUSTJOIN)


def read_components(section: Section) -> RawComponents:
    """COMPONENTS. Raises ``InputError`` for broken statements, a wrong number of them and a name that comes twice."""
    components = _quick_components(section) or _exact_components(section)
    section.check_count(len(components.name))
    check_unique(section, components.name, "component")
    return components


def _quick_components(section: Section) -> RawComponents | None:
    found = section.shaped_as(_COMPONENT)
    if not found:
        return None
    name, master, source, placed, x, y, orientation, junk = map(list, zip(*found, strict=True))
    if any(junk):
        return None
    return RawComponents(
        name,
        master,
        source,
        [STATUSES.get(word, int(Status.UNPLACED)) for word in placed],
        [int(value or 0) for value in x],
        [int(value or 0) for value in y],
        [ORIENTATIONS.get(word, int(Orientation.N)) for word in orientation],
    )


def _exact_components(section: Section) -> RawComponents:
    components = RawComponents()
    for cursor in section.statements():
        components.name.append(cursor.name("the name of a component"))
        components.master.append(cursor.name("the name of a master"))
        source, status, x, y, orientation = "", int(Status.UNPLACED), 0, 0, int(Orientation.N)
        for word in options(cursor):
            if word in STATUSES:
                status, x, y, orientation = STATUSES[word], *read_placement(cursor)
            elif word == "SOURCE":
                source = cursor.name("the source of a component")
                if source not in _SOURCES:
                    raise cursor.fail("SOURCE is unknown", expected=one_of(_SOURCES), at=cursor.position - 1)
            else:
                skip_option(cursor, properties=word == "PROPERTY")
        components.source.append(source)
        components.status.append(status)
        components.x.append(x)
        components.y.append(y)
        components.orientation.append(orientation)
    return components


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


def read_nets(section: Section) -> RawNets:
    """NETS without their wires.

    Raises ``InputError`` for broken statements, a wrong number of them and a name that comes twice.
    """
    nets = _quick_nets(section) or _exact_nets(section)
    check_unique(section, nets.name, "net", nets.row)
    return nets


def _quick_nets(section: Section) -> RawNets | None:
    found = section.shaped_as(_NET)
    if not found:
        return None
    name, pins, tails, junk = map(list, zip(*found, strict=True))
    uses = {tail: _use_of(tail) for tail in set(tails)}
    if any(junk) or None in uses.values() or "MUSTJOIN" in name:
        return None
    fan = [text.count("(") for text in pins]  # or more, where names hold parentheses
    tokens = "".join(pins).split()
    if len(tokens) != 4 * sum(fan):
        return None
    return RawNets(name, [uses[tail] or 0 for tail in tails], fan, tokens[1::4], tokens[2::4])


def _use_of(tail: str) -> int | None:
    """Code of the USE among a net's options; None where its word is unknown."""
    found = _NET_USE.search(tail)
    return int(Use.SIGNAL) if found is None else USES.get(found[1])


def _exact_nets(section: Section) -> RawNets:
    nets = RawNets(row=[])
    statements = 0
    for row, cursor in enumerate(section.statements()):
        statements += 1
        name = cursor.name("the name of a net")
        fan = len(nets.owner)
        while cursor.peek() == "(":
            cursor.position += 1
            nets.owner.append(cursor.name("a component, PIN or *"))
            nets.pin.append(cursor.name("the name of a pin"))
            if cursor.peek() == "+":
                cursor.position += 1
                cursor.literal("SYNTHESIZED", "option of a pin is unknown")
            cursor.literal(")", "pin is not closed")
        use = _read_net_options(cursor)
        if name == "MUSTJOIN":  # pins of one instance that belong together: no net
            del nets.owner[fan:], nets.pin[fan:]
            continue
        assert nets.row is not None
        nets.row.append(row)
        nets.name.append(name)
        nets.use.append(use)
        nets.fan.append(len(nets.owner) - fan)
    section.check_count(statements)
    return nets


def _read_net_options(cursor: Cursor) -> int:
    """USE of a net; its wires and all else are stepped over."""
    use = int(Use.SIGNAL)
    for word in options(cursor):
        if word == "USE":
            use = cursor.choice("USE", USES)
        else:
            skip_option(cursor, properties=word == "PROPERTY")
    return use


def read_special_nets(section: Section) -> tuple[list[str], list[int]]:
    """Names and uses of SPECIALNETS. Their pins and wires are stepped over."""
    names, uses = _quick_special_nets(section) or _exact_special_nets(section)
    check_unique(section, names, "special net")
    return names, uses


def _quick_special_nets(section: Section) -> tuple[list[str], list[int]] | None:
    found = section.shaped_as(_SPECIAL_NET)
    if not found:
        return None
    uses = [_use_of(tail) for _, tail, _ in found]
    if any(junk for _, _, junk in found) or None in uses:
        return None
    return [name for name, _, _ in found], [use or 0 for use in uses]


def _exact_special_nets(section: Section) -> tuple[list[str], list[int]]:
    names: list[str] = []
    uses: list[int] = []
    for cursor in section.statements():
        names.append(cursor.name("the name of a net"))
        while cursor.peek() not in ("+", ";", "-", ""):
            cursor.position += 1
        uses.append(_read_net_options(cursor))
    section.check_count(len(names))
    return names, uses


def check_unique(section: Section, names: list[str], kind: str, rows: list[int] | None = None) -> None:
    """Refuse a name that comes twice."""
    if len(set(names)) == len(names):
        return
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise section.statement(index if rows is None else rows[index]).fail(f"{kind} is there twice", at=1)
        seen.add(name)
