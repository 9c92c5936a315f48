"""Reading OpenROAD's design-rule reports: the spellings of three releases, what is a net, and what errors say."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import numpy as np
import pytest

from placement_data.errors import InputError
from placement_data.reports import read_report
from tests.placement_data.small_design import write

# The current writer: tabs, no blanks inside the parentheses, comments.
CURRENT = """violation type: Short
\tsrcs: net:_193_ net:_194_
\tbbox = (39.5800, 44.1000) - (39.6500, 44.1350) on Layer metal2
violation type: Cut Short
\tsrcs: net:a inst:u1 iterm:u2/A bterm:clk obstruction:
\tcomment: why: because
\tbbox = (3.0000, 4.0000) - (1.0000, 2.0000) on Layer via1
"""
# 2022: blanks inside the parentheses, numbers as short as they can be.
OF_2022 = """  violation type: Metal Spacing
    srcs: net:b\\[57\\] net:u1/n3 net:b\\[57\\] iterm:u1/A
    bbox = ( 22.61, 17.3 ) - ( 22.895, 17.395 ) on Layer met1
"""
# 2020: plain names of sources, short names of types.
OF_2020 = f"""  violation type: EOLSpc
    srcs: n1 u1/A PIN/clk u2/OBS PIN/OBS n2 a\\/b
    bbox = (1e-05, -2) - (.5, 0.) on Layer M1
  violation type: nullptr
    srcs:{" "}
    bbox = (1, 2) - (3, 4) on Layer M2
