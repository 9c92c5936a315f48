"""Reading Bookshelf: values worked out by hand, a plain line-by-line parser beside it, and broken files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from placement_data.design import Design, Direction, LayerDirection, MasterClass, Status
from placement_data.errors import InputError
from placement_data.features import ALL, feature_maps
from placement_data.grid import Grid
from placement_data.netlist import signal_nets
from placement_data.orientation import Orientation
from placement_data.readers.bookshelf import lines, read_bookshelf

AUX = "RowBasedPlacement : s.nodes s.nets s.wts s.pl s.scl s.shapes s.route\n"
NODES = """UCLA nodes 1.0
# Created : by hand
NumNodes : 7
NumTerminals : 3
   a 3 4
   b 4 4
   c 3 4
   m 8 12 terminal
   io 1 1 terminal
   ni 2 2 terminal_NI
   u 3 4
"""
NETS = """UCLA nets 1.0

NumNets : 3
NumPins : 7

NetDegree : 3   n0
   a O : -1.000000 0.500000
   b I : 1.5 -1
   m B : 3 -5
NetDegree : 2
   c I
   io O : 0 0
NetDegree : 2 n2
   u I : -1 0.5
   ni I
"""
PL = """UCLA pl 1.0

a 10 8 : N
b 20 12 : FN
c 30 16 : S
m 40 0 : W /FIXED
io -2 5 : N /FIXED
ni 50 40 : N /FIXED_NI
"""
SCL = """UCLA scl 1.0
NumRows : 2
CoreRow Horizontal
  Coordinate : 8
  Height : 4
  Sitewidth : 1
  Sitespacing : 1
  Siteorient : 1
  Sitesymmetry : 1
  SubrowOrigin : 0 NumSites : 20
  SubrowOrigin : 30 NumSites : 30
End
CoreRow Horizontal
  Coordinate : 12
  Height : 4
  Sitewidth : 1
  Sitespacing : 1
  Siteorient : FS
  Sitesymmetry : Y
  SubrowOrigin : 0 NumSites : 60
End
"""
SHAPES = """shapes 1.0
NumNonRectangularNodes : 1
m : 2
  Shape_0 40 0 12 4
  Shape_1 40 4 6 4
"""
ROUTE = """route 1.0
Grid               : 6 5 3
VerticalCapacity   : 0 0 20
HorizontalCapacity : 0 10 0
MinWireWidth       : 1 1 2
MinWireSpacing     : 1 1 2
ViaSpacing         : 0 0 0
GridOrigin         : -2 0
TileSize           : 10 10
BlockagePorosity   : 0
NumNiTerminals : 1
  ni 2
NumBlockageNodes : 1
  m 2 1 3
NumEdgeCapacityAdjustments : 1
  0 0 1 1 0 1 5
