"""An estimate of the global route of a placement, read from the placement alone: no router has a part in it.

Each signal net is its minimum spanning tree, each edge of it a wire from pin to pin that takes one or several of the
paths of ``patterns``. First all wires take their L shapes. Then, in some rounds, paths are priced by the use that the
tiles have so far and by the overflow that they had in earlier rounds, all wires choose anew at the same time, and what
they chose enters the running mean. Nothing is drawn by lot: the same placement has the same maps, and a mirrored one
has mirrored maps. Sources: negotiated congestion (McMurchie and Ebeling, FPGA 1995), logistic cost (Pan and Chu,
FastRoute, ICCAD 2006), method of successive averages (Sheffi and Powell, Networks 12, 1982).

Wire is counted in tracks: its length in the tile over the tile's side, so that a wire that crosses a full tile counts
1. A net's wire of a direction sums to the distance of the pins of its tree's edges along that axis, and to what they go
out of their way. Pins off the die count at its edge; of a wire over tiles off the die nothing is counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement_data.features.layout import Array, Indices, Layout, Map
from placement_data.features.patterns import Load, Pairs, Prices, load_cheapest, load_halves
from placement_data.features.tracks import taken_length, track_length
from placement_data.grid import Grid
from placement_data.netlist import Wiring
from placement_data.rasters import as_boxes

ROUNDS = 10
"""Rounds, the first of L shapes included."""

_LEAST_WEIGHT = 0.15  # of a round in the running mean
_STEEPNESS, _KNEE, _HEIGHT = 8.0, 0.9, 4.0  # of the logistic cost of use, whose height is in tiles of free track
_HISTORY_GROWTH, _HISTORY_COST = 0.5, 2.0
_OFF_DIE_COST = 1000.0  # of a tile

PIN_TRACKS = 0.3
"""Tracks of each direction that a pin's own vias and the bits of wire at them take."""


@dataclass(frozen=True)
class RouteEstimate:
    """Maps of horizontal and of vertical wire (2, rows, columns), and ``bends`` (rows, columns).

    ``initial`` is the utilization by L shapes alone. See the channels for units.
    """

    demand: Map
    capacity: Map
    utilization: Map
    overflow: Map
    bends: Map
    history: Map
    initial: Map


def route_demand(layout: Layout) -> Map:
    """(2, rows, columns) length of estimated horizontal and vertical wire in the tile over its side; unit tracks."""
    return layout.once(route_estimate).demand


def route_capacity(layout: Layout) -> Map:
    """(2, rows, columns) length of track that neither supplies nor obstructions block, over the tile's side, less
    ``PIN_TRACKS`` for each pin of a signal net in the tile; unit tracks."""
    return layout.once(route_estimate).capacity


def route_utilization(layout: Layout) -> Map:
    """(2, rows, columns) demand over capacity, or over one track through the tile where it has less; unit 1.

    0 where no tile of the design has a track of the direction, since nothing is known then.
    """
    return layout.once(route_estimate).utilization


def route_overflow(layout: Layout) -> Map:
    """(2, rows, columns) demand beyond the capacity; unit tracks. 0 where the design has no track of the direction."""
    return layout.once(route_estimate).overflow


def route_bends(layout: Layout) -> Map:
    """Estimated bends in the tile, each of which is a via; unit vias."""
    return layout.once(route_estimate).bends


def route_history(layout: Layout) -> Map:
    """(2, rows, columns) sum over the rounds of half the utilization beyond 1, that without demand included by which a
    tile's capacity falls short of one track; unit 1. The routers' history cost."""
    return layout.once(route_estimate).history


def route_initial_utilization(layout: Layout) -> Map:
    """(2, rows, columns) as ``route_utilization``, of L shapes alone, half of each kind; unit 1."""
    return layout.once(route_estimate).initial


def route_estimate(layout: Layout) -> RouteEstimate:
    """The estimate for a layout's signal nets and the tracks that are left to them."""
    free = np.maximum(layout.once(track_length) - layout.once(taken_length), 0.0)
    pins, grid = layout.design.pins, layout.grid
    taken = PIN_TRACKS * grid.point_count(pins.x[layout.signal_pins], pins.y[layout.signal_pins])
    pairs = pin_pairs(layout.wiring, layout.tree, grid)
    return estimate(pairs, np.maximum(free / grid.tile_um - taken, 0.0), grid)


