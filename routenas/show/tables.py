"""Tables of text that are never wider than where they are shown."""

from __future__ import annotations

import re
import shutil
from collections.abc import Container, Iterator, Sequence

NARROWEST = 20
_GAP = "  "
_HEADING, _LIST = 10, 12
"""Widths below which headings and lists are not folded."""

Cells = list[list[str]]
"""The lines of each cell of a row."""


def text_width() -> int:
    """Columns of the terminal (of ``$COLUMNS`` where it is set), 80 without one."""
    return max(NARROWEST, shutil.get_terminal_size((80, 24)).columns)


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Padded columns, the first and lists to the left, all others to the right, at most ``width`` characters wide.

    Where a table is wider its headings are folded, then its lists, and then it goes on below itself, with the first
    column again; a single cell that is too wide is cut into several lines.
    """
    width = width or text_width()
    limits = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    if _total(limits) > width:
        limits = [
            max([min(len(head), _HEADING), *map(len, re.split(r"(?<=[ _])", head)), *map(len, cells)])
            for head, *cells in zip(header, *rows, strict=True)
        ]
    lists = {column for column, cells in enumerate(zip(*rows, strict=True)) if any(", " in cell for cell in cells)}
    for column in lists:
        limits[column] = min(limits[column], max(_LIST, limits[column] - (_total(limits) - width)))
    limits[0] = min(limits[0], max(width // 2, width - len(_GAP) - max(limits[1:], default=0)))
    limits[1:] = [min(limit, width - limits[0] - len(_GAP)) for limit in limits[1:]]
    table = [[fold(cell, limit) for cell, limit in zip(row, limits, strict=True)] for row in (header, *rows)]
    limits = [max(len(line) for row in table for line in row[column]) for column in range(len(limits))]
    return "\n\n".join(_block(table, limits, part, {0, *lists}) for part in _parts(limits, width))


def fold(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` characters, broken behind blanks, a long word behind "/" and "_"."""
    pieces = re.split(r"(?<=[ ,])", text)
    lines = [""]
    for piece in (part for each in pieces for part in (re.split(r"(?<=[/_])", each) if len(each) > width else [each])):
        while len((lines[-1] + piece).rstrip()) > width:
            if lines[-1]:
                lines.append("")
            else:
                lines[-1:], piece = [piece[:width], ""], piece[width:]
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _total(limits: Sequence[int]) -> int:
    return sum(limits) + len(_GAP) * (len(limits) - 1)


def _parts(limits: Sequence[int], width: int) -> Iterator[list[int]]:
    """The columns that stand beside each other, the first of all before them."""
    part = [0]
    for column in range(1, len(limits)):
        if len(part) > 1 and _total([limits[each] for each in (*part, column)]) > width:
            yield part
            part = [0]
        part.append(column)
    yield part


def _block(table: Sequence[Cells], limits: Sequence[int], part: Sequence[int], left: Container[int]) -> str:
    ruled = [table[0], [["-" * limit] for limit in limits], *table[1:]]
    lines = []
    for number, row in enumerate(ruled):
        height = max(len(row[column]) for column in part)
        for line in range(height):
            words = []
            for column in part:
                # Headings stand on the rule, everything else hangs from the first line.
                place = line - (height - len(row[column]) if number == 0 else 0)
                word = row[column][place] if 0 <= place < len(row[column]) else ""
                words.append(word.ljust(limits[column]) if column in left else word.rjust(limits[column]))
            lines.append(_GAP.join(words).rstrip())
    return "\n".join(lines)
