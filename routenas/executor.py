"""Where trials run: in this process, in local worker processes, or on a Ray cluster. The same few methods."""

from __future__ import annotations

import logging
import multiprocessing
import multiprocessing.connection
import os
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

from placement_data.errors import InputError
from placement_data.processes import one_thread
from routenas.interfaces import Estimator, Executor, Outcome
from routenas.results import Result, Trial

_log = logging.getLogger(__name__)


def executor_of(work: Executor | Estimator) -> Executor:
    """An executor is what it is, an estimator runs in this process."""
    return cast(Executor, work) if hasattr(work, "submit") else InProcess(work)


def estimate_all(executor: Executor, items: Sequence[Any]) -> list[Result]:
    """Results of items that run together, in order."""
    for ticket, item in enumerate(items):
        executor.submit(ticket, item)
    found = dict(executor.wait() for _ in items)
    return [found[ticket] for ticket in range(len(items))]


def attempt(estimator: Estimator, item: Any) -> Result:
    """One trial; whatever it raises is the message of a failed result.

    Time that the estimator does not say is measured, to hundredths of a second: looking something up takes none.
    """
    start = time.perf_counter()
    try:
        (result,) = estimator.estimate([item])
    except Exception as error:
        _log.debug("a trial failed", exc_info=True)
        reason = str(error).strip().partition("\n")[0]
        result = Result(None, {}, f"{type(error).__name__}: {reason}"[:200])
    return result if result.seconds is not None else _timed(result, start)


def _timed(result: Result, start: float) -> Result:
    return replace(result, seconds=round(time.perf_counter() - start, 2))


class Direct(Executor):
    """Base of the executors that run an estimator, rather than stand around another executor."""

    def __init__(self, estimator: Estimator, workers: int) -> None:
        self.workers = workers
        self._estimator = estimator
        self._known: deque[Outcome] = deque()

    def prepare(self, folder: Path) -> None:
        """See `Executor`."""
        if hasattr(self._estimator, "prepare"):  # an estimator of a user's own may have `estimate` alone
            self._estimator.prepare(folder)

    def recall(self, trials: Sequence[Trial]) -> None:
        """See `Executor`."""
        if hasattr(self._estimator, "recall"):
            self._estimator.recall(trials)


class InProcess(Direct):
    """Runs every trial here, when its outcome is waited for, in order."""

    def __init__(self, estimator: Estimator) -> None:
        super().__init__(estimator, 1)
        self._queue: deque[tuple[int, Any, Result | None]] = deque()

    def submit(self, ticket: int, item: Any, known: Result | None = None) -> None:
        """See `Executor`."""
        self._queue.append((ticket, item, known))

    def wait(self) -> Outcome:
        """See `Executor`."""
        if not self._queue:
            raise LookupError("no trial was submitted")
        ticket, item, known = self._queue.popleft()
        return ticket, known or attempt(self._estimator, item)

    def close(self) -> None:
        """See `Executor`."""
        self._queue.clear()


class Around(Executor):
    """An executor around another, or around an estimator in this process. It passes everything on: the base of others.

    A subclass sees the items on their way in and the results on their way out, so it must have kept apart by ticket
    what it needs for that.
    """

    def __init__(self, executor: Executor | Estimator) -> None:
        self.executor = executor_of(executor)
        self.workers = self.executor.workers

    def prepare(self, folder: Path) -> None:
        """See `Executor`."""
        self.executor.prepare(folder)

    def recall(self, trials: Sequence[Trial]) -> None:
        """See `Executor`."""
        self.executor.recall(trials)

    def submit(self, ticket: int, item: Any, known: Result | None = None) -> None:
        """See `Executor`."""
        self.executor.submit(ticket, item, known)

    def wait(self) -> Outcome:
        """See `Executor`."""
        return self.executor.wait()

    def close(self) -> None:
        """See `Executor`."""
        self.executor.close()


