"""What may be asked of the server: a small JSON object that names files below one folder, and every way to be refused.

A refusal is a line of JSON, ``{"code": ..., "exit_code": ..., "text": ...}``, with the status of :data:`CODES`. Codes
keep their meaning; the exit code is what ``routenas score`` would end with.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from placement_data.errors import explain
from placement_data.making import LayoutFiles

CODES: Mapping[str, tuple[int, int, str]] = {
    "usage": (400, 2, "the request is not what the server takes: its JSON, a field, an option's value"),
    "path": (403, 3, "a file is not below the root, or is no plain file"),
    "not-found": (404, 2, "the server has no such address"),
    "method": (405, 2, "the address does not take this method"),
    "slow": (408, 3, "the request was not there whole in time"),
    "left": (408, 3, "the client left before it was answered, so only the log says this"),
    "model-mismatch": (409, 4, "the model does not fit the layout: Liberty, tile, task"),
    "too-large": (413, 3, "the request, or the files that it names, are too large"),
    "media-type": (415, 2, "the request is not application/json"),
    "host": (421, 2, "the Host of the request is not this server's: a browser was led here under another name"),
    "input": (422, 3, "a file is unreadable or inconsistent; the text has file, line, what was found, what is allowed"),
    "internal": (500, 1, "an internal error of routenas"),
    "busy": (503, 3, "the queue is full, or there are too many connections; Retry-After says when to ask again"),
    "timeout": (504, 3, "the score was not ready in time"),
}
"""Status, exit code and meaning of each way to be refused."""

_OF_EXIT_CODE = {2: "usage", 3: "input", 4: "model-mismatch"}
_LISTS, _TEXTS = ("lef", "liberty"), ("def", "routing_layers", "name")
_LONGEST_PATH = 4096


class RefusedError(Exception):
    """What is answered in the place of a score: a code of :data:`CODES`, a line of text, more headers."""

    def __init__(self, code: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        self.code, self.headers = code, dict(headers or {})
        self.text = " ".join(text.split())
        self.status, self.exit_code, _ = CODES[code]
        super().__init__(self.text)

    @property
    def body(self) -> bytes:
        """The line of JSON."""
        value = {"code": self.code, "exit_code": self.exit_code, "text": self.text}
        return json.dumps(value).encode() + b"\n"

    @classmethod
    def of(cls, error: Exception, root: Path) -> RefusedError:
        """The refusal that an error of the work is; files are named as seen from the root."""
        if isinstance(error, RefusedError):
            return error
        text, code = explain(error)
        return cls(_OF_EXIT_CODE.get(code, "internal"), text.replace(f"{root}{os.sep}", ""))


@dataclass(frozen=True)
class Limits:
    """What a request may cost: bytes of its body and of its files as they lie on disk, seconds, and its place in a row.

    A packed layout grows to at most 60 times its size when it is read, see :mod:`placement_data.text`.
    """

    request_bytes: int = 1 << 16
    file_bytes: int = 1 << 30
    request_seconds: float = 10.0
    answer_seconds: float = 120.0
    queue: int = 8
    connections: int = 128


@dataclass(frozen=True)
class Request:
    """A layout to score, and its design's name ("" for that in its file)."""

    files: LayoutFiles
    name: str = field(default="")

    @classmethod
    def of(cls, body: bytes, root: Path, limits: Limits) -> Request:
        """The request that a body is. Raises :class:`RefusedError` for anything but what the server takes."""
        value = _object(body)
        for name, found in value.items():
            if name not in (*_LISTS, *_TEXTS):
                raise RefusedError("usage", f"no such field: {name!r}, expected {', '.join((*_LISTS, *_TEXTS))}")
            is_list = isinstance(found, list) and all(isinstance(each, str) for each in found)
            if not (is_list if name in _LISTS else isinstance(found, str)):
                expected = "a list of texts" if name in _LISTS else "a text"
                raise RefusedError("usage", f"the field {name!r} is {type(found).__name__}, expected {expected}")
        if not value.get("lef") or not value.get("def"):
            raise RefusedError("usage", "expected 'lef', a list of paths, and 'def', a path")
        lef, liberty = (tuple(below(root, path) for path in value.get(name, ())) for name in _LISTS)
        files = LayoutFiles("def", below(root, value["def"]), lef, liberty, value.get("routing_layers", "").strip())
        size = sum(path.stat().st_size for path in files.all)
        if size > limits.file_bytes:
            raise RefusedError("too-large", f"the files have {size} bytes, expected at most {limits.file_bytes}")
        return cls(files, value.get("name", ""))


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError("usage", f"the request is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise RefusedError("usage", f"the request is {type(value).__name__}, expected a JSON object")
    return value


def below(root: Path, text: str) -> Path:
    """The plain file below the (real) root that a path from a request names, without links in it.

    Raises :class:`RefusedError` for an absolute path, ``..``, NUL, a link that leads out, and what is no plain file (a
    pipe); ``OSError`` for a file that is not there or must not be read.
    """
    if not text or "\0" in text or len(text) > _LONGEST_PATH:
        raise RefusedError("path", f"not a path: {text[:80]!r}")
    if os.path.isabs(text) or ".." in Path(text).parts:
        raise RefusedError(
            "path", f"the path {text!r} is not below the root, expected one without '..' or a leading '/'"
        )
    try:
        real = Path(os.path.realpath(root / text, strict=True))
    except ValueError:  # letters that no file name has
        raise RefusedError("path", f"not a path: {text!r}") from None
    if not real.is_relative_to(root):
        raise RefusedError("path", f"the path {text!r} leads out of the root")
    if not stat.S_ISREG(real.stat().st_mode):
        raise RefusedError("path", f"{text!r} is no plain file")
    return real
