"""What a router left open: the pins of failed nets that its wires do not reach, and how full it made each tile."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from placement_data.design import Design, Ints
from placement_data.features.layout import Layout, on_die
from placement_data.features.tracks import track_length
from placement_data.readers.def_.routes import Routes
from placement_data.readers.lef import Library

Shapes = tuple[Ints, Ints, Ints]  # boxes (n, 4), layers (n,), -1 for all, and the item (n,) that each is of


def open_report(design: Design, library: Library, routes: Routes, failed: Collection[str]) -> str:
    """Open connections as the text of a DRC report of OpenROAD: a record for each pin that is cut off.

    Of a failed net those pins count that are not in its largest connected part (no part is where the largest two are
    equal); of one that is connected, all.
    """
    dbu, layers = design.dbu_per_micron, design.layers.name
    lines = []
    for name, pin, layer in _open_pins(design, library, routes, failed):
        x0, y0, x1, y1 = (f"{value / dbu:g}" for value in design.pins.box[pin])
        on = layers[layer] if layer >= 0 else "-"
        lines.append(f"violation type: Open\n\tsrcs: net:{name}\n\tbbox = ({x0}, {y0}) - ({x1}, {y1}) on Layer {on}\n")
    return "".join(lines)


def use_of_tracks(layout: Layout, routes: Routes) -> NDArray[np.float64]:
    """(rows, columns) length of wires over length of the tracks that signals may use in the tile; 0 where are none."""
    x0, y0, x1, y1 = routes.wire[routes.special == 0, 2:].T
    length, tracks = layout.grid.segment_length(x0, y0, x1, y1), layout.once(track_length).sum(axis=0)
    use: NDArray[np.float64] = np.divide(length, tracks, out=np.zeros_like(length), where=tracks > 0)
    return use


def _open_pins(
    design: Design, library: Library, routes: Routes, failed: Collection[str]
) -> Iterator[tuple[str, int, int]]:
    """Net, row of ``design.pins`` and layer."""
    row = {name: number for number, name in enumerate(design.nets.name)}
    of_routes = {name: number for number, name in enumerate(routes.net)}
    layer_of = {name: number for number, name in enumerate(design.layers.name)}
    for name in sorted(failed, key=lambda name: row.get(name, -1)):
        if name not in row:
            continue
        pins = np.arange(*design.nets.pin_offset[row[name] : row[name] + 2])
        pins = pins[design.pins.placed[pins]]
        box, layer, item = _pin_shapes(design, pins)
        part = _parts(_wires(design, library, routes, of_routes.get(name, -1), layer_of), (box, layer, item))
        lowest = {int(i): int(on) for i, on in zip(item[::-1], layer[::-1], strict=True)}
        sizes = np.bincount(part)
        largest = np.flatnonzero(sizes == sizes.max())
        cut = part != largest[0] if len(largest) == 1 and len(np.unique(part)) > 1 else np.ones(len(part), dtype=bool)
        yield from ((name, int(pin), lowest[i]) for i, pin in enumerate(pins) if cut[i])


def _pin_shapes(design: Design, pins: Ints) -> Shapes:
    """Shapes of pins where they lie on the die; ports of the design are on all layers."""
    boxes, layers, items = [], [], []
    masters = design.masters
    for i, pin in enumerate(pins):
        of, cell = design.pins.master_pin[pin], design.pins.cell[pin]
        rows = np.arange(*masters.port_offset[of : of + 2]) if of >= 0 else np.arange(0)
        box = on_die(design, np.full(len(rows), cell), masters.port_box[rows]) if len(rows) else design.pins.box[[pin]]
        boxes.append(box)
        layers.append(masters.port_layer[rows] if len(rows) else [-1])
        items.append(np.full(len(box), i))
    return np.concatenate(boxes), np.concatenate(layers), np.concatenate(items)


def _wires(design: Design, library: Library, routes: Routes, net: int, layer_of: dict[str, int]) -> Shapes:
    """Shapes of a net's wires and vias, an item each."""
    wire, placed = routes.wire[routes.wire[:, 0] == net], routes.placed[routes.placed[:, 0] == net]
    layer = np.array([layer_of.get(name, -1) for name in routes.layer], dtype=np.int64)[wire[:, 1]]
    half = np.nan_to_num(design.layers.width)[layer] / 2 * design.dbu_per_micron
    ends = wire[:, 2:].reshape(-1, 2, 2)
    box = np.concatenate([ends.min(axis=1) - half[:, None], ends.max(axis=1) + half[:, None]], axis=1)
    boxes, layers, items = [box], [layer], [np.arange(len(wire))]
    via_of = {name: number for number, name in enumerate(library.vias.name)}
    for i, (_, via, x, y) in enumerate(placed, len(wire)):
        of = via_of.get(routes.via[via], -1)
        rows = np.arange(*library.vias.offset[of : of + 2]) if of >= 0 else np.arange(0)
        boxes.append(library.vias.box[rows] * design.dbu_per_micron + [x, y, x, y])
        layers.append(library.vias.layer[rows])
        items.append(np.full(len(rows), i))
    return np.concatenate(boxes), np.concatenate(layers), np.concatenate(items)


def _parts(wires: Shapes, pins: Shapes) -> Ints:
    """(pins,) the connected part that each pin belongs to. Shapes that touch on a layer are connected."""
    first = int(wires[2].max(initial=-1)) + 1
    box = np.concatenate([wires[0], pins[0]])
    layer = np.concatenate([wires[1], pins[1]])
    item = np.concatenate([wires[2], pins[2] + first])
    on_one = (layer[:, None] == layer) | (layer[:, None] < 0) | (layer < 0)
    touch = (box[:, None, :2] <= box[None, :, 2:]).all(axis=2)
    a, b = np.nonzero(on_one & touch & touch.T)
    count = int(item.max()) + 1
    links = coo_array((np.ones(len(a), dtype=np.int8), (item[a], item[b])), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1][first:])
