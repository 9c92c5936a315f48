"""Puts what a DEF says and the library of its masters together: names become indices, pins find their place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement_data.columns import name_column, offsets
from placement_data.cursor import LARGEST, Cursor
from placement_data.design import (
    Blockages,
    Cells,
    Design,
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
from placement_data.readers.def_.components import SOURCES, RawComponents
from placement_data.readers.def_.geometry import RawPorts
from placement_data.readers.def_.lookup import PORT, UNKNOWN, PinFinder, find_owners, rows_of_components, rows_of_words
from placement_data.readers.def_.metal import special_wires
from placement_data.readers.def_.pins import Columns, in_all_orientations, pins_of
from placement_data.readers.def_.raw import RawDesign, RawRow, RawTracks
from placement_data.readers.def_.references import (
    check_blockages,
    check_layers,
    check_members,
    check_ports,
    check_unique,
)
from placement_data.readers.def_.regions import regions_of
from placement_data.readers.def_.special import merge_special, note_unknown, with_special
from placement_data.readers.def_.tokens import keys_of
from placement_data.readers.lef import Library
from placement_data.text import PathLike

Flags = NDArray[np.bool_]
_ANY = -3
_PIN, _STAR = keys_of(["PIN", "*"])


def link(raw: RawDesign, library: Library, *, masters_known: bool = True) -> Design:
    """The design. ``raw`` has a name, units and a die.

    Raises ``InputError`` for names of components, masters, pins and regions that nothing defines. Where ``raw`` gathers
    findings they go there, and a component of an unknown master stands by a point; without ``masters_known`` masters
    and what they have are not asked for.
    """
    assert raw.name is not None
    assert raw.dbu_per_micron is not None
    dbu = raw.dbu_per_micron
    check_unique(raw)
    die = np.array(raw.die, dtype=np.int64)
    layer_index = {name: row for row, name in enumerate(library.layers.name)}
    masters = _masters(library, dbu, raw.path)
    spelling = Spelling.of(raw.spelling)
    spelling = replace(spelling, any_case=spelling.any_case or library.spelling.any_case)
    cells = _cells(raw, masters, layer_index, library.spelling, spelling, masters_known=masters_known)
    ports = _ports(raw.ports)
    nets, pins = _nets_and_pins(raw, masters, cells, ports, library.spelling, spelling)
    regions = _regions(raw, spelling)
    blockages = _blockages(raw, spelling)
    check_ports(raw, spelling)
    if masters_known:
        check_layers(raw, library)
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
        SpecialNets(
            name_column(raw.special_nets.name),
            np.array(raw.special_nets.use, dtype=np.uint8),
            name_column(sorted(raw.special_nets.supplied)),
        ),
        rows_of(raw.rows, library, dbu),
        _tracks(raw.tracks),
        _tracks(raw.gcell_grid),
        blockages,
        special_wires(raw.special_nets, library, raw.vias, layer_index, dbu),
        regions,
        sources=(*library.sources, str(raw.path)),
        spelling=spelling,
        findings=(*library.findings, *raw.findings.found),
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
        microns.outline_master,
        whole(microns.outline_box),
    )


def _cells(
    raw: RawDesign,
    masters: Masters,
    layer_index: dict[str, int],
    library: Spelling,
    spelling: Spelling,
    *,
    masters_known: bool,
) -> Cells:
    components = raw.components
    known = rows_of_words(masters.name.tolist(), components.vocabulary.words, library, spelling)
    master = known[components.master]
    unknown = np.flatnonzero(master == UNKNOWN)
    if masters_known:
        raw.tell("unknown-master", unknown.tolist(), partial(_unknown_masters, raw), refuse=True)
    master[unknown] = len(masters.name)
    size = np.stack([masters.width, masters.height], axis=1)
    if unknown.size:
        size = np.append(size, np.zeros((1, 2), dtype=np.int64), axis=0)
    outlines = np.concatenate([np.zeros_like(size), size], axis=1)
    box = in_all_orientations(outlines, size)[master, components.orientation]
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


def _unknown_masters(raw: RawDesign, rows: Sequence[int]) -> list[InputError]:
    components = raw.components
    cursors = raw.statements("COMPONENTS", components.row[list(rows)])
    return [
        cursor.fail(f"master of component {components.name[row]} is in no LEF", at=2, expected="the name of a MACRO")
        for row, cursor in zip(rows, cursors, strict=True)
    ]


def _regions(raw: RawDesign, spelling: Spelling) -> Regions:
    regions, undefined = regions_of(raw.regions, raw.groups, raw.components.name, raw.components.region, spelling)
    check_members(raw, undefined)
    return regions


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


def _ports(ports: RawPorts) -> Ports:
    return Ports(
        name_column(ports.name),
        name_column(ports.net),
        np.array(ports.direction, dtype=np.uint8),
        np.array(ports.use, dtype=np.uint8),
        np.array(ports.status, dtype=np.uint8),
        _table(ports.box, 4),
        np.array([pin for pin, _ in ports.parts], dtype=np.int32),
        _table([box for _, box in ports.parts], 4),
    )


def _nets_and_pins(
    raw: RawDesign, masters: Masters, cells: Cells, ports: Ports, library: Spelling, spelling: Spelling
) -> tuple[Nets, Pins]:
    """Nets with their pins; ``( * pin )`` becomes that pin of every cell that has it."""
    nets = with_special(raw.nets, raw.special_nets)
    owner = raw.components.table.find(nets.owner)
    owner[owner < 0] = UNKNOWN
    owner[(nets.owner == _STAR) & (owner == UNKNOWN)] = _ANY
    owner[nets.owner == _PIN] = PORT
    if (owner == UNKNOWN).any():
        find_owners(raw, spelling, nets.owner, owner)
    net = np.repeat(np.arange(len(nets.name), dtype=np.int32), nets.fan)
    port = np.full(len(owner), -1, dtype=np.int32)
    outside = owner == PORT
    code, of_pin = np.unique(nets.pin[outside], return_inverse=True)
    words = [nets.vocabulary.words[one] for one in code.tolist()]
    port[outside] = rows_of_words(raw.ports.name, words, spelling, spelling)[of_pin]
    finder = PinFinder(masters, nets.vocabulary.words, library, spelling)
    master_pin = np.full(len(owner), -1, dtype=np.int32)
    inside = owner >= 0
    if raw.findings.lenient:  # else all masters are known
        inside[inside] = cells.master[owner[inside]] < len(masters.name)
    master_pin[inside] = finder.find(cells.master[owner[inside]], nets.pin[inside])
    unknown = (owner == UNKNOWN) | (port == UNKNOWN) | (master_pin == UNKNOWN)
    pin, columns = nets.pin, (net, owner, port, master_pin)
    if unknown.any():
        count = len(raw.nets.owner)
        _tell_unknown_pins(raw, masters, cells, columns, np.flatnonzero(unknown[:count]))
        note_unknown(raw.special_nets, net[count:][unknown[count:]] - len(raw.nets.name), raw.findings)
        pin, columns = pin[~unknown], (net[~unknown], owner[~unknown], port[~unknown], master_pin[~unknown])
    if (columns[1] == _ANY).any():
        columns = _spread(pin, finder, cells, columns)
    names, use = nets.name, nets.use
    if raw.special_nets.signals:
        names, use, columns = merge_special(nets, len(raw.nets.name), columns, raw.special_nets, masters, ports)
    offset = offsets(np.bincount(columns[0], minlength=len(names)))
    return Nets(name_column(names), use, offset), pins_of(columns, masters, cells, ports)


def _tell_unknown_pins(raw: RawDesign, masters: Masters, cells: Cells, columns: Columns, unknown: Ints) -> None:
    """Refuse the pins ``unknown`` of the nets, each at its own line."""
    nets = raw.nets
    net, owner = columns[:2]

    def errors(rows: Sequence[int]) -> list[InputError]:
        numbers = net[list(rows)]
        cursors = raw.statements("NETS", nets.row[numbers])
        places = (np.asarray(rows) - np.searchsorted(net, numbers)).tolist()
        return [
            _unknown_pin(cursor, place, int(owner[row]), lambda one: str(masters.name[cells.master[one]]))
            for cursor, place, row in zip(cursors, places, rows, strict=True)
        ]

    if not len(unknown):
        return
    lost = owner[unknown] == UNKNOWN
    if not raw.findings.lenient:  # the first one, whatever it is
        lost[:] = lost[0]
    raw.tell("unknown-component", unknown[lost].tolist(), errors, refuse=True)
    raw.tell("unknown-pin", unknown[~lost].tolist(), errors, refuse=True)


def _unknown_pin(cursor: Cursor, place: int, owner: int, master_of: Callable[[int], str]) -> InputError:
    """The error for pin ``place`` of a net."""
    opened = [index for index, token in enumerate(cursor.tokens) if token == "("]
    at = opened[place]
    what = f"net {cursor.tokens[1]} names an unknown"
    if owner == UNKNOWN:
        return cursor.fail(f"{what} component", at=at + 1, expected="one of COMPONENTS")
    if owner == PORT:
        return cursor.fail(f"{what} pin", at=at + 2, expected="one of PINS")
    return cursor.fail(
        f"{what} pin of component {cursor.tokens[at + 1]}", at=at + 2, expected=f"a pin of master {master_of(owner)}"
    )


def _spread(pin: Indices, finder: PinFinder, cells: Cells, columns: Columns) -> Columns:
    """The columns net, owner, port and master pin, with each pin of owner ``*`` replaced by those it stands for."""
    net, owner, _, _ = columns
    kept = owner != _ANY
    rows = [column[kept] for column in columns]
    for row in np.flatnonzero(~kept).tolist():
        pins = finder.find(cells.master, np.full(len(cells.master), pin[row]))
        meant = np.flatnonzero(pins >= 0)
        more = (np.full(len(meant), net[row]), meant, np.full(len(meant), -1), pins[meant])
        rows = [np.concatenate(pair).astype(np.int32) for pair in zip(rows, more, strict=True)]
    order = np.argsort(rows[0], kind="stable")
    return rows[0][order], rows[1][order], rows[2][order], rows[3][order]


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


def _tracks(tracks: list[RawTracks]) -> Tracks:
    return Tracks(
        np.array([track.vertical for track in tracks], dtype=bool),
        np.array([track.start for track in tracks], dtype=np.int64),
        np.array([track.count for track in tracks], dtype=np.int64),
        np.array([track.step for track in tracks], dtype=np.int64),
        name_column([track.layer for track in tracks]),
    )


def _blockages(raw: RawDesign, spelling: Spelling) -> Blockages:
    blockages = raw.blockages
    named = {name for name in blockages.component if name}
    row_of = rows_of_components(raw.components, spelling, named)
    check_blockages(raw, row_of)
    return Blockages(
        name_column(blockages.layer),
        _table(blockages.box, 4),
        np.array(blockages.soft, dtype=bool),
        np.array(blockages.max_density, dtype=np.float64),
        np.array(blockages.pushdown, dtype=bool),
        np.array(blockages.only_fills, dtype=bool),
        np.array([row_of.get(name, -1) for name in blockages.component], dtype=np.int32),
    )
