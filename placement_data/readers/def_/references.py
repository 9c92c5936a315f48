"""Checks the names in a DEF: that none comes twice, and that what they refer to is defined.

What would make the design another one is refused: components, masters and pins that nothing defines, names that come
twice. All else is left out of the design and is a finding: layers, vias, sites, nets of ports, members of groups.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from placement_data.design import Ints
from placement_data.errors import InputError
from placement_data.names import Spelling, rows_of
from placement_data.readers.def_.raw import RawDesign
from placement_data.readers.def_.regions import Undefined
from placement_data.readers.def_.tokens import keys_of
from placement_data.readers.lef import Library


def check_unique(raw: RawDesign) -> None:
    """Refuse names of components, nets, special nets and pins that come twice; note those of other things."""
    components, nets = raw.components, raw.nets
    again = components.table.repeated().tolist()
    _check_twice(raw, "component", components.name, again, partial(_lines, raw, "COMPONENTS", components.row))
    _check_twice(raw, "net", nets.name, nets.repeated(), partial(_lines, raw, "NETS", nets.row))
    for kind, names, lines, refuse in (
        ("pin", raw.ports.name, raw.ports.line, True),
        ("special net", raw.special_nets.name, raw.special_nets.line, True),
        ("row", [row.name for row in raw.rows], [row.line for row in raw.rows], False),
        ("via", raw.vias.name, raw.vias.line, False),
        ("region", raw.regions.name, raw.regions.line, False),
        ("group", raw.groups.name, raw.groups.line, False),
    ):
        suspects = () if len(set(names)) == len(names) else range(len(names))
        _check_twice(raw, kind, names, suspects, lambda rows, lines=lines: [lines[row] for row in rows], refuse=refuse)  # type: ignore[misc]


def _lines(raw: RawDesign, section: str, statements: Ints, rows: Sequence[int]) -> list[int]:
    return [cursor.source.line(cursor.offset(1)) for cursor in raw.statements(section, statements[list(rows)])]


def _check_twice(
    raw: RawDesign,
    kind: str,
    names: Sequence[str],
    suspects: Iterable[int],
    lines: Callable[[Sequence[int]], list[int]],
    *,
    refuse: bool = True,
) -> None:
    """Tell of the names that come twice; ``suspects`` are the places of those that may."""
    suspects = list(suspects)
    if not suspects:
        return
    first: dict[str, int] = {}
    wanted = {names[place] for place in suspects}
    for place, name in enumerate(names):
        if name in wanted:
            first.setdefault(name, place)
    wrong = [place for place in suspects if first[names[place]] != place]

    def errors(places: Sequence[int]) -> list[InputError]:
        firsts = [first[names[place]] for place in places]
        return [
            InputError(
                f"{kind} {names[place]} is there twice", file=raw.path, line=line,
                expected=f"one; the first is in line {of_first}",
            )
            for place, line, of_first in zip(places, lines(places), lines(firsts), strict=True)
        ]  # fmt: skip

    raw.tell("duplicate", wrong, errors, refuse=refuse)


def check_layers(raw: RawDesign, library: Library) -> None:
    """Note layers of tracks, blockages, pins, vias and special wires that no LEF declares, vias that nothing defines,

    and sites of rows.
    """
    layers, sites = set(library.layers.name), set(library.sites.name)
    used = [("TRACKS name", track.line, track.layer) for track in raw.tracks]
    blocked = dict.fromkeys(zip(raw.blockages.line, raw.blockages.layer, strict=True))
    used += [("a blockage names", line, layer) for line, layer in blocked]
    used += [("a pin names", line, layer) for line, layer in dict.fromkeys(raw.ports.layers)]
    used += [("a via names", line, layer) for line, layer in _of_vias(raw)]
    special = raw.special_nets
    for code, layer in enumerate(special.layers):
        if layer not in layers:
            used += [("a special net names", special.line[net], layer) for net in _nets_of(raw, code)]
    used += _of_halos(raw, layers)
    wrong = [(what, line, layer) for what, line, layer in used if layer and layer not in layers]
    _tell_unknown(raw, "unknown-layer", "layer", wrong)
    rows = [(f"row {row.name} names", row.line, row.site) for row in raw.rows if row.site not in sites]
    _tell_unknown(raw, "unknown-site", "site", rows)
    vias = {*raw.vias.name, *library.vias.name}
    placed = special.via[:, :2]
    unknown = [code for code, via in enumerate(special.vias) if via not in vias]
    pairs = np.unique(placed[np.isin(placed[:, 1], unknown)], axis=0).tolist()
    lost = [("a special net names", special.line[net], special.vias[code]) for net, code in pairs]
    lost += [("a pin names", line, via) for line, via in dict.fromkeys(raw.ports.vias) if via not in vias]
    _tell_unknown(raw, "unknown-via", "via", lost)


def _of_halos(raw: RawDesign, layers: set[str]) -> list[tuple[str, int, str]]:
    """The unknown layers of components' ROUTEHALO."""
    lost = [(row, name) for row, _, *names in raw.components.route_halo for name in names if name not in layers]
    lines = _lines(raw, "COMPONENTS", raw.components.row, [row for row, _ in lost]) if lost else []
    return [("a ROUTEHALO names", line, name) for line, (_, name) in zip(lines, lost, strict=True)]


