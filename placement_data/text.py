"""Text of LEF, DEF and report files: loading (plain or gzip), comments and strings masked.

A DEF is read piece by piece (``read_pieces``), so that no more of it is held than one piece. Line numbers are worked
out only when an error needs one, from the line that a piece begins on.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError
from placement_data.findings import Findings

PathLike = str | os.PathLike[str]

# Text packs to a tenth, a monotonous layout to a thirtieth. More is a file made to fill the memory.
_MOST_PACKED = 60
_ALWAYS_UNPACKED = 1 << 23

# A string that goes on for longer is one whose end was lost.
_LONGEST_STRING = 1 << 20


def _as_latin_1(error: UnicodeError) -> tuple[str, int]:
    """What stands for bytes that are not UTF-8: each byte's own character of Latin-1."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


LATIN_1 = "routenas-latin-1"
codecs.register_error(LATIN_1, _as_latin_1)

_GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BLOCK = 1 << 22
_BLANKS = bytes(32 if byte < 32 and byte not in (0, 10) else byte for byte in range(256))
_COMMENT = re.compile(rb"#(?<![^ \n]#)[^\n]*")
_COMMENT_OR_STRING = re.compile(_COMMENT.pattern + rb'|"(?<![^ \n]")(?:(?:[^"\\]|\\.)*")?', re.DOTALL)
_IN_STRING = re.compile(rb"[\s;]")
TOKEN = re.compile(rb"[^ \n]+")
_GLUED_END = re.compile(rb"(?<=[^ \n\\]);(?![^ \n])")


def load_text(path: PathLike) -> str:
    """The text of a file, unpacked where its first two bytes are gzip's, its lines ended with a newline alone.

    Bytes that are not UTF-8 are Latin-1; UTF-16 is known by its byte order mark. Raises ``InputError`` for a file that
    cannot be read, a damaged gzip file and a file that is not text.
    """
    data = b"".join(_blocks(path))
    if data.startswith(_UTF_16):
        try:
            data = data.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            line = data[: error.start].decode("utf-16", errors="ignore").count("\n") + 1
            raise InputError(f"text is no UTF-16 ({error.reason})", file=path, line=line) from None
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\0" in data:
        raise _nul(path, data.count(b"\n", 0, data.index(b"\0")) + 1)
    return data.removeprefix(_BOM).decode(errors=LATIN_1)


_DIGESTS: ContextVar[dict[str, str] | None] = ContextVar("digests", default=None)


@contextmanager
def digests() -> Iterator[dict[str, str]]:
    """Collects the SHA-256 of every file that is read inside, by its path: a pipe cannot be read again for it."""
    found: dict[str, str] = {}
    token = _DIGESTS.set(found)
    try:
        yield found
    finally:
        _DIGESTS.reset(token)


class _Once(io.RawIOBase):
    """A file, or a pipe, that is read from beginning to end: its ``head`` is known before, all bytes are counted."""

    def __init__(self, file: io.FileIO) -> None:
        self.head = b""
        while len(self.head) < len(_GZIP_MAGIC) and (more := file.read(len(_GZIP_MAGIC) - len(self.head))):
            self.head += more
        self._file, self._pending = file, self.head
        self.size = os.fstat(file.fileno()).st_size  # 0 for a pipe
        self.count, self.digest = 0, None if _DIGESTS.get() is None else hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = min(len(self._pending), len(buffer))
        if count:
            buffer[:count], self._pending = self._pending[:count], self._pending[count:]
        else:
            count = self._file.readinto(buffer) or 0
        self.count += count
        if self.digest is not None:
            self.digest.update(memoryview(buffer)[:count])
        return count


def _blocks(path: PathLike) -> Iterator[bytes]:
    """The bytes of a file, unpacked, block by block. Raises ``InputError`` for a file that cannot be read."""
    found = _DIGESTS.get()
    try:
        with open(path, "rb", buffering=0) as file, io.BufferedReader(once := _Once(file), _BLOCK) as stream:
            try:
                packed = once.head == _GZIP_MAGIC
                yield from _unpacked(stream, once, path) if packed else iter(lambda: stream.read(_BLOCK), b"")
            finally:  # a reader may stop behind the last word that it needs
                while found is not None and stream.read(_BLOCK):
                    pass
            if found is not None and once.digest is not None:
                found[os.fspath(path)] = once.digest.hexdigest()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"gzip file is damaged or cut off ({error})", file=path) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise InputError(f"cannot be read ({getattr(error, 'strerror', None) or error})", file=path) from error


def _unpacked(stream: IO[bytes], once: _Once, path: PathLike) -> Iterator[bytes]:
    total = 0
    with gzip.GzipFile(fileobj=stream, mode="rb") as unpacked:
        while block := unpacked.read(_BLOCK):
            total += len(block)
            if total > max(_ALWAYS_UNPACKED, _MOST_PACKED * max(once.size, once.count)):
                what = f"gzip file unpacks to more than {_MOST_PACKED} times its size"
                raise InputError(what, file=path, expected="text packed as tools pack it")
            yield block


def _nul(path: PathLike, line: int) -> InputError:
    return InputError("not a text file: it holds a NUL byte", file=path, line=line)


