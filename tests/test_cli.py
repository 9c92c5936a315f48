"""The command: help with examples, errors in one line with their exit code, and nothing half-written."""

from __future__ import annotations

import dataclasses
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import cli
from placement_data.store import Store, write
from tests.layouts import Layout, manifest_row, write_layout, write_manifest
from tests.samples import CHANNEL_VERSION, CHANNELS, SPLIT, made_up_sample, made_up_samples, write_made_up_store

REPOSITORY = Path(__file__).resolve().parents[1]
VERBS = (
    ("ingest",), ("data", "show"), ("data", "verify"), ("data", "split"), ("data", "audit"), ("data", "lint"),
    ("data", "import-circuitnet"),
    ("data", "export-circuitnet"), ("search",), ("runs", "show"), ("runs", "list"), ("train",), ("evaluate",),
    ("score",), ("rank",), ("compare",), ("export",), ("export-optuna",), ("quickstart",),
)  # fmt: skip


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process: words to exit code, standard output and standard error."""

    def call(*words: object) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            cli.main.main([str(word) for word in words], prog_name="routenas")
        captured = capsys.readouterr()
        code = end.value.code
        assert isinstance(code, int)
        return Done(code, captured.out, captured.err)

    return call


@pytest.fixture
def folder(tmp_path: Path, layout: Layout) -> Path:
    """A folder with the layout's files, a manifest and nothing else."""
    for path in (layout.lef, layout.def_, layout.report):
        shutil.copy(path, tmp_path)
    write_manifest(tmp_path / "manifest.csv", [manifest_row(layout, "one/1", "one")])
    return tmp_path


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_one_line(done: Done, code: int, *what: str) -> None:
    assert done.code == code, done.err
    lines = done.err.strip().splitlines()
    assert len(lines) == 1, done.err
    assert lines[0].startswith("routenas: error: ")
    assert "Traceback" not in done.err
    for part in what:
        assert part in lines[0], lines[0]


# --- help ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_has_an_example_and_a_seed(run: Run, verb: Sequence[str]) -> None:
    done = run(*verb, "--help")
    assert done.code == 0
    assert f"Example:\n    routenas {' '.join(verb)}" in done.out
    assert "--seed" in done.out


def test_the_main_help(run: Run) -> None:
    done = run("--help")
    assert done.code == 0
    for verb in VERBS:
        assert f"\n  {verb[0]} " in done.out
    assert "Exit codes:" in done.out
    assert "130  interrupted" in done.out
    assert run("--version").out.startswith("routenas, version ")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["serch"], "No such command 'serch'"),
        (["search", "data.h5"], "Missing option '--out'"),
        (["search", "data.h5", "--out", "x", "--trials", "0"], "0 is not in the range x>=1"),
        (["score", "--lef", "a", "--def", "b", "--model", "c", "--tile", "-1"], "-1.0 is not in the range x>0"),
        (["ingest", "m.csv", "-o", "x", "--nonsense"], "No such option"),
    ],
)
def test_wrong_command_lines(run: Run, words: list[str], what: str) -> None:
    assert_one_line(run(*words), 2, what, "--help'")


def test_no_arguments_at_all(run: Run) -> None:
    done = run()
    assert done.code == 2
    assert "Usage: routenas" in done.out + done.err


# --- ingest, data -------------------------------------------------------------------------------------------------


def test_ingest_verify_show_split(run: Run, folder: Path, made_up_store: Path) -> None:
    out = folder / "data.h5"
    done = run("ingest", folder / "manifest.csv", "-o", out, "--seed", 3)
    assert done.code == 0, done.err
    assert "1 placements written" in done.out
    assert run("data", "verify", out).out.startswith(f"{out}: intact, 1 placements of 1 designs")
    assert "hand-written/iteration-0" in run("data", "show", out).out
    split = run("data", "split", made_up_store, "--seed", 4)
    assert sorted(json.loads(split.out)) == ["search", "test", "train"]
    assert run("data", "split", made_up_store, "--seed", 4, "-o", folder / "split.json").code == 0
    assert json.loads((folder / "split.json").read_text()) == json.loads(split.out)


