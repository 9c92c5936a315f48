"""The HDF5 data set: feature maps and labels of many placements, one chunk a sample at native size.

Layout of a file (schema ``routenas-data/1``)::

    user block, 512 bytes    "routenas-data sha256 <digest of all bytes behind the block>"
    /                        attributes: schema, channel_version, channels (JSON), units (JSON)
    /samples/000000          attributes: sample, design, family, label_kind, net_count, violated_nets, grid (JSON), ...
        features             float32 (channels, rows, columns)
        hotspots             uint8   (rows, columns)            absent where the placement has no label
        violation_density    float32 (rows, columns)            violations that touch the tile
        violated_net_map     float32 (rows, columns)            sums to the number of violated nets
        repeat_hotspots      uint8   (repeats, rows, columns)   the same placement routed with other net orders

The digest makes any flipped byte of the file visible to :func:`verify`. Writes go to a temporary file beside the target
that replaces it when it is complete, so a reader never sees half a data set.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError

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
    ``violated_net_map`` float32 (rows, columns), all three None for an unlabelled layout. ``repeat_hotspots`` is uint8
    (repeats, rows, columns) and ``repeat_violated_nets`` the counts of the same repeats. ``grid`` is
    :meth:`placement_data.grid.Grid.to_dict`.
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
    sources: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def labelled(self) -> bool:
        """Whether a DRC report made labels for this placement."""
        return self.hotspots is not None

    @property
    def violated_net_ratio(self) -> float | None:
        """Violated nets by nets (0 to 1), None without a label."""
        return None if self.violated_nets is None else self.violated_nets / max(self.net_count, 1)


def sha256(path: str | os.PathLike[str]) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``path`` that replaces it when the block ends well and is removed when it does not."""
    target = Path(path)
    check_writable(target)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise InputError(
            "cannot write here", file=target, found=error.strerror or "error", expected="a writable folder"
        ) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike[str]) -> None:
    """Raise :class:`InputError` unless a file can be made at ``path``: to be asked before long work, not after it."""
    target = Path(path)
    if target.is_dir():
        raise InputError("cannot write here", file=target, found="a folder", expected="the name of a file")
    if not target.parent.is_dir() or not os.access(target.parent, os.W_OK | os.X_OK):
        raise InputError("cannot write here", file=target, expected="a folder that is there and can be written to")


def remove_leftovers(folder: Path, *names: str) -> None:
    """Remove what a killed process left behind of atomic writes to files of these names in ``folder``."""
    for name in names:
        for path in folder.glob(f".{name}.*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write(
    path: str | os.PathLike[str], samples: Iterable[Sample], channels: tuple[str, ...], channel_version: str
) -> int:
    """Write a new data set, replacing what is at ``path``, and return the number of samples.

    Nothing is written on an error.
    """
    with atomic_path(path) as temporary:
        with h5py.File(temporary, "w", userblock_size=_USER_BLOCK, libver=("v110", "v110")) as file:
            file.attrs.update(
                schema=SCHEMA, channels=json.dumps(channels), channel_version=channel_version, units=json.dumps(UNITS)
            )
            file.create_group("samples")
            count = _append_samples(file, samples, len(channels))
        _seal(temporary)
    return count


def append(path: str | os.PathLike[str], samples: Iterable[Sample], channel_version: str) -> int:
    """Add samples to a data set, atomically, and return how many.

    Raises :class:`InputError` for a name that is there already and for other channels; the old file then stays.
    """
    verify_digest(path)
    with atomic_path(path) as temporary:
        shutil.copyfile(path, temporary)
        with h5py.File(temporary, "r+") as file:
            found = str(file.attrs["channel_version"])
            if found != channel_version:
                raise InputError("channels of another version", file=path, found=found, expected=channel_version)
            count = _append_samples(file, samples, len(json.loads(file.attrs["channels"])))
        _seal(temporary)
    return count


def _append_samples(file: h5py.File, samples: Iterable[Sample], channels: int) -> int:
    group = file["samples"]
    names = {str(group[key].attrs["sample"]) for key in group}
    before = len(names)
    for sample in samples:
        if sample.sample in names:
            raise InputError("a sample of this name is in the data set already", found=sample.sample)
        if sample.features.ndim != 3 or sample.features.shape[0] != channels:
            raise InputError(
                "feature maps of another shape", found=sample.features.shape, expected=f"({channels}, rows, columns)"
            )
        names.add(sample.sample)
        _write_sample(group.create_group(f"{len(names) - 1:06d}"), sample)
    return len(names) - before


