"""A search that may spend CPU-seconds: what counts, when it ends, and that a resumed one ends there too."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from placement_data.errors import SettingError
from routenas.estimators.fidelities import Fidelities
from routenas.estimators.halving import SuccessiveHalving
from routenas.executor import InProcess, Processes, estimate_all
from routenas.interfaces import Estimator
from routenas.journal import Journal
from routenas.loop import SearchBudget, search
from routenas.results import Result
from routenas.settings import Settings
from routenas.strategies import strategy_class
from searchspaces.space import Genotype
from tests.routenas.test_resume import SPACE


class Spends(Estimator):
    """CPU-seconds as told, beside many more seconds of waiting."""

    def __init__(self, cpu: float | None, seconds: float | None = 100.0) -> None:
        self.cpu, self.seconds = cpu, seconds

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        return [Result(float(sum(g.values)), seconds=self.seconds, cpu_seconds=self.cpu) for g in genotypes]


class Busy(Estimator):
    """Works for a tenth of a second of CPU and waits as long."""

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        start = time.process_time()
        while time.process_time() < start + 0.1:
            pass
        time.sleep(0.1)
        return [Result(1.0) for _ in genotypes]


def trials(work: Estimator, limit: float, in_flight: int = 1, journal: Journal | None = None) -> list[float]:
    found = search(
        strategy_class("random")(SPACE, 1), work, SearchBudget(40, cpu_seconds=limit), journal, in_flight=in_flight
    )
    return [trial.result.cpu for trial in found]


@pytest.mark.parametrize(
    ("limit", "in_flight", "expected"), [(10.0, 1, 4), (9.0, 1, 3), (9.1, 1, 4), (10.0, 3, 6), (0.5, 1, 1)]
)
def test_no_trial_starts_once_they_are_spent(limit: float, in_flight: int, expected: int) -> None:
    """Three each: after three trials nine are spent."""
    assert len(trials(Spends(3.0), limit, in_flight)) == expected


def test_seconds_count_where_no_more_is_told() -> None:
    assert trials(Spends(None, 2.0), 3.0) == [2.0, 2.0]


@pytest.mark.parametrize("executor", [InProcess, Processes])
def test_an_executor_measures_what_an_estimator_does_not_tell(executor: type) -> None:
    runs = executor(Busy())
    try:
        (result,) = estimate_all(runs, [SPACE.genotype((0, 0, 0))])
    finally:
        runs.close()
    assert 0.1 <= result.cpu_seconds < 0.2 <= result.seconds


def test_a_schedule_is_charged_for_all_fidelities() -> None:
    work = SuccessiveHalving(Fidelities([Spends(1.0), Spends(4.0)]), 2, 2)
    assert sorted(trial.result.cpu for trial in search(strategy_class("random")(SPACE, 1), work, 2, in_flight=2)) == [
        1,
        5,
    ]


def test_a_resumed_search_ends_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    whole = Journal(tmp_path / "whole.jsonl")
    assert trials(Spends(3.0), 20.0, 2, whole) == [3.0] * 8
    lines = whole.path.read_text().splitlines(keepends=True)
    for kept in (1, 5, 7, 8):
        path = tmp_path / f"{kept}.jsonl"
        path.write_text("".join(lines[:kept]))
        trials(Spends(3.0), 20.0, 2, Journal(path))
        assert path.read_text() == whole.path.read_text()


@pytest.mark.parametrize("wrong", [0, -1.0, float("nan"), "ten", True])
def test_a_limit_that_is_none(wrong: object) -> None:
    with pytest.raises(SettingError, match="cpu_seconds must be a number above 0"):
        Settings(cpu_seconds=wrong)  # type: ignore[arg-type]
