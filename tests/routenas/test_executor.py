"""Executors: the contract for each, and limits of time and memory."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from placement_data.errors import InputError
from placement_data.processes import EndedError, Pool
from routenas.executor import Execution, InProcess, Processes, Ray, Spread, estimate_all
from routenas.interfaces import Estimator, Executor
from routenas.results import Result, Trial
from routenas.testing.executors import FILL, KILL, SLEEP, ExecutorContract, Trials, trial
from searchspaces.space import Genotype


class Shared(Estimator):
    """Adds what it prepared, and counts what it recalls."""

    def __init__(self) -> None:
        self.prepared = 0
        self.recalled: Sequence[Trial] = ()

    def prepare(self, folder: Path) -> None:
        self.prepared = 10

    def recall(self, trials: Sequence[Trial]) -> None:
        self.recalled = trials

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        metrics = {"recalled": len(self.recalled)}
        return [Result(float(self.prepared + genotype.values[1]), metrics) for genotype in genotypes]


PROGRAM = """
from contextlib import closing
from routenas.executor import Processes
from routenas.testing.executors import SLEEP, Trials, trial

if __name__ == "__main__":
    try:
        with closing(Processes(Trials(), workers=2)) as executor:
            executor.submit(0, trial(SLEEP, 0))
            executor.submit(1, trial(SLEEP, 1))
            print("submitted", flush=True)
            executor.wait()
    except KeyboardInterrupt:
        print("stopped", flush=True)
"""


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
        assert found[0].message == "the trial was ended: it took longer than 0.5 s"

    @pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
    def test_a_limit_of_memory(self) -> None:
        executor = Processes(Trials(), workers=1, memory_mb=200)
        found = estimate_all(executor, [trial(FILL, 0), trial(0, 1)])
        executor.close()
        assert [result.value for result in found] == [None, 1.0]
        assert found[0].message.startswith("MemoryError")

    def test_workers_start_all_at_once(self) -> None:
        executor = Processes(Trials(), workers=3)
        assert not multiprocessing.active_children()
        executor.submit(0, trial(0, 1))
        assert len(multiprocessing.active_children()) == 3
        executor.close()

    def test_a_worker_that_dies_idle_fails_no_trial(self) -> None:
        executor = Processes(Trials(), workers=1)
        (first,) = estimate_all(executor, [trial(0, 1)])
        os.kill(first.metrics["process"], signal.SIGKILL)
        (second,) = estimate_all(executor, [trial(0, 2)])
        executor.close()
        assert second.value == 2.0
        assert second.metrics["process"] != first.metrics["process"]

    def test_what_the_estimator_prepared_and_recalls_is_there_in_every_worker(self, tmp_path: Path) -> None:
        executor = Processes(Shared(), workers=2)
        executor.prepare(tmp_path)
        executor.recall([Trial(trial(0, 5), Result(0.5))])
        found = estimate_all(executor, [trial(0, 1), trial(0, 2), trial(0, 3)])
        executor.close()
        assert [result.value for result in found] == [11.0, 12.0, 13.0]
        assert [result.metrics["recalled"] for result in found] == [1, 1, 1]

    @pytest.mark.parametrize("sleep", [0.0, 3.0])
    def test_ctrl_c_leaves_no_traceback_of_a_worker(self, tmp_path: Path, sleep: float) -> None:
        """While the workers start, and when they are in mid-trial."""
        program = tmp_path / "program.py"
        program.write_text(PROGRAM)
        process = subprocess.Popen(
            [sys.executable, str(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"submitted\n"
        time.sleep(sleep)
        os.killpg(process.pid, signal.SIGINT)
        out, errors = process.communicate(timeout=60)
        assert (out, errors) == (b"stopped\n", b"")

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


def inverse(number: int) -> float:
    if number == KILL:
        os.kill(os.getpid(), signal.SIGKILL)
    return 1 / number


@pytest.mark.parametrize("execution", [Execution(), Execution("processes", 2), Execution("ray", 2)], ids=str)
def test_calls_of_any_function(execution: Execution, request: pytest.FixtureRequest) -> None:
    if execution.executor == "ray":
        request.getfixturevalue("cluster")
    tasks = [1, 2, 0, 4, 5, *([KILL, 8] if execution.workers > 1 else [])]
    found = dict(execution.run(inverse, tasks))
    assert sorted(found) == list(range(len(tasks)))
    assert {number: found[number] for number in (0, 1, 3, 4)} == {0: 1.0, 1: 0.5, 3: 0.25, 4: 0.2}
    assert isinstance(found[2], ZeroDivisionError)
    if execution.workers > 1:
        assert isinstance(found[5], EndedError)
        assert found[6] == 0.125
    assert dict(execution.run(inverse, [])) == {}


class TestExecution:
    def test_opens_what_it_names(self) -> None:
        assert isinstance(Execution().open(Trials()), InProcess)
        executor = Execution("processes", 3, seconds=5.0, memory_mb=900).open(Trials())
        assert isinstance(executor, Spread)
        assert isinstance(executor._pool, Pool)
        assert executor.workers == 3
        executor.close()

    def test_refuses_before_anything_is_made(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(InputError, match="no such executor, found 'threads', expected in-process or processes or"):
            Execution("threads").check()
        with pytest.raises(InputError, match="limits of a trial need worker processes, found 'in-process'"):
            Execution(seconds=3.0).check()
        monkeypatch.setattr("routenas.executor.find_spec", lambda name: None)
        with pytest.raises(InputError, match=r"this executor needs Ray, expected pip install 'routenas\[ray\]'"):
            Execution("ray", 2).check()


def test_what_an_estimator_gives_must_be_results() -> None:
    class Wrong(Estimator):
        def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
            return [0.5]  # type: ignore[list-item]

    (result,) = estimate_all(InProcess(Wrong()), [trial(0, 1)])
    assert result.message == "TypeError: an estimator gives a Result for each item, not float"
