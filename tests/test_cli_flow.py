"""score of many layouts and with gates, rank, compare: what goes where, and every exit code."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from routenas.flow.values import VALUES
from tests.layouts import Layout, write_layout, write_manifest
from tests.test_cli import REPOSITORY, Run, assert_one_line, listing
from tests.test_cli import run as run


@pytest.fixture
def tries(tmp_path: Path, layout: Layout) -> Path:
    """Three placements of the design "one", and the library."""
    shutil.copy(layout.lef, tmp_path)
    for number in (3, 4, 5):
        found = write_layout(tmp_path, "one", seed=number, lef=layout.lef)
        found.def_.rename(tmp_path / f"try_{number}.def.gz")
        found.report.unlink()
    return tmp_path


def batch(tries: Path, bundles: dict[str, Path], *more: object) -> list[object]:
    models = [word for model in bundles.values() for word in ("--model", model)]
    defs = sorted(tries.glob("try_*"))
    return ["score", "--lef", tries / "library.lef", "--def", *defs, *models, "--out", tries / "out", *more]


def table(folder: Path) -> list[dict[str, str]]:
    with open(folder / "summary.csv", newline="") as file:
        return list(csv.DictReader(file))


def without_time(path: Path) -> dict[str, Any]:
    value = json.loads(path.read_text())
    assert isinstance(value, dict)
    return {**value, "timing": 0}


# --- many layouts -------------------------------------------------------------------------------------------------


def test_a_batch_has_what_one_by_one_has(run: Run, tries: Path, bundles: dict[str, Path]) -> None:
    done = run(*batch(tries, bundles))
    assert done.code == 0, done.err
    assert done.out == ""
    assert done.err.splitlines()[-1] == f"{tries / 'out'}: 3 scored, 0 unchanged, 0 failed"
    names = ["try_3", "try_4", "try_5"]
    assert sorted(path.name for path in (tries / "out").glob("[!.]*")) == [
        "summary.csv", *(f"{name}.json" for name in names),
    ]  # fmt: skip
    one = ["score", "--lef", tries / "library.lef", "--def", tries / "try_4.def.gz", "--json", tries / "4.json"]
    assert run(*one, *(word for model in bundles.values() for word in ("--model", model))).code == 0
    assert without_time(tries / "4.json") == without_time(tries / "out" / "try_4.json")
    rows = table(tries / "out")
    assert [row["sample"] for row in rows] == names
    value = without_time(tries / "4.json")
    assert rows[1]["file"] == "try_4.json"
    assert float(rows[1]["violated_nets"]) == value["violated_nets"]["predicted"]
    assert float(rows[1]["hotspot_max"]) == value["hotspots"]["max"]
    assert int(rows[1]["warnings"]) == len(value["warnings"])
    assert rows[1]["warning_codes"].split(";") == list(dict.fromkeys(one["code"] for one in value["warnings"]))


def test_what_is_done_is_known_by_its_content(run: Run, tries: Path, bundles: dict[str, Path]) -> None:
    assert run(*batch(tries, bundles)).code == 0
    before, summary = listing(tries / "out"), (tries / "out" / "summary.csv").read_bytes()
    os.utime(tries / "try_3.def.gz", (1, 1))
    assert "0 scored, 3 unchanged" in run(*batch(tries, bundles)).err
    assert listing(tries / "out") == before
    shutil.copy(tries / "try_5.def.gz", tries / "try_4.def.gz")  # other content
    (tries / "out" / "try_3.json").write_text('{"schema": "routenas.score/1"')  # damaged
    (tries / "out" / ".try_3.json.0123abcd.json").write_text("{")  # half-written by a killed run
    (tries / "out" / "summary.csv").unlink()
    assert "2 scored, 1 unchanged" in run(*batch(tries, bundles)).err
    assert (tries / "out" / "summary.csv").read_bytes() != summary
    assert not list((tries / "out").glob(".try*"))
    assert without_time(tries / "out" / "try_3.json")["key"] == json.loads(before["try_3.json"])["key"]
    only = {"hotspots": bundles["hotspots"]}
    assert "3 scored, 0 unchanged" in run(*batch(tries, only)).err  # other models
    assert "3 scored, 0 unchanged" in run(*batch(tries, only, "--top", 1)).err  # other settings


def test_one_bad_layout_does_not_end_it(run: Run, tries: Path, bundles: dict[str, Path]) -> None:
    assert run(*batch(tries, bundles)).code == 0
    (tries / "try_4.def.gz").write_bytes(b"no DEF")
    done = run(*batch(tries, bundles, "--fail-if", "warnings >= 0"))
    assert done.code == 3  # goes before the gate's 10
    (line,) = (line for line in done.err.splitlines() if "failed try_4" in line)
    assert re.fullmatch(r"routenas: failed try_4: .*try_4\.def\.gz:1: not a DEF file.*", line)
    assert "0 scored, 2 unchanged, 1 failed, 2 with a gate that tripped" in done.err
    assert not (tries / "out" / "try_4.json").exists()  # the older result is not of this file
    rows = table(tries / "out")
    assert [bool(row["error"]) for row in rows] == [False, True, False]
    assert rows[1]["error"].startswith(f"{tries / 'try_4.def.gz'}:1: not a DEF file")
    assert rows[1]["hotspot_max"] == ""
    (tries / "try_3.def.gz").unlink()
    assert_line = run(*batch(tries, bundles)[:4], tries / "try_3.def.gz", *batch(tries, bundles)[6:])
    assert assert_line.code == 3
    assert "try_3.def.gz: No such file or directory" in assert_line.err


def test_an_internal_error_is_told_as_one(
    run: Run, tries: Path, bundles: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("x")

    monkeypatch.setattr("routenas.scoring.find_regions", broken)
    done = run(*batch(tries, bundles))
    assert done.code == 1
    assert "failed try_3: internal error, please report it: ZeroDivisionError: x" in done.err
    assert "internal error: ZeroDivisionError" in table(tries / "out")[0]["error"]


def test_a_manifest(run: Run, tries: Path, bundles: dict[str, Path]) -> None:
    rows = [
        "a/3,one,f,library.lef,try_3.def.gz,",
        "../x,one,f,library.lef,try_4.def.gz,metal2-metal3",
        ".b,one,f,library.lef,gone.def,",
        "summary,one,f,library.lef;library.lef,try_5.def.gz,metal77",
    ]
    manifest = write_manifest(tries / "m.csv", rows, "sample,design,family,lef,def,routing_layers")
    words = ["score", "--manifest", manifest, "--model", bundles["hotspots"], "--out", tries / "out"]
    done = run(*words, "--routing-layers", "metal2")
    assert done.code == 3
    assert sorted(path.name for path in (tries / "out").glob("[!.]*")) == ["%2E.%2Fx.json", "a%2F3.json", "summary.csv"]
    assert without_time(tries / "out" / "a%2F3.json")["routing_layers"] == "metal2"
    assert without_time(tries / "out" / "%2E.%2Fx.json")["routing_layers"] == "metal2-metal3"
    found = table(tries / "out")
    assert [row["sample"] for row in found] == ["a/3", "../x", ".b", "summary"]
    assert "gone.def" in found[2]["error"]
    assert "there is no such routing layer, found 'metal77'" in found[3]["error"]
    (tries / "m.csv").write_text("sample\nx\n")
    assert_one_line(run(*words), 3, "m.csv:1: column 'design' is missing")


def test_workers_write_the_same(run: Run, tries: Path, bundles: dict[str, Path]) -> None:
    assert run(*batch(tries, bundles)).code == 0
    alone = {path.name: without_time(path) for path in (tries / "out").glob("[!.]*.json")}
    shutil.rmtree(tries / "out")
    (tries / "try_6.def.gz").write_bytes(b"")
    done = run(*batch(tries, bundles, "--workers", 2))
    assert done.code == 3
    assert "3 scored, 0 unchanged, 1 failed" in done.err
    assert {path.name: without_time(path) for path in (tries / "out").glob("[!.]*.json")} == alone


def contents(folder: Path) -> dict[str, bytes]:
    """All files byte for byte, but for the seconds in them."""
    timing = re.compile(rb'"timing": \{[^}]*\}')
    return {path.name: timing.sub(b"", path.read_bytes()) for path in folder.iterdir()}


def test_killed_and_gone_on_with(tries: Path, bundles: dict[str, Path], run: Run) -> None:
    for number in range(10, 30):
        shutil.copy(tries / f"try_{3 + number % 3}.def.gz", tries / f"try_{number}.def.gz")
    words = [str(word) for word in batch(tries, {"hotspots": bundles["hotspots"]})]
    assert run(*words).code == 0
    whole = contents(tries / "out")
    shutil.rmtree(tries / "out")
    there = 0
    for kill in (os.kill, os.killpg):  # its workers live a little longer, or die with it
        there = killed(kill, words, tries / "out", there + 3)
    done = run(*words)
    assert done.code == 0, done.err
    assert f"{23 - there} scored, {there} unchanged, 0 failed" in done.err
    assert contents(tries / "out") == whole


def killed(kill: Callable[[int, int], None], words: list[str], out: Path, number: int) -> int:
    """Kill a batch of two processes when so many layouts are done; how many are when the last process is gone."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *words, "--workers", "2"],
        env=environment, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    while process.poll() is None and len(list(out.glob("[!.]*.json"))) < number:
        time.sleep(0.002)
    kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_until_gone(process.pid)
    there = len(list(out.glob("[!.]*.json")))
    assert number <= there < 23
    return there


