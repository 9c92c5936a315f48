"""What a layout does not say: where nothing can be told of it at all it is refused, where less can be told it is noted.

A file that has no NETS, because the netlist is in another one, would else be a layout without a single violation.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from placement_data.design import Design, Status
from placement_data.errors import InputError
from placement_data.findings import Finding
from placement_data.netlist import signal_nets


def refusals(design: Design) -> Iterator[tuple[str, InputError]]:
    """Code and error of what makes a layout say nothing of its routing."""
    file = design.sources[-1] if design.sources else None

    def error(what: str, found: str, expected: str) -> InputError:
        return InputError(what, file=file, found=found, expected=expected)

    placed = int((design.cells.status != Status.UNPLACED).sum())
    if not placed:
        count = len(design.cells.name)
        found = f"{count} components, none of them placed" if count else "no component"
        yield "no-components", error("the design has no placed component", found, "COMPONENTS that are PLACED or FIXED")
    if not signal_nets(design).any():
        count = len(design.nets.name)
        found = f"{count} nets, all of them supply" if count else "no net"
        yield "no-nets", error("the design has no signal nets", found, "NETS with the pins that they connect")


def require_content(design: Design) -> None:
    """Raise ``InputError`` for a layout that says nothing of its routing."""
    for _, error in refusals(design):
        raise error


def gaps(design: Design) -> tuple[Finding, ...]:
    """What a layout lacks that channels are made of; a finding each, without a place in the file."""
    file = design.sources[-1] if design.sources else ""
    ports = int((design.ports.status == Status.UNPLACED).sum())
    shapeless, off = _pins_without_shapes(design), _cells_off_die(design)
    lacking = {
        "no-rows": (not len(design.rows.name), "the layout has no rows"),
        "no-tracks": (not len(design.tracks.start), "the layout has no tracks: there is no routing capacity to tell"),
        "no-ports": (not len(design.ports.name), "the layout has no pins of its own (PINS)"),
        "no-power-grid": (
            not len(design.special_nets.name),
            "the layout has no special nets: its power grid takes no routing resource",
        ),
        "unplaced-ports": (ports, f"{ports} ports of the design are not placed"),
        "no-pin-shapes": (
            shapeless,
            f"{shapeless} pins of components have no shape in the LEF: they stand in the middle of their cells",
        ),
        "outside-die": (off, f"{off} placed components lie wholly outside the die: no tile has them"),
    }
    return tuple(Finding(file, 0, code, text) for code, (lacks, text) in lacking.items() if lacks)


def _cells_off_die(design: Design) -> int:
    """Components that the placer may move and that have no point in common with the die's bounding box."""
    box, die = design.cells.box, design.die
    off = (box[:, 2:] < die[:2]).any(axis=1) | (box[:, :2] > die[2:]).any(axis=1)
    return int((off & (design.cells.status == Status.PLACED)).sum())


def _pins_without_shapes(design: Design) -> int:
    """Placed pins of components whose master says nothing of where they are."""
    shapeless = np.diff(design.masters.port_offset) == 0
    pins = design.pins.master_pin[design.pins.placed & (design.pins.cell >= 0)]
    return int(shapeless[pins[pins >= 0]].sum())