def _of_vias(raw: RawDesign) -> Iterable[tuple[int, str]]:
    """Line and layer of the shapes of VIAS."""
    for line, via in zip(raw.vias.line, raw.vias.via, strict=True):
        layers = [layer for layer, _ in via] if isinstance(via, list) else via.layers
        yield from ((line, layer) for layer in dict.fromkeys(layers))


def _nets_of(raw: RawDesign, code: int) -> list[int]:
    """The special nets that have wires on a layer."""
    special = raw.special_nets
    wires, boxes = special.segment, special.rectangle
    nets = np.unique(np.concatenate([wires[wires[:, 1] == code, 0], boxes[boxes[:, 1] == code, 0]]))
    return [int(net) for net in nets]


def _tell_unknown(raw: RawDesign, code: str, kind: str, wrong: Sequence[tuple[str, int, str]]) -> None:
    """Note ``wrong``: what names something, its line, and the name."""
    where = "no VIAS and no LEF" if kind == "via" else "no LEF"

    def errors(places: Sequence[int]) -> list[InputError]:
        return [
            raw.error(line, f"{what} a {kind} that is in {where}", name, f"the name of a {kind.upper()}")
            for what, line, name in (wrong[place] for place in places)
        ]

    raw.tell(code, range(len(wrong)), errors, refuse=False)


def check_ports(raw: RawDesign, spelling: Spelling) -> None:
    """Note ports whose net neither NETS nor SPECIALNETS has."""
    ports = raw.ports
    known = raw.nets.ordered
    keys = keys_of(ports.net) if all(ports.net) else keys_of([net or "-" for net in ports.net])
    at = np.minimum(np.searchsorted(known, keys), max(len(known) - 1, 0))
    missed = np.flatnonzero(known[at] != keys) if len(known) else np.arange(len(keys))
    special = set(raw.special_nets.name)
    wrong = [row for row in missed.tolist() if ports.net[row] and ports.net[row] not in special]
    meant = rows_of({ports.net[row] for row in wrong}, [*raw.nets.name, *special], spelling) if wrong else {}
    wrong = [row for row in wrong if ports.net[row] not in meant]

    def errors(rows: Sequence[int]) -> list[InputError]:
        what = "belongs to an unknown net"
        return [
            raw.error(ports.line[row], f"pin {ports.name[row]} {what}", ports.net[row], "one of NETS or SPECIALNETS")
            for row in rows
        ]

    raw.tell("unknown-net", wrong, errors, refuse=False)


def check_members(raw: RawDesign, undefined: Sequence[Undefined]) -> None:
    """Refuse regions that nothing defines, and note members of groups that are no components."""

    def errors(places: Sequence[int]) -> list[InputError]:
        return [_undefined(raw, undefined[place]) for place in places]

    for kind, code, refuse in (("region", "unknown-region", True), ("component", "unknown-component", False)):
        wrong = [place for place, one in enumerate(undefined) if one.kind == kind]
        raw.tell(code, wrong, errors, refuse=refuse)


def _undefined(raw: RawDesign, one: Undefined) -> InputError:
    if one.section == "GROUPS":
        name, line = f"group {raw.groups.name[one.row]}", raw.groups.line[one.row]
    else:
        name = f"component {raw.components.name[one.row]}"
        cursor = raw.statements("COMPONENTS", raw.components.row[[one.row]])[0]
        line = cursor.source.line(cursor.offset(cursor.tokens.index(one.name, 2)))
    expected = "one of REGIONS" if one.kind == "region" else "one of COMPONENTS"
    return raw.error(line, f"{name} names an unknown {one.kind}", one.name, expected)


def check_blockages(raw: RawDesign, known: dict[str, int]) -> None:
    """Note blockages of components that are not there; ``known`` are the rows of those that are."""
    named = dict.fromkeys(zip(raw.blockages.line, raw.blockages.component, strict=True))
    wrong = [(line, name) for line, name in named if name and known.get(name, -1) < 0]

    def errors(places: Sequence[int]) -> list[InputError]:
        what = "a blockage names an unknown component"
        return [raw.error(wrong[place][0], what, wrong[place][1], "one of COMPONENTS") for place in places]

    raw.tell("unknown-component", range(len(wrong)), errors, refuse=False)