def wait_until_gone(group: int) -> None:
    """Workers whose parent is no more end with the layout that they have."""
    for _ in range(6000):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    raise AssertionError("a worker outlives its parent")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--def", "a", "b"], "several layouts go into a folder: give --out"),
        (["--def", "."], "several layouts go into a folder: give --out"),
        (["--def", "a", "--executor", "ray"], "--executor is for many layouts, in a folder --out"),
        (["--def", "a", "--workers", "2"], "--workers is for many layouts, in a folder --out"),
        (["--manifest", "m.csv"], "--manifest is for many layouts, in a folder --out"),
        (["--out", "o", "--def", "a", "--json", "x"], "--json is for one layout, without --out"),
        (["--out", "o", "--def", "a", "--name", "x"], "--name is for one layout, without --out"),
        (["--out", "o", "--manifest", "m.csv"], "--manifest names all layouts and their LEF: give no other"),
        (["--out", "o"], "with --out give layouts as --lef and --def, or as a --manifest"),
        (["--out", "o", "--aux", "a"], "with --out give layouts as --lef and --def, or as a --manifest"),
        (["--def", "a", "--fail-if", "hotspot_areas > 1"], "no such number of a score, found 'hotspot_areas'"),
        (["--def", "a", "--fail-if", "x"], "not a gate, found 'x'"),
    ],
)  # fmt: skip
def test_words_of_score_that_make_no_sense(run: Run, words: list[str], what: str) -> None:
    assert_one_line(run("score", "--model", "m", "--lef", "l", *words), 2, what)


