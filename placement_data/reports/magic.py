"""Dumps of Magic's ``drc listall why``, as the scripts of OpenLane and LibreLane write them.

The cell, then for every rule its message between lines of dashes and the boxes, in microns; with or without ``um``,
and with or without a colon behind ``[INFO]``::

    RAM8
    ----------------------------------------
    P-diff distance to N-tap must be < 15.0um (LU.3)
    ----------------------------------------
     17.990um 21.995um 18.265um 22.995um
    ----------------------------------------
    [INFO]: COUNT: 1
    [INFO]: Should be divided by 3 or 4

The count is that of the boxes. Magic lists one error as several boxes, which cannot be told apart from several errors:
every box is one violation here. Neither layers nor nets are named.
"""

from __future__ import annotations

import re

from placement_data.errors import InputError
from placement_data.reports.rows import NUMBER, Rows
from placement_data.text import PathLike
from placement_data.violations import Violations

BEGINS = "a cell and a line of dashes (Magic)"

_START = re.compile(r"\s*+\S[^\n]*+\n\s*+-{8,}+[ \t\r]*+(?:\n|\Z)")
_DASHES = re.compile(r"-{8,}+")
_BOX = re.compile(r"[ \t]++".join([rf"({NUMBER})(?:um)?"] * 4))
_NOTE = re.compile(r"\[INFO\]:?+[ \t]*+(?:COUNT:[ \t]*+([0-9]{1,18})\b.*|(?!COUNT).*)", re.IGNORECASE)


def recognises(text: str) -> bool:
    """True where the second line that is not blank is one of dashes."""
    return _START.match(text) is not None


def parse(text: str, path: PathLike) -> Violations:
    """The report's violations, microns. Raises ``InputError`` with the line of a broken box or a wrong count."""
    rows = Rows(path)
    rule: list[str] = []
    in_boxes = is_counted = False
    dashes = line = before = 0
    for line, row in enumerate(text.split("\n"), start=1):
        row = row.strip()
        if not row:
            continue
        if _DASHES.fullmatch(row):
            in_boxes = bool(rule) and not in_boxes and dashes > 0
            rule = rule if in_boxes else []
            before = len(rows)
            dashes += 1
        elif (note := _NOTE.fullmatch(row)) and (in_boxes or not rule):
            if note[1]:
                is_counted = True
                rows.require_count(int(note[1]), line)
        elif not in_boxes:
            rule.append(row)
            before = len(rows)
        elif box := _BOX.fullmatch(row):
            rows.add(" ".join(rule), "", box.groups(), line)
        else:
            raise InputError("box is broken", file=path, line=line, found=row, expected="4 numbers: X Y X Y (microns)")
    if rule and len(rows) == before:
        raise InputError("file ends inside a rule", file=path, line=line, found=rule[0], expected="boxes")
    if not len(rows) and not is_counted:
        raise InputError("file ends behind its first lines", file=path, line=line, expected="'[INFO]: COUNT: 0'")
    return rows.violations()
