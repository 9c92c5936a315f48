"""The command line on tasks of other kinds than placements: by name, by option, and what each has no use for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.test_cli import Run, assert_one_line
from tests.test_cli import run as run

DIGITS = ("--task", "tests.adapters.digits:Digits", "--task-option", "examples=240")
BRIEF = (
    "--space", "nas-bench-201", "--trials", 2, "--budget", "smoke", "--final-budget", "smoke", "--finalists", 1,
    "--final-seeds", 1, "--batch", 40, "--strategy", "random",
)  # fmt: skip


def test_search_resume_train_and_evaluate_on_a_task_of_ones_own(run: Run, tmp_path: Path) -> None:
    done = run("search", *DIGITS, *BRIEF, "--out", tmp_path / "run")
    assert done.code == 0, done.err
    configuration = json.loads((tmp_path / "run" / "config.json").read_text())
    assert configuration["task"]["examples"] == 240
    assert "examples = 240" in (tmp_path / "run" / "run.toml").read_text()
    again = run("search", "--resume", "--out", tmp_path / "run", "--trials", 3)
    assert again.code == 0, again.err
    other = run("search", "--config", tmp_path / "run" / "run.toml", "--out", tmp_path / "other")
    assert other.code == 0, other.err
    assert (tmp_path / "other" / "journal.jsonl").read_text().count("\n") == 3

    model = tmp_path / "run" / "model"
    trained = run(
        "train", *DIGITS, "--architecture", model / "model.json", "--budget", "smoke", "--seeds", 2,
        "--out", tmp_path / "trained",
    )  # fmt: skip
    assert trained.code == 0, trained.err
    table = run(
        "evaluate", *DIGITS, "--model", f"found={model}", "--model", f"again={tmp_path / 'trained'}",
        "--json", tmp_path / "table.json",
    )  # fmt: skip
    assert table.code == 0, table.err
    found, trained_again = json.loads((tmp_path / "table.json").read_text())["rows"]
    assert (found["name"], found["seeds"], trained_again["seeds"]) == ("found", 1, 2)
    test = json.loads((tmp_path / "trained" / "model.json").read_text())["metrics"]["test"]["accuracy"]
    assert trained_again["ensemble"]["accuracy"] == test
    assert found["metrics"]["accuracy"]["deviation"] is None
    assert trained_again["metrics"]["accuracy"]["deviation"] is not None
    assert f"{found['parameters']:,}" in table.out

    more = ("--task", DIGITS[1], "--task-option", "examples=250")
    words = ("evaluate", *more, "--model", model, "--json", tmp_path / "x.json")
    assert_one_line(run(*words), 4, "was trained on another task: its examples differs, expected 250")


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("--task", "hotspot"), 2, "no such task, found 'hotspot', expected hotspots or violated_nets"),
        (("--task", "tests.adapters.digits:Digit"), 2, "the module tests.adapters.digits has no such task"),
        (("--task", "tests.adapters.digits:Digits", "--task-option", "example=3"), 2, "Digits takes examples"),
        (("--task", "tests.adapters.digits:Digits", "--data", "x.npz"), 2, "Digits takes examples"),
        (("--task", "tests.adapters.digits:Digits", "--extra-targets"), 2, "extra targets are of another task"),
        (("--task", "hotspots"), 2, "Missing argument 'PATH'"),
        (("x.h5", "--data", "y.h5"), 2, "PATH and --data are the same: give one"),
    ],
)
def test_what_a_task_has_no_use_for_is_one_line(
    run: Run, tmp_path: Path, words: tuple[str, ...], code: int, what: str
) -> None:
    assert_one_line(run("search", *words, "--out", tmp_path / "run"), code, what)
    assert not (tmp_path / "run").exists()


def test_a_placements_model_answers_by_score_alone(run: Run, tmp_path: Path) -> None:
    assert_one_line(run("predict", "pretrained/hotspots", tmp_path), 4, "'routenas score' answers for placements")


def test_tasks_and_spaces_tell_what_fits_what(run: Run) -> None:
    told = json.loads(run("tasks", "--json").out)
    assert "flexible" in told["hotspots"]["spaces"]
    assert "nas-bench-201" not in told["hotspots"]["spaces"]
    assert "unet" in told["violated_nets"]["predictors"]
    spaces = json.loads(run("spaces", "--task", "violated_nets", "--json").out)
    assert list(spaces) == ["flexible"]
    assert "nas-bench-201" in run("spaces").out
    assert_one_line(run("spaces", "--task", "vison"), 2, "no such task, found 'vison'")
