"""Random ``Design`` values that LEF and DEF can say: every table is filled, and every place is worked out here."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from placement_data.design import (
    Blockages,
    Cells,
    Design,
    Direction,
    LayerDirection,
    LayerKind,
    Layers,
    MasterClass,
    Masters,
    Nets,
    Pins,
    Ports,
    Regions,
    Rows,
    Sites,
    SpecialNets,
    SpecialWires,
    Status,
    Tracks,
    Use,
)
from placement_data.orientation import Orientation
from tests.placement_data.builders import names, turn

_LETTERS = "abcXYZ019_./$[]<>:~|{}"
_QUARTER_TURNED = (Orientation.W, Orientation.E, Orientation.FW, Orientation.FE)
Box = tuple[int, int, int, int]


def random_layout(rng: random.Random) -> Design:
    """A design of up to a dozen cells on a die whose corner lies anywhere."""
    dbu = rng.choice([100, 1000, 2000, 4000, 20000])
    layers, sites = _layers(rng), _sites(rng, dbu)
    masters = _masters(rng, layers, sites)
    x0, y0 = rng.randrange(-(10**6), 10**6), rng.randrange(-(10**6), 10**6)
    die = (x0, y0, x0 + rng.randrange(1, 10**6), y0 + rng.randrange(1, 10**6))
    cells = _cells(rng, masters, die, len(layers.name))
    ports = _ports(rng, die)
    nets, pins = _nets(rng, masters, cells, ports)
    special_nets, special_wires = _special(rng, die, len(layers.name))
    return Design(
        name=_name(rng, "top"),
        dbu_per_micron=dbu,
        die=np.array(die, dtype=np.int64),
        die_polygon=np.array(_die_polygon(rng, die), dtype=np.int64),
        layers=layers,
        sites=sites,
        masters=masters,
        cells=cells,
        ports=ports,
        nets=nets,
        pins=pins,
        special_nets=special_nets,
        rows=_rows(rng, sites, dbu, die),
        tracks=_tracks(rng, layers.name.tolist()),
        gcell_grid=_tracks(rng, [""]),
        blockages=_blockages(rng, die, layers.name.tolist(), len(cells.name)),
        special_wires=special_wires,
        regions=_regions(rng, die, len(cells.name)),
    )


def _name(rng: random.Random, prefix: str, number: int = 0) -> str:
    """A name that no other has; now and then one with escaped characters, a number sign or of many letters."""
    tail = "".join(rng.choice(_LETTERS) for _ in range(rng.choice([0, 0, 3, 40])))
    return f"{prefix}{number}" + rng.choice(["", "", tail, "\\[3\\]", "a\\/b", "#x", "\xe9", "a-b+c", "/" * 9])


def _flag(rng: random.Random, chance: float = 0.5) -> bool:
    return rng.random() < chance


def _array(values: Sequence[Any], kind: Any) -> Any:
    return np.array(values, dtype=kind)


def _table(values: Sequence[Any], columns: int) -> Any:
    return np.array(values, dtype=np.int64).reshape(-1, columns)


def _offsets(sizes: Sequence[int]) -> Any:
    return np.concatenate([[0], np.cumsum(np.array(sizes, dtype=np.int64))]).astype(np.int64)


def _box(rng: random.Random, die: Box, size: int = 5000) -> Box:
    x, y = rng.randrange(die[0], die[2] + 1), rng.randrange(die[1], die[3] + 1)
    return x, y, x + rng.randrange(size), y + rng.randrange(size)


def _die_polygon(rng: random.Random, die: Box) -> list[tuple[int, int]]:
    x0, y0, x1, y1 = die
    if _flag(rng) or x1 - x0 < 3 or y1 - y0 < 3:
        return [(x0, y0), (x0, y1), (x1, y1), (x1, y0)]
    x, y = rng.randrange(x0 + 1, x1), rng.randrange(y0 + 1, y1)
    return [(x0, y0), (x0, y1), (x, y1), (x, y), (x1, y), (x1, y0)]


def _layers(rng: random.Random) -> Layers:
    count = rng.randint(2, 5)
    kinds = [rng.choice([LayerKind.ROUTING, LayerKind.ROUTING, LayerKind.CUT]) for _ in range(count)]

    def lengths() -> Any:
        return _array([rng.choice([float("nan"), rng.randrange(1, 500) / 1000]) for _ in range(count)], np.float64)

    def second(first: Any) -> Any:
        other = [rng.choice([value, rng.randrange(1, 500) / 1000]) if value == value else value for value in first]
        return _array(other, np.float64)

    pitch, offset = lengths(), lengths()
    directions = [rng.choice(list(LayerDirection)) if kind == LayerKind.ROUTING else 0 for kind in kinds]
    return Layers(
        name=names([_name(rng, "m", i) for i in range(count)]),
        kind=_array(kinds, np.uint8),
        direction=_array(directions, np.uint8),
        pitch_x=pitch,
        pitch_y=second(pitch),
        width=lengths(),
        offset_x=offset,
        offset_y=second(offset),
        spacing=lengths(),
    )


def _sites(rng: random.Random, dbu: int) -> Sites:
    """Sites whose sizes are whole database units, so that the steps of rows can be theirs."""
    sizes = [(rng.randrange(1, 999) / dbu, rng.randrange(1, 9999) / dbu) for _ in range(rng.randint(1, 3))]
    width, height = zip(*sizes, strict=True)
    return Sites(
        names([_name(rng, "site", i) for i in range(len(sizes))]), _array(width, np.float64), _array(height, np.float64)
    )


def _masters(rng: random.Random, layers: Layers, sites: Sites) -> Masters:
    count = rng.randint(1, 5)
    kinds = [rng.choice(list(MasterClass)) for _ in range(count)]
    subclasses = [rng.choice(["", "SPACER", "WELLTAP"]) if kind == MasterClass.CORE else "" for kind in kinds]
    fan = [rng.randrange(5) for _ in range(count)]
    pins = sum(fan)
    frame: Box = (-300, -300, 3000, 3000)

    def shapes(owners: int) -> tuple[Any, Any, Any]:
        sizes = [rng.randrange(4) for _ in range(owners)]
        layer = [rng.randrange(len(layers.name)) for _ in range(sum(sizes))]
        boxes = [_box(rng, frame, 900) for _ in range(sum(sizes))]
        return _offsets(sizes), _array(layer, np.int32), _table(boxes, 4)

    ports, obstructions = shapes(pins), shapes(count)
    return Masters(
        name=names([_name(rng, "M", i) for i in range(count)]),
        kind=_array(kinds, np.uint8),
        subclass=names(subclasses),
        width=_array([rng.randrange(1, 4000) for _ in range(count)], np.int64),
        height=_array([rng.randrange(1, 4000) for _ in range(count)], np.int64),
        symmetry=_array([rng.randrange(8) for _ in range(count)], np.uint8),
        site=names([rng.choice(["", *sites.name]) for _ in range(count)]),
        pin_offset=_offsets(fan),
        pin_name=names([_name(rng, "p", i) for i in range(pins)]),
        pin_direction=_array([rng.choice(list(Direction)[1:]) for _ in range(pins)], np.uint8),
        pin_use=_array([rng.choice(list(Use)) for _ in range(pins)], np.uint8),
        port_offset=ports[0],
        port_layer=ports[1],
        port_box=ports[2],
        obstruction_offset=obstructions[0],
        obstruction_layer=obstructions[1],
        obstruction_box=obstructions[2],
    )


def _cells(rng: random.Random, masters: Masters, die: Box, layers: int) -> Cells:
    count = rng.randrange(12)
    master = [rng.randrange(len(masters.name)) for _ in range(count)]
    status = [rng.choice(list(Status)) for _ in range(count)]
    orientation = [rng.choice(list(Orientation)) if placed else Orientation.N for placed in status]
    boxes = []
    for row in range(count):
        width, height = int(masters.width[master[row]]), int(masters.height[master[row]])
        if orientation[row] in _QUARTER_TURNED:
            width, height = height, width
        x, y = _box(rng, die)[:2]
        boxes.append((x, y, x + width, y + height) if status[row] else (0, 0, 0, 0))
    halo, route = ([i for i in range(count) if _flag(rng, 0.3)] for _ in range(2))
    ranges = [sorted((rng.randrange(layers), rng.randrange(layers))) for _ in route]
    return Cells(
        name=names([_name(rng, "u", i) for i in range(count)]),
        master=_array(master, np.int32),
        orientation=_array(orientation, np.uint8),
        status=_array(status, np.uint8),
        box=_table(boxes, 4),
        source=names([rng.choice(["", "NETLIST", "DIST", "TIMING", "USER"]) for _ in range(count)]),
        halo_cell=_array(halo, np.int32),
        halo=_table([[rng.randrange(900) for _ in range(4)] for _ in halo], 4),
        route_halo_cell=_array(route, np.int32),
        route_halo=_array([rng.randrange(900) for _ in route], np.int64),
        route_halo_layers=_table(ranges, 2),
    )


def _ports(rng: random.Random, die: Box) -> Ports:
    count = rng.randrange(6)
    status = [rng.choice(list(Status)) for _ in range(count)]
    return Ports(
        name=names([_name(rng, "io", i) for i in range(count)]),
        net=names([_name(rng, "net", i) for i in range(count)]),
        direction=_array([rng.choice(list(Direction)) for _ in range(count)], np.uint8),
        use=_array([rng.choice(list(Use)) for _ in range(count)], np.uint8),
        status=_array(status, np.uint8),
        box=_table([_box(rng, die, 300) if placed else (0, 0, 0, 0) for placed in status], 4),
    )


def _nets(rng: random.Random, masters: Masters, cells: Cells, ports: Ports) -> tuple[Nets, Pins]:
    """Nets over the pins of cells and the ports, each of which is on one net at most, in any order."""
    pool = [(-1, port, -1) for port in range(len(ports.name))]
    for cell, master in enumerate(cells.master):
        pool += [(cell, -1, pin) for pin in range(masters.pin_offset[master], masters.pin_offset[master + 1])]
    rng.shuffle(pool)
    count = rng.randrange(8)
    owner = sorted(rng.randrange(count) for _ in pool) if count else []
    rows = [_pin(masters, cells, ports, *pin) for pin in pool[: len(owner)]]
    nets = Nets(
        name=names([_name(rng, "n", i) for i in range(count)]),
        use=_array([rng.choice(list(Use)) for _ in range(count)], np.uint8),
        pin_offset=_offsets([owner.count(net) for net in range(count)]),
    )
    columns = [[pin[i] for pin in pool[: len(owner)]] for i in range(3)]
    pins = Pins(
        net=_array(owner, np.int32),
        cell=_array(columns[0], np.int32),
        port=_array(columns[1], np.int32),
        master_pin=_array(columns[2], np.int32),
        box=_table([box for box, _, _ in rows], 4),
        drives=_array([drives for _, drives, _ in rows], bool),
        placed=_array([placed for _, _, placed in rows], bool),
    )
    return nets, pins


def _pin(masters: Masters, cells: Cells, ports: Ports, cell: int, port: int, pin: int) -> tuple[Box, bool, bool]:
    """Where a pin lies, whether it drives and whether it is placed."""
    if cell < 0:
        drives = ports.direction[port] in (Direction.INPUT, Direction.INOUT)
        return tuple(ports.box[port].tolist()), drives, ports.status[port] != Status.UNPLACED
    drives = masters.pin_direction[pin] in (Direction.OUTPUT, Direction.INOUT)
    if cells.status[cell] == Status.UNPLACED:
        return (0, 0, 0, 0), drives, False
    width, height = (int(size[cells.master[cell]]) for size in (masters.width, masters.height))
    boxes = masters.port_box[masters.port_offset[pin] : masters.port_offset[pin + 1]].tolist()
    points = [(x, y) for x0, y0, x1, y1 in boxes for x, y in ((x0, y0), (x1, y1))] or [(width // 2, height // 2)]
    placed = [turn(x, y, width, height, int(cells.orientation[cell])) for x, y in points]
    left, bottom = cells.box[cell, :2].tolist()
    x, y = ([point[axis] for point in placed] for axis in range(2))
    return (min(x) + left, min(y) + bottom, max(x) + left, max(y) + bottom), drives, True


def _special(rng: random.Random, die: Box, layers: int) -> tuple[SpecialNets, SpecialWires]:
    count = rng.randrange(3)
    nets = sorted(rng.randrange(count) for _ in range(rng.randrange(8))) if count else []
    table = SpecialNets(
        names([_name(rng, "VDD", i) for i in range(count)]),
        _array([rng.choice([Use.POWER, Use.GROUND, Use.SIGNAL]) for _ in range(count)], np.uint8),
    )
    boxes = []
    for _ in nets:
        x0, y0, x1, y1 = _box(rng, die)
        boxes.append((x0, y0, x1 + 1, y1 + 1))
    wires = SpecialWires(
        net=_array(nets, np.int32),
        layer=_array([rng.randrange(layers) for _ in nets], np.int32),
        box=_table(boxes, 4),
        via=_array([_flag(rng, 0.3) for _ in nets], bool),
    )
    return table, in_order(wires)


def in_order(wires: SpecialWires) -> SpecialWires:
    """The same boxes in an order that follows from them alone: that of the file has no meaning."""
    order = np.lexsort((*wires.box.T, wires.layer, wires.via, wires.net))
    return SpecialWires(wires.net[order], wires.layer[order], wires.box[order], wires.via[order])


def _rows(rng: random.Random, sites: Sites, dbu: int, die: Box) -> Rows:
    count = rng.randrange(4)
    site = [rng.randrange(len(sites.name)) for _ in range(count)]
    return Rows(
        name=names([_name(rng, "row", i) for i in range(count)]),
        site=names([sites.name[i] for i in site]),
        origin=_table([_box(rng, die)[:2] for _ in range(count)], 2),
        orientation=_array([rng.choice(list(Orientation)) for _ in range(count)], np.uint8),
        count=_table([(rng.randint(1, 900), 1) for _ in range(count)], 2),
        step=_table([(round(float(sites.width[i]) * dbu), rng.choice([0, 7])) for i in site], 2),
    )


def _tracks(rng: random.Random, layers: list[str]) -> Tracks:
    count = rng.randrange(4)
    return Tracks(
        vertical=_array([_flag(rng) for _ in range(count)], bool),
        start=_array([rng.randrange(-(10**6), 10**6) for _ in range(count)], np.int64),
        count=_array([rng.randint(1, 900) for _ in range(count)], np.int64),
        step=_array([rng.randint(1, 900) for _ in range(count)], np.int64),
        layer=names([rng.choice(layers) for _ in range(count)]),
    )


def _blockages(rng: random.Random, die: Box, layers: list[str], cells: int) -> Blockages:
    """SOFT and PARTIAL are of placement blockages, PUSHDOWN is of all, FILLS of those of layers."""
    count = rng.randrange(5)
    layer = [rng.choice(["", *layers]) for _ in range(count)]
    soft = [name == "" and _flag(rng, 0.3) for name in layer]
    density = [
        rng.randrange(1, 100) / 100 if name == "" and not flag and _flag(rng, 0.3) else float("nan")
        for name, flag in zip(layer, soft, strict=True)
    ]
    return Blockages(
        layer=names(layer),
        box=_table([_box(rng, die) for _ in range(count)], 4),
        soft=_array(soft, bool),
        max_density=_array(density, np.float64),
        pushdown=_array([_flag(rng, 0.3) for _ in range(count)], bool),
        only_fills=_array([name != "" and _flag(rng, 0.3) for name in layer], bool),
        cell=_array([rng.randrange(cells) if cells and _flag(rng, 0.3) else -1 for _ in range(count)], np.int32),
    )


def _regions(rng: random.Random, die: Box, cells: int) -> Regions:
    """Each cell is in one region at most."""
    count = rng.randrange(3)
    boxes = [[_box(rng, die) for _ in range(rng.randint(1, 3))] for _ in range(count)]
    owner = [rng.randrange(-1, count) for _ in range(cells)]
    members = [[cell for cell in range(cells) if owner[cell] == region] for region in range(count)]
    return Regions(
        name=names([_name(rng, "region", i) for i in range(count)]),
        kind=_array([rng.randrange(3) for _ in range(count)], np.uint8),
        box_offset=_offsets([len(part) for part in boxes]),
        box=_table([box for part in boxes for box in part], 4),
        cell_offset=_offsets([len(part) for part in members]),
        cell=_array([cell for part in members for cell in part], np.int32),
    )
