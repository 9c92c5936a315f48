"""``Design``: one placement as frozen, columnar numpy tables. It knows nothing of grids.

Coordinates are database units (int64) with ``dbu_per_micron``; boxes are ``(n, 4)`` arrays of x0, y0, x1, y1. Tables
that own a variable number of rows use CSR offsets: the rows of item ``i`` are ``offset[i]:offset[i + 1]``.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from placement_data.findings import Finding
from placement_data.names import DEFAULT, Spelling
from placement_data.orientation import QUARTER_TURNED

Ints = NDArray[np.int64]
Codes = NDArray[np.uint8]
Indices = NDArray[np.int32]
Floats = NDArray[np.float64]
Names = NDArray[np.object_]


class Direction(IntEnum):
    """Signal direction of a pin, seen from inside the object that owns the pin."""

    UNKNOWN = 0
    INPUT = 1
    OUTPUT = 2
    INOUT = 3
    FEEDTHRU = 4


class Use(IntEnum):
    """USE of a pin or net."""

    SIGNAL = 0
    POWER = 1
    GROUND = 2
    CLOCK = 3
    ANALOG = 4
    SCAN = 5
    RESET = 6
    TIEOFF = 7


SUPPLIES = (Use.POWER, Use.GROUND)
"""The uses of supply nets and of their pins."""


class MasterClass(IntEnum):
    """First word of a macro's CLASS."""

    CORE = 0
    BLOCK = 1
    PAD = 2
    ENDCAP = 3
    COVER = 4
    RING = 5
    UNKNOWN = 6


class Status(IntEnum):
    """Placement state of a component or of a pin."""

    UNPLACED = 0
    PLACED = 1
    FIXED = 2
    COVER = 3


class LayerKind(IntEnum):
    """TYPE of a LEF layer."""

    OTHER = 0
    ROUTING = 1
    CUT = 2
    MASTERSLICE = 3
    OVERLAP = 4
    IMPLANT = 5


class RegionKind(IntEnum):
    """TYPE of a REGION: a fence keeps others out and its own in, a guide only draws its own."""

    NONE = 0
    FENCE = 1
    GUIDE = 2


class LayerDirection(IntEnum):
    """Preferred direction of a routing layer."""

    NONE = 0
    HORIZONTAL = 1
    VERTICAL = 2


def _no_indices() -> Indices:
    return np.empty(0, dtype=np.int32)


def _no_values() -> Ints:
    return np.empty(0, dtype=np.int64)


def _no_pairs() -> Ints:
    return np.empty((0, 2), dtype=np.int64)


def _no_boxes() -> Ints:
    return np.empty((0, 4), dtype=np.int64)


def _no_flags() -> NDArray[np.bool_]:
    return np.empty(0, dtype=bool)


def _no_names() -> Names:
    return np.empty(0, dtype=object)


@dataclass(frozen=True)
class Layers:
    """Layers in LEF order. Pitch, offset, width and spacing in microns, NaN where not given.

    ``pitch_x`` is the distance of vertical tracks, ``pitch_y`` that of horizontal ones. ``spacing`` is the least one
    that a plain SPACING or a SPACINGTABLE's first entry names.
    """

    name: Names
    kind: Codes  # LayerKind
    direction: Codes  # LayerDirection
    pitch_x: Floats
    pitch_y: Floats
    width: Floats
    offset_x: Floats
    offset_y: Floats
    spacing: Floats


@dataclass(frozen=True)
class Sites:
    """Placement sites; size in microns."""

    name: Names
    width: Floats
    height: Floats


@dataclass(frozen=True)
class Masters:
    """Cell masters (LEF macros).

    Boxes are in database units of the design, in the master's own frame with ORIGIN applied, so that the master covers
    (0, 0) to (width, height) and its pins lie where an instance of orientation N at (0, 0) has them.
    """

    name: Names
    kind: Codes  # MasterClass
    subclass: Names  # second word of CLASS: "SPACER", "WELLTAP", "ANTENNACELL", ... or ""
    width: Ints
    height: Ints
    symmetry: Codes  # bit 0 X, bit 1 Y, bit 2 R90
    site: Names  # site's name or ""
    pin_offset: Ints  # CSR over pin_*
    pin_name: Names
    pin_direction: Codes  # Direction
    pin_use: Codes  # Use
    port_offset: Ints  # CSR over port_*, one row per pin
    port_layer: Indices  # into Layers, -1 unknown
    port_box: Ints  # (n, 4)
    obstruction_offset: Ints  # CSR over obstruction_*, one row per master
    obstruction_layer: Indices
    obstruction_box: Ints  # (n, 4)
    outline_master: Indices = field(default_factory=_no_indices)  # masters that are no rectangle, in ascending order
    outline_box: Ints = field(default_factory=_no_boxes)  # (n, 4) what they cover, without overlap in a master


