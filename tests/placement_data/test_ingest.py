"""From a manifest to samples."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from placement_data.errors import InputError
from placement_data.features import CHANNELS, feature_maps
from placement_data.grid import Grid
from placement_data.ingest import make_sample, read_manifest
from placement_data.readers import read_design
from tests.layouts import HEADER, KIND, Layout, manifest_row, report_text, write_layout, write_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("cells.lef", "tech.lef", "a.def", "b.def", "a.drc", "a.order1.drc"):
        (tmp_path / name).touch()
    return tmp_path


def manifest(folder: Path, *rows: str, header: str = HEADER) -> Path:
    return write_manifest(folder / "manifest.csv", list(rows), header)


def test_rows(folder: Path) -> None:
    rows = read_manifest(
        manifest(
            folder,
            "a/1,a,fam,tech.lef; cells.lef,a.def,a.drc,router,a.order1.drc;a.drc,12,x",
            "b/1,b,fam,cells.lef,b.def,,,,,",
            header=HEADER + ",knob,Note",
        )
    )
    assert [row.sample for row in rows] == ["a/1", "b/1"]
    assert rows[0].lef == (folder / "tech.lef", folder / "cells.lef")
    assert (rows[0].def_, rows[0].report) == (folder / "a.def", folder / "a.drc")
    assert rows[0].report_repeats == (folder / "a.order1.drc", folder / "a.drc")
    assert rows[0].attributes == {"knob": "12", "Note": "x"}
    assert rows[1].report is None
    assert rows[1].label_kind == ""


def test_optional_columns_may_be_absent(folder: Path) -> None:
    (row,) = read_manifest(manifest(folder, "a,a,a,cells.lef,a.def", header="sample,design,family,lef,def"))
    assert row.report is None


def test_a_quoted_line_break_and_a_byte_order_mark(folder: Path) -> None:
    path = manifest(folder, 'a,a,a,cells.lef,a.def,"two\nlines \u2028 x"', "b,b,b,gone.lef,b.def,", header="")
    path.write_text("\ufeffsample,design,family,lef,def,note\n" + path.read_text().lstrip("\n"), encoding="utf-8")
    with pytest.raises(InputError, match=r"manifest\.csv:4: a file of column 'lef' does not exist"):
        read_manifest(path)


GOOD = "a,a,a,cells.lef,a.def,a.drc,k,"


@pytest.mark.parametrize(
    ("rows", "header", "line", "what"),
    [
        ([GOOD], HEADER.replace("family", "kin"), 1, "column 'family' is missing, expected sample, design, family"),
        ([GOOD], HEADER + ",lef", 1, "a column is there twice, found 'lef'"),
        ([GOOD, "b,,b,cells.lef,b.def,,,"], HEADER, 3, "field 'design' is empty"),
        ([GOOD, "b,b,b, ,b.def,,,"], HEADER, 3, "field 'lef' is empty"),
        ([GOOD, "b,b,b,cells.lef,c.def,,,"], HEADER, 3, "a file of column 'def' does not exist, found"),
        ([GOOD, "b,b,b,cells.lef,.,,,"], HEADER, 3, "a file of column 'def' does not exist"),
        ([GOOD, "b,b,b,cells.lef;no.lef,b.def,,,"], HEADER, 3, "a file of column 'lef' does not exist"),
        ([GOOD, "b,b,b,cells.lef,b.def,no.drc,k,"], HEADER, 3, "a file of column 'report' does not exist"),
        ([GOOD, "b,b,b,cells.lef,b.def,a.drc,k,no.drc"], HEADER, 3, "a file of column 'report_repeats' does not exist"),
        ([GOOD, "b,b,b,cells.lef,b.def,a.drc,,"], HEADER, 3, "field 'label_kind' is empty beside a report"),
        ([GOOD, "b,b,b,cells.lef,a.def;b.def,,,"], HEADER, 3, "a row has one DEF and at most one report"),
        ([GOOD, "", GOOD], HEADER, 4, "a sample is named twice, found 'a'"),
        ([GOOD, "b,a,other,cells.lef,b.def,,,"], HEADER, 3, "design a is in two families, found 'other', expected 'a'"),
        ([GOOD, "b,b,b,cells.lef"], HEADER, 3, "a row with another number of fields than the header"),
        ([GOOD, GOOD + ",more"], HEADER, 3, "a row with another number of fields than the header"),
        ([GOOD, '"b,b,b,cells.lef,b.def,,,'], HEADER, 3, "not CSV"),
        ([GOOD, 'b,"b"x,b,cells.lef,b.def,,,'], HEADER, 3, "not CSV"),
    ],
)
def test_errors_name_file_and_line(folder: Path, rows: list[str], header: str, line: int, what: str) -> None:
    with pytest.raises(InputError, match=rf"manifest\.csv:{line}: {what}"):
        read_manifest(manifest(folder, *rows, header=header))


@pytest.mark.parametrize("data", [b"", HEADER.encode(), b"\x89PNG\r\n\x1a\n" * 9, b"\0" * 50, b"\n\n\n"])
def test_what_is_no_manifest(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "manifest.csv").write_bytes(data)
    with pytest.raises(InputError, match=r"manifest\.csv"):
        read_manifest(tmp_path / "manifest.csv")
    with pytest.raises(InputError, match=r"gone\.csv: the manifest cannot be read"):
        read_manifest(tmp_path / "gone.csv")


def test_sample_of_a_layout(layout: Layout) -> None:
    folder = layout.lef.parent
    (row,) = read_manifest(manifest(folder, manifest_row(layout, "one/1", "one")))
    sample = make_sample(row)
    design = read_design([layout.lef], layout.def_)
    grid = Grid.of(design)
    assert grid.tile_um == 1.4
    assert sample.features.shape == (len(CHANNELS), *grid.shape)
    np.testing.assert_array_equal(sample.features, feature_maps(design, grid))
    # By hand from the report: boxes at (5, 5), (9..9.2, 5) and (5, 9) um, tiles of 1.4 um from the die's corner.
    assert sample.hotspots is not None
    assert sample.violation_density is not None
    x0, y0 = (edge / design.dbu_per_micron for edge in grid.origin)
    tiles = {(int((y - y0) / 1.4), int((x - x0) / 1.4)) for x, y in ((5.05, 5.05), (9.1, 5.05), (5.05, 9.05))}
    assert {(int(r), int(c)) for r, c in np.argwhere(sample.hotspots)} == tiles
    assert sample.violation_density.sum() == 3
    assert sample.violated_nets == 2  # the supply net does not count
    assert sample.violated_net_ratio == 2 / sample.net_count
    assert sample.violated_net_map is not None
    assert sample.violated_net_map.sum() == pytest.approx(2)
    assert sample.label_kind == KIND
    assert sample.sources == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (layout.lef, layout.def_, layout.report)
    }


def test_without_a_report_there_is_no_label_and_the_same_features(layout: Layout) -> None:
    folder = layout.lef.parent
    rows = read_manifest(manifest(folder, manifest_row(layout, "a", "x"), manifest_row(layout, "b", "x", report=False)))
    labelled, plain = (make_sample(row) for row in rows)
    assert labelled.labelled
    assert not plain.labelled
    assert plain.label_kind == ""
    np.testing.assert_array_equal(labelled.features, plain.features)


def test_attributes_and_labels_never_become_inputs(layout: Layout) -> None:
    folder = layout.lef.parent
    (row,) = read_manifest(manifest(folder, manifest_row(layout, "a", "x")))
    other = dataclasses.replace(
        row, attributes={"utilization_percent": "99", "violations_by_iteration": "1 2 3"}, label_kind="another"
    )
    left, right = make_sample(row), make_sample(other)
    assert right.attributes == other.attributes
    np.testing.assert_array_equal(left.features, right.features)
    assert left.net_count == right.net_count
    assert left.grid == right.grid


def test_repeats_and_tile(layout: Layout) -> None:
    _, second = layout.nets
    repeat = layout.report.with_name("one.order1.drc")
    repeat.write_text(report_text(second, second))
    row = manifest_row(layout, "a", "x") + "one.order1.drc;one.drc"
    sample = make_sample(read_manifest(manifest(layout.lef.parent, row))[0], tile_um=2.8)
    assert sample.grid["tile_um"] == 2.8
    assert sample.repeat_hotspots is not None
    assert sample.repeat_hotspots.shape == (2, *sample.features.shape[1:])
    assert sample.repeat_violated_nets == (1, 2)


def test_files_of_one_name_in_two_folders_are_both_recorded(tmp_path: Path) -> None:
    layout = write_layout(tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.drc").write_bytes(layout.report.read_bytes() + b"\n" * len(name))
    (row,) = read_manifest(manifest(tmp_path, f"a,a,a,library.lef,one.def.gz,one/one.drc,{KIND},two/one.drc"))
    assert set(make_sample(row).sources) == {"library.lef", "one.def.gz", "one/one.drc", "two/one.drc"}


def test_a_library_that_is_written_anew_is_read_anew(tmp_path: Path) -> None:
    layout = write_layout(tmp_path)
    (row,) = read_manifest(manifest(tmp_path, manifest_row(layout, "a", "x")))
    make_sample(row)
    text = layout.lef.read_text()
    layout.lef.write_text(text.replace("MACRO NAND2_1\n", "MACRO NAND2_9\n").replace("END NAND2_1\n", "END NAND2_9\n"))
    with pytest.raises(InputError, match="NAND2_1"):
        make_sample(row)


def test_a_report_of_another_layout_is_refused(layout: Layout) -> None:
    folder = layout.lef.parent
    other = folder / "other.drc"
    other.write_text("violation type: Short\n\tsrcs: net:zz1 net:zz2\n\tbbox = (5, 5) - (6, 6) on Layer metal2\n")
    row = manifest_row(layout, "a", "x").replace("one.drc", "other.drc")
    with pytest.raises(InputError, match=r"other\.drc: the report does not belong to this layout"):
        make_sample(read_manifest(manifest(folder, row))[0])


def test_an_unplaced_layout_is_refused(tmp_path: Path) -> None:
    layout = write_layout(tmp_path)
    text = gzip.decompress(layout.def_.read_bytes()).decode()
    import re

    layout.def_.write_text(re.sub(r"(- u7 \S+ .*?)\+ PLACED \( \S+ \S+ \) \S+", r"\1+ UNPLACED", text, count=1))
    row = manifest_row(layout, "a", "x")
    with pytest.raises(InputError, match="u7"):
        make_sample(read_manifest(manifest(tmp_path, row))[0])
