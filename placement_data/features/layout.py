"""``Layout``: a design on its grid, with what several channels share worked out once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from placement_data.columns import between
from placement_data.design import Design, Ints, LayerKind, LibertyCells
from placement_data.grid import Grid
from placement_data.layer_range import signal_layers
from placement_data.netlist import REGISTER_PATTERNS, Wiring, mst_edges, signal_nets
from placement_data.orientation import turned_in_frame

Map = NDArray[np.float64]
Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Layout:
    """What a channel is made of. Maps are ``(rows, columns)`` float64, or a stack of them.

    ``register_patterns`` and ``liberty`` tell registers from other cells, see ``netlist.register_masters``;
    ``layer_range`` tells the layers that signals may use, see ``placement_data.layer_range``.
    """

    design: Design
    grid: Grid
    register_patterns: tuple[str, ...] = REGISTER_PATTERNS
    liberty: LibertyCells | None = None
    layer_range: str = ""
    _made: dict[Callable[[Layout], Any], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, make: Callable[[Layout], _T]) -> _T:
        """``make(self)``, worked out the first time only: for what several channels share."""
        if make not in self._made:
            self._made[make] = make(self)
        made: _T = self._made[make]
        return made

    @cached_property
    def signal_pins(self) -> Mask:
        """(pins,) True for the placed pins of signal nets."""
        pins = self.design.pins
        return np.asarray(signal_nets(self.design)[pins.net] & pins.placed)

    @cached_property
    def wiring(self) -> Wiring:
        """Signal nets of two or more placed pins."""
        return Wiring.of(self.design)

    @cached_property
    def by_fanout(self) -> tuple[Wiring, Wiring]:
        """The nets of small and of large fan-out."""
        return self.wiring.by_fanout()

    @cached_property
    def tree(self) -> tuple[Indices, Indices]:
        """Edges of the nets' minimum spanning trees, as rows of ``wiring``'s pins."""
        return mst_edges(self.wiring)

    @cached_property
    def shortest_side(self) -> float:
        """Shortest side of a net's box for RUDY, database units, see ``shortest_side``."""
        return shortest_side(self.design, self.grid)

    @cached_property
    def routing_layers(self) -> Indices:
        """Rows of the routing layers in ``Design.layers``, from the lowest."""
        return np.flatnonzero(self.design.layers.kind == LayerKind.ROUTING)

    @cached_property
    def signal_layers(self) -> Indices:
        """Those of ``routing_layers`` that signals may use. Raises ``InputError`` for a range that there is not."""
        return signal_layers(self.design, self.layer_range)

    @cached_property
    def routing_level(self) -> Indices:
        """(layers,) position of each layer among the routing layers, from 0; -1 for others.

        The last entry is -1, for the layer -1 of shapes whose layer is not known.
        """
        level = np.full(len(self.design.layers.name) + 1, -1, dtype=np.int64)
        level[self.routing_layers] = np.arange(len(self.routing_layers))
        return level


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


def rows_of(offset: Indices, items: Indices) -> tuple[Indices, Indices]:
    """Rows that CSR ``offset`` gives to each of ``items``, and the position in ``items`` that each row belongs to."""
    return between(offset[items], offset[items + 1])


def on_die(design: Design, cell: Indices, box: Ints) -> Ints:
    """Boxes (n, 4) of masters where they lie in their cells (n,)."""
    cells, masters = design.cells, design.masters
    size = np.stack([masters.width, masters.height], axis=1)[cells.master[cell]]
    turned = turned_in_frame(box, size, cells.orientation[cell].astype(np.int64))
    return np.asarray(turned + np.tile(cells.box[cell, :2], 2))


def cell_outlines(design: Design, cells: NDArray[np.integer]) -> tuple[Ints, Indices]:
    """Boxes (m, 4) that placed cells (n,) cover, and the position in ``cells`` of each one's cell.

    A cell is one box, its own, but for a block whose master is no rectangle; boxes of one cell do not overlap.
    """
    box, masters = design.cells.box[cells], design.masters
    if not len(masters.outline_box):
        return box, np.arange(len(cells))
    master = design.cells.master[cells]
    first, last = (np.searchsorted(masters.outline_master, master, side=side) for side in ("left", "right"))
    rows, owner = between(first, last)
    plain = np.flatnonzero(first == last)
    shaped = on_die(design, cells[owner].astype(np.int64), masters.outline_box[rows])
    return np.concatenate([box[plain], shaped]), np.concatenate([plain, owner])