class Processes(Direct):
    """Local worker processes, each with its own copy of the estimator, which must be picklable.

    A worker that is killed (by the system, for its memory, or because its trial ran longer than ``seconds``) fails
    its trial and is replaced. ``memory_mb`` limits what a trial may allocate beyond what its process has at the start.
    Every worker computes with one thread.
    """

    def __init__(
        self, estimator: Estimator, workers: int = 2, seconds: float | None = None, memory_mb: int | None = None
    ) -> None:
        if workers < 1 or (seconds is not None and seconds <= 0) or (memory_mb is not None and memory_mb <= 0):
            raise ValueError(f"workers, seconds and memory must be above 0, not {workers}, {seconds}, {memory_mb}")
        super().__init__(estimator, workers)
        self._memory_mb = memory_mb
        self._seconds = seconds
        self._queue: deque[tuple[int, Any]] = deque()
        self._idle: list[_Worker] = []
        self._busy: dict[Connection[Any, Any], _Worker] = {}

    def submit(self, ticket: int, item: Any, known: Result | None = None) -> None:
        """See `Executor`."""
        if known is not None:
            self._known.append((ticket, known))
            return
        self._queue.append((ticket, item))
        self._start()

    def wait(self) -> Outcome:
        """See `Executor`."""
        if self._known:
            return self._known.popleft()
        if not self._busy:
            raise LookupError("no trial was submitted")
        while True:
            now = time.monotonic()
            left = [worker.deadline - now for worker in self._busy.values() if worker.deadline is not None]
            ready = multiprocessing.connection.wait(list(self._busy), max(0.0, min(left)) if left else None)
            late = [link for link, worker in self._busy.items() if worker.is_late()]
            for link in [*ready, *late]:
                worker = self._busy.pop(cast("Connection[Any, Any]", link))
                ticket = worker.ticket
                result, alive = worker.result() if link in ready else worker.kill(f"longer than {self._seconds:g} s")
                if alive:
                    self._idle.append(worker)
                self._start()
                return ticket, result

    def close(self) -> None:
        """See `Executor`."""
        for worker in [*self._idle, *self._busy.values()]:
            worker.kill("closed")
        self._queue.clear()
        self._known.clear()
        self._idle, self._busy = [], {}

    def _start(self) -> None:
        while self._queue and len(self._busy) < self.workers:
            worker = self._idle.pop() if self._idle else _Worker(self._estimator, self._memory_mb)
            ticket, item = self._queue.popleft()
            worker.give(ticket, item, self._seconds)
            self._busy[worker.link] = worker


class _Worker:
    """One process, and the parent's end of its pipe."""

    def __init__(self, estimator: Estimator, memory_mb: int | None) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would copy the locks of torch and HDF5
        self.link, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, estimator, memory_mb), daemon=True)
        with one_thread():
            self.process.start()
        theirs.close()
        self.ticket, self.start = -1, time.perf_counter()
        self.deadline: float | None = None
        self._waiting_to_start = True

    def give(self, ticket: int, item: Any, seconds: float | None) -> None:
        """Start a trial. The time that a new process needs to import everything is not the trial's."""
        if self._waiting_to_start:
            with suppress(EOFError, OSError):
                self.link.recv()
            self._waiting_to_start = False
        self.ticket, self.start = ticket, time.perf_counter()
        self.deadline = None if seconds is None else time.monotonic() + seconds
        with suppress(OSError):  # it is dead: `result` says so
            self.link.send(item)

    def is_late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline and not self.link.poll()

    def result(self) -> tuple[Result, bool]:
        """What came back, and whether the worker lives."""
        try:
            result: Result = self.link.recv()
            return result, True
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode or 0
            how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
            return self.kill(f"its process ended {how}")

    def kill(self, why: str) -> tuple[Result, bool]:
        """End the process; the trial has failed."""
        self.process.kill()
        self.process.join()
        self.link.close()
        return _timed(Result(None, {}, f"the trial was ended: {why}"), self.start), False


