"""What counts as a signal (nets of SPECIALNETS, supplies, bulk pins), and ports of several PORTs."""

from __future__ import annotations

from pathlib import Path

import pytest

from placement_data.design import Design, Use
from placement_data.netlist import clock_cells, logic_masters, register_masters, signal_nets
from placement_data.readers import read_design


def pin(name: str, direction: str = "INPUT", use: str = "") -> str:
    direction = f"DIRECTION {direction} ;\n" if direction else ""
    return (
        f"PIN {name}\n{direction}{f'USE {use} ;' if use else ''}\nPORT\nLAYER M1 ;\nRECT 0 0 1 1 ;\nEND\nEND {name}\n"
    )


def macro(name: str, *pins: str) -> str:
    return f"MACRO {name}\nCLASS CORE ;\nSIZE 2 BY 2 ;\n{''.join(pins)}END {name}\n"


SUPPLY = pin("VDD", "INOUT", "POWER") + pin("VSS", "INOUT", "GROUND")
BULK = pin("VPB", "") + pin("VNB", "")  # neither DIRECTION nor USE, as some libraries have them
LEF = (
    "VERSION 5.8 ;\nLAYER M1\nTYPE ROUTING ;\nDIRECTION HORIZONTAL ;\nEND M1\n"
    + macro("INV", pin("A"), pin("Y", "OUTPUT"), SUPPLY, BULK)
    + macro("DFF", pin("D"), pin("CK"), pin("Q", "OUTPUT"), SUPPLY, BULK)
    + macro("ODD", pin("PHI", "INPUT", "CLOCK"), pin("Z", "OUTPUT"))
    + macro("TIE", pin("HI", "OUTPUT"), SUPPLY)
    + "END LIBRARY\n"
)
CELLS = {"b": "INV", "c": "INV", "u": "INV", "r": "DFF", "o": "ODD", "t": "TIE"}


def section(name: str, statements: list[str]) -> str:
    return f"{name} {len(statements)} ;\n" + "".join(f"- {one} ;\n" for one in statements) + f"END {name}\n"


def read(folder: Path, nets: list[str], special: list[str] = (), ports: list[str] = ()) -> Design:  # type: ignore[assignment]
    (folder / "a.lef").write_text(LEF)
    placed = [f"{name} {master} + PLACED ( {2000 * x} 0 ) N" for x, (name, master) in enumerate(CELLS.items())]
    (folder / "a.def").write_text(
        "VERSION 5.8 ;\nDESIGN top ;\nUNITS DISTANCE MICRONS 1000 ;\nDIEAREA ( 0 0 ) ( 20000 20000 ) ;\n"
        + section("COMPONENTS", placed)
        + section("PINS", list(ports))
        + (section("SPECIALNETS", list(special)) if special else "")
        + section("NETS", nets)
        + "END DESIGN\n"
    )
    return read_design([folder / "a.lef"], folder / "a.def")


def pins_of(design: Design) -> dict[str, list[str]]:
    """The pins of each signal net."""
    found = {str(name): [] for name, signal in zip(design.nets.name, signal_nets(design), strict=True) if signal}
    for row, net in enumerate(design.pins.net):
        cell, master_pin = design.pins.cell[row], design.pins.master_pin[row]
        owner = "PIN" if cell < 0 else design.cells.name[cell]
        name = design.ports.name[design.pins.port[row]] if cell < 0 else design.masters.pin_name[master_pin]
        if design.nets.name[net] in found:
            found[str(design.nets.name[net])].append(f"{owner}/{name}")
    return found


ROUTED = "+ ROUTED M1 400 ( 0 0 ) ( 5000 0 )"


