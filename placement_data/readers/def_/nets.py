"""NETS of a DEF, without their wires: plain statements many at once, all others one by one, with one result."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from placement_data.columns import offsets
from placement_data.cursor import Cursor
from placement_data.design import Codes, Indices, Ints, Use
from placement_data.readers.def_.sections import Section, options, skip_option, statements
from placement_data.readers.def_.statements import CLOSE, OPEN, Statements
from placement_data.readers.def_.tokens import Keys, KeyTable, Vocabulary, keys_of, repeats
from placement_data.readers.words import USES
from placement_data.text import Source

_USES = KeyTable(keys_of([use.name for use in Use]))
_MUSTJOIN = keys_of(["MUSTJOIN"])[0]


@dataclass
class RawNets:
    """NETS as written; the pins of all nets stand one behind the other.

    ``owner`` are the keys of components, of PIN or of ``*``; pins are numbers in ``pins``. ``row`` is the statement of
    each net: some statements are no nets (MUSTJOIN).
    """

    name: list[str] = field(default_factory=list)
    use: Codes = field(default_factory=lambda: np.empty(0, dtype=np.uint8))
    fan: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    row: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    owner: Keys = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    pin: Indices = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    pins: list[str] = field(default_factory=list)


@dataclass
class Net:
    """One net, read by itself."""

    name: str
    owner: list[str] = field(default_factory=list)
    pin: list[str] = field(default_factory=list)
    use: int = Use.SIGNAL


Columns = tuple[Keys, Codes, Ints, Ints, Keys, Indices]


def read_nets(section: Section) -> RawNets:
    """NETS without their wires.

    Raises ``InputError`` for broken statements, a wrong number of them and a name that comes twice.
    """
    nets = RawNets()
    vocabulary = Vocabulary()
    parts: list[Columns] = []
    repeated: list[int] = []
    statements_read = 0
    for stretch in section.parts():
        count, columns = _read(stretch, nets, vocabulary, statements_read)
        statements_read += count
        if columns is not None:
            parts.append(columns)
    if parts:
        key, nets.use, nets.fan, nets.row, nets.owner, nets.pin = (
            np.concatenate(column) for column in zip(*parts, strict=True)
        )
        repeated = repeats(key)
    nets.pins = vocabulary.words
    section.check_count(statements_read)
    section.check_unique(nets.name, "net", repeated, nets.row)
    return nets


def _read(stretch: Source, nets: RawNets, vocabulary: Vocabulary, before: int) -> tuple[int, Columns | None]:
    """Number of statements of one stretch and their columns; names go to ``nets`` at once."""
    several = Statements(stretch, "NETS")
    if not several.regular:
        for cursor in statements(stretch, "NETS"):
            net_of(cursor)
    if not len(several):
        return 0, None
    tokens = several.tokens
    name = several.names(1)
    # The pins stand between the name and the first option, four tokens each.
    size = several.first_option() - several.begin - 2
    several.odd |= (size < 0) | (size % 4 != 0)
    fan = np.where(several.odd, 0, size // 4)
    at = _starts(several.begin + 2, fan)
    row = np.repeat(np.arange(len(several)), fan)
    several.expect(row, at, OPEN)
    several.expect(row, at + 3, CLOSE)
    use = _uses(several)
    key = tokens.key(name)
    names = tokens.text(name)
    plain = ~several.odd
    kept = plain[row]
    owner, pin = tokens.key(at[kept] + 1), vocabulary.codes(tokens, at[kept] + 2)
    fan[several.odd] = 0
    odd = {row: net_of(several.cursor(row)) for row in np.flatnonzero(several.odd).tolist()}
    if odd:
        owner, pin = _with_odd(owner, pin, fan, odd, vocabulary)
    for row_, one in odd.items():
        names[row_], key[row_], use[row_], fan[row_] = one.name, keys_of([one.name])[0], one.use, len(one.owner)
    joined = key == _MUSTJOIN  # pins of one instance that belong together: no net
    if joined.any():
        kept = np.repeat(~joined, fan)
        owner, pin = owner[kept], pin[kept]
        names = [word for word, drop in zip(names, joined.tolist(), strict=True) if not drop]
    nets.name += names
    rows = np.flatnonzero(~joined)
    return len(several), (key[rows], use[rows], fan[rows], rows + before, owner, pin)


def _starts(first: Ints, fan: Ints) -> Ints:
    """Token of the parenthesis that each pin begins with."""
    end = np.cumsum(fan)
    return np.asarray(np.repeat(first - 4 * (end - fan), fan) + 4 * np.arange(end[-1] if len(end) else 0))


def _uses(several: Statements) -> Codes:
    use = np.zeros(len(several), dtype=np.uint8)
    row, at = several.take("USE", 3)
    code = _USES.find(several.tokens.key(np.minimum(at + 2, several.end[row])))
    several.suspect(row, code < 0)
    use[row] = np.maximum(code, 0)
    return use


def _with_odd(
    owner: Keys, pin: Indices, fan: Ints, odd: dict[int, Net], vocabulary: Vocabulary
) -> tuple[Keys, Indices]:
    """The pins of plain statements (``fan`` each) with those of the odd ones put in at their places."""
    before = offsets(fan)
    places = [np.full(len(one.owner), before[row]) for row, one in odd.items()]
    owners = [name for one in odd.values() for name in one.owner]
    pins = [vocabulary.code(name) for one in odd.values() for name in one.pin]
    place = np.concatenate(places) if places else np.empty(0, dtype=np.int64)
    return np.insert(owner, place, keys_of(owners)), np.insert(pin, place, pins)


def net_of(cursor: Cursor) -> Net:
    """One net of its statement, with the cursor behind the dash. Raises ``InputError`` for a broken one."""
    net = Net(cursor.name("the name of a net"))
    while cursor.peek() == "(":
        cursor.position += 1
        net.owner.append(cursor.name("a component, PIN or *"))
        net.pin.append(cursor.name("the name of a pin"))
        if cursor.peek() == "+":
            cursor.position += 1
            cursor.literal("SYNTHESIZED", "option of a pin is unknown")
        cursor.literal(")", "pin is not closed")
    for word in options(cursor):
        if word == "USE":
            net.use = cursor.choice("USE", USES)
        else:
            skip_option(cursor, properties=word == "PROPERTY")
    return net
