"""How easily a router reaches the pins of cells, in which ports of the design have no part, and where those are."""

from __future__ import annotations

import numpy as np

from placement_data.columns import owners
from placement_data.design import Ints
from placement_data.features.layout import Array, Indices, Layout, Map, on_die, rows_of
from placement_data.features.tracks import LayerTracks, Shapes, layer_tracks


def pin_count_by_layer(layout: Layout) -> Map:
    """(3, rows, columns) signal pins of cells with their centre in the tile, whose lowest shape on a routing layer is
    on the first one, on the second, or higher; unit pins. A pin on the first layer needs a via. Ours."""
    lowest = _lowest_level(layout)
    pins = np.flatnonzero(layout.signal_pins & (layout.design.pins.cell >= 0))
    level = lowest[layout.design.pins.master_pin[pins]]
    level = np.where(level < len(layout.routing_layers), np.minimum(level, 2), -1)
    x, y = centres(layout.design.pins.box[pins])
    return np.stack([layout.grid.point_count(x[level == n], y[level == n]) for n in range(3)])


def pin_area(layout: Layout) -> Map:
    """Area of the shapes of signal pins of cells on their lowest routing layer over the tile's area; unit 1. Shapes of
    one pin that overlap count twice. Ours."""
    return layout.grid.per_area(layout.grid.box_area(layout.once(lowest_shapes)[0].box))


def pin_track_crossings(layout: Layout) -> Map:
    """Crossings of tracks on the shapes of signal pins of cells; unit crossings. Where few pins lie on many they are
    easy to reach. Ours.

    Tracks are those of the shape's layer (the pin's lowest routing layer; where signals may not use it, of the nearest
    one that they may, above first) and of the next layer above that one, or else below, that runs across. A crossing on
    a shape's edge counts, one on several shapes of a pin counts for each. They count in the tile that has the pin's
    centre.
    """
    shapes, pin = layout.once(lowest_shapes)
    crossings = np.zeros(len(pin), dtype=np.int64)
    tracks = layout.once(layer_tracks)
    for layer in np.unique(shapes.layer):
        pair = crossing_tracks(tracks, _reached(layout, int(layer)))
        if pair is None:
            continue
        rows = np.flatnonzero(shapes.layer == layer)
        box = 2 * shapes.box[rows]
        level, upright = pair if pair[0].horizontal else pair[::-1]
        crossings[rows] = lines_on(level, box[:, 1], box[:, 3]) * lines_on(upright, box[:, 0], box[:, 2])
    return layout.grid.point_count(*centres(layout.design.pins.box[pin]), crossings)


def port_count(layout: Layout) -> Map:
    """Number of placed ports of the design, on signal nets, with their centre in the tile; unit ports. A port on the
    die's edge lies in the tile at the edge. Ours."""
    box = layout.design.pins.box[layout.signal_pins & (layout.design.pins.port >= 0)]
    return layout.grid.point_count(*centres(layout.grid.clip(box.astype(np.float64))))


def centres(box: Ints | Array) -> tuple[Array, Array]:
    """x and y of the middles of boxes (n, 4)."""
    return (box[:, 0] + box[:, 2]) / 2.0, (box[:, 1] + box[:, 3]) / 2.0


def _lowest_level(layout: Layout) -> Indices:
    """(master pins,) lowest routing layer of the pin's shapes, counted from 0; a large number where it has none."""
    masters = layout.design.masters
    level = layout.routing_level[masters.port_layer]
    owner = owners(masters.port_offset)
    lowest = np.full(len(masters.pin_name), np.iinfo(np.int64).max)
    np.minimum.at(lowest, owner[level >= 0], level[level >= 0])
    return lowest


def lowest_shapes(layout: Layout) -> tuple[Shapes, Indices]:
    """Shapes of the signal pins of cells on their lowest routing layer, where they lie on the die, and their pins."""
    design, masters = layout.design, layout.design.masters
    lowest = _lowest_level(layout)
    pins = np.flatnonzero(layout.signal_pins & (design.pins.cell >= 0))
    rows, owner = rows_of(masters.port_offset, design.pins.master_pin[pins].astype(np.int64))
    pin = pins[owner]
    on_lowest = layout.routing_level[masters.port_layer[rows]] == lowest[design.pins.master_pin[pin]]
    rows, pin = rows[on_lowest], pin[on_lowest]
    box = on_die(design, design.pins.cell[pin].astype(np.int64), masters.port_box[rows])
    return Shapes(masters.port_layer[rows].astype(np.int64), box), pin


def _reached(layout: Layout, layer: int) -> int:
    """The nearest layer that signals may use, from a pin's shape on a routing layer: itself, or above, or below."""
    usable = layout.signal_layers
    return int(usable[min(int(np.searchsorted(usable, layer)), len(usable) - 1)])


def crossing_tracks(tracks: list[LayerTracks], layer: int) -> tuple[LayerTracks, LayerTracks] | None:
    """A layer's own tracks, and those of the nearest layer across, above first; None where one of them has none."""
    own = next((t for t in tracks if t.layer == layer), None)
    if own is None:
        return None
    across = [t for t in tracks if t.horizontal != own.horizontal]
    above, below = [t for t in across if t.layer > layer], [t for t in across if t.layer < layer]
    if not across:
        return None
    other = above[0] if above else below[-1]
    return own, other


def lines_on(tracks: LayerTracks, low: Ints, high: Ints) -> Indices:
    """Tracks on each closed interval, half database units."""
    position = tracks.position
    return np.asarray(np.searchsorted(position, high, side="right") - np.searchsorted(position, low, side="left"))
