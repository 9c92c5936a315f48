"""Densities of cells and pins: the five of RouteNAS (arXiv 2012.01737), and macros with their halos."""

from __future__ import annotations

import numpy as np

from placement_data.design import Ints, MasterClass
from placement_data.features.layout import Layout, Map, Mask, cell_outlines
from placement_data.netlist import clock_cells, logic_masters, macro_masters, register_masters
from placement_data.polygons import cover


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
    return _density(layout, register_masters(logic_masters(layout.design), layout.register_patterns, layout.liberty))


def clock_cell_density(layout: Layout) -> Map:
    """Area of clock-tree cells over the tile's area; unit 1. RouteNAS; see ``netlist.clock_cells``."""
    return _cover(layout, clock_cells(layout.design, layout.register_patterns, layout.liberty))


def pin_density(layout: Layout) -> Map:
    """Number of pins of signal nets, ports too, whose centre lies in the tile; unit pins. RouteNAS.

    Sums to the number of placed signal pins on the die. Nets of one pin count.
    """
    pins, counted = layout.design.pins, layout.signal_pins
    return layout.grid.point_count(pins.x[counted], pins.y[counted])


def cell_count(layout: Layout) -> Map:
    """Number of cells whose closed outline touches the half-open tile, macros too; unit cells. CircuitNet's
    ``cell_density``, but without fillers and bumps as in ``cell_density``."""
    box, owner = cell_outlines(layout.design, np.flatnonzero(_taking_room(layout)[layout.design.cells.master]))
    several = np.bincount(owner)[owner] > 1
    count = layout.grid.box_count(box[~several])
    cell, tile = layout.grid.touched(box[several])
    touched = np.unique(owner[several][cell] * count.size + tile) % count.size  # a tile once a cell
    return count + np.bincount(touched, minlength=count.size).reshape(count.shape)


def macro_region(layout: Layout) -> Map:
    """1 where the closed outline of a macro with its HALO touches the tile, else 0; unit 1. CircuitNet."""
    return np.minimum(layout.grid.box_count(_macros_with_halos(layout)), 1.0)


def macro_halo_density(layout: Layout) -> Map:
    """Area of macros with their HALOs, hard or soft, over the tile's area; unit 1. Above 1 where they overlap. Ours."""
    return layout.grid.per_area(layout.grid.box_area(_macros_with_halos(layout)))


def _macros_with_halos(layout: Layout) -> Ints:
    """Boxes (n, 4) of the macros grown by their halos; those of one macro do not overlap."""
    cells = layout.design.cells
    macros = np.flatnonzero(macro_masters(layout.design.masters)[cells.master])
    halo = np.zeros((len(cells.name), 4), dtype=np.int64)
    halo[cells.halo_cell] = cells.halo
    box, owner = cell_outlines(layout.design, macros)
    grown = box + halo[macros[owner]] * (-1, -1, 1, 1)
    several = np.bincount(owner, minlength=len(macros))[owner] > 1
    shapes = [
        np.array(cover(grown[owner == one].tolist(), whole=True), dtype=np.int64) for one in np.unique(owner[several])
    ]
    return np.concatenate([grown[~several], *shapes]).astype(np.int64)


def _taking_room(layout: Layout) -> Mask:
    """(masters,) False for fillers and bumps."""
    masters = layout.design.masters
    filler = np.array([subclass == "SPACER" for subclass in masters.subclass], dtype=bool)
    return np.asarray(~(filler | (masters.kind == MasterClass.COVER)))


def _density(layout: Layout, masters: Mask) -> Map:
    return _cover(layout, masters[layout.design.cells.master])


def _cover(layout: Layout, cells: Mask) -> Map:
    """Area of some cells (cells,) over the tile's area."""
    box, _ = cell_outlines(layout.design, np.flatnonzero(cells))
    return layout.grid.per_area(layout.grid.box_area(box))
