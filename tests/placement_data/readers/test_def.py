"""Reading DEF: values worked out by hand, the quick way against the exact one, and every real layout."""

from __future__ import annotations

import csv
import gzip
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import numpy as np
import pytest

from placement_data.design import Design, Direction, Status, Use
from placement_data.errors import InputError
from placement_data.orientation import Orientation
from placement_data.readers import Library, read_def, read_design, read_lef
from placement_data.readers.def_ import components
from placement_data.readers.def_.reader import parse_def
from placement_data.readers.def_.statements import Statements
from placement_data.readers.def_.tokens import KeyTable, keys_of
from tests.placement_data.small_design import SMALL_DEF, SMALL_LEF, write
from tests.placement_data.synthetic import synthetic_def, synthetic_lef


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return read_lef([write(tmp_path, "small.lef", SMALL_LEF)])


def read(tmp_path: Path, text: str, library: Library) -> Design:
    return read_def(write(tmp_path, "text.def", text), library)


def tables(design: object) -> dict[str, object]:
    """All columns of a design, by their path; arrays as lists."""
    found: dict[str, object] = {}
    for part in fields(design):  # type: ignore[arg-type]
        value = getattr(design, part.name)
        if is_dataclass(value):
            found |= {f"{part.name}.{name}": column for name, column in tables(value).items()}
        elif part.name not in ("sources", "findings"):
            found[part.name] = repr(value.tolist()) if isinstance(value, np.ndarray) else value
    return found


@pytest.fixture
def design(tmp_path: Path) -> Design:
    return read_design([write(tmp_path, "small.lef", SMALL_LEF)], write(tmp_path, "small.def", SMALL_DEF))


def test_head(design: Design, tmp_path: Path) -> None:
    assert (design.name, design.dbu_per_micron) == ("small", 1000)
    assert design.die.tolist() == [0, 0, 20000, 10000]
    assert design.die_polygon.tolist() == [[0, 0], [0, 10000], [20000, 10000], [20000, 0]]
    assert design.sources == (str(tmp_path / "small.lef"), str(tmp_path / "small.def"))
    assert repr(design) == "Design('small', cells=4, nets=3, pins=7)"


def test_rows_and_lines(design: Design) -> None:
    rows = design.rows
    assert (rows.name.tolist(), rows.site.tolist(), rows.orientation.tolist()) == (["r0"], ["unit"], [Orientation.N])
    assert (rows.origin.tolist(), rows.count.tolist(), rows.step.tolist()) == ([[0, 0]], [[40, 1]], [[500, 0]])
    assert design.tracks.layer.tolist() == ["m1", "m2"]
    assert design.tracks.vertical.tolist() == [True, True]
    assert (design.tracks.start.tolist(), design.tracks.count.tolist()) == ([100, 100], [100, 100])
    assert design.tracks.step.tolist() == [200, 200]
    grid = design.gcell_grid
    assert (grid.vertical.tolist(), grid.layer.tolist()) == ([False], [""])
    assert (grid.start.tolist(), grid.count.tolist(), grid.step.tolist()) == ([0], [6], [2000])


def test_masters_are_in_database_units(design: Design) -> None:
    assert design.masters.width.tolist() == [2000, 4000]
    assert design.masters.height.tolist() == [1000, 3000]
    assert design.masters.port_box.tolist()[:3] == [[100, 100, 500, 250], [400, 150, 600, 300], [1700, 700, 1900, 900]]
    assert design.masters.obstruction_box.tolist() == [[1000, 250, 1250, 750]]


def test_cells(design: Design) -> None:
    cells = design.cells
    assert cells.name.tolist() == ["u1", "u2", "u3", "u4"]
    assert cells.master.tolist() == [0, 0, 1, 0]
    assert cells.orientation.tolist() == [Orientation.N, Orientation.S, Orientation.W, Orientation.N]
    assert cells.status.tolist() == [Status.PLACED, Status.FIXED, Status.COVER, Status.UNPLACED]
    assert cells.source.tolist() == ["", "TIMING", "", ""]
    expected = [[1000, 2000, 3000, 3000], [5000, 2000, 7000, 3000], [8000, 4000, 11000, 8000], [0, 0, 0, 0]]
    assert cells.box.tolist() == expected


def test_ports(design: Design) -> None:
    ports = design.ports
    assert (ports.name.tolist(), ports.net.tolist()) == (["in", "out"], ["n1", "n2"])
    assert ports.direction.tolist() == [Direction.INPUT, Direction.OUTPUT]
    assert ports.status.tolist() == [Status.PLACED, Status.UNPLACED]
    assert ports.box.tolist() == [[3900, 0, 4100, 300], [0, 0, 0, 0]]


