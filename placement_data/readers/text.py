"""Text of LEF, DEF and report files: loading (plain or gzip), comments and strings masked, tokens with line numbers.

Line numbers are worked out only when an error needs one: reading a good file never counts lines.
"""

from __future__ import annotations

import gzip
import os
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from placement_data.errors import InputError

PathLike = str | os.PathLike[str]

# Coordinates are refused beyond this, as a 32-bit database refuses them; products of two of them then fit in int64.
LARGEST = 2**31 - 1

_GZIP_MAGIC = b"\x1f\x8b"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_IN_STRING = re.compile(r"[\s;]")
_TOKEN = re.compile(r"\S+")
_GLUED_END = re.compile(r"(?<=[^\s\\]);(?!\S)")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


def load_text(path: PathLike) -> str:
    """The text of a file, unpacked where its first two bytes are gzip's. UTF-8, or else Latin-1.

    Raises ``InputError`` for a file that cannot be read, a damaged gzip file and a file that is not text.
    """
    try:
        with open(path, "rb") as stream:
            data = stream.read()
        if data.startswith(_GZIP_MAGIC):
            data = gzip.decompress(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"gzip file is damaged or cut off ({error})", file=path) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise InputError(f"cannot be read ({getattr(error, 'strerror', None) or error})", file=path) from error
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise InputError("not a text file: it holds a NUL byte", file=path, line=line)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def mask(text: str, path: PathLike) -> str:
    """``text`` without comments, with strings as single tokens and with ``;`` set apart. Newlines stay in number.

    A ``#`` or ``"`` counts only where a token begins, so that names may hold them.
    """
    parts: list[str] = []
    done = 0
    comment, string = text.find("#"), text.find('"')
    while comment >= 0 or string >= 0:
        is_comment = string < 0 or 0 <= comment < string
        start = end = comment if is_comment else string
        if start == 0 or text[start - 1].isspace():
            parts.append(text[done:start])
            if is_comment:
                end = text.find("\n", start)
                end = len(text) if end < 0 else end
            else:
                end = _string_end(text, start, path)
                parts += _IN_STRING.sub("_", text[start:end]), " ", "\n" * text.count("\n", start, end)
            done = end
        end = max(end, start + 1)
        comment = text.find("#", end) if 0 <= comment < end else comment
        string = text.find('"', end) if 0 <= string < end else string
    masked = "".join(parts) + text[done:] if parts else text
    ends = masked.count(";")
    if ends != masked.count(" ;") + masked.count("\n;"):
        masked = _GLUED_END.sub(" ;", masked)
    return masked


def _string_end(text: str, start: int, path: PathLike) -> int:
    found = _STRING.match(text, start)
    if found is None:
        raise InputError("string is not closed", file=path, line=text.count("\n", 0, start) + 1, expected="'\"'")
    return found.end()


@dataclass(frozen=True)
class Source:
    """A file's masked text, with what errors need to point into it."""

    path: PathLike
    text: str

    def line(self, offset: int) -> int:
        """Line number, from 1, of a character."""
        return self.text.count("\n", 0, offset) + 1

    def error(self, what: str, offset: int, *, found: object = None, expected: str | None = None) -> InputError:
        """The error that names this file and the line of ``offset``."""
        return InputError(what, file=self.path, line=self.line(offset), found=found, expected=expected)

    def token(self, offset: int) -> tuple[str, int]:
        """The next token at or behind ``offset`` and its own offset; ``("", len(text))`` at the end."""
        found = _TOKEN.search(self.text, offset)
        return ("", len(self.text)) if found is None else (found[0], found.start())

    def last_line(self) -> int:
        """Line of the last character that is not blank (1 for an empty file)."""
        return self.line(len(self.text.rstrip()))

    def cut_off(self, where: str, expected: str) -> InputError:
        """The error for a file that ends too early."""
        return InputError(f"file ends {where}", file=self.path, line=self.last_line(), expected=expected)


def read_source(path: PathLike) -> Source:
    """Load and mask a LEF or DEF file. Raises ``InputError``, also for a file without any statement."""
    text = mask(load_text(path), path)
    if not text or text.isspace():
        raise InputError("file is empty", file=path)
    return Source(path, text)


class Cursor:
    """Walks over the tokens of a stretch of a source."""

    __slots__ = ("_end", "_start", "position", "source", "tokens", "where")

    def __init__(
        self, source: Source, start: int = 0, end: int | None = None, where: str = "inside a statement"
    ) -> None:
        self.source = source
        self._start = start
        self._end = len(source.text) if end is None else end
        self.tokens: list[str] = source.text[start : self._end].split()
        self.position = 0
        self.where = where

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

    def word(self, expected: str) -> str:
        """The word that a statement begins with; a ``;`` too many before it is stepped over."""
        while self.peek() == ";":
            self.position += 1
        return self.next(expected)

    def name(self, expected: str) -> str:
        """The next token, which must not be punctuation."""
        if self.peek() in ("", ";", "+", "(", ")"):
            raise self.fail("name is missing", expected=expected)
        return self.next(expected)

    def literal(self, token: str, what: str) -> None:
        """Step over ``token``, which must come next."""
        if self.peek() != token:
            raise self.fail(what, expected=f"'{token}'")
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

    def offset(self, position: int) -> int:
        """Offset in the source of a token (of the end, where there is no such token)."""
        for index, found in enumerate(_TOKEN.finditer(self.source.text, self._start, self._end)):
            if index == position:
                return found.start()
        return self._end

    def fail(self, what: str, *, expected: str | None = None, at: int | None = None) -> InputError:
        """The error at the next token (or at token ``at``): ``what`` is wrong there, or the text is at its end."""
        at = self.position if at is None else at
        if at >= len(self.tokens):
            return self.source.cut_off(self.where, expected or "more")
        return self.source.error(what, self.offset(at), found=self.tokens[at], expected=expected)


def one_of(names: Sequence[str] | dict[str, int]) -> str:
    """``A, B or C``, for the part of an error that says what is allowed."""
    words = list(names)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
