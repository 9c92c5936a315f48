"""Reports of Innovus: ``verify_drc``, ``check_drc`` and ``verifyGeometry``, which print the same records.

A record names a check, its rule, the two shapes and the layer, and is wrapped where it is long::

    SHORT: ( Metal Short ) Regular Wire of Net n1 & Pin of Cell u2  ( M3 )
    Bounds : ( 1368.100, 1832.000 ) ( 1374.100, 1844.000 )

      Total Violations : 580 Viols.

The kind is the rule in the first parentheses, as other readers of this format have it. ``Wire``, ``Via``, ``Pin`` and
the like ``of Net`` are nets, as is a bare ``Net NAME``; ``Pin of Cell`` and ``Blockage of Cell`` are not. A report may
have been cut by the tool's own limit of violations (1000, where ``-limit`` is not given): its total is then the limit.
"""

from __future__ import annotations

import re

from placement_data.errors import InputError
from placement_data.reports.rows import NUMBER, Rows
from placement_data.text import PathLike
from placement_data.violations import Violations

BEGINS = "'# ... Innovus' or 'KIND: ( RULE ) SHAPES ( LAYER )' (Innovus)"

_COMMENTS = re.compile(r"(?:[^\S\n]*+(?:#[^\n]*+)?\n)*+[^\S\n]*+")
_WRITER = re.compile(r"Innovus|verify_?drc|check_drc|verify_?geometry", re.IGNORECASE)
_START = re.compile(r"(?!Bounds\b)[A-Za-z][\w.-]*+[ \t]*+:[ \t]*+\(")
_RECORD = re.compile(r"[\w.-]+ ?: ?\(((?:[^()]|\([^()]*+\))*+)\)(.*)")
_PAIR = rf"[ \t]*+\([ \t]*+({NUMBER})[ \t]*+,?[ \t]*+({NUMBER})[ \t]*+\)"
_BOUNDS = re.compile(rf"Bounds[ \t]*+:{_PAIR}{_PAIR}")
_TOTAL = re.compile(r"(?:Total Violations|Verification Complete)[ \t]*+:[ \t]*+([0-9]{1,18})\b.*", re.IGNORECASE)
_CLEAN = re.compile(r"(?:No DRC violations were found|Found no problems or warnings)\b.*", re.IGNORECASE)
_DETAIL = re.compile(r"(?:Actual|Required|Type|Min\w*|Max\w*)[ \t]*+:.*|(?:Begin|End) Summary\b.*")
_NET = re.compile(r" ?(?:[A-Z][A-Za-z ]* of )?Net (\S+)")
_BOUNDS_FORM = "'Bounds : ( X, Y ) ( X, Y )'"
_MOST_LINES = 32  # of one record: no name is that long
_LONGEST_BOUNDS = 400


def recognises(text: str) -> bool:
    """True where the comments at the top name the tool, or a record or an all-clear follows them."""
    found = _COMMENTS.match(text)
    end = found.end() if found else 0
    return bool(_WRITER.search(text, 0, end) or any(p.match(text, end) for p in (_START, _CLEAN, _TOTAL)))


def parse(text: str, path: PathLike) -> Violations:
    """The report's violations, microns. Raises ``InputError`` with the line of a broken record or a wrong total."""
    rows = Rows(path)
    head: list[str] = []  # lines of the record that is open, up to its bounds
    bounds = ""
    start = line = 0
    total: tuple[int, int] | None = None
    for line, row in enumerate(text.split("\n"), start=1):
        row = row.strip()
        if not row or row.startswith("#"):
            continue
        if not head:
            if _START.match(row):
                head, bounds, start = [row], "", line
            elif found := _TOTAL.fullmatch(row):
                total = int(found[1]), line
            elif _CLEAN.fullmatch(row):
                total = 0, line
            elif not _DETAIL.fullmatch(row):
                raise _broken(path, line, row, "'KIND: ( RULE ) SHAPES ( LAYER )'")
            continue
        if not bounds and not row.startswith("Bounds"):
            if _START.match(row) or _TOTAL.fullmatch(row) or len(head) == _MOST_LINES:
                raise _broken(path, line, row, _BOUNDS_FORM)
            head.append(row)
            continue
        bounds = f"{bounds} {row}".lstrip()
        if bounds.count(")") >= 2 or len(bounds) > _LONGEST_BOUNDS:
            box = _BOUNDS.fullmatch(bounds)
            if box is None:
                raise _broken(path, line, bounds, _BOUNDS_FORM)
            kind, layer, nets = _head(" ".join(head), path, start)
            rows.add(kind, layer, box.groups(), line, nets)
            head = []
    if head:
        raise InputError("file ends inside a record", file=path, line=line, expected=_BOUNDS_FORM)
    if total is None and not len(rows):
        expected = "'Total Violations : N Viols.' or 'No DRC violations were found'"
        raise InputError("file ends behind its first comments", file=path, line=line, expected=expected)
    if total is not None:
        rows.require_count(*total)
    return rows.violations()


def _head(text: str, path: PathLike, line: int) -> tuple[str, str, list[str]]:
    """Rule, layer ("" where there is none) and nets of a record's first lines."""
    text = " ".join(text.split())
    found = _RECORD.fullmatch(text)
    if found is None:
        raise _broken(path, line, text, "'KIND: ( RULE ) SHAPES ( LAYER )'")
    shapes, layer = found[2], ""
    if shapes.endswith(")") and (at := shapes.rfind(" (")) >= 0:
        shapes, layer = shapes[:at], shapes[at + 2 : -1].strip()
    named = (_NET.match(shape) for shape in shapes.split(" & "))
    return found[1].strip() or text[: text.index(":")].strip(), layer, [net[1] for net in named if net]


def _broken(path: PathLike, line: int, row: str, expected: str) -> InputError:
    return InputError("record is broken", file=path, line=line, found=row, expected=expected)
