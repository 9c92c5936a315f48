"""Readers of design files: LEF and DEF become a ``Design``."""

from __future__ import annotations

from collections.abc import Sequence

from placement_data.design import Design
from placement_data.readers.def_ import read_def
from placement_data.readers.lef import Library, read_lef
from placement_data.text import PathLike

__all__ = ["Library", "PathLike", "read_def", "read_design", "read_lef"]


def read_design(lef: Sequence[PathLike], def_: PathLike) -> Design:
    """Read one placement: its LEF files (technology and cells, in any order) and its DEF, each plain or gzip.

    Raises ``InputError`` naming file and line for whatever cannot be used.
    """
    return read_def(def_, read_lef(lef))
