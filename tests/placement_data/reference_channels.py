"""What the channels beyond the 17 should give, worked out one object, one track and one tile at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np

from placement_data.design import Design, LayerDirection, LayerKind, MasterClass, Use
from placement_data.grid import Grid
from tests.placement_data.builders import turn
from tests.placement_data.reference import Box, Map, is_signal, net_box, nets, overlap, owns, rudy_box, tiles, touches

Shape = tuple[int, Box]  # layer and box
Interval = tuple[float, float]


def area_map(grid: Grid, boxes: list[tuple[Box, float]]) -> Map:
    """Weighted covered area over the tile's area."""
    total = np.zeros(grid.shape)
    for row, column, tile in tiles(grid):
        area = (tile[2] - tile[0]) * (tile[3] - tile[1])
        total[row, column] = sum(weight * overlap(box, tile) for box, weight in boxes) / area
    return total


def touch_map(grid: Grid, boxes: list[tuple[Box, float]]) -> Map:
    """Sum of the weights of the boxes that touch the tile."""
    total = np.zeros(grid.shape)
    for row, column, _ in tiles(grid):
        total[row, column] = sum(weight for box, weight in boxes if touches(grid, box, row, column))
    return total


def routing_layers(design: Design) -> list[int]:
    return [i for i, kind in enumerate(design.layers.kind) if kind == LayerKind.ROUTING]


def is_supply(design: Design, wire: int) -> bool:
    return int(design.special_nets.use[design.special_wires.net[wire]]) in (Use.POWER, Use.GROUND)


# Macros, cells, blockages


def macros(design: Design) -> list[tuple[Box, float]]:
    found = []
    halo = {
        int(cell): list(map(int, sides)) for cell, sides in zip(design.cells.halo_cell, design.cells.halo, strict=True)
    }
    for cell, box in enumerate(design.cells.box):
        if design.masters.kind[design.cells.master[cell]] == MasterClass.BLOCK:
            left, bottom, right, top = halo.get(cell, [0, 0, 0, 0])
            found.append(((box[0] - left, box[1] - bottom, box[2] + right, box[3] + top), 1.0))
    return found


def room_takers(design: Design) -> list[tuple[Box, float]]:
    kept = []
    for cell, box in enumerate(design.cells.box):
        if str(design.masters.name[design.cells.master[cell]]) not in ("FILLCELL_X1", "BUMP"):
            kept.append((tuple(box), 1.0))
    return kept


def placement_blockages(design: Design, kind: str) -> list[tuple[Box, float]]:
    found = []
    blockages = design.blockages
    for layer, box, soft, most in zip(
        blockages.layer, blockages.box, blockages.soft, blockages.max_density, strict=True
    ):
        its_kind = "soft" if soft else "hard"
        if not math.isnan(most):
            its_kind = "partial"
        if layer == "" and its_kind == kind:
            found.append((tuple(box), 1.0 - most if kind == "partial" else 1.0))
    return found


# RUDY


def rudy_boxes(design: Design, grid: Grid, shortest: float) -> list[tuple[Box, bool]]:
    """Widened box of each net, and whether the net is long."""
    found = []
    for points, _ in nets(design):
        box = net_box(points)
        touched = sum(touches(grid, clamped(box, grid), row, column) for row, column, _ in tiles(grid))
        found.append((rudy_box(points, grid, shortest), touched > 1))
    return found


def clamped(box: Box, grid: Grid) -> Box:
    x0, y0, x1, y1 = grid.die
    return min(max(box[0], x0), x1), min(max(box[1], y0), y1), min(max(box[2], x0), x1), min(max(box[3], y0), y1)


def rudy_map(grid: Grid, boxes: list[Box], horizontal: bool = True, vertical: bool = True) -> Map:
    dbu = grid.dbu_per_micron
    weighted = []
    for box in boxes:
        width, height = (box[2] - box[0]) / dbu, (box[3] - box[1]) / dbu
        weighted.append((box, (1 / height if horizontal else 0.0) + (1 / width if vertical else 0.0)))
    return area_map(grid, weighted)


def pin_rudy(design: Design, grid: Grid, shortest: float, only_long: bool) -> Map:
    boxes = iter(rudy_boxes(design, grid, shortest))
    pins = []
    dbu = grid.dbu_per_micron
    for net in range(len(design.nets.name)):
        rows = range(design.nets.pin_offset[net], design.nets.pin_offset[net + 1])
        placed = [row for row in rows if design.pins.placed[row]]
        if is_signal(design, net) and len(placed) >= 2:
            box, long = next(boxes)
            weight = dbu / (box[2] - box[0]) + dbu / (box[3] - box[1])
            if long or not only_long:
                pins += [(tuple(design.pins.box[row]), weight) for row in placed]
    return touch_map(grid, pins)


