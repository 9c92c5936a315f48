"""Liberty (``.lib``): which cells are flip-flops, latches and clock gates. Timing, power and areas are stepped over."""

from __future__ import annotations

import re

from placement_data.errors import InputError
from placement_data.liberty import LibertyCells
from placement_data.text import PathLike, load_text

_TOKEN = re.compile(
    r"""(?P<comment>/\*.*?\*/|//[^\n]*)
    |\b(?P<gate>clock_gating_integrated_cell)\s*:
    |\b(?P<group>library|cell|ff|ff_bank|latch|latch_bank|statetable)\s*\((?P<name>[^(){};]*)\)\s*(?:/\*.*?\*/\s*)?\{
    |(?P<string>"[^"\\]*(?:\\.[^"\\]*)*")
    |(?P<brace>[{}])
    |(?P<open>/\*|")""",
    re.DOTALL | re.VERBOSE,
)
_ROLES = {"ff": "register", "ff_bank": "register", "statetable": "register", "latch": "latch", "latch_bank": "latch"}


def read_liberty(path: PathLike) -> LibertyCells:
    """The cells of a Liberty file, plain or gzip, and their kinds.

    A cell is a clock gate where it has ``clock_gating_integrated_cell``, else a register where it has a group ``ff``,
    ``ff_bank`` or ``statetable``, else a latch where it has ``latch`` or ``latch_bank``. Raises ``InputError`` naming
    file and line for a file that is broken, cut off, no Liberty or without any cell.
    """
    text = load_text(path)

    def fail(what: str, at: int, found: object = None, expected: str | None = None) -> InputError:
        return InputError(what, file=path, line=text.count("\n", 0, at) + 1, found=found, expected=expected)

    roles: dict[str, set[str]] = {}
    depth, cell, cell_depth = 0, "", 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind == "open":
            what = "string is not closed" if token[0] == '"' else "comment is not closed"
            raise fail(what, token.start(), expected="'\"'" if token[0] == '"' else "'*/'")
        if kind in ("comment", "string"):
            continue
        word = token["group"]
        if depth == 0 and word != "library":
            what = "brace closes nothing" if roles and token[0] == "}" else "not a Liberty file"
            raise fail(what, token.start(), token[0], "a group library (NAME) { ... }")
        if word == "cell" and depth == 1:
            cell, cell_depth = token["name"].strip().strip('"'), depth
            if not cell:
                raise fail("cell has no name", token.start(), token[0], "cell (NAME) {")
            roles.setdefault(cell, set())
        elif cell and word in _ROLES:
            roles[cell].add(_ROLES[word])
        elif cell and token["gate"]:
            roles[cell].add("gate")
        depth += (word is not None or token[0] == "{") - (token[0] == "}")
        if depth <= cell_depth:
            cell = ""
    end = len(text.rstrip())
    if depth:
        raise fail("file ends inside a group", end, expected="'}'")
    if not roles:
        raise fail("no cell is in the file", end, expected="a Liberty library with groups cell (NAME) { ... }")
    return _sorted_out(roles)


def _sorted_out(roles: dict[str, set[str]]) -> LibertyCells:
    gates = frozenset(name for name, role in roles.items() if "gate" in role)
    registers = frozenset(name for name, role in roles.items() if "register" in role) - gates
    latches = frozenset(name for name, role in roles.items() if "latch" in role) - gates - registers
    return LibertyCells(frozenset(roles), registers, latches, gates)
