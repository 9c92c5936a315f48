"""Reports of Innovus: ``verify_drc``, ``check_drc`` and ``verifyGeometry``, which print the same records.

A record names a check, its rule, the two shapes and the layer, and is wrapped where it is long::

    SHORT: ( Metal Short ) Regular Wire of Net n1 & Pin of Cell u2  ( M3 )
    Bounds : ( 1368.100, 1832.000 ) ( 1374.100, 1844.000 )

      Total Violations : 580 Viols.

The kind is the rule in the first parentheses, as other readers of this format have it. ``Wire``, ``Via``, ``Pin`` and
the like ``of Net`` are nets, as is a bare ``Net NAME``; ``Pin of Cell`` and ``Blockage of Cell`` are not. Reports of
older releases have no rule: the kind is then the check. A report may have been cut by the tool's own limit of
violations (1000, where the command in the header gives none): its total is then the limit, which is a finding.
"""

from __future__ import annotations

import re

from placement_data.errors import InputError
from placement_data.reports.rows import DEFAULT_LIMIT, NUMBER, Reads, Rows
from placement_data.text import PathLike
from placement_data.violations import Violations

READS = Reads(
    "Innovus",
    "'# ... Innovus' or 'KIND: ( RULE ) SHAPES ( LAYER )' (Innovus)",
    "`verify_drc`, `check_drc`, `verifyGeometry`; the `Total Violations` trailer is checked",
    "`Net NAME`",
    counted="unknown nets and layers, exempt and waived violations, another design in the header, as many violations "
    "as the command's limit (1000 where it gives none)",
    refused="broken records, a wrong total, a header without a total",
)

_COMMENTS = re.compile(r"(?:[^\S\n]*+(?:#[^\n]*+)?\n)*+[^\S\n]*+")
_OTHER = re.compile(r"(?:verify|check)_?(?:connectivity|process_?antenna)", re.IGNORECASE)
_WRITER = re.compile(r"Innovus|Encounter|verify_?drc|check_drc|verify_?geometry", re.IGNORECASE)
_START = re.compile(r"(?!Bounds\b)[A-Za-z][\w.-]*+[ \t]*+:[ \t]*+(?:\(|(?:[A-Z][A-Za-z]*+ ){1,4}+of (?:Net|Cell) )")
_RECORD = re.compile(r"([\w.-]+) ?: ?(?:\(((?:[^()]|\([^()]*+\))*+)\))?+(.*)")
_DESIGN = re.compile(r"#[ \t]*+Design[ \t]*+:[ \t]*+(\S++)", re.IGNORECASE)
_COMMAND = re.compile(r"#[ \t]*+Command[ \t]*+:([^\n]*+(?:\n[ \t]*+#(?![ \t]*+[A-Z][\w ]*+:)[^\n]*+)*+)", re.IGNORECASE)
_LIMIT = re.compile(rf"-(?:limit|error)[ \t\n#\\]++({NUMBER})(?!\S)", re.IGNORECASE)
_WAIVED = re.compile(r"[ \t]*+[(\[]?(?:exempt(?:ed)?|waived)[)\]]?[ \t]*+\Z", re.IGNORECASE)
_STATUS = re.compile(
    r"(?:status|exempt|waived)[ \t]*+:[ \t]*+(?:(exempt(?:ed)?|waived|yes|true|1)\b)?.*", re.IGNORECASE
)
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
    if _OTHER.search(text, 0, end):
        return False
    return bool(_WRITER.search(text, 0, end) or any(p.match(text, end) for p in (_START, _CLEAN, _TOTAL)))


def parse(text: str, path: PathLike) -> Violations:
    """The report's violations, microns. Raises ``InputError`` with the line of a broken record or a wrong total."""
    reader = _Reader(text, path)
    read_line = reader.line
    for line, row in enumerate(text.split("\n"), start=1):
        row = row.strip()
        if row and row[0] != "#":
            read_line(line, row)
    return reader.end(text)


