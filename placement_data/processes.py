"""Work spread over processes, such that the death of one costs the task it had and nothing else.

``concurrent.futures`` gives up a whole pool when the system kills one process of it (out of memory), and its processes
outlive a parent that was killed. Here each process has a pipe of its own: the parent sees its death as the pipe's end,
and the process sees its parent's.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar, cast

from placement_data.errors import InputError

T = TypeVar("T")
R = TypeVar("R")
Outcomes = Generator[tuple[int, R | Exception], None, None]

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run(function: Callable[[T], R], tasks: Sequence[T], workers: int, stop_on_error: bool = False) -> Outcomes[R]:
    """Yield ``(number of the task, its result or the exception it raised)`` as tasks are done.

    ``function`` and tasks are pickled and must be importable; with one worker all runs in this process. Tasks start in
    order; with ``stop_on_error`` none starts after the first exception, but those that run are waited for, so the
    exception of the lowest number is the same for any number of workers. Where a process is killed, its task's outcome
    is an :class:`InputError`. Close the iterator to end the processes early.
    """
    workers = min(workers, len(tasks))
    yield from (
        _here(function, tasks, stop_on_error) if workers <= 1 else _spread(function, tasks, workers, stop_on_error)
    )


def _here(function: Callable[[T], R], tasks: Sequence[T], stop_on_error: bool) -> Outcomes[R]:
    for number, task in enumerate(tasks):
        outcome = _outcome(function, task)
        yield number, outcome
        if stop_on_error and isinstance(outcome, Exception):
            return


def _outcome(function: Callable[[T], R], task: T) -> R | Exception:
    try:
        return function(task)
    except Exception as error:
        return error


def _spread(function: Callable[[T], R], tasks: Sequence[T], workers: int, stop_on_error: bool) -> Outcomes[R]:
    waiting = iter(enumerate(tasks))
    busy: dict[Connection, _Worker] = {}
    failed = False

    def go_on(worker: _Worker | None) -> None:
        number, task = (-1, None) if failed and stop_on_error else next(waiting, (-1, None))
        if number < 0:
            if worker is not None:
                worker.end()
            return
        worker = worker or _Worker(function)
        busy[worker.link] = worker
        worker.give(number, task)

    try:
        for _ in range(workers):
            go_on(None)
        while busy:
            for link in wait(list(busy)):
                worker = busy.pop(cast("Connection[Any, Any]", link))
                outcome, alive = worker.take()
                failed = failed or isinstance(outcome, Exception)
                go_on(worker if alive else None)
                yield worker.answered, outcome
    finally:
        for worker in busy.values():
            worker.end()


class _Worker:
    """One process and the parent's end of its pipe."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy the locks of HDF5 and torch
        self.link, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, function), daemon=True)
        with one_thread():
            self.process.start()
        theirs.close()
        self.number = self.answered = -1

    def give(self, number: int, task: object) -> None:
        self.number = number
        with suppress(OSError):  # it is dead: take() says so
            self.link.send(task)

    def take(self) -> tuple[Any, bool]:
        """The outcome of its task, and whether the process lives on."""
        self.answered = self.number
        try:
            return self.link.recv(), True
        except (EOFError, OSError, pickle.UnpicklingError):
            self.process.join()
            code = self.process.exitcode or 0
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            hint = "enough memory (fewer workers)" if code < 0 else None
            self.end()
            return InputError(f"the process that read it {how}", expected=hint), False

    def end(self) -> None:
        self.link.close()
        self.process.terminate()
        self.process.join()
        self.process.close()


def _serve(link: Connection, function: Callable[[Any], Any]) -> None:
    """Answer tasks until the parent closes its end, or is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which then ends us
    while True:
        try:
            task = link.recv()
        except (EOFError, OSError):
            return
        outcome = _outcome(function, task)
        try:
            link.send(_portable(outcome))
        except OSError:
            return


def _portable(outcome: object) -> object:
    """An exception that can be sent; one that cannot is told in words."""
    if isinstance(outcome, Exception):
        try:
            pickle.loads(pickle.dumps(outcome))
        except Exception:
            return RuntimeError(f"{type(outcome).__name__}: {outcome}")
    return outcome


@contextmanager
def one_thread() -> Iterator[None]:
    """A process that is started inside uses one thread for its numerics: the processes are the parallelism."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
