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
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import islice
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, Protocol, TypeVar, cast

from placement_data.errors import InputError

T = TypeVar("T")
R = TypeVar("R")
Item = TypeVar("Item", contravariant=True)
Answer = TypeVar("Answer", covariant=True)
Outcomes = Generator[tuple[int, R | Exception], None, None]

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_BEGUN = b""


class EndedError(InputError):
    """A task that got no answer, because its process died or was ended for its time."""


def run(function: Callable[[T], R], tasks: Sequence[T], workers: int, stop_on_error: bool = False) -> Outcomes[R]:
    """Yield ``(number of the task, its result or the exception it raised)`` as tasks are done.

    ``function`` and tasks are pickled and must be importable; with one worker all runs in this process. Tasks start in
    order; with ``stop_on_error`` none starts after the first exception, but those that run are waited for, so the
    exception of the lowest number is the same for any number of workers. Where a process is killed, its task's outcome
    is an :class:`EndedError`. Close the iterator to end the processes early.
    """
    workers = min(workers, len(tasks))
    yield from (
        _here(function, tasks, stop_on_error) if workers <= 1 else stream(Pool(function, workers), tasks, stop_on_error)
    )


def _here(function: Callable[[T], R], tasks: Sequence[T], stop_on_error: bool) -> Outcomes[R]:
    for number, task in enumerate(tasks):
        outcome = _outcome(function, task)
        yield number, outcome
        if stop_on_error and isinstance(outcome, Exception):
            return


class Workers(Protocol[Item, Answer]):
    """Whatever runs calls elsewhere, so many ``workers`` of them at a time: see `Pool`."""

    workers: int

    def submit(self, ticket: int, item: Item) -> None:
        """See `Pool.submit`."""

    def wait(self) -> tuple[int, Answer | Exception]:
        """See `Pool.wait`."""

    def close(self) -> None:
        """See `Pool.close`."""


def stream(pool: Workers[T, R], tasks: Sequence[T], stop_on_error: bool = False) -> Outcomes[R]:
    """Outcomes as of :func:`run`, of the calls of a pool that is closed at the end.

    No more tasks are in flight than there are workers, and none waits for whoever reads the outcomes: memory does not
    grow with their number.
    """
    waiting = iter(enumerate(tasks))
    running, failed = 0, False
    with closing(pool):
        for task in islice(waiting, pool.workers):
            pool.submit(*task)
            running += 1
        while running:
            number, outcome = pool.wait()
            failed = failed or isinstance(outcome, Exception)
            following = None if failed and stop_on_error else next(waiting, None)
            if following is None:
                running -= 1
            else:
                pool.submit(*following)
            yield number, outcome


class Pool(Generic[T, R]):
    """Worker processes that call ``function``, which is pickled once, with the first task and all that it carries.

    All workers start with the first task, at the same time; each computes with one thread. One that dies, or that works
    on a task for longer than ``seconds``, is replaced. ``memory_mb`` limits what the calls may allocate beyond what the
    process has when ``function`` is loaded (Linux). Whoever opens a pool closes it, on ``KeyboardInterrupt`` as well:
    workers do not hear Ctrl-C.
    """

    def __init__(
        self, function: Callable[[T], R], workers: int, seconds: float | None = None, memory_mb: int | None = None
    ) -> None:
        if workers < 1 or (seconds is not None and seconds <= 0) or (memory_mb is not None and memory_mb <= 0):
            raise ValueError(f"workers, seconds and memory must be above 0, not {workers}, {seconds}, {memory_mb}")
        self.workers = workers
        self._function = function, memory_mb
        self._load = b""
        self._seconds = seconds
        self._queue: deque[tuple[int, bytes]] = deque()
        self._idle: list[_Worker] = []
        self._busy: dict[Connection[Any, Any], _Worker] = {}

    def submit(self, ticket: int, item: T) -> None:
        """Queue ``function(item)``; :meth:`wait` returns its outcome with ``ticket``."""
        self._queue.append((ticket, pickle.dumps(item)))
        self._hand_out()

    def wait(self) -> tuple[int, R | Exception]:
        """The next ticket that is done, and what the call returned or raised; :class:`EndedError` for no answer.

        Raises ``LookupError`` when every task that was submitted has been returned.
        """
        while self._busy:
            deadlines = [worker.deadline for worker in self._busy.values() if worker.deadline is not None]
            left = max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
            for link in wait(list(self._busy), left):
                done = self._answer(self._busy[cast("Connection[Any, Any]", link)])
                if done is not None:
                    return done
            for worker in list(self._busy.values()):
                if worker.is_late():
                    return self._lose(worker, EndedError(f"it took longer than {self._seconds:g} s"))
        raise LookupError("no task was submitted")

    def close(self) -> None:
        """End all processes, whatever they do, and forget what was submitted."""
        for worker in [*self._idle, *self._busy.values()]:
            worker.end()
        self._queue.clear()
        self._idle, self._busy = [], {}

    def _hand_out(self) -> None:
        if not self._queue:
            return
        self._load = self._load or pickle.dumps(self._function)
        for worker in [worker for worker in self._idle if not worker.process.is_alive()]:
            self._idle.remove(worker)
            worker.end()
        while len(self._idle) + len(self._busy) < self.workers:
            self._idle.append(_Worker())
        while self._queue and self._idle:
            # The one that answered last: of those that wait, others may still be starting.
            worker = self._idle.pop()
            worker.give(*self._queue.popleft(), self._load)
            self._busy[worker.link] = worker

    def _answer(self, worker: _Worker) -> tuple[int, R | Exception] | None:
        """What a worker with something to read says: its outcome, or None where it has but begun or must begin anew."""
        try:
            message = worker.link.recv_bytes()
        except (EOFError, OSError):
            if worker.begun or not worker.has_answered:
                return self._lose(worker, worker.death())
            self._queue.appendleft((worker.ticket, worker.item))  # it died while it was idle: not the task's fault
            self._lose(worker, None)
            return None
        if message == _BEGUN:
            worker.begin(self._seconds)
            return None
        del self._busy[worker.link]
        ticket, worker.has_answered = worker.ticket, True
        self._idle.append(worker)
        self._hand_out()
        return ticket, _outcome(pickle.loads, message)

    def _lose(self, worker: _Worker, why: Any) -> tuple[int, Any]:
        del self._busy[worker.link]
        worker.end()
        self._hand_out()
        return worker.ticket, why