def test_ingest_appends_and_does_not_replace_without_being_told(run: Run, folder: Path, layout: Layout) -> None:
    out = folder / "data.h5"
    assert run("ingest", folder / "manifest.csv", "-o", out).code == 0
    before = listing(folder)
    assert_one_line(run("ingest", folder / "manifest.csv", "-o", out), 3, "the data set exists already", "--force")
    done = run("ingest", folder / "manifest.csv", "-o", out, "--append")
    assert done.code == 3
    assert "a sample of this name is in the data set already, found 'one/1'" in done.err
    assert listing(folder) == before
    write_manifest(folder / "more.csv", [manifest_row(layout, "one/2", "one")])
    assert run("ingest", folder / "more.csv", "-o", out, "--append").code == 0
    assert "2 placements" in run("data", "verify", out).out
    assert run("ingest", folder / "manifest.csv", "-o", out, "--force").code == 0
    assert out.read_bytes() == before["data.h5"]


def test_ingest_resumes_and_keeps_going(run: Run, folder: Path, layout: Layout) -> None:
    out = folder / "data.h5"
    (folder / "bad.def").write_text("VERSION 5.8 ;\n")
    bad = manifest_row(layout, "bad/1", "bad").replace("one.def.gz", "bad.def")
    write_manifest(folder / "manifest.csv", [manifest_row(layout, "one/1", "one"), bad])
    done = run("ingest", folder / "manifest.csv", "--out", out)
    assert (done.code, out.exists()) == (3, False)
    assert "1 placements that were read are kept for the next run in" in done.err
    assert done.err.splitlines()[-1].startswith("routenas: error: ")
    done = run("ingest", folder / "manifest.csv", "-o", out, "--keep-going", "--workers", 2)
    assert done.code == 3
    assert "routenas: skipped bad/1: " in done.err
    assert "1 placements: 0 unchanged, 1 kept from an interrupted run, 0 read, 1 skipped" in done.out
    write_manifest(folder / "manifest.csv", [manifest_row(layout, f"one/{number}", "one") for number in (1, 2)])
    done = run("ingest", folder / "manifest.csv", "-o", out, "--resume", "--workers", 2)
    assert done.code == 0, done.err
    assert "2 placements: 1 unchanged, 1 read\n" in done.out
    assert not list(folder.glob(".*"))
    assert_one_line(run("ingest", folder / "manifest.csv", "-o", out, "--resume", "--force"), 2, "exclude each other")
    words = ("ingest", folder / "manifest.csv", "-o", out, "--resume", "--channels", "all")
    assert_one_line(run(*words), 3, "channels of another version, found 'routability/1', expected all/2")
    assert_one_line(run(*words[:4], "--force", "--channels", "nine"), 2, "unknown channel set, found 'nine'")


def test_ingest_goes_on_with_the_channels_of_the_data_set(run: Run, folder: Path, layout: Layout) -> None:
    out = folder / "data.h5"
    words = ("ingest", folder / "manifest.csv", "-o", out)
    for number, options in enumerate([("--channels", "routenas17"), ("--append",), ("--resume",)]):
        rows = [manifest_row(layout, f"one/{each}", "one") for each in range(number + 1)]
        write_manifest(folder / "manifest.csv", rows[-1:] if "--append" in options else rows)
        done = run(*words, *options)
        assert done.code == 0, done.err
        store = Store(out)
        assert (store.names, store.channel_version) == (tuple(f"one/{n}" for n in range(number + 1)), "routenas17/1")
    assert "3 placements: 2 unchanged, 1 read" in done.out
    assert run(*words, "--force").code == 0
    assert Store(out).channel_version == "routability/1"


