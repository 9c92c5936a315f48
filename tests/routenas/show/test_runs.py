"""What ``routenas runs`` says of a run folder, and what a search leaves to look at."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from placement_data.errors import InputError
from placement_data.files import locked
from routenas import search
from routenas.architecture import Architecture
from routenas.results import Result, Trial
from routenas.settings import Settings
from routenas.show import pictures
from routenas.show.runs import RunSummary, network_text, run_text, runs_table, summaries
from routenas.show.watch import watched
from routenas.training import Budget
from searchspaces.flexible import FlexibleSpace
from searchspaces.nasbench201 import NasBench201Space
from tests.adapters.digits import Digits
from tests.test_cli import Run
from tests.test_cli import run as run

BRIEF = Budget("brief", epochs=2, batch=16, evaluations=1)
SPACE = NasBench201Space(channels=2, cells=1)
SETTINGS = Settings(
    space=SPACE.config(), trials=3, budget=BRIEF, final_budget=BRIEF, finalists=1, final_seeds=2, strategy="random"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs; the second was stopped behind its second trial."""
    folder = tmp_path_factory.mktemp("runs")
    for name in ("a", "b"):
        with watched(Digits(150), SETTINGS, folder / name) as events:
            search(Digits(150), folder / name, SETTINGS, events=events)
    journal = folder / "b" / "journal.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:2]))
    for path in (folder / "b" / "result.json", folder / "b" / "model" / "model.json"):
        path.unlink()
    return folder


def test_a_finished_run(folder: Path) -> None:
    run = RunSummary.of_folder(folder / "a")
    lines = [json.loads(line) for line in (folder / "a" / "journal.jsonl").read_text().splitlines()]
    best = max(lines, key=lambda line: line["value"])
    assert (run.state, run.trials, run.of, run.failed, run.epochs) == ("finished", 3, 3, 0, 6.0)
    assert run.best == {name: best[name] for name in ("trial", "hash", "value", "costs")}
    text = run_text(run)
    assert f"best: {best['value']:.4f} in trial {best['trial'] + 1}, {best['hash']}" in text
    assert "accuracy" in text
    assert f"network {best['hash']} of nas-bench-201:" in text
    json.dumps(run.to_dict(), allow_nan=False)


def test_runs_that_run_and_that_were_stopped(folder: Path) -> None:
    assert [run.state for run in summaries(folder)] == ["finished", "stopped"]
    with locked(folder / "b"):
        assert RunSummary.of_folder(folder / "b").state == "running"
    table = runs_table(summaries(folder)).splitlines()
    assert len(table) == 4
    assert "2/3" in table[3]
    with pytest.raises(InputError, match="no configuration of a run can be read"):
        RunSummary.of_folder(folder)
    with pytest.raises(InputError, match="no run in this folder or below it"):
        summaries(folder / "a" / "model")


def test_a_damaged_run_hides_no_other(folder: Path, tmp_path: Path, run: Run) -> None:
    shutil.copytree(folder, tmp_path / "runs")
    (tmp_path / "runs" / "a" / "config.json").write_text("{")
    with pytest.raises(InputError, match="no configuration of a run can be read"):
        summaries(tmp_path / "runs")
    damaged: list[InputError] = []
    assert [run.state for run in summaries(tmp_path / "runs", damaged.append)] == ["stopped"]
    assert [error.file for error in damaged] == [tmp_path / "runs" / "a" / "config.json"]
    done = run("runs", "list", tmp_path / "runs")
    assert done.code == 3
    assert "2/3" in done.out
    assert done.err.startswith("routenas: damaged:")


