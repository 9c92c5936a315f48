"""The hook for DREAMPlace: positions move cells and pins, and the map comes back in the placer's bins."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from placement_data.design import Design
from placement_data.errors import InputError
from placement_data.features import feature_maps
from placement_data.grid import Grid
from placement_data.moving import moved
from placement_data.netlist import signal_nets
from routenas.bundle import ModelMismatchError
from routenas.flow.exports.dreamplace import RoutabilityMap
from routenas.flow.exports.inflation import Inflation
from routenas.predictor import Predictor
from tests.routenas.flow.exports.scores import design_with_macro

SCALE, SHIFT = 1 / 380, (500.0, -700.0)


@pytest.fixture(scope="module")
def predictor(bundles: dict[str, Path]) -> Predictor:
    """One to which half of the tiles are hotspots."""
    found = Predictor.of(bundles["hotspots"])
    threshold = float(np.median(probability_of(design_with_macro(), found)))
    metrics = {**found.bundle.metrics, "search": {**found.bundle.metrics["search"], "threshold": threshold}}
    return dataclasses.replace(found, bundle=dataclasses.replace(found.bundle, metrics=metrics))


def names_of(design: Design) -> list[bytes]:
    """As DREAMPlace has them: cells in some order, and nodes that are no cells."""
    names = [str(name).encode() for name in design.cells.name]
    return [*reversed(names), b"in[0]", b"filler_0"]


def positions(design: Design) -> Tensor:
    corner = design.cells.box[::-1, :2]
    more = np.zeros((2, 2))
    return torch.tensor((np.concatenate([corner, more]) - SHIFT) * SCALE).T.reshape(-1)


def hook_of(design: Design, predictor: Predictor, **settings: float) -> RoutabilityMap:
    inflate = Inflation(**{"added_area": 1.0, "hysteresis": 0.0, **settings})  # type: ignore[arg-type]
    return RoutabilityMap(design, predictor, names_of(design), (16, 24), shift=SHIFT, scale=SCALE, settings=inflate)


def probability_of(design: Design, predictor: Predictor) -> np.ndarray:
    maps = feature_maps(design, Grid.of(design, predictor.card.tile_um), predictor.channel_set)
    return predictor.predict(maps, int(signal_nets(design).sum()))


def test_moved_takes_the_pins_along() -> None:
    design = design_with_macro()
    corner = design.cells.box[:, :2] + np.arange(len(design.cells.name))[:, None] * [380, 0]
    found = moved(design, corner)
    for pin, cell in enumerate(design.pins.cell.tolist()):
        step = 0 if cell < 0 else 380 * cell
        assert (found.pins.box[pin] - design.pins.box[pin]).tolist() == [step, 0, step, 0]
    assert (found.cells.box[:, 2:] - corner == design.cells.box[:, 2:] - design.cells.box[:, :2]).all()
    back = moved(found, design.cells.box[:, :2])
    assert (back.pins.box == design.pins.box).all()


def test_the_placers_positions_are_those_of_the_design(predictor: Predictor) -> None:
    design = design_with_macro()
    hook = hook_of(design, predictor)
    found = hook(positions(design).to(torch.float64))
    assert found.shape == (16, 24)
    assert found.dtype == torch.float64
    cost = float((probability_of(design, predictor) * Grid.of(design, predictor.card.tile_um).area).sum())
    assert hook.rounds.cost == pytest.approx(cost, rel=1e-9)


def test_moved_cells_change_the_map(predictor: Predictor) -> None:
    design = design_with_macro()
    corner = design.cells.box[:, :2].copy()
    corner[: len(corner) // 2] = corner[0]  # a heap
    heap = moved(design, corner)
    hook = hook_of(design, predictor)
    hook(positions(heap))
    cost = float((probability_of(heap, predictor) * Grid.of(design, predictor.card.tile_um).area).sum())
    assert hook.rounds.cost == pytest.approx(cost, rel=1e-9)
    assert hook.rounds.cost != pytest.approx(hook_at_rest(design, predictor), rel=1e-3)


def hook_at_rest(design: Design, predictor: Predictor) -> float:
    hook = hook_of(design, predictor)
    hook(positions(design))
    return hook.rounds.cost


def test_the_map_is_the_root_of_the_ratio_averaged_over_bins(predictor: Predictor) -> None:
    design = design_with_macro()
    hook = hook_of(design, predictor)
    found = hook(positions(design).to(torch.float32))
    ratio, grid = hook.rounds.ratio, Grid.of(design, predictor.card.tile_um)
    assert ratio is not None
    assert found.dtype == torch.float32
    assert ratio.max() > 1.1
    x = np.linspace(grid.die[0], grid.die[2], 17)
    y = np.linspace(grid.die[1], grid.die[3], 25)
    for column, row in ((0, 0), (15, 23), (7, 11), (3, 20)):
        total = 0.0
        for i in range(grid.shape[0]):
            for j in range(grid.shape[1]):
                width = min(x[column + 1], grid.x_edges[j + 1]) - max(x[column], grid.x_edges[j])
                height = min(y[row + 1], grid.y_edges[i + 1]) - max(y[row], grid.y_edges[i])
                total += max(width, 0) * max(height, 0) * float(ratio[i, j])
        mean = total / ((x[1] - x[0]) * (y[1] - y[0]))
        assert float(found[column, row]) == pytest.approx(mean**0.5, rel=1e-5)


def test_the_best_position_is_kept(predictor: Predictor) -> None:
    design = design_with_macro()
    corner = design.cells.box[:, :2].copy()
    corner[: len(corner) // 2] = corner[0]
    layouts = [positions(design), positions(moved(design, corner))]
    costs = []
    for layout in layouts:
        hook = hook_of(design, predictor)
        hook(layout)
        costs.append(hook.rounds.cost)
    best = int(np.argmin(costs))
    hook = hook_of(design, predictor, patience=2)
    for layout in (layouts[1 - best], layouts[best], layouts[1 - best], layouts[1 - best]):
        hook(layout)
    assert hook.rounds.done
    assert hook.rounds.best_round == 2
    assert hook.best_position is not None
    assert (hook.best_position == layouts[best]).all()


def test_what_does_not_fit_is_refused(predictor: Predictor, bundles: dict[str, Path]) -> None:
    design = design_with_macro()
    with pytest.raises(InputError, match="no node is a cell of the design"):
        RoutabilityMap(design, predictor, ["nothing"], (4, 4))
    with pytest.raises(ModelMismatchError, match="violated_nets"):
        RoutabilityMap(design, Predictor.of(bundles["violated_nets"]), names_of(design), (4, 4))
