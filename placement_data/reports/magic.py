"""Dumps of Magic's ``drc listall why``, as the scripts of OpenLane, LibreLane, open_pdks and Magic itself write them.

A title, a line of dashes, then for every rule its message and the boxes, in microns. OpenLane's scripts put lines of
dashes between message and boxes, ``um`` behind numbers, and the count of boxes last::

    RAM8
    ----------------------------------------
    P-diff distance to N-tap must be < 15.0um (LU.3)
    ----------------------------------------
     17.990um 21.995um 18.265um 22.995um
    ----------------------------------------
    [INFO]: COUNT: 1
    [INFO]: Should be divided by 3 or 4

``run_magic_drc`` of open_pdks puts none between them, and no count or that of Magic's error areas, which is another
number than that of the boxes::

    DRC errors for cell RAM8
    --------------------------------------------

    Metal2 spacing < 0.1um (met2.2)
    4.500 5.010 4.760 5.735

Magic's own ``drc_save_report`` has the title ``RAM8 12``. Magic lists one error as several boxes, which cannot be told
apart from several errors: every box is one violation here. Neither layers nor nets are named.
"""

from __future__ import annotations

import re

from placement_data.errors import InputError
from placement_data.reports.rows import NUMBER, Box, Reads, Rows
from placement_data.text import PathLike
from placement_data.violations import Violations

READS = Reads(
    "Magic",
    "a cell and a line of dashes (Magic)",
    "`drc listall why` as OpenLane, LibreLane, `run_magic_drc` of open_pdks and `drc_save_report` print it, in microns",
    "none; every box is a violation",
    counted="another cell in the title",
    refused="units other than um, nm and mm; a wrong `COUNT`; the raw Tcl list",
)

_START = re.compile(r"\s*+\S[^\n]*+\n\s*+-{8,}+[ \t\r]*+(?:\n|\Z)")
_RAW = re.compile(r"\s*+\{?[^\n{}]{1,400}+\}?[ \t]++\{\{[ \t]*+-?[0-9]++(?:[ \t]++-?[0-9]++){3}+[ \t]*+\}")
_TITLE = re.compile(
    r"DRC errors (?:for cell (\S+)|report for current cell)|(\S+?)(?:[ \t]++([0-9]{1,18}))?", re.IGNORECASE
)
_DASHES = re.compile(r"-{8,}+")
_VALUE = re.compile(rf"({NUMBER})([^\d\s.,]*+)")
_BOX = re.compile(r"[ \t]++".join([rf"({NUMBER})(?:um)?"] * 4))
_MICRONS = {"": 1.0, "um": 1.0, "µm": 1.0, "nm": 1e-3, "mm": 1e3}
_NOTE = re.compile(r"\[INFO\]:?+[ \t]*+(?:COUNT:[ \t]*+([0-9]{1,18})\b.*|(?!COUNT).*)", re.IGNORECASE)
_AREAS = re.compile(r"Total DRC errors (?:count|found)[ \t]*+:[ \t]*+([0-9]{1,18})", re.IGNORECASE)
_TAG = re.compile(r"\[DRC VIOLATION\]:[ \t]*+", re.IGNORECASE)


def recognises(text: str) -> bool:
    """True where the second line that is not blank is one of dashes, or for the list that Magic's command gives."""
    return _START.match(text) is not None or _RAW.match(text) is not None


def parse(text: str, path: PathLike) -> Violations:
    """The report's violations, microns. Raises ``InputError`` with the line of a broken box or a wrong count."""
    if not _START.match(text):
        expected = "a report of run_magic_drc or drc_save_report, which is in microns"
        raise InputError("boxes are in Magic's internal units", file=path, line=1, expected=expected)
    reader = _Reader(path)
    for line, row in enumerate(text.split("\n"), start=1):
        reader.line(line, row.strip())
    return reader.end()


class _Reader:
    def __init__(self, path: PathLike) -> None:
        self._path = path
        self._rows = Rows(path)
        self._rule: list[str] = []
        self._kind = ""
        self._before = 0  # rows before those of the rule
        self._dashes = 0
        self._closed = False  # dashes stand behind the rule: only boxes may follow
        self._is_whole = False  # a count or a title says that there may be no boxes
        self._line = 0

    def line(self, line: int, row: str) -> None:
        """Take the next line of the file."""
        self._line = line
        if not row:
            return
        if self._rule and (box := _BOX.fullmatch(row)):
            self._add(box.groups())
        elif not self._dashes and not _DASHES.fullmatch(row):
            self._title(row)
        elif _DASHES.fullmatch(row):
            self._separate()
        elif (note := _NOTE.fullmatch(row)) and (self._has_boxes() or not self._rule):
            self._count(note[1], exact=True)
        elif areas := _AREAS.fullmatch(row):
            self._count(areas[1], exact=False)
        elif all(_VALUE.match(word) for word in row.split()) or self._closed:
            self._box(row)
        else:
            if self._has_boxes():
                self._end_rule()
            self._rule.append(_TAG.sub("", row))
            self._kind = ""

    def end(self) -> Violations:
        """The violations. Raises ``InputError`` where the file ends too early."""
        if self._rule and not self._has_boxes():
            what = "file ends inside a rule"
            raise InputError(what, file=self._path, line=self._line, found=self._rule[0], expected="boxes")
        if not len(self._rows) and not self._is_whole:
            expected = "'[INFO]: COUNT: 0'"
            raise InputError("file ends behind its first lines", file=self._path, line=self._line, expected=expected)
        return self._rows.violations()

    def _title(self, row: str) -> None:
        title = _TITLE.fullmatch(row)
        if title is not None:
            self._rows.design = title[1] or title[2] or ""
            self._is_whole = title[2] is None or title[3] == "0"

    def _separate(self) -> None:
        self._dashes += 1
        if self._dashes > 1 and self._rule:
            if self._has_boxes():
                self._end_rule()
            else:
                self._closed = True

    def _end_rule(self) -> None:
        self._rule, self._closed, self._before = [], False, len(self._rows)

    def _has_boxes(self) -> bool:
        return len(self._rows) > self._before

    def _count(self, said: str | None, exact: bool) -> None:
        if said is None:
            return
        self._is_whole = True
        if exact or (int(said) == 0) != (len(self._rows) == 0):
            self._rows.require_count(int(said), self._line)

    def _box(self, row: str) -> None:
        values = [_VALUE.fullmatch(word) for word in row.split()]
        found = [value for value in values if value is not None]
        if len(values) != 4 or len(found) != 4 or not self._rule:
            expected = "4 numbers: X Y X Y (microns)" if self._rule else "a rule before its boxes"
            raise InputError("box is broken", file=self._path, line=self._line, found=row, expected=expected)
        units = [value[2].lower() for value in found]
        unknown = next((unit for unit in units if unit not in _MICRONS), None)
        if unknown is not None:
            expected = "um, nm, mm or none (microns)"
            raise InputError("unit is not known", file=self._path, line=self._line, found=unknown, expected=expected)
        box = [float(value[1]) * _MICRONS[unit] for value, unit in zip(found, units, strict=True)]
        self._add(box)

    def _add(self, box: Box) -> None:
        self._kind = self._kind or " ".join(self._rule)
        self._rows.add(self._kind, "", box, self._line)
