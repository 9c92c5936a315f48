"""Lines and words of Bookshelf files, found for a whole block of a file at once.

Only the words are Python objects, and only those of one block at a time: a file of millions of lines is never held as
words. A ``:`` at a word's border sets words apart and is no word; a ``#`` that begins a word begins a comment.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placement_data.cursor import LARGEST
from placement_data.design import Floats, Ints
from placement_data.errors import InputError
from placement_data.text import PathLike, load_text

BLOCK = 1 << 22
"""Bytes of a file that are taken apart at one time."""

_NEWLINE, _HASH, _COLON, _SPACE = b"\n#: "
_IS_BLANK = np.isin(np.arange(256), list(b" \t\n\r\v\f"))
_GLUED = re.compile(rb"^([ \t]*(?:Num[A-Za-z]+|NetDegree)):", re.MULTILINE)


@dataclass(frozen=True)
class Lines:
    """The lines of a stretch of a file that hold a word: line ``i`` has ``words[first[i]:first[i] + size[i]]``."""

    path: PathLike
    words: NDArray[np.object_]  # bytes
    first: Ints
    size: Ints
    number: Ints  # line number in the file, from 1

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, part: slice) -> Lines:
        return Lines(self.path, self.words, self.first[part], self.size[part], self.number[part])

    def row(self, row: int) -> list[str]:
        """The words of one line."""
        first = int(self.first[row])
        return [word.decode() for word in self.words[first : first + int(self.size[row])]]

    def column(self, column: int, rows: Ints | None = None) -> list[bytes]:
        """Word ``column`` of the lines ``rows`` (of all), which must have that many."""
        words: list[bytes] = self.words[(self.first if rows is None else self.first[rows]) + column].tolist()
        return words

    def numbers(self, column: int, what: str, rows: Ints | None = None) -> Floats:
        """``column`` as finite numbers. Raises ``InputError`` at the first line where it is none."""
        words = self.words[(self.first if rows is None else self.first[rows]) + column]
        try:
            values: Floats = words.astype(np.float64)
        except ValueError:
            values = np.array([_number(word) for word in words])
        wrong = np.flatnonzero(~(np.abs(values) <= LARGEST))
        if wrong.size:
            row = int(wrong[0])
            raise self.error(
                row if rows is None else int(rows[row]),
                f"{what} is not a number",
                found=words[row],
                expected=f"a number from -{LARGEST} to {LARGEST}",
            )
        return values

    def error(self, row: int, what: str, *, found: bytes | None = None, expected: str | None = None) -> InputError:
        """The error at a line."""
        text = None if found is None else found.decode()
        return InputError(what, file=self.path, line=int(self.number[row]), found=text, expected=expected)


@dataclass
class Head:
    """The counts that a file begins with, by keyword, and their line numbers."""

    path: PathLike
    counts: dict[str, tuple[int, int]]

    def check(self, keyword: str, found: int, *also: int) -> None:
        """Raise ``InputError`` where the count of ``keyword`` is given and is neither ``found`` nor one of ``also``."""
        count, line = self.counts.get(keyword, (found, 0))
        if count not in (found, *also):
            what = f"{keyword} is not what the file holds"
            raise InputError(what, file=self.path, line=line, found=str(count), expected=str(found))


def read_blocks(path: PathLike, kind: str, keywords: Collection[str] = ()) -> tuple[Head, Iterator[Lines]]:
    """The head of a file (``UCLA kind 1.0`` and its counts) and the lines behind it, block by block.

    ``keywords`` are those of counts. Raises ``InputError`` for a file that cannot be read, is empty or of another kind.
    """
    blocks = _blocks(path)
    lines = next(blocks, None)
    if lines is None:
        raise InputError("file is empty", file=path, expected=f"a Bookshelf .{kind} file")
    known = {keyword.lower(): keyword for keyword in keywords}
    head, row = Head(path, {}), 0
    while row < len(lines):
        first, *rest = lines.row(row)
        if first.lower() == "ucla" or (first.lower() == kind and len(rest) == 1):
            if [word.lower() for word in (first, *rest)][-2:-1] != [kind]:
                found = b" ".join(word.encode() for word in (first, *rest))
                raise lines.error(row, f"not a .{kind} file", found=found, expected=f"UCLA {kind} 1.0")
        elif (keyword := known.get(first.lower())) is not None:
            head.counts[keyword] = _count(lines, row, keyword), int(lines.number[row])
        else:
            break
        row += 1
    return head, _chain(lines[row:], blocks)


def read_rows(path: PathLike, kind: str, keywords: Collection[str] = ()) -> tuple[Head, list[tuple[int, list[str]]]]:
    """As ``read_blocks``, with each line as its number and its words: for the small files."""
    head, blocks = read_blocks(path, kind, keywords)
    return head, [(int(lines.number[row]), lines.row(row)) for lines in blocks for row in range(len(lines))]


def texts(words: list[bytes]) -> list[str]:
    """The words as text; quicker than one by one."""
    return b"\n".join(words).decode().split("\n") if words else []


def number(words: list[str], column: int, what: str, path: PathLike, line: int) -> float:
    """One word as a finite number. Raises ``InputError`` where it is none or missing."""
    word = words[column] if column < len(words) else ""
    value = _number(word.encode())
    if not abs(value) <= LARGEST:
        raise InputError(f"{what} is not a number", file=path, line=line, found=word, expected="a number")
    return value


def whole(words: list[str], column: int, what: str, path: PathLike, line: int) -> int:
    """One word as a whole number that is not negative. Raises ``InputError`` where it is none or missing."""
    value = number(words, column, what, path, line)
    if value < 0 or value != int(value):
        expected = "a whole number of at least 0"
        raise InputError(f"{what} is no count", file=path, line=line, found=words[column], expected=expected)
    return int(value)


def _count(lines: Lines, row: int, keyword: str) -> int:
    return whole(lines.row(row), 1, keyword, lines.path, int(lines.number[row]))


def _number(word: bytes) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def _chain(first: Lines, rest: Iterator[Lines]) -> Iterator[Lines]:
    yield first
    yield from rest


def _blocks(path: PathLike) -> Iterator[Lines]:
    """The lines of a file, block by block; blocks without a word are left out."""
    data = load_text(path).encode()
    start, line = 0, 1
    while start < len(data):
        stop = data.find(b"\n", start + BLOCK) + 1 or len(data)
        lines = _lines(path, data[start:stop], line)
        if len(lines):
            yield lines
        line += data.count(b"\n", start, stop)
        start = stop


def _lines(path: PathLike, data: bytes, line: int) -> Lines:
    # A newline on either side gives each byte two neighbours, and line 1 a newline before it.
    buffer = np.frombuffer(b"\n" + data + b"\n", dtype=np.uint8).copy()
    blank = _IS_BLANK[buffer]
    colon = np.flatnonzero(buffer == _COLON)
    apart = blank[colon - 1] | blank[colon + 1]
    if not apart.all() and (opened := _GLUED.sub(rb"\1 ", data)) != data:
        return _lines(path, opened, line)
    buffer[colon[apart]] = _SPACE
    blank[colon[apart]] = True
    begin = np.flatnonzero(blank[:-1] & ~blank[1:]) + 1
    words = np.array(buffer.tobytes().split(), dtype=object)
    first = np.searchsorted(begin, np.flatnonzero(buffer == _NEWLINE))
    size = np.diff(first, append=len(words))
    comment = np.flatnonzero(buffer[begin] == _HASH)[::-1]
    row = np.searchsorted(first, comment, side="right") - 1
    size[row] = comment - first[row]  # of several in a line the first one counts, which comes last here
    kept = np.flatnonzero(size > 0)
    return Lines(path, words, first[kept], size[kept], kept + line)