def test_nets_and_pins(design: Design) -> None:
    nets, pins = design.nets, design.pins
    assert (nets.name.tolist(), nets.pin_offset.tolist()) == (["n1", "n2", "n3"], [0, 3, 7, 7])
    assert nets.use.tolist() == [Use.SIGNAL, Use.CLOCK, Use.SIGNAL]
    assert pins.net.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert pins.cell.tolist() == [-1, 0, 1, 0, -1, 3, 2]
    assert pins.port.tolist() == [0, -1, -1, -1, 1, -1, -1]
    assert pins.master_pin.tolist() == [-1, 0, 0, 1, -1, 0, 2]
    assert pins.drives.tolist() == [True, False, False, True, False, False, True]
    assert pins.placed.tolist() == [True, True, True, True, False, False, True]
    assert pins.box.tolist() == [
        [3900, 0, 4100, 300],
        [1100, 2100, 1600, 2300],  # (0.1, 0.1) to (0.6, 0.3) of the master
        [6400, 2700, 6900, 2900],  # the same half a turn round in 2.0 by 1.0
        [2700, 2700, 2900, 2900],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
        [8500, 5000, 10500, 7500],  # (1, 0.5) to (3.5, 2.5) a quarter turn round: (3 - y, x)
    ]
    assert pins.x.tolist()[:2] == [4000.0, 1350.0]
    assert pins.y.tolist()[:2] == [150.0, 2200.0]


def test_special_nets_and_blockages(design: Design) -> None:
    assert (design.special_nets.name.tolist(), design.special_nets.use.tolist()) == (["VDD"], [Use.POWER])
    blockages = design.blockages
    assert blockages.layer.tolist() == ["m1", "", ""]
    assert blockages.box.tolist() == [[100, 100, 500, 500], [0, 0, 10, 10], [0, 0, 30, 50]]
    assert blockages.soft.tolist() == [False, True, True]
    np.testing.assert_array_equal(blockages.max_density, [np.nan, 0.4, 0.4])


# CELL is 2000 by 1000, its pin A spans (100, 100) to (600, 300); it stands at (10000, 20000).
PLACED_PINS = {
    "N": (10100, 20100, 10600, 20300),
    "W": (10700, 20100, 10900, 20600),
    "S": (11400, 20700, 11900, 20900),
    "E": (10100, 21400, 10300, 21900),
    "FN": (11400, 20100, 11900, 20300),
    "FW": (10100, 20100, 10300, 20600),
    "FS": (10100, 20700, 10600, 20900),
    "FE": (10700, 21400, 10900, 21900),
}


@pytest.mark.parametrize("orientation", PLACED_PINS)
def test_orientations_of_a_cell(tmp_path: Path, library: Library, orientation: str) -> None:
    text = SMALL_DEF.replace("( 1000 2000 ) N", f"( 10000 20000 ) {orientation}")
    design = read(tmp_path, text, library)
    turned = orientation in ("W", "E", "FW", "FE")
    assert design.cells.orientation[0] == Orientation[orientation]
    assert design.cells.box[0].tolist() == [10000, 20000, 11000 if turned else 12000, 22000 if turned else 21000]
    assert tuple(design.pins.box[1].tolist()) == PLACED_PINS[orientation]


# The shape (-100, 0) to (200, 300), turned about the point (5000, 6000).
PLACED_PORTS = {
    "N": (4900, 6000, 5200, 6300),
    "W": (4700, 5900, 5000, 6200),
    "S": (4800, 5700, 5100, 6000),
    "E": (5000, 5800, 5300, 6100),
    "FN": (4800, 6000, 5100, 6300),
    "FW": (5000, 5900, 5300, 6200),
    "FS": (4900, 5700, 5200, 6000),
    "FE": (4700, 5800, 5000, 6100),
}


@pytest.mark.parametrize("orientation", PLACED_PORTS)
def test_orientations_of_a_port(tmp_path: Path, library: Library, orientation: str) -> None:
    text = SMALL_DEF.replace("( 100 300 )", "( 200 300 )").replace("( 4000 0 ) N", f"( 5000 6000 ) {orientation}")
    assert tuple(read(tmp_path, text, library).ports.box[0].tolist()) == PLACED_PORTS[orientation]


