"""Random ``Design`` values, built from the dataclasses alone: no reader has a part in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

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
    Rows,
    Sites,
    SpecialNets,
    Status,
    Tracks,
    Use,
)
from placement_data.orientation import Orientation
from placement_data.violations import Violations

DBU = 2000
ROW = 2800  # 1.4 um
PITCH_UM = 0.14

# name, class, subclass, width, height, pins as (name, direction, use, x, y)
_IN, _OUT, _INOUT = Direction.INPUT, Direction.OUTPUT, Direction.INOUT
_SUPPLY = (("VDD", _INOUT, Use.POWER, 100, 2700), ("VSS", _INOUT, Use.GROUND, 100, 100))
_MASTERS = (
    ("INV_X1", MasterClass.CORE, "", 760, ROW, (("A", _IN, 0, 151, 901), ("ZN", _OUT, 0, 603, 1207), *_SUPPLY)),
    ("CLKBUF_X1", MasterClass.CORE, "", 1140, ROW, (("A", _IN, 0, 201, 777), ("Z", _OUT, 0, 905, 1409), *_SUPPLY)),
    (
        "NAND2_X1",
        MasterClass.CORE,
        "",
        1140,
        ROW,
        (("A1", _IN, 0, 203, 1001), ("A2", _IN, 0, 507, 1603), ("ZN", _OUT, 0, 909, 1205), *_SUPPLY),
    ),
    (
        "DFF_X1",
        MasterClass.CORE,
        "",
        6460,
        ROW,
        (("D", _IN, 0, 1003, 1107), ("CK", _IN, 0, 2001, 1509), ("Q", _OUT, 0, 5901, 1311), *_SUPPLY),
    ),
    ("FILLCELL_X1", MasterClass.CORE, "SPACER", 380, ROW, _SUPPLY),
    ("BUMP", MasterClass.COVER, "BUMP", 20001, 20003, ()),
    ("RAM", MasterClass.BLOCK, "", 17003, 23009, (("A", _IN, 0, 13, 4001), ("Q", _OUT, 0, 16999, 9003))),
)
INV, CLKBUF, NAND2, DFF, FILL, BUMP, RAM = range(len(_MASTERS))


def names(values: Sequence[str]) -> NDArray[np.object_]:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def masters() -> Masters:
    pins = [pin for master in _MASTERS for pin in master[5]]
    count = len(_MASTERS)
    offset = np.cumsum([0] + [len(master[5]) for master in _MASTERS])
    box = np.array([(x - 35, y - 35, x + 35, y + 35) for *_, x, y in pins], dtype=np.int64)
    return Masters(
        name=names([m[0] for m in _MASTERS]),
        kind=np.array([m[1] for m in _MASTERS], dtype=np.uint8),
        subclass=names([m[2] for m in _MASTERS]),
        width=np.array([m[3] for m in _MASTERS], dtype=np.int64),
        height=np.array([m[4] for m in _MASTERS], dtype=np.int64),
        symmetry=np.full(count, 3, dtype=np.uint8),
        site=names(["core"] * count),
        pin_offset=offset.astype(np.int64),
        pin_name=names([p[0] for p in pins]),
        pin_direction=np.array([p[1] for p in pins], dtype=np.uint8),
        pin_use=np.array([p[2] for p in pins], dtype=np.uint8),
        port_offset=np.arange(len(pins) + 1, dtype=np.int64),
        port_layer=np.zeros(len(pins), dtype=np.int32),
        port_box=box,
        obstruction_offset=np.zeros(count + 1, dtype=np.int64),
        obstruction_layer=np.empty(0, dtype=np.int32),
        obstruction_box=np.empty((0, 4), dtype=np.int64),
    )


def turn(x: int, y: int, width: int, height: int, orientation: int) -> tuple[int, int]:
    """Where a point of a master lies in an instance of the orientation whose lower-left corner is (0, 0)."""
    return {
        Orientation.N: (x, y),
        Orientation.S: (width - x, height - y),
        Orientation.FN: (width - x, y),
        Orientation.FS: (x, height - y),
        Orientation.W: (height - y, x),
        Orientation.E: (y, width - x),
        Orientation.FW: (y, x),
        Orientation.FE: (height - y, width - x),
    }[Orientation(orientation)]


def random_design(
    rng: np.random.Generator,
    cells: int = 40,
    nets: int = 60,
    die: tuple[int, int, int, int] = (-7003, 5011, 55555, 48877),
    large_net: int = 0,
) -> Design:
    """A placement at random: overlaps, cells over the die's edge, all orientations, a pin several times on one net.

    Nets have 1 to 9 pins; one in ten has all its pins on one spot; of the last two one is of USE POWER and one on the
    list of special nets. ``large_net`` puts a net of that many pins before them.
    """
    lib = masters()
    x0, y0, x1, y1 = die
    master = rng.choice(
        [INV, CLKBUF, NAND2, DFF, FILL, BUMP, RAM], size=cells, p=[0.3, 0.15, 0.2, 0.2, 0.05, 0.02, 0.08]
    )
    orientation = rng.integers(0, 8, size=cells)
    turned = orientation % 2 == 1
    size = np.stack([lib.width[master], lib.height[master]], axis=1)
    size[turned] = size[turned][:, ::-1]
    corner = rng.integers((x0 - 500, y0 - 500), (x1 - 600, y1 - 600), size=(cells, 2))
    cell_box = np.concatenate([corner, corner + size], axis=1)

    pool = []  # (cell, port, master pin, x, y, drives)
    for i in range(cells):
        for pin in range(lib.pin_offset[master[i]], lib.pin_offset[master[i] + 1]):
            if lib.pin_use[pin] in (Use.POWER, Use.GROUND):
                continue
            px, py = int(lib.port_box[pin, 0] + 35), int(lib.port_box[pin, 1] + 35)
            dx, dy = turn(px, py, int(lib.width[master[i]]), int(lib.height[master[i]]), int(orientation[i]))
            # Cells of one master give equal distances; the jitter makes each spanning tree the only shortest one.
            dx, dy = dx + int(rng.integers(-150, 150)), dy + int(rng.integers(-150, 150))
            drives = lib.pin_direction[pin] in (Direction.OUTPUT, Direction.INOUT)
            pool.append((i, -1, pin, int(corner[i, 0]) + dx, int(corner[i, 1]) + dy, drives))
    ports = 12
    pool += [
        (-1, port, -1, int(rng.integers(x0, x1 + 1)), int(rng.choice([y0, y1])), port % 2 == 0) for port in range(ports)
    ]

    rows: list[tuple[int, int, int, int, int, int, bool]] = []
    sizes = [*([large_net] if large_net else []), *rng.integers(1, 10, size=nets), 5, 5]
    for net, count in enumerate(sizes):
        picks = rng.integers(0, len(pool), size=count)
        if rng.random() < 0.1:
            picks[:] = picks[0]
        rows += [(net, *pool[pick]) for pick in picks]
    table = np.array(rows, dtype=np.int64)
    x, y = table[:, 4], table[:, 5]
    pins = Pins(
        net=table[:, 0].astype(np.int32),
        cell=table[:, 1].astype(np.int32),
        port=table[:, 2].astype(np.int32),
        master_pin=table[:, 3].astype(np.int32),
        box=np.stack([x - 35, y - 35, x + 35, y + 36], axis=1),
        drives=table[:, 6].astype(bool),
        placed=rng.random(len(table)) > 0.03,
    )
    use = np.full(len(sizes), Use.SIGNAL, dtype=np.uint8)
    use[-2] = Use.POWER
    net_names = names([f"n{i}" for i in range(len(sizes))])
    empty = np.empty(0, dtype=np.int64)
    no_tracks = Tracks(np.empty(0, dtype=bool), empty, empty, empty, names([]))
    return Design(
        name="random",
        dbu_per_micron=DBU,
        die=np.array(die, dtype=np.int64),
        die_polygon=np.array([(x0, y0), (x0, y1), (x1, y1), (x1, y0)], dtype=np.int64),
        layers=Layers(
            names(["poly", "metal1", "metal2"]),
            np.array([LayerKind.MASTERSLICE, LayerKind.ROUTING, LayerKind.ROUTING], dtype=np.uint8),
            np.array([0, LayerDirection.HORIZONTAL, LayerDirection.VERTICAL], dtype=np.uint8),
            np.array([np.nan, 0.19, 0.19]),
            np.array([np.nan, PITCH_UM, 0.14]),
            np.array([np.nan, 0.07, 0.07]),
            np.array([np.nan, 0.095, 0.095]),
            np.array([np.nan, 0.07, 0.07]),
            np.array([np.nan, 0.065, 0.07]),
        ),
        sites=Sites(names(["core", "tall"]), np.array([0.19, 0.19]), np.array([1.4, 2.8])),
        masters=lib,
        cells=Cells(
            names([f"c{i}" for i in range(cells)]),
            master.astype(np.int32),
            orientation.astype(np.uint8),
            np.full(cells, Status.PLACED, dtype=np.uint8),
            cell_box,
            names([""] * cells),
        ),
        ports=Ports(
            names([f"p{i}" for i in range(ports)]),
            names(["n0"] * ports),
            np.full(ports, Direction.INPUT, dtype=np.uint8),
            np.zeros(ports, dtype=np.uint8),
            np.full(ports, Status.FIXED, dtype=np.uint8),
            np.zeros((ports, 4), dtype=np.int64),
        ),
        nets=Nets(net_names, use, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)),
        pins=pins,
        special_nets=SpecialNets(names([str(net_names[-1])]), np.array([Use.GROUND], dtype=np.uint8)),
        rows=Rows(
            names(["r0", "r1", "r2"]),
            names(["core", "core", "tall"]),
            np.zeros((3, 2), dtype=np.int64),
            np.zeros(3, dtype=np.uint8),
            np.ones((3, 2), dtype=np.int64),
            np.zeros((3, 2), dtype=np.int64),
        ),
        tracks=no_tracks,
        gcell_grid=no_tracks,
        blockages=no_blockages(),
        sources=("cells.lef", "random.def"),
    )


def no_blockages() -> Blockages:
    flags = np.empty(0, dtype=bool)
    boxes = np.empty((0, 4), dtype=np.int64)
    return Blockages(names([]), boxes, flags, np.empty(0), flags, flags, np.empty(0, dtype=np.int32))


def moved(design: Design, dx: int, dy: int) -> Design:
    """The design with every coordinate shifted."""
    step = np.array([dx, dy, dx, dy], dtype=np.int64)
    return replace(
        design,
        die=design.die + step,
        die_polygon=design.die_polygon + step[:2],
        cells=replace(design.cells, box=design.cells.box + step),
        pins=replace(design.pins, box=design.pins.box + step),
    )


def mirrored(design: Design, horizontally: bool = True) -> Design:
    """The design mirrored about the die's middle: left and right change places, or bottom and top."""
    low, high = (0, 2) if horizontally else (1, 3)
    total = int(design.die[low] + design.die[high])

    def flip(box: NDArray[np.int64]) -> NDArray[np.int64]:
        result = box.copy()
        result[:, low], result[:, high] = total - box[:, high], total - box[:, low]
        return result

    return replace(
        design,
        cells=replace(design.cells, box=flip(design.cells.box)),
        pins=replace(design.pins, box=flip(design.pins.box)),
    )


