"""A plain writer of LEF and DEF for a ``Design``: what readers must read back equal."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from placement_data.design import Design, Direction, LayerDirection, LayerKind, MasterClass, RegionKind, Status, Use
from placement_data.orientation import Orientation
from tests.placement_data.builders import turn

# The orientation that undoes each of the others; only the quarter turns are not their own.
INVERSE = {Orientation.W: Orientation.E, Orientation.E: Orientation.W}


def lef_text(design: Design, rng: random.Random) -> str:
    """Technology and masters. ORIGIN, the order of a rectangle's corners and the like are drawn at random."""
    dbu = design.dbu_per_micron
    lines = ["VERSION 5.8 ;", f"UNITS\n  DATABASE MICRONS {dbu} ;\nEND UNITS"]
    lines += _layers(design)
    for name, width, height in zip(design.sites.name, design.sites.width, design.sites.height, strict=True):
        lines.append(f"SITE {name}\n  CLASS CORE ;\n  SIZE {_decimal(width)} BY {_decimal(height)} ;\nEND {name}")
    for row in range(len(design.masters.name)):
        lines += _master(design, row, rng)
    return "\n".join([*lines, "END LIBRARY", ""])


def _microns(value: int, dbu: int) -> str:
    return format((Decimal(int(value)) / Decimal(dbu)).normalize(), "f")


def _decimal(value: float) -> str:
    """The shortest decimal fraction that is read as this number."""
    return format(Decimal(repr(float(value))), "f")


def _layers(design: Design) -> Iterable[str]:
    layers = design.layers
    for row, name in enumerate(layers.name):
        yield f"LAYER {name}"
        if layers.kind[row] != LayerKind.OTHER:
            yield f"  TYPE {LayerKind(layers.kind[row]).name} ;"
        if layers.direction[row] != LayerDirection.NONE:
            yield f"  DIRECTION {LayerDirection(layers.direction[row]).name} ;"
        for word, x, y in (
            ("PITCH", layers.pitch_x, layers.pitch_y),
            ("OFFSET", layers.offset_x, layers.offset_y),
        ):
            if not np.isnan(x[row]):
                yield f"  {word} {_decimal(x[row])} {'' if x[row] == y[row] else _decimal(y[row])} ;"
        if not np.isnan(layers.width[row]):
            yield f"  WIDTH {_decimal(layers.width[row])} ;"
        if not np.isnan(layers.spacing[row]):
            yield f"  SPACING {_decimal(layers.spacing[row])} ;"
        yield f"END {name}"


def _master(design: Design, row: int, rng: random.Random) -> Iterable[str]:
    masters, dbu = design.masters, design.dbu_per_micron
    origin = rng.choice([(0, 0), (rng.randrange(-500, 500), rng.randrange(-500, 500))])
    yield f"MACRO {masters.name[row]}"
    if masters.kind[row] != MasterClass.UNKNOWN:
        yield f"  CLASS {MasterClass(masters.kind[row]).name} {masters.subclass[row]} ;"
    if origin != (0, 0) or rng.random() < 0.5:
        yield f"  ORIGIN {_microns(origin[0], dbu)} {_microns(origin[1], dbu)} ;"
    yield f"  SIZE {_microns(masters.width[row], dbu)} BY {_microns(masters.height[row], dbu)} ;"
    words = [word for bit, word in enumerate(("X", "Y", "R90")) if masters.symmetry[row] >> bit & 1]
    if words:
        yield f"  SYMMETRY {' '.join(words)} ;"
    if masters.site[row]:
        yield f"  SITE {masters.site[row]} ;"
    for pin in range(masters.pin_offset[row], masters.pin_offset[row + 1]):
        yield f"  PIN {masters.pin_name[pin]}"
        yield f"    DIRECTION {Direction(masters.pin_direction[pin]).name} ;"
        yield f"    USE {Use(masters.pin_use[pin]).name} ;"
        shapes = range(masters.port_offset[pin], masters.port_offset[pin + 1])
        cut = rng.randrange(len(shapes) + 1) if rng.random() < 0.3 else len(shapes)
        for part in (shapes[:cut], shapes[cut:]):
            if part:
                boxes = _rectangles(design, masters.port_layer[part], masters.port_box[part], origin, rng)
                yield from ("    PORT", *boxes, "    END")
        yield f"  END {masters.pin_name[pin]}"
    own = slice(masters.obstruction_offset[row], masters.obstruction_offset[row + 1])
    if own.start < own.stop:
        yield "  OBS"
        yield from _rectangles(design, masters.obstruction_layer[own], masters.obstruction_box[own], origin, rng)
        yield "  END"
    yield f"END {masters.name[row]}"


