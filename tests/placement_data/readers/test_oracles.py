"""The LEF and DEF readers against two independent ones, on real files: KLayout, and Si2's parser (as ``sc-leflib``).

Lengths are compared exactly, in database units. A shape that is not rectilinear is compared by its bounding box. What
only one side accepts is not compared; each test says how many files it did compare, and of how few it would fail.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placement_data.design import Design, Direction, LayerDirection, LayerKind, Status, Use
from placement_data.readers import Library, read_def, read_lef
from tests.placement_data.oracles import (
    Collection,
    Shapes,
    accepted,
    collect,
    every_layer,
    library_of,
    load,
    plain,
    regions,
    same,
    unescaped,
)

LEF_DBU = 20_000  # divides every length of the collection
Box = tuple[int, int, int, int]


@pytest.fixture(scope="module")
def db() -> Any:
    return pytest.importorskip("klayout.db", reason="KLayout's Python package is not installed (pip install klayout)")


@pytest.fixture(scope="module")
def leflib() -> Any:
    return pytest.importorskip("sc_leflib", reason="Si2's LEF parser is not installed (pip install sc-leflib)")


@pytest.fixture(scope="module")
def files(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """The collection of LEF and DEF, the library of the placements, and the first placement of each design."""
    return collect(shared_data, tmp_path_factory.mktemp("real"))


def whole(values: Any, dbu: int) -> Any:
    """Microns as whole database units."""
    return np.rint(np.asarray(values, dtype=np.float64) * dbu).astype(np.int64)


def our_shapes(library: Library) -> Iterable[tuple[str, str, str, Box]]:
    """(master, pin or "", layer, box in LEF_DBU) of every port and obstruction whose layer is known."""
    masters, layers = library.masters, library.layers.name
    owner = np.repeat(np.arange(len(masters.name)), np.diff(masters.pin_offset))
    pin = np.repeat(np.arange(len(masters.pin_name)), np.diff(masters.port_offset))
    for row, layer, box in zip(pin, masters.port_layer, whole(masters.port_box, LEF_DBU).tolist(), strict=True):
        if layer >= 0:
            yield masters.name[owner[row]], masters.pin_name[row], layers[layer], tuple(box)
    owner = np.repeat(np.arange(len(masters.name)), np.diff(masters.obstruction_offset))
    obstruction = whole(masters.obstruction_box, LEF_DBU).tolist()
    for row, layer, box in zip(owner, masters.obstruction_layer, obstruction, strict=True):
        if layer >= 0:
            yield masters.name[row], "", layers[layer], tuple(box)


# --- Si2's LEF parser


def si2_shapes(macro: dict[str, Any], origin: tuple[float, float]) -> dict[tuple[str, str], set[Any]]:
    """Rectangles by (pin or "", layer); None in place of a rectangle for every other shape."""
    found: dict[tuple[str, str], set[Any]] = defaultdict(set)
    owners = [("", geometries) for geometries in macro.get("obs", [])]
    for name, pin in macro.get("pins", {}).items():
        owners += [(name, port["layer_geometries"]) for port in pin.get("ports", [])]
    for name, geometries in owners:
        for geometry in geometries:
            for shape in geometry.get("shapes", []):
                box = None
                if "rect" in shape and "iterate" not in shape:
                    x0, y0, x1, y1 = whole(np.add(shape["rect"], [*origin, *origin]), LEF_DBU).tolist()
                    box = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
                found[name, geometry["layer"]].add(box)
    return found


def test_lef_against_si2(leflib: Any, files: Collection, tmp_path: Path) -> None:
    """Layers, sites, sizes of masters, and direction, use and every rectangle of every pin, and obstructions."""
    compared = rectangles = 0
    for path in files.lef:
        theirs, ours = (
            leflib.parse(str(path)),
            accepted(lambda path=path: read_lef([path, every_layer(path, tmp_path)])),
        )
        if theirs is None or ours is None:
            continue
        compared += 1
        check_layers(ours, theirs.get("layers", {}), path.name)
        sites = {
            name: (site["size"]["width"], site["size"]["height"]) for name, site in theirs.get("sites", {}).items()
        }
        own_sites = zip(ours.sites.width, ours.sites.height, strict=True)
        assert dict(zip(ours.sites.name, own_sites, strict=True)) == sites, path.name
        macros = theirs.get("macros", {})
        check_masters(ours, macros, path.name)
        own: dict[str, dict[tuple[str, str], set[Box]]] = defaultdict(lambda: defaultdict(set))
        for master, pin, layer, box in our_shapes(ours):
            own[master][pin, layer].add(box)
        origins = origins_of(path.read_text("latin-1"))
        for name, macro in macros.items():
            for key, boxes in si2_shapes(macro, origins[name]).items():
                if None not in boxes:
                    assert own[name][key] == boxes, (path.name, name, key)
                    rectangles += len(boxes)
    print(f"{compared} of {len(files.lef)} LEF files compared, {rectangles} rectangles")
    assert compared >= 20
    assert rectangles >= 5000


def origins_of(text: str) -> dict[str, tuple[float, float]]:
    """ORIGIN of each master, which that parser leaves out."""
    parts = re.split(r"^[ \t]*MACRO[ \t]+", text, flags=re.MULTILINE)[1:]
    found = {part.split(maxsplit=1)[0]: re.search(r"\bORIGIN\s+(\S+)\s+(\S+)", part) for part in parts}
    return {name: (float(at[1]), float(at[2])) if at else (0.0, 0.0) for name, at in found.items()}


def check_layers(ours: Library, layers: dict[str, dict[str, Any]], file: str) -> None:
    table = ours.layers
    assert table.name[: len(layers)].tolist() == list(layers), file
    for row, (name, layer) in enumerate(layers.items()):
        kind = LayerKind(table.kind[row])
        assert kind is LayerKind.__members__.get(layer.get("type"), LayerKind.OTHER), (file, name)
        if kind is LayerKind.ROUTING:
            pitch, offset = (layer.get(key, np.nan) for key in ("pitch", "offset"))
            expected = (*pair(pitch), *pair(offset), layer.get("width", np.nan))
            columns = (table.pitch_x, table.pitch_y, table.offset_x, table.offset_y, table.width)
            np.testing.assert_array_equal([column[row] for column in columns], expected, f"{file} {name}")
            direction = LayerDirection.__members__.get(layer.get("direction"), LayerDirection.NONE)
            assert table.direction[row] == direction, (file, name)


def pair(value: Any) -> tuple[float, float]:
    return value if isinstance(value, tuple) else (value, value)


def check_masters(ours: Library, macros: dict[str, dict[str, Any]], file: str) -> None:
    masters = ours.masters
    size = [(macro["size"]["width"], macro["size"]["height"]) for macro in macros.values()]
    assert masters.name.tolist() == list(macros), file
    assert list(zip(masters.width, masters.height, strict=True)) == size, file
    for row, (name, macro) in enumerate(macros.items()):
        own = slice(masters.pin_offset[row], masters.pin_offset[row + 1])
        pins = macro.get("pins", {})
        assert masters.pin_name[own].tolist() == list(pins), (file, name)
        for pin, direction, use in zip(pins.values(), masters.pin_direction[own], masters.pin_use[own], strict=True):
            assert Direction(direction).name == pin.get("direction", "INPUT").split()[0], (file, name)
            assert Use(use).name == pin.get("use", "SIGNAL"), (file, name)


# --- KLayout


def test_lef_against_klayout(db: Any, files: Collection, tmp_path: Path) -> None:
    """Outlines of masters, and the metal of every pin and obstruction, merged."""
    compared = merged = 0
    for path in files.lef:
        layout = accepted(lambda path=path: load(db, path, LEF_DBU))
        ours = accepted(lambda path=path: read_lef([path, every_layer(path, tmp_path)]))
        if layout is None or ours is None:
            continue
        compared += 1
        masters = ours.masters
        own: dict[str, Shapes] = defaultdict(lambda: defaultdict(db.Region))
        for master, pin, layer, box in our_shapes(ours):
            own[master][pin, layer].insert(db.Box(*box))
        for row, name in enumerate(masters.name):
            cell = layout.cell(name)
            size = whole((masters.width[row], masters.height[row]), LEF_DBU)
            box = plain(db, layout, cell, "OUTLINE").bbox()  # KLayout leaves a master where its ORIGIN puts it
            assert [box.width(), box.height()] == size.tolist(), (path.name, name)
            metal = regions(db, layout, cell, "lef_pins", "pin")
            metal |= {("", layer): found for (layer,), found in regions(db, layout, cell, "obstructions", None).items()}
            for key, theirs in metal.items():
                assert same(own[name][key].moved(box.p1), theirs), (path.name, name, key)
                merged += 1
    print(f"{compared} of {len(files.lef)} LEF files compared, {merged} pins and obstructions")
    assert compared >= 20
    assert merged >= 3000


@dataclass
class Tally:
    """How much was compared, and what was found to differ."""

    files: int = 0
    cells: int = 0
    pins: int = 0
    ports: int = 0
    wires: int = 0
    vias: int = 0
    blockages: int = 0
    regions: int = 0
    differences: list[tuple[str, ...]] = field(default_factory=list)


def test_def_against_klayout(db: Any, files: Collection, tmp_path: Path) -> None:
    """Outlines of placed cells, their pins and the design's where they lie, special wires, blockages and regions."""
    tally = Tally()
    library = cache(read_lef)
    for path in files.def_:
        lef = library_of(path, files, tmp_path)
        ours = accepted(lambda path=path, lef=lef: read_def(path, library(lef)))
        if ours is None:
            continue
        layout = accepted(lambda path=path, lef=lef, dbu=ours.dbu_per_micron: load(db, path, dbu, lef))
        if layout is None:
            continue
        tally.files += 1
        compare(db, ours, layout, path.name, tally)
    print(tally)
    assert tally.differences == []
    assert tally.files >= 90
    assert tally.cells >= 10_000
    assert tally.pins >= 20_000
    assert tally.ports >= 3000
    assert tally.wires >= 400
    assert tally.vias >= 200
    assert tally.blockages >= 4
    assert tally.regions >= 4


