"""PINS and BLOCKAGES of a DEF in all their forms, by hand, and boxes under the eight orientations."""

from __future__ import annotations

import numpy as np
import pytest

from placement_data.cursor import Cursor
from placement_data.design import Direction, Status, Use
from placement_data.errors import InputError
from placement_data.orientation import Orientation, turned, turned_in_frame
from placement_data.readers.def_.geometry import read_blockages, read_ports
from placement_data.readers.def_.sections import statements
from placement_data.text import Source

NUMBER = "a number from -2147483647 to 2147483647"


def cursors(text: str, name: str) -> list[Cursor]:
    return list(statements(Source("some.def", text.encode()), name))


# Where the corner (3, 1) of a box from (0, 0) comes to lie.
CORNERS = {
    Orientation.N: (3, 1),
    Orientation.W: (-1, 3),
    Orientation.S: (-3, -1),
    Orientation.E: (1, -3),
    Orientation.FN: (-3, 1),
    Orientation.FW: (1, 3),
    Orientation.FS: (3, -1),
    Orientation.FE: (-1, -3),
}


@pytest.mark.parametrize("orientation", list(Orientation))
def test_turned(orientation: Orientation) -> None:
    x, y = CORNERS[orientation]
    box, code = np.array([[0, 0, 3, 1]]), np.array([orientation])
    assert turned(box, code).tolist() == [[min(0, x), min(0, y), max(0, x), max(0, y)]]
    frame = turned_in_frame(box, np.array([[3, 1]]), code)
    assert frame.tolist() == [[0, 0, abs(x), abs(y)]]


@pytest.mark.parametrize(
    ("text", "box", "status"),
    [
        ("", (0, 0, 0, 0), Status.UNPLACED),
        ("+ LAYER m1 ( 0 0 ) ( 1 2 )", (0, 0, 0, 0), Status.UNPLACED),
        ("+ UNPLACED", (0, 0, 0, 0), Status.UNPLACED),
        ("+ PLACED ( 10 20 ) N", (10, 20, 10, 20), Status.PLACED),
        ("+ LAYER m1 ( -1 0 ) ( 1 2 ) + FIXED ( 10 20 ) N", (9, 20, 11, 22), Status.FIXED),
        ("+ LAYER m1 ( -1 0 ) ( 1 2 ) + COVER ( 10 20 ) E", (10, 19, 12, 21), Status.COVER),
        ("+ LAYER m1 MASK 2 SPACING 5 ( -1 0 ) ( 1 2 ) + FIXED ( 0 0 ) S", (-1, -2, 1, 0), Status.FIXED),
        ("+ LAYER m1 DESIGNRULEWIDTH 5 ( 0 0 ) ( 3 1 ) + PLACED ( 0 0 ) W", (-1, 0, 0, 3), Status.PLACED),
        ("+ POLYGON m1 ( 0 0 ) ( 4 * ) ( * 3 ) + PLACED ( 1 1 ) N", (1, 1, 5, 4), Status.PLACED),
        ("+ VIA v MASK 012 ( 5 5 ) + LAYER m1 ( 0 0 ) ( 1 1 ) + PLACED ( 1 1 ) N", (1, 1, 6, 6), Status.PLACED),
        (
            "+ PORT + LAYER a ( 0 0 ) ( 1 1 ) + PLACED ( 0 0 ) N + PORT + LAYER b ( 0 0 ) ( 2 3 ) + FIXED ( 50 60 ) W",
            (0, 0, 50, 62),
            Status.PLACED,
        ),
        (
            "+ PORT + LAYER m1 ( 0 0 ) ( 9 9 ) + PORT + LAYER m1 ( 0 0 ) ( 1 1 ) + COVER ( 5 5 ) N",
            (5, 5, 6, 6),
            Status.COVER,
        ),
    ],
)
def test_where_a_port_lies(text: str, box: tuple[int, ...], status: Status) -> None:
    ports = read_ports(
        cursors(f"- a + NET n ;\n- p + NET n + DIRECTION OUTPUT {text} ;\n- z + PLACED ( 7 8 ) N ;\n", "PINS")
    )
    assert [tuple(row) for row in ports.box] == [(0, 0, 0, 0), box, (7, 8, 7, 8)]
    assert ports.status == [Status.UNPLACED, status, Status.PLACED]


def test_options_of_a_port_that_have_no_bearing() -> None:
    text = """- p[0] + NET n + SPECIAL + DIRECTION INOUT + NETEXPR "power VDD" + SUPPLYSENSITIVITY a
  + GROUNDSENSITIVITY b + USE ANALOG + ANTENNAPINPARTIALMETALAREA 4 LAYER m1 + ANTENNAMODEL OXIDE1
  + ANTENNAPINGATEAREA 1 LAYER m1
  + PROPERTY a - b "c" + LAYER m1 ( 0 0 ) ( 1 1 ) + PLACED ( 0 0 ) N ;
- p[0].extra1 + NET n ;
- q ;
"""
    ports = read_ports(cursors(text, "PINS"))
    assert ports.name == ["p[0]", "p[0].extra1", "q"]
    assert ports.net == ["n", "n", ""]
    assert ports.direction == [Direction.INOUT, Direction.UNKNOWN, Direction.UNKNOWN]
    assert ports.use == [Use.ANALOG, Use.SIGNAL, Use.SIGNAL]
    assert [tuple(row) for row in ports.box] == [(0, 0, 1, 1), (0, 0, 0, 0), (0, 0, 0, 0)]


