"""The 17 channels of RouteNAS (arXiv 2012.01737): five densities, and six wire maps for small and large fan-out.

Every function takes a ``Design`` and a ``Grid``; maps are ``(rows, columns)`` float64. The wire maps come as
``(2, rows, columns)``: nets of small fan-out (at most ``SMALL_FANOUT_MAX`` sinks; the paper's threshold is not known),
then those of large fan-out. Supply nets, special nets and unplaced pins take no part in any of them. Fly lines are
straight.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from placement_data.design import Design, LayerKind, MasterClass
from placement_data.grid import Grid
from placement_data.netlist import (
    PAIRWISE_PINS_MAX,
    REGISTER_PATTERNS,
    Wiring,
    clock_cells,
    macro_masters,
    mst_edges,
    pair_edges,
    register_masters,
    require_placed,
    signal_nets,
    sources,
)

Map = NDArray[np.float64]
Array = NDArray[np.float64]

DENSITIES = ("macro_density", "cell_density", "register_density", "clock_cell_density", "pin_density")
WIRE_MAPS = ("rudy", "bounding_box", "pairwise", "star", "source_sink", "mst")

CHANNELS: tuple[str, ...] = DENSITIES + tuple(f"{kind}_{fanout}" for kind in WIRE_MAPS for fanout in ("small", "large"))
"""Names of the channels in the order of ``feature_maps``."""

CHANNEL_UNITS: tuple[str, ...] = ("1",) * 4 + ("pins",) + ("1/um",) * 2 + ("nets",) * 2 + ("1",) * 8
"""Units of the channels."""

CHANNEL_VERSION = "routenas17/1"
"""Changes whenever a channel's values would."""


def feature_maps(
    design: Design, grid: Grid, register_patterns: Sequence[str] = REGISTER_PATTERNS
) -> NDArray[np.float32]:
    """All channels, (17, rows, columns) float32 in the order of ``CHANNELS``.

    ``register_patterns`` are regular expressions for names of registers, see ``netlist.register_masters``. Raises
    ``InputError`` where a cell is not placed.
    """
    require_placed(design)
    wiring = Wiring.of(design)
    shortest = shortest_side(design, grid)
    split = wiring.by_fanout()
    maps = np.empty((len(CHANNELS), *grid.shape), dtype=np.float32)
    maps[0] = macro_density(design, grid)
    maps[1] = cell_density(design, grid)
    maps[2] = register_density(design, grid, register_patterns)
    maps[3] = clock_cell_density(design, grid, register_patterns)
    maps[4] = pin_density(design, grid)
    for fanout, nets in enumerate(split):
        maps[5 + fanout] = _rudy(nets, grid, shortest)
        for kind, draw in enumerate((_bounding_box, _pairwise, _star, _source_sink, _mst)):
            maps[7 + 2 * kind + fanout] = draw(nets, grid)
    return maps


def macro_density(design: Design, grid: Grid) -> Map:
    """Area of macros (CLASS BLOCK, PAD or RING) over the tile's area; unit 1. Halos are not counted. RouteNAS."""
    return _density(design, grid, macro_masters(design.masters)[design.cells.master])


def cell_density(design: Design, grid: Grid) -> Map:
    """Area of all placed cells, macros too, over the tile's area; unit 1. RouteNAS.

    Fillers (CLASS CORE SPACER) are left out, since they fill what is empty, and so is CLASS COVER (bumps), which takes
    no room from cells. Above 1 where cells overlap.
    """
    masters = design.masters
    filler = np.array([subclass == "SPACER" for subclass in masters.subclass], dtype=bool)
    counted = ~(filler | (masters.kind == MasterClass.COVER))
    return _density(design, grid, counted[design.cells.master])


def register_density(design: Design, grid: Grid, register_patterns: Sequence[str] = REGISTER_PATTERNS) -> Map:
    """Area of flip-flops and latches over the tile's area; unit 1. RouteNAS; see ``netlist.register_masters``."""
    return _density(design, grid, register_masters(design.masters, register_patterns)[design.cells.master])


def clock_cell_density(design: Design, grid: Grid, register_patterns: Sequence[str] = REGISTER_PATTERNS) -> Map:
    """Area of clock-tree cells over the tile's area; unit 1. RouteNAS; see ``netlist.clock_cells``."""
    return _density(design, grid, clock_cells(design, register_patterns))


def pin_density(design: Design, grid: Grid) -> Map:
    """Number of pins of signal nets, ports too, whose centre lies in the tile; unit pins. RouteNAS.

    Sums to the number of placed signal pins on the die. Nets of one pin count.
    """
    pins = design.pins
    counted = signal_nets(design)[pins.net] & pins.placed
    return grid.point_count(pins.x[counted], pins.y[counted])


