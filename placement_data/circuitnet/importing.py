"""CircuitNet's maps become samples: as downloaded, as prepared for training, or as routenas exported them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from placement_data.circuitnet.arrays import read_array, read_map
from placement_data.circuitnet.discovery import Found, find_raw, find_training, layout_of
from placement_data.circuitnet.index import Index, Layout
from placement_data.circuitnet.names import (
    COUNTS_CLIP,
    DRC_ALL,
    PLACEMENT_MAPS,
    ROUTER_MAPS,
    FamilyRule,
    parse_name,
)
from placement_data.errors import InputError, SettingError
from placement_data.grid import Grid
from placement_data.store import Sample

Map = NDArray[np.float64]

TILE_UM = 2.25
"""Side of a tile that CircuitNet documents for N28, microns."""

_EARLY_OVERFLOW = ("congestion_eGR_horizontal_overflow", "congestion_eGR_vertical_overflow")
_ZERO_OR_ONE = (
    "congestion_eGR_horizontal_overflow holds only 0 and 1: CircuitNet's extractor divided the overflow by itself"
)
_OWN_RANGE = "every map was normalised by its own range: demand cannot be compared between placements"


@dataclass(frozen=True)
class CircuitNet:
    """Samples of a CircuitNet folder, read one by one as they are iterated; ``len`` is the number of them.

    ``channels`` and ``channel_version`` are what ``placement_data.store.write`` wants beside the samples.
    """

    folder: Path
    layout: Layout
    channels: tuple[str, ...]
    channel_version: str
    names: tuple[str, ...]
    found: Found
    index: Index | None
    threshold: float | None
    families: FamilyRule
    designs: Mapping[str, tuple[str, str]] | None
    tile_um: float | None
    on_defect: Callable[[InputError], object] | None

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Sample]:
        count = 0
        for name in self.names:
            try:
                sample = self.read(name)
            except InputError as error:
                if self.on_defect is None:
                    raise
                self.on_defect(error)
                continue
            count += 1
            yield sample
        if not count:
            raise InputError("no sample can be used", file=self.folder, found=f"{len(self.names)} defective")

    def read(self, name: str) -> Sample:
        """One sample by its file name without suffix. Raises ``InputError`` naming the file that cannot be used."""
        raw = self.layout == "raw"
        features, sources = self._raw_features(name) if raw else self._training_features(name)
        sample = self._described(name, features, sources)
        warnings = list(self._warnings(features))
        if warnings:
            sample = replace(sample, attributes={**sample.attributes, "warnings": "; ".join(warnings)})
        counts = self._violations(name, features.shape[1:], sources)
        return sample if counts is None else self._labelled(name, sample, counts)

    def _raw_features(self, name: str) -> tuple[Map, dict[str, str]]:
        maps: list[Map] = []
        sources: dict[str, str] = {}
        for channel in self.channels:
            path = self.found.maps[channel].get(name)
            if path is None:
                raise InputError(f"sample {name} has no map {channel}", file=self.folder)
            values, sources[self._relative(path)] = read_map(path)
            if maps and values.shape != maps[0].shape:
                raise InputError(
                    "maps of one sample differ in shape", file=path, found=_xy(values), expected=f"'{_xy(maps[0])}'"
                )
            _require_positive(values, channel, path)
            maps.append(values)
        return np.stack(maps), sources

    def _training_features(self, name: str) -> tuple[Map, dict[str, str]]:
        path = self.found.stack.get(name)
        if path is None:
            raise InputError(f"no sample {name}", file=self.folder)
        values, digest = read_array(path)
        there = self.found.stacked
        if values.ndim != 3 or values.shape[2] != len(there):
            raise InputError(
                "not a stack of the channels", file=path, found=str(values.shape), expected=f"[w, h, {len(there)}]"
            )
        stack = values.transpose(2, 1, 0)[[there.index(channel) for channel in self.channels]]
        for channel, map_ in zip(self.channels, stack, strict=True):
            _require_positive(map_, channel, path)
        scales = {channel.name: channel.scale for channel in self.index.channels} if self.index else {}
        factor = np.array([scales.get(channel) or 1.0 for channel in self.channels])
        return stack * factor[:, None, None], {self._relative(path): digest}

    def _described(self, name: str, features: Map, sources: Mapping[str, str]) -> Sample:
        rows, columns = features.shape[1:]
        origin = self.index.samples.get(name) if self.index else None
        if origin is not None and (self.designs is None or origin.sample not in self.designs):
            design, family, attributes = origin.design, origin.family, dict(origin.attributes)
        else:
            try:
                parsed = parse_name(origin.sample if origin else name, self.families, self.designs)
            except InputError as error:
                raise error.inside(self.folder) from None
            design, family, attributes = parsed.design, parsed.family, dict(parsed.attributes)
        grid: Mapping[str, Any]
        if origin is not None and self.layout == "raw" and self.tile_um is None:
            grid = origin.grid
            if list(grid.get("shape", ())) != [rows, columns]:
                found = f"{columns} x {rows} tiles"
                raise InputError(f"maps of sample {name} do not fit its grid", file=self.folder, found=found)
        else:
            grid = _grid(rows, columns, self.tile_um or TILE_UM)
            if self.tile_um is None:
                documented = self.layout == "raw" and attributes.get("node") == "28 nm"
                attributes["tile"] = f"{TILE_UM:g} um, {'as documented' if documented else 'assumed'}"
        return Sample(
            sample=origin.sample if origin else name,
            design=design,
            family=family,
            features=np.ascontiguousarray(features, dtype=np.float32),
            net_count=int(origin.net_count) if origin else 0,
            grid=grid,
            sources=sources,
            attributes=attributes,
            routing_layers=origin.routing_layers if origin else "",
        )

    def _violations(self, name: str, shape: tuple[int, ...], sources: dict[str, str]) -> Map | None:
        """Violations per tile (rows, columns), None without a label."""
        path = self.found.labels.get(name)
        if path is None:
            return np.zeros(shape) if name in self.found.absent_is_none else None
        values, digest = read_map(path)
        sources[self._relative(path)] = digest
        if values.shape != shape:
            raise InputError(
                "the label differs from the maps in shape", file=path, found=_xy(values), expected=f"{shape[::-1]}"
            )
        if values.min() < 0:
            raise InputError("a label below zero", file=path, found=float(values.min()))
        if self.index:
            return values * self.index.label_scale
        if self.layout == "raw":
            if (values != np.rint(values)).any():
                raise InputError("violations that are not whole numbers", file=path, expected="a map of counts")
            return values
        if values.max() > 1:
            raise InputError("a prepared label beyond 1", file=path, found=float(values.max()), expected="0 to 1")
        return values * COUNTS_CLIP

    def _labelled(self, name: str, sample: Sample, counts: Map) -> Sample:
        origin = self.index.samples.get(name) if self.index else None
        stated = origin.hotspot_threshold if origin else 0.0
        threshold = stated if self.threshold is None else self.threshold
        kind = (origin.label_kind if origin else "") or f"circuitnet-innovus/{self.found.label}"
        if self.layout == "training":
            kind += f"/{self.index.preprocessing if self.index else 'circuitnet'}{counts.shape[0]}"
        if threshold != stated:
            kind += f">{threshold:g}"
        density = np.ascontiguousarray(counts, dtype=np.float32)
        return replace(
            sample,
            label_kind=kind,
            hotspots=(density > threshold).astype(np.uint8),
            violation_density=density,
            hotspot_threshold=threshold,
        )

    def _warnings(self, features: Map) -> Iterator[str]:
        if all(name in self.channels for name in _EARLY_OVERFLOW):
            across, up = (features[self.channels.index(name)] for name in _EARLY_OVERFLOW)
            if across.any() and _zero_or_one(across) and not _zero_or_one(up):
                yield _ZERO_OR_ONE
        if self.layout == "training" and (self.index is None or self.index.preprocessing == "circuitnet"):
            yield _OWN_RANGE

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()


def read_circuitnet(
    folder: str | PathLike[str],
    *,
    layout: Literal["auto", "raw", "training"] = "auto",
    include_router_maps: bool = False,
    channels: Sequence[str] | None = None,
    label: str = DRC_ALL,
    threshold: float | None = None,
    families: FamilyRule = "core",
    designs: Mapping[str, tuple[str, str]] | None = None,
    tile_um: float | None = None,
    on_defect: Callable[[InputError], object] | None = None,
) -> CircuitNet:
    """The samples of a CircuitNet folder (N28, N14, ISPD 2015) or of one that ``export_circuitnet`` wrote.

    ``layout`` "raw" are folders of maps named as CircuitNet names them, at any depth, ``.npy`` or ``.npz``; "training"
    the folders ``feature`` and ``label`` of its preparation. ``channels`` chooses some maps (default: all placement
    maps that are there), or names those that the arrays of a training set hold, in order (default: its
    ``channels.json``, else the nine of CircuitNet's DRC task). The overflow maps of the routers are left out, for they
    leak the answer, unless ``include_router_maps``. Labels are ``label``: ``DRC_all`` or one violation type; a tile is
    a hotspot above ``threshold`` violations (default 0, any violation; CircuitNet's own is 20). Violated nets are not
    known. ``families`` and ``designs`` see ``names.parse_name``. ``tile_um`` is the side of a tile, which the maps do
    not tell (default: 2.25, CircuitNet's figure for N28). A defective sample raises ``InputError``, or with
    ``on_defect`` is told and left out.
    """
    place = Path(folder)
    if threshold is not None and not (math.isfinite(threshold) and threshold >= 0):
        raise SettingError("the threshold cannot be used", found=str(threshold), expected="violations, at least 0")
    if tile_um is not None and not (math.isfinite(tile_um) and tile_um > 0):
        raise SettingError("the tile size cannot be used", found=str(tile_um), expected="a positive number of microns")
    index = Index.load(place)
    meant = layout_of(place, layout, index)
    if meant == "raw":
        found = find_raw(place, channels, include_router_maps, label, index)
    elif label != DRC_ALL:
        raise SettingError("a training set has one label", file=place, found=label, expected=DRC_ALL)
    else:
        found = find_training(place, channels, include_router_maps, index)
    return CircuitNet(
        folder=place, layout=meant, channels=found.channels, channel_version=_version(meant, found.channels, index),
        names=found.names, found=found, index=index, threshold=threshold, families=families,
        designs=designs, tile_um=tile_um, on_defect=on_defect,
    )  # fmt: skip


def _version(layout: Layout, channels: tuple[str, ...], index: Index | None) -> str:
    """Differs wherever channels, their order or their preparation do, so that nothing is mixed unseen."""
    digest = hashlib.sha256("\n".join(channels).encode()).hexdigest()[:8]
    if index:
        same = channels == tuple(channel.name for channel in index.channels)
        return index.channel_version if same else f"{index.channel_version}/{digest}"
    router = "-router" if any(name in ROUTER_MAPS for name in channels) else ""
    return f"circuitnet{len(channels)}{router}/1-{layout}-{digest}"


def _grid(rows: int, columns: int, tile_um: float) -> dict[str, object]:
    tile = round(1000 * tile_um)
    return Grid((0, 0, columns * tile, rows * tile), tile, 1000).to_dict()


def _require_positive(values: Map, channel: str, path: Path) -> None:
    if channel in {**PLACEMENT_MAPS, **ROUTER_MAPS} and values.min() < 0:
        raise InputError(f"map {channel} is below zero", file=path, found=float(values.min()))


def _zero_or_one(values: Map) -> bool:
    return bool(np.isin(values, (0.0, 1.0)).all())


def _xy(values: Map) -> str:
    return str(values.shape[::-1])