def _mask(data: bytes, path: PathLike, line: int, last: bool) -> bytes | None:
    """``data`` without comments, with strings as single tokens and with ``;`` set apart. Newlines stay in number.

    A ``#`` or ``"`` counts only where a token begins, so that names may hold them. None where a string is not closed
    yet and more of the file is to come. ``line`` is that of the first byte.
    """
    if b'"' in data:
        opened = next((found.start() for found in _COMMENT_OR_STRING.finditer(data) if found[0] == b'"'), None)
        if opened is not None:
            if not last and len(data) - opened < _LONGEST_STRING:
                return None
            what = "string is not closed"
            raise InputError(what, file=path, line=line + data.count(b"\n", 0, opened), expected="'\"'")
        data = _COMMENT_OR_STRING.sub(_as_token, data)
    elif b"#" in data:
        data = _COMMENT.sub(b"", data)
    ends = data.count(b";") - data.count(b" ;")
    if ends and ends != data.count(b"\n;"):
        data = _GLUED_END.sub(b" ;", data)
    return data


def _as_token(found: re.Match[bytes]) -> bytes:
    """Nothing for a comment; a string without blanks, and behind it the newlines that were in it."""
    text = found[0]
    if text.startswith(b"#"):
        return b""
    return _IN_STRING.sub(b"_", text) + b" " + b"\n" * text.count(b"\n")


@dataclass(frozen=True)
class Source:
    """A stretch of a file's masked text, with what errors need to point into it.

    ``data`` is UTF-8 whose only blanks are spaces and newlines; ``first_line`` is the line of its first byte; ``last``
    says that the file ends with it; ``findings`` takes what is found in it.
    """

    path: PathLike
    data: bytes
    first_line: int = 1
    last: bool = True
    findings: Findings = field(default_factory=Findings, repr=False, compare=False)

    @cached_property
    def _line_ends(self) -> NDArray[np.int64]:
        return np.flatnonzero(np.frombuffer(self.data, dtype=np.uint8) == ord("\n"))

    def part(self, start: int, end: int) -> Source:
        """The stretch ``start:end`` of this one."""
        last = self.last and end == len(self.data)
        line = self.first_line + self.data.count(b"\n", 0, start)  # asked for once, not worth a table of lines
        return Source(self.path, self.data[start:end], line, last, self.findings)

    def line(self, offset: int) -> int:
        """Line number, from 1, of a byte."""
        return self.first_line + int(np.searchsorted(self._line_ends, offset))

    def error(self, what: str, offset: int, *, found: object = None, expected: str | None = None) -> InputError:
        """The error that names this file and the line of ``offset``."""
        return InputError(what, file=self.path, line=self.line(offset), found=found, expected=expected)

    def token(self, offset: int) -> tuple[str, int]:
        """The next token at or behind ``offset`` and its own offset; ``("", len(data))`` at the end."""
        found = TOKEN.search(self.data, offset)
        return ("", len(self.data)) if found is None else (found[0].decode(), found.start())

    def last_line(self) -> int:
        """Line of the last byte that is not blank (1 for an empty file)."""
        return self.line(len(self.data.rstrip()))

    def cut_off(self, where: str, expected: str) -> InputError:
        """The error for a file that ends too early."""
        return InputError(f"file ends {where}", file=self.path, line=self.last_line(), expected=expected)


def read_source(path: PathLike, findings: Findings | None = None) -> Source:
    """Load and mask a whole file. Raises ``InputError``, also for a file without any statement."""
    pieces = list(read_pieces(path, findings))
    return Source(path, b"".join(piece.data for piece in pieces), findings=pieces[0].findings)


def read_pieces(path: PathLike, findings: Findings | None = None) -> Iterator[Source]:
    """A LEF or DEF file, loaded and masked, in pieces that end behind a ``;`` (the last one: with the file).

    No piece cuts a statement, and all pieces in a row are the file. Raises ``InputError``, also for a file without any
    statement.
    """
    findings = Findings() if findings is None else findings
    raw: list[bytes] = []  # behind the last newline
    held: list[bytes] = []  # masked, its last statement not ended yet
    line, held_lines, yielded = 1, 0, False
    for block in _and_end(_blocks(path)):
        cut = block.rfind(b"\n") + 1 if block else 0
        if block and not cut:
            raw.append(block)
            continue
        text = b"".join([*raw, block[:cut]])
        masked = _mask(_plain(text, path, line + held_lines), path, line + held_lines, last=not block)
        if masked is None:
            raw = [text, block[cut:]]
            continue
        raw = [block[cut:]]
        end = _last_end(masked) if block else len(masked)
        held.append(masked[:end] if end else masked)
        if not end and block:
            held_lines += masked.count(b"\n")
            continue
        data = b"".join(held)
        held = [masked[end:]]
        held_lines = held[0].count(b"\n")
        if not block and not yielded and not data.strip():
            raise InputError("file is empty", file=path)
        yielded = True
        yield Source(path, data, line, not block, findings)
        line += data.count(b"\n")


def _and_end(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks, without the byte order mark, and an empty one behind the last."""
    first = next(blocks, b"")
    if first:
        yield first.removeprefix(_BOM) or b"\n"
    yield from blocks
    yield b""


def _plain(data: bytes, path: PathLike, line: int) -> bytes:
    """UTF-8 (what is Latin-1 is turned into it) with spaces for all other control characters than newlines."""
    if b"\0" in data:
        raise _nul(path, line + data.count(b"\n", 0, data.index(b"\0")))
    if not data.isascii():
        data = data.decode(errors=LATIN_1).encode()
    return data.translate(_BLANKS)


def _last_end(data: bytes) -> int:
    """Offset behind the last ``;`` that stands alone; 0 where there is none."""
    at = data.rfind(b";")
    while at >= 0 and not (data[at - 1 : at] in (b" ", b"\n") and data[at + 1 : at + 2] in (b" ", b"\n", b"")):
        at = data.rfind(b";", 0, at)
    return at + 1
