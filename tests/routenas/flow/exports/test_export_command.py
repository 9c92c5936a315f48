"""``routenas export``: files, undo files, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import cli
from placement_data.making import LayoutFiles, read_layout
from placement_data.reports import read_report
from placement_data.store import sha256
from routenas.flow.exports import EMITTERS, options_of
from tests.placement_data.synthetic import synthetic_def, synthetic_lef
from tests.routenas.flow.exports.scores import memory_box, run_tcl, score_of

STATED = {"density_means": "max", "layers": "metal3", "legaliser": "negotiation", "map_csv": "map.csv"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A layout and a score of it."""
    (tmp_path / "a.lef").write_text(synthetic_lef())
    (tmp_path / "a.def").write_text(synthetic_def(120, 5))
    files = LayoutFiles("def", tmp_path / "a.def", (tmp_path / "a.lef",))
    design = read_layout(files)
    x0, y0, _, _ = memory_box(design)
    inputs = {path.name: sha256(path) for path in files.all}
    boxes = [(x0 - 4000, y0 - 4000, x0 + 6000, y0 + 6000), tuple(design.die.tolist())]
    (tmp_path / "score.json").write_text(json.dumps(score_of(design, boxes, inputs=inputs)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def call(*words: str, layout: tuple[str, ...] = ("--lef", "a.lef", "--def", "a.def")) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            cli.main.main(["export", *words, *layout], prog_name="routenas")
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return call


def flags(kind: str) -> list[str]:
    needed = [name for name, needed in options_of(kind).items() if needed]
    return [
        word
        for name in needed
        for word in (f"--{'map' if name == 'map_csv' else name.replace('_', '-')}", STATED[name])
    ]


@pytest.mark.parametrize("kind", [kind for kind in EMITTERS if kind != "inflation"])
def test_every_kind(kind: str, folder: Path, run: Any) -> None:
    code, out, err = run(kind, "score.json", "-o", "fix.out", *flags(kind))
    assert (code, err) == (0, "")
    takes_back = kind.endswith(("-blockages", "-obstructions", "-padding")) and not kind.startswith("def")
    assert (folder / "fix.undo.out").exists() == takes_back
    assert out.startswith(f"{kind}: 1 of 2 regions acted on")
    assert ("fix.undo.out takes it back" in out) == takes_back
    before = (folder / "fix.out").read_bytes()
    run(kind, "score.json", "-o", "again.out", *flags(kind))
    assert (folder / "again.out").read_bytes() == before


def test_what_is_needed_must_be_stated(folder: Path, run: Any) -> None:
    needed = {kind: flags(kind) for kind in EMITTERS if flags(kind)}
    assert {kind: words[0] for kind, words in needed.items()} == {
        "openroad-obstructions": "--layers", "openroad-padding": "--legaliser", "innovus-blockages": "--density-means",
        "inflation": "--map",
    }  # fmt: skip
    for kind, words in needed.items():
        code, _, err = run(kind, "score.json", "-o", "fix.out")
        assert (code, err.count("\n")) == (2, 1)
        assert f"Missing option '{words[0]}', which {kind} cannot guess" in err
    assert not (folder / "fix.out").exists()


@pytest.mark.parametrize(("words", "code", "told"), [
    (("openroad-drc", "score.json", "-o", "x", "--density", "50"), 2, "--density has no use for openroad-drc"),
    (("openroad-markers", "score.json", "-o", "x", "--layers", "m"), 2, "which takes no options of its own"),
    (("tcl", "score.json", "-o", "x"), 2, "'tcl' is not one of"),
    (("openroad-drc", "score.json"), 2, "Missing option"),
    (("openroad-drc", "none.json", "-o", "x"), 3, "none.json"),
    (("openroad-drc", "a.def", "-o", "x"), 3, "a.def:1: JSON is broken"),
    (("openroad-drc", "list.json", "-o", "x"), 3, "list.json: this is no score, found 'list'"),
    (("openroad-drc", "score.json", "-o", "a.def"), 3, "-o would overwrite an input"),
    (("openroad-drc", "score.json", "-o", "score.json"), 3, "-o would overwrite an input"),
    (("openroad-blockages", "score.json", "-o", "x.tcl", "--undo", "./x.tcl"), 3, "are the same file"),
    (("openroad-obstructions", "score.json", "-o", "x", "--layers", "poly"), 3, "there is no such routing layer"),
    (("openroad-drc", "score.json", "-o", "no/x"), 3, "cannot write here"),
])  # fmt: skip
def test_errors(folder: Path, run: Any, words: tuple[str, ...], code: int, told: str) -> None:
    (folder / "list.json").write_text("[]")
    kept = (folder / "score.json").read_bytes()
    found, out, err = run(*words)
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert told in err
    assert (folder / "score.json").read_bytes() == kept
    assert not (folder / "x").exists()


@pytest.mark.parametrize("layout", [(), ("--lef", "a.lef"), ("--def", "a.def"), ("--lef", "a.lef", "--odb", "a.def")])
def test_the_layout_must_be_given(folder: Path, run: Any, layout: tuple[str, ...]) -> None:
    code, _, err = run("openroad-drc", "score.json", "-o", "x", layout=layout)
    assert (code, err.count("\n")) == (2, 1)
    assert "give the layout that was scored" in err


def test_another_layout_is_refused(folder: Path, run: Any) -> None:
    (folder / "b.def").write_text(synthetic_def(120, 6))
    code, _, err = run("openroad-drc", "score.json", "-o", "x", layout=("--lef", "a.lef", "--def", "b.def"))
    assert (code, err.count("\n")) == (3, 1)
    assert "b.def: this is not what was scored" in err


def test_standard_output_takes_the_file_alone(folder: Path, run: Any) -> None:
    code, out, err = run("openroad-drc", "score.json", "-o", "-")
    assert code == 0
    assert out.startswith("violation type: routenas_")
    assert err == "openroad-drc: 1 of 2 regions acted on\n"
    (folder / "x.rpt").write_text(out)
    assert len(read_report(folder / "x.rpt")) == 2


def test_options_reach_the_file(folder: Path, run: Any) -> None:
    run("openroad-blockages", "score.json", "-o", "fix.tcl", "--density", "33", "--undo", "back.tcl", "--max-area", "1")
    calls = run_tcl(folder, (folder / "fix.tcl").read_text())
    assert {call[7] for call in calls} == {"33"}
    assert len({call[2:6] for call in calls}) == len(calls) > 2  # the whole die is acted on, too
    assert (folder / "back.tcl").exists()
    assert not (folder / "fix.undo.tcl").exists()


def test_from_score_to_inflation(
    folder: Path, run: Any, bundles: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["score", "--lef", "a.lef", "--def", "a.def", "--model", str(bundles["hotspots"])]
    with pytest.raises(SystemExit) as end:
        cli.main.main([*words, "--json", "s.json", "--csv", "map.csv"], prog_name="routenas")
    assert not end.value.code
    capsys.readouterr()
    code, _, err = run("inflation", "s.json", "-o", "i.csv", "--map", "map.csv", "--max-ratio", "1.5")
    assert (code, err) == (0, "")
    rows = [line for line in (folder / "i.csv").read_text().splitlines() if not line.startswith(("#", "x0"))]
    ratios = [float(row.rpartition(",")[2]) for row in rows]
    assert len(rows) == len((folder / "map.csv").read_text().splitlines()) - 1
    assert 100 <= min(ratios) <= max(ratios) <= 150
    code, _, err = run("inflation", "score.json", "-o", "j.csv", "--map", "map.csv")
    assert code == 3
    assert "the map is of another score" in err


# --- score --emit -------------------------------------------------------------------------------------------------


def score(capsys: pytest.CaptureFixture[str], model: Path, *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        cli.main.main(
            ["score", "--lef", "a.lef", "--def", "a.def", "--model", str(model), *words], prog_name="routenas"
        )
    captured = capsys.readouterr()
    return int(end.value.code or 0), captured.out, captured.err


def test_score_emits_what_export_writes(
    folder: Path, run: Any, bundles: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = [kind for kind in EMITTERS if not flags(kind)]
    assert len(kinds) >= 6
    words = [word for kind in kinds for word in ("--emit", f"{kind}={kind}.out")]
    code, out, err = score(capsys, bundles["hotspots"], "--json", "s.json", *words)
    assert (code, err) == (0, "")
    assert json.loads((folder / "s.json").read_text())["regions"]
    for kind in kinds:
        assert f"{kind}: " in out
        assert run(kind, "s.json", "-o", "alone.out")[0] == 0
        assert (folder / "alone.out").read_bytes() == (folder / f"{kind}.out").read_bytes()
        assert (folder / "alone.undo.out").exists() == (folder / f"{kind}.undo.out").exists()
        if (folder / "alone.undo.out").exists():
            assert (folder / "alone.undo.out").read_bytes() == (folder / f"{kind}.undo.out").read_bytes()
            (folder / "alone.undo.out").unlink()


def test_an_emission_to_standard_output_is_alone_there(
    folder: Path, bundles: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = score(capsys, bundles["hotspots"], "--emit", "openroad-drc=-")
    assert code == 0
    assert out.startswith("violation type: routenas_")
    assert "hotspots: " not in out
    assert "openroad-drc: " in err


@pytest.mark.parametrize(("words", "code", "told"), [
    (("openroad-padding=x",), 2, "openroad-padding cannot guess --legaliser: write it with 'routenas export open"),
    (("inflation=x",), 2, "cannot guess --map"),
    (("tcl=x",), 2, "'tcl' is not one of"),
    (("openroad-drc",), 2, "'openroad-drc' is not KIND=PATH"),
    (("openroad-drc=",), 2, "is not KIND=PATH"),
    (("openroad-drc=a.def",), 3, "--emit openroad-drc=a.def would overwrite an input"),
    (("openroad-drc=no/x",), 3, "cannot write here"),
    (("openroad-blockages=x.tcl", "openroad-drc=x.undo.tcl"), 3, "are the same file"),
    (("openroad-drc=x", "--out", "scores"), 2, "--emit is for one layout"),
])  # fmt: skip
def test_an_emission_that_cannot_be_is_refused_before_the_work(
    folder: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, told: str
) -> None:
    found, out, err = score(capsys, Path("no-model"), "--emit", *words)  # a missing model would be the next error
    assert (found, out, err.count("\n")) == (code, "", 1)
    assert told in err
    assert sorted(path.name for path in folder.iterdir()) == ["a.def", "a.lef", "score.json"]


def test_an_emission_needs_a_hotspot_model(
    folder: Path, bundles: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = score(capsys, bundles["violated_nets"], "--emit", "openroad-drc=x")
    assert code == 4
    assert "--emit needs a hotspot model" in err
