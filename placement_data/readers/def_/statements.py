"""Many statements of a DEF section at once: their tokens, and the options ``+ WORD ...`` of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from placement_data.cursor import Cursor
from placement_data.readers.def_.tokens import Keys, Mask, Tokens, keys_of
from placement_data.text import Source

Indices = NDArray[np.int64]

DASH, PLUS, END, OPEN, CLOSE = (ord(mark) for mark in "-+;()")
LONGEST_TOKEN = 1 << 16
"""Longest word in bytes: names of components and nets are compared eight bytes at a time."""

_PUNCTUATION = np.zeros(256, dtype=bool)
_PUNCTUATION[[PLUS, END, OPEN, CLOSE]] = True


class Statements:
    """The statements of a stretch of a section, a row each, and their options, all of them in order.

    ``begin`` is the token of a statement's dash and ``end`` that of its ``;``. ``option_row`` is the statement that an
    option belongs to, ``option`` the token of its ``+``, ``option_end`` that behind it and ``option_key`` the key of
    its word. ``odd`` marks statements that the caller has to read one by one.
    """

    def __init__(self, part: Source, name: str) -> None:
        self.part = part
        self._where = f"inside {name}"
        self.tokens = Tokens(part.data)
        too_long = np.flatnonzero(self.tokens.length > LONGEST_TOKEN)
        if too_long.size:
            at = int(self.tokens.offset(too_long[:1])[0])
            raise part.error("word is too long", at, found=part.token(at)[0], expected=f"at most {LONGEST_TOKEN} bytes")
        mark = self.tokens.mark
        self.end = np.flatnonzero(mark == END)
        self.begin = np.concatenate([np.zeros(1, dtype=np.int64), self.end + 1])
        left_over = len(mark) - self.begin[-1]
        self.begin = self.begin[:-1]
        self.regular = not left_over and bool((mark[self.begin] == DASH).all())
        self.option = np.flatnonzero(mark == PLUS)
        self.option_row = np.searchsorted(self.end, self.option)
        self.odd: Mask = np.zeros(len(self.end), dtype=bool)
        if not self.regular or not len(self.end):
            return
        after = np.concatenate([self.option[1:], np.full(1, len(mark))])
        self.option_end = np.minimum(after, self.end[self.option_row])
        self.option_key: Keys = self.tokens.key(self.option + 1)

    def __len__(self) -> int:
        return len(self.end)

    def names(self, place: int) -> Indices:
        """Token ``place`` of each statement, which must be a name: the statement is odd where it is none."""
        at: Indices = np.minimum(self.begin + place, self.end)
        self.odd |= _PUNCTUATION[self.tokens.mark[at]]
        return at

    def first_option(self) -> Indices:
        """Token of the first option of each statement, or else its end."""
        first = self.end.copy()
        first[self.option_row[::-1]] = self.option[::-1]
        return first

    def take(self, word: str, size: int | None = None) -> tuple[Indices, Indices]:
        """Statement and token of each option ``+ word``; the statement is odd where it has not ``size`` tokens."""
        found = np.flatnonzero(self.option_key == keys_of([word])[0])
        if size is not None:
            self.suspect(self.option_row[found], self.option_end[found] - self.option[found] != size)
        return self.option_row[found], self.option[found]

    def suspect(self, rows: Indices, wrong: Mask) -> None:
        """Mark the statements ``rows`` as odd where ``wrong``."""
        self.odd[rows[wrong]] = True

    def expect(self, rows: Indices, at: Indices, mark: int) -> None:
        """Mark the statements ``rows`` as odd where token ``at`` is not ``mark``."""
        self.suspect(rows, self.tokens.mark[at] != mark)

    def integers(self, rows: Indices, at: Indices) -> Indices:
        """Values of the tokens ``at``; the statements ``rows`` are odd where they are no plain integers."""
        values, whole = self.tokens.integer(at)
        self.suspect(rows, ~whole)
        return values

    def cursor(self, row: int) -> Cursor:
        """Statement ``row``, with the cursor behind its dash."""
        begin, end = self.tokens.offset(np.array([self.begin[row], self.end[row]])).tolist()
        cursor = Cursor(self.part, begin, end + 1, self._where)
        cursor.position = 1
        return cursor