class _Reader:
    def __init__(self, text: str, path: PathLike) -> None:
        self._path = path
        self._rows = Rows(path)
        self._head: list[str] = []  # lines of the record that is open, up to its bounds
        self._bounds = ""
        self._start = self._line = 0
        self._total: tuple[int, int] | None = None
        self._waived = 0
        self._last: tuple[str, str, tuple[str, ...], int, list[str]] | None = None  # a record that may yet be waived
        found = _COMMENTS.match(text)
        self._header = found[0] if found else ""
        lower = text.lower()
        self._may_waive = "exempt" in lower or "waived" in lower
        design = _DESIGN.search(self._header)
        self._rows.design = design[1] if design else ""

    def line(self, line: int, row: str) -> None:
        """Take the next line that is no comment."""
        self._line = line
        if not self._head:
            self._between(line, row)
        elif not self._bounds and not row.startswith("Bounds"):
            if _START.match(row) or _TOTAL.fullmatch(row) or len(self._head) == _MOST_LINES:
                raise _broken(self._path, line, row, _BOUNDS_FORM)
            self._head.append(row)
        else:
            self._bounds = f"{self._bounds} {row}".lstrip()
            if self._bounds.count(")") >= 2 or len(self._bounds) > _LONGEST_BOUNDS:
                self._close(line)

    def end(self, text: str) -> Violations:
        """The violations. Raises ``InputError`` where the file ends too early."""
        self._keep()
        line = text.count("\n") + 1
        if self._head:
            raise InputError("file ends inside a record", file=self._path, line=line, expected=_BOUNDS_FORM)
        if self._total is None and (not len(self._rows) or _WRITER.search(self._header)):
            expected = "'Total Violations : N Viols.' or 'No DRC violations were found'"
            where = "inside its violations" if len(self._rows) else "behind its first comments"
            raise InputError(f"file ends {where}", file=self._path, line=line, expected=expected)
        if self._total is not None and self._total[0] != len(self._rows) + self._waived:
            self._rows.require_count(*self._total)
        self._check_limit()
        return self._rows.violations()

    def _between(self, line: int, row: str) -> None:
        """A line outside the records."""
        if _START.match(row):
            self._head, self._bounds, self._start = [row], "", line
        elif self._may_waive and (status := _STATUS.fullmatch(row)):
            if self._last and status[1]:
                self._waive(self._last[0], self._last[3])
                self._last = None
        elif found := _TOTAL.fullmatch(row):
            self._total = int(found[1]), line
        elif _CLEAN.fullmatch(row):
            self._total = 0, line
        elif not _DETAIL.fullmatch(row):
            raise _broken(self._path, line, row, "'KIND: ( RULE ) SHAPES ( LAYER )'")

    def _close(self, line: int) -> None:
        """The record that ends on ``line``."""
        self._keep()
        bounds = full = self._bounds
        shapes = head = " ".join(self._head)
        if self._may_waive:
            bounds, shapes = _WAIVED.sub("", full), _WAIVED.sub("", head)
        box = _BOUNDS.fullmatch(bounds)
        if box is None:
            raise _broken(self._path, line, full, _BOUNDS_FORM)
        kind, layer, nets = _head(shapes, self._path, self._start)
        if bounds != full or shapes != head:
            self._waive(kind, line)
        elif self._may_waive:
            self._last = kind, layer, box.groups(), line, nets
        else:
            self._rows.add(kind, layer, box.groups(), line, nets)
        self._head = []

    def _keep(self) -> None:
        if self._last:
            self._rows.add(*self._last)
            self._last = None

    def _waive(self, kind: str, line: int) -> None:
        self._waived += 1
        self._rows.waived(line, kind)

    def _check_limit(self) -> None:
        command = _COMMAND.search(self._header)
        given = _LIMIT.search(command[1]) if command else None
        limit = int(float(given[1])) if given else DEFAULT_LIMIT
        written = len(self._rows) + self._waived
        if limit > 0 and (written >= limit if given else written == limit):
            self._rows.capped(limit, self._line)


def _head(text: str, path: PathLike, line: int) -> tuple[str, str, list[str]]:
    """Rule (or check), layer ("" where there is none) and nets of a record's first lines."""
    text = " ".join(text.split())
    found = _RECORD.fullmatch(text)
    if found is None or (found[2] is None and found[3].startswith("(")):
        raise _broken(path, line, text, "'KIND: ( RULE ) SHAPES ( LAYER )'")
    shapes, layer = found[3].rstrip(), ""
    if shapes.endswith(")") and (at := shapes.rfind(" (")) >= 0:
        shapes, layer = shapes[:at], shapes[at + 2 : -1].strip()
    named = (_NET.match(shape) for shape in shapes.split(" & "))
    return (found[2] or "").strip() or found[1], layer, [net[1] for net in named if net]


def _broken(path: PathLike, line: int, row: str, expected: str) -> InputError:
    return InputError("record is broken", file=path, line=line, found=row, expected=expected)
