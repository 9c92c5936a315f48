"""The HDF5 data set: feature maps and labels of many placements, one chunk a sample at native size.

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

The digest makes any flipped byte of the file visible to :func:`verify`. A :class:`Store` checks it once, reads the
index and keeps the file open: from then on a map is one read of one chunk. Writes go to a temporary file beside the
target that replaces it when it is complete, so a reader never sees half a data set.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError
from placement_data.files import (
    atomic_folder,
    atomic_path,
    check_writable,
    remove_leftovers,
    sha256,
    write_text,
)

__all__ = [
    "SCHEMA", "UNITS", "Sample", "Store", "Stored", "append", "atomic_folder", "atomic_path", "check_writable",
    "remove_leftovers", "sha256", "verify", "verify_digest", "write", "write_text",
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
class Sample:
    """One placement: its feature maps and, where it was routed, its labels.

    ``features`` is float32 (channels, rows, columns); ``hotspots`` uint8, ``violation_density`` and
    ``violated_net_map`` float32 (rows, columns), all three None for an unlabelled layout. ``violated_net_map`` and
    ``violated_nets`` alone are None where the labels tell violations but no nets (CircuitNet). ``hotspots`` is 1 where
    ``violation_density`` is above ``hotspot_threshold``. ``net_count`` is 0 where it is not known. ``repeat_hotspots``
    is uint8 (repeats, rows, columns) and ``repeat_violated_nets`` the counts of the same repeats, if known. ``grid`` is
    :meth:`placement_data.grid.Grid.to_dict`. ``provenance`` is what ingest knows of how the sample came about, see
    :mod:`placement_data.ingest`.
    """

    sample: str
    design: str
    family: str
    features: NDArray[np.float32]
    net_count: int
    grid: Mapping[str, Any]
    label_kind: str = ""
    hotspots: NDArray[np.uint8] | None = None
    violation_density: NDArray[np.float32] | None = None
    violated_net_map: NDArray[np.float32] | None = None
    violated_nets: int | None = None
    repeat_hotspots: NDArray[np.uint8] | None = None
    repeat_violated_nets: tuple[int, ...] = ()
    hotspot_threshold: float = 0.0
    sources: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def labelled(self) -> bool:
        """Whether a DRC report made labels for this placement."""
        return self.hotspots is not None

    @property
    def violated_net_ratio(self) -> float | None:
        """Violated nets by nets (0 to 1), None without a label or where the label tells no nets."""
        return None if self.violated_nets is None else self.violated_nets / max(self.net_count, 1)


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
        with h5py.File(temporary, "w", userblock_size=_USER_BLOCK, libver=("v110", "v110")) as file:
            file.attrs.update(
                schema=SCHEMA, channels=json.dumps(channels), channel_version=channel_version, units=json.dumps(UNITS)
            )
            file.create_group("samples")
            count = _append_samples(file, samples, [], channels, channel_version)
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
        with h5py.File(temporary, "r+") as file:
            count = _append_samples(file, samples, store.heads, store.channels, channel_version)
        _seal(temporary)
    return count


def _append_samples(
    file: h5py.File,
    samples: Iterable[Sample | Stored],
    heads: Sequence[Mapping[str, Any]],
    channels: Sequence[str],
    channel_version: str,
) -> int:
    group = file["samples"]
    index = list(heads)
    names = {head["sample"] for head in heads}
    for sample in samples:
        head = _head(sample) if isinstance(sample, Sample) else sample.store.heads[sample.index]
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
        target = group.create_group(f"{len(index):06d}")
        target.attrs.update({name: json.dumps(value) if name in _JSON else value for name, value in head.items()})
        if isinstance(sample, Stored):
            sample.store.copy_maps(sample.index, target)
        else:
            _write_maps(target, sample)
        index.append(head)
    _write_index(file, index)
    return len(index) - len(heads)


_MAPS = ("features", "hotspots", "violation_density", "violated_net_map", "repeat_hotspots")
_JSON = ("grid", "sources", "attributes", "provenance")
_FILTERS: dict[str, Any] = {"compression": "gzip", "compression_opts": 6, "shuffle": True, "fletcher32": True}


def _head(sample: Sample) -> dict[str, Any]:
    """What is stored of a sample beside its maps."""
    head = {
        "sample": sample.sample,
        "design": sample.design,
        "family": sample.family,
        "label_kind": sample.label_kind,
        "net_count": sample.net_count,
        "labelled": sample.labelled,
        "violated_nets": -1 if sample.violated_nets is None else sample.violated_nets,
        "repeat_violated_nets": [int(count) for count in sample.repeat_violated_nets],
        "grid": dict(sample.grid),
        "sources": dict(sample.sources),
        "attributes": dict(sample.attributes),
    }
    # What says nothing is left out, so that a file stays what an older version wrote.
    if sample.hotspot_threshold:
        head["hotspot_threshold"] = float(sample.hotspot_threshold)
    if sample.provenance:
        head["provenance"] = dict(sample.provenance)
    return head


def _read_head(group: h5py.Group) -> dict[str, Any]:
    """The head of a sample of a file without an index."""
    head = {name: json.loads(value) if name in _JSON else value for name, value in group.attrs.items()}
    for name in ("sample", "design", "family", "label_kind"):
        head[name] = str(head[name])
    for name in ("net_count", "violated_nets"):
        head[name] = int(head[name])
    head["labelled"] = "hotspots" in group
    head["repeat_violated_nets"] = [int(count) for count in head["repeat_violated_nets"]]
    return head


def _write_maps(group: h5py.Group, sample: Sample) -> None:
    for name in _MAPS:
        values = getattr(sample, name)
        if values is not None:
            group.create_dataset(name, data=values, chunks=values.shape, **_FILTERS)


def _write_index(file: h5py.File, heads: Sequence[Mapping[str, Any]]) -> None:
    if "index" in file:
        del file["index"]
    text = np.frombuffer(json.dumps(heads).encode(), dtype=np.uint8)
    file.create_dataset("index", data=text, chunks=text.shape, **_FILTERS)


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
            "not a routenas data set", file=path, found=head[:16], expected="an HDF5 file made by 'routenas ingest'"
        )
    if _digest(path) != head:
        raise InputError(
            "the data set is damaged: its bytes do not match its SHA-256", file=path, expected="an unchanged file"
        )


class Store:
    """A data set opened for reading.

    ``names``, ``designs``, ``families``, ``labelled``, ``label_kinds`` and ``sources`` are in file order; ``sample(i)``
    reads a sample and ``features(i)`` its feature maps alone, which is one read of one chunk. The file stays open, so
    it is read to its end as it was even where another takes its place; a copy in another process (by fork or pickle)
    opens it anew. ``heads`` holds what is stored of each sample beside its maps.
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
                self.heads = [_read_head(group) for group in file["samples"].values()]
        self.names: tuple[str, ...] = tuple(head["sample"] for head in self.heads)
        self.designs: tuple[str, ...] = tuple(head["design"] for head in self.heads)
        self.families: tuple[str, ...] = tuple(head["family"] for head in self.heads)
        self.labelled = tuple(head["labelled"] for head in self.heads)
        self.label_kinds: tuple[str, ...] = tuple(head["label_kind"] for head in self.heads)
        self.sources: tuple[dict[str, str], ...] = tuple(head["sources"] for head in self.heads)

    def __len__(self) -> int:
        return len(self.names)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_file": None}

    def sample(self, index: int) -> Sample:
        """Sample ``index`` in file order; each of its maps comes in one chunk."""
        with self._open() as file:
            return _read_sample(file[self._key(index)], self.heads[index])

    def features(self, index: int) -> NDArray[np.float32]:
        """Feature maps (channels, rows, columns) of sample ``index``: one chunk, read at once."""
        with self._open() as file:
            return np.asarray(file[f"{self._key(index)}/features"][()], dtype=np.float32)

    def samples(self, families: Iterable[str] | None = None) -> tuple[Sample, ...]:
        """All samples, or those of the named families, in file order."""
        wanted = set(self.families) if families is None else set(families)
        return tuple(self.sample(index) for index, family in enumerate(self.families) if family in wanted)

    def copy_maps(self, index: int, target: h5py.Group) -> None:
        """Write the maps of sample ``index`` to another file as they are stored, without decompressing them."""
        with self._open() as file:
            group = file[self._key(index)]
            for name in (name for name in _MAPS if name in group):
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
                self._file, self._process = h5py.File(self.path, "r"), os.getpid()
            yield self._file
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise InputError(
                "the data set cannot be read", file=self.path, found=str(error).partition("\n")[0]
            ) from None


