"""Plain text in files: which file is which part, how texts become words, characters or bytes, and these numbers."""

from __future__ import annotations

import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError

PARTS = ("train", "search", "test")
WORDS_IN_NAMES = {"train": ("train",), "search": ("valid", "validation", "val", "dev"), "test": ("test",)}
"""What a file of each part is called: one of the pieces of its name."""
INSTEAD = {"search": ("test", "train"), "test": ("search", "train")}
"""Whose file a part shares that has none."""
END, UNKNOWN = "<eos>", "<unk>"


def lines_of(text: str) -> list[str]:
    """The lines of a text with their ends. No other sign ends one: as a byte it may be part of a letter."""
    return list(io.StringIO(text, newline="\n"))


def _words(text: str) -> list[str]:
    """Words between spaces, and `END` after each line."""
    return [word for line in lines_of(text) for word in (*line.split(), END)]


UNITS: Mapping[str, Callable[[str], Sequence[str]]] = {"words": _words, "characters": list, "bytes": list}
"""What a text is made of. Text is read as UTF-8 but for bytes: each of these is a letter of Latin-1 here."""


def read(path: Path, unit: str) -> tuple[str, str]:
    """The text of a file, and the SHA-256 of its bytes. Raises InputError for none, and for what is not UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError("the text cannot be read", file=path, found=error.strerror or "error") from None
    try:
        text = data.decode("latin-1" if unit == "bytes" else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = "not UTF-8 text"
        raise InputError(what, file=path, line=line, found=f"the byte 0x{data[error.start]:02x}") from None
    return text, hashlib.sha256(data).hexdigest()


def located(data: Path, named: Mapping[str, str]) -> dict[str, Path]:
    """The file of each part: the one that is ``named``, else another that is called so; see `INSTEAD` for none.

    ``data`` that is a file is that of all parts. Raises InputError where there is no text, no training part, or a name
    that two files have.
    """
    if not data.is_dir():
        return dict.fromkeys(PARTS, data)
    found = {part: path for part in PARTS if (path := _file(data, part, named)) is not None}
    if "train" not in found:
        what, expected = "no text to train on", "a file such as train.txt, or the option train=NAME"
        raise InputError(
            what, file=data, found=", ".join(sorted(p.name for p in data.iterdir()))[:60], expected=expected
        )
    return {part: next(found[other] for other in (part, *INSTEAD.get(part, ())) if other in found) for part in PARTS}


def _file(folder: Path, part: str, named: Mapping[str, str]) -> Path | None:
    if named.get(part):
        return folder / named[part]
    free = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name not in named.values()]
    known = [path for path in free if set(WORDS_IN_NAMES[part]) & set(re.split(r"[._-]", path.name.lower()))]
    if len(known) > 1:
        what = f"more than one file for the {part} part"
        found = ", ".join(path.name for path in known)
        raise InputError(what, file=folder, found=found, expected=f"one of them, or the option {part}=NAME")
    return known[0] if known else None


def cut(tokens: Sequence[str], shares: Mapping[str, float]) -> dict[str, Sequence[str]]:
    """Pieces of a text, one after the other, whose lengths are to each other as the ``shares`` of their parts."""
    total = sum(shares.values())
    ends = [round(len(tokens) * end / total) if total else 0 for end in np.cumsum(list(shares.values()))]
    return {part: tokens[start:end] for part, start, end in zip(shares, [0, *ends], ends, strict=False)}


def vocabulary_of(tokens: Sequence[str], most: int | None) -> tuple[str, ...]:
    """`UNKNOWN`, and the tokens of a text, the most frequent first; ``most`` in all where that is given."""
    counts = Counter(tokens)
    counts.pop(UNKNOWN, None)
    ordered = sorted(counts, key=lambda token: (-counts[token], token))
    return (UNKNOWN, *ordered)[:most]


def numbers(tokens: Sequence[str], index: Mapping[str, int]) -> NDArray[np.int64]:
    """The place of each token in the vocabulary: 0, that of `UNKNOWN`, for one that is not there."""
    return np.fromiter((index.get(token, 0) for token in tokens), np.int64, len(tokens))
