"""Is a data set whole? Every byte, every chunk, and labels that agree with one another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import numpy as np

from placement_data.errors import InputError
from placement_data.sample import MAPS, Sample
from placement_data.store import Store


def verify(path: str | os.PathLike[str], progress: Callable[[], object] = lambda: None) -> Store:
    """Read everything and check it: digest, schema, chunk checksums, shapes, value ranges, labels that agree.

    Raises :class:`InputError` with the sample's name at the first defect; returns the opened store.
    """
    store = Store(path)
    for index, name in enumerate(store.names):
        sample = store.sample(index)
        defect = next(_defects(sample, len(store.channels), store.heads[index].get("hotspot_tiles")), None)
        if defect is not None:
            raise InputError(f"sample {name} fails the check '{defect}'", file=path)
        progress()
    return store


def _defects(sample: Sample, channels: int, hotspot_tiles: int | None = None) -> Iterator[str]:
    """Names of the checks that a sample fails; the later ones rest on the earlier ones."""
    shape = sample.features.shape[1:]
    maps = [getattr(sample, name) for name in MAPS]
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
    if len(sample.earlier_iterations) != (0 if sample.earlier_hotspots is None else len(sample.earlier_hotspots)):
        yield "numbered earlier iterations"
    if sample.inside is not None and any(np.any(map_[..., ~sample.inside]) for map_ in maps if map_ is not None):
        yield "nothing off the die"
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
    if hotspot_tiles is not None and hotspot_tiles != int(sample.hotspots.sum()):
        yield "hotspot tiles as counted"
    if not sample.label_kind:
        yield "a label kind"
