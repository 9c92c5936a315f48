"""Work in processes: order of errors, death of a process, death of the parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from placement_data.errors import InputError
from placement_data.processes import EndedError, Pool, run

REPOSITORY = Path(__file__).resolve().parents[2]


class TwoArgumentsError(Exception):
    """An exception that pickle cannot make anew."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


SLOW = 1000


def work(task: int) -> tuple[int, str | None]:
    """The square of a task; negative ones are refused, -99 kills its process, large ones take their time."""
    if task == -99:
        os.kill(os.getpid(), signal.SIGKILL)
    if task == -50:
        raise ValueError("two\nlines")
    if task == -51:
        raise TwoArgumentsError("one", "two")
    if task < 0:
        time.sleep(-task / 100)
        raise InputError("negative", found=task)
    if task >= SLOW:
        time.sleep(0.02)
    return task * task, os.environ.get("OMP_NUM_THREADS")


@pytest.mark.parametrize("workers", [1, 3])
def test_results_and_errors(workers: int) -> None:
    outcomes = dict(run(work, [1, -2, 3, -50, 5], workers))
    assert [outcomes[i][0] for i in (0, 2, 4)] == [1, 9, 25]  # type: ignore[index]
    assert isinstance(outcomes[1], InputError)
    assert str(outcomes[1]) == "negative, found '-2'"
    assert isinstance(outcomes[3], ValueError)


def test_an_exception_that_cannot_be_sent_is_told() -> None:
    outcomes = dict(run(work, [1, -51], 2))
    assert str(outcomes[1]) == "TwoArgumentsError: one and two"


def test_processes_use_one_thread_and_leave_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert {outcome[1] for _, outcome in run(work, [1, 2], 2)} == {"1"}  # type: ignore[index]
    assert os.environ["OMP_NUM_THREADS"] == "7"


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_first_error_by_number_is_there_when_it_stops(workers: int) -> None:
    # Task 1 fails late, task 2 at once: whoever stops at the first that comes would tell of task 2.
    outcomes = dict(run(work, [1, -40, -1, *range(SLOW, SLOW + 300)], workers, stop_on_error=True))
    errors = [number for number, outcome in outcomes.items() if isinstance(outcome, Exception)]
    assert min(errors) == 1
    assert len(outcomes) < 300


def test_a_killed_process_costs_its_task_alone() -> None:
    outcomes = dict(run(work, [1, -99, 3, -99, 5, 6], 2))
    for number in (1, 3):
        assert isinstance(outcomes[number], EndedError)
        assert "was killed by SIGKILL, expected enough memory" in str(outcomes[number])
    assert [outcomes[number][0] for number in (0, 2, 4, 5)] == [1, 9, 25, 36]  # type: ignore[index]


def test_closing_ends_the_processes() -> None:
    with closing(run(work, [1, -90, -90, -90], 2)) as outcomes:
        assert next(outcomes)[0] == 0
        assert multiprocessing.active_children()
    assert not multiprocessing.active_children()