def test_another_channel_set_from_ingest_to_score(run: Run, tmp_path: Path, layout: Layout) -> None:
    layouts = [write_layout(tmp_path, f"l{seed}", seed, 120, layout.lef) for seed in range(3)]
    (tmp_path / layout.lef.name).write_bytes(layout.lef.read_bytes())
    rows = [manifest_row(each, f"{each.def_.stem}/1", f"f{number}") for number, each in enumerate(layouts)]
    write_manifest(tmp_path / "manifest.csv", rows)
    data, model = tmp_path / "data.h5", tmp_path / "model"
    assert run("ingest", tmp_path / "manifest.csv", "-o", data, "--channels", "circuitnet9").code == 0
    train = ("train", data, "--predictor", "tile-mlp", "--out", model, "--budget", "smoke")
    assert run(*train).code == 0
    assert json.loads((model / "model.json").read_text())["task"]["channel_version"] == "circuitnet9/1"
    score = ("score", "--lef", layout.lef, "--def", layouts[2].def_, "--model", model, "--json", tmp_path / "s.json")
    assert run(*score).code == 0
    assert json.loads((tmp_path / "s.json").read_text())["models"][0]["channel_version"] == "circuitnet9/1"
    assert run("ingest", tmp_path / "manifest.csv", "-o", data, "--force").code == 0
    done = run("evaluate", data, "--model", f"old={model}", "--baselines", "none")
    assert_one_line(done, 4, "channels, routability/1, lack some of the model's, circuitnet9/1, found 'rudy_long")


def test_audit(run: Run, tmp_path: Path, bundles: dict[str, Path]) -> None:
    samples = [
        dataclasses.replace(sample, sources={"a.def": f"{number:064x}"})
        for number, sample in enumerate(made_up_samples())
    ]
    data, split = tmp_path / "data.h5", tmp_path / "split.json"
    write(data, samples, CHANNELS, CHANNEL_VERSION)
    value = json.loads((bundles["hotspots"] / "model.json").read_text())["task"]["split"]
    split.write_text(json.dumps(value))
    words = ("data", "audit", data, "--split", split)
    done = run(
        *words, "--model", bundles["hotspots"], "--model", bundles["violated_nets"], "--json", tmp_path / "a.json"
    )
    assert (done.code, "0 leaks, 0 warnings" in done.out) == (0, True), done.out
    assert json.loads((tmp_path / "a.json").read_text())["models"] == [str(bundles[task]) for task in bundles]
    train, test = value["train"][0], value["test"][0]
    (tmp_path / "mine.csv").write_text(f"design,family\n{train},x\n{test},x\n")
    done = run(*words, "--families", tmp_path / "mine.csv", "--json", "-")
    assert done.code == 10
    (finding,) = json.loads(done.out)["findings"]
    assert (finding["code"], finding["severity"], finding["parts"]) == ("same-family", "leak", ["train", "test"])
    split.write_text(json.dumps({"train": value["test"], "search": value["search"], "test": value["train"]}))
    done = run(*words, "--model", bundles["hotspots"])
    assert (done.code, "LEAK model-saw-part" in done.out) == (10, True)
    assert_one_line(run("data", "audit", data, "--split", tmp_path / "gone.json"), 3, "the split cannot be read")
    assert_one_line(run(*words, "--model", tmp_path), 3, "not a model bundle")
    assert_one_line(run(*words, "--json", tmp_path / "no" / "a.json"), 3, "cannot write here")


def test_circuitnet_there_and_back(run: Run, tmp_path: Path, made_up_store: Path) -> None:
    folder, out = tmp_path / "circuitnet", tmp_path / "back.h5"
    done = run("data", "export-circuitnet", made_up_store, "-o", folder, "--layout", "raw")
    assert (done.code, done.out) == (0, f"{folder}: 24 placements written\n")
    assert_one_line(run("data", "export-circuitnet", made_up_store, "-o", folder), 3, "the folder exists")
    done = run("data", "import-circuitnet", folder, "-o", out)
    assert done.code == 0, done.err
    assert "24 placements written" in done.out
    assert_one_line(run("data", "import-circuitnet", folder, "-o", out), 3, "the data set exists already")
    assert "24 placements of 6 designs" in run("data", "verify", out).out
    next(folder.rglob("*.npy")).write_bytes(JUNK)
    before = listing(tmp_path)
    done = run("data", "import-circuitnet", folder, "-o", out, "--force")
    assert done.code == 3
    assert listing(tmp_path) == before
    done = run("data", "import-circuitnet", folder, "-o", out, "--force", "--keep-going")
    assert (done.code, "23 placements written" in done.out, "skipped" in done.err) == (3, True, True)


