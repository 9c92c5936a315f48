"""``Wires``: half-perimeter wirelength of the signal nets, and what it becomes when cells go elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from placement_data.columns import between, offsets
from placement_data.design import Codes, Design, Ints
from placement_data.netlist import Wiring, signal_nets
from placement_data.readers.def_.pins import pin_boxes

Array = NDArray[np.float64]


def wirelength(design: Design) -> float:
    """Sum over the signal nets of half the perimeter of the box of their pins' centres, database units."""
    wiring = Wiring.of(design)
    if not len(wiring.net):
        return 0.0
    box = wiring.boxes
    return float((box[:, 2:] - box[:, :2]).sum())


class Wires:
    """Pins of the signal nets, in groups that share net and cell (ports of a design are groups of their own)."""

    def __init__(self, design: Design) -> None:
        pins = design.pins
        rows = np.flatnonzero(signal_nets(design)[pins.net] & pins.placed)
        cell = pins.cell[rows].astype(np.int64)
        order = np.lexsort((cell, pins.net[rows]))
        rows, cell = rows[order], cell[order]
        net = pins.net[rows].astype(np.int64)
        self._rows, self._cell = rows, cell
        first = np.ones(len(rows), dtype=bool)
        first[1:] = (net[1:] != net[:-1]) | (cell[1:] != cell[:-1])
        self._first = np.flatnonzero(first)  # of each group
        self._last = np.append(self._first[1:], len(rows))
        self._net_first = np.flatnonzero(np.append(True, np.diff(net[self._first]) != 0)[: len(self._first)])
        self._net = np.cumsum(np.isin(np.arange(len(self._first)), self._net_first)) - 1
        owner = cell[self._first]
        self._by_cell = np.argsort(owner, kind="stable")
        count = np.bincount(owner[owner >= 0], minlength=len(design.cells.name))
        self._cell_first = offsets(count) + int((owner < 0).sum())
        self.pins: Ints = np.bincount(cell[cell >= 0], minlength=len(design.cells.name))
        boxes = pin_boxes(design.masters)
        self._offset = (boxes[..., :2] + boxes[..., 2:]) / 2.0  # (master pins, 8, 2) centre from the cell's corner
        self._master_pin = pins.master_pin[rows]

    def rest(self, design: Design) -> Rest:
        """The nets with the cells of a design of this netlist where they are now."""
        pins = design.pins
        x, y = pins.x[self._rows], pins.y[self._rows]
        low = np.stack([np.minimum.reduceat(v, self._first) for v in (x, y)]) if len(x) else np.empty((2, 0))
        high = np.stack([np.maximum.reduceat(v, self._first) for v in (x, y)]) if len(x) else np.empty((2, 0))
        return Rest(self, low, high)


@dataclass(frozen=True)
class Rest:
    """Lowest and highest pin (2, groups), along x and y, of each group."""

    wires: Wires
    low: Array
    high: Array

    @cached_property
    def _others(self) -> tuple[Array, Array]:
        """Lowest and highest pin of the net's other groups; infinite where there are none."""
        return self._least(self.low), -self._least(-self.high)

    def _least(self, value: Array) -> Array:
        """(2, groups) least value of the net's other groups: the second least where a group alone has the least."""
        first, net = self.wires._net_first, self.wires._net
        least = np.minimum.reduceat(value, first, axis=1)[:, net]
        has = value == least
        alone = has & (np.add.reduceat(has.astype(np.int64), first, axis=1)[:, net] == 1)
        second = np.minimum.reduceat(np.where(has, np.inf, value), first, axis=1)[:, net]
        return np.where(alone, second, least)

    def change(self, cell: Ints, corner: Ints, orientation: Codes) -> Array:
        """(n,) by how much all nets together grow when one cell (n,) goes to ``corner`` (n, 2) and turns.

        Each by itself: no other cell moves.
        """
        wires = self.wires
        total = np.zeros(len(cell))
        at, owner = between(wires._cell_first[cell], wires._cell_first[cell + 1])
        if not at.size:
            return total
        group = wires._by_cell[at]
        pin, part = between(wires._first[group], wires._last[group])
        who = owner[part]
        first = np.flatnonzero(np.append(True, np.diff(part) != 0))
        below, above = self._others
        place = corner[who] + wires._offset[wires._master_pin[pin], orientation[who]]
        change = np.zeros(len(group))
        for axis in (0, 1):
            low = np.minimum(np.minimum.reduceat(place[:, axis], first), below[axis, group])
            high = np.maximum(np.maximum.reduceat(place[:, axis], first), above[axis, group])
            now_low = np.minimum(self.low[axis, group], below[axis, group])
            now_high = np.maximum(self.high[axis, group], above[axis, group])
            change += (high - low) - (now_high - now_low)
        np.add.at(total, owner, change)
        return total
