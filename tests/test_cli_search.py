"""What a user sets of a search on the command line, and how it goes on after it was stopped."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cli
from placement_data.store import write
from tests.samples import CHANNEL_VERSION, CHANNELS, made_up_samples
from tests.test_cli import REPOSITORY, Run, assert_one_line, listing
from tests.test_cli import run as run

BRIEF = ("--budget", "smoke", "--final-budget", "smoke", "--finalists", "1", "--final-seeds", "1")


def settings(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "run.toml").read_text())


def hashes(folder: Path) -> list[str]:
    return [json.loads(line)["hash"] for line in (folder / "journal.jsonl").read_text().splitlines()]


def test_budgets_by_value(run: Run, tmp_path: Path, made_up_store: Path) -> None:
    out = tmp_path / "run"
    words = ("search", made_up_store, "--out", out, "--trials", 1, *BRIEF)
    done = run(*words, "--epochs", 2, "--final-epochs", 3, "--learning-rate", 0.01, "--batch", 4)
    assert done.code == 0, done.err
    found = settings(out)
    assert (found["budget"]["epochs"], found["budget"]["batch"], found["budget"]["learning_rate"]) == (2, 4, 0.01)
    assert (found["final_budget"]["epochs"], found["final_budget"]["batch"]) == (3, 4)
    (line,) = (out / "journal.jsonl").read_text().splitlines()
    assert json.loads(line)["epochs"] == 3 * 2.0  # in each of three folds
    assert len(json.loads(line)["metrics"]["curve"]["loss"]) == 2


def test_hand_made_members_are_named_or_none(run: Run, tmp_path: Path, made_up_store: Path) -> None:
    words = ("search", made_up_store, "--trials", 1, *BRIEF)
    for name, given, kept in (
        ("default", (), ["gradient-boosting", "tile-mlp", "residual-dilated"]),
        ("none", ("none",), []),
        ("named", ("rudy", "tile-mlp"), ["rudy", "tile-mlp"]),
    ):
        done = run(*words, "--out", tmp_path / name, *(word for each in given for word in ("--hand-made", each)))
        assert done.code == 0, done.err
        assert settings(tmp_path / name)["hand_made"] == kept
        (_, *beside) = json.loads((tmp_path / name / "result.json").read_text())["provenance"]["finalists"]
        assert [each["name"] for each in beside] == kept
    done = run(*words, "--out", tmp_path / "no", "--hand-made", "tile-mpl")
    assert_one_line(done, 2, "no such baseline, found 'tile-mpl', expected tile-mlp")
    assert not (tmp_path / "no").exists()


def test_options_of_strategy_and_space(run: Run, tmp_path: Path, made_up_store: Path) -> None:
    out = tmp_path / "run"
    words = ("search", made_up_store, "--out", out, "--trials", 1, *BRIEF)
    done = run(*words, "--strategy-option", "population=4", "--strategy-option", "tournament=2", "--preset", "paper")
    assert done.code == 0, done.err
    assert settings(out)["strategy_options"]["population"] == 4
    assert settings(out)["space"]["preset"] == "paper"
    before = listing(tmp_path)
    elsewhere = ("search", made_up_store, "--out", tmp_path / "no", *BRIEF)
    for more, what in (
        (
            ("--strategy-option", "populaton=4"),
            "no such option of the search strategy evolution, found 'populaton', expected population",
        ),
        (
            ("--strategy-option", "population=abc"),
            "the option population of the search strategy evolution must be a whole",
        ),
        (
            ("--strategy-option", "tournament=1.5"),
            "the option tournament of the search strategy evolution must be a whole",
        ),
        (("--seed", 10**23), "is not in the range 0<=x<=4611686018427387903"),
        (("--strategy-option", "population=0"), "the search strategy evolution cannot be made"),
        (("--space", "flexibel"), "no space has the name 'flexibel', expected flexible"),
        (("--space", "nas-bench-201"), "map"),
        (("--scheduler", "halvin"), "no such scheduler, found 'halvin', expected none or halving or median"),
        (("--recipe", "routenass"), "no such recipe, found 'routenass', expected routenas"),
        (("--device", "cuda:77"), "networks cannot be trained here on this device, found 'cuda:77', expected cpu"),
    ):
        assert_one_line(run(*elsewhere, *more), 2, what)
    assert_one_line(run(*elsewhere, "--strategy-option", "population"), 2, "an option is name=value")
    assert listing(tmp_path) == before


OWN = """
from routenas.strategies.random_ import RandomSearch
from searchspaces.flexible import FlexibleSpace

