"""What the columns of tables are made of: names, CSR offsets, and the rows that each item owns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def name_column(names: Iterable[str]) -> NDArray[np.object_]:
    """A column of strings."""
    return np.array(list(names), dtype=object)


def offsets(counts: Sequence[int] | NDArray[np.integer] | NDArray[np.bool_]) -> Ints:
    """CSR offsets (n + 1,) of items that own ``counts`` (n,) rows each."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)])


def spread(counts: NDArray[np.integer]) -> tuple[Ints, Ints]:
    """The item that owns each row, and the row's place among the rows of its item, for items of ``counts`` rows."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]


def between(first: NDArray[np.integer], last: NDArray[np.integer]) -> tuple[Ints, Ints]:
    """The numbers from each ``first`` up to before its ``last``, and the item that each belongs to."""
    owner, place = spread(last - first)
    return first[owner] + place, owner