def pin_pairs(nets: Wiring, tree: tuple[Indices, Indices], grid: Grid) -> Pairs:
    """The edges of the nets' trees, each from one row of the nets' pins to another, on the grid."""
    points = grid.clip(as_boxes(nets.x, nets.y))
    row, column, _, _ = grid.tiles_touched(points)
    edges = np.stack(tree)
    x, y = _inside(points[:, 0], column, grid.x_edges), _inside(points[:, 1], row, grid.y_edges)
    return Pairs(row.astype(np.int32)[edges], column.astype(np.int32)[edges], y[edges], x[edges])


def _inside(value: Array, tile: Indices, borders: Indices) -> Array:
    """Coordinates in tiles of values in database units."""
    return np.asarray(tile + np.clip((value - borders[tile]) / np.diff(borders)[tile], 0.0, 1.0))


def estimate(pairs: Pairs, capacity: Map, grid: Grid) -> RouteEstimate:
    """The estimate for pairs of pins and a capacity (2, rows, columns) in tracks."""
    width, height = np.diff(grid.x_edges) / grid.tile, np.diff(grid.y_edges) / grid.tile
    side = np.stack([np.tile(width, (len(height), 1)), np.tile(height[:, None], len(width))])
    known = capacity.any(axis=(1, 2), keepdims=True)
    room = np.where(known, np.maximum(capacity, side), np.inf)
    missing = np.where(known, np.maximum(side - capacity, 0.0), 0.0)
    unit = np.concatenate([side, np.ones((1, *grid.shape))]) * grid.inside
    still = (pairs.row[0] == pairs.row[1]) & (pairs.column[0] == pairs.column[1])
    in_tiles, moving = _halves(pairs[still], grid) * unit, pairs[~still]

    total = in_tiles + _halves(moving, grid) * unit
    initial = total[:2] / room
    history = np.zeros_like(capacity)
    for done in range(2, ROUNDS + 1):
        use = (total[:2] + missing) / room
        history += _HISTORY_GROWTH * np.maximum(use - 1.0, 0.0)
        cost = 1.0 + _HEIGHT / (1.0 + np.exp(-_STEEPNESS * (use - _KNEE))) + _HISTORY_COST * history
        load = Load(grid.shape)
        load_cheapest(load, moving, Prices.of(*np.where(grid.inside, cost, _OFF_DIE_COST) * side))
        total += max(_LEAST_WEIGHT, 1.0 / done) * (in_tiles + load.maps() * unit - total)
    demand = total[:2]
    overflow = np.where(known, np.maximum(demand - capacity, 0.0), 0.0)
    return RouteEstimate(demand, capacity, demand / room, overflow, total[2], history, initial)


REPRICED = ("demand", "capacity", "utilization", "overflow", "history", "initial_utilization")
"""The channels of a direction, ``route_demand_horizontal`` and so on, in the order that `repriced` takes."""


def repriced(known: Array, demand: Array, capacity: Array) -> Array:
    """(6, n) what the channels of a direction, in the order of `REPRICED`, would be about with another demand and

    capacity (n,) in some tiles where they are ``known`` (6, n): wires keep their ways. Overflow follows; utilization
    does with at least one track, and the initial one and that of the rounds in proportion to it.
    """
    _, _, before, _, history, initial = known
    rounds = _HISTORY_GROWTH * (ROUNDS - 1)
    now = demand / np.maximum(capacity, 1.0)
    used = before > 1e-6  # else there was no wire
    ratio = now / np.where(used, before, 1.0)
    in_rounds = np.where(history > 0, 1.0 + history / rounds, before)
    initial, in_rounds = (np.where(used, use * ratio, now) for use in (initial, in_rounds))
    overflow = np.maximum(demand - capacity, 0.0)
    return np.stack([demand, capacity, now, overflow, rounds * np.maximum(in_rounds - 1.0, 0.0), initial])


def _halves(pairs: Pairs, grid: Grid) -> Map:
    load = Load(grid.shape)
    load_halves(load, pairs)
    return load.maps()