@dataclass(frozen=True)
class LibertyCells:
    """Names of a library's cells, and of those among them that store or gate. ``a | b`` joins two libraries."""

    cells: frozenset[str] = frozenset()
    registers: frozenset[str] = frozenset()  # flip-flops, and cells with a state table
    latches: frozenset[str] = frozenset()
    clock_gates: frozenset[str] = frozenset()  # integrated clock-gating cells; they are in neither of the above

    def __or__(self, other: LibertyCells) -> LibertyCells:
        return LibertyCells(
            self.cells | other.cells,
            self.registers | other.registers,
            self.latches | other.latches,
            self.clock_gates | other.clock_gates,
        )


@dataclass(frozen=True)
class Cells:
    """Placed instances. ``box`` is the placed outline (n, 4); the lower-left corner is DEF's placement point.

    A halo keeps other cells away from its cell's sides; where a cell has several, the last one counts.
    """

    name: Names
    master: Indices
    orientation: Codes
    status: Codes
    box: Ints
    source: Names  # "NETLIST", "DIST", "TIMING", "USER" or ""
    halo_cell: Indices = field(default_factory=_no_indices)  # cells that have a HALO
    halo: Ints = field(default_factory=_no_boxes)  # its widths (n, 4): left, bottom, right, top as placed
    route_halo_cell: Indices = field(default_factory=_no_indices)  # cells that have a ROUTEHALO
    route_halo: Ints = field(default_factory=_no_values)  # its width
    route_halo_layers: Ints = field(default_factory=_no_pairs)  # (n, 2) lowest and highest layer, -1 unknown


@dataclass(frozen=True)
class Nets:
    """Nets of the NETS section with CSR offsets into ``Pins``."""

    name: Names
    use: Codes
    pin_offset: Ints


@dataclass(frozen=True)
class Pins:
    """Pins of the nets, in net order. ``box`` is the bounding box of the pin's rectangles where it lies on the die.

    A port of several PORTs stands at the one that is nearest to the centre of the net's other pins. A pin whose owner
    is not placed has ``placed`` False and a zero box. ``drives`` is True where the pin can drive its net: an OUTPUT or
    INOUT pin of a cell, an INPUT or INOUT port of the design.
    """

    net: Indices
    cell: Indices  # -1 for a port of the design
    port: Indices  # -1 for a pin of a cell
    master_pin: Indices  # into Masters.pin_*, -1 for a port of the design
    box: Ints
    drives: NDArray[np.bool_]
    placed: NDArray[np.bool_]

    @property
    def x(self) -> Floats:
        """Centre in database units, exact (a multiple of one half)."""
        return np.asarray((self.box[:, 0] + self.box[:, 2]) / 2.0, dtype=np.float64)

    @property
    def y(self) -> Floats:
        """Centre in database units, exact (a multiple of one half)."""
        return np.asarray((self.box[:, 1] + self.box[:, 3]) / 2.0, dtype=np.float64)


@dataclass(frozen=True)
class Ports:
    """Ports of the design (DEF PINS). ``box`` is the bounding box of all placed shapes, zero where not placed."""

    name: Names
    net: Names  # name of the net it belongs to
    direction: Codes
    use: Codes
    status: Codes
    box: Ints
    part_port: Indices = field(default_factory=_no_indices)  # ports of several placed PORTs, in order, a row a PORT
    part_box: Ints = field(default_factory=_no_boxes)  # the bounding box of its shapes


@dataclass(frozen=True)
class SpecialNets:
    """Names and uses of SPECIALNETS."""

    name: Names
    use: Codes
    pin_name: Names = field(default_factory=_no_names)  # of the pins that supplies among them list, each once


