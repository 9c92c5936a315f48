"""The record of a search: append-only JSON lines, one a trial, flushed to disk before the next trial starts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from placement_data.errors import InputError


class Journal:
    """JSON lines at ``path``. A torn last line (the process was killed while writing) is dropped when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records: list[dict[str, Any]] = []
        if path.exists():
            self._load()

    def _load(self) -> None:
        text = self.path.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                record = json.loads(line)
            except ValueError:
                raise InputError("a journal line is not JSON", file=self.path, line=number, found=line[:40]) from None
            if not isinstance(record, dict):
                raise InputError("a journal line is not an object", file=self.path, line=number)
            self.records.append(record)
        if len(whole) < len(text):
            with open(self.path, "r+b") as file:
                file.truncate(len(whole))

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one line and wait until it is on the disk."""
        line = json.dumps(record, allow_nan=False) + "\n"
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        self.records.append(dict(record))
