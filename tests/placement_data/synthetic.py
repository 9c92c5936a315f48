"""Made-up libraries and placements of any size, of our own making: for tests, benchmarks and the first example.

The library has the proportions of a 45-nanometre one: six metals, a site of 0.19 by 1.4 microns, gates, a flip-flop,
clock buffers, well taps and a memory. A placement is legal (cells in rows, none upon another) and its nets are mostly
short with a few long ones; every number follows from the seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from placement_data.design import Ints
from tests.placement_data.synthetic_nets import MOST_CLOCKED, Driver, connect

DBU_PER_MICRON = 2000
SITE = "core_190x1400"
SITE_WIDTH, ROW_HEIGHT = 380, 2800  # database units
_MARGIN_X, _MARGIN_Y = 10 * SITE_WIDTH, 2 * ROW_HEIGHT
_PITCHES = (("metal1", 0.14), ("metal2", 0.19), ("metal3", 0.14), ("metal4", 0.28), ("metal5", 0.28), ("metal6", 0.28))


@dataclass(frozen=True)
class Gate:
    """A master of the library: width in sites, names of its pins, and how often a placement takes it."""

    name: str
    sites: int
    inputs: tuple[str, ...]
    output: str = "Y"
    clock: str = ""
    weight: float = 0.0


CLOCK_BUFFER, TAP, FILLER, MEMORY = "CLKBUF_2", "TAP_1", "FILL_1", "MEM_64X8"
MEMORY_SITES, MEMORY_ROWS = 160, 20
GATES = (
    Gate("INV_1", 2, ("A",), weight=0.13),
    Gate("INV_2", 3, ("A",), weight=0.05),
    Gate("BUF_1", 3, ("A",), weight=0.05),
    Gate("BUF_4", 5, ("A",), weight=0.03),
    Gate("NAND2_1", 3, ("A", "B"), weight=0.19),
    Gate("NOR2_1", 3, ("A", "B"), weight=0.13),
    Gate("NAND3_1", 4, ("A", "B", "C"), weight=0.08),
    Gate("AOI21_1", 4, ("A1", "A2", "B"), weight=0.10),
    Gate("XOR2_1", 6, ("A", "B"), weight=0.06),
    Gate("MUX2_1", 7, ("A", "B", "S"), weight=0.06),
    Gate("DFF_1", 17, ("D",), output="Q", clock="CK", weight=0.12),
    Gate(CLOCK_BUFFER, 4, (), clock="A"),
)
_FLIP_FLOP = next(index for index, gate in enumerate(GATES) if gate.output == "Q")
_CLOCK_BUFFER = len(GATES) - 1
_MEMORY_INPUTS = tuple(f"{bus}[{bit}]" for bus, width in (("A", 6), ("D", 8)) for bit in range(width))
_MEMORY_OUTPUTS = tuple(f"Q[{bit}]" for bit in range(8))


def synthetic_lef() -> str:
    """The library, technology and masters, as LEF 5.8."""
    parts = ['VERSION 5.8 ;\nBUSBITCHARS "[]" ;\nDIVIDERCHAR "/" ;\n\nUNITS\n  DATABASE MICRONS 2000 ;\nEND UNITS\n\n']
    for number, (name, pitch) in enumerate(_PITCHES, start=1):
        direction = "HORIZONTAL" if number % 2 else "VERTICAL"
        parts.append(
            f"LAYER {name}\n  TYPE ROUTING ;\n  DIRECTION {direction} ;\n  PITCH {pitch} ;\n  WIDTH {pitch / 2:g} ;\n"
            f"  SPACING {pitch / 2:g} ;\nEND {name}\n\n"
        )
        if number < len(_PITCHES):
            parts.append(f"LAYER via{number}\n  TYPE CUT ;\nEND via{number}\n\n")
    parts.append(f"SITE {SITE}\n  CLASS CORE ;\n  SYMMETRY Y ;\n  SIZE 0.19 BY 1.4 ;\nEND {SITE}\n\n")
    parts += [_gate_lef(gate) for gate in GATES]
    parts += [_master_lef(TAP, "CORE WELLTAP", 1, ""), _master_lef(FILLER, "CORE SPACER", 1, ""), _memory_lef()]
    return "".join(parts) + "END LIBRARY\n"


def _gate_lef(gate: Gate) -> str:
    names = [*gate.inputs, *([gate.clock] if gate.clock else []), gate.output]
    width = gate.sites * 0.19
    body = ""
    for index, name in enumerate(names):
        x = (index + 0.5) * width / len(names)
        y = 0.35 + 0.14 * (index % 3)
        direction = "OUTPUT" if name == gate.output else "INPUT"
        use = "CLOCK" if name == gate.clock or gate.name == CLOCK_BUFFER else "SIGNAL"
        body += _pin_lef(name, direction, use, "metal1", (x - 0.035, y, x + 0.035, y + 0.21))
    body += f"  OBS\n    LAYER metal1 ;\n      RECT 0.035 0.945 {width - 0.035:g} 1.015 ;\n  END\n"
    return _master_lef(gate.name, "CORE", gate.sites, body)


def _pin_lef(name: str, direction: str, use: str, layer: str, box: tuple[float, float, float, float]) -> str:
    corners = " ".join(f"{round(value, 4):g}" for value in box)
    shape = f"    PORT\n      LAYER {layer} ;\n        RECT {corners} ;\n    END\n"
    return f"  PIN {name}\n    DIRECTION {direction} ;\n    USE {use} ;\n{shape}  END {name}\n"


def _master_lef(name: str, kind: str, sites: int, body: str) -> str:
    width = sites * 0.19
    head = f"MACRO {name}\n  CLASS {kind} ;\n  ORIGIN 0 0 ;\n  SIZE {width:g} BY 1.4 ;\n"
    head += f"  SYMMETRY X Y ;\n  SITE {SITE} ;\n"
    rails = _pin_lef("VDD", "INOUT", "POWER", "metal1", (0.0, 1.315, width, 1.485))
    rails += _pin_lef("VSS", "INOUT", "GROUND", "metal1", (0.0, -0.085, width, 0.085))
    return f"{head}{body}{rails}END {name}\n\n"


def _memory_lef() -> str:
    width, height = MEMORY_SITES * 0.19, MEMORY_ROWS * 1.4
    body = ""
    for index, name in enumerate((*_MEMORY_INPUTS, *_MEMORY_OUTPUTS, "CK")):
        x = 0.95 + 1.14 * index
        direction = "OUTPUT" if name in _MEMORY_OUTPUTS else "INPUT"
        body += _pin_lef(name, direction, "CLOCK" if name == "CK" else "SIGNAL", "metal3", (x, 0.0, x + 0.14, 0.28))
    for name, use, x in (("VDD", "POWER", 2.0), ("VSS", "GROUND", 6.0)):
        body += _pin_lef(name, "INOUT", use, "metal4", (x, 0.0, x + 0.56, height))
    layers = "".join(f"    LAYER metal{n} ;\n      RECT 0 0 {width:g} {height:g} ;\n" for n in (1, 2, 3))
    head = f"MACRO {MEMORY}\n  CLASS BLOCK ;\n  ORIGIN 0 0 ;\n  SIZE {width:g} BY {height:g} ;\n  SYMMETRY X Y R90 ;\n"
    return f"{head}{body}  OBS\n{layers}  END\nEND {MEMORY}\n\n"


@dataclass(frozen=True)
class Floor:
    """Rows and free stretches of a floor, in sites and rows from the core's corner."""

    rows: int
    sites: int
    memory: tuple[int, int] | None  # site and row of its lower-left corner
    stretches: Ints  # (n, 3): row, first site, sites


