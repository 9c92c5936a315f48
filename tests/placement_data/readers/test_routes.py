"""Wires of routed nets."""

from __future__ import annotations

from pathlib import Path

import pytest

from placement_data.errors import InputError
from placement_data.readers.def_.routes import read_routes

DEF = """VERSION 5.8 ;
DESIGN d ;
SPECIALNETS 1 ;
- a ( * VDD ) + ROUTED metal1 400 + SHAPE STRIPE ( 0 0 ) ( 70 * ) ;
END SPECIALNETS
NETS 4 ;
- a ( u1 A ) ( u2 B )
  + ROUTED metal1 ( 10 20 ) ( 110 * 5 ) via1
  NEW metal2 TAPER ( 110 20 0 ) ( * 50 ) MASK 1 ( * 90 ) via1_x FS
  NEW metal2 ( 5 5 ) VIRTUAL ( 8 9 ) ( 8 19 ) RECT ( -1 -1 1 1 )
  + USE SIGNAL ;
- NEW ( u3 A ) + USE CLOCK ;
- b[0] ( PIN b[0] )
  + ROUTED metal2 STYLE 1 ( 0 0 ) via1 NEW metal1 ( 3 3 ) ( 3 3 ) ( 3 0 )
  ;
- c ( PIN c ) + FIXED metal1 TAPERRULE wide ( 1 2 ) ( 1 4 ) ;
END NETS
END DESIGN
"""


def test_wires_and_vias_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "routed.def"
    path.write_text(DEF)
    routes = read_routes(path)
    names = lambda rows, of: [(routes.net[row[0]], of[row[1]], *map(int, row[2:])) for row in rows]  # noqa: E731
    assert names(routes.wire, routes.layer) == [
        ("a", "metal1", 0, 0, 70, 0),
        ("a", "metal1", 10, 20, 110, 20),
        ("a", "metal2", 110, 20, 110, 50),
        ("a", "metal2", 110, 50, 110, 90),
        ("a", "metal2", 8, 9, 8, 19),
        ("b[0]", "metal1", 3, 3, 3, 0),
        ("c", "metal1", 1, 2, 1, 4),
    ]
    assert routes.special.tolist() == [1, 0, 0, 0, 0, 0, 0]
    assert names(routes.placed, routes.via) == [
        ("a", "via1", 110, 20),
        ("a", "via1_x", 110, 90),
        ("b[0]", "via1", 0, 0),
    ]
    assert routes.length == 100 + 30 + 40 + 10 + 3 + 2
    assert "NEW" in routes.net  # a net without wires


def test_a_def_without_wires_has_none(tmp_path: Path) -> None:
    path = tmp_path / "placed.def"
    path.write_text("DESIGN d ;\nNETS 1 ;\n- a ( u1 A ) ;\nEND NETS\nEND DESIGN\n")
    routes = read_routes(path)
    assert (len(routes.wire), len(routes.placed), routes.length) == (0, 0, 0)


@pytest.mark.parametrize("wires", ["metal1 ( 1", "metal1 ( x 2 ) ( 3 * )", "metal1 ( 1 2 ) RECT ( 1", ""])
def test_broken_wires_are_named(tmp_path: Path, wires: str) -> None:
    path = tmp_path / "routed.def"
    path.write_text(f"DESIGN d ;\nNETS 1 ;\n- a ( u1 A ) + ROUTED {wires} ;\nEND NETS\n")
    with pytest.raises(InputError, match=r"routed\.def: wires of net a are broken"):
        read_routes(path)
