"""A design with its cells elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Codes, Design, Ints
from placement_data.readers.def_.pins import pins_of


def moved(design: Design, corner: NDArray[np.int64]) -> Design:
    """The design with the lower-left corners of its cells at ``corner`` (cells, 2), database units, and their pins.

    Orientations stay. Every cell must be placed: pins of a cell that is not have no place in it.
    """
    step = np.tile(corner - design.cells.box[:, :2], 2)
    pins = design.pins
    own = np.where((pins.cell >= 0)[:, None], step[pins.cell], 0)
    cells = replace(design.cells, box=design.cells.box + step)
    return replace(design, cells=cells, pins=replace(pins, box=pins.box + own))


def placed(design: Design, corner: Ints, orientation: Codes) -> Design:
    """The design as a reader would find it with its cells at ``corner`` (cells, 2), database units, turned so (cells,).

    No cell may change between lying and standing: N, S, FN and FS are one such group, the quarter turns the other.
    """
    cells, pins = design.cells, design.pins
    box = cells.box + np.tile(corner - cells.box[:, :2], 2)
    cells = replace(cells, box=box, orientation=orientation)
    columns = (pins.net, pins.cell, pins.port, pins.master_pin)
    return replace(design, cells=cells, pins=pins_of(columns, design.masters, cells, design.ports))
