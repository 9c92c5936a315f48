"""Names that nothing defines: what would change the design is refused, all else is counted, and lint lists each."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from placement_data.checks.lint import lint
from placement_data.errors import InputError
from placement_data.findings import Finding
from placement_data.readers import read_design, read_lef
from tests.placement_data.random_layouts import random_layout
from tests.placement_data.small_design import SMALL_DEF, SMALL_LEF, write
from tests.placement_data.writer import def_text, lef_text

LEF = SMALL_LEF.replace("SITE unit\n", "LAYER m3\n  TYPE ROUTING ;\nEND m3\nSITE unit\n")


def both(folder: Path, lef: str = LEF, def_: str = SMALL_DEF) -> tuple[list[Finding], list[Finding]]:
    """What reading counts, and what lint lists."""
    lefs, layout = [write(folder, "a.lef", lef)], write(folder, "a.def", def_)
    return list(read_design(lefs, layout).findings), lint(lefs, [layout]).findings


def test_a_good_layout_has_nothing_to_note(tmp_path: Path) -> None:
    assert both(tmp_path) == ([], [])


@pytest.mark.parametrize(
    ("old", "new", "code", "names"),
    [
        ("LAYER m1 m2 ;", "LAYER m1 x9 ;", "unknown-layer", "x9"),
        ("+ LAYER m2 ( -100 0 )", "+ LAYER x8 ( -100 0 )", "unknown-layer", "x8"),
        ("+ ROUTED m1 200", "+ ROUTED x7 200", "unknown-layer", "x7"),
        ("( 100 * ) ;\nEND SPECIALNETS", "( 100 * ) x6 ;\nEND SPECIALNETS", "unknown-via", "x6"),
        ("- LAYER m1 + SPACING", "- LAYER x5 + SPACING", "unknown-layer", "x5"),
        ("+ UNPLACED", "+ UNPLACED + ROUTEHALO 5 m1 x4", "unknown-layer", "x4"),
        ("ROW r0 unit", "ROW r0 x3", "unknown-site", "x3"),
        ("- out + NET n2", "- out + NET x2", "unknown-net", "x2"),
        ("- out + NET n2", "- out + NET n2 + VIA x1 ( 0 0 )", "unknown-via", "x1"),
        ("- LAYER m1 + SPACING", "- LAYER m1 + COMPONENT x0 + SPACING", "unknown-component", "x0"),
        ("COMPONENTS 4", "VIAS 1 ;\n- v + RECT y9 ( 0 0 ) ( 1 1 ) ;\nEND VIAS\nCOMPONENTS 4", "unknown-layer", "y9"),
        (
            "PINS 2",
            "REGIONS 1 ;\n- r ( 0 0 ) ( 1 1 ) ;\nEND REGIONS\nGROUPS 1 ;\n- g u1 y8 + REGION r ;\nEND GROUPS\nPINS 2",
            "unknown-component",
            "y8",
        ),
        ("PINS 2", "VIAS 2 ;\n- v ;\n- v + RECT m1 ( 0 0 ) ( 1 1 ) ;\nEND VIAS\nPINS 2", "duplicate", None),
        ("PINS 2", "REGIONS 2 ;\n- r ( 0 0 ) ( 1 1 ) ;\n- r ( 2 2 ) ( 3 3 ) ;\nEND REGIONS\nPINS 2", "duplicate", None),
    ],
)
def test_names_in_a_def(tmp_path: Path, old: str, new: str, code: str, names: str | None) -> None:
    assert SMALL_DEF.count(old) == 1
    counted, listed = both(tmp_path, def_=SMALL_DEF.replace(old, new))
    (one,) = counted
    assert listed == counted
    assert (one.code, one.count, one.file) == (code, 1, str(tmp_path / "a.def"))
    if names is not None:
        assert f"found '{names}'" in one.message
        rows = (tmp_path / "a.def").read_text().split("\n")
        assert names in " ".join(rows[one.line - 1 : one.line + 1])  # a pin's layer stands in its second line


def test_names_in_a_lef(tmp_path: Path) -> None:
    """A layer of a pin, one of an obstruction, a via of an obstruction and a site; the pin's layer is named twice."""
    text = LEF.replace("      LAYER m2 ;\n        RECT 1.2", "      LAYER x2 ;\n        RECT 1.2")
    text = text.replace("      LAYER m2 ;\n        POLYGON", "      LAYER x2 ;\n        POLYGON")
    text = text.replace("    LAYER m1 ;\n      RECT 0.5", "    VIA 0.5 0.5 x1 ;\n    LAYER x3 ;\n      RECT 0.5")
    text = text.replace("  SITE unit ;", "  SITE x0 ;")
    counted, listed = both(tmp_path, lef=text)
    assert {(one.code, one.count) for one in counted} == {("unknown-layer", 3), ("unknown-via", 1), ("unknown-site", 1)}
    rows = text.split("\n")
    named = [(one.code, re.findall(r"x\d", rows[one.line - 1])[0]) for one in listed]
    assert named == [
        ("unknown-site", "x0"), ("unknown-layer", "x2"), ("unknown-via", "x1"), ("unknown-layer", "x3"),
        ("unknown-layer", "x2"),
    ]  # fmt: skip


def test_a_layer_may_be_declared_behind_its_use_and_in_another_file(tmp_path: Path) -> None:
    at = LEF.index("SITE unit")
    technology = write(tmp_path, "technology.lef", LEF[:at] + "END LIBRARY\n")
    cells = write(tmp_path, "cells.lef", "VERSION 5.8 ;\n" + LEF[at:])
    assert read_lef([cells, technology]).findings == ()


