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
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placement_data.errors import InputError
from placement_data.features import CHANNEL_VERSION, CHANNELS
from placement_data.store import Store, write
from routenas.checkpoint import WEIGHTS_FILE, Bundle
from routenas.loop import SearchFailedError
from routenas.recipes.routenas import Configuration, Events, data_sha256, resolve_split, run, start
from routenas.results import Trial
from routenas.tasks.routability import RoutabilityTask, TaskName
from routenas.training import BUDGETS, Budget
from tests.samples import made_up_samples

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four families of two small placements."""
    path = tmp_path_factory.mktemp("data") / "tiny.h5"
    write(path, made_up_samples(4, 2), CHANNELS, CHANNEL_VERSION)
    return path


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUDGETS, "brief", Budget("brief", epochs=1, batch=8, evaluations=1))


def configuration(data: Path, **changes: Any) -> Configuration:
    base = Configuration(
        task="hotspots",
        data="tiny.h5",
        data_sha256=data_sha256(data),
        split=resolve_split(Store(data), None, 0),
        trials=3,
        budget="brief",
        final_budget="brief",
        finalists=2,
        final_seeds=2,
    )
    return dataclasses.replace(base, **changes)


def go(folder: Path, data: Path, resume: bool = False, events: Events | None = None, **changes: Any) -> Bundle:
    config = configuration(data, **changes)
    task = RoutabilityTask(config.task, Store(data), config.split)
    start(folder, config, resume)
    return run(folder, config, task, events)


def outcome(folder: Path) -> tuple[str, str, bytes]:
    """Journal without times, result and weights."""
    journal = re.sub(r'"seconds": [0-9.e-]+', '"seconds": 0', (folder / "journal.jsonl").read_text())
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


@pytest.mark.usefixtures("brief")
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
    names = sorted(path.name for path in (tmp_path / "stopped").iterdir())
    assert names == ["config.json", "finalists", "journal.jsonl", "model", "result.json"]


@pytest.mark.usefixtures("brief")
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
    assert not list(folder.rglob(".*"))


@pytest.mark.usefixtures("brief")
def test_a_damaged_checkpoint_of_a_finalist_is_trained_anew(data: Path, tmp_path: Path) -> None:
    go(tmp_path / "run", data)
    expected = outcome(tmp_path / "run")
    for number, path in enumerate(sorted((tmp_path / "run" / "finalists").iterdir())):
        path.write_bytes(b"" if number == 0 else path.read_bytes()[:-40])
    go(tmp_path / "run", data, resume=True)
    assert outcome(tmp_path / "run") == expected


@pytest.mark.usefixtures("brief")
def test_trials_may_grow_and_nothing_else_change(data: Path, tmp_path: Path) -> None:
    go(tmp_path / "run", data, trials=1, finalists=1, final_seeds=1)
    with pytest.raises(InputError, match="there is a run in this folder already"):
        go(tmp_path / "run", data)
    for name, value in (
        ("seed", 1),
        ("task", "violated_nets"),
        ("strategy", "random"),
        ("threads", 3),
        ("preset", "paper"),
    ):
        with pytest.raises(InputError, match=f"the run was started with another {name}"):
            go(tmp_path / "run", data, True, **{name: value})
    go(tmp_path / "run", data, True)
    go(tmp_path / "whole", data)
    assert outcome(tmp_path / "run") == outcome(tmp_path / "whole")


@pytest.mark.usefixtures("brief")
def test_the_bundle_of_a_run(data: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, Trial]] = []
    config = configuration(data)
    bundle = go(tmp_path / "run", data, events=Events(trial=lambda number, trial: seen.append((number, trial))))
    assert [number for number, _ in seen] == [0, 1, 2]
    loaded = Bundle.load(tmp_path / "run" / "model")
    assert loaded.to_dict() == json.loads((tmp_path / "run" / "result.json").read_text())
    assert len(loaded.weights) == config.final_seeds
    finalists = loaded.provenance["finalists"]
    assert len(finalists) == 2
    chosen = max(finalists, key=lambda finalist: np.mean(finalist["search_values"]))
    assert chosen["name"] == loaded.provenance["chosen"] == loaded.architecture["hash"]
    assert bundle.split == config.split
    assert set(loaded.metrics) == {"search", "test"}
    assert loaded.provenance["trials"] == 3


@pytest.mark.usefixtures("brief")
def test_the_test_split_is_first_read_when_the_choice_is_made(data: Path, tmp_path: Path) -> None:
    config = configuration(data)
    task = RoutabilityTask(config.task, Store(data), config.split)
    read: list[str] = []
    original = task.examples

    def examples(part: str) -> Any:
        read.append(part)
        return original(part)

    task.examples = examples  # type: ignore[method-assign]
    at: list[bool] = []
    start(tmp_path / "run", config, False)
    run(tmp_path / "run", config, task, Events(final=lambda *_: at.append("test" in read)))
    assert at == [False] * 4
    assert "test" in read


@pytest.mark.usefixtures("brief")
def test_all_candidates_failed(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from routenas.estimators import scratch
    from routenas.training import DivergedError

    def fail(*_: object) -> None:
        raise DivergedError("the loss is nan in epoch 1")

    monkeypatch.setattr(scratch, "train", fail)
    with pytest.raises(SearchFailedError, match="all 3 candidates failed; the last one: the loss is nan in epoch 1"):
        go(tmp_path / "run", data)
    assert (tmp_path / "run" / "journal.jsonl").read_text().count('"status": "failed"') == 3
    assert not (tmp_path / "run" / "model").exists()


def test_a_folder_of_other_things_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    for folder in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(InputError, match="the run folder is not empty and not a run"):
            start(folder, configuration(data), True)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{")
    with pytest.raises(InputError, match="the run's configuration cannot be read"):
        start(tmp_path / "run", configuration(data), True)


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
