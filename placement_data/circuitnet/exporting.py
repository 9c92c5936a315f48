"""A data set of routenas in CircuitNet's layouts, so that scripts written for CircuitNet train on it."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from placement_data.circuitnet.index import INDEX_FILE, Channel, Index, Layout, Origin
from placement_data.circuitnet.names import COUNTS_CLIP, DRC_FOLDER, PLACEMENT_MAPS, ROUTER_MAPS
from placement_data.dataset import SPLITS, Split
from placement_data.errors import InputError, SettingError
from placement_data.files import atomic_folder, writing
from placement_data.grid import TILES_MAX
from placement_data.resize import area_resize, cubic_resize, max_resize
from placement_data.store import Sample, Store

Preprocessing = Literal["area", "circuitnet"]

SIZE = 256
"""Tiles per side of CircuitNet's prepared maps."""


def export_circuitnet(
    store_path: str | PathLike[str],
    out_folder: str | PathLike[str],
    *,
    layout: Layout = "training",
    preprocessing: Preprocessing = "area",
    resize: int = SIZE,
    split: Split | None = None,
    progress: Callable[[], object] = lambda: None,
) -> int:
    """Write a data set as CircuitNet's files into a new folder and return the number of samples.

    ``layout`` "raw": a folder of native-size maps per channel and ``DRC/DRC_all``, [x, y]. "training": labelled samples
    as ``feature/<name>.npy`` [x, y, channel] and ``label/<name>.npy`` [x, y, 1], float32, ``resize`` tiles per side.
    ``preprocessing`` "area" averages features by area and divides each channel by its largest value in the training
    split (in all samples without ``split``), and takes the label's maximum; "circuitnet" is what CircuitNet does: cubic
    spline and each map by its own range, label by area. Labels are violations, clipped to 200, over 200.
    ``split`` gives the lists train.csv, search.csv and test.csv; without one there is all.csv. ``channels.json`` holds
    names, order and scales. Violated nets and repeats are not exported: CircuitNet has no place for them.
    Raises ``InputError`` where the folder exists or nothing can be exported; then nothing is written.
    """
    target = Path(out_folder)
    if target.exists():
        raise InputError("the folder exists", file=target, expected="the name of a new folder")
    if not 1 <= resize <= TILES_MAX:
        raise SettingError("maps cannot be of this size", found=resize, expected=f"1 to {TILES_MAX} tiles a side")
    store = Store(store_path)
    _require_known(store, split)
    chosen = [i for i, labelled in enumerate(store.labelled) if labelled or layout == "raw"]
    if not chosen:
        raise InputError("no labelled placement to export", file=store.path)
    raw = layout == "raw"
    scales = () if raw or preprocessing == "circuitnet" else _scales(store, chosen, split)
    origins: dict[str, Origin] = {}
    with atomic_folder(target) as folder:
        for i in chosen:
            sample = store.sample(i)
            name = _file_name(sample.sample)
            if raw:
                _write_raw(folder, name, sample, store.channels)
            else:
                _write_training(folder, name, sample, resize, scales)
            origins[name] = _origin(sample)
            progress()
        index = Index(
            layout=layout,
            channel_version=store.channel_version if raw else f"{store.channel_version}/{preprocessing}{resize}",
            channels=_channels(store.channels, raw, scales),
            preprocessing="none" if raw else preprocessing,
            label_scale=1.0 if raw else COUNTS_CLIP,
            samples=origins,
        )
        with writing(folder / INDEX_FILE):
            (folder / INDEX_FILE).write_text(index.to_json(), encoding="utf-8")
        _write_lists(folder, store, split)
    return len(chosen)


def _require_known(store: Store, split: Split | None) -> None:
    named = set() if split is None else set(split.train + split.search + split.test)
    if unknown := sorted(named - set(store.families)):
        raise InputError("the split names a family that the data set lacks", file=store.path, found=unknown[0])


