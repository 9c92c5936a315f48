"""A run folder: whatever moment it is killed at, resuming ends where an uninterrupted run does."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placement_data.dataset import draw_split
from placement_data.errors import InputError
from placement_data.files import locked
from placement_data.store import Store, write
from routenas import search
from routenas.bundle import WEIGHTS_FILE, Bundle
from routenas.executor import Execution
from routenas.finalists import with_a_control
from routenas.loop import SearchFailedError
from routenas.results import Result, Trial
from routenas.run import Events, read_configuration, run
from routenas.settings import Settings
from routenas.tasks.routability import RoutabilityTask, TaskName
from routenas.training import Budget
from searchspaces.flexible import FlexibleSpace
from searchspaces.nasbench201 import NasBench201Space
from searchspaces.space import Genotype
from searchspaces.table import space_from_config
from tests.adapters.digits import Digits
from tests.samples import CHANNEL_VERSION, CHANNELS, made_up_samples

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four families of two small placements."""
    path = tmp_path_factory.mktemp("data") / "tiny.h5"
    write(path, made_up_samples(4, 2), CHANNELS, CHANNEL_VERSION)
    return path


BRIEF = Budget("brief", epochs=1, batch=8, evaluations=1)
SETTINGS = Settings(
    trials=3, folds=1, budget=BRIEF, final_budget=BRIEF, finalists=2, final_seeds=2, initial="none"
)  # fmt: skip


def go(
    folder: Path,
    data: Path,
    resume: bool = False,
    events: Events = Events(),
    task: TaskName = "hotspots",
    execution: Execution = Execution(),
    **changes: Any,
) -> Bundle:
    routability = RoutabilityTask(task, data, draw_split(Store(data), 0))
    settings = dataclasses.replace(SETTINGS, **changes)
    return run(folder, routability, settings, resume=resume, events=events, execution=execution)


def outcome(folder: Path) -> tuple[str, str, bytes]:
    """Journal without times, result and weights."""
    journal = re.sub(r'seconds": [0-9.e-]+', 'seconds": 0', (folder / "journal.jsonl").read_text())
    return journal, (folder / "result.json").read_text(), (folder / "model" / WEIGHTS_FILE).read_bytes()


class Killed(BaseException):
    """Stands for the end of the process."""


class Countdown:
    """Events that kill the run at the ``left``-th of them."""

    def __init__(self, left: int) -> None:
        self.left = left

    def __call__(self, *_: object) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed

    def events(self) -> Events:
        return Events(self, self, self)


def test_stopped_at_each_event_and_resumed(data: Path, tmp_path: Path) -> None:
    count = Countdown(0)
    go(tmp_path / "whole", data, events=count.events())
    expected = outcome(tmp_path / "whole")
    assert -count.left == 3 * 2 + 4 * 2  # an epoch and a result for each trial and each retraining
    # A run that stops at its first, second, third ... event, resumed every time.
    for event in range(1, 12):
        try:
            go(tmp_path / "stopped", data, event > 1, Countdown(event).events())
        except Killed:
            continue
    go(tmp_path / "stopped", data, True)
    assert outcome(tmp_path / "stopped") == expected
    names = sorted(path.name for path in (tmp_path / "stopped").iterdir() if path.name[0] != ".")
    assert names == ["config.json", "finalists", "journal.jsonl", "model", "result.json", "run.toml"]


def test_a_search_begins_with_the_controls_and_keeps_one(data: Path, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"initial": "controls", "trials": 6, "final_seeds": 1, "strategy": "random"}
    bundle = go(tmp_path / "whole", data, **changes)
    space = space_from_config(read_configuration(tmp_path / "whole")["settings"]["space"])
    controls = [genotype.hash for genotype in space.controls]
    tried = [json.loads(line)["hash"] for line in (tmp_path / "whole" / "journal.jsonl").read_text().splitlines()]
    assert tried[:4] == controls
    assert len(set(tried)) == 6
    finalists = [finalist["name"] for finalist in bundle.provenance["finalists"]]
    assert len(finalists) == 2
    assert set(finalists) & set(controls)
    for left in (3, 7, 11):
        with pytest.raises(Killed):
            go(tmp_path / "stopped", data, left > 3, Countdown(left).events(), **changes)
    go(tmp_path / "stopped", data, True, **changes)
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")
    with pytest.raises(InputError, match="was started with another choice of what is tried first"):
        go(tmp_path / "stopped", data, True, **{**changes, "initial": "none"})