def compare(db: Any, design: Design, layout: Any, file: str, tally: Tally) -> None:
    """Add to the tally what two readers make of one DEF."""
    top = layout.cell(unescaped(design.name))
    corners = [db.Point(*corner) for corner in design.die_polygon.tolist()]
    if not same(db.Region(db.Polygon(corners)), plain(db, layout, top, "OUTLINE")):
        tally.differences.append((file, "DIEAREA"))
    for check in (check_cells, check_ports, check_wires, check_areas):
        tally.differences += [(file, *difference) for difference in check(db, design, layout, top, tally)]


def check_cells(db: Any, design: Design, layout: Any, top: Any, tally: Tally) -> Iterator[tuple[str, ...]]:
    """Outlines of all placed cells, and the bounding boxes of their pins."""
    instances = {inst.property("instance"): inst for inst in top.each_inst() if inst.property("instance") is not None}
    masters = {inst.cell.name: inst.cell for inst in instances.values()}
    frames = {name: frame(db, layout, master) for name, master in masters.items()}
    names = [unescaped(name) for name in design.cells.name]
    boxes = design.cells.box.tolist()
    for row in np.flatnonzero(design.cells.status != Status.UNPLACED).tolist():
        inst = instances.get(names[row])
        if inst is None or inst.cell.name != design.masters.name[design.cells.master[row]]:
            yield "component", names[row]
        elif frames[inst.cell.name][0].transformed(inst.trans) != db.Box(*boxes[row]):
            yield "outline", names[row], str(boxes[row]), str(inst.trans)
        tally.cells += 1
    boxes = design.pins.box.tolist()
    rounding = int(design.dbu_per_micron < 1000)  # of lengths that are no whole number of such coarse units
    for row in np.flatnonzero(design.pins.placed & (design.pins.cell >= 0)).tolist():
        inst = instances[names[design.pins.cell[row]]]
        pin = design.masters.pin_name[design.pins.master_pin[row]]
        theirs = frames[inst.cell.name][1].get(unescaped(pin))
        if theirs is not None:
            tally.pins += 1
            placed = theirs.transformed(inst.trans)
            apart = np.abs(np.subtract(boxes[row], (placed.left, placed.bottom, placed.right, placed.top))).max()
            if apart > rounding:
                yield "pin", inst.property("instance"), pin, str(boxes[row]), str(placed)


