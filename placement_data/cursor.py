"""``Cursor``: walks over the tokens of a stretch of LEF or DEF, and says what is wrong with the next one."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from functools import lru_cache

from placement_data.errors import InputError
from placement_data.text import TOKEN, Source

LARGEST = 2**31 - 1
"""Coordinates are refused beyond this, as a 32-bit database refuses them; products of two of them fit in int64."""

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


class Cursor:
    """Walks over the tokens of a stretch of a source."""

    __slots__ = ("_offsets", "position", "references", "source", "span", "tokens", "where")

    def __init__(
        self, source: Source, start: int = 0, end: int | None = None, where: str = "inside a statement"
    ) -> None:
        self.source = source
        self.span = start, len(source.data) if end is None else end
        self.tokens = _split(source.data[slice(*self.span)])
        self.position = 0
        self.where = where
        self._offsets: list[int] = []
        self.references: dict[tuple[str, str], list[int]] = {}  # kind and name of what is meant, and where

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
        word = self.next(expected)
        while word == ";":
            word = self.next(expected)
        return word.upper()

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

    def block(self, kind: str, name: str, read: Callable[[str], None], outside: Container[str] = ()) -> None:
        """Have ``read`` read the statements of block ``kind``, each behind its word, and step behind ``END name``.

        The words of ``outside`` begin a block that is not in this one, which then was not closed. A block without a
        name is closed by END alone.
        """
        end = f"END {name}".rstrip()
        while (word := self.word(end)) != "END":
            start = self.position
            if word in outside:
                self.position -= 1
                self.source.findings.error("syntax", self.fail(f"{kind} {name} is not closed", expected=f"'{end}'"))
                return
            try:
                read(word)
            except InputError as error:
                self.recover(error, start)
        if name:
            self.close(name, f"{kind} is not closed by its own name")

    def close(self, name: str, what: str) -> None:
        """Step over ``name``, which must stand behind the END that has just been read, else ``what`` is wrong."""
        if self.peek() != name:
            self.source.findings.error("syntax", self.fail(what, expected=f"'{name}'"))
            if self.keyword() in ("", "END", "MACRO", "LAYER", "PIN"):  # the name itself is missing
                return
        self.position += 1

    def decimal(self, what: str) -> float:
        """The next token as a finite decimal number."""
        value = _number(self.peek())
        if value is None:
            raise self.fail(f"{what} is not a number", expected=f"a number of at most {LARGEST}")
        self.position += 1
        return value

    def decimals(self, count: int) -> list[float] | None:
        """The next ``count`` tokens as numbers, if that is what they are and a ``;`` ends them; else none is read."""
        end = self.position + count
        if self.tokens[end : end + 1] != [";"]:
            return None
        values = [value for token in self.tokens[self.position : end] if (value := _number(token)) is not None]
        if len(values) < count:
            return None
        self.position = end + 1
        return values

    def integer(self, what: str) -> int:
        """The next token as an integer; a decimal fraction, which some writers put, is rounded."""
        value = _number(self.peek())
        if value is None:
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
        what = f"word is not known {self.where}"
        self.source.findings.add("unknown-word", self.source.path, lambda: self.fail(what, at=at))

    def refer(self, kind: str, expected: str) -> str:
        """The next token as the name of a ``kind`` that is defined elsewhere; its place is kept in ``references``."""
        name = self.name(expected)
        key = kind, name
        if key in self.references:
            self.references[key].append(self.position - 1)
        else:
            self.references[key] = [self.position - 1]
        return name

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


@lru_cache(maxsize=1 << 16)
def _number(token: str) -> float | None:
    """A finite decimal number, None where ``token`` is none or beyond ``LARGEST``; the same ones come all the time."""
    if not _DECIMAL.fullmatch(token) or abs(value := float(token)) > LARGEST:
        return None
    return value


def _split(data: bytes) -> list[str]:
    """The tokens: text other than ASCII holds characters that ``str.split`` takes for blanks."""
    return data.decode().split() if data.isascii() else [token.decode() for token in data.split()]


def one_of(names: Sequence[str] | dict[str, int]) -> str:
    """``A, B or C``, for the part of an error that says what is allowed."""
    words = list(names)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
