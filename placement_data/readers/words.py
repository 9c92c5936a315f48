"""Words that LEF and DEF share, with the codes of ``design``."""

from __future__ import annotations

from enum import IntEnum

from placement_data.cursor import Cursor, one_of
from placement_data.design import Direction, Use


def codes_of(kind: type[IntEnum], *left_out: str) -> dict[str, int]:
    """The words of LEF and DEF for the members of an enumeration, with their codes."""
    return {member.name: member.value for member in kind if member.name not in left_out}


DIRECTIONS = codes_of(Direction, "UNKNOWN")
USES = codes_of(Use)

SPELLING = ("BUSBITCHARS", "DIVIDERCHAR", "NAMESCASESENSITIVE")
"""The statements that say how names are spelled (see :class:`placement_data.names.Spelling`)."""

_LENGTHS = {"BUSBITCHARS": 2, "DIVIDERCHAR": 1}
_CASES = ("ON", "OFF")


def read_spelling(said: dict[str, str], word: str, cursor: Cursor) -> None:
    """Note the value of one of ``SPELLING`` in ``said``; the first one of several counts."""
    value = cursor.name(f"the value of {word}").strip('"')
    if word in _LENGTHS and len(value) != _LENGTHS[word]:
        expected = {2: "two characters, such as '[]'", 1: "one character, such as '/'"}[_LENGTHS[word]]
        raise cursor.fail(f"{word} is broken", expected=expected, at=cursor.position - 1)
    if word not in _LENGTHS and value.upper() not in _CASES:
        raise cursor.fail(f"{word} is broken", expected=one_of(_CASES), at=cursor.position - 1)
    said.setdefault(word, value)
    cursor.literal(";", "statement is not ended")
