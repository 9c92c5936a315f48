"""Judges of placements: numbers that are to fall, and a map of where it is bad."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Design, LibertyCells
from placement_data.features import feature_maps
from placement_data.features.demand import rudy
from placement_data.features.layout import Layout
from placement_data.grid import Grid
from placement_data.netlist import signal_nets
from routenas.predictor import Predictor

Map = NDArray[np.float64]


@dataclass(frozen=True)
class Verdict:
    """What a judge says of a placement: ``values`` are to fall, ``heat`` (rows, columns) is large where it is bad."""

    values: Mapping[str, float]
    heat: Map

    def better(self, other: Verdict) -> bool:
        """Whether no number is larger than the other's, and one is smaller."""
        pairs = [(value, other.values[name]) for name, value in self.values.items()]
        return all(new <= old for new, old in pairs) and any(new < old for new, old in pairs)

    def ratio(self, other: Verdict) -> float:
        """Mean ratio of the numbers to the other's."""
        return float(np.mean([value / max(other.values[name], 1e-12) for name, value in self.values.items()]))


class Judge(Protocol):
    """Whatever has an opinion on placements of one design, always the same one of the same placement."""

    def __call__(self, design: Design) -> Verdict:
        """The verdict on a placement."""
        ...


class Demand:
    """RUDY as a judge: the sum over tiles of its square over its first mean, which falls where wires spread or shorten.

    Tiles count as the map ``heat`` has it to a ``share`` (0 to 1) of their weight, the rest of it is alike for all.
    """

    def __init__(self, grid: Grid, design: Design, heat: Map | None = None, share: float = 0.0) -> None:
        self.grid = grid
        self.mean = max(float(rudy(Layout(design, grid)).mean()), 1e-12)
        self.weight = np.ones(grid.shape)
        if heat is not None and heat.any():
            self.weight += share * (heat / heat.mean() - 1.0)

    def __call__(self, design: Design) -> Verdict:
        """RUDY's verdict."""
        heat = self.weight * (rudy(Layout(design, self.grid)) / self.mean) ** 2
        return Verdict({"rudy": float(heat.sum())}, heat)


@dataclass(frozen=True)
class Predicted:
    """Models as a judge: expected violated tiles, the sum of the map of the hotspot model, and violated nets.

    Channels of a map depend on cells everywhere (spanning trees, a global estimate of routes): they are worked out
    whole, and so a verdict is for many moves at once. The first of ``predictors`` answers with the map.
    """

    predictors: Sequence[Predictor]
    grid: Grid
    liberty: LibertyCells | None = None
    routing_layers: str = ""

    def __call__(self, design: Design) -> Verdict:
        """The verdict of the models."""
        values: dict[str, float] = {}
        inside = None if self.grid.outline is None else self.grid.inside
        count = int(signal_nets(design).sum())
        heat = np.zeros(self.grid.shape)
        used = {name for each in self.predictors for name in each.read.channels}
        made: dict[str, NDArray[np.float32]] = {}
        for each in self.predictors:
            channels = each.channel_set
            told = None if each.card.liberty is False else self.liberty
            key = f"{channels} {told is None}"
            if key not in made:
                made[key] = feature_maps(
                    design, self.grid, channels, liberty=told, routing_layers=self.routing_layers, used=used
                )
            answer = each.predict(made[key], count, inside)
            if each.card.name == "hotspots":
                heat = np.where(self.grid.inside, answer, 0.0)
                values["expected_hotspot_tiles"] = float(heat.sum())
            else:
                values["violated_nets"] = float(answer[0]) * count
        return Verdict(values, heat)