# Shapes


def placed_box(design: Design, cell: int, box: Box) -> Box:
    master = design.cells.master[cell]
    width, height = int(design.masters.width[master]), int(design.masters.height[master])
    orientation = int(design.cells.orientation[cell])
    xa, ya = turn(int(box[0]), int(box[1]), width, height, orientation)
    xb, yb = turn(int(box[2]), int(box[3]), width, height, orientation)
    left, bottom = int(design.cells.box[cell, 0]), int(design.cells.box[cell, 1])
    return left + min(xa, xb), bottom + min(ya, yb), left + max(xa, xb), bottom + max(ya, yb)


def special_shapes(design: Design, supply: bool) -> list[Shape]:
    wires = design.special_wires
    return [
        (int(layer), tuple(box))
        for wire, (layer, box) in enumerate(zip(wires.layer, wires.box, strict=True))
        if is_supply(design, wire) == supply
    ]


def obstruction_shapes(design: Design) -> list[Shape]:
    found = special_shapes(design, supply=False)
    masters = design.masters
    for cell, master in enumerate(design.cells.master):
        for row in range(masters.obstruction_offset[master], masters.obstruction_offset[master + 1]):
            found.append((int(masters.obstruction_layer[row]), placed_box(design, cell, masters.obstruction_box[row])))
    name = list(design.layers.name)
    for layer, box, only_fills in zip(
        design.blockages.layer, design.blockages.box, design.blockages.only_fills, strict=True
    ):
        if layer in name and not only_fills:
            found.append((name.index(layer), tuple(box)))
    for cell, width, (low, high) in zip(
        design.cells.route_halo_cell, design.cells.route_halo, design.cells.route_halo_layers, strict=True
    ):
        x0, y0, x1, y1 = map(int, design.cells.box[cell])
        outer = (x0 - width, y0 - width, x1 + width, y1 + width)
        for layer in range(low, high + 1) if low >= 0 else ():
            found += [(layer, (outer[0], outer[1], x0, outer[3])), (layer, (x1, outer[1], outer[2], outer[3]))]
            found += [(layer, (x0, outer[1], x1, y0)), (layer, (x0, y1, x1, outer[3]))]
    return found


# Tracks


def tracks_of(design: Design, layer: int) -> tuple[bool, list[float], float] | None:
    """Whether a layer's tracks are horizontal, where they lie, and how far a shape reaches; database units."""
    layers, dbu = design.layers, design.dbu_per_micron
    if layers.kind[layer] != LayerKind.ROUTING or layers.direction[layer] == LayerDirection.NONE:
        return None
    horizontal = layers.direction[layer] == LayerDirection.HORIZONTAL
    low, high = (design.die[1], design.die[3]) if horizontal else (design.die[0], design.die[2])
    position: set[float] = set()
    tracks = design.tracks
    for name, vertical, start, count, step in zip(
        tracks.layer, tracks.vertical, tracks.start, tracks.count, tracks.step, strict=True
    ):
        if name == layers.name[layer] and vertical != horizontal:
            position |= {start + k * step for k in range(count) if low <= start + k * step <= high}
    pitch = float((layers.pitch_y if horizontal else layers.pitch_x)[layer])
    if not position and pitch > 0:
        offset = float((layers.offset_y if horizontal else layers.offset_x)[layer])
        at = (pitch / 2 if math.isnan(offset) else offset) * dbu % (pitch * dbu)
        while at <= high - low + 1e-6:
            position.add(low + round(2 * at) / 2)
            at += pitch * dbu
    if not position:
        return None
    ordered = sorted(float(p) for p in position)
    if not pitch > 0:
        pitch = min(b - a for a, b in itertools.pairwise(ordered)) / dbu
    width = float(layers.width[layer])
    width = pitch / 2 if math.isnan(width) else width
    spacing = float(layers.spacing[layer])
    spacing = pitch - width if math.isnan(spacing) else spacing
    return bool(horizontal), ordered, round((width + 2 * spacing) * dbu) / 2


def union_length(parts: list[Interval], low: float, high: float) -> float:
    """Length of [low, high] that the parts cover: by the stretches between all ends."""
    ends = sorted({low, high, *(min(max(end, low), high) for part in parts for end in part)})
    return sum(b - a for a, b in itertools.pairwise(ends) if any(p[0] <= a and b <= p[1] for p in parts))


