"""The loop: replay, failures, exhaustion."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from placement_data.errors import InputError
from routenas.journal import Journal
from routenas.loop import SearchFailedError, best_first, search
from routenas.results import Result, Trial
from routenas.strategies import STRATEGIES, Strategy, strategy_class
from searchspaces.flexible import FlexibleSpace
from searchspaces.space import Choice, Genotype, Space


def ones(genotype: Genotype) -> float | None:
    """A value that follows from the genotype."""
    return sum(genotype.values) / len(genotype.values)


@dataclass
class Table:
    """An estimator that looks values up and counts what it is asked for."""

    value: Callable[[Genotype], float | None] = ones
    asked: list[Genotype] = field(default_factory=list)

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        self.asked += genotypes
        return [
            Result(self.value(g), {"auc": 1.0}, "", {"parameters": 10.0}, 0.25 * len(self.asked)) for g in genotypes
        ]


SMALL = {"population": 4, "tournament": 2}
OPTIONS: dict[str, dict[str, int]] = {
    "evolution": SMALL, "regularised-evolution": SMALL, "exhaustive": {"samples": 50}, "predictor": {"pool": 16},
}  # fmt: skip


def strategy(name: str = "evolution", seed: int = 5) -> Strategy:
    return strategy_class(name)(FlexibleSpace("extended"), seed, **OPTIONS.get(name, {}))


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_replay_equals_an_uninterrupted_search(tmp_path: Path, name: str) -> None:
    whole = Journal(tmp_path / "whole.jsonl")
    expected = search(strategy(name), Table(), 12, whole)
    path = tmp_path / "killed.jsonl"
    asked: list[Genotype] = []
    for stop in (1, 2, 7, 12):
        estimator = Table()

        def progress(number: int, trial: Trial, stop: int = stop) -> None:
            if number + 1 == stop < 12:
                raise Killed

        try:
            trials = search(strategy(name), estimator, 12, Journal(path), progress)
        except Killed:
            path.write_bytes(path.read_bytes() + b'{"trial": 99, "ha')
        asked += estimator.asked
    assert [trial.genotype for trial in trials] == [trial.genotype for trial in expected]
    assert asked == [trial.genotype for trial in expected]  # nothing is trained twice

    def without_times(journal: Path) -> list[dict[str, object]]:
        return [{**json.loads(line), "seconds": 0} for line in journal.read_text().splitlines()]

    assert without_times(path) == without_times(whole.path)


def test_trials_means_the_total(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    search(strategy(), Table(), 5, journal)
    estimator = Table()
    search(strategy(), estimator, 5, Journal(journal.path))
    assert estimator.asked == []
    assert len(search(strategy(), estimator, 8, Journal(journal.path))) == 8
    assert len(estimator.asked) == 3


def test_failed_and_nan_trials_are_survived(tmp_path: Path) -> None:
    values = iter([None, math.nan, 0.5, math.inf, 0.7, -math.inf])
    journal = Journal(tmp_path / "j.jsonl")
    trials = search(strategy(), Table(lambda g: next(values)), 6, journal)
    assert [trial.result.value for trial in trials] == [None, None, 0.5, None, 0.7, None]
    assert [record["status"] for record in journal.records] == ["failed", "failed", "ok", "failed", "ok", "failed"]
    assert trials[1].result.message == "the metric is nan"
    assert [trial.result.value for trial in best_first(trials)] == [0.7, 0.5]
    again = search(strategy(), Table(), 6, Journal(journal.path))
    assert again == trials


def test_metrics_that_json_lacks_become_null(tmp_path: Path) -> None:
    class Odd(Table):
        def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
            metrics = {"a": math.nan, "by_design": {"x": math.inf, "y": np.float32(1.0)}, "curve": [math.nan, 0.5]}
            return [Result(np.float32(0.5), metrics, seconds=np.float32(2.0))]

    (trial,) = search(strategy(), Odd(), 1, Journal(tmp_path / "j.jsonl"))
    assert trial.result.metrics == {"a": None, "by_design": {"x": None, "y": 1.0}, "curve": [None, 0.5]}
    assert (trial.result.value, trial.result.seconds) == (0.5, 2.0)
    assert Journal(tmp_path / "j.jsonl").records[0]["metrics"] == trial.result.metrics


def test_ties_go_to_the_earlier_trial(tmp_path: Path) -> None:
    trials = search(strategy(), Table(lambda g: 0.5), 4, Journal(tmp_path / "j.jsonl"))
    assert best_first(trials) == trials


def test_all_failed(tmp_path: Path) -> None:
    with pytest.raises(SearchFailedError, match="all 3 candidates failed") as caught:
        search(strategy(), Table(lambda g: None), 3, Journal(tmp_path / "j.jsonl"))
    assert caught.value.exit_code == 5
    with pytest.raises(SearchFailedError):
        search(strategy(), Table(), 0, Journal(tmp_path / "k.jsonl"))


def test_an_exhausted_space_ends_the_search(tmp_path: Path) -> None:
    space = Space("tiny", [Choice("a", 2), Choice("b", 3)])
    random = strategy_class("random")(space, 0)
    trials = search(random, Table(), 100, Journal(tmp_path / "j.jsonl"))
    assert len(trials) == 6
    assert len({trial.genotype for trial in trials}) == 6


@pytest.mark.parametrize("change", [{"hash": "0" * 12}, {"trial": 1}, {"hash": None}])
def test_the_journal_of_another_search_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    search(strategy(), Table(), 2, journal)
    lines = [json.dumps({**journal.records[0], **change}), json.dumps(journal.records[1])]
    journal.path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"j\.jsonl:1: the journal is of another search"):
        search(strategy(), Table(), 2, Journal(journal.path))


def test_another_seed_is_another_search(tmp_path: Path) -> None:
    search(strategy(), Table(), 2, Journal(tmp_path / "j.jsonl"))
    with pytest.raises(InputError, match="the journal is of another search"):
        search(strategy(seed=6), Table(), 2, Journal(tmp_path / "j.jsonl"))


def test_a_journal_line_that_lacks_a_field_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    search(strategy(), Table(), 1, journal)
    journal.path.write_text(json.dumps({k: v for k, v in journal.records[0].items() if k != "value"}) + "\n")
    with pytest.raises(InputError, match=r"j\.jsonl:1: a journal line lacks 'value'"):
        search(strategy(), Table(), 1, Journal(journal.path))
