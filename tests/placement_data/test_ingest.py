"""From a manifest to samples."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import multiprocessing
import os
import signal
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from placement_data import ingest as module
from placement_data.checks.verify import verify
from placement_data.errors import InputError
from placement_data.features import DEFAULT, channel_set, feature_maps
from placement_data.grid import Grid
from placement_data.ingest import Mode, Recipe, ingest, make_sample, read_manifest, sample_key
from placement_data.making import read_layout
from placement_data.manifest import ManifestRow
from placement_data.readers import read_design
from placement_data.store import Store, write
from placement_data.technology import technology
from tests.layouts import HEADER, KIND, Layout, manifest_row, report_text, write_layout, write_manifest
from tests.placement_data.readers.test_bookshelf import PL as PLACES
from tests.placement_data.readers.test_bookshelf import write as write_bookshelf

GOOD = "a,a,a,cells.lef,a.def,a.drc,k,"


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


def test_a_packed_manifest(folder: Path) -> None:
    path = manifest(folder, GOOD)
    packed = folder / "packed.csv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_manifest(packed) == read_manifest(path)
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"packed\.csv\.gz: gzip file is damaged or cut off"):
        read_manifest(packed)


ANY = "sample,design,family,lef,def,aux,odb,liberty"


def test_a_row_names_one_layout(folder: Path) -> None:
    for name in ("a.aux", "a.odb", "a.lib", "b.lib"):
        (folder / name).touch()
    rows = read_manifest(
        manifest(folder, "a,a,a,cells.lef,a.def,,,", "b,b,b,,,a.aux,,a.lib;b.lib", "c,c,c,,,,a.odb,", header=ANY)
    )
    assert [(row.kind, row.layout.name) for row in rows] == [("def", "a.def"), ("aux", "a.aux"), ("odb", "a.odb")]
    assert [len(row.liberty) for row in rows] == [0, 2, 0]
    (row,) = read_manifest(manifest(folder, "a,a,a,a.aux", header="sample,design,family,aux"))
    assert (row.lef, row.kind) == ((), "aux")


@pytest.mark.parametrize(
    ("row", "header", "line", "what"),
    [
        (
            "a,a,a,cells.lef,a.def,a.aux,,",
            ANY,
            2,
            "a row has one layout, found 'def and aux', expected def, aux",
        ),
        ("a,a,a,,,,,", ANY, 2, "a row has one layout, found 'none'"),
        ("a,a,a,cells.lef,,a.aux,,", ANY, 2, "field 'lef' beside 'aux', which has no use for it"),
        ("a,a,a,,a.def,,,", ANY, 2, "field 'lef' is empty"),
        ("a,a,a,,,no.aux,,", ANY, 2, "a file of column 'aux' does not exist, found 'no.aux'"),
        ("a,a,a,,,a.aux,,no.lib", ANY, 2, "a file of column 'liberty' does not exist"),
        ("a,a,a,", "sample,design,family,aux", 2, "field 'aux' is empty"),
        ("a,a,a,a.def", "sample,design,family,def", 1, "column 'lef' is missing"),
        ("a,a,a", "sample,design,family", 1, "column 'def' is missing, expected sample, design, family, one of def"),
    ],
)
def test_layout_errors_name_file_and_line(folder: Path, row: str, header: str, line: int, what: str) -> None:
    (folder / "a.aux").touch()
    with pytest.raises(InputError, match=rf"manifest\.csv:{line}: {what}"):
        read_manifest(manifest(folder, row, header=header))


def test_a_quoted_line_break_and_a_byte_order_mark(folder: Path) -> None:
    path = manifest(folder, 'a,a,a,cells.lef,a.def,"two\nlines \u2028 x"', "b,b,b,gone.lef,b.def,", header="")
    path.write_text("\ufeffsample,design,family,lef,def,note\n" + path.read_text().lstrip("\n"), encoding="utf-8")
    with pytest.raises(InputError, match=r"manifest\.csv:4: a file of column 'lef' does not exist"):
        read_manifest(path)


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
    with pytest.raises(InputError, match=r"gone\.csv: cannot be read"):
        read_manifest(tmp_path / "gone.csv")


def test_sample_of_a_layout(layout: Layout) -> None:
    folder = layout.lef.parent
    (row,) = read_manifest(manifest(folder, manifest_row(layout, "one/1", "one")))
    sample = make_sample(row)
    design = read_design([layout.lef], layout.def_)
    grid = Grid.of(design)
    assert grid.tile_um == 1.4
    assert sample.features.shape == (len(DEFAULT.channels), *grid.shape)
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


# --- whole data sets ----------------------------------------------------------------------------------------------


@pytest.fixture
def rows(tmp_path: Path) -> tuple[ManifestRow, ...]:
    """Four placements of three layouts that share a library; the last has no report."""
    one = write_layout(tmp_path, "one", 3, 60)
    two, three = (write_layout(tmp_path, name, seed, 60, one.lef) for name, seed in (("two", 4), ("three", 5)))
    lines = [
        manifest_row(one, "one/1", "one"),
        manifest_row(two, "two/1", "two"),
        manifest_row(three, "three/1", "three"),
        manifest_row(one, "one/2", "one", report=False),
    ]
    return read_manifest(manifest(tmp_path, *lines))


def counts(rows: Sequence[ManifestRow], out: Path, mode: Mode = "resume", recipe: Recipe | None = None) -> str:
    """What an ingest says it did, and a check of what it left."""
    done = ingest(rows, out, recipe, mode=mode)
    store = verify(out)
    assert store.names == tuple(row.sample for row in rows)
    assert not list(out.parent.glob(".*"))
    return str(done).partition(": ")[2]


def forbidden(*_: object, **__: object) -> None:
    raise AssertionError("a layout was read")


def test_the_file_is_the_same_for_any_number_of_workers(rows: tuple[ManifestRow, ...], tmp_path: Path) -> None:
    write(tmp_path / "values.h5", [make_sample(row) for row in rows], DEFAULT.channels, DEFAULT.version)
    for workers in (1, 2, 3):
        out = tmp_path / f"{workers}.h5"
        done = ingest(rows, out, workers=workers)
        assert (done.placements, done.read, done.unchanged, done.skipped) == (4, 4, 0, ())
        assert out.read_bytes() == (tmp_path / "values.h5").read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_what_did_not_change_is_not_read_again(
    rows: tuple[ManifestRow, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "data.h5"
    assert counts(rows, out) == "0 unchanged, 4 read"
    before = out.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(module, "make_sample", forbidden)
        assert counts(rows, out) == "4 unchanged, 0 read"
        assert out.read_bytes() == before
        assert counts(rows[::-1], out) == "4 unchanged, 0 read"
        assert counts(rows[1:], out) == "3 unchanged, 0 read, 1 dropped"
    assert counts(rows, out) == "3 unchanged, 1 read"
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layout": "two.def.gz"}, "3 unchanged, 1 read"),
        ({"report": "two.drc"}, "3 unchanged, 1 read"),
        ({"lef": "library.lef"}, "0 unchanged, 4 read"),
        ({"field": "attributes"}, "3 unchanged, 1 read"),
        ({"tile": "2.8"}, "0 unchanged, 4 read"),
    ],
)
def test_what_changed_is_read_again(
    rows: tuple[ManifestRow, ...], tmp_path: Path, change: dict[str, str], said: str
) -> None:
    out = tmp_path / "data.h5"
    counts(rows, out)
    recipe = Recipe(2.8) if "tile" in change else Recipe()
    for name in change.values():
        path = tmp_path / name
        if name.endswith(".gz"):
            path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"\n"))
        elif path.exists():
            path.write_text(path.read_text() + "\n")
    if "field" in change:
        rows = (rows[0], dataclasses.replace(rows[1], attributes={"seed": "1"}), *rows[2:])
    assert counts(rows, out, recipe=recipe) == said
    ingest(rows, tmp_path / "anew.h5", recipe)
    assert out.read_bytes() == (tmp_path / "anew.h5").read_bytes()


def test_the_key_knows_parts_and_names(rows: tuple[ManifestRow, ...], tmp_path: Path) -> None:
    row = rows[0]
    assert row.report is not None
    other = tmp_path / "renamed.drc"
    other.write_bytes(row.report.read_bytes())
    keys = {
        sample_key(changed, recipe)
        for changed, recipe in (
            (row, Recipe()),
            (row, Recipe(1.4)),
            (row, Recipe(channels="all")),
            (row, Recipe(liberty=(row.report,))),
            (dataclasses.replace(row, report=other), Recipe()),
            (dataclasses.replace(row, report=None, report_repeats=(row.report,)), Recipe()),
            (dataclasses.replace(row, label_kind="other"), Recipe()),
            (dataclasses.replace(row, family="other"), Recipe()),
        )
    }
    assert len(keys) == 8
    known = technology(read_layout(row))
    facts = {"key": sample_key(row, Recipe()), "layout": ["one.def.gz"], "liberty": [], "technology": known}
    assert make_sample(row).provenance == facts


def test_modes(rows: tuple[ManifestRow, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "data.h5"
    assert counts(rows[:2], out, "new") == "0 unchanged, 2 read"
    with pytest.raises(InputError, match="exists already, expected --resume, --append, --force or another name"):
        ingest(rows, out)
    assert str(ingest(rows[2:], out, mode="append")) == "2 placements: 0 unchanged, 2 read"
    assert Store(out).names == tuple(row.sample for row in rows)
    with pytest.raises(InputError, match="a sample of this name is in the data set already, found 'one/2'"):
        ingest(rows[3:], out, mode="append")
    for mode in ("resume", "append"):
        with pytest.raises(InputError, match="channels of another version, found 'routability/1', expected all/2"):
            ingest(rows, out, Recipe(channels="all"), mode=mode)  # type: ignore[arg-type]
    assert counts(rows, out, "force", Recipe(channels="circuitnet9")) == "0 unchanged, 4 read"
    assert Store(out).channels == channel_set("circuitnet9").channels
    with pytest.raises(InputError, match="unknown channel set, found 'nine'"):
        ingest(rows, out, Recipe(channels="nine"), mode="force")


def test_a_data_set_of_an_older_version_is_read_anew(rows: tuple[ManifestRow, ...], tmp_path: Path) -> None:
    out = tmp_path / "data.h5"
    samples = [dataclasses.replace(make_sample(row), provenance={}) for row in rows]
    write(out, samples, DEFAULT.channels, DEFAULT.version)
    assert counts(rows, out) == "0 unchanged, 4 read"


class StopError(BaseException):
    """What a test interrupts with."""


def interrupt(after: int) -> module.Tell:
    seen: list[str] = []

    def tell(sample: str, error: Exception | None) -> None:
        seen.append(sample)
        if len(seen) == after:
            raise StopError

    return tell


def test_an_interrupted_run_is_gone_on_with(rows: tuple[ManifestRow, ...], tmp_path: Path) -> None:
    out, left = tmp_path / "data.h5", []
    with pytest.raises(StopError):
        ingest(rows, out, tell=interrupt(2), kept=lambda count, folder: left.append((count, folder.name)))
    assert left == [(2, ".data.h5.parts")]
    assert not out.exists()
    parts = sorted((tmp_path / ".data.h5.parts").glob("*.h5"))
    parts[0].write_bytes(parts[0].read_bytes()[:-1])  # a damaged part is made anew
    (tmp_path / ".data.h5.x1.h5").touch()  # what a killed write leaves
    (tmp_path / ".data.h5.parts" / ".half.h5").touch()
    assert counts(rows, out, "new") == "0 unchanged, 1 kept from an interrupted run, 3 read"
    ingest(rows, tmp_path / "anew.h5")
    assert out.read_bytes() == (tmp_path / "anew.h5").read_bytes()


def test_force_takes_nothing_over(rows: tuple[ManifestRow, ...], tmp_path: Path) -> None:
    with pytest.raises(StopError):
        ingest(rows, tmp_path / "data.h5", tell=interrupt(2))
    assert counts(rows, tmp_path / "data.h5", "force") == "0 unchanged, 4 read"


def test_two_at_once_are_refused(rows: tuple[ManifestRow, ...], tmp_path: Path) -> None:
    out = tmp_path / "data.h5"
    refused = []

    def tell(sample: str, error: Exception | None) -> None:
        with pytest.raises(InputError, match="another ingest is at work on this data set") as caught:
            ingest(rows, out)
        refused.append(caught.value.exit_code)

    ingest(rows, out, tell=tell)
    assert refused == [3] * 4


def broken(rows: tuple[ManifestRow, ...]) -> None:
    """Make the second and third layouts unreadable."""
    rows[1].layout.write_text("VERSION 5.8 ;\n")
    rows[2].layout.write_bytes(b"\x1f\x8b")


@pytest.mark.parametrize("workers", [1, 2])
def test_the_first_bad_placement_stops_the_run(rows: tuple[ManifestRow, ...], tmp_path: Path, workers: int) -> None:
    broken(rows)
    with pytest.raises(InputError, match=r"two\.def\.gz"):
        ingest(rows, tmp_path / "data.h5", workers=workers)
    assert not (tmp_path / "data.h5").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_keep_going(rows: tuple[ManifestRow, ...], tmp_path: Path, workers: int) -> None:
    broken(rows)
    out, told = tmp_path / "data.h5", {}
    done = ingest(rows, out, workers=workers, keep_going=True, tell=lambda sample, error: told.update({sample: error}))
    assert [sample for sample, _ in done.skipped] == ["two/1", "three/1"]
    assert "three.def.gz" in str(done.skipped[1][1])
    assert [sample for sample, error in sorted(told.items()) if error is None] == ["one/1", "one/2"]
    assert str(done) == "2 placements: 0 unchanged, 2 read, 2 skipped"
    assert verify(out).names == ("one/1", "one/2")
    with pytest.raises(InputError, match=r"two\.def\.gz"):
        ingest(rows[1:3], tmp_path / "none.h5", keep_going=True)
    assert not (tmp_path / "none.h5").exists()


def test_killed_processes_cost_their_placements_alone(rows: tuple[ManifestRow, ...], tmp_path: Path) -> None:
    killed = False

    def tell(sample: str, error: Exception | None) -> None:
        nonlocal killed
        for child in [] if killed else multiprocessing.active_children():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
        killed = True

    done = ingest(rows, tmp_path / "data.h5", workers=2, keep_going=True, tell=tell)
    assert done.placements + len(done.skipped) == 4
    assert done.placements >= 2
    assert all("killed by SIGKILL" in str(error) for _, error in done.skipped)
    ingest(rows, tmp_path / "data.h5", mode="resume", workers=2)
    ingest(rows, tmp_path / "anew.h5")
    assert (tmp_path / "data.h5").read_bytes() == (tmp_path / "anew.h5").read_bytes()


def test_bookshelf_and_its_files(tmp_path: Path) -> None:
    aux = write_bookshelf(tmp_path, pl=PLACES + "u 20 8 : N\n")
    (row,) = read_manifest(manifest(tmp_path, f"a,a,a,{aux.name}", header="sample,design,family,aux"))
    sample = make_sample(row)
    assert set(sample.provenance["layout"]) == set(sample.sources) > {aux.name}
    assert any(name.endswith(".pl") for name in sample.sources)
    before = sample_key(row, Recipe())
    places = next(tmp_path.glob("*.pl"))
    places.write_text(places.read_text() + "\n")
    assert sample_key(row, Recipe()) != before


def test_an_open_database(layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.odb").write_bytes(b"database")
    design = read_design([layout.lef], layout.def_)
    monkeypatch.setattr("placement_data.readers.odb.read_odb", lambda path: design)
    (row,) = read_manifest(manifest(tmp_path, "a,a,a,a.odb", header="sample,design,family,odb"))
    np.testing.assert_array_equal(make_sample(row).features, feature_maps(design, Grid.of(design)))


def test_liberty_tells_the_registers(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "cells.lib").write_text("library (x) { cell (NAND2_1) { ff (IQ, IQN) { } } }\n")
    (row,) = read_manifest(manifest(layout.lef.parent, manifest_row(layout, "a", "x", report=False)))
    channel = DEFAULT.channels.index("register_density")
    plain, option, own = (
        make_sample(each, recipe=recipe)
        for each, recipe in (
            (row, Recipe()),
            (row, Recipe(liberty=(tmp_path / "cells.lib",))),
            (dataclasses.replace(row, liberty=(tmp_path / "cells.lib",)), Recipe()),
        )
    )
    assert option.features[channel].sum() > plain.features[channel].sum()
    np.testing.assert_array_equal(option.features, own.features)
    assert "cells.lib" in option.sources
