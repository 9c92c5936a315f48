"""SPECIALNETS and VIAS of a DEF: every form by hand, and the metal of real layouts against KLayout's."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placement_data.cursor import Cursor
from placement_data.design import LayerKind, SpecialWires, Use
from placement_data.errors import InputError
from placement_data.readers import Library, read_lef
from placement_data.readers.def_.metal import special_wires
from placement_data.readers.def_.sections import statements
from placement_data.readers.def_.vias import RawVias, read_vias
from placement_data.readers.def_.wires import RawSpecialNets, read_special_nets
from placement_data.text import Source, read_source
from tests.placement_data.small_design import write

LEF = """LAYER m1
 TYPE ROUTING ;
END m1
LAYER v1
 TYPE CUT ;
END v1
LAYER m2
 TYPE ROUTING ;
END m2
VIA up
 LAYER m1 ;
  RECT -0.02 -0.01 0.02 0.01 ;
 LAYER v1 ;
  RECT -0.01 -0.01 0 0 ;
  RECT 0 0 0.01 0.01 ;
 LAYER m2 ;
  RECT -0.03 -0.01 0.01 0.01 ;
END up
"""
NUMBER = "a number from -2147483647 to 2147483647"
Rows = list[tuple[str, str, tuple[int, ...]]]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return read_lef([write(tmp_path_factory.mktemp("lef"), "small.lef", LEF)])


def cursors(text: str, name: str) -> list[Cursor]:
    return list(statements(Source("some.def", text.encode()), name))


def special_nets(text: str) -> RawSpecialNets:
    return read_special_nets(cursors(text, "SPECIALNETS"))


def linked(raw: RawSpecialNets, library: Library, vias: str = "") -> SpecialWires:
    index = {name: row for row, name in enumerate(library.layers.name)}
    return special_wires(raw, library, read_vias(cursors(vias, "VIAS")), index, 1000)


def metal(text: str, library: Library, vias: str = "") -> Rows:
    """Sorted rows of layer, "via" or "", and box, of one net whose options are ``text``."""
    raw = special_nets(f"- VDD ( * VDD ) {text} ;\n")
    wires = linked(raw, library, vias)
    names = [*library.layers.name, "?"]
    assert wires.net.tolist() == [0] * len(wires.net)
    columns = zip(wires.layer.tolist(), wires.via.tolist(), wires.box.tolist(), strict=True)
    return sorted((names[layer], "via" if via else "", tuple(box)) for layer, via, box in columns)


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("", []),
        ("+ ROUTED m1 100 ( 0 0 ) ( 1000 * )", [(0, -50, 1000, 50)]),
        ("+ ROUTED m1 100 ( 1000 0 ) ( 0 * )", [(0, -50, 1000, 50)]),
        ("+ FIXED m1 100 + SHAPE STRIPE ( 0 1000 ) ( * 0 )", [(-50, 0, 50, 1000)]),
        ("+ COVER m1 101 + SHAPE RING + STYLE 2 + MASK 1 ( 0 0 ) ( 10 0 )", [(0, -50, 10, 51)]),
        ("+ SHIELD s m1 100 ( 0 0 7 ) ( 1000 * 9 )", [(-7, -50, 1009, 50)]),
        ("+ ROUTED m1 100 ( 1000 0 7 ) ( 0 * 9 )", [(-9, -50, 1007, 50)]),
        ("+ ROUTED m1 100 ( 0 0 ) ( 0 0 )", []),
        ("+ ROUTED m1 0 ( 0 0 ) ( 10 0 )", []),
        # A corner is filled, the ends are not extended.
        ("+ ROUTED m1 100 ( 0 0 ) ( 1000 * ) ( * 1000 )", [(0, -50, 1050, 50), (950, -50, 1050, 1000)]),
        (
            "+ ROUTED m1 100 MASK 1 ( 0 0 ) MASK 2 ( 1000 0 ) NEW m1 20 ( 0 5 ) ( 9 * )",
            [(0, -50, 1000, 50), (0, -5, 9, 15)],
        ),
        ("+ ROUTED m1 100 ( 0 0 ) ( 9 0 ) VIRTUAL ( 50 * ) ( 60 * )", [(0, -50, 9, 50), (50, -50, 60, 50)]),
        ("+ ROUTED m1 10 ( 100 100 ) RECT ( 3 4 -1 -2 ) ( 200 * )", [(99, 98, 103, 104), (100, 95, 200, 105)]),
        ("+ RECT m1 ( 3 4 ) ( 1 2 ) + MASK 2 + RECT m1 ( 0 0 ) ( 5 * )", [(0, 0, 5, 0), (1, 2, 3, 4)]),
        (
            "+ ROUTED + SHAPE RING + POLYGON m1 ( 0 0 ) ( 4 0 ) ( * 1 ) ( 1 1 ) ( 1 3 ) ( 0 3 )",
            [(0, 0, 4, 1), (0, 1, 1, 3)],
        ),
        ("+ ROUTED m1 1e1 ( 0.4 +0 ) ( 9.6 * )", [(0, -5, 10, 5)]),
    ],
)
def test_wires(library: Library, text: str, boxes: list[tuple[int, ...]]) -> None:
    assert metal(text, library) == sorted(("m1", "", box) for box in boxes)


def test_a_slanting_wire_is_covered_and_its_octagon_fills_the_corner(library: Library) -> None:
    found = [box for _, _, box in metal("+ ROUTED m1 100 ( 0 0 ) ( 1000 1000 ) ( 2000 * )", library)]
    assert (1000, 950, 2000, 1050) in found
    rest = np.array([box for box in found if box != (1000, 950, 2000, 1050)])
    assert rest.min(axis=0)[:2].tolist() == [-50, -50]
    assert rest.max(axis=0)[2:].tolist() == [1050, 1050]
    for at in range(-10, 1011, 10):  # along both sides, just inside
        for x, y in ((at + 35, at - 35), (at - 35, at + 35)):
            assert ((rest[:, 0] <= x) & (x <= rest[:, 2]) & (rest[:, 1] <= y) & (y <= rest[:, 3])).any()
    width = 100 * np.sqrt(2)
    assert ((rest[:, 2] - rest[:, 0]) * (rest[:, 3] - rest[:, 1])).sum() < 1.25 * width * 1100


def via(x: int, y: int) -> Rows:
    """The library's via ``up``."""
    return [
        ("m1", "via", (x - 20, y - 10, x + 20, y + 10)),
        ("m2", "via", (x - 30, y - 10, x + 10, y + 10)),
        ("v1", "via", (x - 10, y - 10, x + 10, y + 10)),  # both cuts
    ]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("+ ROUTED m1 0 + SHAPE STRIPE ( 100 200 ) up", via(100, 200)),
        ("+ VIA up ( 100 200 ) ( * 300 )", via(100, 200) + via(100, 300)),
        (
            "+ VIA up W ( 100 200 )",  # a quarter turn: (x, y) becomes (-y, x)
            [
                ("m1", "via", (90, 180, 110, 220)),
                ("m2", "via", (90, 170, 110, 210)),
                ("v1", "via", (90, 190, 110, 210)),
            ],
        ),
        (
            "+ ROUTED m1 0 ( 0 0 ) up FN",
            [("m1", "via", (-20, -10, 20, 10)), ("m2", "via", (-10, -10, 30, 10)), ("v1", "via", (-10, -10, 10, 10))],
        ),
        (
            "+ ROUTED m1 0 ( 0 0 ) up DO 2 BY 3 STEP 100 200",
            [row for x in (0, 100) for y in (0, 200, 400) for row in via(x, y)],
        ),
        ("+ ROUTED m1 0 ( 0 0 ) up N DO 1 BY 1 STEP -1 0 + USE POWER", via(0, 0)),
        # A wire goes on behind a via on the other side, its corner not filled.
        (
            "+ ROUTED m1 20 ( 0 0 ) ( 100 * ) up ( * 500 ) MASK 1 up ( 0 * )",
            [
                ("m1", "", (0, -10, 100, 10)),
                ("m2", "", (90, 0, 110, 500)),
                ("m1", "", (0, 490, 100, 510)),
                *via(100, 0),
                *via(100, 500),
            ],
        ),
        ("+ ROUTED m1 20 ( 0 0 ) unknown ( 50 * )", [("?", "", (0, -10, 50, 10))]),
        ("+ ROUTED m9 20 ( 0 0 ) ( 50 * )", [("?", "", (0, -10, 50, 10))]),
        ("+ ROUTED m1 0 ( 0 0 ) unknown + VIA other ( 5 5 )", []),
    ],
)
def test_vias(library: Library, text: str, rows: Rows) -> None:
    assert metal(text, library) == sorted(rows)


