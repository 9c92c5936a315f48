"""Executors: the contract for each, and limits of time and memory."""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from routenas.executor import InProcess, Processes, Ray, estimate_all
from routenas.interfaces import Estimator, Executor
from routenas.testing.executors import FILL, KILL, SLEEP, ExecutorContract, Trials, trial


class TestInProcess(ExecutorContract):
    kills = False

    def make(self, estimator: Estimator) -> Executor:
        return InProcess(estimator)


class TestProcesses(ExecutorContract):
    def make(self, estimator: Estimator) -> Executor:
        return Processes(estimator, workers=2)

    def test_a_limit_of_time(self) -> None:
        executor = Processes(Trials(), workers=2, seconds=0.5)
        start = time.monotonic()
        found = estimate_all(executor, [trial(SLEEP, 0), trial(0, 1), trial(0, 2)])
        executor.close()
        assert time.monotonic() - start < 30
        assert [result.value for result in found] == [None, 1.0, 2.0]
        assert found[0].message == "the trial was ended: longer than 0.5 s"

    @pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
    def test_a_limit_of_memory(self) -> None:
        executor = Processes(Trials(), workers=1, memory_mb=200)
        found = estimate_all(executor, [trial(FILL, 0), trial(0, 1)])
        executor.close()
        assert [result.value for result in found] == [None, 1.0]
        assert found[0].message.startswith("MemoryError")

    def test_no_process_is_left(self) -> None:
        executor = Processes(Trials(), workers=2)
        estimate_all(executor, [trial(KILL, 0), trial(0, 1), trial(0, 2)])
        executor.close()
        assert not [child for child in multiprocessing.active_children() if child.is_alive()]

    @pytest.mark.parametrize("wrong", [{"workers": 0}, {"seconds": 0.0}, {"memory_mb": -1}])
    def test_limits_must_be_above_0(self, wrong: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="must be above 0"):
            Processes(Trials(), **wrong)


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A local cluster, started once: that takes seconds."""
    ray = pytest.importorskip("ray")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    yield
    ray.shutdown()


@pytest.mark.usefixtures("cluster")
class TestRay(ExecutorContract):
    def make(self, estimator: Estimator) -> Executor:
        return Ray(estimator, workers=2)