def synthetic_def(
    cells: int,
    seed: int,
    utilization: float = 0.7,
    origin: tuple[int, int] = (0, 0),
    aspect_ratio: float = 1.0,
    memory: bool = True,
    name: str = "synthetic",
) -> str:
    """A legal placement of ``cells`` gates of ``synthetic_lef`` as DEF 5.8 at 2000 database units per micron.

    ``utilization`` is the gates' share of the rows' free area, ``origin`` the die's lower-left corner in database units
    and ``aspect_ratio`` the core's height over its width. Well taps and, with ``memory``, one hard block come on top of
    ``cells``. Raises ``ValueError`` for arguments out of range.
    """
    if cells < 1 or not 0.0 < utilization <= 0.95 or not 0.1 <= aspect_ratio <= 10.0:
        raise ValueError("cells must be at least 1, utilization in (0, 0.95] and aspect_ratio in [0.1, 10]")
    rng = np.random.default_rng(seed)
    kind = _draw_gates(cells, rng)
    floor, row, site = _place(kind, utilization, aspect_ratio, memory, rng)
    corner = (origin[0] + _MARGIN_X, origin[1] + _MARGIN_Y)
    x, y = corner[0] + site * SITE_WIDTH, corner[1] + row * ROW_HEIGHT
    die = (*origin, corner[0] + floor.sites * SITE_WIDTH + _MARGIN_X, corner[1] + floor.rows * ROW_HEIGHT + _MARGIN_Y)
    inputs = max(4, round(1.5 * math.sqrt(cells)))
    outputs = max(2, inputs // 2)
    ports = ["clk", *(f"in[{i}]" for i in range(inputs)), *(f"out[{i}]" for i in range(outputs))]
    port_place = _port_places(len(ports), die)
    drivers = [Driver(("PIN", port), port_place[i]) for i, port in enumerate(ports[: inputs + 1])]
    sinks_outside = [("PIN", port) for port in ports[inputs + 1 :]]
    if floor.memory is not None:
        at = (corner[0] + floor.memory[0] * SITE_WIDTH, corner[1] + floor.memory[1] * ROW_HEIGHT)
        drivers += [Driver(("mem0", pin), at) for pin in _MEMORY_OUTPUTS]
        sinks_outside += [("mem0", pin) for pin in (*_MEMORY_INPUTS, "CK")]
    nets, net_of_port = connect(GATES, kind, x, y, drivers, sinks_outside, rng)
    components = _components(kind, x, y, row, floor, corner, rng)
    head = f'VERSION 5.8 ;\nDIVIDERCHAR "/" ;\nBUSBITCHARS "[]" ;\nDESIGN {name} ;\n'
    return "".join(
        [
            head,
            f"UNITS DISTANCE MICRONS {DBU_PER_MICRON} ;\nDIEAREA ( {die[0]} {die[1]} ) ( {die[2]} {die[3]} ) ;\n",
            _rows(floor, corner),
            _tracks(die),
            _section("COMPONENTS", components),
            _section("PINS", _pins([(port, net_of_port[port]) for port in ports], inputs, port_place, die)),
            _section("SPECIALNETS", _supplies(floor, corner)),
            _section("NETS", nets),
            "END DESIGN\n",
        ]
    )


def _draw_gates(cells: int, rng: np.random.Generator) -> Ints:
    """Which gate each cell is. As many turn into clock buffers as a tree over the flip-flops needs."""
    weight = np.array([gate.weight for gate in GATES])
    kind = rng.choice(len(GATES), size=cells, p=weight / weight.sum()).astype(np.int64)
    buffers, level = 0, int((kind == _FLIP_FLOP).sum())
    while level > MOST_CLOCKED:
        level = -(-level // MOST_CLOCKED)
        buffers += level
    others = np.flatnonzero(kind != _FLIP_FLOP)
    kind[rng.choice(others, size=min(buffers, len(others)), replace=False)] = _CLOCK_BUFFER
    return kind


def _place(
    kind: Ints, utilization: float, aspect_ratio: float, memory: bool, rng: np.random.Generator
) -> tuple[Floor, Ints, Ints]:
    """The floor, and row and site of each cell: cells fill the stretches in order, the free sites fall at random."""
    width = np.array([gate.sites for gate in GATES], dtype=np.int64)[kind]
    area = width.sum() / utilization + (MEMORY_SITES * MEMORY_ROWS if memory else 0)
    rows = max(2, round(math.sqrt(area * SITE_WIDTH * aspect_ratio / ROW_HEIGHT)), MEMORY_ROWS + 4 if memory else 0)
    while True:
        sites = max(math.ceil(area / rows), int(width.max()), MEMORY_SITES + 40 if memory else 0) + 2
        floor = _floor(rows, sites, memory)
        placed = _fill(floor, width, rng)
        if placed is not None:
            return floor, *placed
        rows += 1


def _floor(rows: int, sites: int, memory: bool) -> Floor:
    """Each row is free but for a well tap at each end and, in some rows, the memory."""
    corner = ((sites - MEMORY_SITES) * 2 // 3, (rows - MEMORY_ROWS) // 2) if memory else None
    stretches = []
    for row in range(rows):
        if corner is not None and corner[1] <= row < corner[1] + MEMORY_ROWS:
            stretches.append((row, 1, corner[0] - 1))
            stretches.append((row, corner[0] + MEMORY_SITES, sites - 1 - corner[0] - MEMORY_SITES))
        else:
            stretches.append((row, 1, sites - 2))
    return Floor(rows, sites, corner, np.array(stretches, dtype=np.int64))


def _fill(floor: Floor, width: Ints, rng: np.random.Generator) -> tuple[Ints, Ints] | None:
    """Row and site of each cell; None where they do not fit."""
    free = floor.stretches[:, 2]
    goal = np.cumsum(free) * (width.sum() / free.sum())
    used = np.concatenate([[0], np.cumsum(width)])
    row, site = np.zeros(len(width), dtype=np.int64), np.zeros(len(width), dtype=np.int64)
    first = 0
    for (number, start, room), target in zip(floor.stretches.tolist(), goal.tolist(), strict=True):
        last = int(np.searchsorted(used, min(used[first] + room, target + 0.5), side="right")) - 1
        if last <= first:
            continue
        slack = room - int(used[last] - used[first])
        gaps = rng.multinomial(slack, np.full(last - first + 1, 1.0 / (last - first + 1)))[:-1]
        row[first:last] = number
        site[first:last] = start + used[first:last] - used[first] + np.cumsum(gaps)
        first = last
    return (row, site) if first == len(width) else None


def _components(
    kind: Ints, x: Ints, y: Ints, row: Ints, floor: Floor, corner: tuple[int, int], rng: np.random.Generator
) -> list[str]:
    flipped = rng.random(len(kind)) < 0.5
    orientation = np.array(["N", "FN", "FS", "S"], dtype=object)[2 * (row % 2) + flipped]
    masters = np.array([gate.name for gate in GATES], dtype=object)[kind]
    lines = [
        f"- u{i} {master} + PLACED ( {cx} {cy} ) {turn} ;"
        for i, (master, cx, cy, turn) in enumerate(zip(masters, x.tolist(), y.tolist(), orientation, strict=True))
    ]
    for number in range(floor.rows):
        turn = "FS" if number % 2 else "N"
        for side, tap_site in enumerate((0, floor.sites - 1)):
            tap = (corner[0] + tap_site * SITE_WIDTH, corner[1] + number * ROW_HEIGHT)
            lines.append(f"- tap{2 * number + side} {TAP} + SOURCE DIST + FIXED ( {tap[0]} {tap[1]} ) {turn} ;")
    if floor.memory is not None:
        at = (corner[0] + floor.memory[0] * SITE_WIDTH, corner[1] + floor.memory[1] * ROW_HEIGHT)
        lines.append(f"- mem0 {MEMORY} + FIXED ( {at[0]} {at[1]} ) N ;")
    return lines


def _rows(floor: Floor, corner: tuple[int, int]) -> str:
    lines = []
    for number, (row, site, sites) in enumerate(floor.stretches.tolist()):
        # A stretch begins behind the well tap, which stands in the row too.
        first = site - 1 if site == 1 else site
        count = sites + (site == 1) + (site + sites == floor.sites - 1)
        x, y = corner[0] + first * SITE_WIDTH, corner[1] + row * ROW_HEIGHT
        turn = "FS" if row % 2 else "N"
        lines.append(f"ROW row_{number} {SITE} {x} {y} {turn} DO {count} BY 1 STEP {SITE_WIDTH} 0 ;\n")
    return "".join(lines)


def _tracks(die: tuple[int, int, int, int]) -> str:
    lines = []
    for name, pitch in _PITCHES:
        step = round(pitch * DBU_PER_MICRON)
        for axis, low, high in (("X", die[0], die[2]), ("Y", die[1], die[3])):
            count = (high - low - step // 2) // step + 1
            lines.append(f"TRACKS {axis} {low + step // 2} DO {count} STEP {step} LAYER {name} ;\n")
    tile = 15 * 280
    for axis, low, high in (("X", die[0], die[2]), ("Y", die[1], die[3])):
        lines.append(f"GCELLGRID {axis} {low} DO {(high - low) // tile + 1} STEP {tile} ;\n")
    return "".join(lines)


def _port_places(count: int, die: tuple[int, int, int, int]) -> list[tuple[int, int]]:
    """Places of the ports, evenly round the die: bottom, right, top, left."""
    x0, y0, x1, y1 = die
    places = []
    for distance in ((np.arange(count) + 0.5) * (2 * (x1 - x0 + y1 - y0) / count)).tolist():
        along = int(distance) // 20 * 20
        if along < x1 - x0:
            places.append((x0 + along, y0))
        elif along < (x1 - x0) + (y1 - y0):
            places.append((x1, y0 + along - (x1 - x0)))
        elif along < 2 * (x1 - x0) + (y1 - y0):
            places.append((2 * x1 - x0 + (y1 - y0) - along, y1))
        else:
            places.append((x0, 2 * (x1 - x0) + 2 * (y1 - y0) - along + y0))
    return places


def _pins(
    ports: list[tuple[str, str]], inputs: int, places: list[tuple[int, int]], die: tuple[int, int, int, int]
) -> list[str]:
    """PINS from (name, net): the clock, the inputs, the outputs. Each reaches 140 units into the die from its side."""
    lines = []
    for index, ((name, net), (x, y)) in enumerate(zip(ports, places, strict=True)):
        direction = "INPUT" if index <= inputs else "OUTPUT"
        use = "CLOCK" if index == 0 else "SIGNAL"
        turn, layer = ("N", "metal2") if y == die[1] else ("S", "metal2") if y == die[3] else ("E", "metal3")
        turn = "W" if x == die[2] and turn == "E" else turn
        lines.append(
            f"- {name} + NET {net} + DIRECTION {direction} + USE {use}\n  + PORT\n"
            f"    + LAYER {layer} ( -70 0 ) ( 70 140 )\n    + PLACED ( {x} {y} ) {turn} ;"
        )
    return lines


def _supplies(floor: Floor, corner: tuple[int, int]) -> list[str]:
    """Power and ground rails along the rows' edges."""
    left, right = corner[0], corner[0] + floor.sites * SITE_WIDTH
    nets = []
    for name, use, first in (("VSS", "GROUND", 0), ("VDD", "POWER", 1)):
        heights = [corner[1] + edge * ROW_HEIGHT for edge in range(first, floor.rows + 1, 2)]
        wires = "\n  NEW ".join(f"metal1 340 + SHAPE FOLLOWPIN ( {left} {y} ) ( {right} {y} )" for y in heights)
        nets.append(f"- {name} ( * {name} ) + USE {use}\n  + ROUTED {wires} ;")
    return nets


def _section(name: str, statements: list[str]) -> str:
    return f"{name} {len(statements)} ;\n" + "\n".join(statements) + f"\nEND {name}\n"
