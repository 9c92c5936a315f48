"""What the routability tasks read of a data set: placements that stay in memory, and what must hold of their labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from placement_data.errors import InputError
from placement_data.features import LIBERTY_CHANNELS
from placement_data.store import Sample, Store
from routenas.tasks.card import TaskName

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


def check_labels(store: Store, name: TaskName, indices: Mapping[str, Sequence[int]]) -> None:
    """Raise InputError where a part has labels of one class only: there nothing can be learned, or judged."""
    for part, members in indices.items():
        heads = [store.heads[index] for index in members]
        missing = None
        if not heads:
            continue
        if name == "violated_nets":
            if not any(head["violated_nets"] for head in heads):
                missing = "placement with a violated net"
        else:
            hot = [store.hotspot_tiles(index) or 0 for index in members]
            tiles = [store.tiles(index) for index in members]
            if not any(hot):
                missing = "hotspot"
            elif hot == tiles:
                missing = "tile without a hotspot"
        if missing is not None:
            raise InputError(
                f"the {part} split has no {missing}",
                file=store.path,
                found=f"{len(members)} placements of {len({head['family'] for head in heads})} families",
                expected="another split (--split, --seed), or more designs",
            )


def with_liberty(store: Store, indices: Sequence[int]) -> bool | None:
    """Whether these placements were read with Liberty, see `Card`. Raises InputError where some were and some not."""
    if not LIBERTY_CHANNELS.intersection(store.channels):
        return None
    told = {store.with_liberty(index): store.names[index] for index in indices}
    if True in told and False in told:
        raise InputError(
            "some placements were read with Liberty and some without: their registers do not compare", file=store.path,
            found=f"{told[True]} with, {told[False]} without", expected="all alike; see ingest --liberty",
        )  # fmt: skip
    return None if None in told else next(iter(told))