class Mine(RandomSearch):
    pass

class Narrow(FlexibleSpace):
    def __init__(self, depth: int = 1) -> None:
        self.depth = depth
        super().__init__("extended")
        self.name = "narrow"
"""


def test_a_strategy_and_a_space_of_one_s_own(
    run: Run, tmp_path: Path, made_up_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_parts.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    words = ("search", made_up_store, "--out", "run", "--trials", 2, *BRIEF, "--strategy", "own_parts:Mine")
    done = run(*words, "--space", "own_parts:Narrow", "--space-option", "depth=2")
    assert done.code == 0, done.err
    assert settings(tmp_path / "run")["space"] == {"space": "own_parts:Narrow", "depth": 2}
    assert_one_line(run(*words[:3], "no", *words[4:-1], "own_parts:Yours"), 2, "has no such search strategy")


def test_a_configuration_is_read_again(run: Run, tmp_path: Path, made_up_store: Path) -> None:
    words = ("search", made_up_store, "--out", tmp_path / "first", "--trials", 2, *BRIEF, "--seed", 3)
    assert run(*words, "--task", "violated_nets").code == 0
    config = tmp_path / "first" / "run.toml"
    assert run("search", "--config", config, "--out", tmp_path / "again").code == 0
    assert hashes(tmp_path / "again") == hashes(tmp_path / "first")
    first, again = (json.loads((tmp_path / name / "result.json").read_text()) for name in ("first", "again"))
    assert again["metrics"] == first["metrics"]
    assert again["task"] == first["task"]
    assert run("search", "--config", config, "--out", tmp_path / "other", "--seed", 4, "--trials", 1).code == 0
    assert settings(tmp_path / "other")["seed"] == 4
    assert settings(tmp_path / "other")["task"] == settings(tmp_path / "first")["task"]
    (tmp_path / "mine.toml").write_text("trials = 1\n[budget]\nname = 'mine'\nepochs = 1\nevaluations = 1\n")
    mine = ("search", made_up_store, "--config", tmp_path / "mine.toml", "--final-budget", "smoke", "--finalists", 1)
    assert run(*mine, "--final-seeds", 1, "--out", tmp_path / "mine").code == 0
    assert settings(tmp_path / "mine")["budget"]["name"] == "mine"
    for text, what in (("trials = ", "the settings cannot be read"), ("trails = 1", "no such setting, found 'trails'")):
        (tmp_path / "bad.toml").write_text(text)
        assert_one_line(
            run("search", made_up_store, "--config", tmp_path / "bad.toml", "--out", tmp_path / "x"), 3, what
        )
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("trials = 'two'", "the setting trials must be a whole number above 0"),
        ("trials = 2.5", "the setting trials must be a whole number above 0"),
        ("final_seeds = 0", "the setting final_seeds must be a whole number above 0"),
        ("finalists = true", "the setting finalists must be a whole number above 0"),
        ("order = 'foo'", "no such order, found 'foo', expected batch or arrival"),
        ("in_flight = -1", "the setting in_flight must be a whole number above 0"),
        ("threads = 0", "the setting threads must be a whole number above 0"),
        ("seed = 1.5", "the setting seed must be a whole number"),
        ("strategy = 3", "the setting strategy must be a text"),
        ("[strategy_options]\npopulation = 'abc'", "the option population of the search strategy evolution must be"),
        ("[task]\nname = 'hotspot'", "no such task, found 'hotspot', expected hotspots or violated_nets"),
        ("[budget]\nname = 'b'\nepochs = 'x'", "epochs of a budget must be a whole number"),
    ],
)
def test_a_wrong_setting_is_one_line_and_leaves_no_folder(
    run: Run, tmp_path: Path, made_up_store: Path, line: str, what: str
) -> None:
    (tmp_path / "c.toml").write_text(f"{line}\n")
    words = ("search", made_up_store, "--config", tmp_path / "c.toml", "--out", tmp_path / "run")
    assert_one_line(run(*words), 3, what)
    assert [path.name for path in tmp_path.iterdir()] == ["c.toml"]


def test_a_moved_data_set_goes_on_and_another_does_not(run: Run, tmp_path: Path, made_up_store: Path) -> None:
    words = ("--out", tmp_path / "run", "--resume")
    (tmp_path / "a.h5").write_bytes(made_up_store.read_bytes())
    assert run("search", tmp_path / "a.h5", *BRIEF, "--trials", 1, *words).code == 0
    (tmp_path / "a.h5").rename(tmp_path / "b.h5")
    done = run("search", tmp_path / "b.h5", "--trials", 2, *words)
    assert done.code == 0, done.err
    write(tmp_path / "c.h5", made_up_samples(6, 3), CHANNELS, CHANNEL_VERSION)
    assert_one_line(
        run("search", tmp_path / "c.h5", *words), 3, "the run was started with another data set (by its SHA-256)"
    )


def test_resume_alone_goes_on_with_the_recorded_configuration(run: Run, tmp_path: Path, made_up_store: Path) -> None:
    words = ("search", made_up_store, *BRIEF, "--strategy", "random", "--seed", 2)
    assert run(*words, "--out", tmp_path / "whole", "--trials", 3).code == 0
    assert run(*words, "--out", tmp_path / "run", "--trials", 3).code == 0
    journal = tmp_path / "run" / "journal.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:1]))
    done = run("search", "--out", tmp_path / "run", "--resume")
    assert done.code == 0, done.err
    assert hashes(tmp_path / "run") == hashes(tmp_path / "whole")
    assert run("search", "--out", tmp_path / "run", "--resume", "--trials", 4).code == 0
    assert hashes(tmp_path / "run")[:3] == hashes(tmp_path / "whole")
    before = listing(tmp_path)
    fewer = run("search", "--out", tmp_path / "run", "--resume", "--trials", 2)
    assert_one_line(fewer, 3, "the run has more trials already, found '2 trials', expected 4 or more")
    assert_one_line(run("search", "--out", tmp_path / "gone", "--resume"), 3, "no run to go on with")
    both = ("search", "--out", tmp_path / "run", "--resume", "--config", tmp_path / "run" / "run.toml")
    assert_one_line(run(*both), 2, "leave out --config")
    assert listing(tmp_path) == before


def test_workers_are_processes_and_their_number_decides_nothing(run: Run, tmp_path: Path, made_up_store: Path) -> None:
    words = ("search", made_up_store, *BRIEF, "--trials", 3)
    assert run(*words, "--out", tmp_path / "two", "--workers", 2).code == 0
    assert settings(tmp_path / "two")["in_flight"] == 2
    processes = {json.loads(line)["trial"] for line in (tmp_path / "two" / "journal.jsonl").read_text().splitlines()}
    assert processes == {0, 1, 2}
    done = run("search", "--out", tmp_path / "two", "--resume", "--workers", 1, "--trials", 4)
    assert done.code == 0, done.err
    assert run(*words, "--out", tmp_path / "one", "--in-flight", 2).code == 0
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")[:3]


def test_ray_that_is_not_there_leaves_no_folder(
    run: Run, tmp_path: Path, made_up_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", without("ray"))
    monkeypatch.setitem(sys.modules, "ray", None)
    done = run("search", made_up_store, "--out", tmp_path / "run", "--executor", "ray")
    assert_one_line(done, 3, "this executor needs Ray", "routenas[ray]")
    assert list(tmp_path.iterdir()) == []


def without(missing: str) -> Callable[..., object]:
    from importlib.util import find_spec

    return lambda name, *rest: None if name == missing else find_spec(name, *rest)


def test_a_place_that_cannot_be_written_to_is_found_before_the_training(
    run: Run, tmp_path: Path, made_up_store: Path
) -> None:
    (tmp_path / "file").touch()
    words = ("train", made_up_store, "--predictor", "tile-mlp", "--out", tmp_path / "file" / "model")
    assert_one_line(run(*words), 3, "cannot write a bundle here")


def test_a_model_is_not_judged_on_what_it_was_chosen_on(
    run: Run, made_up_store: Path, bundles: dict[str, Path]
) -> None:
    words = (
        "evaluate",
        made_up_store,
        "--model",
        f"mine={bundles['hotspots']}",
        "--baselines",
        "none",
        "--part",
        "search",
    )
    assert_one_line(run(*words), 3, "the model mine was trained or chosen on a family of the search split")


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "routenas", "--version"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("routenas, version ")
    assert cli.main.name == "main"
