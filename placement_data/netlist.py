"""Views of a design's netlist that the channels share: signal nets in CSR form, their edges, and the roles of cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from placement_data.columns import offsets, owners, spread
from placement_data.design import SUPPLIES, Design, Direction, LibertyCells, MasterClass, Masters, Status, Use
from placement_data.errors import InputError

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
Mask = NDArray[np.bool_]

SMALL_FANOUT_MAX = 3
"""Most sinks of a net of small fan-out. The RouteNAS paper does not print its threshold; this one is ours."""

PAIRWISE_PINS_MAX = 64
"""Most pins of a net whose pairs are all drawn; larger nets are drawn as a star."""

MST_PINS_MAX = 1024
"""Most pins of a net whose minimum spanning tree is exact; larger nets are joined from trees of blocks."""

_MST_BLOCK = 512
_PAIRS_HELD = 1 << 20  # pairs given out at one time
_MST_HELD = 1 << 15  # pins whose trees grow at one time: few enough to stay in the processor's cache

REGISTER_PATTERNS = (
    r"S?E?DFF",  # NanGate, ASAP7, GF180, SAED, OSU
    r"(.*__)?[se]?e?df[a-z]*(tp|tn|bp|bn|q)(_|$)",  # SKY130: dfxtp, edfxtp, sdfrtp
    r"S?E?DF[A-Z]*Q?N?D\d",  # names as DFCNQD1, SDFQD2
    r"DLH|DLL|DHL|DLAT|LATCH|LAT[A-Z]*_|L[HN][A-Z]*QD\d",  # latches
    r"(.*__)?dlx[a-z]*(_|$)|(.*__)?dlr[a-z]*(_|$)|(.*__)?lat[a-z]*_",  # latches of SKY130 and GF180
    r"FD[A-Z]*[0-9_]|FD[RCSP]E$",  # names as FD1, FDRE
)
"""Regular expressions that a register's or latch's master name starts with, case ignored. They are for libraries whose
pins do not tell; see ``register_masters``."""

_CLOCK_PIN = re.compile(r"(CK|CKB|CKN|CP|CPN|CLK|CLKB|CLKN|CLK_[NB]|CLOCK|G|GN|GATE|GATE_[NB])$", re.IGNORECASE)
_CLOCK_GATE = re.compile(r"(.*__)?(CLKGATE|CLKGT|ICG|CKL[NHQ]|GCLK|GCK|s?dlclk)", re.IGNORECASE)
_MACRO_CLASSES = (MasterClass.BLOCK, MasterClass.PAD, MasterClass.RING)


@dataclass(frozen=True)
class Wiring:
    """Signal nets of two or more placed pins: the pins of net ``k`` are the rows ``offset[k]:offset[k + 1]``."""

    net: Indices  # (nets,) row in ``Design.nets``
    offset: Indices  # (nets + 1,)
    x: Array  # (pins,) pin centres, database units
    y: Array
    drives: Mask  # (pins,)

    @classmethod
    def of(cls, design: Design) -> Wiring:
        """Wiring of a design. Supply nets, special nets, pins that are not placed and nets of one pin are left out."""
        pins = design.pins
        use = signal_nets(design)[pins.net] & pins.placed
        size = np.bincount(pins.net[use], minlength=len(design.nets.name))
        use &= size[pins.net] >= 2
        net = np.flatnonzero(size >= 2)
        return cls(net, offsets(size[net]), pins.x[use], pins.y[use], pins.drives[use])

    @property
    def size(self) -> Indices:
        """(nets,) number of pins; the fan-out is one less."""
        return np.diff(self.offset)

    @property
    def first(self) -> Indices:
        """(nets,) row of each net's first pin."""
        return self.offset[:-1]

    @property
    def net_of_pin(self) -> Indices:
        """(pins,) position of each pin's net in this wiring."""
        return owners(self.offset)

    @cached_property
    def boxes(self) -> Array:
        """(nets, 4) bounding box of each net's pin centres, database units."""
        low, high = np.minimum.reduceat, np.maximum.reduceat
        return np.stack([f(v, self.first) for f in (low, high) for v in (self.x, self.y)], axis=1)

    def centroids(self) -> tuple[Array, Array]:
        """Mean x and y of each net's pins (nets,), database units."""
        return np.add.reduceat(self.x, self.first) / self.size, np.add.reduceat(self.y, self.first) / self.size

    def select(self, keep: Mask) -> Wiring:
        """The nets where ``keep`` (nets,) is True."""
        pins = np.repeat(keep, self.size)
        return Wiring(self.net[keep], offsets(self.size[keep]), self.x[pins], self.y[pins], self.drives[pins])

    def by_fanout(self) -> tuple[Wiring, Wiring]:
        """The nets of small fan-out (at most ``SMALL_FANOUT_MAX`` sinks) and those of large fan-out."""
        small = self.size - 1 <= SMALL_FANOUT_MAX
        return self.select(small), self.select(~small)