def test_a_control_is_the_last_finalist_where_none_is_better() -> None:
    trials = [Trial(Genotype("s", (number,)), Result(1.0 - number)) for number in range(5)]
    genotypes = [trial.genotype for trial in trials]

    def chosen(count: int, *controls: int) -> list[int]:
        return [trial.genotype.values[0] for trial in with_a_control(trials, count, [genotypes[i] for i in controls])]

    assert chosen(3, 4, 3) == [0, 1, 3]
    assert chosen(3, 1, 4) == chosen(3) == [0, 1, 2]
    assert chosen(1, 4) == [0]
    assert with_a_control([], 3, genotypes) == []


def test_leftovers_of_a_killed_process_are_cleared(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    (folder / "finalists").mkdir(parents=True)
    for name in (".config.json.abc.json", "finalists/.x-brief-1000.safetensors.q1.safetensors"):
        (folder / name).write_text("half")
    (folder / ".model.xyz").mkdir()
    (folder / ".model.xyz" / "model.json").write_text("{")
    (folder / "finalists" / ".x-brief-1000.safetensors.q1.safetensors").unlink()
    (folder / "finalists").rmdir()
    go(folder, data, resume=True)
    assert [path.name for path in folder.rglob(".*")] == [".lock"]


def test_a_damaged_checkpoint_of_a_finalist_is_trained_anew(data: Path, tmp_path: Path) -> None:
    go(tmp_path / "run", data)
    expected = outcome(tmp_path / "run")
    for number, path in enumerate(sorted((tmp_path / "run" / "finalists").iterdir())):
        path.write_bytes(b"" if number == 0 else path.read_bytes()[:-40])
    go(tmp_path / "run", data, resume=True)
    assert outcome(tmp_path / "run") == expected


def test_trials_may_grow_and_nothing_else_change(data: Path, tmp_path: Path) -> None:
    go(tmp_path / "run", data, trials=1, finalists=1, final_seeds=1)
    with pytest.raises(InputError, match="there is a run in this folder already"):
        go(tmp_path / "run", data)
    paper = FlexibleSpace("paper").config()
    words = {"threads": "number of threads", "space": "search space", "in_flight": "number of candidates in flight"}
    for name, value in (("seed", 1), ("strategy", "random"), ("threads", 3), ("space", paper), ("in_flight", 2)):
        with pytest.raises(InputError, match=f"the run was started with another {words.get(name, name)}, found"):
            go(tmp_path / "run", data, True, **{name: value})
    with pytest.raises(InputError, match="the run was started with another task, found 'violated_nets'"):
        go(tmp_path / "run", data, True, task="violated_nets")
    go(tmp_path / "run", data, True)
    go(tmp_path / "whole", data)
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


def test_fewer_trials_than_the_run_has_are_refused(data: Path, tmp_path: Path) -> None:
    go(tmp_path / "run", data)
    expected = outcome(tmp_path / "run")
    with pytest.raises(InputError, match="the run has more trials already, found '1 trials', expected 3 or more"):
        go(tmp_path / "run", data, True, trials=1)
    assert outcome(tmp_path / "run") == expected


def test_a_folder_that_another_run_writes_to_is_refused(data: Path, tmp_path: Path) -> None:
    refused: list[str] = []

    def second(number: int, trial: Trial) -> None:
        with pytest.raises(InputError, match="in use"):
            go(tmp_path / "run", data, True)
        refused.append(trial.genotype.hash)

    go(tmp_path / "run", data, events=Events(trial=second))
    assert len(refused) == 3
    go(tmp_path / "run", data, True)


def test_the_bundle_of_a_run(data: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, Trial]] = []
    bundle = go(tmp_path / "run", data, events=Events(trial=lambda number, trial: seen.append((number, trial))))
    assert [number for number, _ in seen] == [0, 1, 2]
    loaded = Bundle.load(tmp_path / "run" / "model")
    assert loaded.to_dict() == json.loads((tmp_path / "run" / "result.json").read_text())
    assert len(loaded.members) == SETTINGS.final_seeds
    finalists = loaded.provenance["finalists"]
    assert len(finalists) == 2
    chosen = max(finalists, key=lambda finalist: np.mean(finalist["search_values"]))
    assert chosen["name"] == loaded.provenance["chosen"] == loaded.architecture.name
    assert bundle.task["split"] == draw_split(Store(data), 0).to_dict()
    assert set(loaded.metrics) == {"search", "test"}
    assert read_configuration(tmp_path / "run")["metric"] == "design_mean_roc_auc"
    assert loaded.provenance["trials"] == 3