def _rectangles(
    design: Design, layers: Sequence[int], boxes: Any, origin: tuple[int, int], rng: random.Random
) -> Iterable[str]:
    last = None
    for layer, box in zip(layers, boxes, strict=True):
        if layer != last:
            yield f"      LAYER {design.layers.name[layer]} ;"
            last = layer
        corners = [int(value) - origin[axis % 2] for axis, value in enumerate(box)]
        if rng.random() < 0.3:
            corners = [corners[2], corners[1], corners[0], corners[3]]
        yield f"        RECT {' '.join(_microns(value, design.dbu_per_micron) for value in corners)} ;"


def def_text(design: Design, rng: random.Random) -> str:
    """The placement. Sections come in the order of the DEF manual."""
    die = design.die_polygon
    rectangle = [tuple(corner) for corner in die.tolist()]
    x0, y0, x1, y1 = design.die.tolist()
    if rectangle == [(x0, y0), (x0, y1), (x1, y1), (x1, y0)]:
        rectangle = [(x0, y0), (x1, y1)] if rng.random() < 0.7 else [(x1, y0), (x0, y1)]
    lines = [
        "VERSION 5.8 ;",
        'DIVIDERCHAR "/" ;',
        'BUSBITCHARS "[]" ;',
        f"DESIGN {design.name} ;",
        f"UNITS DISTANCE MICRONS {design.dbu_per_micron} ;",
        f"DIEAREA {_points(rectangle)} ;",
    ]
    vias, special = _special_nets(design, rng)
    lines += _rows(design)
    lines += [f"TRACKS {line}" for line in _tracks(design.tracks)]
    lines += [f"GCELLGRID {line}" for line in _tracks(design.gcell_grid)]
    for section, statements in (
        ("VIAS", vias),
        ("REGIONS", _regions(design)),
        ("COMPONENTS", _components(design, rng)),
        ("PINS", _ports(design, rng)),
        ("BLOCKAGES", _blockages(design)),
        ("SPECIALNETS", special),
        ("NETS", _nets(design)),
        ("GROUPS", _groups(design)),
    ):
        made = list(statements)
        if made or rng.random() < 0.3:
            lines += [f"{section} {len(made)} ;", *(f"- {statement} ;" for statement in made), f"END {section}"]
    return "\n".join([*lines, "END DESIGN", ""])


def _point(x: int, y: int) -> str:
    return f"( {int(x)} {int(y)} )"


def _points(corners: Iterable[Sequence[int]]) -> str:
    return " ".join(_point(*corner) for corner in corners)


def _box(box: Sequence[int]) -> str:
    return f"{_point(*box[:2])} {_point(*box[2:])}"


def _rows(design: Design) -> Iterable[str]:
    rows = design.rows
    for row, name in enumerate(rows.name):
        place = f"{rows.origin[row, 0]} {rows.origin[row, 1]} {Orientation(rows.orientation[row]).name}"
        repeat = f"DO {rows.count[row, 0]} BY {rows.count[row, 1]} STEP {rows.step[row, 0]} {rows.step[row, 1]}"
        yield f"ROW {name} {rows.site[row]} {place} {repeat} ;"


