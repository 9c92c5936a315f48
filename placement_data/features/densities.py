"""Densities of cells and pins: the five of RouteNAS (arXiv 2012.01737), and macros with their halos."""

from __future__ import annotations

import numpy as np

from placement_data.design import Ints, MasterClass
from placement_data.features.layout import Layout, Map, Mask
from placement_data.netlist import clock_cells, macro_masters, register_masters


def macro_density(layout: Layout) -> Map:
    """Area of macros (CLASS BLOCK, PAD or RING) over the tile's area; unit 1. Halos are not counted. RouteNAS."""
    return _density(layout, macro_masters(layout.design.masters))


def cell_density(layout: Layout) -> Map:
    """Area of all placed cells, macros too, over the tile's area; unit 1. RouteNAS.

    Fillers (CLASS CORE SPACER) are left out, since they fill what is empty, and so is CLASS COVER (bumps), which takes
    no room from cells. Above 1 where cells overlap.
    """
    return _density(layout, _taking_room(layout))


def register_density(layout: Layout) -> Map:
    """Area of flip-flops and latches over the tile's area; unit 1. RouteNAS; see ``netlist.register_masters``."""
    return _density(layout, register_masters(layout.design.masters, layout.register_patterns, layout.liberty))


def clock_cell_density(layout: Layout) -> Map:
    """Area of clock-tree cells over the tile's area; unit 1. RouteNAS; see ``netlist.clock_cells``."""
    cells = clock_cells(layout.design, layout.register_patterns, layout.liberty)
    return layout.grid.per_area(layout.grid.box_area(layout.design.cells.box[cells]))


def pin_density(layout: Layout) -> Map:
    """Number of pins of signal nets, ports too, whose centre lies in the tile; unit pins. RouteNAS.

    Sums to the number of placed signal pins on the die. Nets of one pin count.
    """
    pins, counted = layout.design.pins, layout.signal_pins
    return layout.grid.point_count(pins.x[counted], pins.y[counted])


def cell_count(layout: Layout) -> Map:
    """Number of cells whose closed outline touches the half-open tile, macros too; unit cells. CircuitNet's
    ``cell_density``, but without fillers and bumps as in ``cell_density``."""
    return layout.grid.box_count(layout.design.cells.box[_taking_room(layout)[layout.design.cells.master]])


def macro_region(layout: Layout) -> Map:
    """1 where the closed outline of a macro with its HALO touches the tile, else 0; unit 1. CircuitNet."""
    return np.minimum(layout.grid.box_count(_macros_with_halos(layout)), 1.0)


def macro_halo_density(layout: Layout) -> Map:
    """Area of macros with their HALOs, hard or soft, over the tile's area; unit 1. Above 1 where they overlap. Ours."""
    return layout.grid.per_area(layout.grid.box_area(_macros_with_halos(layout)))


def _macros_with_halos(layout: Layout) -> Ints:
    cells = layout.design.cells
    box = cells.box.copy()
    box[cells.halo_cell] += cells.halo * (-1, -1, 1, 1)
    return box[macro_masters(layout.design.masters)[cells.master]]


def _taking_room(layout: Layout) -> Mask:
    """(masters,) False for fillers and bumps."""
    masters = layout.design.masters
    filler = np.array([subclass == "SPACER" for subclass in masters.subclass], dtype=bool)
    return np.asarray(~(filler | (masters.kind == MasterClass.COVER)))


def _density(layout: Layout, masters: Mask) -> Map:
    cells = layout.design.cells
    return layout.grid.per_area(layout.grid.box_area(cells.box[masters[cells.master]]))