def test_a_hand_made_member_goes_by_its_name(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "a", tmp_path / "run")
    path = tmp_path / "run" / "result.json"
    result = json.loads(path.read_text())
    (searched,) = {member["architecture"]["hash"] for member in result["members"]}
    hand_made = {"kind": "hand-crafted", "name": "gradient-boosting"}
    result["members"] = [{"architecture": hand_made, "draws": 5}, {**result["members"][0], "draws": 3}]
    finalist = {"name": "gradient-boosting", "search_values": [0.25], "architecture": hand_made}
    result["provenance"]["finalists"].append(finalist)
    path.write_text(json.dumps(result))
    run = RunSummary.of_folder(tmp_path / "run")
    assert run.chosen == {"gradient-boosting": 5, searched: 3}
    lines = run_text(run).splitlines()
    assert "finalist gradient-boosting: 0.2500  chosen, 5 of 8 in the mean" in lines
    assert any(line.startswith(f"finalist {searched}: ") and "chosen, 3 of 8" in line for line in lines)
    assert f"network {searched} of nas-bench-201:" in lines
    result["members"] = result["members"][:1]
    path.write_text(json.dumps(result))
    assert run_text(RunSummary.of_folder(tmp_path / "run")).splitlines()[-1] == "network: gradient-boosting"


def test_the_best_trial_is_one_that_was_let_go_on(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "a", tmp_path / "run")
    journal = tmp_path / "run" / "journal.jsonl"
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    for record, (fidelity, value) in zip(records, [(0, 0.9), (1, 0.5), (1, 0.6)], strict=True):
        record["value"], record["metrics"]["fidelity"] = value, fidelity
    journal.write_text("".join(json.dumps(record) + "\n" for record in records))
    best = RunSummary.of_folder(tmp_path / "run").best
    assert best is not None
    assert (best["trial"], best["value"]) == (2, 0.6)


def test_the_network_as_text() -> None:
    text = network_text(Architecture.of(SPACE, SPACE.from_key("301000"))).splitlines()
    assert text[1].split() == ["0", "input"]
    assert text[2].split() == ["1", "conv3x3", "<-", "0"]
    assert text[-1].split()[:2] == ["7", "output"]
    assert network_text(Architecture(network="unet")) == "network: unet"
    space = FlexibleSpace(inputs=("wires", "pins"))
    text = network_text(Architecture.of(space, space.control("residual-dilated")))
    assert "dilated8" in text
    assert "input.wires" in text


def test_a_search_leaves_pictures(folder: Path) -> None:
    for name in ("search.png", "curves.png"):
        assert (folder / "a" / name).read_bytes()[:4] == b"\x89PNG"


def test_what_is_told_of_trials_and_finalists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A low fidelity says so and is never the best; what has no curve is told by its value alone."""
    genotype = SPACE.from_key("301000")
    curve = {"loss": [1.0], "value": [0.9]}
    results = [
        Result(None, {"fidelity": 0}, "diverged"), Result(0.9, {"fidelity": 0, "curve": curve}),
        Result(0.5, {"fidelity": 1, "curve": {"loss": [2.0, 1.0], "value": [None, 0.5]}}),
    ]  # fmt: skip
    with watched(Digits(150), SETTINGS, tmp_path) as events:
        for number, result in enumerate(results):
            events.trial(number, Trial(genotype, result))
        events.final(genotype.hash, 1, Result(0.6))
        events.final("gradient-boosting", 1, Result(0.7, {"curve": {"loss": [], "value": []}}))
    assert capsys.readouterr().err.splitlines() == [
        f"trial 1/3  {genotype.hash}  failed: diverged",
        f"trial 2/3  {genotype.hash}  0.9000 after 1 epoch  best 0.9000",
        f"trial 3/3  {genotype.hash}  0.5000 after 2 epochs  best 0.5000",
        f"final {genotype.hash}  seed 1  0.6000",
        "final gradient-boosting  seed 1  0.7000",
        "search digits: 10/10 best 0.5000",
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"search.png", "curves.png"}


def test_without_matplotlib_a_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda name: None)
    with watched(Digits(150), SETTINGS, tmp_path):
        pass
    assert "they need matplotlib (pip install 'routenas[plot]')" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
