"""The placements that the routability tasks read of a data set, which stay in memory, and what is made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from placement_data.store import Sample, Store

Item = TypeVar("Item")

CACHE_BYTES = 512 << 20
"""Maps that are kept in memory once they were read; a data set above it is read again every epoch."""


class Placements:
    """The placements of a store, each read once as long as there is room for all of them in memory.

    Tasks of one process on one file share them: see :meth:`of`.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._samples: dict[int, Sample] = {}
        self._bytes = 0

    @classmethod
    def of(cls, path: Path) -> Placements:
        """Those of a data set, the same for all that ask while somebody has them. Raises as `Store`."""
        try:
            found = path.stat()
        except OSError:
            return cls(Store(path))
        key = path.absolute(), found.st_ino, found.st_size, found.st_mtime_ns
        placements = _OPEN.get(key)
        if placements is None:
            placements = _OPEN[key] = cls(Store(path))
        return placements

    def __getitem__(self, index: int) -> Sample:
        if index in self._samples:
            return self._samples[index]
        sample = self.store.sample(index)
        size = sample.features.nbytes
        if self._bytes + size <= CACHE_BYTES:
            self._samples[index] = sample
            self._bytes += size
        return sample


_OPEN: WeakValueDictionary[tuple[Path, int, int, int], Placements] = WeakValueDictionary()


class Lazy(Sequence[Item]):
    """What ``read`` gives for each of some indices, when it is asked for."""

    def __init__(self, read: Callable[[int], Item], indices: Sequence[int]) -> None:
        self._read, self._indices = read, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return Lazy(self._read, self._indices[place])
        return self._read(self._indices[place])


@dataclass(frozen=True)
class Example:
    """One labelled placement, normalised: ``maps`` float32 (channels, rows, columns) and its labels."""

    sample: Sample
    maps: NDArray[np.float32]

    @property
    def hotspots(self) -> NDArray[np.uint8]:
        """Hotspot label (rows, columns)."""
        assert self.sample.hotspots is not None
        return self.sample.hotspots

    @property
    def ratio(self) -> float:
        """Violated nets per net; NaN where the labels tell no nets, which only the hotspot task meets."""
        ratio = self.sample.violated_net_ratio
        return math.nan if ratio is None else ratio


@dataclass(frozen=True)
class Batch:
    """Whole maps of any sizes: per placement ``maps`` (1, channels, h, w) and ``targets`` (1, h, w) of the task.

    ``ratios`` (n,) are those of the whole placements, NaN where their labels tell no nets. ``inside`` (1, h, w) is 1 in
    tiles on the die and 0 in others, which have no part in a loss; None where all are on the die. ``extra`` (1, n, h,
    w) are the further targets of a placement, one an extra output, NaN where it has none; None where there are none.
    """

    maps: tuple[Tensor, ...]
    targets: tuple[Tensor, ...]
    ratios: Tensor
    inside: tuple[Tensor | None, ...]
    extra: tuple[Tensor | None, ...] = ()