"""


def nets_of(path: Path) -> list[list[str]]:
    violations = read_report(path)
    ends = violations.net_offset.tolist()
    names = violations.net_name.tolist()
    return [names[ends[i] : ends[i + 1]] for i in range(len(violations))]


def test_current_spelling(tmp_path: Path) -> None:
    path = write(tmp_path, "now.drc", CURRENT)
    violations = read_report(path)
    assert violations.kind.tolist() == ["Short", "Cut Short"]
    assert violations.layer.tolist() == ["metal2", "via1"]
    assert violations.box.tolist() == [[39.58, 44.1, 39.65, 44.135], [1.0, 2.0, 3.0, 4.0]]
    assert nets_of(path) == [["_193_", "_194_"], ["a"]]
    assert violations.source == str(path)
    assert repr(violations) == "Violations(2 on 3 nets)"


def test_spelling_of_2022(tmp_path: Path) -> None:
    path = write(tmp_path, "2022.drc", OF_2022)
    violations = read_report(path)
    assert (violations.kind.tolist(), violations.layer.tolist()) == (["Metal Spacing"], ["met1"])
    assert violations.box.tolist() == [[22.61, 17.3, 22.895, 17.395]]
    assert nets_of(path) == [["b\\[57\\]", "u1/n3"]]


def test_spelling_of_2020(tmp_path: Path) -> None:
    path = write(tmp_path, "2020.drc", OF_2020)
    violations = read_report(path)
    assert violations.kind.tolist() == ["EOLSpc", "nullptr"]
    assert violations.box.tolist() == [[1e-05, -2.0, 0.5, 0.0], [1.0, 2.0, 3.0, 4.0]]
    assert nets_of(path) == [["n1", "u1/A", "n2", "a\\/b"], []]
    assert violations.may_be_pin == {"u1/A"}


def test_a_record_without_a_layer(tmp_path: Path) -> None:
    text = "violation type: Short\nsrcs: net:a\nbbox = (1, 2) - (3, 4)\n"
    assert read_report(write(tmp_path, "none.drc", text)).layer.tolist() == [""]


@pytest.mark.parametrize("text", ["", "\n\n", " \t\r\n"])
def test_an_empty_report_is_a_clean_one(tmp_path: Path, text: str) -> None:
    violations = read_report(write(tmp_path, "clean.drc", text))
    assert len(violations) == 0
    assert violations.box.shape == (0, 4)
    assert violations.net_offset.tolist() == [0]


def test_all_spellings_gzip_and_line_ends_of_windows(tmp_path: Path) -> None:
    text = (CURRENT + "\n" + OF_2022 + OF_2020).replace("\n", "\r\n")
    packed = read_report(write(tmp_path, "all.drc", gzip.compress(text.encode())))
    assert packed.kind.tolist() == ["Short", "Cut Short", "Metal Spacing", "EOLSpc", "nullptr"]
    assert packed.layer.tolist() == ["metal2", "via1", "met1", "M1", "M2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\nVERSION 5.8 ;\n",
            ":2: not a design-rule report of a known format, found 'VERSION', expected 'violation type:'",
        ),
        (CURRENT[:50], ":3: file ends inside a record, expected 'bbox = (X, Y) - (X, Y) on Layer NAME'"),
        (
            CURRENT.replace("44.1350", "x"),
            ":3: record is broken, found 'bbox = (39.5800, 44.1000) - (39.6500, x) on Layer metal2', expected 'bbox = ",
        ),
        (
            CURRENT.replace("\tsrcs", "\tsources", 1),
            ":2: record is broken, found 'sources: net:_193_ net:_194_', expected",
        ),
        (CURRENT + "Total: 2\n", ":8: record is broken, found 'Total: 2', expected 'violation type: KIND'"),
        (CURRENT.replace("39.5800", "nan"), ":3: record is broken"),
        (CURRENT.replace("39.5800", "1e99"), ":3: record is broken"),
        ("violation type:\n", ":1: record is broken, found 'violation type:', expected 'violation type: KIND'"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, "bad.drc", text)
    with pytest.raises(InputError) as caught:
        read_report(path)
    assert str(caught.value).startswith(f"{path}{message}")


def test_real_reports(shared_data: Path) -> None:
    """Every report of the collection: as many records, layers and names as a text search finds."""
    folder = shared_data / "placements"
    with open(folder / "manifest.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        text = gzip.decompress((folder / row["report"]).read_bytes()).decode()
        violations = read_report(folder / row["report"])
        assert len(violations) == text.count("violation type:")
        if row["violations_by_iteration"]:
            assert len(violations) == int(row["violations_by_iteration"].split()[-1])
        assert sum(violations.layer == "metal2") == text.count("on Layer metal2")
        assert sorted(set(violations.net_name)) == sorted({w[4:] for w in text.split() if w.startswith("net:")})
        assert (violations.box[:, :2] <= violations.box[:, 2:]).all()
        assert np.isfinite(violations.box).all()


def test_sources_of_all_spellings(tmp_path: Path) -> None:
    """A blank behind the prefix, further prefixes, the report of congestion, and no layer."""
    text = """violation type: Horizontal congestion
\tsrcs: net: n1 component:u1 net:u1/n2 obstruction: net:n3 instance:u2 term:u1/A u9/A n4
\tcongestion information: capacity:4 usage:6 overflow:2
\tbbox = (-1.5e0, 2) - (3, 4E-1) on Layer -
"""
    path = write(tmp_path, "a.drc", text)
    violations = read_report(path)
    assert nets_of(path) == [["n1", "u1/n2", "n3", "u9/A", "n4"]]
    assert (violations.layer.tolist(), violations.box.tolist()) == ([""], [[-1.5, 0.4, 3.0, 2.0]])
    assert (violations.may_be_pin, violations.line.tolist()) == ({"u9/A"}, [4])


def test_a_report_that_openlane_has_made_of_magics(tmp_path: Path) -> None:
    text = "violation type: LU.3\nsrcs: N/A N/A\nbbox = (17.990um, 21.995um) - (18.265um, 22.995um) on Layer LU\n"
    path = write(tmp_path, "a.tr", text)
    assert nets_of(path) == [[]]
    assert read_report(path).box.tolist() == [[17.99, 21.995, 18.265, 22.995]]