GENERATED = "+ VIARULE r + CUTSIZE 10 20 + LAYERS {} + CUTSPACING 5 6 + ENCLOSURE 1 2 3 4 + ROWCOL 2 3"


@pytest.mark.parametrize(
    ("via", "rows"),
    [
        (
            "+ RECT m1 + MASK 2 ( 1 2 ) ( -1 -2 ) + POLYGON m2 ( 0 0 ) ( 4 0 ) ( 4 1 ) ( 1 1 ) ( 1 3 ) ( 0 3 )",
            [("m1", (-1, -2, 1, 2)), ("m2", (0, 0, 4, 1)), ("m2", (0, 1, 1, 3))],
        ),
        # Three columns of 10 with 5 between are 40 wide, two rows of 20 with 6 between are 46 high.
        (
            GENERATED.format("m1 v1 m2"),
            [("m1", (-21, -25, 21, 25)), ("m2", (-23, -27, 23, 27)), ("v1", (-20, -23, 20, 23))],
        ),
        # Where the cut layer stands at another place, it is the cut all the same.
        (
            GENERATED.format("m1 m2 v1"),
            [("m1", (-21, -25, 21, 25)), ("m2", (-23, -27, 23, 27)), ("v1", (-20, -23, 20, 23))],
        ),
        (
            GENERATED.format("m1 v1 m2") + " + ORIGIN 100 200 + OFFSET 1 2 3 4",
            [("m1", (80, 177, 122, 227)), ("m2", (80, 177, 126, 231)), ("v1", (80, 177, 120, 223))],
        ),
        # 1010 in the lower row, 0100 in the upper one: the cuts lie between the left and the right column.
        (
            GENERATED.format("m1 v1 m2") + " + PATTERN 1_A_1_4",
            [("m1", (-21, -25, 21, 25)), ("m2", (-23, -27, 23, 27)), ("v1", (-20, -23, 20, 23))],
        ),
        (
            GENERATED.format("m1 v1 m2") + " + PATTERN 2_R14",
            [("m1", (-21, -25, 21, 25)), ("m2", (-23, -27, 23, 27)), ("v1", (-5, -23, 5, 23))],
        ),
        # An odd length keeps its size: 15 and 21 about (0, 0).
        (
            "+ VIARULE r + CUTSIZE 15 21 + LAYERS m1 v1 m2 + CUTSPACING 5 6 + ENCLOSURE 0 0 0 0",
            [("m1", (-8, -11, 7, 10)), ("m2", (-8, -11, 7, 10)), ("v1", (-8, -11, 7, 10))],
        ),
        ("+ PATTERNNAME p", []),
    ],
)  # fmt: skip
def test_vias_of_the_def(library: Library, via: str, rows: list[tuple[str, tuple[int, ...]]]) -> None:
    found = metal("+ VIA up ( 0 0 )", library, f"- other ;\n- up {via} ;\n")
    assert found == sorted((layer, "via", box) for layer, box in rows)