def test_the_settings_of_a_run_can_be_read_again(data: Path, tmp_path: Path) -> None:
    go(tmp_path / "run", data)
    found = read_configuration(tmp_path / "run")
    value = tomllib.loads((tmp_path / "run" / "run.toml").read_text())
    task = value.pop("task")
    assert Settings.from_dict(value) == Settings.from_dict(found["settings"])
    assert (task["name"], task["split"]) == ("hotspots", found["task"]["split"])
    resolved = {"space": {}, "strategy_options": {}}
    assert dataclasses.replace(Settings.from_dict(value), **resolved) == dataclasses.replace(SETTINGS, **resolved)
    for wrong, what in (({"trails": 3}, "no such setting, found 'trails'"), ({"budget": {"name": 1}}, "wrong value")):
        with pytest.raises(InputError, match=what):
            Settings.from_dict(wrong)


def test_workers_find_what_this_process_finds(data: Path, tmp_path: Path) -> None:
    """Candidates and retrainings alike: the task is made again in each worker."""
    go(tmp_path / "here", data, in_flight=2)
    go(tmp_path / "there", data, in_flight=2, execution=Execution("processes", 2))
    assert outcome(tmp_path / "here") == outcome(tmp_path / "there")


@pytest.mark.parametrize("scheduler", ["halving", "median"])
def test_schedulers_spend_less(data: Path, tmp_path: Path, scheduler: str) -> None:
    budget = Budget("four", epochs=4, batch=8, evaluations=1)
    trials: list[Trial] = []
    events = Events(trial=lambda number, trial: trials.append(trial))
    go(tmp_path / "run", data, events=events, scheduler=scheduler, budget=budget, trials=9, in_flight=9, finalists=1)
    epochs = [trial.result.epochs for trial in trials]
    assert max(epochs) == 1 + 2 + 4
    if scheduler == "halving":
        assert sorted(epochs) == [1.0] * 6 + [3.0] * 2 + [7.0]


def test_the_test_split_is_first_read_when_the_choice_is_made(data: Path, tmp_path: Path) -> None:
    task = RoutabilityTask("hotspots", data, draw_split(Store(data), 0))
    read: list[str] = []
    original = task.examples

    def examples(part: str) -> Any:
        read.append(part)
        return original(part)

    task.examples = examples  # type: ignore[method-assign]
    at: list[bool] = []
    run(tmp_path / "run", task, SETTINGS, events=Events(final=lambda *_: at.append("test" in read)))
    assert at == [False] * 4
    assert "test" in read


