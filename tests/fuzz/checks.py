"""What must hold for every value that a reader returns, whatever the file said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from placement_data.design import Design
from placement_data.violations import Violations

BLANKS = " \t\n\r"


def check(value: Any) -> None:
    """Raise ``AssertionError`` for a value whose tables contradict each other."""
    wrong = next(_defects(value), None)
    assert wrong is None, f"the value is wrong: {wrong}"


def _defects(value: Any) -> Iterator[str]:
    if isinstance(value, Design):
        yield from _design(value)
    elif isinstance(value, Violations):
        yield from _violations(value)
    elif hasattr(value, "masters"):
        yield from _tables(value, "library")
        yield from _csr(value.masters.pin_offset, len(value.masters.name), len(value.masters.pin_name), "pin_offset")


def _tables(value: Any, path: str) -> Iterator[str]:
    """Arrays of objects hold strings without blanks at their ends; numbers are not infinite."""
    for field in fields(value):
        column = getattr(value, field.name)
        name = f"{path}.{field.name}"
        if is_dataclass(column):
            yield from _tables(column, name)
        elif isinstance(column, np.ndarray) and column.dtype == object:
            if any(type(text) is not str or text != text.strip(BLANKS) for text in column):
                yield f"{name} holds something else than names"
        elif isinstance(column, np.ndarray) and column.dtype.kind == "f" and np.isinf(column).any():
            yield f"{name} is infinite"


def _csr(offset: Any, rows: int, total: int, name: str) -> Iterator[str]:
    if len(offset) != rows + 1 or offset[0] != 0 or offset[-1] != total or (np.diff(offset) < 0).any():
        yield f"{name} are no offsets"


def _index(column: Any, rows: int, size: int, name: str, least: int = -1) -> Iterator[str]:
    if len(column) != rows or (rows and not (least <= column.min() and column.max() < size)):
        yield f"{name} points outside"


def _boxes(box: Any, rows: int, name: str) -> Iterator[str]:
    if box.shape != (rows, 4) or (box[:, :2] > box[:, 2:]).any():
        yield f"{name} are no boxes"


def _design(design: Design) -> Iterator[str]:
    yield from _tables(design, "design")
    cells, nets, pins, masters = design.cells, design.nets, design.pins, design.masters
    layers = len(design.layers.name)
    yield from _csr(masters.pin_offset, len(masters.name), len(masters.pin_name), "masters.pin_offset")
    yield from _csr(masters.port_offset, len(masters.pin_name), len(masters.port_box), "masters.port_offset")
    yield from _csr(masters.obstruction_offset, len(masters.name), len(masters.obstruction_box), "obstruction_offset")
    yield from _csr(nets.pin_offset, len(nets.name), len(pins.net), "nets.pin_offset")
    yield from _index(cells.master, len(cells.name), len(masters.name), "cells.master", 0)
    yield from _index(cells.orientation, len(cells.name), 8, "cells.orientation", 0)
    yield from _index(cells.status, len(cells.name), 4, "cells.status", 0)
    yield from _boxes(cells.box, len(cells.name), "cells.box")
    yield from _index(pins.net, len(pins.net), len(nets.name), "pins.net", 0)
    yield from _index(pins.cell, len(pins.net), len(cells.name), "pins.cell")
    yield from _index(pins.port, len(pins.net), len(design.ports.name), "pins.port")
    yield from _index(pins.master_pin, len(pins.net), len(masters.pin_name), "pins.master_pin")
    yield from _boxes(pins.box, len(pins.net), "pins.box")
    yield from _boxes(design.ports.box, len(design.ports.name), "ports.box")
    yield from _boxes(design.blockages.box, len(design.blockages.layer), "blockages.box")
    yield from _index(design.blockages.cell, len(design.blockages.layer), len(cells.name), "blockages.cell")
    wires, regions = design.special_wires, design.regions
    yield from _index(wires.net, len(wires.net), len(design.special_nets.name), "special_wires.net", 0)
    yield from _index(wires.layer, len(wires.net), layers, "special_wires.layer")
    yield from _boxes(wires.box, len(wires.net), "special_wires.box")
    yield from _csr(regions.box_offset, len(regions.name), len(regions.box), "regions.box_offset")
    yield from _csr(regions.cell_offset, len(regions.name), len(regions.cell), "regions.cell_offset")
    yield from _index(regions.cell, len(regions.cell), len(cells.name), "regions.cell", 0)
    yield from _index(cells.halo_cell, len(cells.halo), len(cells.name), "cells.halo_cell", 0)
    for name, column in (("cells", cells.name), ("nets", nets.name), ("ports", design.ports.name)):
        if len(set(column.tolist())) != len(column):
            yield f"{name} have a name twice"
    if not (design.die[:2] < design.die[2:]).all() or design.dbu_per_micron < 1:
        yield "the die has no area, or no units"


def _violations(violations: Violations) -> Iterator[str]:
    yield from _tables(violations, "violations")
    rows = len(violations.kind)
    yield from _boxes(violations.box, rows, "violations.box")
    yield from _csr(violations.net_offset, rows, len(violations.net_name), "violations.net_offset")
    if not np.isfinite(violations.box).all():
        yield "violations.box is not finite"
    if len(violations.layer) != rows:
        yield "violations.layer has another length"
