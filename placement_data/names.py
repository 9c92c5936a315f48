r"""Names as LEF and DEF mean them: ``a\[5\]``, ``a[5]`` and ``a<5>`` of files that spell differently are one name.

A backslash in a name takes the meaning of the character behind it away (of a bus bit, of the divider of a hierarchy, of
a backslash); which characters have a meaning is said by BUSBITCHARS and DIVIDERCHAR, and by every tool for itself. So
names of one file are looked up in another from the strictest reading on: letter by letter, then without escapes, then
with all brackets and all dividers alike, then without the name of the top of the hierarchy, and in any case of letters
where NAMESCASESENSITIVE is OFF. At the first reading that finds any, a name that two others share is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_QUOTED = re.compile(r"\"(.*)\"|'(.*)'|\{(.*)\}", re.DOTALL)
_USUAL = str.maketrans({**dict.fromkeys("<({", "["), **dict.fromkeys(">)}", "]"), **dict.fromkeys(".|", "/")})
_TOP = "top"

Reading = Callable[[str], str]


@dataclass(frozen=True)
class Spelling:
    """How a file spells names, as its BUSBITCHARS, DIVIDERCHAR and NAMESCASESENSITIVE say."""

    bus_bits: str = "[]"
    divider: str = "/"
    any_case: bool = False

    @classmethod
    def of(cls, said: Mapping[str, str]) -> Spelling:
        """The spelling by the values of the three statements; one that is missing has its default."""
        case = said.get("NAMESCASESENSITIVE", "ON").upper()
        return cls(said.get("BUSBITCHARS", cls.bus_bits), said.get("DIVIDERCHAR", cls.divider), case == "OFF")


DEFAULT = Spelling()


def plain(name: str) -> str:
    """A name without its escapes."""
    return _ESCAPE.sub(r"\1", name) if "\\" in name else name


def common(name: str, spelling: Spelling = DEFAULT) -> str:
    r"""A name as all dialects can read it: bits in ``[]``, levels apart by ``/``, no escapes, quotes and outer blanks.

    Several names of a file may have the same common one.
    """
    name = name.strip()
    if quoted := _QUOTED.fullmatch(name):
        name = next(part for part in quoted.groups() if part is not None).strip()
    own = {spelling.bus_bits[0]: "[", spelling.bus_bits[1]: "]", spelling.divider: "/"}
    own = {letter: usual for letter, usual in own.items() if letter not in "[]/\\" and ord(letter) not in _USUAL}
    if own:
        letters = re.compile(rf"\\.|[{re.escape(''.join(own))}]", re.DOTALL)
        name = letters.sub(lambda found: own.get(found[0], found[0]), name)
    return name.replace("\\", "").translate(_USUAL).lstrip("/")


def below_top(name: str, tops: Iterable[str]) -> str:
    """A common name without that of the top of the hierarchy before it."""
    for top in (*tops, _TOP):
        if top and name.startswith(f"{top}/") and len(name) > len(top) + 1:
            return name[len(top) + 1 :]
    return name


def _same(name: str) -> str:
    return name


def rows_of(
    wanted: Iterable[str],
    names: Sequence[str],
    spelling: Spelling = DEFAULT,
    of_wanted: Spelling | None = None,
    tops: Sequence[str] = (),
) -> dict[str, int]:
    """Row in ``names`` of each wanted name that one of them means; those that none or several mean are left out.

    ``names`` are spelled as ``spelling`` says and ``wanted`` as ``of_wanted`` does (like ``names``, where it is not
    known); ``tops`` are names of the top of the hierarchy, which the one or the other may begin with.
    """
    other = of_wanted or spelling
    roots = [common(top, spelling) for top in tops if top]

    def shared(of: Spelling) -> Reading:
        return lambda name: common(name, of)

    def below(of: Spelling) -> Reading:
        return lambda name: below_top(common(name, of), roots)

    def folded(of: Spelling) -> Reading:
        return lambda name: below_top(common(name, of), roots).casefold()

    readings: list[tuple[Reading, Reading]] = [(_same, _same), (plain, _same), (plain, plain)]
    readings += [(shared(spelling), shared(one)) for one in dict.fromkeys((other, DEFAULT))]
    readings.append((below(spelling), below(other)))
    if spelling.any_case or other.any_case:
        readings.append((folded(spelling), folded(other)))
    found: dict[str, int] = {}
    left = set(wanted)
    for of_names, of_others in readings:
        if not left:
            break
        sought: dict[str, list[str]] = {}
        for name in left:
            sought.setdefault(of_others(name), []).append(name)
        for key, row in _rows(sought, names, of_names).items():
            left.difference_update(sought[key])
            if row is not None:
                found.update(dict.fromkeys(sought[key], row))
    return found


def _rows(sought: Mapping[str, object], names: Sequence[str], reading: Reading) -> dict[str, int | None]:
    """First row of each key that some names read as; None where they are different names."""
    rows: dict[str, int | None] = {}
    for row, name in enumerate(names):
        key = reading(name)
        if key in sought:
            before = rows.setdefault(key, row)
            if before is not None and names[before] != name:
                rows[key] = None
    return rows
