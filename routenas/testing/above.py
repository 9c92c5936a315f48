"""The contract of what stands above an executor (memories, schedules): subclass `AboveContract`, and have all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from routenas.executor import Around, InProcess, estimate_all
from routenas.interfaces import Estimator, Executor, Outcome, Strategy
from routenas.journal import Journal
from routenas.loop import Order, SearchBudget, search
from routenas.results import Result, Trial
from routenas.strategies import strategy_class
from routenas.testing.estimators import BAD, GOOD, SPACE, Quality


class Shuffled(Around):
    """Hands outcomes out in another order than they were submitted in, as workers do."""

    def __init__(self, executor: Executor, seed: int) -> None:
        super().__init__(executor)
        self._rng = np.random.default_rng(seed)
        self._submitted = 0
        self._back: list[Outcome] = []

    def submit(self, ticket: int, item: Any, known: Result | None = None) -> None:
        """See ``Executor``."""
        self._submitted += 1
        super().submit(ticket, item, known)

    def wait(self) -> Outcome:
        """See ``Executor``."""
        while self._submitted:
            self._back.append(super().wait())
            self._submitted -= 1
        if not self._back:
            raise LookupError("no trial was submitted")
        return self._back.pop(int(self._rng.integers(len(self._back))))


def check_resume(
    strategy: Callable[[], Strategy],
    executor: Callable[[], Executor | Estimator],
    folder: Path,
    trials: int = 12,
    in_flight: int = 3,
    order: Order = "batch",
) -> list[Trial]:
    """Assert that a search that was killed behind any line of its journal ends, resumed, with the same journal.

    What is made must take all randomness from seeds, and say the seconds of its results.
    """
    whole, killed = folder / "whole.jsonl", folder / "killed.jsonl"
    expected = search(strategy(), executor(), trials, Journal(whole), in_flight=in_flight, order=order)
    lines = whole.read_bytes().splitlines(keepends=True)
    assert len(lines) == len(expected)
    for cut in range(len(lines) + 1):
        killed.write_bytes(b"".join(lines[:cut]) + lines[-1][:20])
        found = search(strategy(), executor(), trials, Journal(killed), in_flight=in_flight, order=order)
        assert killed.read_bytes() == whole.read_bytes(), f"killed behind line {cut}"
        assert found == expected
    return expected


def repeating(seed: int = 2) -> Strategy:
    """Asks the same genotypes again and again."""
    return strategy_class("random")(SPACE.fix("c", 1), seed, distinct=False)


def evolving(seed: int = 2) -> Strategy:
    """What it asks depends on every result."""
    return strategy_class("evolution")(SPACE, seed, population=4, tournament=2)


class AboveContract:
    """Everything around an executor keeps these."""

    epochs = 1.0
    """Least epochs that a fresh result of `Quality` is charged."""

    def estimator(self) -> Estimator:
        """What the innermost executor runs."""
        return Quality()

    def make(self, executor: Executor) -> Executor:
        """The executor under test, around another."""
        raise NotImplementedError

    def new(self, shuffle: int | None = None) -> Executor:
        """A new one, in this process; outcomes come back in another order with a seed for it."""
        inner: Executor = InProcess(self.estimator())
        return self.make(inner if shuffle is None else Shuffled(inner, shuffle))

    def test_every_trial_once_and_failures_stay_failures(self) -> None:
        executor = self.new()
        results = estimate_all(executor, [*GOOD, BAD])
        assert [result.failed for result in results] == [False] * len(GOOD) + [True]
        assert results[-1].message == "failed"
        with pytest.raises(LookupError):
            executor.wait()
        executor.close()
        executor.close()

    def test_costs_and_charges_are_carried(self) -> None:
        for result in estimate_all(self.new(), [*GOOD, BAD]):
            assert result.costs == {"parameters": 5.0 if result.failed else 10.0}
            assert result.epochs >= self.epochs
            assert result.seconds is not None
            assert result.seconds >= 2.0

    def test_what_is_known_does_not_run(self) -> None:
        found = estimate_all(self.new(), GOOD[:2])
        executor = self.make(InProcess(_Never()))
        for ticket, result in enumerate(found):
            executor.submit(ticket, GOOD[ticket], result)
        assert dict(executor.wait() for _ in found) == dict(enumerate(found))

    def test_the_same_whatever_the_order_of_outcomes(self, tmp_path: Path) -> None:
        for strategy in (repeating, evolving):
            written = []
            for shuffle in (None, 1, 2):
                path = tmp_path / f"{strategy.__name__}-{shuffle}.jsonl"
                search(strategy(), self.new(shuffle), 12, Journal(path), in_flight=5)
                written.append(path.read_bytes())
            assert written[0] == written[1] == written[2]

    @pytest.mark.parametrize("order", ["batch", "arrival"])
    @pytest.mark.parametrize("in_flight", [1, 4])
    @pytest.mark.parametrize("strategy", [repeating, evolving])
    def test_kill_and_resume(
        self, strategy: Callable[[], Strategy], in_flight: int, order: Order, tmp_path: Path
    ) -> None:
        check_resume(strategy, self.new, tmp_path, in_flight=in_flight, order=order)

    @pytest.mark.parametrize("order", ["batch", "arrival"])
    def test_resume_with_outcomes_in_any_order(self, order: Order, tmp_path: Path) -> None:
        path = tmp_path / "journal.jsonl"
        whole = search(evolving(), self.new(1), 12, Journal(path), in_flight=4, order=order)
        lines = path.read_bytes().splitlines(keepends=True)
        for cut in range(len(lines)):
            path.write_bytes(b"".join(lines[:cut]))
            found = search(evolving(), self.new(2), 12, Journal(path), in_flight=4, order=order)
            assert found[:cut] == whole[:cut]
            assert len(found) == 12
            assert path.read_bytes().startswith(b"".join(lines[:cut]))
            if order == "batch":
                assert found == whole

    @pytest.mark.parametrize("budget", [SearchBudget(7), SearchBudget(epochs=20.0), SearchBudget(seconds=40.0)])
    @pytest.mark.parametrize("order", ["batch", "arrival"])
    def test_budgets_end_a_search(self, budget: SearchBudget, order: Order) -> None:
        """A quarter of the trials fails, and is charged."""
        told: list[Trial] = []
        search(
            strategy_class("random")(SPACE, 1), self.new(), budget, None, lambda _, trial: told.append(trial), 2, order
        )
        results = [trial.result for trial in told]
        assert any(result.failed for result in results)
        spent = SearchBudget().charged(results)
        before = SearchBudget().charged(results[:-2])
        assert not budget.room(spent, 1)
        assert budget.room(before, 1)
        if budget.evaluations:
            assert spent.evaluations == budget.evaluations


class _Never(Estimator):
    def estimate(self, genotypes: Any) -> list[Result]:
        raise AssertionError("it is known")
