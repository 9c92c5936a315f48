"""The hooks for OpenROAD-flow-scripts: real Tcl and the real command, with stand-ins for what OpenROAD does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cli
from routenas import example
from tests.routenas.flow.exports.scores import Call, run_tcl

REPOSITORY = Path(__file__).resolve().parents[3]
HOOKS = REPOSITORY / "routenas" / "flow" / "orfs"
PAGE = (REPOSITORY / "docs" / "flow.md").read_text(encoding="utf-8")
TOOL = """
proc write_def name { record write_def; exec gzip -dc LAYOUT > $name }
"""
ASK = """
proc ask {hook args} {
  foreach {name value} $args { set ::env($name) $value }
  if {[catch {source [file join HOOKS $hook.tcl]} text]} { record ended $text } else { record went on }
  foreach {name value} $args { unset ::env($name) }
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the command on a PATH; what it says on standard error is in ``errors``."""
    command = tmp_path / "bin" / "routenas"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cli "$@" 2>>"{tmp_path}/errors"\n')
    command.chmod(0o755)
    return tmp_path


def run(folder: Path, text: str, model: object = "pretrained/hotspots", **more: str) -> list[Call]:
    """What a file of Tcl, after the variables that the flow sets, asks of OpenROAD."""
    variables = {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY),
        "OMP_NUM_THREADS": "1", "TECH_LEF": str(example.LEF), "SC_LEF": str(example.LEF), "RESULTS_DIR": str(folder),
        "ROUTENAS_MODEL": str(model), **more,
    }  # fmt: skip
    setting = "".join(f"set ::env({name}) {{{value}}}\n" for name, value in variables.items())
    tool = TOOL.replace("LAYOUT", str(example.DEF)) + ASK.replace("HOOKS", str(HOOKS))
    return run_tcl(folder, setting + tool, text, quiet=False)


def test_pad_and_adjust(folder: Path, bundles: dict[str, Path]) -> None:
    calls = run(
        folder,
        "ask pad ROUTENAS_LEGALISER diamond-only\nask adjust ROUTENAS_FAIL_IF {hotspot_max > 1}\n",
        bundles["hotspots"],
    )
    names = [call[0] for call in calls]
    padded, adjusted = names.index("set_placement_padding"), names.index("set_global_routing_region_adjustment")
    first = names.index("went")
    assert names[0] == "write_def"
    assert padded < first < names.index("write_def", 1) < adjusted
    assert names[-1] == "went"
    regions = json.loads((folder / "routenas_place.json").read_text())["regions"]
    assert regions
    assert (folder / "routenas_place.tcl").read_text().startswith("# Written by routenas")
    assert "DETAIL_PLACEMENT_ARGS" not in (folder / "routenas_place.tcl").read_text()  # as diamond would have
    assert (folder / "routenas_route.undo.tcl").exists() is False  # no command takes an adjustment back


def test_the_gate(folder: Path) -> None:
    """It ends the flow or only says so; what cannot be scored always ends it."""
    calls = run(folder, """
ask gate ROUTENAS_FAIL_IF "hotspot_max >= 0"
ask gate ROUTENAS_FAIL_IF "hotspot_max >= 0" ROUTENAS_GATE report
ask gate ROUTENAS_FAIL_IF "hotspot_max >= 0" ROUTENAS_GATE stopp
ask gate ROUTENAS_GATE report SC_LEF none.lef
""")  # fmt: skip
    assert [call for call in calls if call[0] != "write_def"] == [
        ("ended", "routenas: the placement is past the gate ROUTENAS_FAIL_IF (hotspot_max >= 0), see "
         f"{folder}/routenas_gate.json"),
        ("went", "on"),
        ("ended", "ROUTENAS_GATE is stopp, expected stop or report"),
        ("ended", "routenas: the placement cannot be scored (exit code 3), see the line above"),
    ]  # fmt: skip
    lines = (folder / "errors").read_text().splitlines()
    assert [line.partition(":")[2].partition(":")[0] for line in lines] == [" gate tripped"] * 2 + [" error"]
    assert "none.lef" in lines[-1]


def test_a_command_elsewhere_and_one_that_is_not_there(folder: Path) -> None:
    shutil.move(folder / "bin" / "routenas", folder / "own")
    calls = run(folder, "ask gate ROUTENAS none-such", ROUTENAS="none-such")
    assert calls[0][0] == "ended"
    assert "none-such" in calls[0][1]
    folder_told = run(folder, f"record [exec {folder / 'own'} hooks orfs]")
    assert folder_told == [(str(HOOKS),)]


def test_the_lines_of_the_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each names a file that there is, by the command; make agrees where there is one."""
    (lines,) = re.findall(r"^```make\n(.*?)^```", PAGE, re.M | re.S)
    found = re.findall(r"export (\w+) := \$\(shell routenas hooks orfs\)/(\w+\.tcl)", lines)
    assert len(found) == lines.count("\n")
    assert {name for _, name in found} == {path.name for path in HOOKS.glob("*.tcl")} - {"common.tcl"}
    for name, file in found:
        assert f"#   export {name} := $(shell routenas hooks orfs)/{file}\n" in (HOOKS / file).read_text()
    with pytest.raises(SystemExit):
        cli.main.main(["hooks", "orfs"], prog_name="routenas")
    assert capsys.readouterr().out == f"{HOOKS}\n"
    names = re.findall(r"^#   (ROUTENAS\w*) ", (HOOKS / "common.tcl").read_text(), re.M)
    assert all(f"| `{name}` |" in PAGE for name in names)
    assert len(names) == 6
    make = shutil.which("make")
    if make is None:
        return
    (folder / "config.mk").write_text(f"{lines}all:\n\t@echo $(PRE_DETAIL_PLACE_TCL)\n")
    environment = {**os.environ, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    environment["PYTHONPATH"] = str(REPOSITORY)
    done = subprocess.run([make, "-sf", "config.mk"], cwd=folder, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{HOOKS / 'pad.tcl'}\n", "")
