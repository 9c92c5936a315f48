"""Puts what a DEF says and the library of its masters together: names become indices, pins find their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement_data.columns import name_column, offsets, owners
from placement_data.cursor import LARGEST
from placement_data.design import (
    Blockages,
    Cells,
    Design,
    Direction,
    Floats,
    Indices,
    Ints,
    Masters,
    Nets,
    Pins,
    Ports,
    Regions,
    Rows,
    SpecialNets,
    Status,
    Tracks,
)
from placement_data.errors import InputError
from placement_data.names import Spelling
from placement_data.orientation import Orientation, turned_in_frame
from placement_data.readers.def_.components import SOURCES, RawComponents
from placement_data.readers.def_.geometry import RawBlockages, RawPorts
from placement_data.readers.def_.lookup import UNKNOWN, PinFinder, find_owners, rows_of_components, rows_of_words
from placement_data.readers.def_.metal import special_wires
from placement_data.readers.def_.nets import RawNets
from placement_data.readers.def_.regions import RawGroups, RawRegions, UnknownRegionError, regions_of
from placement_data.readers.def_.sections import Section
from placement_data.readers.def_.tokens import keys_of
from placement_data.readers.def_.vias import RawVias
from placement_data.readers.def_.wires import RawSpecialNets
from placement_data.readers.lef import Library
from placement_data.text import PathLike

Flags = NDArray[np.bool_]
_PORT, _ANY = -1, -3
_PIN, _STAR = keys_of(["PIN", "*"])
_NO_CELLS: tuple[tuple[tuple[int, ...], type], ...] = (((4,), np.int64), ((), bool), ((), bool))


@dataclass
class RawRow:
    """A ROW as written; ``step`` is None where STEP is left out."""

    name: str
    site: str
    origin: tuple[int, int]
    orientation: int
    count: tuple[int, int] = (1, 1)
    step: tuple[int, int] | None = None


@dataclass
class RawDesign:
    """What a DEF says, before names are looked up."""

    path: PathLike
    name: str | None = None
    dbu_per_micron: int | None = None
    die: list[tuple[int, int]] = field(default_factory=list)
    rows: list[RawRow] = field(default_factory=list)
    tracks: list[tuple[bool, int, int, int, str]] = field(default_factory=list)
    gcell_grid: list[tuple[bool, int, int, int, str]] = field(default_factory=list)
    sections: dict[str, Section] = field(default_factory=dict)
    components: RawComponents = field(default_factory=RawComponents)
    ports: RawPorts = field(default_factory=RawPorts)
    nets: RawNets = field(default_factory=RawNets)
    special_nets: RawSpecialNets = field(default_factory=RawSpecialNets)
    blockages: RawBlockages = field(default_factory=RawBlockages)
    vias: RawVias = field(default_factory=RawVias)
    regions: RawRegions = field(default_factory=RawRegions)
    groups: RawGroups = field(default_factory=RawGroups)
    spelling: dict[str, str] = field(default_factory=dict)  # what the statements of ``SPELLING`` say


def link(raw: RawDesign, library: Library) -> Design:
    """The design. ``raw`` has a name, units and a die. Raises ``InputError`` for names that nothing defines."""
    assert raw.name is not None
    assert raw.dbu_per_micron is not None
    dbu = raw.dbu_per_micron
    die = np.array(raw.die, dtype=np.int64)
    layer_index = {name: row for row, name in enumerate(library.layers.name)}
    masters = _masters(library, dbu, raw.path)
    spelling = Spelling.of(raw.spelling)
    spelling = replace(spelling, any_case=spelling.any_case or library.spelling.any_case)
    cells = _cells(raw, masters, layer_index, library.spelling, spelling)
    ports = _ports(raw.ports)
    nets, pins = _nets_and_pins(raw, masters, cells, ports, library.spelling, spelling)
    return Design(
        raw.name,
        dbu,
        np.concatenate([die.min(axis=0), die.max(axis=0)]),
        die,
        library.layers,
        library.sites,
        masters,
        cells,
        ports,
        nets,
        pins,
        SpecialNets(name_column(raw.special_nets.name), np.array(raw.special_nets.use, dtype=np.uint8)),
        rows_of(raw.rows, library, dbu),
        _tracks(raw.tracks),
        _tracks(raw.gcell_grid),
        _blockages(raw, spelling),
        special_wires(raw.special_nets, library, raw.vias, layer_index, dbu),
        _regions(raw, spelling),
        sources=(*library.sources, str(raw.path)),
        spelling=spelling,
    )


def _table(rows: Sequence[Any], columns: int) -> Ints:
    return np.array(rows, dtype=np.int64).reshape(-1, columns)


def _masters(library: Library, dbu: int, path: PathLike) -> Masters:
    """Masters in database units, each length and corner rounded to the nearest."""
    microns = library.masters

    def whole(values: Floats) -> Ints:
        scaled = np.rint(values * dbu)
        if scaled.size and np.abs(scaled).max() > LARGEST:
            raise InputError("a master is too large for the units of the DEF", file=path, found=str(dbu))
        return scaled.astype(np.int64)

    return Masters(
        microns.name,
        microns.kind,
        microns.subclass,
        whole(microns.width),
        whole(microns.height),
        microns.symmetry,
        microns.site,
        microns.pin_offset,
        microns.pin_name,
        microns.pin_direction,
        microns.pin_use,
        microns.port_offset,
        microns.port_layer,
        whole(microns.port_box),
        microns.obstruction_offset,
        microns.obstruction_layer,
        whole(microns.obstruction_box),
    )


def _cells(
    raw: RawDesign, masters: Masters, layer_index: dict[str, int], library: Spelling, spelling: Spelling
) -> Cells:
    components = raw.components
    known = rows_of_words(masters.name.tolist(), components.masters, library, spelling)
    master = known[components.master]
    unknown = np.flatnonzero(master == UNKNOWN)
    if unknown.size:
        row = int(unknown[0])
        what = f"master of component {components.name[row]} is in no LEF"
        raise raw.sections["COMPONENTS"].statement(row).fail(what, at=2, expected="the name of a MACRO")
    size = np.stack([masters.width, masters.height], axis=1)
    outlines = np.concatenate([np.zeros_like(size), size], axis=1)
    box = _in_all_orientations(outlines, size)[master, components.orientation]
    box += np.tile(np.stack([components.x, components.y], axis=1), 2)
    box[components.status == Status.UNPLACED] = 0
    return Cells(
        name_column(components.name),
        master,
        components.orientation,
        components.status,
        box,
        np.array(["", *SOURCES], dtype=object)[components.source],
        *_halos(components, layer_index),
    )


def _regions(raw: RawDesign, spelling: Spelling) -> Regions:
    try:
        return regions_of(raw.regions, raw.groups, raw.components.name, raw.components.region, spelling)
    except UnknownRegionError as error:
        cursor = raw.sections[error.section].statement(error.row)
        at = cursor.tokens.index("REGION", 2) + 1
        raise cursor.fail(error.what, at=at, expected="one of REGIONS") from None


def _halos(components: RawComponents, layer_index: dict[str, int]) -> tuple[Indices, Ints, Indices, Ints, Ints]:
    """Halos and route halos as the columns of ``Cells``."""
    halo, route = components.halo, components.route_halo
    return (
        np.array([row for row, _ in halo], dtype=np.int32),
        _table([widths for _, widths in halo], 4),
        np.array([row for row, *_ in route], dtype=np.int32),
        np.array([width for _, width, *_ in route], dtype=np.int64),
        _table([[layer_index.get(layer, -1) for layer in layers] for _, _, *layers in route], 2),
    )


def _in_all_orientations(box: Ints, size: Ints) -> Ints:
    """Boxes (n, 8, 4) in frames of ``size`` under each orientation, the turned frame's corner at (0, 0)."""
    return np.stack([turned_in_frame(box, size, np.full(len(box), code)) for code in Orientation], axis=1)


