"""The made-up placements: legal by brute force, as asked for, and the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from placement_data.design import Design, Direction, MasterClass, Use
from placement_data.readers import read_design
from tests.placement_data.small_design import write
from tests.placement_data.synthetic import synthetic_def, synthetic_lef


def made(folder: Path, *args: int, **options: float | bool | tuple[int, int]) -> Design:
    def_ = synthetic_def(*args, **options)  # type: ignore[arg-type]
    return read_design([write(folder, "made.lef", synthetic_lef())], write(folder, "made.def", def_))


def gate_cells(design: Design) -> np.ndarray:
    return np.array([name.startswith("u") for name in design.cells.name])


SIZES = [(1, 0.7, False), (2, 0.5, True), (7, 0.95, False), (300, 0.4, True), (1500, 0.9, True), (4000, 0.7, False)]


@pytest.mark.parametrize(("cells", "utilization", "memory"), SIZES)
def test_a_placement_is_legal(tmp_path: Path, cells: int, utilization: float, memory: bool) -> None:
    design = made(tmp_path, cells, 3, utilization=utilization, memory=memory)
    box = design.cells.box
    assert gate_cells(design).sum() == cells
    assert (design.masters.kind[design.cells.master] == MasterClass.BLOCK).sum() == memory
    # Each site of each row is covered at most once: painted into a plain array, cell by cell.
    origin = design.rows.origin.min(axis=0)
    assert ((box - np.tile(origin, 2)) % (380, 2800, 380, 2800) == 0).all()
    sites = (box - np.tile(origin, 2)) // (380, 2800, 380, 2800)
    floor = np.zeros(sites[:, 2:].max(axis=0), dtype=int)
    for x0, y0, x1, y1 in sites.tolist():
        assert min(x0, y0) >= 0
        floor[x0:x1, y0:y1] += 1
    assert floor.max() == 1
    assert (box[:, :2] >= design.die[:2]).all()
    assert (box[:, 2:] <= design.die[2:]).all()


def test_cells_of_rows_stand_in_rows_and_face_as_the_row_does(tmp_path: Path) -> None:
    design = made(tmp_path, 500, 3)
    rows = design.rows
    of_row = {
        int(y): (int(orientation), []) for y, orientation in zip(rows.origin[:, 1], rows.orientation, strict=True)
    }
    for (x, y), count in zip(rows.origin.tolist(), rows.count[:, 0].tolist(), strict=True):
        of_row[y][1].append((x, x + 380 * count))
    core = design.masters.kind[design.cells.master] == MasterClass.CORE
    for (x0, y0, x1, _), orientation in zip(
        design.cells.box[core].tolist(), design.cells.orientation[core], strict=True
    ):
        facing, spans = of_row[y0]
        assert any(low <= x0 and x1 <= high for low, high in spans)
        assert orientation in ((0, 4) if facing == 0 else (6, 2))


def test_utilization(tmp_path: Path) -> None:
    for utilization in (0.4, 0.8):
        design = made(tmp_path, 3000, 1, utilization=utilization, memory=False)
        gates = gate_cells(design)
        area = design.masters.width[design.cells.master[gates]].sum()
        assert area / (380 * (design.rows.count[:, 0] - 2).sum()) == pytest.approx(utilization, rel=0.03)


@pytest.mark.parametrize(("cells", "utilization", "memory"), SIZES)
def test_nets(tmp_path: Path, cells: int, utilization: float, memory: bool) -> None:
    design = made(tmp_path, cells, 5, utilization=utilization, memory=memory)
    pins, nets = design.pins, design.nets
    owner = [(c, m) if c >= 0 else (-1, p) for c, m, p in zip(pins.cell, pins.master_pin, pins.port, strict=True)]
    assert len(set(owner)) == len(owner)  # no pin in two nets
    driver_count = np.zeros(len(nets.name), dtype=int)
    outputs = design.masters.pin_direction[pins.master_pin] == Direction.OUTPUT
    ports_in = design.ports.direction[pins.port] == Direction.INPUT
    np.add.at(driver_count, pins.net, np.where(pins.cell >= 0, outputs, ports_in))
    assert (driver_count == 1).all()
    assert (np.diff(nets.pin_offset) <= 31).all()
    # Every signal input of every gate and every port is in a net.
    direction = design.masters.pin_direction
    master_inputs = np.add.reduceat(direction == Direction.INPUT, design.masters.pin_offset[:-1], dtype=int)
    inputs = master_inputs[design.cells.master].sum()
    assert (direction[pins.master_pin[pins.cell >= 0]] == Direction.INPUT).sum() == inputs
    assert (pins.port >= 0).sum() == len(design.ports.name)
    assert dict(zip(design.ports.name, design.ports.net, strict=True)) == {
        design.ports.name[p]: nets.name[n] for p, n in zip(pins.port, pins.net, strict=True) if p >= 0
    }
    assert pins.placed.all()


def test_nets_are_mostly_short(tmp_path: Path) -> None:
    design = made(tmp_path, 4000, 5, memory=False)
    ends = design.nets.pin_offset[:-1]
    width = np.maximum.reduceat(design.pins.x, ends) - np.minimum.reduceat(design.pins.x, ends)
    height = np.maximum.reduceat(design.pins.y, ends) - np.minimum.reduceat(design.pins.y, ends)
    side = (design.die[2:] - design.die[:2]).sum()
    length = np.sort(width + height) / side
    assert length[len(length) // 2] < 0.15
    assert length[-1] > 0.5
    assert (np.diff(design.nets.pin_offset) > 15).any()


def test_the_clock_reaches_every_flip_flop(tmp_path: Path) -> None:
    design = made(tmp_path, 2000, 5)
    clock_pins = np.flatnonzero(
        (design.masters.pin_use == Use.CLOCK) & (design.masters.pin_direction == Direction.INPUT)
    )
    takes_clock = np.isin(design.pins.master_pin, clock_pins)
    assert (design.nets.use[design.pins.net[takes_clock]] == Use.CLOCK).all()
    assert takes_clock.sum() > 100


def test_ports_lie_on_the_edge_of_the_die(tmp_path: Path) -> None:
    design = made(tmp_path, 200, 5, origin=(-7000, 12345))
    assert design.die[:2].tolist() == [-7000, 12345]
    box, die = design.ports.box, design.die
    assert (box[:, :2] >= die[:2] - 70).all()
    assert (box[:, 2:] <= die[2:] + 70).all()
    assert ((box == die).sum(axis=1) >= 1).all()
    size = np.sort(box[:, 2:] - box[:, :2], axis=1)
    assert (size == 140).all()


def test_an_origin_moves_everything(tmp_path: Path) -> None:
    here, there = made(tmp_path, 300, 9), made(tmp_path, 300, 9, origin=(100_001, -5))
    shift = np.array([100_001, -5] * 2)
    for name in ("cells", "ports", "pins"):
        np.testing.assert_array_equal(getattr(there, name).box, getattr(here, name).box + shift)
    np.testing.assert_array_equal(there.rows.origin, here.rows.origin + shift[:2])
    np.testing.assert_array_equal(there.die, here.die + shift)


def test_seeds() -> None:
    assert synthetic_def(200, 1) == synthetic_def(200, 1)
    assert synthetic_def(200, 1) != synthetic_def(200, 2)


def test_aspect_ratio(tmp_path: Path) -> None:
    die = made(tmp_path, 3000, 1, aspect_ratio=2.0, memory=False).die
    assert (die[3] - die[1]) / (die[2] - die[0]) == pytest.approx(2.0, rel=0.15)


@pytest.mark.parametrize("options", [{"cells": 0}, {"utilization": 0.0}, {"utilization": 1.0}, {"aspect_ratio": 0.0}])
def test_arguments_out_of_range(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="cells must be at least 1, utilization in"):
        synthetic_def(**{"cells": 10, "seed": 1, **options})  # type: ignore[arg-type]


def test_the_library(tmp_path: Path) -> None:
    masters = made(tmp_path, 5, 1).masters
    assert len(masters.name) == 15
    kind = dict(zip(masters.name, zip(masters.kind, masters.subclass, strict=True), strict=True))
    assert kind["TAP_1"] == (MasterClass.CORE, "WELLTAP")
    assert kind["FILL_1"] == (MasterClass.CORE, "SPACER")
    assert kind["MEM_64X8"] == (MasterClass.BLOCK, "")
    signal = (masters.pin_use == Use.SIGNAL) | (masters.pin_use == Use.CLOCK)
    pin_master = np.repeat(np.arange(len(masters.name)), np.diff(masters.pin_offset))
    first = masters.port_offset[:-1]
    assert (masters.port_box[first][signal, :2] >= 0).all()
    assert (masters.port_box[first][signal, 2] <= masters.width[pin_master[signal]]).all()
    assert (masters.port_box[first][signal, 3] <= masters.height[pin_master[signal]]).all()