def require_placed(design: Design) -> None:
    """Raise ``InputError`` where a cell has no placement: maps of a half-placed design would mislead."""
    missing = np.flatnonzero(design.cells.status == Status.UNPLACED)
    if len(missing):
        what = f"{len(missing)} of {len(design.cells.name)} cells are not placed"
        file = design.sources[-1] if design.sources else None
        first = str(design.cells.name[missing[0]])
        raise InputError(f"{what}, the first one", file=file, found=first, expected="a location for every component")


def signal_nets(design: Design) -> Mask:
    """(nets,) True for nets that are no supplies.

    A supply has USE POWER or GROUND, here or as a special net of the same name, or it connects a pin of such USE (of a
    cell or of the design) and no output of a cell drives it. That a net is routed as a special net does not matter.
    """
    nets, special = design.nets, design.special_nets
    signal = ~np.isin(nets.use, SUPPLIES)
    listed = set(special.name[np.isin(special.use, SUPPLIES)]).intersection(nets.name)
    if listed:
        signal &= np.fromiter((name not in listed for name in nets.name), dtype=bool, count=len(signal))
    return signal & ~_supplied(design)


def _supplied(design: Design) -> Mask:
    """(nets,) True for nets that connect a pin of a supply and no output of logic."""
    masters, pins = design.masters, design.pins
    found = np.zeros(len(design.nets.name), dtype=bool)
    # The entry behind the last is for -1, which stands for no pin of a master and for no port.
    of_supply = np.append(np.isin(masters.pin_use, SUPPLIES), False)
    found[pins.net[of_supply[pins.master_pin]]] = True
    found[pins.net[np.append(np.isin(design.ports.use, SUPPLIES), False)[pins.port]]] = True
    if found.any():
        output = np.append(masters.pin_direction == Direction.OUTPUT, False) & ~of_supply
        found[pins.net[output[pins.master_pin]]] = False
    return found


def logic_masters(design: Design) -> Masters:
    """The masters, with USE POWER for inputs that have none in the LEF and lie on supplies only.

    They are bulk pins mostly (VPB, VNB), which would pass for inputs of logic.
    """
    masters, pins, signal = design.masters, design.pins, signal_nets(design)
    named = set(design.special_nets.pin_name)
    found = np.fromiter((name in named for name in masters.pin_name), dtype=bool, count=len(masters.pin_name))
    of_cell = pins.master_pin >= 0
    found[pins.master_pin[~signal[pins.net] & of_cell]] = True
    found &= (masters.pin_use == Use.SIGNAL) & (masters.pin_direction != Direction.OUTPUT)
    if not found.any():
        return masters
    found[pins.master_pin[signal[pins.net] & of_cell]] = False
    return replace(masters, pin_use=np.where(found, np.uint8(Use.POWER), masters.pin_use))


def nearest_to_centroid(wiring: Wiring) -> Indices:
    """(nets,) row of the pin nearest to the net's centroid; the first of several."""
    x, y = wiring.centroids()
    net = wiring.net_of_pin
    distance = np.hypot(wiring.x - x[net], wiring.y - y[net])
    return _first_true(distance == np.minimum.reduceat(distance, wiring.first)[net], wiring)


def sources(wiring: Wiring) -> Indices:
    """(nets,) row of the net's driver: its first pin that drives, or else the pin nearest to the centroid."""
    row = _first_true(wiring.drives, wiring)
    return np.where(row < len(wiring.x), row, nearest_to_centroid(wiring))


