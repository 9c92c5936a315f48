"""The small real designs that benchmarks and tests of the routers use: mapped, placed, legal, the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from placement_data.checks.lint import lint
from placement_data.manifest import read_manifest
from placement_data.readers import read_def, read_lef

pytest.importorskip("coloquinte", reason="coloquinte, the placer, is not installed")
small_designs = pytest.importorskip("benchmarks.small_designs")
if small_designs.missing():
    pytest.skip(f"{small_designs.missing()} is not installed", allow_module_level=True)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(small_designs.write(tmp_path_factory.mktemp("designs"), ["counter31", "crossbar4"], [0.8], [0, 1]))


def test_every_placement_is_legal(manifest: Path) -> None:
    rows = read_manifest(manifest)
    assert [row.design for row in rows] == ["counter31"] * 2 + ["crossbar4"] * 2
    for row in rows:
        assert not lint(row.lef, [row.layout]).findings
        design = read_def(row.layout, read_lef(row.lef))
        box = design.cells.box
        left, bottom, right, top = 6400, 10_000, design.die[2] - 6400, design.die[3] - 10_000
        assert (box[:, :2] >= [left, bottom]).all()
        assert (box[:, 2:] <= [right, top]).all()
        assert ((box[:, :2] - [left, bottom]) % [800, 10_000] == 0).all()
        turned = np.array([design.rows.orientation[(y - bottom) // 10_000] for y in box[:, 1]])
        assert (design.cells.orientation == turned).all()
        for y in np.unique(box[:, 1]):
            of_row = box[box[:, 1] == y]
            of_row = of_row[np.argsort(of_row[:, 0])]
            assert (of_row[1:, 0] >= of_row[:-1, 2]).all()
        area = ((box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])).sum()
        assert area / ((right - left) * (top - bottom)) == pytest.approx(0.8, abs=0.02)


def test_a_seed_is_a_placement(manifest: Path, tmp_path: Path) -> None:
    again = small_designs.write(tmp_path, ["counter31"], [0.8], [0])
    texts = [(manifest.parent / f"counter31-u80-s{seed}.def").read_text() for seed in (0, 1)]
    assert (again.parent / "counter31-u80-s0.def").read_text() == texts[0] != texts[1]


def test_a_netlist_is_what_the_verilog_says() -> None:
    netlist = small_designs.synthesise("crossbar4")
    assert sorted({direction for _, direction in netlist.ports}) == ["INPUT", "OUTPUT"]
    assert len(netlist.ports) == 4 * 6 + 4 * 2 + 4 * 6
    pins = [pin for _, of in netlist.nets for pin in of]
    assert len(pins) == len(set(pins)), "a pin is on two nets"
