"""Where the pins of the nets lie on the die."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from placement_data.columns import between, owners
from placement_data.design import Cells, Direction, Indices, Ints, Masters, Pins, Ports, Status
from placement_data.orientation import Orientation, turned_in_frame

Columns = tuple[Indices, Indices, Indices, Indices]
"""Net, owner (a cell), port and pin of the master of each pin; -1 where it has none."""

_NO_CELLS: tuple[tuple[tuple[int, ...], type], ...] = (((4,), np.int64), ((), bool), ((), bool))


def pins_of(columns: Columns, masters: Masters, cells: Cells, ports: Ports) -> Pins:
    """Where the pins lie on the die, and which of them can drive."""
    net, owner, port, master_pin = columns
    outside = np.flatnonzero(port >= 0)
    cell, pin = np.maximum(owner, 0), np.maximum(master_pin, 0)
    if len(cells.name) and len(masters.pin_name):
        box = pin_boxes(masters)[pin, cells.orientation[cell]]
        for side in range(4):  # a side at a time: the table of all pins is the largest that a design has
            box[:, side] += cells.box[:, side % 2][cell]
        drives = np.isin(masters.pin_direction, (Direction.OUTPUT, Direction.INOUT))[pin]
        is_placed = (cells.status != Status.UNPLACED)[cell]
    else:
        box, drives, is_placed = (np.zeros((len(net), *shape), dtype) for shape, dtype in _NO_CELLS)
    box[outside] = ports.box[port[outside]]
    drives[outside] = np.isin(ports.direction[port[outside]], (Direction.INPUT, Direction.INOUT))
    is_placed[outside] = ports.status[port[outside]] != Status.UNPLACED
    box[~is_placed] = 0
    if len(ports.part_box):
        _to_nearest_port(net, port, ports, box, is_placed)
    return Pins(net, owner, port, master_pin, box, drives, is_placed)


def pin_boxes(masters: Masters) -> Ints:
    """Bounding box (n, 8, 4) of each master pin's shapes under each orientation, with the cell's corner at (0, 0).

    A pin without shapes is a point in the middle of its master.
    """
    master = owners(masters.pin_offset)
    size = np.stack([masters.width[master], masters.height[master]], axis=1)
    box = np.tile(size // 2, 2)
    filled = np.flatnonzero(np.diff(masters.port_offset))
    if filled.size:
        starts = masters.port_offset[filled]
        box[filled, :2] = np.minimum.reduceat(masters.port_box[:, :2], starts, axis=0)
        box[filled, 2:] = np.maximum.reduceat(masters.port_box[:, 2:], starts, axis=0)
    return in_all_orientations(box, size)


def _to_nearest_port(net: Indices, port: Indices, ports: Ports, box: Ints, placed: NDArray[np.bool_]) -> None:
    """Move pins of ports with several PORTs to the one whose centre is nearest to that of the net's other pins.

    Distances are Manhattan, of several PORTs as near the first counts, and so it does where the net has no other pin.
    The other pins stand where they are in ``box``, those of other such ports at their first PORT.
    """
    pins = np.flatnonzero((port >= 0) & placed & np.isin(port, ports.part_port))
    first, last = (np.searchsorted(ports.part_port, port[pins], side=side) for side in ("left", "right"))
    box[pins] = ports.part_box[first]
    centre = (box[:, :2] + box[:, 2:]) / 2.0
    near = np.flatnonzero(np.isin(net, net[pins]) & placed)
    nets, of = np.unique(net[near], return_inverse=True)
    total = np.stack([np.bincount(of, centre[near, axis]) for axis in (0, 1)], axis=1)
    own = np.searchsorted(nets, net[pins])
    count = np.bincount(of)[own] - 1
    others = (total[own] - centre[pins]) / np.maximum(count, 1)[:, None]
    rows, pin = between(first, last)
    part = ports.part_box[rows]
    away = np.abs((part[:, :2] + part[:, 2:]) / 2.0 - others[pin]).sum(axis=1)
    away[count[pin] == 0] = 0.0
    order = np.lexsort((rows, away, pin))
    _, best = np.unique(pin[order], return_index=True)
    box[pins] = part[order[best]]


def in_all_orientations(box: Ints, size: Ints) -> Ints:
    """Boxes (n, 8, 4) in frames of ``size`` under each orientation, the turned frame's corner at (0, 0)."""
    return np.stack([turned_in_frame(box, size, np.full(len(box), code)) for code in Orientation], axis=1)