def pair_edges(wiring: Wiring) -> Iterator[tuple[Indices, Indices, Array]]:
    """All pin pairs as rows (a, b) with 2 / pins of their net, a bounded number of pairs at a time."""
    batch: list[tuple[Indices, Indices, Array]] = []
    held = 0
    for size in np.unique(wiring.size):
        low, high = np.triu_indices(int(size), 1)
        first = wiring.first[wiring.size == size]
        step = max(1, _PAIRS_HELD // len(low))
        for start in range(0, len(first), step):
            part = first[start : start + step, None]
            pairs = len(part) * len(low)
            batch.append(((part + low).ravel(), (part + high).ravel(), np.full(pairs, 2.0 / size)))
            held += pairs
            if held >= _PAIRS_HELD:
                yield _joined(batch)
                batch, held = [], 0
    if batch:
        yield _joined(batch)


def _joined(batch: list[tuple[Indices, Indices, Array]]) -> tuple[Indices, Indices, Array]:
    a, b, weight = zip(*batch, strict=True)
    return np.concatenate(a), np.concatenate(b), np.concatenate(weight)


def mst_edges(wiring: Wiring) -> tuple[Indices, Indices]:
    """Edges (a, b) of each net's minimum spanning tree under Manhattan distance, as rows of the wiring's pins.

    Prim's algorithm (1957), run for all nets of about the same size at once; ties go to the earlier pin. Nets of more
    than ``MST_PINS_MAX`` pins are split into blocks along a snake over horizontal strips, and the blocks' trees are
    linked in order: a spanning tree some 4 % longer than the shortest (pins spread evenly).
    """
    order = np.arange(len(wiring.x))
    first, size = wiring.first, wiring.size
    links = (order[:0], order[:0])
    if (size > MST_PINS_MAX).any():
        order, first, size, links = _split_large(wiring)
    edges = [links]
    buckets = np.where(size <= 16, size, np.ceil(1.25 ** np.ceil(np.log(size) / np.log(1.25)))).astype(np.int64)
    for width in np.unique(buckets):
        members = np.flatnonzero(buckets == width)
        step = max(1, _MST_HELD // int(width))
        for start in range(0, len(members), step):
            part = members[start : start + step]
            edges.append(_prim(wiring, order, first[part], size[part]))
    return np.concatenate([a for a, _ in edges]), np.concatenate([b for _, b in edges])


def _prim(wiring: Wiring, order: Indices, first: Indices, size: Indices) -> tuple[Indices, Indices]:
    """Edges of the trees of nets of similar size, padded to the largest."""
    # A net is a row, a pin a column; the tree grows in all nets at once, from the first pin of each.
    width = int(size.max())
    real = np.arange(width) < size[:, None]
    rows = order[first[:, None] + np.where(real, np.arange(width), 0)]
    if width == 2:
        return rows[:, 0], rows[:, 1]
    x, y = wiring.x[rows], wiring.y[rows]
    # Pins in the tree and padding sit at infinity, so that they are never nearer than the pins outside.
    free_x = np.where(real, x, np.inf)
    free_x[:, 0] = np.inf
    # ``near`` is each outside pin's distance to the tree, ``parent`` the column of the tree's pin that is so near.
    near = np.abs(free_x - x[:, :1]) + np.abs(y - y[:, :1])
    parent = np.zeros(rows.shape, dtype=np.int64)
    net = np.arange(len(rows))
    children, parents = np.zeros((2, width - 1, len(rows)), dtype=np.int64)
    for step in range(width - 1):
        # A net that has no pin left outside chooses any, at infinity: ``grown`` drops that edge below.
        chosen = np.argmin(near, axis=1)
        children[step], parents[step] = rows[net, chosen], rows[net, parent[net, chosen]]
        free_x[net, chosen] = near[net, chosen] = np.inf
        # Only the pin that has just come in can make the tree nearer.
        distance = np.abs(free_x - x[net, chosen, None]) + np.abs(y - y[net, chosen, None])
        np.copyto(parent, chosen[:, None], where=distance < near)
        np.minimum(near, distance, out=near)
    grown = np.arange(1, width)[:, None] < size
    return children[grown], parents[grown]


def _split_large(wiring: Wiring) -> tuple[Indices, Indices, Indices, tuple[Indices, Indices]]:
    """Pin order, first, size of the blocks that replace large nets, and the links between blocks of one net."""
    size, net = wiring.size, wiring.net_of_pin
    large = size > MST_PINS_MAX
    box = wiring.boxes[net]
    strips = np.where(large, np.ceil(np.sqrt(size / _MST_BLOCK)), 1.0)[net]
    height = np.maximum(box[:, 3] - box[:, 1], 1.0)
    strip = np.where(large[net], np.minimum(np.floor((wiring.y - box[:, 1]) / height * strips), strips - 1), 0.0)
    along = np.where(large[net], np.where(strip % 2 == 0, wiring.x, -wiring.x), 0.0)
    order = np.lexsort((along, strip, net))
    blocks = np.where(large, -(-size // _MST_BLOCK), 1)
    owner, within = spread(blocks)
    start = wiring.offset[owner] + within * _MST_BLOCK
    stop = np.where(within == blocks[owner] - 1, wiring.offset[owner + 1], start + _MST_BLOCK)
    later = start[within > 0]
    return order, start, stop - start, (order[later - 1], order[later])


def macro_masters(masters: Masters) -> Mask:
    """(masters,) True for the classes BLOCK, PAD and RING."""
    return np.isin(masters.kind, _MACRO_CLASSES)


def clock_pins(masters: Masters) -> Mask:
    """(master pins,) True for input pins of USE CLOCK or with a clock's name (CK, CP, CLK, G, GN, ...)."""
    named = np.fromiter((bool(_CLOCK_PIN.match(n)) for n in masters.pin_name), dtype=bool, count=len(masters.pin_name))
    return np.asarray((masters.pin_direction == Direction.INPUT) & (named | (masters.pin_use == Use.CLOCK)))


def register_masters(
    masters: Masters, patterns: Sequence[str] = REGISTER_PATTERNS, liberty: LibertyCells | None = None
) -> Mask:
    """(masters,) True for flip-flops and latches.

    Where ``liberty`` knows the cell, it decides. Otherwise they have a clock pin, a further signal input and an output,
    or a name that starts with one of ``patterns`` (regular expressions, case ignored), an input and an output. Macros
    are none, nor are clock gates (known by name, or by an output of USE CLOCK).
    """
    signal = ~np.isin(masters.pin_use, (Use.POWER, Use.GROUND))
    output = masters.pin_direction == Direction.OUTPUT
    inputs = _per_master(masters, signal & (masters.pin_direction == Direction.INPUT))
    pattern = re.compile("|".join(f"(?:{p})" for p in patterns) or r"(?!)", re.IGNORECASE)
    named = np.array([bool(pattern.match(name)) for name in masters.name], dtype=bool)
    by_pins = (_per_master(masters, clock_pins(masters)) > 0) & (inputs >= 2)
    wired = (inputs > 0) & (_per_master(masters, signal & output) > 0)
    found = (named | by_pins) & wired & ~macro_masters(masters) & ~_clock_gates(masters)
    if liberty is not None:
        found = np.where(_named(masters, liberty.cells), _named(masters, liberty.registers | liberty.latches), found)
    return np.asarray(found)


def clock_cells(
    design: Design, patterns: Sequence[str] = REGISTER_PATTERNS, liberty: LibertyCells | None = None
) -> Mask:
    """(cells,) True for the cells of the clock tree: cells other than registers and macros that drive a clock net.

    A clock net has USE CLOCK, a pin of USE CLOCK or a register's, macro's or clock gate's clock pin, or it feeds a
    clock cell: at the input of one with a single signal input, or at the clock pin of a clock gate.
    """
    masters, pins = logic_masters(design), design.pins
    register, macro = register_masters(masters, patterns, liberty), macro_masters(masters)
    gate = _clock_gates(masters, liberty)
    owner = owners(masters.pin_offset)
    is_input = (masters.pin_direction == Direction.INPUT) & ~np.isin(masters.pin_use, (Use.POWER, Use.GROUND))
    is_clock = clock_pins(masters)
    passes = (is_input & (_per_master(masters, is_input) == 1)[owner]) | (is_clock & gate[owner])

    of_cell = np.flatnonzero(pins.cell >= 0)
    net, cell, master_pin = pins.net[of_cell], pins.cell[of_cell], pins.master_pin[of_cell]
    clock_net = (design.nets.use == Use.CLOCK) & signal_nets(design)
    told = masters.pin_use == Use.CLOCK
    clock_net[net[(told | is_clock & (register | macro | gate)[owner])[master_pin]]] = True
    buffer = ~(register | macro)[design.cells.master]
    drives = pins.drives[of_cell] & buffer[cell]
    back = passes[master_pin] & buffer[cell]
    found = np.zeros(len(design.cells.name), dtype=bool)
    while True:
        found[cell[drives & clock_net[net]]] = True
        grown = clock_net.copy()
        grown[net[back & found[cell]]] = True
        if (grown == clock_net).all():
            return found
        clock_net = grown


def _clock_gates(masters: Masters, liberty: LibertyCells | None = None) -> Mask:
    """(masters,) True for integrated clock gates.

    Where ``liberty`` knows the cell, it decides; otherwise the name does, or a clock pin with an output of USE CLOCK.
    """
    named = np.array([bool(_CLOCK_GATE.match(name)) for name in masters.name], dtype=bool)
    clock_out = (masters.pin_direction == Direction.OUTPUT) & (masters.pin_use == Use.CLOCK)
    clocked = _per_master(masters, clock_pins(masters)) > 0
    gate = clocked & (named | (_per_master(masters, clock_out) > 0)) & ~macro_masters(masters)
    if liberty is not None:
        gate = np.where(_named(masters, liberty.cells), _named(masters, liberty.clock_gates), gate)
    return np.asarray(gate)


def _named(masters: Masters, names: frozenset[str]) -> Mask:
    """(masters,) True for the masters whose name is among ``names``."""
    return np.fromiter((name in names for name in masters.name), dtype=bool, count=len(masters.name))


def _per_master(masters: Masters, pin: Mask) -> Indices:
    """(masters,) number of pins where ``pin`` is True."""
    total = offsets(pin)
    return np.asarray(total[masters.pin_offset[1:]] - total[masters.pin_offset[:-1]])


def _first_true(flag: Mask, wiring: Wiring) -> Indices:
    """(nets,) row of the first pin with the flag, the number of all pins where there is none."""
    return np.minimum.reduceat(np.where(flag, np.arange(len(flag)), len(flag)), wiring.first)