def _ports(ports: RawPorts) -> Ports:
    return Ports(
        name_column(ports.name),
        name_column(ports.net),
        np.array(ports.direction, dtype=np.uint8),
        np.array(ports.use, dtype=np.uint8),
        np.array(ports.status, dtype=np.uint8),
        _table(ports.box, 4),
    )


def _nets_and_pins(
    raw: RawDesign, masters: Masters, cells: Cells, ports: Ports, library: Spelling, spelling: Spelling
) -> tuple[Nets, Pins]:
    """Nets with their pins; ``( * pin )`` becomes that pin of every cell that has it."""
    nets = raw.nets
    owner = raw.components.table.find(nets.owner)
    owner[owner < 0] = UNKNOWN
    owner[(nets.owner == _STAR) & (owner == UNKNOWN)] = _ANY
    owner[nets.owner == _PIN] = _PORT
    if (owner == UNKNOWN).any():
        find_owners(raw.components, spelling, nets.owner, owner, raw.sections["NETS"])
    net = np.repeat(np.arange(len(nets.name), dtype=np.int32), nets.fan)
    port = np.full(len(owner), -1, dtype=np.int32)
    outside = owner == _PORT
    code, of_pin = np.unique(nets.pin[outside], return_inverse=True)
    words = [nets.pins[one] for one in code.tolist()]
    port[outside] = rows_of_words(raw.ports.name, words, spelling, spelling)[of_pin]
    finder = PinFinder(masters, nets.pins, library, spelling)
    master_pin = np.full(len(owner), -1, dtype=np.int32)
    inside = owner >= 0
    master_pin[inside] = finder.find(cells.master[owner[inside]], nets.pin[inside])
    unknown = np.flatnonzero((owner == UNKNOWN) | (port == UNKNOWN) | (master_pin == UNKNOWN))
    if unknown.size:
        raise _unknown_pin(raw, masters, cells, int(unknown[0]), net, int(owner[unknown[0]]))
    columns = (net, owner, port, master_pin)
    if (owner == _ANY).any():
        columns = _spread(raw, finder, cells, columns)
    offset = offsets(np.bincount(columns[0], minlength=len(nets.name)))
    return Nets(name_column(nets.name), nets.use, offset), _pins(columns, masters, cells, ports)