JUNK = bytes(range(256)) * 40


def binary(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(JUNK)


def empty(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(b"")


def gone(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def cut(name: str, share: float) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(share * len(data))])

    return apply


def cut_text(share: float) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        text = gzip.decompress((folder / "one.def.gz").read_bytes())
        (folder / "one.def.gz").write_bytes(gzip.compress(text[: int(share * len(text))]))

    return apply


def replaced(name: str, old: str, new: str) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        path = folder / name
        packed = name.endswith(".gz")
        text = (gzip.decompress(path.read_bytes()) if packed else path.read_bytes()).decode()
        assert old in text
        data = text.replace(old, new).encode()
        path.write_bytes(gzip.compress(data) if packed else data)

    return apply


LAYOUT_FAULTS = [
    (gone("library.lef"), "library.lef"),
    (empty("library.lef"), "library.lef"),
    (binary("library.lef"), "library.lef"),
    (cut("library.lef", 0.5), "library.lef"),
    (gone("one.def.gz"), "one.def.gz"),
    (empty("one.def.gz"), "one.def.gz"),
    (binary("one.def.gz"), "one.def.gz"),
    (cut("one.def.gz", 0.5), "one.def.gz"),
    (cut("one.def.gz", 0.99), "one.def.gz"),
    (cut_text(0.1), "one.def.gz"),
    (cut_text(0.6), "one.def.gz"),
    (cut_text(0.98), "one.def.gz"),
    (replaced("library.lef", "NAND2_1", "NAND2_9"), "NAND2_1"),
    (replaced("one.def.gz", "+ PLACED ( ", "+ PLACED ( x"), "one.def.gz:"),
    (replaced("one.def.gz", "UNITS DISTANCE MICRONS 2000", "UNITS DISTANCE MICRONS 0"), "one.def.gz:"),
]
REPORT_FAULTS = [
    (gone("one.drc"), "one.drc"),
    (binary("one.drc"), "one.drc"),
    (cut("one.drc", 0.7), "one.drc:"),
    (replaced("one.drc", "net:", "net:other/"), "the report does not belong to this layout"),
    (
        replaced("one.drc", "(5.0, 5.0) - (5.1, 5.1)", "(10000, 10000) - (10200, 10200)"),
        "the report does not belong to this layout",
    ),
    (binary("manifest.csv"), "manifest.csv"),
    (empty("manifest.csv"), "manifest.csv"),
    (gone("manifest.csv"), "manifest.csv"),
]


@pytest.mark.parametrize(("fault", "what"), LAYOUT_FAULTS + REPORT_FAULTS)
def test_faulty_input_of_ingest(run: Run, folder: Path, fault: Callable[[Path], object], what: str) -> None:
    fault(folder)
    before = listing(folder)
    assert_one_line(run("ingest", folder / "manifest.csv", "-o", folder / "data.h5"), 3, what)
    assert listing(folder) == before


@pytest.mark.parametrize(("fault", "what"), LAYOUT_FAULTS)
def test_faulty_layout_of_score(
    run: Run, folder: Path, bundles: dict[str, Path], fault: Callable[[Path], object], what: str
) -> None:
    fault(folder)
    before = listing(folder)
    done = run(
        "score", "--lef", folder / "library.lef", "--def", folder / "one.def.gz", "--model", bundles["hotspots"],
        "--json", folder / "o.json", "--csv", folder / "o.csv", "--png", folder / "o.png",
    )  # fmt: skip
    assert_one_line(done, 3, what)
    assert listing(folder) == before


def test_swapped_lef_and_def(run: Run, folder: Path, bundles: dict[str, Path]) -> None:
    words = ("score", "--model", bundles["hotspots"], "--lef", folder / "one.def.gz", "--def", folder / "library.lef")
    assert_one_line(run(*words), 3, "one.def.gz")


DATA_FAULTS = [
    (gone("data.h5"), "data.h5: cannot be read"),
    (empty("data.h5"), "data.h5: not a routenas data set"),
    (binary("data.h5"), "data.h5: not a routenas data set"),
    (cut("data.h5", 0.5), "data.h5: the data set is damaged"),
]


@pytest.mark.parametrize(("fault", "what"), DATA_FAULTS)
def test_faulty_data_set(
    run: Run, tmp_path: Path, made_up_store: Path, fault: Callable[[Path], object], what: str
) -> None:
    shutil.copy(made_up_store, tmp_path / "data.h5")
    fault(tmp_path)
    before = listing(tmp_path)
    data, out = tmp_path / "data.h5", tmp_path / "out"
    for words in (
        ("data", "show", data),
        ("data", "verify", data),
        ("data", "split", data, "-o", tmp_path / "split.json"),
        ("search", data, "--out", out),
        ("train", data, "--out", out, "--predictor", "unet"),
        ("evaluate", data, "--json", tmp_path / "table.json"),
    ):
        assert_one_line(run(*words), 3, what)
        assert listing(tmp_path) == before
        assert not out.exists()


# --- search, train, evaluate --------------------------------------------------------------------------------------


BAD_SPLITS = [
    (b"", "the split cannot be read"),
    (JUNK, "the split cannot be read"),
    (b"{}", "not a split"),
    (b'{"train": ["f0"], "search": ["f0"], "test": ["f1"]}', "a family is in two splits"),
    (b'{"train": ["f0"], "search": ["f1"], "test": ["zz"]}', "the split names a family that the data set lacks"),
    (b'{"train": [], "search": ["f0"], "test": ["f1"]}', "no labelled placement in the train split"),
]


@pytest.mark.parametrize(("text", "what"), BAD_SPLITS)
def test_faulty_splits(run: Run, tmp_path: Path, made_up_store: Path, text: bytes, what: str) -> None:
    (tmp_path / "split.json").write_bytes(text)
    for verb in ("search", "train"):
        words = [
            verb,
            made_up_store,
            "--out",
            tmp_path / "out",
            "--split",
            tmp_path / "split.json",
            "--budget",
            "smoke",
        ]
        words += ["--predictor", "tile-mlp"] if verb == "train" else []
        assert_one_line(run(*words), 3, what)
        assert [path.name for path in tmp_path.iterdir()] == ["split.json"]


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["search", "--budget", "huge"], 2, "no such budget, found 'huge', expected smoke, fast, full"),
        (["search", "--final-budget", "huge"], 2, "no such budget"),
        (["search", "--strategy", "evolutoin"], 2, "no such search strategy, found 'evolutoin', expected evolution"),
        (["search", "--preset", "other"], 2, "'other' is not one of 'extended', 'paper'"),
        (["train"], 2, "give one of --predictor, --architecture and --from"),
        (["train", "--predictor", "unett"], 2, "no such baseline, found 'unett'"),
        (["train", "--predictor", "rudy-mean"], 2, "no such baseline, found 'rudy-mean'"),
        (["train", "--predictor", "unet", "--budget", "huge"], 2, "no such budget"),
        (["train", "--architecture", "gone.json"], 3, "gone.json: cannot be read"),
    ],
)
def test_faulty_options_leave_no_folder(
    run: Run, tmp_path: Path, made_up_store: Path, words: list[str], code: int, what: str
) -> None:
    done = run(words[0], made_up_store, "--out", tmp_path / "out", *words[1:])
    assert_one_line(done, code, what)
    assert list(tmp_path.iterdir()) == []