@pytest.mark.parametrize(
    ("shapes", "box", "status"),
    [
        ("+ FIXED ( 10 20 ) N + LAYER m2 ( 0 0 ) ( 5 5 )", [10, 20, 15, 25], Status.FIXED),
        ("+ PLACED ( 10 20 ) N", [10, 20, 10, 20], Status.PLACED),
        ("+ POLYGON m2 SPACING 5 ( 0 0 ) ( 0 9 ) ( 4 * ) ( * 0 ) + COVER ( 10 20 ) N", [10, 20, 14, 29], Status.COVER),
        ("+ VIA via1_4 ( 3 4 ) + PLACED ( 10 20 ) S", [7, 16, 7, 16], Status.PLACED),
        ("+ LAYER m2 MASK 1 DESIGNRULEWIDTH 9 ( 0 0 ) ( 5 5 ) + PLACED ( 1 1 ) N", [1, 1, 6, 6], Status.PLACED),
        (
            "+ PORT + LAYER m2 ( 0 0 ) ( 5 5 ) + LAYER m1 ( -3 0 ) ( 0 1 ) + PLACED ( 10 20 ) N"
            " + PORT + LAYER m1 ( 0 0 ) ( 5 6 ) + FIXED ( 100 100 ) W",
            [7, 20, 100, 105],
            Status.PLACED,
        ),
        ("+ PORT + LAYER m2 ( 0 0 ) ( 5 5 ) + PORT + LAYER m2 ( 0 0 ) ( 1 1 ) + FIXED ( 2 2 ) N", [2, 2, 3, 3], 2),
        ("+ SPECIAL + ANTENNAPINPARTIALMETALAREA 4 LAYER m1 + PLACED ( 0 1 ) N", [0, 1, 0, 1], Status.PLACED),
    ],
)
def test_shapes_of_ports(tmp_path: Path, library: Library, shapes: str, box: list[int], status: int) -> None:
    text = SMALL_DEF.replace("+ LAYER m2 ( -100 0 ) ( 100 300 )\n  + PLACED ( 4000 0 ) N", shapes)
    ports = read(tmp_path, text, library).ports
    assert (ports.box[0].tolist(), ports.status[0]) == (box, status)


def test_a_polygon_as_die(tmp_path: Path, library: Library) -> None:
    corners = "( -5 0 ) ( -5 10 ) ( 4 10 ) ( * 6 ) ( 9 * ) ( 9 0 )"
    design = read(tmp_path, SMALL_DEF.replace("( 0 0 ) ( 20000 10000 )", corners), library)
    assert design.die.tolist() == [-5, 0, 9, 10]
    assert design.die_polygon.tolist() == [[-5, 0], [-5, 10], [4, 10], [4, 6], [9, 6], [9, 0]]


def test_units_of_lef_and_def_may_differ(tmp_path: Path, library: Library) -> None:
    text = SMALL_DEF.replace("MICRONS 1000", "MICRONS 7")  # widths of 14 and 28, a height of 7, rounded corners
    design = read(tmp_path, text, library)
    assert design.masters.width.tolist() == [14, 28]
    assert design.masters.height.tolist() == [7, 21]
    assert design.masters.port_box[0].tolist() == [1, 1, 4, 2]  # 0.7, 0.7, 3.5, 1.75


def test_a_pin_without_shapes_lies_in_the_middle_of_its_cell(tmp_path: Path) -> None:
    lef = SMALL_LEF.replace("      LAYER m2 ;\n        RECT 1.2 0.45 1.4 0.65 ;\n", "")
    library = read_lef([write(tmp_path, "small.lef", lef)])
    assert read(tmp_path, SMALL_DEF, library).pins.box[3].tolist() == [2000, 2500, 2000, 2500]


def test_a_star_stands_for_all_cells_that_have_the_pin(tmp_path: Path, library: Library) -> None:
    pins = read(tmp_path, SMALL_DEF.replace("- n3 ;", "- n3 ( * Y ) ( u3 D ) ;"), library)
    assert pins.nets.pin_offset.tolist() == [0, 3, 7, 11]
    assert sorted(pins.pins.cell[7:].tolist()) == [0, 1, 2, 3]


def test_rows_of_other_shapes(tmp_path: Path, library: Library) -> None:
    rows = "ROW a unit 0 0 FS ;\nROW b unit 1 2 N DO 3 BY 1 ;\nROW c none 1 2 N DO 1 BY 3 STEP 0 9 + PROPERTY p 1 ;\n"
    found = read(tmp_path, SMALL_DEF.replace("ROW r0 unit 0 0 N DO 40 BY 1 STEP 500 0 ;\n", rows), library).rows
    assert found.count.tolist() == [[1, 1], [3, 1], [1, 3]]
    assert found.step.tolist() == [[0, 0], [500, 0], [0, 9]]


