"""Every contradiction of a LEF or DEF is found, with its line, and a good file has none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from placement_data.checks.lint import COUNTED, lint
from placement_data.errors import InputError
from tests.placement_data.small_design import SMALL_DEF, SMALL_LEF, write
from tests.placement_data.synthetic import synthetic_def, synthetic_lef
from tests.test_cli import Run, run

__all__ = ["run"]

# The small layout is about one thing wrong: its tracks are on m2, its pins on m3, which no LAYER defines.
LEF = SMALL_LEF.replace("SITE unit\n", "LAYER m3\n  TYPE ROUTING ;\nEND m3\nSITE unit\n")

Found = list[tuple[int, str, str]]


def findings(folder: Path, def_: str | None = None, lef: str | None = LEF) -> Found:
    """Line, code and message of each finding."""
    lefs = [] if lef is None else [write(folder, "a.lef", lef)]
    defs = [] if def_ is None else [write(folder, "a.def", def_)]
    return [(finding.line, finding.code, finding.message) for finding in lint(lefs, defs).findings]


def changed(old: str, new: str) -> str:
    assert SMALL_DEF.count(old) == 1
    return SMALL_DEF.replace(old, new)


def test_a_good_layout_has_none_and_everything_is_counted(tmp_path: Path) -> None:
    result = lint([write(tmp_path, "a.lef", LEF)], [write(tmp_path, "a.def", SMALL_DEF)])
    assert result.findings == []
    assert result.counts == {
        "layers": 4, "sites": 1, "macros": 2, "components": 4, "pins": 2, "nets": 3, "special_nets": 1, "rows": 1,
        "tracks": 1, "blockages": 2,
    }  # fmt: skip
    assert tuple(result.counts) == COUNTED


def test_a_made_up_layout_has_none(tmp_path: Path) -> None:
    assert findings(tmp_path, synthetic_def(400, 2), synthetic_lef()) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "code", "message"),
    [
        ("COMPONENTS 4", "COMPONENTS 7", 10, "count", "found '4', expected 7"),
        ("PINS 2", "PINS 1", 16, "count", "found '2', expected 1"),
        ("NETS 3", "NETS 4", 29, "count", "found '3', expected 4"),
        ("DESIGN small ;\n", "", 34, "missing", "DESIGN is missing"),
        ("- u1 CELL", "- u1 NONE", 11, "unknown-master", "master of component u1 is in no LEF, found 'NONE'"),
        (
            "- u2 CELL",
            "- u1 CELL",
            12,
            "duplicate",
            "component u1 is there twice, expected one; the first is in line 11",
        ),
        ("( u2 A )", "( u9 A )", 31, "unknown-component", "net n1 names an unknown component, found 'u9'"),
        ("( u2 A )", "( u2 B )", 31, "unknown-pin", "net n1 names an unknown pin of component u2, found 'B'"),
        ("PIN out", "PIN o", 32, "unknown-pin", "net n2 names an unknown pin, found 'o', expected one of PINS"),
        ("( u4 A )", "( u2 A )", 32, "pin-on-two-nets", "pin A of component u2 is on net n2, expected one net"),
        ("- n3", "- n1", 33, "duplicate", "net n1 is there twice, expected one; the first is in line 30"),
        ("NET n2", "NET n7", 20, "unknown-net", "pin out belongs to an unknown net, found 'n7'"),
        ("ROW r0 unit", "ROW r0 none", 7, "unknown-site", "row r0 names a site that is in no LEF, found 'none'"),
        ("LAYER m1 m2", "LAYER m1 m9", 8, "unknown-layer", "TRACKS name a layer that is in no LEF, found 'm9'"),
        ("- LAYER m1 +", "- LAYER m8 +", 23, "unknown-layer", "a blockage names a layer that is in no LEF, found 'm8'"),
        ("( 1000 2000 )", "( 30000 2000 )", 11, "outside-die", "component u1 lies wholly outside the die"),
        ("( 8000 4000 )", "( 8000 6001 )", 13, "outside-die", "component u3 lies partly outside the die"),
        ("( 5000 2000 )", "( 5000 2x )", 12, "syntax", "coordinate is not a number, found '2x'"),
    ],
)
def test_each_contradiction(tmp_path: Path, old: str, new: str, line: int, code: str, message: str) -> None:
    found = findings(tmp_path, changed(old, new))
    assert any(row[:2] == (line, code) and message in row[2] for row in found), found


def test_units_of_another_file(tmp_path: Path) -> None:
    text = synthetic_def(400, 2)
    found = findings(tmp_path, text.replace("MICRONS 2000", "MICRONS 1000"), synthetic_lef())
    assert "units" in {code for _, code, _ in found}


def test_all_of_them_are_found_at_once(tmp_path: Path) -> None:
    text = SMALL_DEF
    for old, new in (
        ("COMPONENTS 4", "COMPONENTS 5"),
        ("( u2 A )", "( u9 A )"),
        ("- n3", "- n1"),
        ("u3 BLOCK", "u3 NO"),
    ):
        text = text.replace(old, new)
    assert {code for _, code, _ in findings(tmp_path, text)} == {
        "count", "unknown-component", "duplicate", "unknown-master",
    }  # fmt: skip


def test_the_turned_outline_counts(tmp_path: Path) -> None:
    # BLOCK is 4000 by 3000; turned by W it is 3000 wide, so it ends at the die's edge of 20000.
    assert findings(tmp_path, changed("( 8000 4000 )", "( 17000 4000 )")) == []
    assert findings(tmp_path, changed("( 8000 4000 )", "( 17001 4000 )")) != []


# The die's upper right quarter is cut away.
CUT_DIE = "DIEAREA ( 0 0 ) ( 0 10000 ) ( 10000 10000 ) ( 10000 5000 ) ( 20000 5000 ) ( 20000 0 ) ;"


@pytest.mark.parametrize(
    ("place", "how"),
    [
        ("( 6000 4000 )", ""),
        ("( 6001 4000 )", "partly"),
        ("( 10000 2000 )", ""),
        ("( 10000 2001 )", "partly"),
        ("( 12000 6000 )", "wholly"),
    ],
)
def test_the_outline_of_the_die_counts(tmp_path: Path, place: str, how: str) -> None:
    text = changed("DIEAREA ( 0 0 ) ( 20000 10000 ) ;", CUT_DIE).replace("( 8000 4000 ) W", f"{place} N")
    expected = "expected the die's outline of 6 corners"
    message = f"component u3 lies {how} outside the die, found '{place}', {expected}"
    assert findings(tmp_path, text) == ([(13, "outside-die", message)] if how else [])


def with_fence(member: str, boxes: str, kind: str = "FENCE") -> str:
    """The small layout with a region r, and a group of the components that ``member`` names."""
    regions = f"REGIONS 1 ;\n- r {boxes} + TYPE {kind} ;\nEND REGIONS\n"
    groups = f"GROUPS 1 ;\n- g {member} + REGION r ;\nEND GROUPS\n" if member else ""
    return changed("\nPINS 2 ;", f"\n{regions}{groups}PINS 2 ;")


# u1 and u2 are 2000 by 1000 at ( 1000 2000 ) and ( 5000 2000 ); u2 is FIXED. u3 is COVER, u4 UNPLACED.
@pytest.mark.parametrize(
    ("member", "boxes", "codes"),
    [
        ("u1", "( 1000 2000 ) ( 3000 3000 )", []),
        ("u1", "( 1000 2000 ) ( 3000 2999 )", [(11, "outside-fence", "u1")]),
        ("u1", "( 1000 2000 ) ( 1500 3000 ) ( 1500 2000 ) ( 3000 3000 )", []),  # two boxes side by side
        ("u1", "( 1000 2000 ) ( 1800 3000 ) ( 1200 1000 ) ( 3000 4000 )", []),  # which overlap
        ("u1", "( 1000 2000 ) ( 1800 3000 ) ( 1900 2000 ) ( 3000 3000 )", [(11, "outside-fence", "u1")]),  # a gap
        ("u*", "( 0 0 ) ( 20000 10000 )", []),
        ("u2", "( 0 0 ) ( 20000 4000 )", [(11, "inside-fence", "u1")]),
        ("u3 u4", "( 2999 2000 ) ( 20000 10000 )", [(11, "inside-fence", "u1")]),
        ("", "( 3000 2000 ) ( 5000 4000 )", []),
        ("", "( 5000 2000 ) ( 6000 4000 )", []),  # u2 may stay: it is not the placer's
    ],
)
def test_fences(tmp_path: Path, member: str, boxes: str, codes: list[tuple[int, str, str]]) -> None:
    found = findings(tmp_path, with_fence(member, boxes))
    assert [(line, code, message.split()[1]) for line, code, message in found] == codes
    assert findings(tmp_path, with_fence(member, boxes, "GUIDE")) == []


def test_the_region_of_a_component(tmp_path: Path) -> None:
    text = with_fence("", "( 9000 0 ) ( 9999 9 )").replace("( 1000 2000 ) N", "( 1000 2000 ) N + REGION r")
    message = "component u1 lies outside its fence r, found '( 1000 2000 )', expected a place in r"
    assert findings(tmp_path, text) == [(11, "outside-fence", message)]


def test_unknown_regions(tmp_path: Path) -> None:
    text = with_fence("u2", "( 0 0 ) ( 9 9 )", "GUIDE").replace("( 1000 2000 ) N", "( 1000 2000 ) N + REGION q")
    assert findings(tmp_path, text.replace("+ REGION r ;", "+ REGION p ;")) == [
        (11, "unknown-region", "component u1 names an unknown region, found 'q', expected one of REGIONS"),
        (20, "unknown-region", "group g names an unknown region, found 'p', expected one of REGIONS"),
    ]


def test_without_a_lef_what_needs_one_is_not_checked(tmp_path: Path) -> None:
    text = changed("- u1 CELL", "- u1 NONE").replace("LAYER m1 m2", "LAYER m9").replace("( u2 A )", "( u2 B )")
    assert findings(tmp_path, text, lef=None) == []
    assert [code for _, code, _ in findings(tmp_path, text.replace("u4 A", "u8 A"), lef=None)] == ["unknown-component"]


def test_a_pin_on_two_nets_needs_no_lef(tmp_path: Path) -> None:
    expected = [(32, "pin-on-two-nets", "pin A of component u2 is on net n2, expected one net; it is on n1 already")]
    assert findings(tmp_path, changed("( u4 A )", "( u2 A )"), lef=None) == expected


def test_nothing_of_a_broken_special_net_is_kept(tmp_path: Path) -> None:
    """It is the last one, and has wires of an unknown layer before its error."""
    text = changed("ROUTED m1 200 + SHAPE STRIPE ( 0 0 ) ( 100 * )", "ROUTED x1 200 ( 0 0 ) ( 9 * ) NEW m1 200 ( 0 z )")
    found = [(line, code) for line, code, _ in findings(tmp_path, text)]
    assert found == [(27, "syntax")]


def test_lef_alone(tmp_path: Path) -> None:
    text = LEF.replace("  PITCH 0.2 ;", "  PITCH x ;").replace("  SIZE 4 BY 3 ;\n", "")
    text = text.replace("END LIBRARY", "SITE unit\n  SIZE 1 BY 1 ;\nEND unit\nEND LIBRARY")
    found = findings(tmp_path, lef=text)
    assert [(code, message.split(",")[0]) for _, code, message in found] == [
        ("syntax", "PITCH is not a number"),
        ("missing", "MACRO has no SIZE"),
        ("duplicate", "site unit is there twice"),
    ]
    lines = text.split("\n")
    assert [lines[line - 1].strip() for line, *_ in found] == ["PITCH x ;", "MACRO BLOCK", "SITE unit"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "file is empty"),
        (SMALL_DEF[:700], "file ends"),
        (SMALL_LEF, "LEF statement in a DEF file"),
        ("x", "not a DEF"),
    ],
)
def test_what_cannot_be_read_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        findings(tmp_path, text)


def test_command(run: Run, tmp_path: Path) -> None:
    lef = write(tmp_path, "a.lef", LEF)
    good, bad = write(tmp_path, "good.def", SMALL_DEF), write(tmp_path, "bad.def", changed("NETS 3", "NETS 4"))
    done = run("data", "lint", "--lef", str(lef), "--def", str(good), "--json", "-")
    assert done.code == 0
    assert json.loads(done.out)["findings"] == []
    done = run("data", "lint", "--def", str(bad), "--def", str(good), "--json", str(tmp_path / "out.json"))
    assert done.code == 10
    assert f"{bad}:29: count: number of NETS is not what the header says" in done.out
    (finding,) = json.loads((tmp_path / "out.json").read_text())["findings"]
    assert (finding["file"], finding["line"], finding["code"]) == (str(bad), 29, "count")
    assert run("data", "lint", "--def", str(tmp_path / "none.def")).code == 3
    assert run("data", "lint").code == 2
