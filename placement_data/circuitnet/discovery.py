"""Where the maps of a CircuitNet folder lie, whatever it was unpacked into."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from placement_data.circuitnet.arrays import SUFFIXES
from placement_data.circuitnet.index import Index, Layout
from placement_data.circuitnet.names import (
    DRC_ALL,
    DRC_FOLDER,
    DRC_TASK_CHANNELS,
    DRC_TYPES_FOLDERS,
    PLACEMENT_MAPS,
    ROUTER_MAPS,
)
from placement_data.errors import InputError, SettingError

Files = Mapping[str, Path]

_DECOMPRESS = "a folder of CircuitNet's after its script for decompression, or a prepared one with feature/ and label/"


@dataclass(frozen=True)
class Found:
    """Files by sample: a folder per channel (raw) or a ``stack`` of all channels per sample (training), and labels.

    ``label`` is the labels' name as their folder spells it.
    ``stacked`` names the channels of the stacks, of which ``channels`` are those that are wanted.
    ``absent_is_none``: these samples were checked, so that where a label file is absent no violation was found.
    """

    channels: tuple[str, ...]
    maps: Mapping[str, Files]
    stack: Files
    labels: Files
    label: str = DRC_ALL
    stacked: tuple[str, ...] = ()
    absent_is_none: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """Samples in order of name: those with any map."""
        return tuple(sorted({*self.stack, *(name for files in self.maps.values() for name in files)}))


def layout_of(folder: Path, layout: Literal["auto", "raw", "training"], index: Index | None) -> Layout:
    """The layout that is meant; a folder with ``feature`` and ``label`` is a training set."""
    if not folder.is_dir():
        raise InputError("no such folder", file=folder, expected=_DECOMPRESS)
    stated = index.layout if index else None
    if layout == "auto":
        return stated or ("training" if (folder / "feature").is_dir() else "raw")
    if stated not in (None, layout):
        raise InputError("maps of another layout", file=folder, found=stated, expected=layout)
    return layout


def find_raw(folder: Path, channels: Sequence[str] | None, router: bool, label: str, index: Index | None) -> Found:
    """The folders of maps below ``folder``, at any depth: N14's archives nest, and users unpack where they like.

    ``channels`` None takes every placement map that is there, with ``router`` the overflow maps too.
    """
    if index:
        known = {channel.name: _listed(folder / channel.folder) for channel in index.channels}
        types = {DRC_ALL: _listed(folder / DRC_FOLDER)}
    else:
        known, types = _walk(folder)
    wanted = _wanted(folder, tuple(known), channels, router)
    if missing := [name for name in wanted if not known.get(name)]:
        there = ", ".join(name for name in known if known[name]) or "no map"
        raise InputError(f"no map {missing[0]} as .npy or .npz", file=folder, found=there, expected=_DECOMPRESS)
    label = next((name for name in types if name.lower() == label.lower()), label)
    labels = types.get(label, {})
    if not labels and label != DRC_ALL:
        raise SettingError("no such violation type", file=folder, found=label, expected=", ".join(types) or "DRC maps")
    # CircuitNet's extractor writes a type's map only where the report has that type.
    checked = frozenset(types.get(DRC_ALL, {})) if label != DRC_ALL else frozenset()
    maps = {name: known[name] for name in wanted}
    return Found(wanted, maps, {}, labels, label, absent_is_none=checked)


def find_training(folder: Path, channels: Sequence[str] | None, router: bool, index: Index | None) -> Found:
    """The files of a prepared training set. Its channels are ``channels``, the index's, or the DRC task's nine."""
    stack = _listed(folder / "feature")
    if not stack:
        raise InputError("no .npy file in feature/", file=folder, expected=_DECOMPRESS)
    there = tuple(channel.name for channel in index.channels) if index else tuple(channels or DRC_TASK_CHANNELS)
    wanted = _wanted(folder, there, channels if index else None, router)
    return Found(wanted, {}, stack, _listed(folder / "label"), stacked=there)


def _wanted(folder: Path, there: tuple[str, ...], channels: Sequence[str] | None, router: bool) -> tuple[str, ...]:
    if channels is not None:
        if leak := [name for name in channels if name in ROUTER_MAPS and not router]:
            what = f"channel {leak[0]} comes from a router: a leak as input of a pre-route predictor"
            raise SettingError(what, file=folder, expected="other channels, or router maps explicitly included")
        if not channels or len(set(channels)) < len(channels):
            raise SettingError("no channels, or one of them twice", found=", ".join(channels))
        if unknown := [name for name in channels if name not in there]:
            raise SettingError("no such channel", file=folder, found=unknown[0], expected=", ".join(there) or "maps")
        return tuple(channels)
    wanted = tuple(name for name in there if router or name not in ROUTER_MAPS)
    if not wanted:
        raise InputError("no maps of CircuitNet here", file=folder, expected=_DECOMPRESS)
    return wanted


def _walk(folder: Path) -> tuple[dict[str, dict[str, Path]], dict[str, dict[str, Path]]]:
    """Files by map and by violation type, each with its known maps in CircuitNet's order."""
    order = {name.lower(): name for name in (*PLACEMENT_MAPS, *ROUTER_MAPS)}
    maps: dict[str, dict[str, Path]] = {}
    types: dict[str, dict[str, Path]] = {}
    seen: set[str] = set()
    for parent, folders, _ in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in seen:  # a link that leads back up
            folders.clear()
            continue
        seen.add(real)
        folders.sort()
        place = Path(parent)
        if place.name.lower() in order:
            _add(maps.setdefault(order[place.name.lower()], {}), place)
        elif place.name.lower() == DRC_ALL.lower():
            _add(types.setdefault(DRC_ALL, {}), place)
        elif place.parent.name.lower() in DRC_TYPES_FOLDERS:
            _add(types.setdefault(place.name, {}), place)
    return {name: maps[name] for name in order.values() if maps.get(name)}, types


def _add(files: dict[str, Path], place: Path) -> None:
    for name, path in _listed(place).items():
        if name in files:
            raise InputError("a map of this sample is there twice", file=path, found=str(files[name]))
        files[name] = path


def _listed(place: Path) -> dict[str, Path]:
    """Array files of a folder by sample; empty where there is no such folder."""
    if not place.is_dir():
        return {}
    files: dict[str, Path] = {}
    for path in sorted(place.iterdir()):
        if path.suffix in SUFFIXES and not path.name.startswith(".") and path.is_file():
            if path.stem in files:
                raise InputError("a map of this sample is there twice", file=path, found=files[path.stem].name)
            files[path.stem] = path
    return files
