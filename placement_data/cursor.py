"""``Cursor``: walks over the tokens of a stretch of LEF or DEF, and says what is wrong with the next one."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from placement_data.errors import InputError
from placement_data.text import TOKEN, Source

LARGEST = 2**31 - 1
"""Coordinates are refused beyond this, as a 32-bit database refuses them; products of two of them fit in int64."""

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


class Cursor:
    """Walks over the tokens of a stretch of a source."""

    __slots__ = ("_offsets", "position", "source", "span", "tokens", "where")

    def __init__(
        self, source: Source, start: int = 0, end: int | None = None, where: str = "inside a statement"
    ) -> None:
        self.source = source
        self.span = start, len(source.data) if end is None else end
        self.tokens = _split(source.data[slice(*self.span)])
        self.position = 0
        self.where = where
        self._offsets: list[int] = []

    def peek(self) -> str:
        """The next token, or an empty string at the end."""
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def next(self, expected: str) -> str:
        """The next token; the end is an error, where ``expected`` was wanted."""
        if self.position >= len(self.tokens):
            raise self.fail("", expected=expected)
        token = self.tokens[self.position]
        self.position += 1
        return token

    def keyword(self) -> str:
        """The next token in capitals, for one that is no name: the case of LEF's and DEF's own words does not count."""
        return self.peek().upper()

    def word(self, expected: str) -> str:
        """The word that a statement begins with, in capitals; a ``;`` too many before it is stepped over."""
        while self.peek() == ";":
            self.position += 1
        return self.next(expected).upper()

    def name(self, expected: str) -> str:
        """The next token, which must not be punctuation."""
        if self.peek() in ("", ";", "+", "(", ")"):
            raise self.fail("name is missing", expected=expected)
        return self.next(expected)

    def literal(self, token: str, what: str) -> None:
        """Step over ``token``, punctuation or a word in capitals, which must come next (in any case)."""
        if self.peek() != token and self.keyword() != token:
            raise self.fail(what, expected=f"'{token}'")
        self.position += 1

    def close(self, name: str, what: str) -> None:
        """Step over ``name``, which must stand behind the END that has just been read, else ``what`` is wrong."""
        if self.peek() != name:
            self.source.findings.error("syntax", self.fail(what, expected=f"'{name}'"))
            if self.keyword() in ("", "END", "MACRO", "LAYER", "PIN"):  # the name itself is missing
                return
        self.position += 1

    def decimal(self, what: str) -> float:
        """The next token as a finite decimal number."""
        token = self.peek()
        if not _DECIMAL.fullmatch(token) or abs(value := float(token)) > LARGEST:
            raise self.fail(f"{what} is not a number", expected=f"a number of at most {LARGEST}")
        self.position += 1
        return value

    def integer(self, what: str) -> int:
        """The next token as an integer; a decimal fraction, which some writers put, is rounded."""
        token = self.peek()
        if not _DECIMAL.fullmatch(token) or abs(value := float(token)) > LARGEST:
            raise self.fail(f"{what} is not a number", expected=f"a number from -{LARGEST} to {LARGEST}")
        self.position += 1
        return round(value)

    def count(self, what: str) -> int:
        """The next token as an integer that is not negative."""
        value = self.integer(what)
        if value < 0:
            raise self.fail(f"{what} is negative", expected="a number of at least 0", at=self.position - 1)
        return value

    def choice(self, what: str, table: dict[str, int]) -> int:
        """The code of the next token, whatever its case, in ``table``."""
        code = table.get(self.peek().upper())
        if code is None:
            raise self.fail(f"{what} is unknown", expected=one_of(table))
        self.position += 1
        return code

    def skip_statement(self) -> None:
        """Step behind the next ``;``, before which no END may stand."""
        try:
            end = self.tokens.index(";", self.position)
        except ValueError:
            raise self.source.cut_off(self.where, "';'") from None
        if "END" in self.tokens[self.position : end]:
            raise self.fail("statement is not ended", expected="';'", at=self.tokens.index("END", self.position))
        self.position = end + 1

    def step_over(self, word: str, known: Container[str], *, at: int | None = None) -> None:
        """Step behind the next ``;`` of the statement that begins with ``word``; it is a finding where not ``known``.

        ``word`` is token ``at``, the last one before the cursor where that is left out.
        """
        if word not in known:
            self.unknown(self.position - 1 if at is None else at)
        self.skip_statement()

    def unknown(self, at: int) -> None:
        """Note that token ``at`` is no word of LEF or DEF where it stands."""
        what = f"{self.where} stands a word that is not known there"
        self.source.findings.add("unknown-word", self.source.path, lambda: self.fail(what, at=at))

    def recover(self, error: InputError, start: int) -> None:
        """Raise ``error``; where findings are gathered, keep it and go behind the statement at token ``start``.

        That is behind the next ``;``, or before the next END, whichever comes first.
        """
        if self.position >= len(self.tokens):
            raise error
        self.source.findings.error("syntax", error)
        self.position = start
        while self.position < len(self.tokens) and self.keyword() != "END":
            self.position += 1
            if self.tokens[self.position - 1] == ";":
                return

    def offset(self, position: int) -> int:
        """Offset in the source of a token (of the end, where there is no such token)."""
        if not self._offsets:
            self._offsets = [found.start() for found in TOKEN.finditer(self.source.data, *self.span)]
        return self._offsets[position] if position < len(self._offsets) else self.span[1]

    def fail(self, what: str, *, expected: str | None = None, at: int | None = None) -> InputError:
        """The error at the next token (or at token ``at``): ``what`` is wrong there, or the text is at its end."""
        at = self.position if at is None else at
        if at >= len(self.tokens):
            return self.source.cut_off(self.where, expected or "more")
        return self.source.error(what, self.offset(at), found=self.tokens[at], expected=expected)


def _split(data: bytes) -> list[str]:
    """The tokens: text other than ASCII holds characters that ``str.split`` takes for blanks."""
    return data.decode().split() if data.isascii() else [token.decode() for token in data.split()]


def one_of(names: Sequence[str] | dict[str, int]) -> str:
    """``A, B or C``, for the part of an error that says what is allowed."""
    words = list(names)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
