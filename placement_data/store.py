"""The HDF5 data set: feature maps and labels of many placements, one chunk per sample at native size.

Layout of a file (schema ``routenas-data/1``)::

    user block, 512 bytes    "routenas-data sha256 <digest of all bytes behind the block>"
    /                        attributes: schema, channel_version, channels (JSON), units (JSON)
    /index                   uint8: JSON list of the attributes of all samples, so that opening reads one chunk
    /samples/000000          attributes: sample, design, family, label_kind, net_count, violated_nets, grid (JSON), ...
        features             float32 (channels, rows, columns)
        hotspots             uint8   (rows, columns)            absent where the placement has no label
        violation_density    float32 (rows, columns)            violations that touch the tile
        violated_net_map     float32 (rows, columns)            sums to the number of violated nets; absent where a
                                                                source of labels tells no nets
        repeat_hotspots      uint8   (repeats, rows, columns)   the same placement routed with other net orders
        earlier_hotspots     uint8   (n, rows, columns)         what the same router had left after earlier iterations

The digest makes any flipped byte of the file visible to :func:`verify_digest`. A :class:`Store` checks it once, reads
the index and keeps the file open: from then on a map is one read of one chunk. Writes go to a temporary file beside the
target that replaces it when it is complete, so a reader never sees half a data set.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError
from placement_data.files import (
    atomic_folder,
    atomic_path,
    check_writable,
    in_use,
    remove_leftovers,
    sha256,
    write_text,
)
from placement_data.grid import Grid
from placement_data.sample import JSON, MAPS, Sample, head_of, read_head, read_sample

__all__ = [
    "SCHEMA", "UNITS", "Sample", "Store", "Stored", "append", "atomic_folder", "atomic_path", "check_writable",
    "remove_leftovers", "sha256", "verify_digest", "write", "write_text",
]  # fmt: skip

SCHEMA = "routenas-data/1"
UNITS = {
    "features": "see the channel's docstring in placement_data.features",
    "violation_density": "violations a tile",
    "violated_net_map": "nets a tile",
    "grid": "database units, dbu_per_micron a micron",
}
_USER_BLOCK = 512
_MAGIC = b"routenas-data sha256 "


@dataclass(frozen=True)
class Stored:
    """A sample of an opened data set, to be written to another one: its maps move as they are, still compressed."""

    store: Store
    index: int


def write(
    path: str | os.PathLike[str],
    samples: Iterable[Sample | Stored],
    channels: tuple[str, ...],
    channel_version: str,
) -> int:
    """Write a new data set, replacing what is at ``path``, and return the number of samples.

    Nothing is written on an error. The same samples make the same bytes, be they given as values or as stored.
    """
    with atomic_path(path) as temporary:
        with _opened(temporary, "w", userblock_size=_USER_BLOCK, libver=("v110", "v110")) as (file, room):
            file.attrs.update(
                schema=SCHEMA, channels=json.dumps(channels), channel_version=channel_version, units=json.dumps(UNITS)
            )
            file.create_group("samples")
            count = _append_samples(file, room, samples, [], channels, channel_version)
        _seal(temporary)
    return count


def append(path: str | os.PathLike[str], samples: Iterable[Sample | Stored], channel_version: str) -> int:
    """Add samples to a data set, atomically, and return how many.

    Raises :class:`InputError` for a name that is there already and for other channels; the old file then stays.
    """
    store = Store(path)
    if store.channel_version != channel_version:
        raise InputError(
            "channels of another version", file=path, found=store.channel_version, expected=channel_version
        )
    with atomic_path(path) as temporary:
        shutil.copyfile(path, temporary)
        with _opened(temporary, "r+") as (file, room):
            count = _append_samples(file, room, samples, store.heads, store.channels, channel_version)
        _seal(temporary)
    return count


class _Room:
    """Space on the disk that is taken before HDF5 fills it.

    HDF5 brings the process down when it closes a file that it cannot write to its end. So the system is asked before,
    for more than HDF5 will need, and what it refuses is an ``OSError`` while HDF5 can still close the file.
    """

    HEADERS = 1 << 11
    """Bytes of the headers of a sample, beside its attributes, at most."""
    TREES = 1 << 16
    """Bytes of what all samples share: the nodes of the tree of groups, and HDF5's own ways with space."""
    STEP = 1 << 22
    """Bytes that are asked for at a time, where there are so many."""
    _END = {0: 40, 1: 44}, 28
    """Where a superblock of the oldest versions, and of others, holds the end of the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._headers, self._taken = file, self.TREES, 0
        self.take(0)

    def take(self, end: int, maps: int = 0, attributes: int = 0) -> None:
        """Have room for a sample of so many bytes behind ``end``, the end of what HDF5 has laid out.

        Headers are laid out when the file is closed: those of all samples so far are counted.
        """
        self._headers += 2 * attributes + self.HEADERS
        wanted = end + maps + self._headers
        if wanted > self._taken:
            try:
                self._extend(wanted + self.STEP)
            except OSError:
                self._extend(wanted)

    def _extend(self, end: int) -> None:
        if hasattr(os, "posix_fallocate"):  # elsewhere a full disk is seen by HDF5 alone
            os.posix_fallocate(self._file.fileno(), self._taken, end - self._taken)
        self._taken = end

    def give_back(self) -> None:
        """Cut the file, which HDF5 has closed, at its end."""
        self._file.seek(_USER_BLOCK)
        block = self._file.read(52)
        place = self._END[0].get(block[8], self._END[1])
        self._file.truncate(int.from_bytes(block[place : place + 8], "little"))


@contextmanager
def _opened(path: Path, mode: str, **options: Any) -> Iterator[tuple[h5py.File, _Room]]:
    """A file that HDF5 writes to."""
    with open(path, "r+b") as stream:
        _Room(stream)
        with h5py.File(path, mode, **options) as file:  # a new file gives back what was taken
            room = _Room(stream)
            yield file, room
        room.give_back()


def _append_samples(
    file: h5py.File,
    room: _Room,
    samples: Iterable[Sample | Stored],
    heads: Sequence[Mapping[str, Any]],
    channels: Sequence[str],
    channel_version: str,
) -> int:
    group = file["samples"]
    index = list(heads)
    names = {head["sample"] for head in heads}
    for sample in samples:
        head = head_of(sample) if isinstance(sample, Sample) else sample.store.heads[sample.index]
        if head["sample"] in names:
            raise InputError("a sample of this name is in the data set already", found=head["sample"])
        if isinstance(sample, Stored):
            if sample.store.channel_version != channel_version:
                raise InputError("channels of another version", found=sample.store.channel_version)
        elif sample.features.ndim != 3 or sample.features.shape[0] != len(channels):
            raise InputError(
                "feature maps of another shape",
                found=sample.features.shape,
                expected=f"({len(channels)}, rows, columns)",
            )
        names.add(head["sample"])
        size = _size(sample) if isinstance(sample, Sample) else sample.store.stored_size(sample.index)
        room.take(file.id.get_filesize(), size, len(json.dumps(head)))
        target = group.create_group(f"{len(index):06d}")
        target.attrs.update({name: json.dumps(value) if name in JSON else value for name, value in head.items()})
        if isinstance(sample, Stored):
            sample.store.copy_maps(sample.index, target)
        else:
            _write_maps(target, sample)
        index.append(head)
    text = json.dumps(index).encode()
    room.take(file.id.get_filesize(), len(text))
    _write_index(file, text)
    return len(index) - len(heads)


_FILTERS: dict[str, Any] = {"compression": "gzip", "compression_opts": 6, "shuffle": True, "fletcher32": True}


def _write_maps(group: h5py.Group, sample: Sample) -> None:
    for name in MAPS:
        values = getattr(sample, name)
        if values is not None:
            group.create_dataset(name, data=values, chunks=values.shape, **_FILTERS)


def _size(sample: Sample) -> int:
    """Bytes of the maps of a sample that is not compressed; what deflate cannot make smaller it hardly makes larger."""
    sizes = (0 if (values := getattr(sample, name)) is None else values.nbytes for name in MAPS)
    return sum(size + size // 1000 + 64 for size in sizes)


def _write_index(file: h5py.File, text: bytes) -> None:
    if "index" in file:
        del file["index"]
    data = np.frombuffer(text, dtype=np.uint8)
    file.create_dataset("index", data=data, chunks=data.shape, **_FILTERS)


def _digest(path: str | os.PathLike[str]) -> bytes:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        file.seek(_USER_BLOCK)
        while block := file.read(1 << 20):
            digest.update(block)
    return (_MAGIC + digest.hexdigest().encode() + b"\n").ljust(_USER_BLOCK, b"\0")


def _seal(path: Path) -> None:
    block = _digest(path)
    with open(path, "r+b") as file:
        file.write(block)


def verify_digest(path: str | os.PathLike[str]) -> None:
    """Raise :class:`InputError` unless the file is a data set whose bytes are those that were written."""
    try:
        with open(path, "rb") as file:
            head = file.read(_USER_BLOCK)
    except OSError as error:
        raise InputError("cannot be read", file=path, found=error.strerror or "error") from None
    if not head.startswith(_MAGIC):
        raise InputError(
            "not a routenas data set",
            file=path,
            found=head[:16].decode("latin-1"),
            expected="an HDF5 file made by 'routenas ingest'",
        )  # fmt: skip
    if _digest(path) != head:
        if in_use(path):
            raise InputError("the data set is in use", file=path, found="a program that writes to it")
        raise InputError(
            "the data set is damaged: its bytes do not match its SHA-256", file=path, expected="an unchanged file"
        )


class Store:
    """A data set opened for reading.

    ``names``, ``designs``, ``families``, ``labelled``, ``label_kinds``, ``routing_layers`` and ``sources`` are in file
    order; ``store[i]`` and ``sample(i)`` read a sample, iteration reads one after the other, and ``features(i)`` reads
    the feature maps alone, which is one read of one chunk. The file stays open, so it is read to its end as it was even
    where another takes its place; a copy in another process (by fork or pickle) opens it anew. ``heads`` holds what is
    stored of each sample beside its maps.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file: h5py.File | None = None
        self._process = 0
        verify_digest(self.path)
        with self._open() as file:
            if str(file.attrs.get("schema")) != SCHEMA:
                raise InputError(
                    "data set of another schema", file=path, found=str(file.attrs.get("schema")), expected=SCHEMA
                )
            self.channels: tuple[str, ...] = tuple(json.loads(file.attrs["channels"]))
            self.channel_version = str(file.attrs["channel_version"])
            if "index" in file:
                self.heads: list[dict[str, Any]] = json.loads(file["index"][()].tobytes())
            else:
                self.heads = [read_head(group) for group in file["samples"].values()]
        self.names: tuple[str, ...] = tuple(head["sample"] for head in self.heads)
        self.designs: tuple[str, ...] = tuple(head["design"] for head in self.heads)
        self.families: tuple[str, ...] = tuple(head["family"] for head in self.heads)
        self.labelled = tuple(head["labelled"] for head in self.heads)
        self.label_kinds: tuple[str, ...] = tuple(head["label_kind"] for head in self.heads)
        self.routing_layers = tuple(str(head.get("routing_layers", "")) for head in self.heads)
        self.sources: tuple[dict[str, str], ...] = tuple(head["sources"] for head in self.heads)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        return self.sample(index)

    def __iter__(self) -> Iterator[Sample]:
        return (self.sample(index) for index in range(len(self)))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}

    def sample(self, index: int) -> Sample:
        """Sample ``index`` in file order; each of its maps comes in one chunk."""
        with self._open() as file:
            return read_sample(file[self._key(index)], self.heads[index])

    def features(self, index: int) -> NDArray[np.float32]:
        """Feature maps (channels, rows, columns) of sample ``index``: one chunk, read at once."""
        with self._open() as file:
            return np.asarray(file[f"{self._key(index)}/features"][()], dtype=np.float32)

    def inside(self, index: int) -> NDArray[np.bool_] | None:
        """:attr:`Sample.inside` of sample ``index``; no map is read for it."""
        return Grid.inside_of(self.heads[index]["grid"])

    def tiles(self, index: int) -> int:
        """Tiles of sample ``index`` that are on the die."""
        inside = self.inside(index)
        return math.prod(self.heads[index]["grid"]["shape"]) if inside is None else int(inside.sum())

    def hotspot_tiles(self, index: int) -> int | None:
        """Tiles of sample ``index`` that are hotspots, None without a label.

        The head tells them; in a file of an older version the map of hotspots does, which is read then.
        """
        if not self.labelled[index]:
            return None
        if "hotspot_tiles" in self.heads[index]:
            return int(self.heads[index]["hotspot_tiles"])
        with self._open() as file:
            return int(file[f"{self._key(index)}/hotspots"][()].sum())

    def with_liberty(self, index: int) -> bool | None:
        """Whether a Liberty library told the registers of sample ``index``; None in a file that does not say."""
        used = self.heads[index].get("provenance", {}).get("liberty")
        return None if used is None else bool(used)

    def samples(self, families: Iterable[str] | None = None) -> tuple[Sample, ...]:
        """All samples, or those of the named families, in file order."""
        wanted = set(self.families) if families is None else set(families)
        return tuple(self.sample(index) for index, family in enumerate(self.families) if family in wanted)

    def stored_size(self, index: int) -> int:
        """Bytes of the maps of sample ``index`` as they are stored, compressed."""
        with self._open() as file:
            group = file[self._key(index)]
            return sum(group[name].id.get_storage_size() for name in MAPS if name in group)

    def copy_maps(self, index: int, target: h5py.Group) -> None:
        """Write the maps of sample ``index`` to another file as they are stored, without decompressing them."""
        with self._open() as file:
            group = file[self._key(index)]
            for name in (name for name in MAPS if name in group):
                source = group[name]
                copy = target.create_dataset(
                    name, shape=source.shape, dtype=source.dtype, chunks=source.shape, **_FILTERS
                )
                mask, data = source.id.read_direct_chunk((0,) * source.ndim)
                copy.id.write_direct_chunk((0,) * source.ndim, data, mask)

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _key(self, index: int) -> str:
        if not -len(self) <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        return f"samples/{index % len(self):06d}"

    @contextmanager
    def _open(self) -> Iterator[h5py.File]:
        try:
            if self._file is None or self._process != os.getpid():
                # Where the file system knows no locks, none are needed: a data set is replaced, never changed.
                self._file, self._process = h5py.File(self.path, "r", locking="best-effort"), os.getpid()
            yield self._file
        except BlockingIOError:
            raise InputError("the data set is in use", file=self.path, found="a program that writes to it") from None
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise InputError(
                "the data set cannot be read", file=self.path, found=str(error).partition("\n")[0]
            ) from None
