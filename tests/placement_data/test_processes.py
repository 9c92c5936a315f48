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
from placement_data.processes import run

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


def test_processes_useone_thread_and_leave_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
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
        assert isinstance(outcomes[number], InputError)
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