"""
FILES = {"aux": AUX, "nodes": NODES, "nets": NETS, "pl": PL, "scl": SCL, "shapes": SHAPES, "route": ROUTE}


def write(folder: Path, **changed: str | None) -> Path:
    """Write the small case, with other texts for some suffixes or (None) without them; the path of its .aux."""
    for suffix, text in (FILES | changed).items():
        if text is not None:
            (folder / f"s.{suffix}").write_text(text)
    return folder / "s.aux"


@pytest.fixture
def design(tmp_path: Path) -> Design:
    return read_bookshelf(write(tmp_path))


def test_head(design: Design, tmp_path: Path) -> None:
    # Half of 3 is the finest length.
    assert (design.name, design.dbu_per_micron) == ("s", 2)
    # Rows reach from (0, 8) to (60, 16), io to x = -2, m to y = 0, ni to y = 42.
    assert design.die.tolist() == [-4, 0, 120, 84]
    assert design.die_polygon.tolist() == [[-4, 0], [-4, 84], [120, 84], [120, 0]]
    read = ("aux", "nodes", "nets", "scl", "shapes", "route", "pl")
    assert design.sources == tuple(str(tmp_path / f"s.{suffix}") for suffix in read)


def test_cells_and_masters(design: Design) -> None:
    cells, masters = design.cells, design.masters
    assert cells.name.tolist() == ["a", "b", "c", "m", "io", "ni", "u"]
    assert cells.status.tolist() == [Status.PLACED] * 3 + [Status.FIXED] * 3 + [Status.UNPLACED]
    # m is 8 x 12 and lies on its side.
    assert cells.box.tolist() == [
        [20, 16, 26, 24], [40, 24, 48, 32], [60, 32, 66, 40], [80, 0, 104, 16], [-4, 10, -2, 12], [100, 80, 104, 84],
        [0, 0, 0, 0],
    ]  # fmt: skip
    core, block, pad, cover = MasterClass.CORE, MasterClass.BLOCK, MasterClass.PAD, MasterClass.COVER
    assert masters.kind[cells.master].tolist() == [core, core, core, block, pad, cover, core]
    assert masters.width[cells.master].tolist() == [6, 8, 6, 16, 2, 4, 6]
    assert masters.height[cells.master].tolist() == [8, 8, 8, 24, 2, 4, 8]
    assert masters.name[cells.master].tolist()[:4] == ["core_3x4_0", "core_4x4_1", "core_3x4_2", "block_8x12_3"]


def test_nets_and_pins(design: Design) -> None:
    nets, pins, masters = design.nets, design.pins, design.masters
    assert nets.name.tolist() == ["n0", "net1", "n2"]
    assert nets.pin_offset.tolist() == [0, 3, 5, 7]
    assert signal_nets(design).all()
    assert pins.net.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert pins.cell.tolist() == [0, 1, 3, 2, 4, 6, 5]
    assert pins.port.tolist() == [-1] * 7
    assert pins.drives.tolist() == [True, False, True, False, True, False, False]
    assert pins.placed.tolist() == [True] * 5 + [False, True]
    # Centres: a (11.5, 10), b (22, 14) mirrored in x, m (46, 4) with (3, -5) turned to (5, 3), c, io, -, ni.
    assert (pins.x / 2).tolist() == [10.5, 20.5, 51.0, 31.5, -1.5, 0.0, 51.0]
    assert (pins.y / 2).tolist() == [10.5, 13.0, 7.0, 18.0, 5.5, 0.0, 41.0]
    assert masters.pin_direction[pins.master_pin].tolist() == [
        Direction.OUTPUT, Direction.INPUT, Direction.INOUT, Direction.INPUT, Direction.OUTPUT, Direction.INPUT,
        Direction.INPUT,
    ]  # fmt: skip
    # In its own frame a's pin lies at (0.5, 2.5), b's at (3.5, 1); only ni's layer, M2, is told.
    assert masters.port_box[pins.master_pin].tolist()[:2] == [[1, 5, 1, 5], [7, 2, 7, 2]]
    assert masters.port_layer[pins.master_pin].tolist() == [-1] * 6 + [1]
    owner = np.repeat(np.arange(len(masters.name)), np.diff(masters.pin_offset))
    assert owner[pins.master_pin].tolist() == design.cells.master[pins.cell].tolist()


def test_rows(design: Design) -> None:
    rows = design.rows
    assert rows.name.tolist() == ["row_0", "row_0_1", "row_1"]
    assert rows.site.tolist() == ["site_1x4"] * 3
    assert rows.origin.tolist() == [[0, 16], [60, 16], [0, 24]]
    assert rows.count.tolist() == [[20, 1], [30, 1], [60, 1]]
    assert rows.step.tolist() == [[2, 0]] * 3
    assert rows.orientation.tolist() == [Orientation.N, Orientation.N, Orientation.FS]
    assert (design.sites.name.tolist(), design.sites.width.tolist()) == (["site_1x4"], [1.0])
    assert Grid.of(design).tile_um == 4.0


def test_route(design: Design) -> None:
    layers, tracks, gcells = design.layers, design.tracks, design.gcell_grid
    assert layers.name.tolist() == ["M1", "M2", "M3"]
    # M1 has no capacity and lies across M2.
    assert layers.direction.tolist() == [LayerDirection.VERTICAL, LayerDirection.HORIZONTAL, LayerDirection.VERTICAL]
    assert layers.width.tolist() == [1.0, 1.0, 2.0]
    assert layers.pitch_x.tolist() == layers.pitch_y.tolist() == [2.0, 2.0, 4.0]
    # 10 / 2 tracks cross a tile's edge on M2, 20 / 4 on M3: one every 2 units.
    assert tracks.layer.tolist() == ["M2", "M3"]
    assert tracks.vertical.tolist() == [False, True]
    assert (tracks.start.tolist(), tracks.count.tolist(), tracks.step.tolist()) == ([2, -2], [25, 30], [4, 4])
    assert gcells.vertical.tolist() == [True, False]
    assert (gcells.start.tolist(), gcells.count.tolist(), gcells.step.tolist()) == ([-4, 0], [7, 6], [20, 20])


def test_blockages(design: Design) -> None:
    rectangles = [[80, 0, 104, 8], [80, 8, 92, 16]]
    assert design.blockages.layer.tolist() == ["", "", "M1", "M1", "M3", "M3"]
    assert design.blockages.box.tolist() == rectangles * 3
    assert design.blockages.cell.tolist() == [3] * 6
    assert np.isnan(design.blockages.max_density).all()


def test_blockages_without_shapes_are_the_node(tmp_path: Path) -> None:
    aux = write(tmp_path, aux=AUX.replace("s.shapes", ""), route=ROUTE.replace("Porosity   : 0", "Porosity : 20"))
    blockages = read_bookshelf(aux).blockages
    assert blockages.layer.tolist() == ["M1", "M3"]
    assert blockages.box.tolist() == [[80, 0, 104, 16]] * 2
    assert blockages.max_density.tolist() == [0.2, 0.2]


def test_channels(tmp_path: Path) -> None:
    design = read_bookshelf(write(tmp_path, pl=PL + "u 20 8 : N\n"))
    grid = Grid.of(design)
    maps = dict(zip(ALL.channels, feature_maps(design, grid, ALL), strict=True))
    assert maps["pin_density"].sum() == 7
    # m and io are macros; cells lie upon ni, so that it takes no room.
    assert (maps["macro_density"] * grid.area).sum() == pytest.approx(8 * 12 + 1)
    assert (maps["cell_density"] * grid.area).sum() == pytest.approx(8 * 12 + 1 + 3 * 12 + 16)
    assert maps["register_density"].sum() == maps["clock_cell_density"].sum() == 0


def test_node_without_a_place(design: Design, tmp_path: Path) -> None:
    expected = f"^{tmp_path / 's.pl'}: 1 of 7 cells are not placed, the first one, found 'u', expected a location"
    with pytest.raises(InputError, match=expected):
        feature_maps(design, Grid.of(design))


def test_another_placement(tmp_path: Path) -> None:
    other = tmp_path / "other.pl"
    other.write_text("UCLA pl 1.0\na 0.25 8 : N\n")
    design = read_bookshelf(write(tmp_path), other)
    assert design.dbu_per_micron == 4
    assert design.cells.box[0].tolist() == [1, 32, 13, 48]
    assert (design.cells.status != Status.UNPLACED).tolist() == [True] + [False] * 6
    assert design.die.tolist() == [0, 32, 240, 64]
    assert design.sources[-1] == str(other)


def test_only_nodes_nets_and_rows(tmp_path: Path) -> None:
    design = read_bookshelf(write(tmp_path, aux="s.scl s.nets s.nodes  # in any order, without a keyword\n"))
    assert (design.cells.status == Status.UNPLACED).all()
    assert (len(design.layers.name), len(design.tracks.step), len(design.blockages.layer)) == (0, 0, 0)
    assert not design.pins.placed.any()


def test_without_rows_the_nodes_tell_the_die(tmp_path: Path) -> None:
    design = read_bookshelf(write(tmp_path, aux=AUX.replace("s.scl", "")))
    assert design.die.tolist() == [-4, 0, 104, 84]
    assert design.masters.kind[design.cells.master].tolist()[3:6] == [
        MasterClass.BLOCK, MasterClass.PAD, MasterClass.COVER,
    ]  # fmt: skip


def test_gzip_under_either_name(tmp_path: Path) -> None:
    plain = read_bookshelf(write(tmp_path))
    for suffix, text in FILES.items():
        (tmp_path / f"s.{suffix}").unlink()
        name = "s.nets" if suffix == "nets" else f"s.{suffix}.gz"
        (tmp_path / name).write_bytes(gzip.compress(text.encode()))
    packed = read_bookshelf(tmp_path / "s.aux.gz")
    assert packed.name == "s"
    assert packed.sources[1:3] == (str(tmp_path / "s.nodes.gz"), str(tmp_path / "s.nets"))
    assert packed.pins.box.tolist() == plain.pins.box.tolist()


def test_other_ways_of_writing(tmp_path: Path) -> None:
    """Tabs, glued colons, comments behind lines, CRLF, no headers, small letters, words behind offsets."""
    nets = NETS.replace("UCLA nets 1.0", "# no header").replace("NetDegree : 3   n0", "NetDegree:3 n0\t# three")
    nets = nets.replace("b I : 1.5 -1", "b\ti:1.5 -1".replace("i:", "i: ") + " Z0").replace("NumPins : 7", "NumPins:7")
    pl = PL.replace("a 10 8 : N", "a\t10\t8").replace("io -2 5 : N /FIXED", "io -2.0e0 +5 :n /fixed")
    changed = {"nets": nets, "pl": pl, "nodes": NODES.replace("UCLA nodes 1.0\n", "").replace("\n", "\r\n")}
    expected = read_bookshelf(write(tmp_path))
    found = read_bookshelf(write(tmp_path, **changed))
    assert found.pins.box.tolist() == expected.pins.box.tolist()
    assert found.cells.status.tolist() == expected.cells.status.tolist()
    assert found.nets.name.tolist() == expected.nets.name.tolist()


def test_names_may_hold_colons_and_hashes(tmp_path: Path) -> None:
    def renamed(text: str) -> str:
        return text.replace("   a ", "   top/a:1#2 ").replace("\na 10", "\ntop/a:1#2 10")

    design = read_bookshelf(write(tmp_path, nodes=renamed(NODES), nets=renamed(NETS), pl=renamed(PL)))
    assert design.cells.name[0] == "top/a:1#2"
    assert design.pins.x[0] == 21


def test_equal_nodes_share_a_master(tmp_path: Path) -> None:
    """Equal outline and pins, whatever the pins' order and nets; two pins on one spot are not one pin."""
    nodes = (
        "UCLA nodes 1.0\nNumNodes : 5\nNumTerminals : 1\n" + "".join(f"g{i} 2 4\n" for i in range(4)) + "h terminal\n"
    )
    nets = (
        "UCLA nets 1.0\nNumNets : 2\nNumPins : 9\n"
        "NetDegree : 5 x\n g0 I : 0 1\n g1 O : 0 -1\n g2 I : 0 1\n g3 I : 0 1\n h B\n"
        "NetDegree : 4 y\n g0 O : 0 -1\n g1 I : 0 1\n g3 O : 0 -1\n g3 I : 0 1\n"
    )
    design = read_bookshelf(write(tmp_path, aux="s.nodes s.nets s.scl", nodes=nodes, nets=nets))
    masters = design.masters
    assert design.cells.master.tolist() == [0, 0, 1, 2, 3]
    assert np.diff(masters.pin_offset).tolist() == [2, 1, 3, 1]
    of_g0_and_g1 = np.isin(design.pins.cell, (0, 1))
    assert len(set(design.pins.master_pin[of_g0_and_g1].tolist())) == 2
    of_g3 = design.pins.cell == 3
    assert len(set(design.pins.master_pin[of_g3].tolist())) == 3
    assert (masters.width[3], masters.height[3]) == (0, 0)