@dataclass(frozen=True)
class SpecialWires:
    """Metal of SPECIALNETS as boxes: wires, rectangles, decomposed polygons, and the metal of vias on their layers."""

    net: Indices  # into SpecialNets
    layer: Indices  # into Layers, -1 unknown
    box: Ints  # (n, 4)
    via: NDArray[np.bool_]  # True for the metal (or cut) of a via

    @classmethod
    def empty(cls) -> SpecialWires:
        """No wires."""
        return cls(_no_indices(), _no_indices(), _no_boxes(), _no_flags())


@dataclass(frozen=True)
class Regions:
    """REGIONS with their boxes, and the cells that GROUPS and components assign to them."""

    name: Names
    kind: Codes  # RegionKind
    box_offset: Ints  # CSR over box
    box: Ints  # (n, 4)
    cell_offset: Ints  # CSR over cell
    cell: Indices

    @classmethod
    def empty(cls) -> Regions:
        """No regions."""
        none = np.zeros(1, dtype=np.int64)
        return cls(_no_names(), np.empty(0, dtype=np.uint8), none, _no_boxes(), none, _no_indices())


@dataclass(frozen=True)
class Rows:
    """Rows: site name, origin, orientation, counts and steps in database units."""

    name: Names
    site: Names
    origin: Ints  # (n, 2)
    orientation: Codes
    count: Ints  # (n, 2)
    step: Ints  # (n, 2)


@dataclass(frozen=True)
class Tracks:
    """TRACKS and GCELLGRID statements: lines at ``start + k * step``; ``vertical`` is DEF's X (lines of constant x)."""

    vertical: NDArray[np.bool_]
    start: Ints
    count: Ints
    step: Ints
    layer: Names  # "" for all (GCELLGRID)


@dataclass(frozen=True)
class Blockages:
    """Blockage rectangles; a polygon is decomposed into rectangles that do not overlap.

    ``layer`` is "" for a placement blockage; ``max_density`` is NaN but for PARTIAL ones. A blockage of SLOTS or
    FILLS is no hindrance for wires.
    """

    layer: Names
    box: Ints
    soft: NDArray[np.bool_]
    max_density: Floats
    pushdown: NDArray[np.bool_]
    only_fills: NDArray[np.bool_]  # SLOTS or FILLS: no hindrance for wires
    cell: Indices  # the COMPONENT that the blockage belongs to, -1 for none


@dataclass(frozen=True)
class Design:
    """One placement: what LEF and DEF say that has a bearing on placement and routing."""

    name: str
    dbu_per_micron: int
    die: Ints  # (4,) bounding box
    die_polygon: Ints  # (k, 2) corners in order; four for a rectangle
    layers: Layers
    sites: Sites
    masters: Masters
    cells: Cells
    ports: Ports
    nets: Nets
    pins: Pins
    special_nets: SpecialNets
    rows: Rows
    tracks: Tracks
    gcell_grid: Tracks
    blockages: Blockages
    special_wires: SpecialWires = field(default_factory=SpecialWires.empty)
    regions: Regions = field(default_factory=Regions.empty)
    sources: tuple[str, ...] = field(default=())
    spelling: Spelling = field(default=DEFAULT)  # of names
    findings: tuple[Finding, ...] = field(default=())  # what was stepped over, one a kind and file

    def __repr__(self) -> str:
        sizes = f"cells={len(self.cells.name)}, nets={len(self.nets.name)}, pins={len(self.pins.net)}"
        return f"Design({self.name!r}, {sizes})"


def row_height(design: Design) -> float | None:
    """Height in microns of the site that most rows use, None where no row names a known site."""
    sites = {str(name): i for i, name in enumerate(design.sites.name)}
    heights: Counter[float] = Counter()
    for site, orientation in zip(design.rows.site, design.rows.orientation, strict=True):
        i = sites.get(str(site))
        if i is not None:
            turned = int(orientation) in QUARTER_TURNED
            heights[float(design.sites.width[i] if turned else design.sites.height[i])] += 1
    known = [(count, height) for height, count in heights.items() if math.isfinite(height) and height > 0]
    return max(known, key=lambda item: (item[0], -item[1]))[1] if known else None
