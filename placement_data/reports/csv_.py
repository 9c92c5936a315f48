"""Boxes as comma-separated values, for tools without a reader of their own.

The first line names the columns, in any order and case: the corners ``x0,y0,x1,y1`` in microns (or ``llx,lly,urx,ury``,
``xmin,ymin,xmax,ymax``, ``xl,yl,xh,yh``), and, as there are, ``kind`` (or ``type``), ``layer`` and ``nets`` (or
``net``), separated by blanks or semicolons, and ``waived`` (``true``, ``yes`` or ``1`` where it is none any more).
Other columns and lines that begin with ``#`` are passed over::

    kind,layer,x0,y0,x1,y1,nets
    Short,metal2,39.58,44.1,39.65,44.135,n1;n2
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from placement_data.errors import InputError
from placement_data.reports.rows import NUMBER, Reads, Rows
from placement_data.text import PathLike
from placement_data.violations import Violations

READS = Reads(
    "CSV",
    "'x0,y0,x1,y1' among the columns (CSV)",
    "`x0,y0,x1,y1` in microns (or `llx..`, `xmin..`, `xl..`), optional `type`, `layer`, `waived`",
    "column `nets`, separated by blanks or `;`",
    counted="unknown nets and layers, waived rows",
    refused="rows of another width, coordinates that are no numbers",
)

_COLUMNS = {
    "x0": ("x0", "llx", "xmin", "xl"),
    "y0": ("y0", "lly", "ymin", "yl"),
    "x1": ("x1", "urx", "xmax", "xh"),
    "y1": ("y1", "ury", "ymax", "yh"),
    "kind": ("kind", "type"),
    "layer": ("layer",),
    "nets": ("nets", "net"),
    "waived": ("waived", "exempt"),
}
_NAME_OF = {alias: name for name, aliases in _COLUMNS.items() for alias in aliases}
_CORNERS = ("x0", "y0", "x1", "y1")
_HEAD = re.compile(r"(?:[^\S\n]*+(?:#[^\n]*+)?\n)*+([^\n]*+)")
_NUMBER = re.compile(rf"[ \t]*+({NUMBER})[ \t\r]*+")
_SEPARATOR = re.compile(r"[\s;]+")


def recognises(text: str) -> bool:
    """True where the first line that is neither blank nor a comment names the four corners."""
    found = _HEAD.match(text)
    return found is not None and set(_CORNERS) <= {_name(cell.strip('"')) for cell in found[1].split(",")}


def parse(text: str, path: PathLike) -> Violations:
    """The file's violations, microns. Raises ``InputError`` with the line of a broken row."""
    rows = Rows(path)
    lines = _lines(text, path)
    line, first = next(lines, (1, []))
    column = _columns(line, first, path)
    width = column.pop("")
    corners = [column.pop(name) for name in _CORNERS]
    kind, layer, nets, waived = (column.get(name) for name in ("kind", "layer", "nets", "waived"))
    for line, row in lines:
        if len(row) != width:
            expected = f"{width} values, as the first line has"
            raise InputError("row is broken", file=path, line=line, found=",".join(row), expected=expected)
        if waived is not None and row[waived].strip().lower() in ("true", "yes", "1"):
            rows.waived(line, "" if kind is None else row[kind].strip())
            continue
        box = [found[1] if (found := _NUMBER.fullmatch(row[i])) else _refuse(row[i], path, line) for i in corners]
        rows.add(
            "" if kind is None else row[kind].strip(),
            "" if layer is None else row[layer].strip(),
            box,
            line,
            () if nets is None else filter(None, _SEPARATOR.split(row[nets])),
        )
    return rows.violations()


def _lines(text: str, path: PathLike) -> Iterator[tuple[int, list[str]]]:
    """The rows that are neither blank nor a comment, each with the line that it ends on."""
    reader = csv.reader((row + "\n" for row in text.split("\n")), strict=True)
    try:
        for row in reader:
            if row and not row[0].lstrip().startswith("#") and (len(row) > 1 or row[0].strip()):
                yield reader.line_num, row
    except csv.Error as error:
        raise InputError(f"row is broken ({error})", file=path, line=reader.line_num) from error


def _name(cell: str) -> str:
    return _NAME_OF.get(cell.strip().lower(), "")


def _columns(line: int, row: list[str], path: PathLike) -> dict[str, int]:
    """Where each known column stands; the width under ""."""
    column: dict[str, int] = {}
    for i, cell in enumerate(row):
        name = _name(cell)
        if name and name in column:
            raise InputError("column is there twice", file=path, line=line, found=cell, expected=f"one of {name}")
        column[name] = i
    missing = [corner for corner in _CORNERS if corner not in column]
    if missing:
        raise InputError(f"column {missing[0]} is missing", file=path, line=line, expected=", ".join(_CORNERS))
    return column | {"": len(row)}


def _refuse(cell: str, path: PathLike, line: int) -> str:
    raise InputError("coordinate is not a number", file=path, line=line, found=cell, expected="microns")
