"""``Sample``: one placement as training reads it, and what is stored of it beside its maps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from placement_data.grid import Grid

MAPS = ("features", "hotspots", "violation_density", "violated_net_map", "repeat_hotspots", "earlier_hotspots")
JSON = ("grid", "sources", "attributes", "provenance")
_LISTS = ("repeat_violated_nets", "earlier_iterations")
_AS_STORED = (
    *("sample", "design", "family", "label_kind", "net_count", "hotspot_threshold", "routing_layers"),
    *("grid", "sources", "attributes", "provenance"),
)
Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True)
class Sample:
    """One placement: its feature maps and, where it was routed, its labels.

    ``features`` is float32 (channels, rows, columns); ``hotspots`` uint8, ``violation_density`` and
    ``violated_net_map`` float32 (rows, columns), all three None for an unlabelled layout. ``violated_net_map`` and
    ``violated_nets`` alone are None where the labels tell violations but no nets (CircuitNet). ``hotspots`` is 1 where
    ``violation_density`` is above ``hotspot_threshold``. ``routing_layers`` are those that signals may use, in the
    design's own names (``metal2-metal3``); "" where nothing was said, so that all counted. ``net_count`` is 0 where it
    is not known. ``repeat_hotspots`` is uint8 (repeats, rows, columns) and ``repeat_violated_nets`` the counts of the
    same repeats, if known. ``earlier_hotspots`` is uint8 (iterations, rows, columns): the hotspots that the same router
    had left after its ``earlier_iterations``, targets beside the label and never inputs. ``grid`` is
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
    earlier_hotspots: NDArray[np.uint8] | None = None
    earlier_iterations: tuple[int, ...] = ()
    hotspot_threshold: float = 0.0
    routing_layers: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def inside(self) -> NDArray[np.bool_] | None:
        """(rows, columns) True for the tiles on the die; None where all are, as on every rectangular die.

        The others are no tiles: their features and labels are 0, and they belong in no loss, metric or statistic.
        """
        return Grid.inside_of(self.grid)

    def on_die(self, maps: NDArray[Value]) -> NDArray[Value]:
        """(..., tiles) what maps (..., rows, columns) of this placement hold in the tiles on the die."""
        return maps.reshape(*maps.shape[:-2], -1) if self.inside is None else maps[..., self.inside]

    @property
    def labelled(self) -> bool:
        """Whether a DRC report made labels for this placement."""
        return self.hotspots is not None

    @property
    def violated_net_ratio(self) -> float | None:
        """Violated nets by nets (0 to 1), None without a label or where the label tells no nets."""
        return None if self.violated_nets is None else self.violated_nets / max(self.net_count, 1)


def head_of(sample: Sample) -> dict[str, Any]:
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
    if sample.routing_layers:
        head["routing_layers"] = sample.routing_layers
    if sample.earlier_iterations:
        head["earlier_iterations"] = list(sample.earlier_iterations)
    if sample.hotspots is not None:
        head["hotspot_tiles"] = int(sample.hotspots.sum())
    if sample.provenance:
        head["provenance"] = dict(sample.provenance)
    return head


def read_head(group: h5py.Group) -> dict[str, Any]:
    """The head of a sample of a file without an index."""
    head = {name: json.loads(value) if name in JSON else value for name, value in group.attrs.items()}
    for name in ("sample", "design", "family", "label_kind"):
        head[name] = str(head[name])
    for name in ("net_count", "violated_nets"):
        head[name] = int(head[name])
    head["labelled"] = "hotspots" in group
    if "earlier_iterations" in head:
        head["earlier_iterations"] = [int(number) for number in head["earlier_iterations"]]
    head["repeat_violated_nets"] = [int(count) for count in head["repeat_violated_nets"]]
    return head


def read_sample(group: h5py.Group, head: Mapping[str, Any]) -> Sample:
    """The sample of an HDF5 group (see :mod:`placement_data.store`) and of what is stored beside its maps."""
    known: dict[str, Any] = {name: group[name][()] if name in group else None for name in MAPS}
    known |= {name: head[name] for name in _AS_STORED if name in head}
    known |= {name: tuple(head[name]) for name in _LISTS if name in head}
    return Sample(**known, violated_nets=None if head["violated_nets"] < 0 else head["violated_nets"])