def reworded(text: str) -> str:
    """The same design in other words: comments, line breaks, options and sections; a halo and a region more."""
    text = text.replace("DESIGN small ;", 'DESIGN small ;\nHISTORY "a ; b" ;\nTECHNOLOGY x ;', 1)
    text = text.replace(" ;\n- ", " ; # END COMPONENTS ;\n-\n")
    for option in ("EEQMASTER CELL", "HALO SOFT 1 1 2 2", 'PROPERTY a "- b ; c" - 3', "MASKSHIFT 0123"):
        text = text.replace("2000 ) N", f"2000 ) N + {option}")
    text = text.replace("( u2 A )", "( u2\tA + SYNTHESIZED )")
    text = text.replace("- n3 ;", "- n3 + SOURCE TEST + WEIGHT 3 + XTALK 1 + VPIN v ( 0 0 ) ( 1 1 ) ;").replace(
        " ;\nEND", ";\nEND"
    )
    blocks = """PROPERTYDEFINITIONS
COMPONENTPIN a STRING ;
END PROPERTYDEFINITIONS
REGIONS 1 ;
- COMPONENTS ( 0 0 ) ( 1 1 ) + TYPE FENCE ;
END REGIONS
UNHEARD 1 ;
- of ( section ) ;
END UNHEARD
NEWSTATEMENT 1 2 3 ;
BEGINEXT "x"
- COMPONENTS 7 ; NETS
ENDEXT
NONDEFAULTRULES 1 ;
- wide + LAYER m1 WIDTH 3 ;
END NONDEFAULTRULES
"""
    return text.replace("COMPONENTS 4 ;", blocks + "COMPONENTS 4 ;", 1)


def test_the_exact_way_gives_what_the_quick_way_gives(tmp_path: Path, design: Design, library: Library) -> None:
    added = {
        "cells.halo_cell": "[0]",
        "cells.halo": "[[1, 1, 2, 2]]",
        "regions.name": "['COMPONENTS']",
        "regions.kind": "[1]",
        "regions.box_offset": "[0, 1]",
        "regions.box": "[[0, 0, 1, 1]]",
        "regions.cell_offset": "[0, 0]",
    }
    assert tables(read(tmp_path, reworded(SMALL_DEF), library)) == tables(design) | added


def test_both_ways_agree_on_a_made_up_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = read_lef([write(tmp_path, "made.lef", synthetic_lef())])
    text = synthetic_def(700, 4)
    quick = tables(read(tmp_path, text, library))
    monkeypatch.setattr(Statements, "first_option", lambda self: self.begin)  # every net is odd
    monkeypatch.setattr(components, "_PLAIN", KeyTable(keys_of([])))  # and every component with an option
    assert tables(read(tmp_path, text, library)) == quick


@pytest.mark.parametrize("blank", ["\r\n", "\n\n\t"])
def test_line_breaks_have_no_meaning(tmp_path: Path, design: Design, library: Library, blank: str) -> None:
    assert tables(read(tmp_path, blank.join(SMALL_DEF.split()), library)) == tables(design)


def test_escaped_names(tmp_path: Path, library: Library) -> None:
    text = (
        SMALL_DEF.replace("u1", "a\\/b\\[3\\].c;d")
        .replace("n1", "x#1\\;")
        .replace("- in ", 'BUS\\"[1] '.join(["- ", ""]))
    )
    text = text.replace("( PIN in )", '( PIN BUS\\"[1] )')
    design = read(tmp_path, text, library)
    assert design.cells.name[0] == "a\\/b\\[3\\].c;d"
    assert design.nets.name[0] == "x#1\\;"
    assert design.ports.name[0] == 'BUS\\"[1]'
    assert design.pins.cell[1] == 0


def test_a_mustjoin_is_no_net(tmp_path: Path, design: Design, library: Library) -> None:
    text = SMALL_DEF.replace("NETS 3", "NETS 4").replace("- n2", "- MUSTJOIN ( u1 A ) ( u1 Y ) ;\n- n2")
    assert tables(read(tmp_path, text, library)) == tables(design)


def test_a_design_without_anything(tmp_path: Path, library: Library) -> None:
    text = "DESIGN d ;\nUNITS DISTANCE MICRONS 10 ;\nDIEAREA ( 0 0 ) ( 1 1 ) ;\nEND DESIGN\nanything"
    design = read(tmp_path, text, library)
    assert design.cells.box.shape == design.pins.box.shape == design.blockages.box.shape == (0, 4)
    assert design.nets.pin_offset.tolist() == [0]
    empty = "COMPONENTS 0 ;\nEND COMPONENTS\nPINS 0 ;\nEND PINS\nNETS 0 ;\nEND NETS\nSPECIALNETS 0 ;\nEND SPECIALNETS\n"
    assert tables(read(tmp_path, text.replace("END", empty + "END"), library)) == tables(design)