def _tracks(tracks: Any) -> Iterable[str]:
    columns = (tracks.vertical, tracks.start, tracks.count, tracks.step, tracks.layer)
    for vertical, start, count, step, layer in zip(*columns, strict=True):
        yield f"{'X' if vertical else 'Y'} {start} DO {count} STEP {step} {f'LAYER {layer} ' if layer else ''};"


def _regions(design: Design) -> Iterable[str]:
    regions = design.regions
    for row, name in enumerate(regions.name):
        boxes = " ".join(_box(box) for box in regions.box[regions.box_offset[row] : regions.box_offset[row + 1]])
        kind = RegionKind(regions.kind[row])
        yield f"{name} {boxes}" + (f" + TYPE {kind.name}" if kind else "")


def _groups(design: Design) -> Iterable[str]:
    regions = design.regions
    for row, name in enumerate(regions.name):
        members = regions.cell[regions.cell_offset[row] : regions.cell_offset[row + 1]]
        if len(members):
            yield f"g{row} {' '.join(design.cells.name[members])} + REGION {name}"


def _components(design: Design, rng: random.Random) -> Iterable[str]:
    cells, layers = design.cells, design.layers.name
    halos = dict(zip(cells.halo_cell.tolist(), range(len(cells.halo_cell)), strict=True))
    routes = dict(zip(cells.route_halo_cell.tolist(), range(len(cells.route_halo_cell)), strict=True))
    for row, name in enumerate(cells.name):
        options = []
        if cells.source[row]:
            options.append(f"SOURCE {cells.source[row]}")
        if cells.status[row] != Status.UNPLACED:
            place = f"{_point(*cells.box[row, :2])} {Orientation(cells.orientation[row]).name}"
            options.append(f"{Status(cells.status[row]).name} {place}")
        elif rng.random() < 0.5:
            options.append("UNPLACED")
        if row in halos:
            soft = rng.choice(["SOFT ", ""])
            options.append(f"HALO {soft}{' '.join(str(value) for value in cells.halo[halos[row]])}")
        if row in routes:
            low, high = cells.route_halo_layers[routes[row]]
            options.append(f"ROUTEHALO {cells.route_halo[routes[row]]} {layers[low]} {layers[high]}")
        if rng.random() < 0.2:
            options.append(f"WEIGHT {rng.randrange(900)}")
        yield " + ".join([f"{name} {design.masters.name[cells.master[row]]}", *options])


def _ports(design: Design, rng: random.Random) -> Iterable[str]:
    """Each port is one rectangle, seen from a placement of a random orientation."""
    ports = design.ports
    for row, name in enumerate(ports.name):
        parts = [f"{name} + NET {ports.net[row]}"]
        if ports.direction[row] != Direction.UNKNOWN:
            parts.append(f"DIRECTION {Direction(ports.direction[row]).name}")
        parts.append(f"USE {Use(ports.use[row]).name}")
        if ports.status[row] != Status.UNPLACED:
            x, y = (int(value) + rng.randrange(-50, 50) for value in ports.box[row, :2])
            orientation = rng.choice(list(Orientation))
            shape = seen_from(ports.box[row] - (x, y, x, y), orientation)
            parts.append(f"LAYER {rng.choice(design.layers.name.tolist())} {_box(shape)}")
            parts.append(f"{Status(ports.status[row]).name} {_point(x, y)} {orientation.name}")
        yield " + ".join(parts)


def seen_from(box: Sequence[int], orientation: Orientation) -> list[int]:
    """The box that lies at ``box`` once it is turned about (0, 0)."""
    inverse = INVERSE.get(orientation, orientation)
    corners = [turn(int(box[i]), int(box[j]), 0, 0, inverse) for i, j in ((0, 1), (2, 3))]
    (xa, ya), (xb, yb) = corners
    return [min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb)]