@pytest.mark.parametrize(
    ("before", "new"),
    [
        ("    USE SIGNAL ;\n", "  END A\n@  PIN A\n"),
        ("SITE unit\n", "@LAYER m1\n  TYPE CUT ;\nEND m1\n"),
        ("MACRO CELL\n", "@SITE unit\n  SIZE 9 BY 9 ;\nEND unit\n"),
        ("END LIBRARY", "@MACRO BLOCK\n  SIZE 1 BY 1 ;\nEND BLOCK\n"),
        ("END LIBRARY", "VIA w\n  LAYER m1 ;\n  RECT 0 0 1 1 ;\nEND w\n@VIA w\n  LAYER m2 ;\nEND w\n"),
    ],
)
def test_what_a_lef_defines_twice_and_not_alike(tmp_path: Path, before: str, new: str) -> None:
    """The second of them, marked by @, is the finding; the first one counts."""
    assert LEF.count(before) == 1
    text = LEF.replace(before, new + before)
    line = 1 + text[: text.index("@")].count("\n")
    counted, listed = both(tmp_path, lef=text.replace("@", ""))
    (one,) = (one for one in counted if one.code == "duplicate")
    assert (one.line, one.count) == (line, 1)
    assert [one for one in listed if one.code == "duplicate"] == [one]


def test_what_is_defined_twice_and_alike_is_no_matter(tmp_path: Path) -> None:
    site = "SITE unit\n  CLASS CORE ;\n  SIZE 0.5 BY 1.0 ;\nEND unit\n"
    assert both(tmp_path, lef=LEF.replace("MACRO CELL", f"{site}MACRO CELL")) == ([], [])


# Every layout that reading refuses has the same error, at the same line, among the findings of lint.
FAULTS = [
    ("u1 CELL", "u1 NONE"), ("( u2 A )", "( u9 A )"), ("( u2 A )", "( u2 B )"), ("PIN out", "PIN o"), ("- n3", "- n1"),
    ("COMPONENTS 4", "COMPONENTS 5"), ("PINS 2", "PINS x"), ("( 1000 2000 ) N", "( 1000 2000 ) Z"),
    ("- u2 CELL", "u2 CELL"), ("DIRECTION OUTPUT", "DIRECTION OUT"), ("ROUTED m1 200 +", "ROUTED m1 x +"),
    ("+ FIXED ( 5000", "+ FIXED 5000"), ("- LAYER m1 +", "- LAYER +"), ("MICRONS 1000", ""),
    ("- PLACEMENT", "- PLACE"), ("PARTIAL 40.0", "PARTIAL x"), ("STEP 500 0", "STEP 500 y"), ("DESIGN small ;\n", ""),
    ("( 0 0 ) ( 100 * )", "( 0 0 ) ( 100 * 3"), ("USE POWER", "USE POWERS"), ("- out", "- in"), ("- u4", "- u3"),
    ("USE SIGNAL ;\n- n2", "USE SIGNAL\n- n2"), ("PINS 2 ;", "PINS 2 ;\n- VDD ;"), ("TRACKS X", "TRACKS Q"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), FAULTS, ids=[f"{old} to {new}" for old, new in FAULTS])
def test_lint_lists_what_reading_refuses(tmp_path: Path, old: str, new: str) -> None:
    assert SMALL_DEF.count(old) == 1
    lef, layout = write(tmp_path, "a.lef", LEF), write(tmp_path, "a.def", SMALL_DEF.replace(old, new))
    with pytest.raises(InputError) as caught:
        read_design([lef], layout)
    listed = lint([lef], [layout]).findings
    places = {(one.file, one.line, one.message) for one in listed}
    expected = InputError(caught.value.what, found=caught.value.found, expected=caught.value.expected)
    assert (str(caught.value.file), caught.value.line, str(expected)) in places


BROKEN_LEF = [
    ("  PITCH 0.2 ;", "  PITCH x ;"), ("END m1", "END m9"), ("END CELL", "END CEL"), ("  SIZE 4 BY 3 ;\n", ""),
    ("    DIRECTION INPUT ;", "    DIRECTION IN ;"), ("RECT 1.2 0.45 1.4", "RECT 1.2 0.45"), ("  END Y\n", ""),
    ("END BLOCK\n", ""), ("RECT 0.5 0.0 0.75 0.5 ;", "RECT 0.5 0.0 0.75 0.5"), ("  SIZE 0.5 BY", "  SIZE 0.5 0.5"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), BROKEN_LEF, ids=[f"{old} to {new}" for old, new in BROKEN_LEF])
def test_lint_goes_on_behind_an_error_of_a_lef(tmp_path: Path, old: str, new: str) -> None:
    """The error of reading is listed at its line, and so is one far behind it, in the last macro."""
    assert LEF.count(old) == 1
    text = LEF.replace(old, new) + "MACRO LAST\n  SIZE 1 BY 1 ;\n  CLAS CORE ;\nEND LAST\nEND LIBRARY\n"
    path = write(tmp_path, "a.lef", text)
    with pytest.raises(InputError) as caught:
        read_lef([path])
    listed = lint([path], []).findings
    assert caught.value.line in {one.line for one in listed if one.code in ("syntax", "missing")}
    last = 1 + text[: text.index("CLAS CORE")].count("\n")
    assert [one.line for one in listed if one.code == "unknown-word"] == [last]


@pytest.mark.parametrize("seed", range(12))
def test_a_random_layout_counts_what_lint_lists(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    design = random_layout(rng)
    lef, def_ = lef_text(design, rng), def_text(design, rng)
    counted, listed = both(tmp_path, lef, def_)
    total = {code: sum(one.count for one in counted if one.code == code) for code in {one.code for one in counted}}
    assert {code: sum(one.code == code for one in listed) for code in total} == total