def frame(db: Any, layout: Any, master: Any) -> tuple[Any, dict[str, Any]]:
    """Outline of a master, and the bounding box of each of its pins."""
    pins: dict[str, Any] = defaultdict(db.Box)
    for (pin, _), metal in regions(db, layout, master, "lef_pins", "pin").items():
        pins[pin] += metal.bbox()
    return plain(db, layout, master, "OUTLINE").bbox(), pins


def check_ports(db: Any, design: Design, layout: Any, top: Any, tally: Tally) -> Iterator[tuple[str, ...]]:
    """Bounding boxes of the design's ports that have shapes."""
    theirs: dict[str, Any] = defaultdict(db.Box)
    for index in layout.layer_indexes():
        if layout.get_info(index).name.endswith(".pins"):
            for shape in top.each_shape(index):
                theirs[shape.property("pin")] += shape.bbox()
    ports = design.ports
    boxes = {unescaped(name): db.Box(*box) for name, box in zip(ports.name, ports.box.tolist(), strict=True)}
    tally.ports += len(theirs)
    for name, box in theirs.items():
        if not box.empty() and boxes.get(name) != box:
            yield "port", name, str(boxes.get(name)), str(box)


def check_wires(db: Any, design: Design, layout: Any, top: Any, tally: Tally) -> Iterator[tuple[str, ...]]:
    """Metal of the special nets per layer, merged: wires by net, and vias (whose net KLayout does not keep)."""
    wires, layers = design.special_wires, design.layers.name
    own: Shapes = defaultdict(db.Region)
    for net, layer, via, box in zip(wires.net, wires.layer, wires.via, wires.box.tolist(), strict=True):
        if layer >= 0:
            own["" if via else unescaped(design.special_nets.name[net]), layers[layer]].insert(db.Box(*box))
    theirs = regions(db, layout, top, "special_routing", "net") | via_metal(db, design, layout, top)
    if only_special_vias(Path(design.sources[-1]).read_text("latin-1")):
        tally.vias += sum(not net for net, _ in theirs)
    else:
        own, theirs = ({key: metal for key, metal in found.items() if key[0]} for found in (own, theirs))
    tally.wires += len(theirs)
    for key in theirs | own:
        if key[1] in layers and not same(own.get(key, db.Region()), theirs.get(key, db.Region())):
            yield "special wires", *key