def test_a_new_kit_from_a_model_to_a_table(
    run: Run, tmp_path: Path, made_up_store: Path, bundles: dict[str, Path]
) -> None:
    new = tmp_path / "new.h5"
    families = [made_up_sample(f"{name}/{n}", name, 5 * n + ord(name)) for name in "gklm" for n in range(2)]
    write(new, families, CHANNELS, CHANNEL_VERSION)
    words = ("train", new, "--from", bundles["hotspots"], "--placements", 2, "--budget", "smoke")
    done = run(*words, "--out", tmp_path / "tuned")
    assert done.code == 0, done.err
    assert (
        "| training placements | 2, not all of these families |" in (tmp_path / "tuned" / "MODEL_CARD.md").read_text()
    )
    assert_one_line(run(*words, "--out", tmp_path / "other", "--seeds", 2), 2, "--seeds has no use with --from")
    assert_one_line(
        run(*words, "--out", tmp_path / "other", "--predictor", "unet"),
        2,
        "one of --predictor, --architecture and --from",
    )
    assert not (tmp_path / "other").exists()
    table = run("evaluate", new, "--model", bundles["hotspots"])
    assert table.code == 0, table.err
    assert "hotspots on unseen families: 8 placements of 4 designs" in table.out
    known = run("evaluate", new, "--model", tmp_path / "tuned", "--part", "unseen", "--baselines", "none")
    assert known.code == 0, known.err


