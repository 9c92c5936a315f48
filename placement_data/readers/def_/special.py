"""Pins of those SPECIALNETS that are no supplies: they belong to the netlist."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from placement_data.design import SUPPLIES, Codes, Indices, Ints, Masters, Ports, Use
from placement_data.errors import InputError
from placement_data.findings import Findings
from placement_data.readers.def_.nets import RawNets
from placement_data.readers.def_.tokens import Vocabulary, keys_of
from placement_data.readers.def_.wires import RawSpecialNets

Columns = tuple[Indices, Indices, Indices, Indices]


def with_special(nets: RawNets, special: RawSpecialNets) -> RawNets:
    """NETS, and behind them a net for each of SPECIALNETS that lists pins and is not said to be a supply."""
    if not special.pins:
        return nets
    code = {word: number for number, word in enumerate(nets.vocabulary.words)}
    pins = [code.setdefault(word, len(code)) for _, _, words in special.pins for word in words]
    owners = [word for _, words, _ in special.pins for word in words]
    return replace(
        nets,
        name=nets.name + [special.name[net] for net, _, _ in special.pins],
        use=np.append(nets.use, [special.use[net] for net, _, _ in special.pins]).astype(np.uint8),
        fan=np.append(nets.fan, [len(words) for _, words, _ in special.pins]),
        owner=np.append(nets.owner, keys_of(owners)),
        pin=np.append(nets.pin, np.array(pins, dtype=np.int32)),
        vocabulary=Vocabulary(code),
    )


def note_unknown(special: RawSpecialNets, nets: Indices, findings: Findings) -> None:
    """Keep, one for each net (in ``special.pins``), that it lists pins which nothing defines; they are left out."""
    for net, count in zip(*np.unique(nets, return_counts=True), strict=True):
        row = special.pins[net][0]
        what = f"special net {special.name[row]} lists a pin that neither COMPONENTS with their masters nor PINS have"
        error = partial(InputError, what, file=special.path, line=special.line[row])
        findings.add("unknown-pin", special.path, error, int(count))


def merge_special(
    nets: RawNets, count: int, columns: Columns, special: RawSpecialNets, masters: Masters, ports: Ports
) -> tuple[list[str], Codes, Columns]:
    """Names, uses and columns of the nets, of which the first ``count`` are those of NETS, after ``with_special``.

    One that is listed in both sections becomes one net, with the pins of both and a USE that either gives. One of
    SPECIALNETS alone is a net if it has pins, unless these tell that it is a supply: then they give its USE.
    """
    net, _, port, master_pin = columns
    use = _uses(master_pin, port, masters, ports)
    of_name = {name: number for number, name in enumerate(nets.name[:count])}
    names, uses = nets.name[:count], nets.use[:count].copy()
    for name, of_special in zip(special.name, special.use, strict=True):
        at = of_name.get(name, -1)
        if at >= 0 and of_special not in SUPPLIES:
            uses[at] = uses[at] or of_special
    number = np.arange(len(nets.name))
    for extra, (row, _, words) in enumerate(special.pins, count):
        own = use[np.searchsorted(net, extra) : np.searchsorted(net, extra, side="right")]
        supply = own[np.isin(own, SUPPLIES)]
        at = of_name.get(nets.name[extra], -1)
        if len(supply) and special.use[row] == Use.SIGNAL:
            special.use[row] = int(supply[0])
            special.supplied.update(words)
            number[extra] = -1
        elif at >= 0:
            number[extra] = at
        elif len(own):
            number[extra] = len(names)
            names.append(nets.name[extra])
            uses = np.append(uses, nets.use[extra])
        else:
            number[extra] = -1
    return names, uses, _renumbered(columns, number, count)


def _renumbered(columns: Columns, number: Ints, count: int) -> Columns:
    """Columns with other numbers of nets, -1 for none; a pin that a net of both sections has twice is there once."""
    net = number[columns[0]].astype(np.int32)
    order = np.argsort(net, kind="stable")
    order = order[net[order] >= 0]
    rows = np.stack([net, *columns[1:]], axis=1)[order]
    several = np.isin(rows[:, 0], number[count:][number[count:] < count])
    kept = ~several
    kept[np.flatnonzero(several)[np.unique(rows[several], axis=0, return_index=True)[1]]] = True
    net, owner, port, master_pin = rows[kept].T
    return net, owner, port, master_pin


def _uses(master_pin: Indices, port: Indices, masters: Masters, ports: Ports) -> Codes:
    """(pins,) USE of pins of cells and of ports."""
    return np.where(master_pin >= 0, np.append(masters.pin_use, 0)[master_pin], np.append(ports.use, 0)[port]).astype(
        np.uint8
    )