def test_all_candidates_failed(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from routenas.estimators import scratch
    from routenas.training import DivergedError

    def fail(*_: object, **options: Any) -> None:
        options["progress"](1, 1)
        raise DivergedError("the loss is nan in epoch 1")

    monkeypatch.setattr(scratch, "fit", fail)
    with pytest.raises(SearchFailedError, match="all 3 candidates failed; the last one: the loss is nan in epoch 1"):
        go(tmp_path / "run", data)
    lines = [json.loads(line) for line in (tmp_path / "run" / "journal.jsonl").read_text().splitlines()]
    assert [line["status"] for line in lines] == ["failed"] * 3
    assert all(line["epochs"] == 1.0 and line["costs"]["parameters"] > 0 for line in lines)
    assert not (tmp_path / "run" / "model").exists()


def test_all_retrainings_failed(data: Path, tmp_path: Path) -> None:
    wild = Budget("wild", epochs=3, batch=1, evaluations=1, learning_rate=1e30)
    with pytest.raises(SearchFailedError, match="all retrainings of the best candidates failed; one of them: the loss"):
        go(tmp_path / "run", data, final_budget=wild)
    assert not (tmp_path / "run" / "model").exists()


def test_a_folder_of_other_things_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    for folder in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(InputError, match="the run folder is not empty and not a run"):
            go(folder, data, True)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{")
    with pytest.raises(InputError, match="no configuration of a run can be read"):
        go(tmp_path / "run", data, True)


def digits(folder: Path, resume: bool, events: Events = Events()) -> Bundle:
    """A task and a space that the package does not know, and the recipe that does not know them."""
    brief = Budget("brief", epochs=1, batch=16, evaluations=1)
    settings = Settings(
        space=NasBench201Space(channels=2, cells=1).config(), trials=3, budget=brief, final_budget=brief, finalists=1,
        final_seeds=2,
    )  # fmt: skip
    return search(Digits(300), folder, settings, resume=resume, events=events)


def test_another_task_and_space_need_no_line_of_the_package(tmp_path: Path) -> None:
    digits(tmp_path / "whole", False)
    for event in (1, 3, 5, 7):
        with pytest.raises(Killed):
            digits(tmp_path / "stopped", event > 1, Countdown(event).events())
    bundle = digits(tmp_path / "stopped", True)
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")
    loaded = Bundle.load(str(tmp_path / "stopped" / "model"))
    task = loaded.open_task()
    assert isinstance(task, Digits)
    assert task.score(loaded.ensemble, "test") == bundle.metrics["test"] == loaded.metrics["test"]
    assert loaded.architecture.genotype is not None
    assert loaded.architecture.genotype.space == "nas-bench-201"
    assert repr(loaded) == f"<Bundle of Digits: {loaded.architecture.name}, 2 members>"


DIGITS = """
import sys
from pathlib import Path
from tests.routenas.test_run import digits
digits(Path(sys.argv[1]), True)
"""


def test_another_task_killed_and_resumed(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-c", DIGITS]
    subprocess.run([*words, str(tmp_path / "whole")], env=environment, check=True, cwd=REPOSITORY)
    for lines in (1, 2):
        victim = subprocess.Popen([*words, str(tmp_path / "killed")], env=environment, cwd=REPOSITORY)
        journal = tmp_path / "killed" / "journal.jsonl"
        while victim.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") >= lines):
            time.sleep(0.005)
        victim.kill()
        victim.wait()
    subprocess.run([*words, str(tmp_path / "killed")], env=environment, check=True, cwd=REPOSITORY)
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")


def command(data: Path, out: Path, task: TaskName, resume: bool) -> list[str]:
    options = f"--task {task} --trials 4 --budget smoke --final-budget smoke --finalists 2 --final-seeds 1 --threads 1"
    words = [sys.executable, "-m", "cli", "search", str(data), "--out", str(out), *options.split()]
    return [*words, "--resume"] if resume else words


def test_killed_at_random_moments_and_resumed(data: Path, tmp_path: Path) -> None:
    """SIGKILL of the real process. ROUTENAS_KILLS sets how often (2)."""
    kills = int(os.environ.get("ROUTENAS_KILLS", "2"))
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}

    def process(folder: str, resume: bool) -> subprocess.Popen[bytes]:
        words = command(data, tmp_path / folder, "hotspots", resume)
        return subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    began = time.monotonic()
    whole = process("whole", False)
    while not (tmp_path / "whole" / "config.json").exists() and whole.poll() is None:
        time.sleep(0.01)
    started = time.monotonic() - began
    _, errors = whole.communicate(timeout=120)
    assert whole.returncode == 0, errors.decode()
    worked = time.monotonic() - began - started
    rng = np.random.default_rng(int(os.environ.get("ROUTENAS_KILL_SEED", "1")))
    for _ in range(kills):
        # The work that is left shrinks with every kill; most moments lie behind the start.
        moment = started + rng.uniform(-0.1, 1.0) * worked * 0.7
        victim = process("killed", True)
        try:
            victim.communicate(timeout=max(moment, 0.1))
        except subprocess.TimeoutExpired:
            victim.send_signal(signal.SIGKILL)
            victim.communicate()
            assert victim.returncode == -signal.SIGKILL
    last = process("killed", True)
    _, errors = last.communicate(timeout=120)
    assert last.returncode == 0, errors.decode()
    assert outcome(tmp_path / "killed") == outcome(tmp_path / "whole")


def test_a_folder_in_use_is_not_offered_to_go_on_with(tmp_path: Path, data: Path) -> None:
    go(tmp_path / "run", data)
    with locked(tmp_path / "run"), pytest.raises(InputError, match="the folder is in use"):
        go(tmp_path / "run", data)
    with pytest.raises(InputError, match="there is a run in this folder already, expected a new folder, or --resume"):
        go(tmp_path / "run", data)