def _read_sample(group: h5py.Group, head: Mapping[str, Any]) -> Sample:
    maps: dict[str, Any] = {name: group[name][()] if name in group else None for name in _MAPS}
    return Sample(
        sample=head["sample"],
        design=head["design"],
        family=head["family"],
        label_kind=head["label_kind"],
        net_count=head["net_count"],
        violated_nets=None if head["violated_nets"] < 0 else head["violated_nets"],
        repeat_violated_nets=tuple(head["repeat_violated_nets"]),
        hotspot_threshold=float(head.get("hotspot_threshold", 0.0)),
        grid=head["grid"],
        sources=head["sources"],
        attributes=head["attributes"],
        provenance=head.get("provenance", {}),
        **maps,
    )


def verify(path: str | os.PathLike[str], progress: Callable[[], object] = lambda: None) -> Store:
    """Read everything and check it: digest, schema, chunk checksums, shapes, value ranges, labels that agree.

    Raises :class:`InputError` with the sample's name at the first defect; returns the opened store.
    """
    store = Store(path)
    for index, name in enumerate(store.names):
        sample = store.sample(index)
        defect = next(_defects(sample, len(store.channels)), None)
        if defect is not None:
            raise InputError(f"sample {name} fails the check '{defect}'", file=path)
        progress()
    return store