ORPHANS = """
import os, sys, signal
sys.path.insert(0, {root!r})
import multiprocessing
from placement_data.processes import run
from tests.placement_data.test_processes import work
if __name__ == "__main__":
    for number, outcome in run(work, [1, 2, -300, -300], 2):
        print(*[child.pid for child in multiprocessing.active_children()], flush=True)
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_processes_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "orphans.py"
    script.write_text(ORPHANS.format(root=str(REPOSITORY)))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=REPOSITORY, timeout=60)
    assert done.returncode == -signal.SIGKILL
    children = [int(word) for word in done.stdout.split()]
    assert len(set(children)) == 2

    def alive() -> Iterator[int]:
        for child in set(children):
            status = Path(f"/proc/{child}/stat")
            if status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z":
                yield child

    deadline = time.monotonic() + 20
    while list(alive()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not list(alive())


def act(task: str) -> object:
    """What a task says: its process, how much to allocate, how long to sleep, something that cannot be sent."""
    what, _, amount = task.partition(" ")
    if what == "sleep":
        time.sleep(float(amount))
    if what == "fill":
        bytearray(int(amount) << 20)
    if what == "lambda":
        return lambda: None
    if what == "exit":
        os._exit(3)
    return os.getpid()


@pytest.fixture
def pool() -> Iterator[Pool[str, object]]:
    pool = Pool(act, 1)
    yield pool
    pool.close()


def test_a_pool_returns_every_ticket_once(pool: Pool[str, object]) -> None:
    for ticket in (5, 3, 8):
        pool.submit(ticket, "pid")
    found = [pool.wait() for _ in range(3)]
    assert [ticket for ticket, _ in found] == [5, 3, 8]  # one worker: in order
    assert len({process for _, process in found}) == 1
    with pytest.raises(LookupError, match="no task was submitted"):
        pool.wait()


def test_all_workers_start_with_the_first_task() -> None:
    with closing(Pool(act, 3)) as pool:
        pool.submit(0, "pid")
        assert len(multiprocessing.active_children()) == 3
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("pause", [True, False])
def test_the_death_of_an_idle_worker_costs_no_task(pool: Pool[str, object], pause: bool) -> None:
    pool.submit(0, "pid")
    _, process = pool.wait()
    assert isinstance(process, int)
    if pause:  # known to be dead when the task is given out
        os.kill(process, signal.SIGKILL)
        while multiprocessing.active_children():
            time.sleep(0.01)
    else:  # it dies with the task in its pipe
        os.kill(process, signal.SIGSTOP)
    pool.submit(1, "pid")
    if not pause:
        os.kill(process, signal.SIGKILL)
    ticket, other = pool.wait()
    assert ticket == 1
    assert isinstance(other, int)
    assert other != process


def test_a_task_that_takes_too_long_is_ended() -> None:
    with closing(Pool(act, 2, seconds=0.5)) as pool:
        for ticket, task in enumerate(["sleep 60", "pid", "sleep 60", "sleep 0.1"]):
            pool.submit(ticket, task)
        found = dict(pool.wait() for _ in range(4))
    for late in (0, 2):
        assert isinstance(found[late], EndedError)
        assert str(found[late]) == "it took longer than 0.5 s"
    assert isinstance(found[1], int)
    assert isinstance(found[3], int)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_memory_has_a_limit() -> None:
    with closing(Pool(act, 1, memory_mb=200)) as pool:
        for ticket, task in enumerate(["fill 400", "fill 100"]):
            pool.submit(ticket, task)
        found = dict(pool.wait() for _ in range(2))
    assert isinstance(found[0], MemoryError)
    assert isinstance(found[1], int)


def test_a_result_that_cannot_be_sent_is_told(pool: Pool[str, object]) -> None:
    pool.submit(0, "lambda")
    pool.submit(1, "exit")
    found = dict(pool.wait() for _ in range(2))
    assert isinstance(found[0], RuntimeError)
    assert "pickle" in str(found[0])
    assert str(found[1]) == "its process ended with exit code 3"


class Unloadable:
    """A function that no worker can load."""

    def __call__(self, task: str) -> str:
        return task

    def __reduce__(self) -> tuple[object, ...]:
        return refuse, ()


def refuse() -> None:
    raise FileNotFoundError("its table is gone")


def test_a_function_that_cannot_be_loaded_fails_its_tasks() -> None:
    with closing(Pool(Unloadable(), 2)) as pool:
        for ticket in range(3):
            pool.submit(ticket, "a")
        found = [pool.wait()[1] for _ in range(3)]
    assert [str(outcome) for outcome in found] == ["its table is gone"] * 3


@pytest.mark.parametrize("wrong", [(0, None, None), (1, 0.0, None), (1, None, -1)])
def test_limits_of_a_pool_are_above_0(wrong: tuple[int, float | None, int | None]) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Pool(act, *wrong)


INTERRUPTED = """
import sys, time
sys.path.insert(0, {root!r})
from contextlib import closing
from placement_data.processes import Pool
from tests.placement_data.test_processes import act
if __name__ == "__main__":
    try:
        with closing(Pool(act, 3)) as pool:
            for ticket in range(3):
                pool.submit(ticket, "pid" if {after} else "sleep 60")
            if {after}:
                for ticket in range(3):
                    pool.wait()
            print("now", flush=True)
            time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("after", [False, True])
def test_ctrl_c_leaves_no_traceback_of_a_worker(tmp_path: Path, after: bool) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED.format(root=str(REPOSITORY), after=after))
    with subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "now\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the parent and to its workers
        assert process.stderr.read() == ""
        assert process.wait(60) == 130
