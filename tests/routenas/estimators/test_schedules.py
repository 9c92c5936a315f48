"""Schedules of several fidelities: the contract with two of them, and the rules by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from routenas.estimators.early_stop import MedianStopped
from routenas.estimators.fidelities import Fidelities, LastFidelity
from routenas.estimators.halving import SuccessiveHalving
from routenas.executor import InProcess, Processes, estimate_all
from routenas.interfaces import Estimator, Executor
from routenas.journal import Journal
from routenas.loop import best_first, search
from routenas.results import Result, Trial
from routenas.strategies import strategy_class
from routenas.testing.above import AboveContract
from routenas.testing.estimators import BAD, GOOD, Quality
from searchspaces.space import Choice, Genotype, Space

LARGE = Space("large", [Choice("a", 9), Choice("b", 9)])


class Epochs(Estimator):
    """A training of some epochs: its value is the first choice's, the second's with more of them."""

    def __init__(self, epochs: float) -> None:
        self.epochs = epochs

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        return [self._one(*genotype.values) for genotype in genotypes]

    def _one(self, a: int, b: int) -> Result:
        value = 0.1 * a + 0.001 * b if self.epochs < 9 else 0.1 * b + 0.001 * a
        return Result(value, {}, "", {"parameters": 1.0}, 2 * self.epochs, self.epochs)


def three() -> Fidelities:
    return Fidelities([Epochs(1.0), Epochs(3.0), Epochs(9.0)])


def two() -> Fidelities:
    return Fidelities([Quality(1.0), Quality(3.0, 0.1)])


class TestHalving(AboveContract):
    def estimator(self) -> Estimator:
        return two()

    def make(self, executor: Executor) -> Executor:
        return SuccessiveHalving(executor, 2, 2.0)

    def test_the_best_reach_the_last_fidelity_and_are_charged_for_all(self) -> None:
        low, high = Quality(1.0), Quality(3.0)
        results = estimate_all(SuccessiveHalving(Fidelities([low, high]), 2, 2), [*GOOD, BAD])
        assert len(low.asked) == 5
        assert high.asked == [GOOD[1], GOOD[3]]  # 0.52 and 0.56 of 0.13, 0.52, 0.30, 0.56 and a failure
        assert [result.metrics["fidelity"] for result in results] == [0, 1, 0, 1, 0]
        assert [result.epochs for result in results] == [1.0, 4.0, 1.0, 4.0, 1.0]
        assert [result.seconds for result in results] == [2.0, 4.0, 2.0, 4.0, 2.0]

    def test_the_best_are_those_that_came_farthest(self) -> None:
        high = Quality(3.0, -0.2)  # more training shows that all are worse than they seemed
        executor = SuccessiveHalving(Fidelities([Quality(1.0), high]), 2, 2)
        results = estimate_all(executor, GOOD)
        trials = [Trial(*pair) for pair in zip(GOOD, results, strict=True)]
        assert max(results, key=lambda result: result.value or 0.0) == results[2]
        assert [trial.genotype for trial in best_first(trials)] == [GOOD[1], GOOD[3], GOOD[2], GOOD[0]]

    @pytest.mark.parametrize("workers", [0, 2])
    def test_27_become_9_become_3(self, workers: int) -> None:
        """27 x 1 + 9 x 3 + 3 x 9 = 81 epochs, in worker processes as well."""
        inner = Processes(three(), workers) if workers else InProcess(three())
        executor = SuccessiveHalving(inner, 3)
        trials = search(strategy_class("random")(LARGE, 0), executor, 27, in_flight=27)
        executor.close()
        reached = [trial.result.metrics["fidelity"] for trial in trials]
        assert [reached.count(fidelity) for fidelity in range(3)] == [18, 6, 3]
        assert sum(trial.result.epochs for trial in trials) == 81.0
        low = {trial.genotype: 0.1 * trial.genotype.values[0] + 0.001 * trial.genotype.values[1] for trial in trials}
        best = sorted(low, key=lambda genotype: -low[genotype])[:9]
        assert {trial.genotype for trial, fidelity in zip(trials, reached, strict=True) if fidelity} == set(best)


class TestMedianStopped(AboveContract):
    def estimator(self) -> Estimator:
        return two()

    def make(self, executor: Executor) -> Executor:
        return MedianStopped(executor, 2, 3)

    def test_the_hopeless_are_stopped(self) -> None:
        executor = MedianStopped(Fidelities([Quality(1.0), Quality(3.0)]), 2, 2)
        results = [estimate_all(executor, [genotype])[0] for genotype in (GOOD[1], GOOD[3], GOOD[0], BAD)]
        assert [result.epochs for result in results] == [4.0, 4.0, 1.0, 1.0]
        assert results[2].message == "stopped at fidelity 0: below the median of 2"
        assert not results[2].failed

    def test_those_that_run_together_do_not_judge_each_other(self) -> None:
        executor = MedianStopped(Fidelities([Quality(1.0), Quality(3.0)]), 2, 2)
        results = estimate_all(executor, [GOOD[1], GOOD[3], GOOD[0]])
        assert [result.epochs for result in results] == [4.0, 4.0, 4.0]

    def test_in_worker_processes(self, tmp_path: Path) -> None:
        paths = [tmp_path / "here.jsonl", tmp_path / "there.jsonl"]
        for path, inner in zip(paths, (InProcess(three()), Processes(three(), 2)), strict=True):
            executor = MedianStopped(inner, 3, 3)
            search(strategy_class("random")(LARGE, 0), executor, 24, Journal(path), in_flight=3)
            executor.close()
        assert paths[0].read_bytes() == paths[1].read_bytes()
        fidelities = [record["metrics"]["fidelity"] for record in Journal(paths[0]).records]
        assert 0 < fidelities.count(0) < 24


class TestLastFidelity(AboveContract):
    def estimator(self) -> Estimator:
        return two()

    def make(self, executor: Executor) -> Executor:
        return LastFidelity(executor, 2)

    def test_only_the_last_one_runs(self) -> None:
        low, high = Quality(1.0), Quality(3.0)
        results = estimate_all(LastFidelity(Fidelities([low, high]), 2), GOOD)
        assert [result.epochs for result in results] == [3.0] * 4
        assert low.asked == []


class TestFidelities:
    def test_each_recalls_what_it_found_itself(self) -> None:
        class Remembers(Quality):
            recalled: Sequence[Trial] = ()

            def recall(self, trials: Sequence[Trial]) -> None:
                self.recalled = trials

        low, high = Remembers(1.0), Remembers(3.0, 0.1)
        fidelities = Fidelities([low, high])
        results = estimate_all(SuccessiveHalving(fidelities, 2, 2), GOOD)
        fidelities.recall([Trial(*pair) for pair in zip(GOOD, results, strict=True)])
        assert [trial.genotype for trial in low.recalled] == GOOD
        assert [trial.result for trial in low.recalled] == Quality(1.0).estimate(GOOD)
        assert [trial.genotype for trial in high.recalled] == [GOOD[1], GOOD[3]]
        assert [trial.result for trial in high.recalled] == Quality(3.0, 0.1).estimate([GOOD[1], GOOD[3]])
        plain = [Trial(GOOD[0], Result(0.5))]  # of a search without a schedule
        fidelities.recall(plain)
        assert (low.recalled, high.recalled) == ([], plain)

    def test_each_prepares_in_a_folder_of_its_own(self, tmp_path: Path) -> None:
        class Prepares(Quality):
            def prepare(self, folder: Path) -> None:
                folder.mkdir()

        Fidelities([Prepares(), Prepares()]).prepare(tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["fidelity-0", "fidelity-1"]

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: Fidelities([]), "an estimator or more"),
            (lambda: SuccessiveHalving(two(), 0), "a fidelity or more, not 0"),
            (lambda: SuccessiveHalving(two(), 2, 1.0), "eta > 1, not 1"),
            (lambda: MedianStopped(two(), 2, 0), "least >= 1, not 0"),
        ],
    )
    def test_refuses(self, make: object, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            make()  # type: ignore[operator]
