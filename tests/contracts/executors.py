"""The contract of an executor: subclass `ExecutorContract`, set ``make``, and have all tests."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from routenas.estimators.parallel import Parallel
from routenas.interfaces import Estimator, Executor
from routenas.loop import search
from routenas.results import Result
from routenas.strategies import strategy_class
from searchspaces.space import Choice, Genotype, Space

SPACE = Space("trials", [Choice("a", 10), Choice("b", 10)])
KILL, RAISE, SLEEP, FILL = 9, 8, 7, 6


@dataclass(frozen=True)
class Trials:
    """An estimator whose first choice says what happens; the value is the second choice."""

    sleep: float = 60.0

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
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
        return Result(float(value), {"process": os.getpid()})


def trial(what: int, value: int) -> Genotype:
    return SPACE.genotype((what, value))


class ExecutorContract:
    kills = True  # whether a trial may kill its process

    def make(self, estimator: Estimator) -> Executor:
        raise NotImplementedError

    @pytest.fixture
    def executor(self) -> Iterator[Executor]:
        executor = self.make(Trials())
        yield executor
        executor.close()

    def run(self, executor: Executor, genotypes: Sequence[Genotype]) -> dict[int, Result]:
        for ticket, genotype in enumerate(genotypes):
            executor.submit(ticket, genotype)
        return dict(executor.wait() for _ in genotypes)

    def test_every_trial_once(self, executor: Executor) -> None:
        found = self.run(executor, [trial(0, value) for value in range(7)])
        assert {ticket: result.value for ticket, result in found.items()} == {value: float(value) for value in range(7)}
        with pytest.raises(LookupError):
            executor.wait()

    def test_an_exception_is_a_failed_trial(self, executor: Executor) -> None:
        found = self.run(executor, [trial(0, 1), trial(RAISE, 0), trial(0, 2)])
        assert [found[ticket].value for ticket in range(3)] == [1.0, None, 2.0]
        assert found[1].message == "ValueError: no such luck"

    def test_a_killed_worker_is_a_failed_trial(self, executor: Executor) -> None:
        if not self.kills:
            pytest.skip("the trials run in this process")
        found = self.run(executor, [trial(0, 1), trial(KILL, 0), trial(0, 2), trial(0, 3), trial(0, 4)])
        assert [found[ticket].value for ticket in range(5)] == [1.0, None, 2.0, 3.0, 4.0]
        assert found[1].message.startswith("the trial was ended")

    def test_results_come_in_order_whatever_the_timing(self, executor: Executor) -> None:
        genotypes = [trial(0, value) for value in (5, 3, 9, 1)]
        assert [result.value for result in Parallel(executor).estimate(genotypes)] == [5.0, 3.0, 9.0, 1.0]

    def test_a_search_is_the_same_as_without_it(self, executor: Executor) -> None:
        space = SPACE.fix("a", 0)
        found, expected = (
            search(strategy_class("evolution")(space, 3, population=4, tournament=2), estimator, 9, batch=3)
            for estimator in (Parallel(executor), Trials())
        )
        assert [trial.genotype for trial in found] == [trial.genotype for trial in expected]
        assert [trial.result.value for trial in found] == [trial.result.value for trial in expected]

    def test_closing_twice(self) -> None:
        executor = self.make(Trials())
        self.run(executor, [trial(0, 1)])
        executor.close()
        executor.close()

    def test_closing_ends_what_runs(self) -> None:
        executor = self.make(Trials())
        start = time.monotonic()
        executor.submit(0, trial(SLEEP, 0))
        executor.close()
        assert time.monotonic() - start < 30