def test_a_folder_is_all_layouts_in_it_and_below(run: Run, tries: Path, bundles: dict[str, Path]) -> None:
    for place in ("a/b", "c"):
        (tries / place).mkdir(parents=True)
        shutil.copy(tries / "try_3.def.gz", tries / place / "one.def.gz")
    (tries / "c" / "two.def").write_bytes(gzip.decompress((tries / "try_4.def.gz").read_bytes()))
    (tries / "c" / "two.drc").write_text("no layout")
    words = ["score", "--lef", tries / "library.lef", "--model", bundles["hotspots"], "--out", tries / "out"]
    assert run(*words, "--def", tries).code == 0
    names = [row["sample"] for row in table(tries / "out")]
    assert names == ["b/one", "c/one", "two", "try_3", "try_4", "try_5"]  # in order of a/b, c, try_3 ...
    assert (tries / "out" / "b%2Fone.json").exists()

    (tries / "none").mkdir()
    what = f"{tries / 'none'}: no layout is in this folder or below, expected files *.def or *.def.gz"
    assert_one_line(run(*words, "--def", tries / "c", tries / "none"), 3, what)
    assert_one_line(run(*words, "--def", tries / "c", tries / "c" / "two.def"), 3, "a layout is given twice")


def test_faults_of_a_batch(run: Run, tries: Path, bundles: dict[str, Path]) -> None:
    words = batch(tries, {"hotspots": bundles["hotspots"]})
    assert_one_line(run(*words, "--fail-if", "violated_nets > 1"), 4, "needs a model of the task 'violated_nets'")
    assert not (tries / "out").exists()
    twice = [*words[:5], words[5], *words[5:]]
    assert_one_line(run(*twice), 3, "a layout is given twice")
    assert_one_line(run(*words, "--executor", "threads"), 2, "no such executor, found 'threads'")
    assert_one_line(run(*words, "--executor", "in-process", "--workers", "2"), 2, "processes")
    (tries / "out").write_text("a file")
    assert_one_line(run(*words), 3, f"{tries / 'out'}: cannot be written")