@pytest.mark.parametrize(
    ("x", "scale", "left"),
    [("10", 2, 20), ("10.25", 4, 41), ("10.1", 10, 101), ("10.016", 250, 2504), ("10.123456", 1000, 10123)],
)
def test_smallest_scale_that_keeps_lengths_whole(tmp_path: Path, x: str, scale: int, left: int) -> None:
    """2 is needed anyway. What no scale up to 1000 keeps is rounded to a thousandth."""
    design = read_bookshelf(write(tmp_path, pl=PL.replace("a 10 8", f"a {x} 8")))
    assert (design.dbu_per_micron, design.cells.box[0, 0]) == (scale, left)


def test_scale_gives_way_to_large_coordinates(tmp_path: Path) -> None:
    design = read_bookshelf(write(tmp_path, pl=PL.replace("a 10 8", "a 2000000000.25 8")))
    assert (design.dbu_per_micron, design.cells.box[0, 0]) == (1, 2000000000)


def written(rng: np.random.Generator) -> dict[str, str]:
    """A random case: about 40 nodes, half of the placed ones turned; .nets with blank lines and comments."""
    count = int(rng.integers(5, 40))
    turns = [turn.name for turn in Orientation]
    ends = ["", "", " terminal", " terminal_NI"]
    nodes, places = [], []
    for i in range(count):
        nodes.append(f"o{i}\t{rng.integers(1, 9)} {rng.integers(1, 9)}{ends[rng.integers(4)]}")
        if rng.random() < 0.9:
            fixed = ["", " /FIXED", " /FIXED_NI"][rng.integers(3)]
            places.append(f"o{i} {rng.integers(-40, 400) / 4} {rng.integers(400)} : {turns[rng.integers(8)]}{fixed}")
    nets, pins = [], 0
    for i in range(int(rng.integers(1, 30))):
        degree = int(rng.integers(0, 6))
        pins += degree
        nets.append(f"NetDegree : {degree}" + (f" n{i}" if rng.random() < 0.8 else ""))
        for _ in range(degree):
            offset = f" : {rng.integers(-9, 9) / 2:.6f}\t{rng.integers(-9, 9) / 4:g}" if rng.random() < 0.8 else ""
            nets.append(f"\to{rng.integers(count)} {'IOB'[rng.integers(3)]}{offset}" + " # x" * int(rng.random() < 0.1))
            nets += [""] * int(rng.random() < 0.1) + ["# NetDegree : 9"] * int(rng.random() < 0.1)
    terminals = sum("terminal" in node for node in nodes)
    return {
        "nodes": f"UCLA nodes 1.0\nNumNodes : {count}\nNumTerminals : {terminals}\n" + "\n".join(nodes),
        "nets": "UCLA nets 1.0\n" + f"NumNets : {sum('Deg' in n and '#' not in n for n in nets)}\nNumPins : {pins}\n"
        + "\n".join(nets),
        "pl": "UCLA pl 1.0\n" + "\n".join(places) + "\n",
    }  # fmt: skip


