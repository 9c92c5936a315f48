"""Further forms of reports: what the same tool's scripts write, what is waived or cut off, and how text is stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from placement_data.errors import InputError
from placement_data.reports import READS, read_report
from placement_data.violations import Violations
from tests.placement_data.reports.test_formats import CALIBRE, INNOVUS, MAGIC, nets_of
from tests.placement_data.small_design import write

BOXES = [[4.5, 5.01, 4.76, 5.735], [8.5, 13.01, 8.76, 13.735]]
RULE = "Metal2 spacing < 0.1um (met2.2)"
RUN_MAGIC_DRC = f"""DRC errors for cell top
--------------------------------------------

{RULE}
4.500 5.010 4.760 5.735
8.500 13.010 8.760 13.735

Metal1 width < 0.1um (met1.1)
-9.500 3.010 9.760 3.735e0
"""
SAVE_REPORT = f"""top 2
----------------------------------------
{RULE}
----------------------------------------
 4.500 5.010 4.760 5.735
 8.500 13.010 8.760 13.735
----------------------------------------

"""
MARKERS = {
    "DRC": {
        "description": "",
        "source": "top.drc",
        "max_markers": "10000",
        "category": {
            "Short": {
                "description": "",
                "violations": [
                    {
                        "comment": "why",
                        "visited": "false",
                        "waived": "false",
                        "line_number": "3",
                        "layer": "metal2",
                        "shape": [
                            {"type": "box", "points": [{"x": "4.5", "y": "5.01"}, {"x": "4.76", "y": "5.735"}]},
                            {"type": "point", "points": [{"x": "4.6", "y": "5.5"}]},
                        ],
                        "sources": [
                            {"type": "net", "name": "n1"},
                            {"type": "iterm", "name": "u1/A"},
                            {"type": "obstruction"},
                            {"type": "net", "name": "a[5]"},
                        ],
                    },
                    {"waived": "true", "shape": "", "sources": ""},
                ],
            },
            "Off.Grid": {"violations": [{"bbox": [8.5, 13.01, 8.76, 13.735], "rule": "R1", "sources": ""}]},
        },
        "violations": "",
    }
}


def read(folder: Path, text: str | bytes, dbu: int | None = 1000) -> Violations:
    return read_report(write(folder, "report", text), dbu)


def codes(violations: Violations) -> list[tuple[str, int, int]]:
    return [(one.code, one.line, one.count) for one in violations.findings]


def test_magic_of_open_pdks(tmp_path: Path) -> None:
    violations = read(tmp_path, RUN_MAGIC_DRC)
    assert violations.kind.tolist() == [RULE, RULE, "Metal1 width < 0.1um (met1.1)"]
    assert violations.box.tolist() == [*BOXES, [-9.5, 3.01, 9.76, 3.735]]
    assert (violations.design, violations.line.tolist()) == ("top", [5, 6, 9])


@pytest.mark.parametrize(
    ("text", "count", "design"),
    [
        (RUN_MAGIC_DRC[: RUN_MAGIC_DRC.index("\n\n")], 0, "top"),
        ("DRC errors report for current cell\n-----------\n-----------\nTotal DRC errors count: 0\n", 0, ""),
        (RUN_MAGIC_DRC + "--------\nTotal DRC errors count: 7\n", 3, "top"),
        (SAVE_REPORT, 2, "top"),
        ("top 0\n----------------------------------------\n\n", 0, "top"),
        (MAGIC.replace("\nMetal1", "\n[DRC VIOLATION]: Metal1").replace("um ", "µm "), 3, "RAM8"),
        (SAVE_REPORT.replace("4.500 5.010 4.760 5.735", "4500nm 5010nm 4760nm 5735nm"), 2, "top"),
    ],
)
def test_magic_forms(tmp_path: Path, text: str, count: int, design: str) -> None:
    violations = read(tmp_path, text)
    assert (len(violations), violations.design) == (count, design)
    assert violations.kind.tolist()[-1:] != ["[DRC VIOLATION]: Metal1 spacing < 0.14um (met1.2)"]
    if text.startswith("top 2"):
        assert violations.box.tolist() == [pytest.approx(box) for box in BOXES]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RUN_MAGIC_DRC.replace("5.735", "5.7x5"), ":5: box is broken, found '4.500 5.010 4.760 5.7x5'"),
        (RUN_MAGIC_DRC.replace("5.735", "57lambda"), ":5: unit is not known, found 'lambda'"),
        (RUN_MAGIC_DRC.replace(" 5.735", ""), ":5: box is broken, found '4.500 5.010 4.760'"),
        (RUN_MAGIC_DRC[: RUN_MAGIC_DRC.index("-9.5")], ":9: file ends inside a rule, found 'Metal1 width"),
        (RUN_MAGIC_DRC.replace(RULE, ""), ":5: box is broken, found '4.500 5.010 4.760 5.735', expected a rule"),
        (RUN_MAGIC_DRC + "-" * 9 + "\nTotal DRC errors count: 0\n", "number of violations is not what the report says"),
        (SAVE_REPORT[: SAVE_REPORT.index("Metal2")], ":3: file ends behind its first lines"),
        ("{Metal2 spacing} {{450 501 476 573} {1 2 3 4}}\n", ":1: boxes are in Magic's internal units, expected a rep"),
        ("{Metal2 spacing < 0.1um (m.2)} {{-450 501 476 573}}", ":1: boxes are in Magic's internal units"),
    ],
)
def test_broken_magic_forms(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)


def test_markers(tmp_path: Path) -> None:
    violations = read(tmp_path, json.dumps(MARKERS, indent=1))
    assert violations.kind.tolist() == ["Short", "R1"]
    assert violations.layer.tolist() == ["metal2", ""]
    assert violations.box.tolist() == BOXES
    assert nets_of(violations) == [["n1", "a[5]"], []]
    assert codes(violations) == [("waived-violation", 1, 1)]


@pytest.mark.parametrize(
    "value",
    [
        {"DRC": {"description": "", "source": ""}},
        {"DRC": {"violations": []}, "PDN": {"violations": ""}},
        {"description": "", "violations": []},
        {"DRC": {"Short": {"violations": []}}},
        [{"name": "DRC", "violations": []}],
    ],
)
def test_clean_markers(tmp_path: Path, value: object) -> None:
    assert len(read(tmp_path, json.dumps(value))) == 0


@pytest.mark.parametrize(
    "shape",
    [
        [{"x": 1, "y": 2}, {"x": "3", "y": "4e0"}],
        [[1, 2], [3, 4]],
        [1, 2, 3, 4],
        {"points": [{"x": 3, "y": 2}, {"x": 1, "y": 4}]},
        {"xMin": 1, "yMin": 2, "xMax": 3, "yMax": 4},
        [{"type": "line", "points": [[1, 2], [3, 2]]}, {"type": "polygon", "points": [[1, 2], [2, 4], [3, 3]]}],
    ],
)
def test_shapes_of_markers(tmp_path: Path, shape: object) -> None:
    violation = {"type": "box", "shape": shape}
    old = {"source": "x", "category": [{"name": "Short", "violations": [violation]}]}
    violations = read(tmp_path, json.dumps(old))
    assert read(tmp_path, json.dumps({"DRC": {"Short": {"violations": [violation]}}})).kind.tolist() == ["Short"]
    assert (violations.kind.tolist(), violations.box.tolist()) == (["Short"], [[1.0, 2.0, 3.0, 4.0]])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"DRC": {"violations": [{"layer": "m1"}]}}, ": DRC.violations[0] has no shape, expected points with x and y"),
        ({"DRC": {"violations": [{"shape": [{"x": 1}]}]}}, ": DRC.violations[0] has no shape"),
        ({"DRC": {"violations": [{"bbox": [1, 2, 3]}]}}, ": DRC.violations[0].bbox is no list of points"),
        (
            {"DRC": {"violations": [{"bbox": [1, "nan", 2, 3]}]}},
            ".bbox is no coordinate, found 'nan', expected a number",
        ),
        ({"DRC": {"violations": [5]}}, ": DRC.violations[0] is no object, found '5'"),
        ({"DRC": {"violations": {"a": 5}}}, ": DRC.violations is no list, found"),
        ({"DRC": {"violations": 5}}, ": DRC.violations is no list, found '5'"),
        ({"DRC": 5, "b": {"description": ""}}, ": DRC is no object, found '5'"),
        ({"DRC": {"violations": [{"shape": [[1, 2]], "sources": [1]}]}}, ".sources[0] is no object, found '1'"),
    ],
)
def test_broken_markers(tmp_path: Path, value: object, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, json.dumps(value))
    assert message in str(caught.value)


def test_markers_nested_too_deep(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nested too deep"):
        read(tmp_path, '{"a": ' * 20_000 + '{"description": 1}' + "}" * 20_000)
    with pytest.raises(InputError, match="nested too deep"):
        read(tmp_path, '{"category": {"a": ' * 9_000 + "{}" + "}}" * 9_000)


def test_a_category_as_full_as_it_may_be(tmp_path: Path) -> None:
    violation = {"bbox": [1, 2, 3, 4]}
    full = {"DRC": {"category": {"Short": {"max_markers": "2", "violations": [violation] * 2}}}}
    assert codes(read(tmp_path, json.dumps(full))) == [("capped-report", 1, 1)]
    assert not read(tmp_path, json.dumps(full).replace('"2"', '"3"')).findings


def lyrdb(*values: str, tags: str = "", count: int = 1) -> str:
    item = (
        f"<item><tags>{tags}</tags><category>'M2'.'S'</category><cell>top</cell><multiplicity>2</multiplicity><values>"
    )
    item += "".join(f"<value>{value}</value>" for value in ("box: (1,2;3,4)", *values)) + "</values></item>\n"
    cells = "<cells><cell><name>top</name></cell></cells>"
    head = f"<?xml version='1.0' encoding='UTF8'?>\n<report-database>{cells}\n"
    return f"{head}<items>{item * count}</items></report-database>"


@pytest.mark.parametrize(
    ("text", "nets", "may_be_pin"),
    [
        ("net:n1 to net:in0", ["n1", "in0"], set()),
        ("net:n2 to iterm:u1/A", ["n2"], set()),
        ("net: n1 to net: n2", ["n1", "n2"], set()),
        ("inst:u1 net:a\\\\[5\\\\] bterm:x", ["a\\[5\\]"], set()),
        ("Between net:n1 inst:u1 net:n2", ["n1", "n2"], set()),
        ("Between n1 and in0", ["n1", "in0"], {"n1", "in0"}),
        ("between n1, u1/n2", ["n1", "u1/n2"], {"n1", "u1/n2"}),
        ("Between and and to", ["and", "to"], {"and", "to"}),
        ("Short between nets n1 and net n2", ["n1", "n2"], {"n1", "n2"}),
        ("Between n1 u1/A PIN/clk u2/OBS", ["n1", "u1/A"], {"n1", "u1/A"}),
        ("Net n1", ["n1"], {"n1"}),
        ("nets: n1 &amp; n2", ["n1", "n2"], {"n1", "n2"}),
        ("Net: n1", ["n1"], set()),
        ("Spacing of net:n1, net:a(5) too small", ["n1", "a(5)"], set()),
        ("space between metal 1 and metal 2", [], set()),
        ("net area too small", [], set()),
        ("anything else", [], set()),
    ],
)
def test_nets_in_texts_of_klayout(tmp_path: Path, text: str, nets: list[str], may_be_pin: set[str]) -> None:
    violations = read(tmp_path, lyrdb(f"text: '{text}'"))
    assert nets_of(violations) == [nets]
    assert violations.may_be_pin == may_be_pin
    assert (violations.design, violations.kind.tolist()) == ("top", ["M2.S"])


@pytest.mark.parametrize(("tags", "waived"), [("waived", 1), ("important,waived", 1), ("'my waived'", 0), ("red", 0)])
def test_waived_items_of_klayout(tmp_path: Path, tags: str, waived: int) -> None:
    violations = read(tmp_path, lyrdb(tags=tags))
    assert (len(violations), codes(violations)) == (1 - waived, [("waived-violation", 3, 1)] * waived)


def test_waived_violations_of_innovus(tmp_path: Path) -> None:
    first = "( AP )\nBounds : ( 1368.100, 1832.000 ) ( 1374.100, 1844.000 )\n"
    for waived in (first.replace("AP )", "AP ) (Exempt)"), first[:-1] + " Waived\n", first + "Status: Waived\n"):
        assert first in INNOVUS
        violations = read(tmp_path, INNOVUS.replace(first, waived))
        assert (len(violations), [one.code for one in violations.findings]) == (3, ["waived-violation"])
    assert len(read(tmp_path, INNOVUS.replace(first, first + "Waived: no\n"))) == 4
    # The total may also be that of those that are left.
    assert len(read(tmp_path, INNOVUS.replace(first, first + "Exempt: yes\n").replace("4 Viols", "3 Viols"))) == 3


def test_innovus_without_rules(tmp_path: Path) -> None:
    text = "SHORT: Regular Wire of Net n(1) & Pin of Cell u2/x  ( M3 )\nBounds : ( 1, 2 ) ( 3, 4 )\n"
    violations = read(tmp_path, text)
    assert (violations.kind.tolist(), violations.layer.tolist(), nets_of(violations)) == (["SHORT"], ["M3"], [["n(1)"]])


def test_waived_results_of_calibre(tmp_path: Path) -> None:
    """Of five results originally there are three, of which one has a waiver."""
    violations = read(tmp_path, CALIBRE.replace("PRIORITY 2.5", "WE1 john 2024").replace("topcell", "$topcell"))
    assert (len(violations), violations.design) == (3, "topcell")
    assert codes(violations) == [("waived-violation", 4, 3)]


def innovus(count: int, command: str) -> str:
    record = "SPACING: ( Metal Spacing ) Regular Wire of Net a  ( M2 )\nBounds : ( 1, 2 ) ( 3, 4 )\n\n"
    header = f"####\n#  Generated by:  Cadence Innovus\n#  Design: top\n#  Command: {command}\n####\n"
    return header + record * count + f"  Total Violations : {count} Viols.\n"


@pytest.mark.parametrize(
    ("count", "command", "capped"),
    [
        (1000, "verify_drc -report a.rpt", True),
        (999, "verify_drc -report a.rpt", False),
        (1000, "verify_drc -limit 1000000 -report a.rpt", False),
        (1000, "verify_drc -limit 0 -report a.rpt", False),
        (20, "verify_drc -report a.rpt -limit 20", True),
        (21, "check_drc -limit 20", True),
        (19, "check_drc -limit 20", False),
        (30, "verifyGeometry -error 30", True),
        (20, "verify_drc -report a.rpt \\\n#      -limit 20", True),
        (1000, "verify_drc -limit 1e6", False),
    ],
)
def test_a_report_that_is_cut_at_a_limit(tmp_path: Path, count: int, command: str, capped: bool) -> None:
    violations = read(tmp_path, innovus(count, command))
    assert [one.code for one in violations.findings] == ["capped-report"] * capped
    assert (len(violations), violations.design) == (count, "top")


def test_a_check_of_calibre_that_is_cut_at_its_limit(tmp_path: Path) -> None:
    """What a full check had originally was not waived: it was not written."""
    text = "top 1000\nr\n{} 9 1 Jan 1\nDRC MAXIMUM RESULTS 3\n"
    for count, code in ((3, "capped-report"), (2, "waived-violation")):
        violations = read(tmp_path, text.format(count) + "p 1 1\n1 1\n" * count)
        assert [one.code for one in violations.findings] == [code]


def test_the_only_root_of_klayout_is_the_design(tmp_path: Path) -> None:
    reference = "<references><ref><parent>top</parent><trans>r0 1,2</trans></ref></references>"
    text = lyrdb().replace("</cells>", f"<cell><name>below</name>{reference}</cell></cells>")
    assert read(tmp_path, text).design == "top"
    assert read(tmp_path, text.replace(reference, "")).design == ""


@pytest.mark.parametrize("count", [999, 1000])
def test_other_reports_that_are_cut_at_a_limit(tmp_path: Path, count: int) -> None:
    codes_of = [[one.code for one in read(tmp_path, text).findings] for text in (
        lyrdb(count=count), f"top 1000\nr\n{count} {count} 0 Jan 1\n" + "p 1 1\n1 1\n" * count,
    )]  # fmt: skip
    assert codes_of == [["capped-report"] * (count == 1000)] * 2


def test_a_header_of_innovus_without_a_total(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=":12: file ends inside its violations, expected 'Total Violations"):
        read(tmp_path, innovus(2, "verify_drc").replace("  Total Violations : 2 Viols.\n", ""))


@pytest.mark.parametrize("text", [RUN_MAGIC_DRC, INNOVUS, CALIBRE, json.dumps(MARKERS), lyrdb("text: 'net:n1'")])
def test_encodings_and_ends_of_lines(tmp_path: Path, text: str) -> None:
    plain = read(tmp_path, text)
    text = text.replace(" encoding='UTF8'", "")
    for data in (text.encode("utf-16"), "\ufeff".encode("utf-16-be") + text.encode("utf-16-be"),
                 text.replace("\n", "\r").encode(), text.replace("\n", "\r\n").encode()):  # fmt: skip
        again = read(tmp_path, data)
        assert again.box.tolist() == plain.box.tolist()
        assert (again.line.tolist(), again.net_name.tolist()) == (plain.line.tolist(), plain.net_name.tolist())
    with pytest.raises(InputError, match=r"not a text file|text is no UTF-16"):
        read(tmp_path, text.encode("utf-16")[:-1] + b"\xd8")


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("LAYOUT_ERRORS\nERROR SUMMARY\n", "IC Validator"),
        ("# Generated by: Cadence Innovus\n# Command: verifyConnectivity\nNet a: open\n", "a check of connectivity"),
        ("Pegasus DRC report\n", "Pegasus or PVS"),
        ("\n   Assura (tm) Physical Verification Version\n", "Assura"),
        ("=====\n=== CALIBRE::DRC-H SUMMARY REPORT\n", "a summary of Calibre"),
    ],
)
def test_tools_that_are_not_read(tmp_path: Path, text: str, tool: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert f":1: a report of a form that is not read: {tool}" in str(caught.value)
    assert all(reads.tool in str(caught.value) for reads in READS)


def test_the_table_of_the_docs_is_that_of_the_readers() -> None:
    docs = (Path(__file__).parents[3] / "docs" / "ingest.md").read_text()
    for reads in READS:
        assert f"| {reads.tool} | {reads.forms} | {reads.nets} | {reads.counted} | {reads.refused} |\n" in docs