def test_search_and_what_follows(run: Run, tmp_path: Path, made_up_store: Path, folder: Path) -> None:
    out = tmp_path / "run"
    words = ("search", made_up_store, "--out", out, "--budget", "smoke", "--final-budget", "smoke", "--finalists", "1")
    words = (*words, "--final-seeds", "1", "--threads", "1", "--strategy", "random")
    done = run(*words, "--trials", 2)
    assert done.code == 0, done.err
    assert f"model bundle: {out / 'model'}" in done.out
    assert "trial 2/2" in done.err
    assert len((out / "journal.jsonl").read_text().splitlines()) == 2
    before = listing(out)
    assert_one_line(run(*words, "--trials", 2), 3, "there is a run in this folder already", "--resume")
    assert_one_line(run(*words, "--trials", 2, "--resume", "--seed", 5), 3, "the run was started with another")
    assert listing(out) == before
    assert run(*words, "--trials", 3, "--resume").code == 0
    assert len((out / "journal.jsonl").read_text().splitlines()) == 3

    model = out / "model" / "model.json"
    again = ("train", made_up_store, "--architecture", model, "--out", tmp_path / "again", "--budget", "smoke")
    assert run(*again).code == 0
    assert_one_line(run(*again), 3, "there is something at this place already", "--force")
    assert run(*again, "--force", "--seeds", 2).code == 0
    model.write_text(model.read_text().replace('"architecture"', '"architect"'))
    assert_one_line(run(*again, "--force"), 3, "no architecture in this file")


def test_a_bundle_never_takes_the_place_of_other_files(run: Run, tmp_path: Path, made_up_store: Path) -> None:
    (tmp_path / "thesis.tex").write_text("words")
    words = ("train", made_up_store, "--predictor", "tile-mlp", "--out", tmp_path, "--budget", "smoke", "--force")
    assert_one_line(run(*words), 3, "cannot write a bundle here, found 'other files'")
    assert listing(tmp_path) == {"thesis.tex": b"words"}


def test_every_candidate_fails(run: Run, tmp_path: Path, made_up_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from routenas.estimators import scratch
    from routenas.training import DivergedError

    def fail(*_: object, **options: object) -> None:
        raise DivergedError("the loss is nan in epoch 1")

    monkeypatch.setattr(scratch, "fit", fail)
    done = run("search", made_up_store, "--out", tmp_path / "run", "--trials", 2)
    assert done.code == 5
    assert done.err.splitlines()[-1] == (
        "routenas: error: all 2 candidates failed; the last one: the loss is nan in epoch 1"
    )


def test_evaluate(run: Run, tmp_path: Path, made_up_store: Path, bundles: dict[str, Path]) -> None:
    path = tmp_path / "table.json"
    done = run(
        "evaluate", made_up_store, "--model", f"ours={bundles['hotspots']}", "--baselines", "rudy,tile-mlp",
        "--budget", "smoke", "--seeds", 2, "--json", path,
    )  # fmt: skip
    assert done.code == 0, done.err
    rows = {row["name"]: row for row in json.loads(path.read_text())["rows"]}
    assert list(rows) == ["ours", "rudy", "tile-mlp"]
    assert all(0 <= row["metrics"]["roc_auc"]["mean"] <= 1 for row in rows.values())
    assert "ours" in done.out
    assert "ceiling (other net orders)" in done.out


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["--baselines", "rudy,nonsense"], 2, "no such baseline, found 'nonsense'"),
        (["--budget", "huge"], 2, "no such budget"),
        (["--json", "nowhere/at/all.json"], 3, "nowhere/at/all.json: cannot write here"),
        (["--model", "gone"], 3, "gone/model.json: not a model bundle"),
        (["--model", "MODEL", "--model", "MODEL"], 2, "two rows of one name"),
        (["--model", "rudy=MODEL", "--baselines", "rudy"], 2, "two rows of one name, 'rudy'"),
        (
            ["--model", "a=MODEL", "--task", "violated_nets", "--baselines", "none"],
            4,
            "for another task: hotspots",
        ),
        (["--model", "a=MODEL", "--split", "SPLIT", "--baselines", "none"], 3, "was trained or chosen on a family of"),
    ],
)
def test_faulty_evaluations(
    run: Run, tmp_path: Path, made_up_store: Path, bundles: dict[str, Path], words: list[str], code: int, what: str
) -> None:
    value = json.loads((bundles["hotspots"] / "model.json").read_text())["task"]["split"]
    swapped = {"train": value["test"], "search": value["search"], "test": value["train"]}
    (tmp_path / "split.json").write_text(json.dumps(swapped))
    names = {"MODEL": str(bundles["hotspots"]), "SPLIT": str(tmp_path / "split.json")}
    for name, text in names.items():
        words = [word.replace(name, text) for word in words]
    assert_one_line(run("evaluate", made_up_store, *words), code, what)


