"""Open connections and the use of tracks, on wires drawn by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from placement_data.features.layout import Layout
from placement_data.grid import Grid
from placement_data.readers import read_def, read_lef
from placement_data.readers.def_.routes import read_routes
from placement_data.reports import read_report
from routenas.flow.label.opens import open_report, use_of_tracks
from tests.routenas.flow.label.library import LEF, def_text

# Pins: port p at (1, 20) on metal2, u1/A at (1, 3), u2/A at (11, 3), both on metal1.
DOWN = "+ ROUTED metal2 ( 1000 20000 ) ( * 3000 ) up"
ACROSS = "NEW metal1 ( 1000 3000 ) ( 11000 * )"
OVER = "+ ROUTED metal2 ( 1000 20000 ) ( * 3000 )"  # ends on metal2, above the pin
SHORT = "NEW metal1 ( 1000 3000 ) ( 10699 * )"  # its end, half its width further, is 1 away from the pin
TOUCHES = "NEW metal1 ( 1000 3000 ) ( 10700 * )"
P, A1, A2 = ("", 0.9, 19.9, 1.1, 20.1), ("metal1", 0.8, 2.8, 1.2, 3.2), ("metal1", 10.8, 2.8, 11.2, 3.2)
Y1, A3 = ("metal1", 2.8, 6.8, 3.2, 7.2), ("metal1", 20.8, 2.8, 21.2, 3.2)


@pytest.mark.parametrize(
    ("wires", "cut"),
    [
        ("", [P, A1, A2]),
        (f"{DOWN} {ACROSS}", [P, A1, A2]),  # all connected, and failed all the same
        (DOWN, [A2]),
        (f"{DOWN} {SHORT}", [A2]),
        (f"{DOWN} {TOUCHES}", [P, A1, A2]),
        (f"{OVER} {ACROSS}", [P]),
        (OVER, [P, A1, A2]),
    ],
)
def test_pins_that_are_cut_off(tmp_path: Path, wires: str, cut: list[tuple[str, float, float, float, float]]) -> None:
    (tmp_path / "cells.lef").write_text(LEF)
    (tmp_path / "routed.def").write_text(def_text({"n": wires}))
    library = read_lef([tmp_path / "cells.lef"])
    design = read_def(tmp_path / "routed.def", library)
    routes = read_routes(tmp_path / "routed.def")
    report = tmp_path / "open.drc"
    report.write_text(open_report(design, library, routes, ["n", "not-a-net"]))
    found = read_report(report)
    assert [(layer, *box) for layer, box in zip(found.layer, found.box.tolist(), strict=True)] == cut
    assert set(found.net_name) == {"n"}
    assert set(found.kind) == {"Open"}


def test_a_net_that_did_not_fail_is_not_reported(tmp_path: Path) -> None:
    (tmp_path / "cells.lef").write_text(LEF)
    (tmp_path / "routed.def").write_text(def_text())
    library = read_lef([tmp_path / "cells.lef"])
    design, routes = read_def(tmp_path / "routed.def", library), read_routes(tmp_path / "routed.def")
    assert open_report(design, library, routes, []) == ""
    text = open_report(design, library, routes, ["m"])
    assert text.count("net:m") == 2
    assert "(2.8, 6.8) - (3.2, 7.2) on Layer metal1" in text


def test_use_of_tracks_by_hand(tmp_path: Path) -> None:
    """Tiles are 10 um: a tile has 10 tracks of 10 um on each layer."""
    (tmp_path / "cells.lef").write_text(LEF)
    (tmp_path / "routed.def").write_text(def_text({"n": f"{DOWN} {ACROSS}"}))
    design = read_def(tmp_path / "routed.def", read_lef([tmp_path / "cells.lef"]))
    routes = read_routes(tmp_path / "routed.def")
    use = use_of_tracks(Layout(design, Grid.of(design)), routes)
    np.testing.assert_allclose(use, [[(7 + 9) / 200, 1 / 200, 0], [10 / 200, 0, 0]])
    alone = use_of_tracks(Layout(design, Grid.of(design), layer_range="metal1"), routes)
    np.testing.assert_allclose(alone, use * 2)
