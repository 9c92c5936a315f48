"""Words that LEF and DEF share, with the codes of ``design``."""

from __future__ import annotations

from enum import IntEnum

from placement_data.design import Direction, Use


def codes_of(kind: type[IntEnum], *left_out: str) -> dict[str, int]:
    """The words of LEF and DEF for the members of an enumeration, with their codes."""
    return {member.name: member.value for member in kind if member.name not in left_out}


DIRECTIONS = codes_of(Direction, "UNKNOWN")
USES = codes_of(Use)