def test_options_names_and_uses(library: Library) -> None:
    text = """- VDD ( * VDD ) ( PIN VDD ) ( a b + SYNTHESIZED ) + USE POWER + SOURCE NETLIST + WEIGHT 5 + VOLTAGE 3200
  + FIXEDBUMP + PATTERN TRUNK + ORIGINAL o + ESTCAP 5 + STYLE 0 + SPACING m1 100 RANGE 1 2 + WIDTH m1 100
  + PROPERTY a - b 5 + ROUTED m1 10 ( 0 0 ) ( 10 0 ) + FIXED m2 10 ( 0 0 ) ( 10 0 ) ;
- VSS + USE GROUND + ROUTED m1 10 ( 0 100 ) ( 10 100 ) ;
- clk ( a b ) ;
"""
    raw = special_nets(text)
    assert raw.name == ["VDD", "VSS", "clk"]
    assert raw.use == [Use.POWER, Use.GROUND, Use.SIGNAL]
    wires = linked(raw, library)
    assert wires.net.tolist() == [0, 0, 1]
    assert wires.layer.tolist() == [0, 2, 0]
    assert wires.box.tolist() == [[0, -5, 10, 5], [0, -5, 10, 5], [0, 95, 10, 105]]
    assert not wires.via.any()


def test_no_special_nets(library: Library) -> None:
    wires = linked(RawSpecialNets(), library)
    assert len(wires.net) == len(wires.layer) == len(wires.box) == len(wires.via) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- n\n ( a b ;", "2: pin is broken, found '(', expected ( component pin )"),
        ("- n + ROUTED\n ( 0 0 ) ;", "2: name is missing, found '(', expected the name of a layer"),
        ("- n + ROUTED m1\n ( 0 0 ) ;", f"2: width of a wire is not a number, found '(', expected {NUMBER}"),
        ("- n + ROUTED m1\n -5 ( 0 0 ) ;", "2: width of a wire is negative, found '-5'"),
        ("- n + ROUTED m1 5 ( 0\n x ) ;", f"2: coordinate is not a number, found 'x', expected {NUMBER}"),
        ("- n + ROUTED m1 5 ( 0\n 1_0 ) ;", f"2: coordinate is not a number, found '1_0', expected {NUMBER}"),
        ("- n + ROUTED m1 5 ( 0\n 9999999999 ) ;", "2: coordinate is not a number, found '9999999999'"),
        ("- n + ROUTED m1 5 ( 0 0 ) ( 1 1 1\n 1 ) ;", "2: point is not closed, found '1', expected ')'"),
        ("- n + ROUTED m1 5 ( 0 0 ;", "1: extension is not a number, found ';'"),
        ("- n + ROUTED m1 5 ( * 0 ) ;", "1: point has none before it whose coordinate '*' could repeat"),
        ("- n + ROUTED m1 5 up ( 0 0 ) ;", "1: wire is broken, found 'up', expected a point"),
        ("- n + ROUTED m1 5 ( 0 0 )\n ) ;", "2: wire is broken, found ')', expected a point"),
        (
            "- n + ROUTED m1 5 ( 0 0 ) ( 5 0 )\n- m ( * m ) ;",
            "2: statement is not ended, found '-', expected '+' or ';'",
        ),
        ("- n + ROUTED m1 5 ( 0 0 ) up DO 2 3 ;", "1: DO has no second count, found '3', expected 'BY'"),
        (
            "- n + ROUTED m1 5 ( 0 0 ) up DO 99999 BY 99999 STEP 1 1 ;",
            "1: count of vias is out of range, found '99999', expected 1 to 10000000 copies",
        ),
        ("- n + RECT m1 ( 0 0 ) ;", "1: point is missing, found ';', expected '('"),
        ("- n + VIA up ;", "1: point is missing, found ';', expected '('"),
        ("- n + USE NONE ;", "1: USE is unknown, found 'NONE'"),
    ],
)
def test_broken_wires(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        special_nets(text)
    assert str(caught.value).startswith(f"some.def:{message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- v + RECT m1 + NONE 1 ( 0 0 ) ( 1 1 ) ;", "1: option of a shape is unknown, found 'NONE', expected 'MASK'"),
        ("- v + ROWCOL 999999 999999 ;", "1: ROWCOL is out of range, found '999999', expected 1 to 100000 cuts"),
        ("- v + CUTSIZE 1 ;", "1: CUTSIZE is not a number, found ';'"),
    ],
)
def test_broken_vias(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_vias(cursors(text, "VIAS"))
    assert str(caught.value).startswith(f"some.def:{message}")


def test_too_many_repeated_vias(library: Library) -> None:
    one = "( 0 0 ) up DO 1000 BY 2000 STEP 1 1 "
    raw = special_nets(f"- n + ROUTED m1 0 {one} NEW m1 0 {one} ;\n")
    expected = (
        "some.def:1: repeated vias of special nets, as of n, are too many, found '12000000 boxes', expected at most"
    )
    with pytest.raises(InputError, match=f"^{re.escape(expected)} 10000000 boxes$"):
        linked(raw, library)


SECTION = re.compile(r"^(COMPONENTS|NETS|PINS|PROPERTYDEFINITIONS)\b.*?^END \1", re.MULTILINE | re.DOTALL)


def sections(path: Path) -> tuple[RawSpecialNets, RawVias]:
    """VIAS and SPECIALNETS of a DEF, found by their headers."""
    text = read_source(path).data.decode()
    parts = {}
    for name in ("VIAS", "SPECIALNETS"):
        found = re.search(rf"^{name}\s+\d+\s+;(.*?)^END {name}", text, re.MULTILINE | re.DOTALL)
        parts[name] = cursors(found[1] if found else "", name)
    return read_special_nets(parts["SPECIALNETS"]), read_vias(parts["VIAS"])


def test_real_supply_grids_against_klayout(shared_data: Path, tmp_path: Path) -> None:
    """Merged metal on each routing layer of every layout with special wires."""
    db = pytest.importorskip("klayout.db", reason="KLayout's Python package is not installed (pip install klayout)")
    lefs = [shared_data / "placements" / "lef" / "nangate45_tech.lef.gz"]
    lefs.append(shared_data / "layouts" / "lef" / "test__asap7_augmented__asap7_tech_1x_201209.lef.gz")
    areas = 0
    for packed in sorted((shared_data / "layouts" / "def").glob("*.def.gz")):
        text = gzip.decompress(packed.read_bytes()).decode("latin-1")
        path = write(tmp_path, packed.stem, SECTION.sub("", text))
        raw, vias = sections(path)
        if not len(raw.segment):
            continue
        lef = write(tmp_path, "library.lef", technology(raw, lefs))
        library = read_lef([lef])
        index = {name: row for row, name in enumerate(library.layers.name)}
        dbu = int(re.findall(r"UNITS DISTANCE MICRONS (\d+)", text)[0])
        wires = special_wires(raw, library, vias, index, dbu)
        for name, region in regions(db, path, lef, dbu).items():
            layer = index.get(name, -1)
            if layer >= 0 and library.layers.kind[layer] == LayerKind.ROUTING:
                ours = db.Region([db.Box(*box) for box in wires.box[wires.layer == layer].tolist()])
                assert (ours ^ region).is_empty(), f"{packed.name} {name}"
                areas += 1
    assert areas >= 80


def technology(raw: RawSpecialNets, lefs: list[Path]) -> str:
    """The first library that has all layers of the wires, or one made up of them."""
    for path in lefs:
        if set(raw.layers) <= set(read_lef([path]).layers.name):
            return gzip.decompress(path.read_bytes()).decode("latin-1")
    layer = "LAYER {0}\n TYPE ROUTING ;\n DIRECTION VERTICAL ;\n PITCH 1 ;\n WIDTH 1 ;\nEND {0}\n"
    return "VERSION 5.8 ;\n" + "".join(layer.format(name) for name in raw.layers) + "END LIBRARY\n"


def regions(db: Any, path: Path, lef: Path, dbu: int) -> dict[str, Any]:
    """Merged special metal a layer, as KLayout reads it."""
    options = db.LoadLayoutOptions()
    config = options.lefdef_config
    config.lef_files, config.read_lef_with_def, config.dbu = [str(lef)], False, 1 / dbu
    for what in ("blockages", "cell_outlines", "fills", "labels", "lef_labels", "lef_pins", "obstructions", "pins"):
        setattr(config, f"produce_{what}", False)
    for what in ("placement_blockages", "regions", "routing"):
        setattr(config, f"produce_{what}", False)
    options.lefdef_config = config
    layout = db.Layout()
    layout.read(str(path), options)
    shapes = {layout.get_info(index).name: index for index in layout.layer_indexes()}
    return {name: db.Region(layout.top_cell().begin_shapes_rec(index)).merged() for name, index in shapes.items()}
