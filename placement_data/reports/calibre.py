"""ASCII results databases of Calibre nmDRC (``DRC RESULTS DATABASE ... ASCII``); others call the format RVE or RDB.

The cell and its units per micron; then every check: its name, its numbers of results (now and originally) and of the
lines of text that follow them, and the results, polygons (``p``) or sets of edges (``e``), in database units::

    topcell 1000
    metal_1_spacing
    1 1 1 Jan 7 10:29:32 2009
    Metal spacing check
    p 1 4
    CN cellA c 1 0 0 1 5000 0
    NET n1
    0 0
    100 0
    100 50
    0 50

Lines that begin with a letter may stand between a result's first line and its coordinates. Of these, ``CN CELL c`` says
that this result and those behind it in the check are in the coordinates of a cell, and gives a placement of it in the
top cell (the matrix by columns, then the offset); without the ``c`` they are in those of the top cell. ``NET NAME``
names nets, and ``WAIVED`` (or ``WE`` and a number, of a waiver) says that somebody has waived the result. A kind is the
name of the check; layers are not named. A check that originally had more results has lost those that were waived.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from placement_data.errors import InputError
from placement_data.reports.rows import DEFAULT_LIMIT, NUMBER, Reads, Rows, hull
from placement_data.text import PathLike
from placement_data.violations import Violations

READS = Reads(
    "Calibre",
    "'CELL UNITS' and 'CHECK' and 'RESULTS RESULTS LINES DATE' (Calibre)",
    "ASCII results databases (RVE, RDB); counts are checked, `CN` transformations applied",
    "property lines `NET name`",
    counted="unknown nets, waived results, another top cell, checks of 1000 results (or as `MAXIMUM RESULTS` says)",
    refused="broken results, a wrong count",
)

_SKIPPED = r"(?:(?://[^\n]*+|[^\S\n]*+)\n)*+"
_FIRST = rf"[ \t]*+(\S++)[ \t]++({NUMBER})[ \t\r]*+"
_COUNTS = r"[ \t]*+([0-9]{1,18})[ \t]++([0-9]{1,18})[ \t]++([0-9]{1,18})(?:[ \t\r][^\n]*+)?"
_START = re.compile(rf"{_SKIPPED}{_FIRST}(?:\s*+\Z|\n{_SKIPPED}[^\n]*+\n{_SKIPPED}{_COUNTS}(?:\n|\Z))")
_FIRST_LINE = re.compile(_FIRST)
_COUNTS_LINE = re.compile(_COUNTS)
# The line that the converter of OpenLane writes for every check, however many results it has.
_PLACEHOLDER = re.compile(r"500 500 2 Nov 29 03:26:39 2020\s*")
_RESULT = re.compile(r"[ \t]*+([pePE])[ \t]++[0-9]{1,18}[ \t]++([0-9]{1,18})[ \t\r]*+")
_PROPERTY = re.compile(r"[ \t]*+[A-Za-z]")
_POINT = rf"[ \t]*+{NUMBER}[ \t]++{NUMBER}[ \t\r]*+"
_EDGE = rf"[ \t]*+{NUMBER}[ \t]++{NUMBER}[ \t]++{NUMBER}[ \t]++{NUMBER}[ \t\r]*+"
_SHAPES = {
    "p": (re.compile(_POINT), re.compile(rf"(?:{_POINT}\n)++"), "X Y"),
    "e": (re.compile(_EDGE), re.compile(rf"(?:{_EDGE}\n)++"), "X Y X Y"),
}
_LIMIT = re.compile(r"MAXIMUM RESULTS[ \t:=]++([0-9]{1,18})\b")
_WAIVER = re.compile(r"WAIVED?|WE[0-9]*", re.IGNORECASE)
_MATRIX = re.compile(rf"{NUMBER}(?: {NUMBER}){{5}}")

Matrix = Sequence[float]  # a, b, c, d, dx, dy: x' = a x + c y + dx, y' = b x + d y + dy


def recognises(text: str) -> bool:
    """True where the first line and the third are as above; also for a first line alone, a database without checks."""
    return _START.match(text) is not None


def parse(text: str, path: PathLike) -> Violations:
    """The report's violations, microns. Raises ``InputError`` with the line of a broken or missing result."""
    return _Reader(text, path).read()


