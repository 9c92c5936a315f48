"""The six wire maps of RouteNAS (arXiv 2012.01737), each for nets of small and of large fan-out.

They come as ``(2, rows, columns)``: nets of small fan-out (at most ``SMALL_FANOUT_MAX`` sinks; the paper's threshold is
not known), then those of large fan-out. Supply nets, special nets and unplaced pins take no part. Fly lines are
straight.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from placement_data.features.layout import Array, Indices, Layout, Map
from placement_data.grid import Grid
from placement_data.netlist import PAIRWISE_PINS_MAX, Wiring, mst_edges, pair_edges, sources


def rudy_by_fanout(layout: Layout) -> Map:
    """Rectangular uniform wire density: sum over nets of (1/w + 1/h) times overlap over the tile's area; unit 1/um.

    w and h are the sides of the bounding box of the pin centres, clipped to the die. A side shorter than
    ``shortest_side`` is widened to it about its middle (and moved back onto the die), so that the sum over tiles of
    RUDY times area is the sum of w + h of the widened boxes. Spindler and Johannes, DATE 2007.
    """
    return _by_fanout(layout, lambda nets, grid: rudy_of(nets, grid, layout.shortest_side))


def bounding_box(layout: Layout) -> Map:
    """Number of nets whose closed bounding box of pin centres touches the half-open tile; unit nets. RouteNAS."""
    return _by_fanout(layout, lambda nets, grid: grid.box_count(nets.boxes))


def pairwise(layout: Layout) -> Map:
    """Length of the fly lines between all pin pairs of a net, times 2 / pins, over the tile's side; unit 1. RouteNAS.

    The weight (ours) makes the p (p - 1) / 2 pairs count as much as p - 1 lines. Nets of more than
    ``PAIRWISE_PINS_MAX`` pins are drawn as a star.
    """
    return _fly_lines(layout, _pairwise)


def star(layout: Layout) -> Map:
    """Length of the fly lines from each pin to the centroid of its net over the tile's side; unit 1. RouteNAS."""
    return _fly_lines(layout, _star)


def source_sink(layout: Layout) -> Map:
    """Length of the fly lines from the net's driver to its other pins over the tile's side; unit 1. RouteNAS.

    The driver is the first pin that can drive; where none can, the pin nearest to the centroid.
    """
    return _fly_lines(layout, _source_sink)


def mst(layout: Layout) -> Map:
    """Length of the net's minimum spanning tree over the tile's side; unit 1. RouteNAS.

    The tree is the shortest under Manhattan distance, its edges are drawn straight; see ``netlist.mst_edges``.
    """
    return _fly_lines(layout, lambda nets, grid: _lines(nets, grid, *mst_edges(nets)))


def widened_boxes(nets: Wiring, grid: Grid, shortest: float) -> tuple[Array, Array, Array]:
    """Boxes (nets, 4), widths and heights (nets,) for RUDY, database units: clipped to the die, no side shorter than
    ``shortest``."""
    x0, x1, width = _widened(nets, grid, 0, shortest)
    y0, y1, height = _widened(nets, grid, 1, shortest)
    return np.stack([x0, y0, x1, y1], axis=1), width, height


def rudy_of(nets: Wiring, grid: Grid, shortest: float) -> Map:
    """RUDY of some nets, 1/um."""
    box, width, height = widened_boxes(nets, grid, shortest)
    return grid.per_area(grid.spread_area(box, grid.dbu_per_micron * (1.0 / width + 1.0 / height)))


def _by_fanout(layout: Layout, draw: Callable[[Wiring, Grid], Map]) -> Map:
    return np.stack([draw(nets, layout.grid) for nets in layout.by_fanout])


def _fly_lines(layout: Layout, draw: Callable[[Wiring, Grid], Map]) -> Map:
    """As ``_by_fanout``. A net of two pins is one and the same line in each kind of map, drawn once for all."""
    nets, large = layout.once(_nets_of_three_pins_up)
    return np.stack([layout.once(_two_pin_lines) + draw(nets, layout.grid), draw(large, layout.grid)])


def _nets_of_three_pins_up(layout: Layout) -> tuple[Wiring, Wiring]:
    small, large = layout.by_fanout
    return small.select(small.size > 2), large


def _two_pin_lines(layout: Layout) -> Map:
    small, _ = layout.by_fanout
    nets = small.select(small.size == 2)
    return _lines(nets, layout.grid, nets.first, nets.first + 1)


def _widened(nets: Wiring, grid: Grid, axis: int, shortest: float) -> tuple[Array, Array, Array]:
    """Low end, high end and length of the nets' boxes along one axis, clipped to the die and at least ``shortest``."""
    edges = float(grid.die[axis]), float(grid.die[axis + 2])
    shortest = min(shortest, edges[1] - edges[0])
    low, high = np.clip(nets.boxes[:, axis], *edges), np.clip(nets.boxes[:, axis + 2], *edges)
    short = high - low < shortest
    moved = np.clip((low + high - shortest) / 2, edges[0], edges[1] - shortest)
    low, high = np.where(short, moved, low), np.where(short, moved + shortest, high)
    return low, high, np.where(short, shortest, high - low)


def _pairwise(nets: Wiring, grid: Grid) -> Map:
    many = nets.size > PAIRWISE_PINS_MAX
    total = _star(nets.select(many), grid)
    few = nets.select(~many)
    for a, b, weight in pair_edges(few):
        total += _lines(few, grid, a, b, weight)
    return total


def _star(nets: Wiring, grid: Grid) -> Map:
    x, y = nets.centroids()
    net = nets.net_of_pin
    return grid.segment_length(nets.x, nets.y, x[net], y[net]) / grid.tile_um


def _source_sink(nets: Wiring, grid: Grid) -> Map:
    return _lines(nets, grid, sources(nets)[nets.net_of_pin], np.arange(len(nets.x)))


def _lines(nets: Wiring, grid: Grid, a: Indices, b: Indices, weight: ArrayLike = 1.0) -> Map:
    """Weighted length of the fly lines between rows a and b of the pins over the tile's side."""
    return grid.segment_length(nets.x[a], nets.y[a], nets.x[b], nets.y[b], weight) / grid.tile_um
