"""``Score``: the answer for one layout, and its forms for machines."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from placement_data.design import Design
from placement_data.grid import Grid
from routenas.regions import Map, Region
from routenas.version import __version__

SCHEMA = "routenas.score/1"


@dataclass(frozen=True)
class Score:
    """The answer for one layout.

    ``probability`` is (rows, columns), NaN in tiles off the die, or None without a hotspot model;
    ``violated_net_ratio`` None without a violated-net model. ``routing_layers`` are those that tracks were counted of,
    as ``metal2-metal3``, "" for all. ``regions`` are the worst of ``region_count``. ``inputs`` are SHA-256 by file,
    ``key`` is that of all that the answer depends on (both empty for a design that was in memory). ``timings`` are
    seconds a stage, in the order they ran. ``versions`` are those of what its last bits depend on. ``uncertainty``
    (rows, columns) is the standard deviation of the probability over the members of the model, and
    ``expected_tiles_uncertainty`` that of its sum; ``violated_net_interval`` are the lowest and the highest ratio of a
    member. They are None for a model of one member: how far models disagree is not known then. It is never the noise of
    the label.
    """

    design: Design
    grid: Grid
    net_count: int
    probability: Map | None
    threshold: float | None
    regions: tuple[Region, ...]
    region_count: int
    violated_net_ratio: float | None
    routing_layers: str
    warnings: tuple[tuple[str, str], ...]
    models: tuple[Mapping[str, Any], ...]
    timings: Mapping[str, float]
    versions: Mapping[str, str]
    inputs: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    uncertainty: Map | None = None
    expected_tiles_uncertainty: float | None = None
    violated_net_interval: tuple[float, float] | None = None

    @property
    def violated_nets(self) -> float | None:
        """Predicted number of nets with a violation."""
        return None if self.violated_net_ratio is None else self.violated_net_ratio * self.net_count

    def to_dict(self) -> dict[str, Any]:
        """JSON form, schema ``routenas.score/1``."""
        scale = self.design.dbu_per_micron
        value: dict[str, Any] = {
            "schema": SCHEMA,
            "routenas": __version__,
            "versions": dict(self.versions),
            "key": self.key or None,
            "design": self.design.name,
            "inputs": dict(self.inputs),
            "models": [dict(model) for model in self.models],
            "die_um": [float(edge) / scale for edge in self.design.die],
            "tile_um": self.grid.tile_um,
            "grid": list(self.grid.shape),
            "nets": self.net_count,
            "routing_layers": self.routing_layers or None,
            "violated_nets": None,
            "hotspots": None,
            "regions": [region.to_dict() for region in self.regions],
            "warnings": [{"code": code, "text": text} for code, text in self.warnings],
            "timing": {f"{stage}_s": round(seconds, 4) for stage, seconds in self.timings.items()},
        }
        if self.grid.outline is not None:
            value["outline_um"] = [[x / scale, y / scale] for x, y in self.grid.outline.corners]
        if self.violated_net_ratio is not None:
            interval = self.violated_net_interval
            value["violated_nets"] = {
                "predicted": self.violated_nets,
                "ratio": self.violated_net_ratio,
                "interval": None if interval is None else [ratio * self.net_count for ratio in interval],
            }
        if self.probability is not None and self.threshold is not None:
            value["hotspots"] = {
                **_hotspot_summary(self.probability, self.grid, self.threshold), "regions": self.region_count,
                "uncertainty": self._uncertainty(),
            }  # fmt: skip
        return value

    def _uncertainty(self) -> dict[str, float] | None:
        if self.uncertainty is None or self.expected_tiles_uncertainty is None:
            return None
        inside = self.uncertainty[self.grid.inside]
        return {
            "mean": float(inside.mean()),
            "max": float(inside.max()),
            "expected_tiles": self.expected_tiles_uncertainty,
        }


def _hotspot_summary(probability: Map, grid: Grid, threshold: float) -> dict[str, Any]:
    hot = probability >= threshold
    ordered = np.sort(probability[grid.inside])[::-1]

    def top(share: float) -> float:
        return float(ordered[: max(1, round(share * ordered.size))].mean())

    return {
        "threshold": threshold,
        "tiles": int(hot.sum()),
        "expected_tiles": float(ordered.sum()),
        "area_frac": min(1.0, float(grid.area[hot].sum() / grid.area.sum())),
        "max": float(ordered[0]),
        "mean": float(ordered.mean()),
        "mean_top_0p5pct": top(0.005),
        "mean_top_1pct": top(0.01),
        "mean_top_2pct": top(0.02),
        "mean_top_5pct": top(0.05),
    }


def heat_map_csv(grid: Grid, values: Map, dbu_per_micron: int) -> str:
    """CSV of a map, a row a tile on the die, as OpenROAD dumps a heat map: microns and per cent, column by column.

    The leftmost column comes first, and in each the lowest tile.
    """
    x, y = (np.round(edges / dbu_per_micron, 6).tolist() for edges in (grid.x_edges, grid.y_edges))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["x0", "y0", "x1", "y1", "value (%)"])
    for column, line in enumerate(np.round(100 * values.T, 4).tolist()):
        writer.writerows(
            [x[column], y[row], x[column + 1], y[row + 1], value]
            for row, value in enumerate(line)
            if grid.inside[row, column]
        )
    return text.getvalue()