def via_metal(db: Any, design: Design, layout: Any, top: Any) -> Shapes:
    """Metal of all vias by ("", layer); on layers other than routing layers one box round the cuts of each via."""
    layers = zip(design.layers.name, design.layers.kind, strict=True)
    routing = {name for name, kind in layers if kind == LayerKind.ROUTING}
    found: Shapes = defaultdict(db.Region)
    metal: dict[str, Shapes] = {}
    for inst in top.each_inst():
        if inst.property("instance") is None:
            if inst.cell.name not in metal:
                metal[inst.cell.name] = regions(db, layout, inst.cell, "via_geometry", None)
            for (layer,), shapes in metal[inst.cell.name].items():
                whole_via = shapes if layer in routing else db.Region(shapes.bbox())
                for trans in inst.cell_inst.each_trans():
                    found["", layer].insert(whole_via.transformed(trans))
    return found


def only_special_vias(text: str) -> bool:
    """Whether KLayout's vias are those of the special nets: regular nets have none, and no via names its cut last.

    OpenROAD once wrote ``LAYERS metal4 metal5 via4``, of which KLayout takes the second for the cut.
    """
    return not re.search(r"^NETS\b[^@]*?\+ ROUTED", text, re.MULTILINE) and not re.search(r"\+ LAYERS \S+ metal", text)


def check_areas(db: Any, design: Design, layout: Any, top: Any, tally: Tally) -> Iterator[tuple[str, ...]]:
    """Placement blockages, blockages of layers and regions, each merged."""
    blockages = design.blockages
    own: Shapes = defaultdict(db.Region)
    for layer, box, fills in zip(blockages.layer, blockages.box.tolist(), blockages.only_fills, strict=True):
        if not fills:
            own[(layer,)].insert(db.Box(*box))
    theirs = {("",): plain(db, layout, top, "BLOCKAGE")} | dict(regions(db, layout, top, "blockages", None))
    tally.blockages += sum(not metal.is_empty() for metal in theirs.values())
    for key in theirs | own:
        if not same(own[key], theirs.get(key, db.Region())):
            yield "blockage", *key
    fences, boxes = plain(db, layout, top, "REGION"), db.Region()
    for box in design.regions.box.tolist():
        boxes.insert(db.Box(*box))
    tally.regions += fences.count()
    if not same(boxes, fences):
        yield ("regions",)
