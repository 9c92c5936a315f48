"""A reader that does all that a reader must not do, to see that the runner notices."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from placement_data.errors import InputError
from placement_data.violations import Violations
from tests.fuzz.targets import Files, Target

KINDS = {
    "good": "value",
    "hang": "hangs",
    "exit": "dies",
    "memory": "MemoryError",
    "raise": "KeyError",
    "warn": "UserWarning",
    "contradiction": "AssertionError",
    "no file": "names no file",
    "no line": "names no line",
    "wrong line": "names a line that is not there",
    "two lines": "not one printable line",
    "long": "message is too long",
    "refuse": "refused",
}
"""What the reader does, and what the runner must call it."""


class _LooseError(InputError):
    """An error that does not take care of its message."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


def _read(folder: Path) -> Any:
    behaviour, file = (folder / "behaviour").read_text(), folder / "victim"
    if behaviour == "hang":
        time.sleep(600)
    elif behaviour == "exit":
        os._exit(7)
    elif behaviour == "memory":
        return bytes(1 << 31)
    elif behaviour == "raise":
        return {}["absent"]
    elif behaviour == "warn":
        warnings.warn("seen by a user", stacklevel=1)
    elif behaviour == "contradiction":
        return replace(Violations.empty(), net_offset=np.array([1]))
    elif behaviour != "good":
        what = {"two lines": "a\nb", "long": "a" * 1000}.get(behaviour, "wrong")
        line = {"no line": None, "wrong line": 10**9}.get(behaviour, 1)
        raise _LooseError(what, file=None if behaviour == "no file" else file, line=line)
    return None


def _corpora() -> list[Files]:
    return [{"behaviour": name.encode(), "victim": b"1 2 3\n"} for name in KINDS]


FAULTY: dict[str, Callable[[], Target]] = {"faulty": lambda: Target(_corpora, _read, ("victim",))}