def _scales(store: Store, chosen: Sequence[int], split: Split | None) -> tuple[float, ...]:
    """Largest value of each channel in the training split: one factor for all placements keeps demand comparable."""
    seen = [i for i in chosen if split is None or store.families[i] in split.train]
    if not seen:
        raise InputError("no labelled placement in the train split", file=store.path)
    largest = np.max([store.sample(i).features.max(axis=(1, 2)) for i in seen], axis=0).astype(np.float64)
    return tuple(np.where(largest > 0, largest, 1.0).tolist())


def _channels(names: Sequence[str], raw: bool, scales: Sequence[float]) -> tuple[Channel, ...]:
    if raw:
        return tuple(Channel(name, _folder(name)) for name in names)
    return tuple(Channel(name, "", scales[i] if scales else None) for i, name in enumerate(names))


def _folder(channel: str) -> str:
    return {**PLACEMENT_MAPS, **ROUTER_MAPS}.get(channel) or _file_name(channel)


def _file_name(sample: str) -> str:
    """The name as a file name that no list and no file system takes apart; CircuitNet's own names stay as they are."""
    quoted = quote(sample, safe="")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted


def _origin(sample: Sample) -> Origin:
    return Origin(
        sample=sample.sample,
        design=sample.design,
        family=sample.family,
        net_count=sample.net_count,
        label_kind=sample.label_kind,
        hotspot_threshold=sample.hotspot_threshold,
        grid=dict(sample.grid),
        attributes=dict(sample.attributes),
        routing_layers=sample.routing_layers,
    )


def _write_raw(folder: Path, name: str, sample: Sample, channels: Sequence[str]) -> None:
    for channel, values in zip(channels, sample.features, strict=True):
        _save(folder / _folder(channel) / f"{name}.npy", values.T)
    if sample.violation_density is not None:
        _save(folder / DRC_FOLDER / f"{name}.npy", sample.violation_density.T)


def _write_training(folder: Path, name: str, sample: Sample, resize: int, scales: Sequence[float]) -> None:
    """Without ``scales`` the preparation is CircuitNet's."""
    size = (resize, resize)
    if scales:
        maps = [area_resize(values, size) / scale for values, scale in zip(sample.features, scales, strict=True)]
    else:
        maps = [_by_own_range(cubic_resize(values, size)) for values in sample.features]
    assert sample.violation_density is not None
    counts = np.clip(sample.violation_density, 0.0, COUNTS_CLIP)
    label = (max_resize if scales else area_resize)(counts, size) / COUNTS_CLIP
    _save(folder / "feature" / f"{name}.npy", np.stack(maps).transpose(2, 1, 0))
    _save(folder / "label" / f"{name}.npy", label.T[:, :, None])


def _by_own_range(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(x - min) / (max - min); a map of one value becomes 0, where CircuitNet's script divides by zero."""
    low, high = float(values.min()), float(values.max())
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        return np.zeros_like(values)
    return (values - low) / (high - low)


def _save(path: Path, values: NDArray[np.generic]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = io.BytesIO()  # numpy writes files in C, whose errors tell no reason
    np.save(packed, np.ascontiguousarray(values, dtype=np.float32), allow_pickle=False)
    with writing(path):
        path.write_bytes(packed.getbuffer())


def _write_lists(folder: Path, store: Store, split: Split | None) -> None:
    """CircuitNet's lists of labelled samples, ``feature/<name>.npy,label/<name>.npy`` a line."""
    parts = {"all": set(store.families)} if split is None else {part: set(getattr(split, part)) for part in SPLITS}
    for part, families in parts.items():
        names = [
            _file_name(name)
            for name, family, labelled in zip(store.names, store.families, store.labelled, strict=True)
            if labelled and family in families
        ]
        lines = [f"feature/{name}.npy,label/{name}.npy\n" for name in names]
        with writing(folder / f"{part}.csv"):
            (folder / f"{part}.csv").write_text("".join(lines), encoding="utf-8")
