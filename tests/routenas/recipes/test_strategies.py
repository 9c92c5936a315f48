"""Every strategy that searches are compared with works with folds and with halving, and goes on after a stop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from placement_data.dataset import Split
from placement_data.store import write
from routenas.results import Trial
from routenas.run import Events, run
from routenas.settings import Settings
from routenas.tasks.routability import RoutabilityTask
from routenas.training import Budget
from tests.routenas.test_run import Countdown, Killed, outcome
from tests.samples import CHANNEL_VERSION, CHANNELS, made_up_samples

BUDGET = Budget("four", epochs=4, batch=8, evaluations=1)
LAST = Budget("one", epochs=1, batch=8, evaluations=1)


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> RoutabilityTask:
    path = tmp_path_factory.mktemp("data") / "tiny.h5"
    write(path, made_up_samples(4, 1), CHANNELS, CHANNEL_VERSION)
    return RoutabilityTask("hotspots", path, Split(("f0", "f1"), ("f2", "f3"), ()))


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        ("random", {}),
        ("evolution", {}),
        ("predictor", {"surrogate": "gaussian-process", "initial_samples": 3}),
        ("guided", {}),
        ("paper", {}),
    ],
)
def test_folds_and_halving(task: RoutabilityTask, tmp_path: Path, strategy: str, options: dict[str, Any]) -> None:
    trials: list[Trial] = []
    settings = Settings(
        strategy=strategy, strategy_options=options, scheduler="halving", trials=6, in_flight=3, folds=2,
        budget=BUDGET, final_budget=LAST, finalists=1, final_seeds=1, initial="none",
    )  # fmt: skip
    run(tmp_path / "whole", task, settings, events=Events(trial=lambda _, trial: trials.append(trial)))
    assert len({trial.genotype for trial in trials}) == 6
    # Three at a time: each a quarter of the epochs in both folds, the best one half and all of them, too.
    assert sorted(trial.result.epochs for trial in trials) == [2.0] * 4 + [2.0 * (1 + 2 + 4)] * 2
    assert all(trial.result.cpu > 0 for trial in trials)
    with pytest.raises(Killed):
        run(tmp_path / "stopped", task, settings, events=Countdown(20).events())
    run(tmp_path / "stopped", task, settings, resume=True)
    assert outcome(tmp_path / "stopped") == outcome(tmp_path / "whole")