def plainly(text: str) -> list[list[str]]:
    """The words of the lines behind the header, without comments."""
    lines = [line.split("#")[0].replace(":", " ").split() for line in text.splitlines()]
    return [
        line for line in lines if line and line[0] not in ("UCLA", "NumNodes", "NumTerminals", "NumNets", "NumPins")
    ]


def expected_pins(files: dict[str, str]) -> list[tuple[int, str, str, float, float] | None]:
    """Net, node, direction and place of each pin, line by line; None where the node has no place."""
    size = {words[0]: (float(words[1]), float(words[2])) for words in plainly(files["nodes"])}
    place = {words[0]: (float(words[1]), float(words[2]), words[3]) for words in plainly(files["pl"])}
    found: list[tuple[int, str, str, float, float] | None] = []
    net = -1
    for words in plainly(files["nets"]):
        if words[0] == "NetDegree":
            net += 1
            continue
        dx, dy = (float(words[2]), float(words[3])) if len(words) > 2 else (0.0, 0.0)
        if words[0] not in place:
            found.append(None)
            continue
        x, y, turn = place[words[0]]
        width, height = size[words[0]]
        dx = -dx if turn.startswith("F") and turn in ("FN", "FS") else dx
        dy = -dy if turn in ("FW", "FE") else dy
        # FN mirrors at the y axis, FS is that and a half turn; FW mirrors at the x axis, FE is that and a half turn.
        for _ in range({"N": 0, "FN": 0, "W": 1, "FW": 1, "S": 2, "FS": 2, "E": 3, "FE": 3}[turn]):
            dx, dy, width, height = -dy, dx, height, width
        found.append((net, words[0], words[1], x + width / 2 + dx, y + height / 2 + dy))
    return found