def test_real_placements(shared_data: Path) -> None:
    """Every placement of the manifest: counts of the headers, all pins placed and inside the die."""
    folder = shared_data / "placements"
    with open(folder / "manifest.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    libraries = {lef: read_lef([folder / name for name in lef.split(";")]) for lef in {row["lef"] for row in rows}}
    for row in rows:
        path = folder / row["def"]
        design = read_def(path, libraries[row["lef"]])
        check_counts(design, gzip.decompress(path.read_bytes()).decode())
        assert design.pins.placed.all(), path
        assert (design.pins.box[:, :2] >= design.die[:2] - 200).all(), path
        assert (design.pins.box[:, 2:] <= design.die[2:] + 200).all(), path


def listed_alone(design: Design, text: str) -> set[str]:
    """The nets that stand in SPECIALNETS only."""
    section = re.search(r"^\s*NETS\s.*?^\s*END NETS", text, re.MULTILINE | re.DOTALL)
    listed = set(re.findall(r"^\s*- (\S+)", section[0], re.MULTILINE)) if section else set()
    return set(design.nets.name) & set(design.special_nets.name) - listed


def check_counts(design: Design, text: str) -> None:
    for name, count in (
        ("COMPONENTS", len(design.cells.name)),
        ("PINS", len(design.ports.name)),
        ("NETS", len(design.nets.name) - len(listed_alone(design, text))),
        ("SPECIALNETS", len(design.special_nets.name)),
        ("BLOCKAGES", None),
    ):
        header = re.search(rf"^\s*{name}\s+(\d+)\s*;", text, re.MULTILINE)
        assert count is None or (int(header[1]) if header else 0) == count
    section = re.search(r"^\s*NETS\s+\d+\s*;([\s\S]*?)^\s*END NETS", text, re.MULTILINE)
    if section:
        # Of a net, what stands before its first option: wires hold points in parentheses too.
        heads = [net.split("+")[0] for net in section[1].split(";")]
        alone = listed_alone(design, text)
        pins = sum(name not in alone for name in design.nets.name[design.pins.net])
        assert sum(len(re.findall(r"\(\s+\S+\s+\S+\s+\)", head)) for head in heads) == pins
    assert len(design.rows.name) == len(re.findall(r"^\s*ROW\s", text, re.MULTILINE))


# Why some layouts of the collection are refused: test files with a wrong count in a header, and one without a die.
REFUSED = {
    "number of COMPONENTS is not what the header says": 7,
    "DIEAREA is missing": 1,
}


def test_real_layouts(shared_data: Path, tmp_path: Path) -> None:
    """Every DEF of the collection is read, with masters as large as a site where the collection has no LEF for them."""
    refused: dict[str, int] = {}
    read_count = 0
    for path in sorted((shared_data / "layouts" / "def").iterdir()):
        text = gzip.decompress(path.read_bytes()).decode("latin-1")
        try:
            raw = parse_def(path)
        except InputError as error:
            refused[error.what] = refused.get(error.what, 0) + 1
            continue
        pins: dict[str, set[str]] = {name: set() for name in raw.components.vocabulary.words}
        owners = raw.components.table.find(raw.nets.owner)
        for owner, pin in zip(owners.tolist(), raw.nets.pin.tolist(), strict=True):
            if owner >= 0:
                pins[raw.components.vocabulary.words[raw.components.master[owner]]].add(raw.nets.vocabulary.words[pin])
        macros = [
            f"MACRO {name}\nSIZE 1 BY 2 ;\n" + "".join(f"PIN {pin}\nEND {pin}\n" for pin in names) + f"END {name}\n"
            for name, names in pins.items()
        ]
        library = read_lef([write(tmp_path, "made.lef", "VERSION 5.8 ;\n" + "".join(macros))])
        check_counts(read_def(path, library), text)
        read_count += 1
    assert refused == REFUSED
    assert read_count > 70


def test_a_large_layout(shared_data: Path) -> None:
    folder = shared_data / "placements"
    names = ("nangate45_tech", "nangate45_cells", "hard_blocks")
    lef = [folder / "lef" / f"{name}.lef.gz" for name in names]
    design = read_design(lef, folder / "large" / "b17.def.gz")
    check_counts(design, gzip.decompress((folder / "large" / "b17.def.gz").read_bytes()).decode())
