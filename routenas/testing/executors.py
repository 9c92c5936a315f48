"""The contract of an executor: subclass `ExecutorContract`, set ``make``, and have all tests."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from routenas.executor import InProcess, estimate_all
from routenas.interfaces import Estimator, Executor
from routenas.journal import Journal
from routenas.loop import SearchBudget, SearchFailedError, search
from routenas.results import Result, Trial
from routenas.strategies import strategy_class
from searchspaces.space import Choice, Genotype, Space

SPACE = Space("trials", [Choice("a", 10), Choice("b", 40)])
KILL, RAISE, SLEEP, FILL, NAP, WAIT = 9, 8, 7, 6, 5, 4


@dataclass(frozen=True)
class Trials(Estimator):
    """An estimator whose first choice says what happens; the value is the second choice."""

    sleep: float = 60.0
    signal: Path | None = None

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``."""
        return [self._one(*genotype.values) for genotype in genotypes]

    def _one(self, what: int, value: int) -> Result:
        if what == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        if what == RAISE:
            raise ValueError("no such luck\nsecond line")
        if what == SLEEP:
            time.sleep(self.sleep)
        if what == FILL:
            bytearray(1 << 32)
        if what == NAP:
            time.sleep(0.04)
            raise ValueError("after a nap")
        if what == WAIT and self.signal is not None:
            deadline = time.monotonic() + 60
            while not self.signal.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
        return Result(float(value), {"process": os.getpid()}, "", {"parameters": 7.0}, 2.0, 1.0)


class Plain(Estimator):
    """The second choice, and nothing of the process."""

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``."""
        return [Result(float(genotype.values[1]), {}, "", {"parameters": 7.0}, 2.0, 1.0) for genotype in genotypes]


class Lengths(Estimator):
    """The lengths of items that are no genotypes."""

    def estimate(self, genotypes: Sequence[Any]) -> list[Result]:
        """See ``Estimator``."""
        return [Result(float(len(item))) for item in genotypes]


def trial(what: int, value: int) -> Genotype:
    """The genotype of a trial to which ``what`` happens."""
    return SPACE.genotype((what, value))


class ExecutorContract:
    """Every executor that runs an estimator keeps these."""

    kills = True
    """Whether a trial may kill its process."""

    def make(self, estimator: Estimator) -> Executor:
        """The executor under test, of two workers where it has workers."""
        raise NotImplementedError

    @pytest.fixture
    def executor(self) -> Iterator[Executor]:
        """One of `Trials`."""
        executor = self.make(Trials())
        yield executor
        executor.close()

    def test_every_trial_once(self, executor: Executor) -> None:
        for ticket in range(7):
            executor.submit(ticket, trial(0, ticket))
        found = dict(executor.wait() for _ in range(7))
        assert {ticket: result.value for ticket, result in found.items()} == {value: float(value) for value in range(7)}
        with pytest.raises(LookupError):
            executor.wait()

    def test_a_result_arrives_as_it_was(self, executor: Executor) -> None:
        (result,) = estimate_all(executor, [trial(0, 3)])
        assert (result.value, result.costs, result.seconds, result.epochs) == (3.0, {"parameters": 7.0}, 2.0, 1.0)

    def test_items_of_any_kind(self) -> None:
        executor = self.make(Lengths())
        found = estimate_all(executor, ["three", ("a", 1), [7]])
        executor.close()
        assert [result.value for result in found] == [5.0, 2.0, 1.0]

    def test_an_exception_is_a_failed_trial(self, executor: Executor) -> None:
        found = estimate_all(executor, [trial(0, 1), trial(RAISE, 0), trial(0, 2)])
        assert [result.value for result in found] == [1.0, None, 2.0]
        assert found[1].message == "ValueError: no such luck"

    def test_a_failed_trial_is_charged_the_time_it_took(self, executor: Executor) -> None:
        (result,) = estimate_all(executor, [trial(NAP, 0)])
        assert result.value is None
        assert result.seconds is not None
        assert 0.04 <= result.seconds < 30

    def test_a_killed_worker_is_a_failed_trial(self, executor: Executor) -> None:
        if not self.kills:
            pytest.skip("the trials run in this process")
        found = estimate_all(executor, [trial(0, 1), trial(KILL, 0), trial(0, 2), trial(0, 3), trial(0, 4)])
        assert [result.value for result in found] == [1.0, None, 2.0, 3.0, 4.0]
        assert found[1].message.startswith("the trial was ended")
        assert found[1].seconds is not None

    def test_what_is_known_does_not_run(self, executor: Executor) -> None:
        known = Result(0.25, {"a": 1}, "", {"parameters": 3.0}, 4.0, 5.0)
        executor.submit(4, trial(RAISE, 0), known)
        executor.submit(5, trial(0, 2))
        found = dict(executor.wait() for _ in range(2))
        assert found[4] == known
        assert found[5].value == 2.0

    def test_a_search_is_the_same_as_in_this_process(self, tmp_path: Path) -> None:
        executor, paths = self.make(Plain()), [tmp_path / "here.jsonl", tmp_path / "there.jsonl"]
        for path, work in zip(paths, (InProcess(Plain()), executor), strict=True):
            strategy = strategy_class("evolution")(SPACE, 3, population=4, tournament=2)
            search(strategy, work, 9, Journal(path), in_flight=3)
        executor.close()
        assert paths[0].read_bytes() == paths[1].read_bytes()

    def test_seconds_end_a_search_whose_trials_fail(self, executor: Executor) -> None:
        budget, told = SearchBudget(seconds=0.2), []
        with pytest.raises(SearchFailedError, match="after a nap"):
            search(
                strategy_class("random")(SPACE.fix("a", NAP), 0), executor, budget, None, lambda *one: told.append(one)
            )
        assert 1 <= len(told) <= 6  # of 40

    def test_epochs_end_a_search(self, executor: Executor) -> None:
        trials = search(strategy_class("random")(SPACE.fix("a", 0), 0), executor, SearchBudget(epochs=5.0), in_flight=2)
        assert len(trials) == 6  # two at a time: the fifth and the sixth start with four spent

    def test_nobody_waits_in_order_of_arrival(self, tmp_path: Path) -> None:
        executor = self.make(Trials(signal=tmp_path / "go on"))
        if executor.workers < 2:
            executor.close()
            pytest.skip("one trial at a time")
        told = []

        def progress(number: int, told_trial: Trial) -> None:
            told.append(told_trial.genotype.values)
            if number == 4:  # five others were told while the first ran: a batch of two would wait for it
                (tmp_path / "go on").touch()

        initial = [trial(WAIT, 0), *(trial(0, value) for value in range(7))]
        strategy = strategy_class("random")(SPACE, 0, initial=initial)
        search(strategy, executor, 8, None, progress, in_flight=2, order="arrival")
        executor.close()
        assert told.index((WAIT, 0)) >= 5

    def test_closing_twice(self) -> None:
        executor = self.make(Trials())
        estimate_all(executor, [trial(0, 1)])
        executor.close()
        executor.close()

    def test_closing_ends_what_runs(self) -> None:
        executor = self.make(Trials())
        start = time.monotonic()
        executor.submit(0, trial(SLEEP, 0))
        executor.close()
        assert time.monotonic() - start < 30
