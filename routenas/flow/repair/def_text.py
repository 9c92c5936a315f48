"""The text of a DEF with some components elsewhere: nothing but their places changes."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from placement_data.errors import InputError
from placement_data.text import LATIN_1

Place = tuple[int, int, str]
"""x and y, database units, and orientation."""

_MAGIC = b"\x1f\x8b"
_WIRED = (b"ROUTED", b"FIXED", b"COVER", b"NOSHIELD")
# As the reader has it: control characters are blanks, a comment or a string begins where a word could, and a semicolon
# ends a statement where a word ends with it.
_SKIPPED = rb'(?<![^\0-\x20])(?:#[^\n]*|"(?:[^"\\]|\\.)*")'
_END = rb"(?<!\\);(?![^\0-\x20])"
_WORD = re.compile(_SKIPPED + rb"|" + _END + rb"|(?:(?!" + _END + rb")[^\0-\x20])+", re.DOTALL)
_HEADER = _SKIPPED + rb"|(?<![^\0-\x20])(?P<head>%s)[\0-\x20]+\d+[\0-\x20]*" + _END

Word = re.Match[bytes]


class DefText:
    """The bytes of a DEF, plain or gzip. Raises ``InputError`` for a file that cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.raw = path.read_bytes()
            self.packed = self.raw.startswith(_MAGIC)
            self.data = gzip.decompress(self.raw) if self.packed else self.raw
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(f"gzip file is damaged or cut off ({error})", file=path) from None
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror or error})", file=path) from None

    def _statements(self, section: bytes) -> Iterator[list[Word]]:
        """The words of each statement in all sections of a name, behind its dash and without its end."""
        header = re.compile(_HEADER % section, re.DOTALL)
        at = 0
        while (found := header.search(self.data, at)) is not None:
            at = found.end()
            if found["head"] is None:
                continue
            words: list[Word] = []
            for word in _WORD.finditer(self.data, at):
                at = word.end()
                if word[0] == b";":
                    yield words[1:]
                    words = []
                elif word[0][:1] not in (b"#", b'"'):
                    words.append(word)
                    if len(words) == 2 and words[0][0].upper() == b"END":
                        break

    def wired_nets(self) -> frozenset[str]:
        """Names of the nets that have wires: their cells cannot go elsewhere."""
        if not any(word in self.data for word in _WIRED):
            return frozenset()
        wired = (one for one in self._statements(b"NETS") if _option(one, _WIRED) is not None)
        return frozenset(_text(one[0]) for one in wired)

    def moved(self, places: Mapping[str, Place]) -> bytes:
        """The text with components (by name) in other places. Raises ``InputError`` where one of them is not found."""
        if not places:
            return self.data
        parts: list[bytes] = []
        left, end = set(places), 0
        for words in self._statements(b"COMPONENTS"):
            name = _text(words[0]) if words else ""
            at = _option(words, (b"PLACED",)) if name in left else None
            if at is None or len(words) < at + 6:
                continue
            left.discard(name)
            for word, value in zip((words[at + 2], words[at + 3], words[at + 5]), places[name], strict=True):
                parts += (self.data[end : word.start()], str(value).encode())
                end = word.end()
        if left:
            what = "the place of a component is not found in the text"
            raise InputError(what, file=self.path, found=min(left), expected="+ PLACED ( x y ) orientation")
        return b"".join((*parts, self.data[end:]))

    def file(self, data: bytes, out: Path) -> bytes:
        """The bytes of a file of ``data``: gzip where ``out`` ends so; as they were read where nothing changed."""
        packed = out.suffix == ".gz"
        if data is self.data and packed == self.packed:
            return self.raw
        return gzip.compress(data, mtime=0) if packed else data


def _option(words: list[Word], options: tuple[bytes, ...]) -> int | None:
    """Place of the word of the last ``+ OPTION`` that is one of ``options``."""
    found = [at for at in range(1, len(words)) if words[at - 1][0] == b"+" and words[at][0].upper() in options]
    return found[-1] if found else None


def _text(word: Word) -> str:
    return word[0].decode(errors=LATIN_1)