def track_maps(design: Design, grid: Grid, shapes: list[Shape]) -> tuple[Map, Map]:
    """Length of tracks, and of their blocked parts, (2, rows, columns) in microns."""
    total, blocked = np.zeros((2, 2, *grid.shape))
    for layer in range(len(design.layers.name)):
        found = tracks_of(design, layer)
        if found is None:
            continue
        horizontal, position, reach = found
        way, along, across = (0, 0, 1) if horizontal else (1, 1, 0)
        mine = [box for its_layer, box in shapes if its_layer == layer]
        for at in position:
            near = [box for box in mine if box[across] - reach < at < box[across + 2] + reach]
            parts = [(box[along] - reach, box[along + 2] + reach) for box in near]
            for row, column, tile in tiles(grid):
                middle = [(tile[0] + tile[2]) / 2, (tile[1] + tile[3]) / 2]
                middle[across] = at
                if owns(grid, middle[0], middle[1], row, column):
                    total[way, row, column] += tile[along + 2] - tile[along]
                    blocked[way, row, column] += union_length(parts, tile[along], tile[along + 2])
    return total / grid.dbu_per_micron, blocked / grid.dbu_per_micron


def ratio(part: Map, whole: Map) -> Map:
    result = np.zeros_like(part)
    for index in np.ndindex(part.shape):
        if whole[index] > 0:
            result[index] = part[index] / whole[index]
    return result


# Power grid and pins


def stripes(design: Design) -> list[tuple[Box, float]]:
    levels = routing_layers(design)
    wires = design.special_wires
    metal = [
        i for i in range(len(wires.net)) if is_supply(design, i) and not wires.via[i] and int(wires.layer[i]) in levels
    ]
    lowest = min((int(wires.layer[i]) for i in metal), default=0)
    return [(tuple(wires.box[i]), 1.0) for i in metal if wires.layer[i] > lowest]


def vias(design: Design, level: int) -> list[tuple[Box, float]]:
    wires, layer = design.special_wires, routing_layers(design)[level]
    return [
        (tuple(wires.box[i]), 1.0)
        for i in range(len(wires.net))
        if is_supply(design, i) and wires.via[i] and wires.layer[i] == layer
    ]


def cell_pins(design: Design) -> list[tuple[int, int | None, list[Box]]]:
    """Row, lowest routing layer and its shapes on the die, of each placed signal pin of a cell."""
    found = []
    masters, pins = design.masters, design.pins
    for pin in range(len(pins.net)):
        if pins.cell[pin] < 0 or not pins.placed[pin] or not is_signal(design, int(pins.net[pin])):
            continue
        rows = range(masters.port_offset[pins.master_pin[pin]], masters.port_offset[pins.master_pin[pin] + 1])
        layers = [int(masters.port_layer[r]) for r in rows if int(masters.port_layer[r]) in routing_layers(design)]
        lowest = min(layers, default=None)
        boxes = [
            placed_box(design, int(pins.cell[pin]), masters.port_box[r])
            for r in rows
            if masters.port_layer[r] == lowest
        ]
        found.append((pin, lowest, boxes if lowest is not None else []))
    return found


def centre_map(design: Design, grid: Grid, weight: Callable[[int | None, list[Box]], float]) -> Map:
    total = np.zeros(grid.shape)
    for pin, layer, boxes in cell_pins(design):
        box = design.pins.box[pin]
        for row, column, _ in tiles(grid):
            if owns(grid, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, row, column):
                total[row, column] += weight(layer, boxes)
    return total


def crossings(design: Design, layer: int | None, boxes: list[Box], usable: list[int] | None = None) -> int:
    if layer is None:
        return 0
    usable = list(range(len(design.layers.name))) if usable is None else usable
    layer = min((i for i in usable if i >= layer), default=max(usable))
    own = tracks_of(design, layer)
    if own is None:
        return 0
    others = [found for i in usable if i > layer and (found := tracks_of(design, i))]
    others += [found for i in reversed(usable) if i < layer and (found := tracks_of(design, i))]
    other = next((found for found in others if found[0] != own[0]), None)
    if other is None:
        return 0
    rows, columns = (own[1], other[1]) if own[0] else (other[1], own[1])
    return sum(sum(box[1] <= y <= box[3] for y in rows) * sum(box[0] <= x <= box[2] for x in columns) for box in boxes)