# --- score --------------------------------------------------------------------------------------------------------


def score_words(folder: Path, bundles: dict[str, Path]) -> list[object]:
    words: list[object] = ["score", "--lef", folder / "library.lef", "--def", folder / "one.def.gz"]
    return [*words, *(word for model in bundles.values() for word in ("--model", model))]


def test_score(run: Run, folder: Path, bundles: dict[str, Path]) -> None:
    outputs = {kind: folder / f"out.{kind}" for kind in ("json", "csv", "png")}
    options = [word for kind, path in outputs.items() for word in (f"--{kind}", path)]
    done = run(*score_words(folder, bundles), *options, "--timings", "--seed", 1)
    assert done.code == 0, done.err
    assert done.err == ""
    value = json.loads(outputs["json"].read_text())
    assert value["schema"] == "routenas.score/1"
    rows, columns = value["grid"]
    assert len(outputs["csv"].read_text().splitlines()) == rows * columns + 1
    assert outputs["png"].read_bytes().startswith(b"\x89PNG")
    assert "violated nets:" in done.out
    for stage in ("start-up and imports", "load models", "parse", "features", "infer", "write", "all"):
        assert f"\n{stage} " in done.out
    assert sorted(set(listing(folder))) == sorted(
        ["library.lef", "one.def.gz", "one.drc", "manifest.csv", "out.json", "out.csv", "out.png"]
    )
    assert run(*score_words(folder, bundles), "--json", outputs["json"]).code == 0
    again = json.loads(outputs["json"].read_text())
    assert {**again, "timing": 0} == {**value, "timing": 0}


def test_score_refusals(run: Run, folder: Path, bundles: dict[str, Path]) -> None:
    words = score_words(folder, bundles)
    before = listing(folder)
    assert_one_line(run(*words, "--model", bundles["hotspots"]), 4, "two models for the task 'hotspots'")
    assert_one_line(run(*words, "--json", folder / "no" / "o.json"), 3, "no/o.json: cannot write here")
    assert_one_line(run(*words, "--csv", folder), 3, "cannot write here, found 'a folder'")
    assert_one_line(run(*words, "--tile", 0.001), 3, "too small for a die")
    only = score_words(folder, {"violated_nets": bundles["violated_nets"]})
    for kind in ("csv", "png"):
        assert_one_line(run(*only, f"--{kind}", folder / "o"), 4, "a map needs a hotspot model")
    assert listing(folder) == before