def _serve(link: Connection[Any, Any], estimator: Estimator, memory_mb: int | None) -> None:
    """The worker: a trial after the other until the parent closes the pipe or dies."""
    if memory_mb is not None:
        _limit_memory(memory_mb)
    with suppress(EOFError, OSError, KeyboardInterrupt):
        link.send(None)  # ready
        while True:
            link.send(attempt(estimator, link.recv()))


def _limit_memory(memory_mb: int) -> None:
    import resource

    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + (memory_mb << 20),) * 2)


class Ray(Direct):
    """A Ray cluster (extra ``ray``): the one at ``address`` (``auto`` finds it), or else a local one of ``workers``.

    A trial whose worker dies fails; Ray replaces the worker.
    """

    def __init__(self, estimator: Estimator, workers: int = 2, address: str | None = None) -> None:
        try:
            import ray
        except ImportError:
            raise InputError("this executor needs Ray", expected="pip install 'routenas[ray]'") from None
        super().__init__(estimator, workers)
        self._ray: Any = ray
        self._own = not ray.is_initialized()
        if self._own:
            try:
                local: dict[str, Any] = {} if address else {"num_cpus": workers, "include_dashboard": False}
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
            except ConnectionError as error:
                reason = str(error).partition("\n")[0]
                raise InputError(f"no Ray cluster is found at {address}", found=reason) from None
        self._shared: Any = None
        self._run = ray.remote(max_retries=0, num_cpus=1)(attempt)
        self._queue: deque[tuple[int, Any]] = deque()
        self._running: dict[Any, tuple[int, float]] = {}

    def submit(self, ticket: int, item: Any, known: Result | None = None) -> None:
        """See `Executor`."""
        if known is not None:
            self._known.append((ticket, known))
            return
        self._queue.append((ticket, item))
        self._start()

    def _start(self) -> None:
        if self._shared is None:
            self._shared = self._ray.put(self._estimator)
        while self._queue and len(self._running) < self.workers:
            ticket, item = self._queue.popleft()
            self._running[self._run.remote(self._shared, item)] = ticket, time.perf_counter()

    def wait(self) -> Outcome:
        """See `Executor`."""
        if self._known:
            return self._known.popleft()
        if not self._running:
            raise LookupError("no trial was submitted")
        (done,), _ = self._ray.wait(list(self._running), num_returns=1)
        ticket, start = self._running.pop(done)
        self._start()
        try:
            return ticket, self._ray.get(done)
        except self._ray.exceptions.RayError as error:
            return ticket, _timed(Result(None, {}, f"the trial was ended: {type(error).__name__}"), start)

    def close(self) -> None:
        """See `Executor`."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running, self._shared = {}, None
        self._queue.clear()
        self._known.clear()
        if self._own:
            self._ray.shutdown()
            self._own = False


@dataclass(frozen=True)
class Execution:
    """Where the trials of a search run, as a user says it.

    ``seconds`` and ``memory_mb`` limit a trial of ``processes``.
    """

    executor: str = "in-process"
    workers: int = 1
    address: str | None = None
    seconds: float | None = None
    memory_mb: int | None = None

    def check(self) -> None:
        """Raise ``InputError`` for an unknown name, and for limits that its kind cannot keep."""
        if self.executor not in EXECUTORS:
            raise InputError("no such executor", found=self.executor, expected=" or ".join(EXECUTORS))
        if self.executor != "processes" and (self.seconds is not None or self.memory_mb is not None):
            raise InputError("limits of a trial need worker processes", found=self.executor, expected="processes")

    def open(self, estimator: Estimator) -> Executor:
        """The executor. Raises as `check` does."""
        self.check()
        if self.executor == "processes":
            return Processes(estimator, self.workers, self.seconds, self.memory_mb)
        return InProcess(estimator) if self.executor == "in-process" else Ray(estimator, self.workers, self.address)


EXECUTORS = ("in-process", "processes", "ray")