def transposed(design: Design) -> Design:
    """The design mirrored about the diagonal: x and y change places.

    Rows and sites stay: they tell no place, only a length.
    """
    order = [1, 0, 3, 2]
    layers, swapped = design.layers, np.array([0, 2, 1], dtype=np.uint8)  # NONE, HORIZONTAL, VERTICAL
    o = Orientation
    # What each orientation N, W, S, E, FN, FW, FS, FE is when mirrored at the diagonal: FW is that mirroring itself.
    orientation = np.array([o.FW, o.FS, o.FE, o.FN, o.E, o.N, o.W, o.S], dtype=np.uint8)
    return replace(
        design,
        die=design.die[order],
        die_polygon=design.die_polygon[:, ::-1],
        layers=replace(
            layers,
            direction=swapped[layers.direction],
            pitch_x=layers.pitch_y,
            pitch_y=layers.pitch_x,
            offset_x=layers.offset_y,
            offset_y=layers.offset_x,
        ),
        cells=replace(
            design.cells,
            box=design.cells.box[:, order],
            orientation=orientation[design.cells.orientation],
            halo=design.cells.halo[:, order],
        ),
        pins=replace(design.pins, box=design.pins.box[:, order]),
        tracks=replace(design.tracks, vertical=~design.tracks.vertical),
        blockages=replace(design.blockages, box=design.blockages.box[:, order]),
        special_wires=replace(design.special_wires, box=design.special_wires.box[:, order]),
    )


def random_violations(rng: np.random.Generator, design: Design, count: int = 25) -> Violations:
    """Violations on the die that name nought to three nets each, some of no width and some on tile borders."""
    x0, y0, x1, y1 = (int(edge) for edge in design.die)
    corner = rng.integers((x0, y0), (x1, y1), size=(count, 2))
    snap = rng.random(count) < 0.3
    corner[snap] = (corner[snap] - (x0, y0)) // ROW * ROW + (x0, y0)
    size = rng.integers(0, 2 * ROW, size=(count, 2)) * (rng.random((count, 2)) < 0.7)
    high = np.minimum(corner + size, (x1, y1))
    listed = rng.integers(0, 4, size=count)
    return Violations(
        kind=names(["Short"] * count),
        layer=names(["metal2"] * count),
        box=np.concatenate([corner, high], axis=1) / DBU,
        net_offset=np.concatenate([[0], np.cumsum(listed)]).astype(np.int64),
        net_name=names(
            [str(design.nets.name[i]) for i in rng.integers(0, len(design.nets.name) - 30, size=listed.sum())]
        ),
    )
