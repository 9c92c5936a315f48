"""Puts what a DEF says and the library of its masters together: names become indices, pins find their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np

from placement_data.design import (
    Blockages,
    Cells,
    Design,
    Direction,
    Floats,
    Indices,
    Ints,
    Masters,
    Names,
    Nets,
    Orientation,
    Pins,
    Ports,
    Rows,
    SpecialNets,
    Status,
    Tracks,
)
from placement_data.errors import InputError
from placement_data.readers.def_geometry import RawBlockages, RawPorts, turned_in_frame
from placement_data.readers.def_sections import RawComponents, RawNets, Section
from placement_data.readers.lef import Library
from placement_data.readers.text import LARGEST, Source

_PORT, _UNKNOWN, _ANY = -1, -2, -3


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

    source: Source
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
    special_nets: tuple[list[str], list[int]] = field(default_factory=lambda: ([], []))
    blockages: RawBlockages = field(default_factory=RawBlockages)


def link(raw: RawDesign, library: Library) -> Design:
    """The design. ``raw`` has a name, units and a die. Raises ``InputError`` for names that nothing defines."""
    assert raw.name is not None
    assert raw.dbu_per_micron is not None
    die = np.array(raw.die, dtype=np.int64)
    masters = _masters(library, raw.dbu_per_micron, raw.source)
    cells = _cells(raw, masters)
    ports = _ports(raw.ports)
    nets, pins = _nets_and_pins(raw, masters, cells, ports)
    return Design(
        raw.name,
        raw.dbu_per_micron,
        np.concatenate([die.min(axis=0), die.max(axis=0)]),
        die,
        library.layers,
        library.sites,
        masters,
        cells,
        ports,
        nets,
        pins,
        SpecialNets(_names(raw.special_nets[0]), np.array(raw.special_nets[1], dtype=np.uint8)),
        _rows(raw.rows, library, raw.dbu_per_micron),
        _tracks(raw.tracks),
        _tracks(raw.gcell_grid),
        _blockages(raw.blockages),
        sources=(*library.sources, str(raw.source.path)),
    )


def _names(names: Sequence[str]) -> Names:
    return np.array(names, dtype=object)


def _table(rows: Sequence[Any], columns: int) -> Ints:
    return np.array(rows, dtype=np.int64).reshape(-1, columns)


def _masters(library: Library, dbu: int, source: Source) -> Masters:
    """Masters in database units, each length and corner rounded to the nearest."""
    microns = library.masters

    def whole(values: Floats) -> Ints:
        scaled = np.rint(values * dbu)
        if scaled.size and np.abs(scaled).max() > LARGEST:
            raise InputError("a master is too large for the units of the DEF", file=source.path, found=str(dbu))
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


def _cells(raw: RawDesign, masters: Masters) -> Cells:
    components = raw.components
    index = {name: number for number, name in enumerate(masters.name)}
    master = np.array([index.get(name, _UNKNOWN) for name in components.master], dtype=np.int32)
    unknown = np.flatnonzero(master == _UNKNOWN)
    if unknown.size:
        row = int(unknown[0])
        what = f"master of component {components.name[row]} is in no LEF"
        raise raw.sections["COMPONENTS"].statement(row).fail(what, at=2, expected="the name of a MACRO")
    orientation = np.array(components.orientation, dtype=np.uint8)
    status = np.array(components.status, dtype=np.uint8)
    size = np.stack([masters.width[master], masters.height[master]], axis=1)
    outline = np.concatenate([np.zeros_like(size), size], axis=1)
    at = np.stack([np.array(components.x, dtype=np.int64), np.array(components.y, dtype=np.int64)], axis=1)
    box = turned_in_frame(outline, size, orientation.astype(np.int64)) + np.tile(at, 2)
    box[status == Status.UNPLACED] = 0
    return Cells(_names(components.name), master, orientation, status, box, _names(components.source))


def _ports(ports: RawPorts) -> Ports:
    return Ports(
        _names(ports.name),
        _names(ports.net),
        np.array(ports.direction, dtype=np.uint8),
        np.array(ports.use, dtype=np.uint8),
        np.array(ports.status, dtype=np.uint8),
        _table(ports.box, 4),
    )


def _nets_and_pins(raw: RawDesign, masters: Masters, cells: Cells, ports: Ports) -> tuple[Nets, Pins]:
    """Nets with their pins; ``( * pin )`` becomes that pin of every cell that has it."""
    nets = raw.nets
    index = dict(zip(raw.components.name, range(len(raw.components.name)), strict=True))
    index.setdefault("*", _ANY)
    index["PIN"] = _PORT
    owner = _look_up(index, nets.owner)
    net = np.repeat(np.arange(len(nets.name), dtype=np.int64), np.array(nets.fan, dtype=np.int64))
    inside, outside = np.flatnonzero(owner >= 0), np.flatnonzero(owner == _PORT)
    port = np.full(len(owner), -1, dtype=np.int64)
    port[outside] = _look_up(dict(zip(raw.ports.name, range(len(raw.ports.name)), strict=True)), nets.pin)[outside]
    finder = _PinFinder(masters)
    master_pin = np.full(len(owner), -1, dtype=np.int64)
    master_pin[inside] = finder.find(cells.master[owner[inside]], finder.name_codes(nets.pin)[inside])
    unknown = np.flatnonzero((owner == _UNKNOWN) | (port == _UNKNOWN) | (master_pin == _UNKNOWN))
    if unknown.size:
        raise _unknown_pin(raw, masters, cells, int(unknown[0]), net, int(owner[unknown[0]]))
    if (owner == _ANY).any():
        net, owner, port, master_pin = _spread(raw, finder, cells, (net, owner, port, master_pin))
    offset = np.concatenate([[0], np.cumsum(np.bincount(net, minlength=len(nets.name)))]).astype(np.int64)
    table = Nets(_names(nets.name), np.array(nets.use, dtype=np.uint8), offset)
    return table, _pins(net, owner, port, master_pin, masters, cells, ports)


def _look_up(index: dict[str, int], names: list[str]) -> Ints:
    """Number of each name, ``_UNKNOWN`` where it has none."""
    return np.fromiter(map(index.get, names, repeat(_UNKNOWN)), dtype=np.int64, count=len(names))


class _PinFinder:
    """Finds the pins of masters by name, many at once: a binary search over (master, code of the name)."""

    def __init__(self, masters: Masters) -> None:
        names = masters.pin_name.tolist()
        self._codes = {name: code for code, name in enumerate(dict.fromkeys(names))}
        master = np.repeat(np.arange(len(masters.name)), np.diff(masters.pin_offset))
        key = master * len(self._codes) + self.name_codes(names)
        self._order = np.argsort(key)
        self._key = key[self._order]

    def name_codes(self, names: list[str]) -> Ints:
        """Code of each name, ``_UNKNOWN`` where no master has such a pin."""
        return _look_up(self._codes, names)

    def find(self, master: Indices, code: Ints) -> Ints:
        """Place in ``Masters.pin_*`` of the pin of each master, ``_UNKNOWN`` where it has no such pin."""
        if not len(self._key):
            return np.full(len(master), _UNKNOWN, dtype=np.int64)
        key = np.where(code < 0, -1, master * len(self._codes) + code)
        at = np.minimum(np.searchsorted(self._key, key), len(self._key) - 1)
        return np.where(self._key[at] == key, self._order[at], _UNKNOWN)


def _unknown_pin(raw: RawDesign, masters: Masters, cells: Cells, row: int, net: Ints, owner: int) -> InputError:
    """The error for pin ``row`` of the nets, at its own line."""
    nets = raw.nets
    number = int(net[row])
    cursor = raw.sections["NETS"].statement(number if nets.row is None else nets.row[number])
    opened = [index for index, token in enumerate(cursor.tokens) if token == "("]
    at = opened[row - int(np.searchsorted(net, number))]
    what = f"net {nets.name[number]} names an unknown"
    if owner == _UNKNOWN:
        return cursor.fail(f"{what} component", at=at + 1, expected="one of COMPONENTS")
    if owner == _PORT:
        return cursor.fail(f"{what} pin", at=at + 2, expected="one of PINS")
    master = masters.name[cells.master[owner]]
    return cursor.fail(f"{what} pin of component {nets.owner[row]}", at=at + 2, expected=f"a pin of master {master}")


def _spread(
    raw: RawDesign, finder: _PinFinder, cells: Cells, columns: tuple[Ints, Ints, Ints, Ints]
) -> tuple[Ints, Ints, Ints, Ints]:
    """The columns net, owner, port and master pin, with each pin of owner ``*`` replaced by those it stands for."""
    net, owner, _, _ = columns
    kept = owner != _ANY
    rows = [column[kept] for column in columns]
    for row in np.flatnonzero(~kept).tolist():
        pins = finder.find(cells.master, np.repeat(finder.name_codes([raw.nets.pin[row]]), len(cells.master)))
        meant = np.flatnonzero(pins >= 0)
        more = (np.full(len(meant), net[row]), meant, np.full(len(meant), -1), pins[meant])
        rows = [np.concatenate(pair) for pair in zip(rows, more, strict=True)]
    order = np.argsort(rows[0], kind="stable")
    return rows[0][order], rows[1][order], rows[2][order], rows[3][order]


def _pins(net: Ints, owner: Ints, port: Ints, master_pin: Ints, masters: Masters, cells: Cells, ports: Ports) -> Pins:
    """Where the pins lie on the die, and which of them can drive."""
    box = np.zeros((len(net), 4), dtype=np.int64)
    drives = np.zeros(len(net), dtype=bool)
    is_placed = np.zeros(len(net), dtype=bool)
    inside = np.flatnonzero(owner >= 0)
    cell, pin = owner[inside], master_pin[inside]
    box[inside] = _pin_boxes(masters)[pin, cells.orientation[cell]] + np.tile(cells.box[cell, :2], 2)
    drives[inside] = np.isin(masters.pin_direction[pin], (Direction.OUTPUT, Direction.INOUT))
    is_placed[inside] = cells.status[cell] != Status.UNPLACED
    outside = np.flatnonzero(port >= 0)
    box[outside] = ports.box[port[outside]]
    drives[outside] = np.isin(ports.direction[port[outside]], (Direction.INPUT, Direction.INOUT))
    is_placed[outside] = ports.status[port[outside]] != Status.UNPLACED
    box[~is_placed] = 0
    indices = [column.astype(np.int32) for column in (net, owner, port, master_pin)]
    return Pins(indices[0], indices[1], indices[2], indices[3], box, drives, is_placed)


def _pin_boxes(masters: Masters) -> Ints:
    """Bounding box (n, 8, 4) of each master pin's shapes under each orientation, with the cell's corner at (0, 0).

    A pin without shapes is a point in the middle of its master.
    """
    master = np.repeat(np.arange(len(masters.name)), np.diff(masters.pin_offset))
    size = np.stack([masters.width[master], masters.height[master]], axis=1)
    box = np.tile(size // 2, 2)
    filled = np.flatnonzero(np.diff(masters.port_offset))
    if filled.size:
        starts = masters.port_offset[filled]
        box[filled, :2] = np.minimum.reduceat(masters.port_box[:, :2], starts, axis=0)
        box[filled, 2:] = np.maximum.reduceat(masters.port_box[:, 2:], starts, axis=0)
    return np.stack([turned_in_frame(box, size, np.full(len(box), code)) for code in Orientation], axis=1)


def _rows(rows: list[RawRow], library: Library, dbu: int) -> Rows:
    """Rows; a STEP that is left out is the site's size."""
    sizes = zip(library.sites.name, library.sites.width, library.sites.height, strict=True)
    site_step = {name: (round(width * dbu), round(height * dbu)) for name, width, height in sizes}
    steps = []
    for row in rows:
        width, height = site_step.get(row.site, (0, 0))
        steps.append(row.step or (width * (row.count[0] > 1), height * (row.count[1] > 1)))
    return Rows(
        _names([row.name for row in rows]),
        _names([row.site for row in rows]),
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
        _names([track[4] for track in tracks]),
    )


def _blockages(blockages: RawBlockages) -> Blockages:
    return Blockages(
        _names(blockages.layer),
        _table(blockages.box, 4),
        np.array(blockages.soft, dtype=bool),
        np.array(blockages.max_density, dtype=np.float64),
        np.zeros(len(blockages.box), dtype=bool),
        np.zeros(len(blockages.box), dtype=bool),
        np.full(len(blockages.box), -1, dtype=np.int32),
    )