def test_no_ports_and_no_blockages() -> None:
    assert read_ports([]).box == []
    assert read_blockages([]).box == []


NAN = "nan"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("PLACEMENT RECT ( 3 4 ) ( 1 2 )", [("", (1, 2, 3, 4), False, NAN, False, False, "")]),
        ("PLACEMENT + SOFT RECT ( 0 0 ) ( 1 1 )", [("", (0, 0, 1, 1), True, NAN, False, False, "")]),
        (
            "PLACEMENT + PARTIAL 40.5 + PUSHDOWN RECT ( 0 0 ) ( 1 1 )",
            [("", (0, 0, 1, 1), False, "0.405", True, False, "")],
        ),
        (
            "PLACEMENT + COMPONENT c/d RECT ( 0 0 ) ( 1 1 ) RECT ( 2 2 ) ( * 3 ) RECT ( 2 2 ) ( 3 3 )",
            [
                ("", (0, 0, 1, 1), False, NAN, False, False, "c/d"),
                ("", (2, 2, 2, 3), False, NAN, False, False, "c/d"),
                ("", (2, 2, 3, 3), False, NAN, False, False, "c/d"),
            ],
        ),
        ("LAYER m1 + SLOTS RECT ( 0 0 ) ( 1 1 )", [("m1", (0, 0, 1, 1), False, NAN, False, True, "")]),
        ("LAYER m1 + FILLS + MASK 2 RECT ( 0 0 ) ( 1 1 )", [("m1", (0, 0, 1, 1), False, NAN, False, True, "")]),
        (
            "LAYER m1 + EXCEPTPGNET + SPACING 5 RECT ( 0 0 ) ( 1 1 )",
            [("m1", (0, 0, 1, 1), False, NAN, False, False, "")],
        ),
        (
            "LAYER m1 + PUSHDOWN + DESIGNRULEWIDTH 9 POLYGON ( 0 0 ) ( 4 0 ) ( 4 1 ) ( 1 1 ) ( 1 3 ) ( 0 3 )",
            [("m1", (0, 0, 4, 1), False, NAN, True, False, ""), ("m1", (0, 1, 1, 3), False, NAN, True, False, "")],
        ),
    ],
)
def test_blockages(text: str, rows: list[tuple[object, ...]]) -> None:
    found = read_blockages(cursors(f"- {text} ;\n", "BLOCKAGES"))
    density = [str(value) for value in found.max_density]
    columns = (found.layer, found.box, found.soft, density, found.pushdown, found.only_fills, found.component)
    assert list(zip(*columns, strict=True)) == rows


def test_options_hold_for_their_own_statement() -> None:
    found = read_blockages(
        cursors("- PLACEMENT + SOFT RECT ( 0 0 ) ( 1 1 ) ;\n- LAYER m RECT ( 0 0 ) ( 1 1 ) ;\n", "BLOCKAGES")
    )
    assert (found.layer, found.soft) == (["", "m"], [True, False])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("-\n HALO ;", "2: kind of blockage is unknown, found 'HALO', expected LAYER or PLACEMENT"),
        ("- PLACEMENT\n ( 0 0 ) ;", "2: blockage is broken, found '(', expected '+', RECT, POLYGON or ';'"),
        ("- PLACEMENT RECT ( 0 0 ) ;", "1: point is missing, found ';', expected '('"),
        ("- LAYER m\n POLYGON ( 0 0 ) ( 1 1 ) ;", "2: point is missing, found ';', expected '('"),
        ("- PLACEMENT + PARTIAL x ;", "1: PARTIAL is not a number, found 'x'"),
    ],
)
def test_broken_blockages(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_blockages(cursors(text, "BLOCKAGES"))
    assert str(caught.value).startswith(f"some.def:{message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- p + LAYER\n m1 ( 0 x ) ( 1 1 ) ;", f"2: coordinate is not a number, found 'x', expected {NUMBER}"),
        ("- p + POLYGON m1 ( 0 0 ) ( 1 1 ) ;", "1: point is missing, found ';', expected '('"),
        ("- p + PLACED ( 0 0 ) Q ;", "1: orientation is unknown, found 'Q', expected N, W, S, E, FN, FW, FS or FE"),
        ("- p + USE NONE ;", "1: USE is unknown, found 'NONE'"),
    ],
)
def test_broken_ports(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_ports(cursors(text, "PINS"))
    assert str(caught.value).startswith(f"some.def:{message}")