@pytest.mark.parametrize(
    ("nets", "special", "expected"),
    [
        # Listed in both sections: the pins of NETS, each once, and those that only SPECIALNETS has.
        (["n ( u Y ) ( r D )"], [f"n + USE SIGNAL {ROUTED}"], {"n": ["u/Y", "r/D"]}),
        (["n ( u Y ) ( r D )"], [f"n {ROUTED}"], {"n": ["u/Y", "r/D"]}),
        (["n ( u Y ) ( r D )"], [f"n ( r D ) ( u Y ) + USE CLOCK {ROUTED}"], {"n": ["u/Y", "r/D"]}),
        (["n ( u Y )", "m ( b Y )"], ["n ( r D ) ( u Y + SYNTHESIZED )"], {"n": ["u/Y", "r/D"], "m": ["b/Y"]}),
        # In SPECIALNETS alone: a net if it has pins, and no supply.
        (["m ( b Y )"], [f"n ( u Y ) ( r D ) {ROUTED}"], {"m": ["b/Y"], "n": ["u/Y", "r/D"]}),
        ([], ["n ( u Y ) ( * A ) + USE SIGNAL"], {"n": ["u/Y", "b/A", "c/A", "u/A"]}),
        ([], [f"n + USE SIGNAL {ROUTED}", "VDD ( * VDD )", "VSS ( * VSS ) + USE GROUND"], {}),
        ([], ["n ( u Y ) ( PIN p )"], {"n": ["u/Y", "PIN/p"]}),
        ([], ["n ( PIN v ) + ROUTED M1 400 ( 0 0 ) ( 5000 0 )"], {}),
        # Supplies in NETS: by their own USE, by that of SPECIALNETS, by their pins.
        (["VDD ( u VDD ) + USE POWER", "n ( u Y )"], [], {"n": ["u/Y"]}),
        (["VDD ( u A )", "n ( u Y )"], ["VDD ( * VDD ) + USE POWER"], {"n": ["u/Y"]}),
        (["VDD ( u VDD ) ( r VDD )", "n ( u Y )"], [], {"n": ["u/Y"]}),
        (["VDD ( u VDD ) ( r D )", "n ( u Y )"], [], {"n": ["u/Y"]}),  # a tied input makes no signal of it
        (["v ( PIN v ) ( r D )", "n ( u Y )"], [], {"n": ["u/Y"]}),
        (["hi ( t HI ) ( u VDD )"], [], {"hi": ["t/HI", "u/VDD"]}),  # what an output drives is one
    ],
)
def test_signals_and_their_pins(
    tmp_path: Path, nets: list[str], special: list[str], expected: dict[str, list[str]]
) -> None:
    ports = [
        "p + NET n + DIRECTION INPUT + LAYER M1 ( 0 0 ) ( 9 9 ) + PLACED ( 0 0 ) N",
        "v + NET v + DIRECTION INOUT + USE POWER + LAYER M1 ( 0 0 ) ( 9 9 ) + PLACED ( 0 0 ) N",
    ]
    design = read(tmp_path, nets, special, ports)
    assert pins_of(design) == expected
    assert (design.pins.net[1:] >= design.pins.net[:-1]).all()
    assert design.nets.pin_offset[-1] == len(design.pins.net)


def test_special_nets_without_use_are_supplies_where_their_pins_say_so(tmp_path: Path) -> None:
    design = read(tmp_path, [], ["VDD ( * VDD )", "VSS ( u VSS ) ( r VSS )", f"n {ROUTED}"])
    assert design.special_nets.use.tolist() == [Use.POWER, Use.GROUND, Use.SIGNAL]


def test_a_pin_that_nothing_defines_is_left_out_of_a_special_net(tmp_path: Path) -> None:
    assert pins_of(read(tmp_path, [], ["n ( u Y ) ( gone A ) ( u NONE ) ( PIN none )"])) == {"n": ["u/Y"]}