def rudy(design: Design, grid: Grid) -> Map:
    """Rectangular uniform wire density: sum over nets of (1/w + 1/h) times overlap over the tile's area; unit 1/um.

    w and h are the sides of the bounding box of the pin centres, clipped to the die. A side shorter than
    ``shortest_side`` is widened to it about its middle (and moved back onto the die), so that the sum over tiles of
    RUDY times area is the sum of w + h of the widened boxes. Spindler and Johannes, DATE 2007.
    """
    shortest = shortest_side(design, grid)
    return np.stack([_rudy(nets, grid, shortest) for nets in Wiring.of(design).by_fanout()])


def bounding_box(design: Design, grid: Grid) -> Map:
    """Number of nets whose closed bounding box of pin centres touches the half-open tile; unit nets. RouteNAS."""
    return _by_fanout(design, grid, _bounding_box)


def pairwise(design: Design, grid: Grid) -> Map:
    """Length of the fly lines between all pin pairs of a net, times 2 / pins, over the tile's side; unit 1. RouteNAS.

    The weight (ours) makes the p (p - 1) / 2 pairs count as much as p - 1 lines. Nets of more than
    ``PAIRWISE_PINS_MAX`` pins are drawn as a star.
    """
    return _by_fanout(design, grid, _pairwise)


def star(design: Design, grid: Grid) -> Map:
    """Length of the fly lines from each pin to the centroid of its net over the tile's side; unit 1. RouteNAS."""
    return _by_fanout(design, grid, _star)


def source_sink(design: Design, grid: Grid) -> Map:
    """Length of the fly lines from the net's driver to its other pins over the tile's side; unit 1. RouteNAS.

    The driver is the first pin that can drive; where none can, the pin nearest to the centroid.
    """
    return _by_fanout(design, grid, _source_sink)


def mst(design: Design, grid: Grid) -> Map:
    """Length of the net's minimum spanning tree over the tile's side; unit 1. RouteNAS.

    The tree is the shortest under Manhattan distance, its edges are drawn straight; see ``netlist.mst_edges``.
    """
    return _by_fanout(design, grid, _mst)


def shortest_side(design: Design, grid: Grid) -> float:
    """Shortest side of a net's box for RUDY, database units: the pitch of the lowest routing layer that has one.

    Where the LEF gives no pitch it is a tenth of the tile.
    """
    layers = design.layers
    for i in np.flatnonzero(layers.kind == LayerKind.ROUTING):
        pitch = [p for p in (float(layers.pitch_x[i]), float(layers.pitch_y[i])) if p > 0]
        if pitch:
            return max(1.0, min(pitch) * design.dbu_per_micron)
    return max(1.0, grid.tile / 10)


def _density(design: Design, grid: Grid, cells: NDArray[np.bool_]) -> Map:
    return grid.box_area(design.cells.box[cells]) / grid.area


def _by_fanout(design: Design, grid: Grid, draw: Callable[[Wiring, Grid], Map]) -> Map:
    return np.stack([draw(nets, grid) for nets in Wiring.of(design).by_fanout()])


def _rudy(nets: Wiring, grid: Grid, shortest: float) -> Map:
    x0, x1, width = _widened(nets, grid, 0, shortest)
    y0, y1, height = _widened(nets, grid, 1, shortest)
    weight = grid.dbu_per_micron * (1.0 / width + 1.0 / height)
    return grid.box_area(np.stack([x0, y0, x1, y1], axis=1), weight) / grid.area


def _widened(nets: Wiring, grid: Grid, axis: int, shortest: float) -> tuple[Array, Array, Array]:
    """Low end, high end and length of the nets' boxes along one axis, clipped to the die and at least ``shortest``."""
    edges = float(grid.die[axis]), float(grid.die[axis + 2])
    shortest = min(shortest, edges[1] - edges[0])
    box = nets.boxes()
    low, high = np.clip(box[:, axis], *edges), np.clip(box[:, axis + 2], *edges)
    short = high - low < shortest
    moved = np.clip((low + high - shortest) / 2, edges[0], edges[1] - shortest)
    low, high = np.where(short, moved, low), np.where(short, moved + shortest, high)
    return low, high, np.where(short, shortest, high - low)


def _bounding_box(nets: Wiring, grid: Grid) -> Map:
    return grid.box_count(nets.boxes())


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


def _mst(nets: Wiring, grid: Grid) -> Map:
    return _lines(nets, grid, *mst_edges(nets))


def _lines(nets: Wiring, grid: Grid, a: NDArray[np.int64], b: NDArray[np.int64], weight: ArrayLike = 1.0) -> Map:
    """Weighted length of the fly lines between rows a and b of the pins over the tile's side."""
    return grid.segment_length(nets.x[a], nets.y[a], nets.x[b], nets.y[b], weight) / grid.tile_um
