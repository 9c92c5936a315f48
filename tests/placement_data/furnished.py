"""Random designs with all that hinders routing: tracks, power grid, obstructions, blockages and halos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from placement_data.design import (
    Blockages,
    Design,
    LayerDirection,
    LayerKind,
    Layers,
    SpecialNets,
    SpecialWires,
    Tracks,
    Use,
)
from tests.placement_data.builders import DBU, RAM, names, random_design

H, V, NO = LayerDirection.HORIZONTAL, LayerDirection.VERTICAL, LayerDirection.NONE
R, CUT = LayerKind.ROUTING, LayerKind.CUT
NAN = float("nan")
DIE = (-7003, 5011, 22222, 23456)

# name, kind, direction, pitch x, pitch y, width, spacing, offset x, offset y
_LAYERS = (
    ("poly", LayerKind.MASTERSLICE, NO, NAN, NAN, NAN, NAN, NAN, NAN),
    ("metal1", R, H, 0.19, 0.14, 0.07, 0.065, 0.095, 0.07),
    ("via1", CUT, NO, NAN, NAN, 0.07, 0.08, NAN, NAN),
    ("metal2", R, V, 0.19, 0.14, 0.07, 0.0705, 0.095, 0.07),
    ("metal3", R, H, 0.28, 0.28, NAN, NAN, NAN, NAN),
    ("metal4", R, V, 0.561, 0.561, 0.14, 0.14, 0.1, 0.1),
    ("metal5", R, NO, 0.6, 0.6, 0.3, 0.3, 0.1, 0.1),
    ("metal6", R, H, NAN, NAN, 0.4, 0.4, NAN, NAN),
)
# layer, vertical, start, count, step; metal3 and metal4 have none of their own direction, so that their pitch counts
_TRACKS = (
    ("metal1", False, -71000, 5000, 280),
    ("metal1", True, 0, 100, 380),
    ("metal2", True, -7003 + 190, 60, 380),
    ("metal2", True, 3, 40, 500),
    ("metal2", True, 12000, 1, 0),
    ("metal3", True, 0, 1000, 280),
    ("metal6", False, 23456, 1, 1),
    ("metal6", False, 6011, 5, 3000),
    ("nothing", False, 0, 10, 10),
)


def furnished_design(seed: int, die: tuple[int, int, int, int] = DIE, large_net: int = 0) -> Design:
    """``random_design`` with eight layers, tracks, special wires, obstructions, blockages and halos."""
    rng = np.random.default_rng(seed)
    design = random_design(rng, cells=25, nets=30, die=die, large_net=large_net)
    count = len(design.special_nets.name)
    special = SpecialNets(
        names([*design.special_nets.name, "VDD", "VSS", "MESH"]),
        np.append(design.special_nets.use, [Use.POWER, Use.GROUND, Use.CLOCK]).astype(np.uint8),
    )
    columns = list(zip(*_LAYERS, strict=True))
    kinds = [np.array(column, dtype=np.uint8) for column in columns[1:3]]
    pitch_x, pitch_y, width, spacing, offset_x, offset_y = (np.array(column) for column in columns[3:])
    tracks = list(zip(*_TRACKS, strict=True))
    return replace(
        design,
        layers=Layers(names(columns[0]), *kinds, pitch_x, pitch_y, width, offset_x, offset_y, spacing),
        tracks=Tracks(np.array(tracks[1]), *(np.array(c, dtype=np.int64) for c in tracks[2:]), names(tracks[0])),
        special_nets=special,
        special_wires=_special_wires(rng, die, count),
        masters=replace(design.masters, **_shapes(rng, design)),
        blockages=_blockages(rng, die),
        cells=replace(design.cells, **_halos(rng, design)),
    )


def random_boxes(
    rng: np.random.Generator, die: tuple[int, int, int, int], count: int, largest: int
) -> NDArray[np.int64]:
    """Boxes on and over the die, one in ten of no width and one in ten of no height."""
    x0, y0, x1, y1 = die
    corner = rng.integers((x0 - largest, y0 - largest), (x1, y1), size=(count, 2))
    size = rng.integers(1, largest, size=(count, 2)) * (rng.random((count, 2)) < 0.9)
    return np.concatenate([corner, corner + size], axis=1).astype(np.int64)


def _special_wires(rng: np.random.Generator, die: tuple[int, int, int, int], first: int) -> SpecialWires:
    x0, y0, x1, y1 = die
    rails = [(x0, y, x1, y + 170) for y in range(y0, y1, 2800)]
    stripes = [(x, y0 - 400, x + 480, y1) for x in range(x0 + 777, x1, 5600)]
    vias = random_boxes(rng, die, 30, 900)
    others = random_boxes(rng, die, 6, 3000)
    box = np.concatenate([np.array(rails), np.array(stripes), vias, others]).astype(np.int64)
    layer = np.concatenate(
        [
            np.full(len(rails), 1),
            np.full(len(stripes), 5),
            rng.choice([-1, 1, 2, 3, 4, 5, 6], 30),
            rng.choice([3, 4], 6),
        ]
    )
    net = np.concatenate(
        [rng.integers(first, first + 2, len(rails) + len(stripes) + 30), rng.choice([0, first + 2], 6)]
    )
    via = np.zeros(len(box), dtype=bool)
    via[len(rails) + len(stripes) : -6] = True
    return SpecialWires(net.astype(np.int32), layer.astype(np.int32), box, via)


def _shapes(rng: np.random.Generator, design: Design) -> dict[str, NDArray[np.generic]]:
    """Obstructions of nought to three boxes a master, and ports of nought to three boxes a pin, on any layer."""
    masters = design.masters
    size = np.stack([masters.width, masters.height], axis=1)

    def boxes(inside: NDArray[np.int64], largest: int) -> NDArray[np.int64]:
        low = rng.integers(-50, np.maximum(inside - largest, 1), size=inside.shape)
        return np.concatenate([low, low + rng.integers(0, largest, size=inside.shape)], axis=1).astype(np.int64)

    of_master = rng.integers(0, 4, size=len(masters.name))
    owner = np.repeat(np.arange(len(masters.name)), of_master)
    of_pin = rng.integers(0, 4, size=len(masters.pin_name))
    pin_master = np.repeat(np.arange(len(masters.name)), np.diff(masters.pin_offset))
    return {
        "obstruction_offset": np.append(0, np.cumsum(of_master)),
        "obstruction_layer": rng.choice([-1, 1, 2, 3, 4, 5], len(owner)).astype(np.int32),
        "obstruction_box": boxes(size[owner], 700),
        "port_offset": np.append(0, np.cumsum(of_pin)),
        "port_layer": rng.choice([-1, 0, 1, 1, 2, 3, 3, 3, 4, 5, 6], of_pin.sum()).astype(np.int32),
        "port_box": boxes(size[np.repeat(pin_master, of_pin)], 600),
    }


def _blockages(rng: np.random.Generator, die: tuple[int, int, int, int]) -> Blockages:
    count = 60
    return Blockages(
        layer=names(rng.choice(["", "", "", "metal1", "metal2", "metal3", "via1", "unknown"], count).tolist()),
        box=random_boxes(rng, die, count, 4000),
        soft=rng.random(count) < 0.4,
        max_density=np.where(rng.random(count) < 0.4, rng.random(count), np.nan),
        pushdown=rng.random(count) < 0.2,
        only_fills=rng.random(count) < 0.2,
        cell=np.full(count, -1, dtype=np.int32),
    )


def _halos(rng: np.random.Generator, design: Design) -> dict[str, NDArray[np.generic]]:
    cells = np.flatnonzero((design.cells.master == RAM) | (rng.random(len(design.cells.name)) < 0.3))
    ring = cells[rng.random(len(cells)) < 0.7]
    layers = rng.integers(-1, 6, size=(len(ring), 2))
    return {
        "halo_cell": cells.astype(np.int32),
        "halo": rng.integers(0, DBU, size=(len(cells), 4)),
        "route_halo_cell": ring.astype(np.int32),
        "route_halo": rng.integers(0, DBU, size=len(ring)),
        "route_halo_layers": np.sort(layers, axis=1),
    }
