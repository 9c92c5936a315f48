"""Further forms of RUDY, and an estimate of congestion from RUDY and the routing tracks.

``circuitnet/CircuitNet``'s extractor (its documentation and published maps) is the source of the long and short nets
and of pin RUDY. Its defects are left out: it divides by a net's width and height without a guard (a straight net has
none: here sides are widened as in ``wires.rudy_by_fanout``), holds a full grid per net, and its horizontal overflow of
the early global router is 1 wherever there is any. Its overflow maps are products of a router: of a placement that is
not routed they do not exist, and as inputs they leak the label. ``estimated_overflow`` stands in for them.
"""

from __future__ import annotations

import numpy as np

from placement_data.features.layout import Layout, Map, Mask
from placement_data.features.tracks import taken_length, track_length
from placement_data.features.wires import rudy_of, widened_boxes


def rudy(layout: Layout) -> Map:
    """RUDY of all nets; unit 1/um. CircuitNet's ``RUDY``."""
    return rudy_of(layout.wiring, layout.grid, layout.shortest_side)


def rudy_by_span(layout: Layout) -> Map:
    """(2, rows, columns) RUDY of long nets and of short ones; unit 1/um. CircuitNet's ``RUDY_long``, ``RUDY_short``.

    A net is short where its bounding box of pin centres lies in one tile.
    """
    nets, long = layout.wiring, _is_long(layout)
    return np.stack([rudy_of(nets.select(part), layout.grid, layout.shortest_side) for part in (long, ~long)])


def rudy_by_direction(layout: Layout) -> Map:
    """(2, rows, columns) horizontal and vertical part of RUDY: sum of overlap / (a h) and of overlap / (a w), with the
    tile's area a; unit 1/um. Times area they sum to the widths and to the heights of the nets' boxes. DREAMPlace
    (without its factor of the number of pins)."""
    return layout.once(_rudy_by_direction)


def rudy_pin(layout: Layout) -> Map:
    """Sum over pins whose closed box touches the tile of their net's 1/w + 1/h; unit 1/um. CircuitNet's ``RUDY_pin``.

    Nets of one pin have none.
    """
    return _pin_rudy(layout, np.ones(len(layout.wiring.net), dtype=bool))


def rudy_pin_long(layout: Layout) -> Map:
    """``rudy_pin`` of long nets alone; unit 1/um. CircuitNet's ``RUDY_pin_long``."""
    return _pin_rudy(layout, _is_long(layout))


def estimated_utilization(layout: Layout) -> Map:
    """(2, rows, columns) horizontal and vertical: expected wire length plus blocked track length over the length of all
    tracks in the tile; unit 1. Ours.

    The wire length is RUDY's of that direction times area; tracks are blocked by the power grid, obstructions and
    blockages. 0 where the tile has no tracks.
    """
    return layout.once(_utilization)


def estimated_overflow(layout: Layout) -> Map:
    """(2, rows, columns) horizontal and vertical: by how much ``estimated_utilization`` is above 1; unit 1. Ours, in
    place of the overflow maps of CircuitNet's routers."""
    return np.maximum(layout.once(_utilization) - 1.0, 0.0)


def _rudy_by_direction(layout: Layout) -> Map:
    grid = layout.grid
    box, width, height = widened_boxes(layout.wiring, grid, layout.shortest_side)
    dbu = grid.dbu_per_micron
    return np.stack([grid.per_area(grid.spread_area(box, dbu / side)) for side in (height, width)])


def _utilization(layout: Layout) -> Map:
    demand = layout.once(_rudy_by_direction) * layout.grid.area + layout.once(taken_length)
    length = layout.once(track_length)
    return np.divide(demand, length, out=np.zeros_like(demand), where=length > 0)


def _is_long(layout: Layout) -> Mask:
    """(nets,) True for the nets whose box touches more than one tile."""
    low_row, low_column, high_row, high_column = layout.grid.tiles_touched(layout.wiring.boxes)
    return np.asarray((low_row != high_row) | (low_column != high_column))


def _pin_rudy(layout: Layout, nets: Mask) -> Map:
    _, width, height = widened_boxes(layout.wiring, layout.grid, layout.shortest_side)
    weight = np.zeros(len(layout.design.nets.name))
    weight[layout.wiring.net[nets]] = (layout.grid.dbu_per_micron * (1.0 / width + 1.0 / height))[nets]
    pins = layout.design.pins
    counted = np.flatnonzero(layout.signal_pins & (weight[pins.net] > 0))
    return layout.grid.box_count(pins.box[counted], weight[pins.net[counted]])
