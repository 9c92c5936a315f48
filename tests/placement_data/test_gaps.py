"""Layouts that say less than they should: refused where nothing can be told, else warned of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from placement_data.checks.lint import lint
from placement_data.errors import InputError
from placement_data.gaps import gaps, require_content
from placement_data.ingest import Recipe, ingest, read_manifest
from placement_data.readers import read_design
from tests.placement_data.small_design import SMALL_DEF, SMALL_LEF, write
from tests.placement_data.synthetic import synthetic_def, synthetic_lef


def without(section: str, text: str = SMALL_DEF) -> str:
    return re.sub(rf"(?m)^{section} \d+ ;\n(?:.*\n)*?END {section}\n", "", text)


def codes(folder: Path, text: str, lef: str = SMALL_LEF) -> set[str]:
    design = read_design([write(folder, "a.lef", lef)], write(folder, "a.def", text))
    require_content(design)
    return {one.code for one in gaps(design)}


def test_what_a_layout_lacks(tmp_path: Path) -> None:
    assert codes(tmp_path, SMALL_DEF) == {"unplaced-ports"}
    whole = synthetic_def(60, 1)
    lef = synthetic_lef()
    assert codes(tmp_path, whole, lef) == set()
    assert codes(tmp_path, without("SPECIALNETS", whole), lef) == {"no-power-grid"}
    assert codes(tmp_path, re.sub(r"(?m)^TRACKS .*\n", "", whole), lef) == {"no-tracks"}
    assert codes(tmp_path, re.sub(r"(?m)^ROW .*\n", "", whole), lef) == {"no-rows"}
    no_pins = re.sub(r"\( PIN \S+ \) ?", "", without("PINS", whole))
    assert codes(tmp_path, no_pins, lef) == {"no-ports"}
    shapeless = re.sub(r"(?s)    PORT\n.*?    END\n", "", SMALL_LEF)
    assert "no-pin-shapes" in codes(tmp_path, SMALL_DEF, shapeless)


@pytest.mark.parametrize(("x", "off"), [(-50000, True), (20001, True), (20000, False), (1000, False)])
def test_cells_off_the_die(tmp_path: Path, x: int, off: bool) -> None:
    moved = SMALL_DEF.replace("PLACED ( 1000 2000 )", f"PLACED ( {x} 2000 )")
    assert ("outside-die" in codes(tmp_path, moved)) is off


@pytest.mark.parametrize(
    ("text", "what", "code"),
    [
        (without("NETS"), "the design has no signal nets, found 'no net'", "no-nets"),
        (SMALL_DEF.replace("USE SIGNAL", "USE POWER").replace("USE CLOCK", "USE GROUND").replace("- n3 ;\n", "")
         .replace("NETS 3", "NETS 2"), "no signal nets, found '2 nets, all of them supply'", "no-nets"),
        (re.sub(r"\+ (PLACED|FIXED|COVER) \( \d+ \d+ \) [NSW]", "+ UNPLACED", SMALL_DEF), "none of them placed",
         "no-components"),
        (re.sub(r"\( u\d \S+ \) ?", "", without("COMPONENTS")), "found 'no component'", "no-components"),
    ],
)  # fmt: skip
def test_a_layout_that_says_nothing(tmp_path: Path, text: str, what: str, code: str) -> None:
    """It is refused when it is read into a data set, and lint says the same."""
    write(tmp_path, "a.lef", SMALL_LEF)
    write(tmp_path, "a.def", text)
    manifest = write(tmp_path, "m.csv", "sample,design,family,lef,def\nx,x,x,a.lef,a.def\n")
    with pytest.raises(InputError, match=re.escape(what)):
        ingest(read_manifest(manifest), tmp_path / "x.h5", Recipe())
    assert not (tmp_path / "x.h5").exists()
    assert code in {one.code for one in lint([tmp_path / "a.lef"], [tmp_path / "a.def"]).findings}


def test_warnings_are_stored_and_told(tmp_path: Path) -> None:
    write(tmp_path, "a.lef", SMALL_LEF)
    write(tmp_path, "a.def", SMALL_DEF.replace("+ UNPLACED", "+ PLACED ( 9000 2000 ) N + TINT 3"))
    manifest = write(tmp_path, "m.csv", "sample,design,family,lef,def\nx,x,x,a.lef,a.def\ny,x,x,a.lef,a.def\n")
    first = ingest(read_manifest(manifest), tmp_path / "x.h5", Recipe())
    told = {(sample, one.code, one.file, one.line, one.count) for sample, one in first.findings}
    assert {("x", "unknown-word", "a.def", 14, 1), ("y", "unknown-word", "a.def", 14, 1)} <= told
    assert {("x", "unknown-layer", "a.lef", 63, 1), ("x", "unplaced-ports", "a.def", 0, 1)} <= told
    again = ingest(read_manifest(manifest), tmp_path / "x.h5", Recipe(), mode="resume")
    assert (again.read, set(again.findings)) == (0, set(first.findings))