@pytest.mark.parametrize(
    ("fault", "code", "what"),
    [
        (gone("model.json"), 3, "model.json: not a model bundle"),
        (binary("model.json"), 3, "model.json: not JSON"),
        (binary("weights.safetensors"), 3, "weights.safetensors: the weights are damaged"),
        (cut("weights.safetensors", 0.5), 3, "weights.safetensors: the weights are damaged"),
        (replaced("model.json", "routenas-model/3", "routenas-model/9"), 4, "schema 'routenas-model/9'"),
        (replaced("model.json", '"channel_version": "', '"channel_version": "9'), 3, "its SHA-256 is another"),
    ],
)
def test_faulty_bundles(
    run: Run, folder: Path, bundles: dict[str, Path], fault: Callable[[Path], object], code: int, what: str
) -> None:
    shutil.copytree(bundles["hotspots"], folder / "model")
    fault(folder / "model")
    before = listing(folder)
    words = score_words(folder, {"hotspots": folder / "model"})
    assert_one_line(run(*words, "--json", folder / "o.json", "--png", folder / "o.png"), code, what)
    assert listing(folder) == before


# --- the process --------------------------------------------------------------------------------------------------


def test_internal_errors_are_one_line_too(run: Run, made_up_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("placement_data.store.Store", broken)
    done = run("data", "show", made_up_store)
    assert_one_line(done, 1, "internal error, please report it: ZeroDivisionError: two")
    monkeypatch.setenv("ROUTENAS_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main.main(["data", "show", str(made_up_store)])


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "cli", *(str(word) for word in words)]


def test_an_interruption_ends_with_130(tmp_path: Path) -> None:
    data = write_made_up_store(tmp_path / "data.h5")
    out = tmp_path / "run"
    words = command("search", data, "--out", out, "--trials", 500, "--budget", "fast", "--threads", 1)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        words, cwd=REPOSITORY, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for _ in range(600):
        if (out / "config.json").exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    # Where the signal comes while CPython runs a string of code (an import that makes classes), the interpreter ends by
    # the signal itself although the interrupt was handled; a shell reports 130 for both.
    assert process.returncode in (130, -signal.SIGINT), errors
    assert errors.splitlines()[-1] == "routenas: error: interrupted (the same command with --resume goes on)"
    assert "Traceback" not in errors


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_ingest_loses_nothing(run: Run, tmp_path: Path, layout: Layout, how: signal.Signals) -> None:
    for path in (layout.lef, layout.def_, layout.report):
        shutil.copy(path, tmp_path)
    rows = [manifest_row(layout, f"one/{number}", "one") for number in range(400)]
    write_manifest(tmp_path / "manifest.csv", rows)
    out, parts = tmp_path / "data.h5", tmp_path / ".data.h5.parts"
    words = ("ingest", tmp_path / "manifest.csv", "-o", out, "--workers", 2)
    process = subprocess.Popen(
        command(*words), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    for _ in range(600):
        if len(list(parts.glob("[!.]*.h5"))) >= 3 or process.poll() is not None:
            break
        time.sleep(0.05)
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    if how == signal.SIGINT:
        assert process.returncode in (130, -signal.SIGINT), errors
        assert errors.splitlines()[-1] == "routenas: error: interrupted"
    assert "Traceback" not in errors
    assert not out.exists()
    for _ in range(100):  # a process may finish what it was at
        count = len(list(parts.glob("[!.]*.h5")))
        time.sleep(0.2)
        if len(list(parts.glob("[!.]*.h5"))) == count:
            break
    assert 3 <= count < 400
    write_manifest(tmp_path / "manifest.csv", rows[: count // 2])
    done = run("ingest", tmp_path / "manifest.csv", "-o", out)
    assert done.code == 0, done.err
    assert f"{count // 2} placements: 0 unchanged, " in done.out
    kept = int(done.out.partition("unchanged, ")[2].split()[0])
    assert 1 <= kept <= count // 2
    assert not list(tmp_path.glob(".*"))


def test_a_closed_pipe_is_no_error_message(made_up_store: Path) -> None:
    process = subprocess.Popen(
        command("data", "split", made_up_store), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(60) == -signal.SIGPIPE
    assert errors == ""


def test_the_samples_of_the_fixture_are_those_of_its_split() -> None:
    assert {sample.family for sample in made_up_samples()} == {*SPLIT.train, *SPLIT.search, *SPLIT.test}


def test_layouts_are_made_alike(tmp_path: Path, layout: Layout) -> None:
    again = write_layout(tmp_path)
    assert again.def_.read_bytes() == layout.def_.read_bytes()
