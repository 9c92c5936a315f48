"""The record of searches: append-only JSON lines, one a trial, flushed to disk before the next trial starts."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from placement_data.errors import InputError
from placement_data.files import write_all, writing

try:
    import fcntl
except ImportError:  # pragma: no cover - no such locks on Windows
    fcntl = None  # type: ignore[assignment]


class Journal:
    """JSON lines at ``path``: the trials of one search, or of several that append to the same file.

    Each search has a ``name`` and sees its own ``records`` only. A line is written whole and under a lock, so that
    processes of one machine, and of several that share the folder, may append at any time. A torn last line (a process
    was killed while writing) is dropped by the next that opens the file or appends to it.
    """

    def __init__(self, path: Path, name: str = "") -> None:
        self.path, self.name = path, name
        self.records: list[dict[str, Any]] = []
        if path.exists():
            with self._locked() as file:
                _drop_torn_line(file)
                self.records = [record for _, record in self._own(file)]

    def line(self, number: int) -> int:
        """Line of this search's record ``number`` in the file, from 1. Others may have written in between."""
        with self._locked() as file:
            return [line for line, _ in self._own(file)][number]

    def append(self, *records: Mapping[str, Any]) -> None:
        """Write lines and wait until they are on the disk. Raises ``InputError`` where that fails; then none is."""
        own = [{**record, "search": self.name} if self.name else dict(record) for record in records]
        text = "".join(json.dumps(record, allow_nan=False) + "\n" for record in own).encode()
        with self._locked() as file:
            _drop_torn_line(file)
            write_all(file, text)
        self.records += own

    def _own(self, file: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Lines of this search: their number in the file, and what they say."""
        file.seek(0)
        for number, line in enumerate(file, 1):
            try:
                record = json.loads(line)
            except ValueError:
                raise InputError("a journal line is not JSON", file=self.path, line=number, found=line[:40]) from None
            if not isinstance(record, dict):
                raise InputError("a journal line is not an object", file=self.path, line=number)
            if record.get("search", "") == self.name:
                yield number, record

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        """The file, which no other process writes to meanwhile."""
        with writing(self.path), os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def _drop_torn_line(file: IO[bytes]) -> None:
    """Cut the file behind its last newline."""
    end = file.seek(0, os.SEEK_END)
    kept = end
    while kept:
        start = max(0, kept - 4096)
        file.seek(start)
        found = file.read(kept - start).rfind(b"\n")
        if found >= 0:
            kept = start + found + 1
            break
        kept = start
    if kept < end:
        file.truncate(kept)
