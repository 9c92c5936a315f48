"""Statements of a DEF that are wanted again, for an error that shows only later: the file is walked once more."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from placement_data.cursor import Cursor
from placement_data.design import Indices, Ints
from placement_data.findings import Findings
from placement_data.readers.def_.sections import Section, Walker, walk
from placement_data.readers.def_.statements import Statements
from placement_data.text import PathLike, Source


def stretches(path: PathLike, name: str, *, folded: bool) -> Iterator[Source]:
    """All statements of all sections ``name`` of a file, in stretches that hold whole ones."""
    for word, found in walk(Walker(path, Findings(lenient=True), folded=folded)):
        if word == name and isinstance(found, Section):
            yield from found.parts()


def located(path: PathLike, name: str, rows: Ints | Indices, *, folded: bool) -> dict[int, Cursor]:
    """Statements by their numbers (``rows``) in all sections ``name``, each with the cursor behind its dash."""
    wanted: Ints = np.unique(np.asarray(rows, dtype=np.int64))
    found: dict[int, Cursor] = {}
    first = 0
    for part in stretches(path, name, folded=folded):
        several = Statements(part, name)
        here = wanted[(wanted >= first) & (wanted < first + len(several))]
        found.update((row, several.cursor(row - first)) for row in here.tolist())
        first += len(several)
        if len(found) == len(wanted):
            break
    return found