def _blockages(design: Design) -> Iterable[str]:
    blockages = design.blockages
    for row, layer in enumerate(blockages.layer):
        parts = [f"LAYER {layer}" if layer else "PLACEMENT"]
        if blockages.cell[row] >= 0:
            parts.append(f"+ COMPONENT {design.cells.name[blockages.cell[row]]}")
        if blockages.pushdown[row]:
            parts.append("+ PUSHDOWN")
        if blockages.only_fills[row]:
            parts.append("+ FILLS")
        if blockages.soft[row]:
            parts.append("+ SOFT")
        if not np.isnan(blockages.max_density[row]):
            parts.append(f"+ PARTIAL {blockages.max_density[row] * 100:.6g}")
        yield f"{' '.join(parts)} RECT {_box(blockages.box[row])}"


def _special_nets(design: Design, rng: random.Random) -> tuple[list[str], list[str]]:
    """The vias, one for each box of a via's metal, and the statements."""
    wires, layers = design.special_wires, design.layers.name
    vias: list[str] = []
    statements = []
    for net, name in enumerate(design.special_nets.name):
        parts = [f"{name} + USE {Use(design.special_nets.use[net]).name}"]
        for row in np.flatnonzero(wires.net == net):
            box, layer = wires.box[row].tolist(), layers[wires.layer[row]]
            if wires.via[row]:
                x, y = rng.randrange(-900, 900), rng.randrange(-900, 900)
                orientation = rng.choice(list(Orientation))
                shape = seen_from([box[0] - x, box[1] - y, box[2] - x, box[3] - y], orientation)
                vias.append(f"v{row} + RECT {layer} {_box(shape)}")
                parts.append(f"+ VIA v{row} {orientation.name} {_point(x, y)}")
            else:
                parts.append(_wire(box, layer, rng))
        statements.append(" ".join(parts))
    return vias, statements


def _wire(box: list[int], layer: str, rng: random.Random) -> str:
    """A RECT, or a path along the longer side where its middle line has whole coordinates."""
    x0, y0, x1, y1 = box
    width, height = x1 - x0, y1 - y0
    if rng.random() < 0.5 or min(width, height) == 0 or min(width, height) % 2:
        return f"+ RECT {layer} {_box(box)}"
    shape = rng.choice(["", "+ SHAPE STRIPE "])
    if width >= height:
        y = (y0 + y1) // 2
        return f"+ ROUTED {layer} {height} {shape}{_point(x0, y)} ( {x1} * )"
    x = (x0 + x1) // 2
    return f"+ FIXED {layer} {width} {shape}{_point(x, y1)} ( * {y0} )"


def _nets(design: Design) -> Iterable[str]:
    nets, pins = design.nets, design.pins
    for net, name in enumerate(nets.name):
        parts = [name]
        for pin in range(nets.pin_offset[net], nets.pin_offset[net + 1]):
            if pins.cell[pin] < 0:
                parts.append(f"( PIN {design.ports.name[pins.port[pin]]} )")
            else:
                master_pin = design.masters.pin_name[pins.master_pin[pin]]
                parts.append(f"( {design.cells.name[pins.cell[pin]]} {master_pin} )")
        parts.append(f"+ USE {Use(nets.use[net]).name}")
        yield " ".join(parts)


def reworded(text: str, rng: random.Random) -> str:
    """The same tokens with other blanks, line breaks and line ends, with comments between them, and ends glued on."""
    end = rng.choice(["\n", "\r\n"])
    parts = []
    for line in text.split("\n"):
        for token in line.split():
            glue = token == ";" and parts and parts[-2][-1:].isdigit() and rng.random() < 0.3
            if glue:
                parts[-1] = ""
            blank = rng.choice([" ", " ", "  ", "\t", end, f"{end}{end}   "])
            if rng.random() < 0.05:
                blank = f' # a ; comment " - ( {end}'
            parts += [token, blank]
    return "".join(parts) + end