@pytest.mark.parametrize("seed", range(25))
def test_same_as_line_by_line(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if seed % 2:
        monkeypatch.setattr(lines, "BLOCK", 40)  # a block ends every second line
    files = written(np.random.default_rng(seed))
    design = read_bookshelf(write(tmp_path, aux="s.nodes s.nets s.pl s.scl", **files))
    pins, masters = design.pins, design.masters
    letters = {Direction.INPUT: "I", Direction.OUTPUT: "O", Direction.INOUT: "B"}
    found = [
        (int(net), str(design.cells.name[cell]), letters[masters.pin_direction[pin]], x, y) if placed else None
        for net, cell, pin, x, y, placed in zip(
            pins.net, pins.cell, pins.master_pin, pins.x / design.dbu_per_micron, pins.y / design.dbu_per_micron,
            pins.placed, strict=True,
        )
    ]  # fmt: skip
    assert found == expected_pins(files)
    # Each pin of a cell has a pin of the cell's master to itself.
    assert len(set(zip(pins.cell.tolist(), pins.master_pin.tolist(), strict=True))) == len(pins.cell)
    counts = np.bincount(pins.cell, minlength=len(design.cells.name))
    assert np.diff(masters.pin_offset)[design.cells.master].tolist() == counts.tolist()
    sizes = {words[0]: (float(words[1]), float(words[2])) for words in plainly(files["nodes"])}
    own = np.stack([masters.width, masters.height], axis=1)[design.cells.master] / design.dbu_per_micron
    assert [tuple(size) for size in own.tolist()] == [sizes[str(name)] for name in design.cells.name]


LARGEST = "a number from -2147483647 to 2147483647"
BROKEN = [
    ("nodes", "", "", ".nodes: file is empty, expected a Bookshelf .nodes file"),
    ("nodes", "UCLA nodes", "UCLA nets", ".nodes:1: not a .nodes file, found 'UCLA nets 1.0', expected UCLA nodes 1.0"),
    ("nodes", "NumNodes : 7", "NumNodes : 8", ".nodes:3: NumNodes is not what the file holds, found '8', expected 7"),
    ("nodes", "NumTerminals : 3", "NumTerminals : 1", ".nodes:4: NumTerminals is not what the file holds, found '1', "
     "expected 3"),
    ("nodes", "NumNodes : 7", "NumNodes : x", ".nodes:3: NumNodes is not a number, found 'x', expected a number"),
    ("nodes", "   u 3 4\n", "", ".nodes:3: NumNodes is not what the file holds, found '7', expected 6"),
    ("nodes", "b 4 4", "b 4 x", f".nodes:6: height of a node is not a number, found 'x', expected {LARGEST}"),
    ("nodes", "b 4 4", "b inf 4", f".nodes:6: width of a node is not a number, found 'inf', expected {LARGEST}"),
    ("nodes", "b 4 4", "b 4 -4", ".nodes:6: size of a node is negative, expected at least 0"),
    ("nodes", "b 4 4", "b", ".nodes:6: line of a node is broken, found 'b', expected name, width, height and perhaps "
     "terminal or terminal_NI"),
    ("nodes", "b 4 4", "b 4 4 fixed", ".nodes:6: kind of a node is unknown, found 'fixed', expected terminal or "
     "terminal_NI"),
    ("nodes", "b 4 4", "a 4 4", ".nodes:6: name of a node comes twice, found 'a'"),
    ("nets", "NumNets : 3", "NumNets : 4", ".nets:3: NumNets is not what the file holds, found '4', expected 3"),
    ("nets", "NumPins : 7", "NumPins : 9", ".nets:4: NumPins is not what the file holds, found '9', expected 7"),
    ("nets", "b I : 1.5", "bb I : 1.5", ".nets:8: node is unknown, found 'bb', expected one of the .nodes file"),
    ("nets", "b I : 1.5 -1", "b I : 1.5", ".nets:8: line of a pin is broken, found 'b I 1.5', expected node, I, O or "
     "B, and perhaps two offsets"),
    ("nets", "1.5 -1", "1.5 -1o", f".nets:8: offset of a pin is not a number, found '-1o', expected {LARGEST}"),
    ("nets", "Degree : 3", "Degree : 4", ".nets:6: number of pins of net n0 is not what NetDegree says, found '3', "
     "expected 4"),
    ("nets", "   u I : -1 0.5\n   ni I\n", "   u I", ".nets:13: number of pins of net n2 is not what NetDegree says, "
     "found '1', expected 2"),
    ("nets", "NetDegree : 3   n0\n", "", ".nets:6: pin belongs to no net, found 'a', expected NetDegree before it"),
    ("nets", "NetDegree : 2 n2", "NetDegree", ".nets:13: NetDegree lacks its number, found 'NetDegree'"),
    ("nets", "2 n2", "2 n0", ".nets:13: name of a net comes twice, found 'n0'"),
    ("pl", "b 20 12", "bb 20 12", ".pl:4: node is unknown, found 'bb', expected one of the .nodes file"),
    ("pl", "b 20 12", "a 20 12", ".pl:4: node is placed twice, found 'a'"),
    ("pl", "b 20 12", "b 20 y", f".pl:4: y of a node is not a number, found 'y', expected {LARGEST}"),
    ("pl", "b 20 12 : FN", "b 20", ".pl:4: line of a node lacks its place, found 'b 20'"),
    ("pl", ": FN", ": NF", ".pl:4: word of a place is unknown, found 'NF', expected N, S, E, W, FN, FS, FE, FW, /FIXED "
     "or /FIXED_NI"),
    ("scl", "NumRows : 2", "NumRows : 3", ".scl:2: NumRows is not what the file holds, found '3', expected 2"),
    ("scl", "Horizontal", "Vertical", ".scl:3: row is not horizontal, found 'Vertical', expected Horizontal"),
    ("scl", "  SubrowOrigin : 0 NumSites : 60\nEnd\n", "", ".scl:13: file ends inside a row, expected End"),
    ("scl", "  Coordinate : 8\n", "", ".scl:3: row is not complete, expected coordinate"),
    ("scl", "Height : 4", "Height : 0", ".scl:3: size of a row is not positive"),
    ("scl", "Height : 4", "Height : h", ".scl:5: height is not a number, found 'h', expected a number"),
    ("scl", "Height", "Hight", ".scl:5: keyword of a row is unknown, found 'Hight', expected End or one "
     "such as Height"),
    ("shapes", "m : 2", "m : 3", ".shapes:3: file ends inside the lines of m, found '2', expected 3 lines"),
    ("shapes", "m : 2", "mm : 2", ".shapes:3: node is unknown, found 'mm', expected one of the .nodes file"),
    ("shapes", "12 4", "12", ".shapes:4: shape is not a number, found '', expected a number"),
    ("route", "TileSize           : 10 10\n", "", ".route:1: statement is missing, expected TileSize"),
    ("route", "0 10 0", "0 10", ".route:4: HorizontalCapacity has another number of values, found '2', expected 3"),
    ("route", "ni 2", "ni 4", ".route:12: layer is unknown, found '4', expected 1 to 3"),
    ("route", "m 2 1 3", "m 3 1 3", ".route:14: layer is not a number, found '', expected a number"),
    ("route", "Adjustments : 1", "Adjustments : 2", ".route:15: file ends inside the lines of "
     "NumEdgeCapacityAdjustments, found '1', expected 2 lines"),
    ("aux", "s.nodes", "t.nodes", ".aux:1: file does not exist, found 't.nodes', expected a file beside it"),
    ("aux", "s.nets", "", ".aux:1: no .nets file is named, expected a line such as RowBasedPlacement : a.nodes "
     "a.nets a.wts a.pl a.scl"),
    ("aux", "s.wts", "s.pl", ".aux:1: a second .pl file is named, found 's.pl'"),
]  # fmt: skip


@pytest.mark.parametrize(("suffix", "old", "new", "message"), BROKEN)
def test_broken_files(tmp_path: Path, suffix: str, old: str, new: str, message: str) -> None:
    assert old in FILES[suffix]
    aux = write(tmp_path, **{suffix: FILES[suffix].replace(old, new, 1) if old else new})
    with pytest.raises(InputError) as caught:
        read_bookshelf(aux)
    assert str(caught.value) == f"{tmp_path / 's'}{message}"


def test_nothing_tells_the_die(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing tells the die, expected rows in a \.scl file, or places"):
        read_bookshelf(write(tmp_path, aux="s.nodes s.nets"))


@pytest.mark.parametrize("suffix", ["nodes", "nets", "pl", "scl", "shapes", "route"])
def test_cut_off_anywhere(tmp_path: Path, suffix: str) -> None:
    """A file cut at any byte is a placement or an ``InputError`` that names it, never another error."""
    text = FILES[suffix]
    errors = []
    for end in range(0, len(text), 7):
        aux = write(tmp_path, **{suffix: text[:end]})
        try:
            read_bookshelf(aux)
        except InputError as error:
            errors.append(str(error))
    assert errors
    assert all(error.startswith(f"{tmp_path / 's'}.{suffix}:") for error in errors)