class _Worker:
    """One process, and the parent's end of its pipe."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy the locks of HDF5 and torch
        self.link, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with one_thread(), _no_interrupt():
            self.process.start()
        theirs.close()
        self.has_function = self.has_answered = self.begun = False
        self.ticket, self.item = -1, b""
        self.deadline: float | None = None

    def give(self, ticket: int, item: bytes, load: bytes) -> None:
        """Send a task, before the first one the function too."""
        self.ticket, self.item, self.begun, self.deadline = ticket, item, False, None
        with suppress(OSError):  # it is dead: reading its answer says so
            if not self.has_function:
                self.link.send_bytes(load)
            self.has_function = True
            self.link.send_bytes(item)

    def begin(self, seconds: float | None) -> None:
        """Its time runs from here: what a new process needs to import everything is not the task's."""
        self.begun, self.deadline = True, None if seconds is None else time.monotonic() + seconds

    def is_late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline and not self.link.poll()

    def death(self) -> EndedError:
        """How the process came to its end."""
        self.process.join()
        code = self.process.exitcode or 0
        if code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
            return EndedError(f"its process {how}", expected="enough memory (fewer workers)")
        return EndedError(f"its process ended with exit code {code}")

    def end(self) -> None:
        self.link.close()
        self.process.kill()
        self.process.join()
        self.process.close()


def _serve(link: Connection[Any, Any]) -> None:
    """Answer tasks until the parent closes its end, or is no more."""
    with suppress(EOFError, OSError):
        function, memory_mb = _function(link.recv_bytes())
        if memory_mb is not None:
            _limit_memory(memory_mb)
        while True:
            item = link.recv_bytes()
            link.send_bytes(_BEGUN)
            link.send_bytes(_portable(_outcome(lambda item: function(pickle.loads(item)), item)))


def _function(load: bytes) -> tuple[Callable[[Any], Any], int | None]:
    """The function and its limit; where it cannot be loaded, one that raises why."""
    try:
        function, memory_mb = pickle.loads(load)
    except Exception as error:
        why = error

        def refuse(_: object) -> object:
            raise why

        return refuse, None
    return function, memory_mb


def _outcome(function: Callable[[T], R], task: T) -> R | Exception:
    try:
        return function(task)
    except Exception as error:
        return error


def _portable(outcome: object) -> bytes:
    """An outcome that the parent can load; an exception that cannot be sent, or that sending raises, in words."""
    try:
        data = pickle.dumps(outcome)
        if isinstance(outcome, Exception):
            pickle.loads(data)
    except Exception as error:
        told = outcome if isinstance(outcome, Exception) else error
        return pickle.dumps(RuntimeError(f"{type(told).__name__}: {told}"))
    return data


def _limit_memory(memory_mb: int) -> None:
    import resource

    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + (memory_mb << 20),) * 2)


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


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """A process that is started inside never hears Ctrl-C, not while it starts either; here it is heard afterwards."""
    resource_tracker.ensure_running()  # the first start would do it, and unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