class _Reader:
    def __init__(self, text: str, path: PathLike) -> None:
        self._path = path
        self._rows = Rows(path)
        self._lines = text.split("\n")
        while self._lines and not self._lines[-1].strip():
            self._lines.pop()
        said = _LIMIT.search(text)
        self._limit = int(said[1]) if said else DEFAULT_LIMIT
        self._at = 0
        self._matrix: Matrix | None = None  # of the cell that results are in
        self._placements: dict[str, Matrix | None] = {}
        self._top = ""

    def read(self) -> Violations:
        self._top, units = self._match(_FIRST_LINE, "'CELL UNITS'").groups()
        if not 0 < float(units) <= 1e9:
            raise self._broken("database units per micron, above 0")
        self._scale = float(units)
        self._rows.design = self._top.removeprefix("$")
        while self._skip():
            self._check()
        return self._rows.violations()

    def _check(self) -> None:
        name = self._next("the name of a check").strip()
        counts = self._match(_COUNTS_LINE, "'RESULTS RESULTS LINES DATE'")
        is_placeholder = _PLACEHOLDER.fullmatch(counts[0])
        count = int(counts[1])
        if not is_placeholder:
            if count == self._limit:
                self._rows.capped(count, self._at, f"check {name}")
            else:
                self._rows.waived(self._at, name, max(int(counts[2]) - count, 0))
        self._at += int(counts[3])
        self._matrix = None
        done = 0
        while done < count:
            if is_placeholder and not (self._skip() and _RESULT.fullmatch(self._lines[self._at])):
                break
            self._result(name, f"result {done + 1} of {count} of check {name}")
            done += 1

    def _result(self, check: str, which: str) -> None:
        found = self._match(_RESULT, f"'p N VERTICES' or 'e N EDGES' ({which})")
        line = self._at
        nets: list[str] = []
        is_waived = False
        while self._at < len(self._lines) and _PROPERTY.match(self._lines[self._at]):
            word, _, values = self._lines[self._at].strip().partition(" ")
            self._at += 1
            if word in ("CN", "cn"):
                if values not in self._placements:
                    self._placements[values] = self._placement(values.split())
                self._matrix = self._placements[values]
            elif word in ("NET", "net"):
                nets += values.split()
            elif _WAIVER.fullmatch(word):
                is_waived = True
        points = self._points(found[1].lower(), int(found[2]))
        if is_waived:
            self._rows.waived(line, check)
            return
        if self._matrix:
            a, b, c, d, dx, dy = self._matrix
            pairs = zip(points[::2], points[1::2], strict=True)
            points = [value for x, y in pairs for value in (a * x + c * y + dx, b * x + d * y + dy)]
        scale = self._scale
        self._rows.add(check, "", [value / scale for value in hull(points)], line, nets)

    def _points(self, shape: str, count: int) -> list[float]:
        """Coordinates x, y, ... of the ``count`` lines that follow."""
        one, many, form = _SHAPES[shape]
        rows = self._lines[self._at : self._at + count]
        text = "\n".join(rows) + "\n"
        if len(rows) < count or not many.fullmatch(text):
            for row in rows:
                self._at += 1
                if not one.fullmatch(row):
                    raise self._broken(f"numbers: {form}")
            self._next(f"{count} lines of numbers: {form}")
            raise self._broken("a result of at least one line")
        self._at += count
        return list(map(float, text.split()))

    def _placement(self, values: list[str]) -> Matrix | None:
        """The matrix of ``CN``; none for coordinates of the top cell."""
        if len(values) < 2 or values[1] not in ("c", "C") or values[:1] == [self._top]:
            return None
        numbers = " ".join(values[2:])
        if not _MATRIX.fullmatch(numbers):
            raise self._broken("'CN CELL c' with 6 numbers, the placement of the cell")
        return [float(number) for number in numbers.split()]

    def _skip(self) -> bool:
        """Step over comments and blank lines; false at the end."""
        while self._at < len(self._lines):
            row = self._lines[self._at]
            if row.strip() and not row.startswith("//"):
                return True
            self._at += 1
        return False

    def _next(self, expected: str) -> str:
        """The next line that is no comment."""
        if not self._skip():
            raise InputError("file ends inside a check", file=self._path, line=len(self._lines), expected=expected)
        self._at += 1
        return self._lines[self._at - 1]

    def _match(self, form: re.Pattern[str], expected: str) -> re.Match[str]:
        found = form.fullmatch(self._next(expected))
        if found is None:
            raise self._broken(expected)
        return found

    def _broken(self, expected: str) -> InputError:
        """The error at the line read last."""
        found = self._lines[self._at - 1].strip()
        return InputError("record is broken", file=self._path, line=self._at, found=found, expected=expected)