def _unknown_pin(raw: RawDesign, masters: Masters, cells: Cells, row: int, net: Indices, owner: int) -> InputError:
    """The error for pin ``row`` of the nets, at its own line."""
    nets = raw.nets
    number = int(net[row])
    cursor = raw.sections["NETS"].statement(int(nets.row[number]))
    opened = [index for index, token in enumerate(cursor.tokens) if token == "("]
    at = opened[row - int(np.searchsorted(net, number))]
    what = f"net {nets.name[number]} names an unknown"
    if owner == UNKNOWN:
        return cursor.fail(f"{what} component", at=at + 1, expected="one of COMPONENTS")
    if owner == _PORT:
        return cursor.fail(f"{what} pin", at=at + 2, expected="one of PINS")
    master = masters.name[cells.master[owner]]
    return cursor.fail(
        f"{what} pin of component {cursor.tokens[at + 1]}", at=at + 2, expected=f"a pin of master {master}"
    )


Columns = tuple[Indices, Indices, Indices, Indices]


def _spread(raw: RawDesign, finder: PinFinder, cells: Cells, columns: Columns) -> Columns:
    """The columns net, owner, port and master pin, with each pin of owner ``*`` replaced by those it stands for."""
    net, owner, _, _ = columns
    kept = owner != _ANY
    rows = [column[kept] for column in columns]
    for row in np.flatnonzero(~kept).tolist():
        pins = finder.find(cells.master, np.full(len(cells.master), raw.nets.pin[row]))
        meant = np.flatnonzero(pins >= 0)
        more = (np.full(len(meant), net[row]), meant, np.full(len(meant), -1), pins[meant])
        rows = [np.concatenate(pair).astype(np.int32) for pair in zip(rows, more, strict=True)]
    order = np.argsort(rows[0], kind="stable")
    return rows[0][order], rows[1][order], rows[2][order], rows[3][order]