def _defects(sample: Sample, channels: int) -> Iterator[str]:
    """Names of the checks that a sample fails; the later ones rest on the earlier ones."""
    shape = sample.features.shape[1:]
    maps = [getattr(sample, name) for name in _MAPS]
    if sample.features.shape[0] != channels:
        yield "channels"
    if not np.isfinite(sample.features).all():
        yield "finite features"
    if list(shape) != list(sample.grid["shape"]):
        yield "grid shape"
    if any(map_ is not None and map_.shape[-2:] != shape for map_ in maps):
        yield "map shapes"
    no_violations = {sample.hotspots is None, sample.violation_density is None}
    no_nets = {sample.violated_net_map is None, sample.violated_nets is None}
    if len(no_violations) != 1 or len(no_nets) != 1 or (no_violations == {True} and no_nets == {False}):
        yield "complete labels"
    repeats = 0 if sample.repeat_hotspots is None or sample.violated_nets is None else len(sample.repeat_hotspots)
    if len(sample.repeat_violated_nets) != repeats:
        yield "counted repeats"
    if sample.hotspots is None or sample.violation_density is None:
        return
    if not ((sample.violation_density > sample.hotspot_threshold) == (sample.hotspots == 1)).all():
        yield "hotspots where violations are"
    if sample.violated_net_map is not None and sample.violated_nets is not None:
        if sample.violated_nets > sample.net_count:
            yield "violated nets at most nets"
        total = float(sample.violated_net_map.sum(dtype=np.float64))
        if not np.isclose(total, sample.violated_nets, rtol=1e-4, atol=1e-2):
            yield "a map of all violated nets"
    if not sample.label_kind:
        yield "a label kind"