def test_bulk_pins_are_no_inputs(tmp_path: Path) -> None:
    """Without the supplies an inverter has three inputs, and a clock does not pass through it."""
    clock = ["ck ( b A )", "k ( b Y ) ( c A )", "g ( c Y ) ( r CK )", "n ( r Q ) ( u A )", "d ( u Y ) ( r D )"]
    for special in (["VDD ( * VDD ) ( * VPB ) + USE POWER", "VSS ( * VSS ) ( * VNB ) + USE GROUND"], []):
        bulk = ["VP ( b VPB ) ( c VPB ) ( r VPB ) + USE POWER", "VN ( b VNB ) ( c VNB ) ( r VNB ) + USE GROUND"]
        nets = clock if special else [*clock, *bulk]
        design = read(tmp_path, nets, special)
        assert design.cells.name[clock_cells(design)].tolist() == ["b", "c"]
        masters = logic_masters(design)
        assert masters.name[register_masters(masters)].tolist() == ["DFF"]
    # On a signal too it is an input after all.
    design = read(
        tmp_path, [*clock, "x ( t HI ) ( c VPB )"], ["VDD ( * VPB ) + USE POWER", "VSS ( * VNB ) + USE GROUND"]
    )
    assert design.cells.name[clock_cells(design)].tolist() == ["c"]


def test_a_net_with_a_pin_of_use_clock_is_a_clock(tmp_path: Path) -> None:
    design = read(tmp_path, ["k ( b Y ) ( o PHI )", "i ( b A )"], ["VDD ( * VPB ) ( * VNB ) + USE POWER"])
    assert design.cells.name[clock_cells(design)].tolist() == ["b"]


def test_the_use_of_a_net_may_stand_in_either_section(tmp_path: Path) -> None:
    design = read(tmp_path, ["k ( b Y ) ( u A )", "m ( u Y )"], [f"k + USE CLOCK {ROUTED}"])
    assert design.nets.use.tolist() == [Use.CLOCK, Use.SIGNAL]


P = "p + NET n + DIRECTION INPUT"
WEST = "+ PORT + LAYER M1 ( 0 -100 ) ( 200 100 ) + FIXED ( 0 5000 ) N"
EAST = "+ PORT + LAYER M1 ( 0 -100 ) ( 200 100 ) + FIXED ( 20000 5000 ) S"


@pytest.mark.parametrize(
    ("port", "nets", "box"),
    [
        # Cells stand along y = 0: b from x = 0 on to 1 um, u at 4, t at 10 um.
        ([f"{P} {WEST} {EAST}"], ["n ( PIN p ) ( b A )"], [0, 4900, 200, 5100]),
        ([f"{P} {EAST} {WEST}"], ["n ( PIN p ) ( b A ) ( u A )"], [0, 4900, 200, 5100]),
        ([f"{P} {WEST} {EAST}"], ["n ( t HI ) ( PIN p )"], [19800, 4900, 20000, 5100]),
        ([f"{P} {EAST} {WEST}"], ["n ( PIN p )"], [19800, 4900, 20000, 5100]),  # no other pin: the first PORT
        ([f"{P} {WEST} + PORT + LAYER M1 ( 0 0 ) ( 9 9 )"], ["n ( t HI ) ( PIN p )"], [0, 4900, 200, 5100]),
        # The old form of a further PORT.
        ([f"{P} {WEST}", f"p.extra1 + NET n {EAST}"], ["n ( t HI ) ( PIN p )"], [19800, 4900, 20000, 5100]),
        ([f"{P} {WEST}", f"p.extra1 + NET n {EAST}"], ["n ( b A ) ( PIN p )"], [0, 4900, 200, 5100]),
        ([f"{P} {WEST}", f"p.extra1 + NET other {EAST}"], ["n ( t HI ) ( PIN p )"], [0, 4900, 200, 5100]),
    ],
)
def test_a_port_stands_at_its_nearest_part(tmp_path: Path, port: list[str], nets: list[str], box: list[int]) -> None:
    design = read(tmp_path, nets, (), port)  # type: ignore[arg-type]
    assert design.pins.box[design.pins.port == 0].tolist() == [box]


def test_two_ports_of_several_parts_on_one_net(tmp_path: Path) -> None:
    """Each looks at where the other's first PORT is."""
    ports = [f"p + NET n {WEST} {EAST}", f"q + NET n {EAST} {WEST}"]
    design = read(tmp_path, ["n ( PIN p ) ( PIN q )"], (), ports)  # type: ignore[arg-type]
    assert design.pins.box[:, 0].tolist() == [19800, 0]