def _write_sample(group: h5py.Group, sample: Sample) -> None:
    group.attrs.update(
        sample=sample.sample,
        design=sample.design,
        family=sample.family,
        label_kind=sample.label_kind,
        net_count=sample.net_count,
        violated_nets=-1 if sample.violated_nets is None else sample.violated_nets,
        repeat_violated_nets=np.asarray(sample.repeat_violated_nets, dtype=np.int64),
        grid=json.dumps(dict(sample.grid)),
        sources=json.dumps(dict(sample.sources)),
        attributes=json.dumps(dict(sample.attributes)),
    )
    for name in _MAPS:
        values = getattr(sample, name)
        if values is not None:
            group.create_dataset(
                name,
                data=values,
                chunks=values.shape,
                compression="gzip",
                compression_opts=6,
                shuffle=True,
                fletcher32=True,
            )


_MAPS = ("features", "hotspots", "violation_density", "violated_net_map", "repeat_hotspots")


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

    ``names``, ``designs``, ``families``, ``labelled`` and ``sources`` are in file order; ``sample(i)`` reads a sample.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        verify_digest(self.path)
        with self._open() as file:
            if str(file.attrs.get("schema")) != SCHEMA:
                raise InputError(
                    "data set of another schema", file=path, found=str(file.attrs.get("schema")), expected=SCHEMA
                )
            self.channels: tuple[str, ...] = tuple(json.loads(file.attrs["channels"]))
            self.channel_version = str(file.attrs["channel_version"])
            self._keys = sorted(file["samples"])
            heads = [dict(file["samples"][key].attrs) for key in self._keys]
        self.names = tuple(str(head["sample"]) for head in heads)
        self.designs = tuple(str(head["design"]) for head in heads)
        self.families = tuple(str(head["family"]) for head in heads)
        self.labelled = tuple(int(head["violated_nets"]) >= 0 for head in heads)
        self.sources: tuple[dict[str, str], ...] = tuple(json.loads(head["sources"]) for head in heads)

    def __len__(self) -> int:
        return len(self.names)

    def sample(self, index: int) -> Sample:
        """Sample ``index`` in file order; the feature maps come in one chunk."""
        with self._open() as file:
            return _read_sample(file["samples"][self._keys[index]])

    def samples(self, families: Iterable[str] | None = None) -> tuple[Sample, ...]:
        """All samples, or those of the named families, in file order."""
        wanted = set(self.families) if families is None else set(families)
        with self._open() as file:
            return tuple(
                _read_sample(file["samples"][key])
                for key, family in zip(self._keys, self.families, strict=True)
                if family in wanted
            )

    @contextmanager
    def _open(self) -> Iterator[h5py.File]:
        try:
            with h5py.File(self.path, "r") as file:
                yield file
        except (OSError, KeyError, ValueError, RuntimeError) as error:
            raise InputError(
                "the data set cannot be read", file=self.path, found=str(error).partition("\n")[0]
            ) from None


def _read_sample(group: h5py.Group) -> Sample:
    head = group.attrs
    maps: dict[str, Any] = {name: group[name][()] if name in group else None for name in _MAPS}
    violated = int(head["violated_nets"])
    return Sample(
        sample=str(head["sample"]),
        design=str(head["design"]),
        family=str(head["family"]),
        label_kind=str(head["label_kind"]),
        net_count=int(head["net_count"]),
        violated_nets=None if violated < 0 else violated,
        repeat_violated_nets=tuple(int(value) for value in head["repeat_violated_nets"]),
        grid=json.loads(head["grid"]),
        sources=json.loads(head["sources"]),
        attributes=json.loads(head["attributes"]),
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
    if len(sample.repeat_violated_nets) != (0 if sample.repeat_hotspots is None else len(sample.repeat_hotspots)):
        yield "counted repeats"
    if len({label is None for label in (*maps[1:4], sample.violated_nets)}) != 1:
        yield "complete labels"
    if sample.hotspots is None or sample.violation_density is None or sample.violated_net_map is None:
        return
    if not ((sample.violation_density > 0) == (sample.hotspots == 1)).all():
        yield "hotspots where violations are"
    violated = sample.violated_nets or 0
    if violated > sample.net_count:
        yield "violated nets at most nets"
    if not np.isclose(float(sample.violated_net_map.sum(dtype=np.float64)), violated, rtol=1e-4, atol=1e-2):
        yield "a map of all violated nets"
    if not sample.label_kind:
        yield "a label kind"