# --- gates --------------------------------------------------------------------------------------------------------


def test_a_gate_trips_after_all_is_written(run: Run, tries: Path, bundles: dict[str, Path]) -> None:
    words: list[object] = ["score", "--lef", tries / "library.lef", "--def", tries / "try_3.def.gz"]
    words += ["--model", bundles["hotspots"], "--json", tries / "o.json"]
    assert run(*words, "--fail-if", "hotspot_max > 1").code == 0
    (tries / "o.json").unlink()
    done = run(*words, "--fail-if", "hotspot_max > 100%", "--fail-if", "hotspot_max >= 0 and hotspot_tiles >= 0")
    assert done.code == 10
    assert done.err.startswith("routenas: gate tripped: hotspot_max >= 0 and hotspot_tiles >= 0 (hotspot_max is ")
    assert done.err.count("\n") == 1
    assert "hotspots:" in done.out
    assert without_time(tries / "o.json")["schema"] == "routenas.score/1"
    many = run(*batch(tries, bundles, "--fail-if", "nets > 1"))
    assert_one_line(many, 2, "no such number of a score, found 'nets'")
    rows = json.loads((tries / "o.json").read_text())["hotspots"]["max"]
    many = run(*batch(tries, bundles, "--fail-if", f"hotspot_max == {rows!r}"))
    assert many.code == 10
    assert "routenas: gate tripped: try_3: hotspot_max == " in many.err
    assert [bool(row["gates"]) for row in table(tries / "out")] == [True, False, False]


# --- rank and compare ---------------------------------------------------------------------------------------------