def _pins(columns: Columns, masters: Masters, cells: Cells, ports: Ports) -> Pins:
    """Where the pins lie on the die, and which of them can drive."""
    net, owner, port, master_pin = columns
    outside = np.flatnonzero(port >= 0)
    cell, pin = np.maximum(owner, 0), np.maximum(master_pin, 0)
    if len(cells.name) and len(masters.pin_name):
        box = _pin_boxes(masters)[pin, cells.orientation[cell]]
        for side in range(4):  # a side at a time: the table of all pins is the largest that a design has
            box[:, side] += cells.box[:, side % 2][cell]
        drives = np.isin(masters.pin_direction, (Direction.OUTPUT, Direction.INOUT))[pin]
        is_placed = (cells.status != Status.UNPLACED)[cell]
    else:
        box, drives, is_placed = (np.zeros((len(net), *shape), dtype) for shape, dtype in _NO_CELLS)
    box[outside] = ports.box[port[outside]]
    drives[outside] = np.isin(ports.direction[port[outside]], (Direction.INPUT, Direction.INOUT))
    is_placed[outside] = ports.status[port[outside]] != Status.UNPLACED
    box[~is_placed] = 0
    return Pins(net, owner, port, master_pin, box, drives, is_placed)


def _pin_boxes(masters: Masters) -> Ints:
    """Bounding box (n, 8, 4) of each master pin's shapes under each orientation, with the cell's corner at (0, 0).

    A pin without shapes is a point in the middle of its master.
    """
    master = owners(masters.pin_offset)
    size = np.stack([masters.width[master], masters.height[master]], axis=1)
    box = np.tile(size // 2, 2)
    filled = np.flatnonzero(np.diff(masters.port_offset))
    if filled.size:
        starts = masters.port_offset[filled]
        box[filled, :2] = np.minimum.reduceat(masters.port_box[:, :2], starts, axis=0)
        box[filled, 2:] = np.maximum.reduceat(masters.port_box[:, 2:], starts, axis=0)
    return _in_all_orientations(box, size)


def rows_of(rows: list[RawRow], library: Library, dbu: int) -> Rows:
    """Rows; a STEP that is left out is the site's size."""
    sizes = zip(library.sites.name, library.sites.width, library.sites.height, strict=True)
    site_step = {name: (round(width * dbu), round(height * dbu)) for name, width, height in sizes}
    steps = []
    for row in rows:
        width, height = site_step.get(row.site, (0, 0))
        steps.append(row.step or (width * (row.count[0] > 1), height * (row.count[1] > 1)))
    return Rows(
        name_column([row.name for row in rows]),
        name_column([row.site for row in rows]),
        _table([row.origin for row in rows], 2),
        np.array([row.orientation for row in rows], dtype=np.uint8),
        _table([row.count for row in rows], 2),
        _table(steps, 2),
    )


def _tracks(tracks: list[tuple[bool, int, int, int, str]]) -> Tracks:
    return Tracks(
        np.array([track[0] for track in tracks], dtype=bool),
        np.array([track[1] for track in tracks], dtype=np.int64),
        np.array([track[2] for track in tracks], dtype=np.int64),
        np.array([track[3] for track in tracks], dtype=np.int64),
        name_column([track[4] for track in tracks]),
    )


def _blockages(raw: RawDesign, spelling: Spelling) -> Blockages:
    blockages = raw.blockages
    named = {name for name in blockages.component if name}
    row_of = rows_of_components(raw.components, spelling, named)
    return Blockages(
        name_column(blockages.layer),
        _table(blockages.box, 4),
        np.array(blockages.soft, dtype=bool),
        np.array(blockages.max_density, dtype=np.float64),
        np.array(blockages.pushdown, dtype=bool),
        np.array(blockages.only_fills, dtype=bool),
        np.array([row_of.get(name, -1) for name in blockages.component], dtype=np.int32),
    )
