"""The Tcl of ``docs/flow.md`` runs: a real interpreter, the real command for ``exec``, stand-ins for the tools."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from placement_data.making import LayoutFiles, read_layout
from placement_data.store import sha256
from tests.placement_data.synthetic import synthetic_def, synthetic_lef
from tests.routenas.flow.exports.scores import Call, memory_box, run_tcl, score_of

REPOSITORY = Path(__file__).resolve().parents[4]
BLOCKS = re.findall(r"^```tcl\n(.*?)^```", (REPOSITORY / "docs" / "flow.md").read_text(encoding="utf-8"), re.M | re.S)
TOOL = r"""
rename exec real_exec
proc exec args {
  if {[lindex $args 1] eq "score"} {
    file copy -force made.json [lindex $args [expr {[lsearch $args --json] + 1}]]
    return
  }
  real_exec PYTHON -m cli {*}[lrange $args 1 end]
}
proc unknown args { record {*}$args }
proc write_def name { record write_def; file copy -force layout.def $name }
proc defOut name { write_def $name }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tech.lef").write_text(synthetic_lef())
    (tmp_path / "cells.lef").write_text("VERSION 5.8 ;\nEND LIBRARY\n")
    (tmp_path / "layout.def").write_text(synthetic_def(120, 5))
    files = LayoutFiles("def", tmp_path / "layout.def", (tmp_path / "tech.lef", tmp_path / "cells.lef"))
    design = read_layout(files)
    x0, y0, _, _ = memory_box(design)
    inputs = {str(path): sha256(path) for path in files.all}
    score = score_of(design, [(x0 - 4000, y0 - 4000, x0 + 6000, y0 + 6000)], inputs=inputs)
    (tmp_path / "made.json").write_text(json.dumps(score))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(folder: Path, block: str) -> list[Call]:
    here = {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    setting = "".join(f"set ::env({name}) {{{value}}}\n" for name, value in here.items())
    return run_tcl(folder, setting + TOOL.replace("PYTHON", sys.executable), block, quiet=False)


def in_order(calls: list[Call], *names: str) -> bool:
    """Whether calls of these names come in this order, each at least once."""
    rest = iter([call[0] for call in calls])
    return all(any(name == found for found in rest) for name in names)


def test_every_block_is_tested() -> None:
    assert len(BLOCKS) == 2


def test_openroad(folder: Path) -> None:
    calls = run(folder, BLOCKS[0])
    assert in_order(
        calls, "read_def", "global_placement", "write_def", "create_blockage", "global_placement", "detailed_placement",
        "set_global_routing_region_adjustment", "global_route",
    )  # fmt: skip


def test_innovus(folder: Path) -> None:
    calls = run(folder, BLOCKS[1])
    assert in_order(
        calls, "createPlaceBlockage", "specifyInstPad", "place_opt_design", "deletePlaceBlockage", "specifyInstPad"
    )