def test_rank_of_placements_is_rank_of_their_scores(run: Run, tries: Path, bundles: dict[str, Path]) -> None:
    assert run(*batch(tries, bundles)).code == 0
    files = [tries / "out" / f"try_{number}.json" for number in (3, 4, 5)]
    harm = {path.stem: without_time(path)["violated_nets"]["predicted"] for path in files}
    scored = [word for word in batch(tries, bundles)[1:] if word not in ("--out", tries / "out")]
    done = run("rank", *scored)
    assert done.code == 0, done.err
    order = json.loads(done.out)
    assert [one["name"] for one in order["candidates"]] == sorted(harm, key=lambda name: harm[name])
    assert order["schema"] == "routenas.rank/1"
    assert "one: 3 placements by violated_nets, least predicted harm first" in done.err
    done = run("rank", *files, "-o", tries / "order.csv", "--by", "hotspot_max")
    assert (done.code, done.out) == (0, "")
    with open(tries / "order.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["rank", "name", *VALUES]
    assert [float(row["hotspot_max"]) for row in rows] == sorted(float(row["hotspot_max"]) for row in rows)
    assert run("rank", *files, "--format", "csv").out.startswith("rank,name,")


def test_compare(run: Run, tries: Path, bundles: dict[str, Path]) -> None:
    assert run(*batch(tries, bundles)).code == 0
    before, after = tries / "out" / "try_3.json", tries / "out" / "try_4.json"
    done = run("compare", before, after)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"one: from {before} to {after}\n")
    piped = run("compare", before, after, "--json", "-")
    assert piped.err == done.out
    value = json.loads(piped.out)
    assert value["schema"] == "routenas.compare/1"
    change = value["totals"]["hotspot_mean"]
    assert change["after"] - change["before"] == change["change"]
    assert run("compare", before, before, "--json", tries / "c.json").code == 0
    same = json.loads((tries / "c.json").read_text())
    assert {one["verdict"] for one in same["totals"].values()} == {"same"}
    assert {one["change"] for one in same["regions"]} <= {"same"}


def test_what_rank_and_compare_refuse(run: Run, tries: Path, bundles: dict[str, Path]) -> None:
    assert run(*batch(tries, bundles)).code == 0
    a, b, c = (tries / "out" / f"try_{number}.json" for number in (3, 4, 5))
    value = json.loads(b.read_text())
    b.write_text(json.dumps({**value, "design": "two"}))
    c.write_text(json.dumps({**value, "models": value["models"][:1]}))
    for words in (("rank", a, b), ("compare", a, b)):
        assert_one_line(run(*words), 3, f"{b}: another design than that of {a}, found 'two', expected 'one'")
    for words in (("rank", a, c), ("compare", a, c)):
        assert_one_line(run(*words), 4, f"{c}: scored by other models than {a}")
    assert_one_line(run("rank", a, "--by", "x"), 2, "no such number of a score, found 'x'")
    assert_one_line(run("rank", a, a), 3, "a score is given twice")
    assert_one_line(run("rank"), 2, "give either scores (JSON files), or placements")
    assert_one_line(run("rank", a, "--def", "b"), 2, "give either scores (JSON files), or placements")
    assert_one_line(run("rank", "--def", "a", "--lef", "l"), 2, "Missing option '--model'")
    assert_one_line(run("rank", "--def", "a", "--model", "m"), 2, "Missing option '--lef'")
    assert_one_line(run("rank", a, "--model", "m"), 2, "scores are ranked as they are")
    assert_one_line(run("compare", a), 2, "Missing argument 'AFTER'")
    assert_one_line(run("hooks"), 2, "Missing argument '{orfs}'. Choose from: orfs (see")
    assert_one_line(run("compare", a, tries / "gone.json"), 3, "gone.json")
    assert_one_line(run("compare", a, b, "--json", b), 3, "--json would overwrite an input")
    assert_one_line(run("rank", a, "-o", a), 3, "would overwrite an input")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not a score, expected the schema routenas.score/1"),
        (
            '{"schema": "routenas.score/2"}',
            "not a score, found 'routenas.score/2', expected the schema routenas.score/1",
        ),
        ('{"schema": "routenas.score/1"}', "the score is incomplete or damaged, found 'KeyError"),
        ('{"schema": "routenas.score/1", "regions": [{"box_um": [0, 0, 0, 1], "score": 1, "tiles": 1}]}', "damaged"),
        ('{"schema": "routenas.score/1", "regions": [], "hotspots": {"max": NaN}, "tile_um": 1}', "damaged"),
        ('{"schema": "routenas.score/1", "regions": [], "hotspots": 3, "tile_um": 1}', "damaged"),
    ],
)
def test_files_that_are_no_scores(run: Run, tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)
    assert_one_line(run("rank", path), 3, f"{path}: {what}" if "damaged" not in what else what)
