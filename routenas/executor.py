"""Where trials run: in this process, in local worker processes, or on a Ray cluster. The same few methods."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from placement_data.errors import InputError, SettingError, WriteError
from placement_data.processes import EndedError, Outcomes, Pool, Workers, run, stream
from routenas.interfaces import Estimator, Executor, Outcome
from routenas.results import Result, Trial

T = TypeVar("T")
R = TypeVar("R")

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
    """One trial; whatever it raises is the message of a failed result, but for a file that cannot be written.

    That is no fault of the trial, which is to be tried again where there is room.
    Time that the estimator does not say is measured, to hundredths of a second: looking something up takes none.
    """
    start, cpu = time.perf_counter(), time.process_time()
    try:
        (result,) = estimator.estimate([item])
        if not isinstance(result, Result):
            raise TypeError(f"an estimator gives a Result for each item, not {type(result).__name__}")
    except WriteError:
        raise
    except Exception as error:
        _log.debug("a trial failed", exc_info=True)
        result = _failure(error)
    return result if result.seconds is not None else _timed(result, start, round(time.process_time() - cpu, 2))


def _failure(error: Exception) -> Result:
    if isinstance(error, WriteError):
        raise error
    if isinstance(error, EndedError):
        return Result(None, {}, f"the trial was ended: {error.what}")
    reason = str(error).strip().partition("\n")[0]
    return Result(None, {}, f"{type(error).__name__}: {reason}"[:200])


def _timed(result: Result, start: float, cpu: float | None = None) -> Result:
    return replace(result, seconds=round(time.perf_counter() - start, 2), cpu_seconds=cpu)


class Direct(Executor):
    """Base of the executors that run an estimator, rather than stand around another executor."""

    def __init__(self, estimator: Estimator, workers: int) -> None:
        self.workers = workers
        self._estimator = estimator

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
    """An executor around another, or around an estimator in this process: the base of those, it passes everything on.

    A subclass keeps by ticket what it needs when a result comes back.
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


class Spread(Direct):
    """Runs trials in the workers of a pool, at most so many at a time; each has its own copy of the estimator.

    ``open_pool`` makes the pool of a function: a trial, which is picklable as far as the estimator is.
    """

    def __init__(
        self, estimator: Estimator, open_pool: Callable[[Callable[[Any], Result]], Workers[Any, Result]]
    ) -> None:
        self._pool = open_pool(partial(attempt, estimator))
        super().__init__(estimator, self._pool.workers)
        self._known: deque[Outcome] = deque()
        self._queue: deque[tuple[int, Any]] = deque()
        self._running: dict[int, float] = {}  # when a ticket was launched

    def submit(self, ticket: int, item: Any, known: Result | None = None) -> None:
        """See `Executor`."""
        if known is None:
            self._queue.append((ticket, item))
            self._start()
        else:
            self._known.append((ticket, known))

    def wait(self) -> Outcome:
        """See `Executor`."""
        if self._known:
            return self._known.popleft()
        if not self._running:
            raise LookupError("no trial was submitted")
        ticket, outcome = self._pool.wait()
        start = self._running.pop(ticket)
        self._start()
        return ticket, outcome if isinstance(outcome, Result) else _timed(_failure(outcome), start)

    def close(self) -> None:
        """See `Executor`."""
        self._known.clear()
        self._queue.clear()
        self._running = {}
        self._pool.close()

    def _start(self) -> None:
        while self._queue and len(self._running) < self.workers:
            ticket, item = self._queue.popleft()
            self._running[ticket] = time.perf_counter()
            self._pool.submit(ticket, item)


class Processes(Spread):
    """Local worker processes (`placement_data.processes.Pool`).

    A worker that is killed (by the system, for its memory, or because its trial ran longer than ``seconds``) fails its
    trial and is replaced. ``memory_mb`` limits what a trial may allocate beyond what its process has at the start.
    """

    def __init__(
        self, estimator: Estimator, workers: int = 2, seconds: float | None = None, memory_mb: int | None = None
    ) -> None:
        super().__init__(estimator, lambda trial: Pool(trial, workers, seconds, memory_mb))


class Ray(Spread):
    """A Ray cluster, see `RayPool`."""

    def __init__(self, estimator: Estimator, workers: int = 2, address: str | None = None) -> None:
        super().__init__(estimator, lambda trial: RayPool(trial, workers, address))


def check_ray() -> None:
    """Raise :class:`InputError` where Ray is not installed."""
    if find_spec("ray") is None:
        raise InputError("this executor needs Ray", expected="pip install 'routenas[ray]'")


class RayPool(Generic[T, R]):
    """A Ray cluster (extra ``ray``): the one at ``address`` (``auto`` finds it), or else a local one of ``workers``.

    The methods of `placement_data.processes.Pool`. A process there loads ``function`` with its first task and keeps it.
    Call ``close``: it ends what it began. Raises :class:`InputError` where Ray is not installed or not found.
    """

    def __init__(self, function: Callable[[T], R], workers: int, address: str | None = None) -> None:
        check_ray()
        import ray

        self.workers = workers
        self._ray: Any = ray
        self._function = function
        self._own = not ray.is_initialized()
        if self._own:
            try:
                local: dict[str, Any] = {} if address else {"num_cpus": workers, "include_dashboard": False}
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **local)
            except ConnectionError as error:
                reason = str(error).partition("\n")[0]
                raise InputError(f"no Ray cluster is found at {address}", found=reason) from None
        self._shared: Any = None
        self._call = ray.remote(max_retries=0, num_cpus=1)(_call_shared)
        self._tickets: dict[Any, int] = {}

    def submit(self, ticket: int, item: T) -> None:
        """Have ``function(item)`` called; :meth:`wait` returns its outcome with ``ticket``."""
        if self._shared is None:
            self._shared = self._ray.put(self._function)
        self._tickets[self._call.remote([self._shared], item)] = ticket

    def wait(self) -> tuple[int, R | Exception]:
        """The next ticket that is done, and what the call returned or raised; :class:`EndedError` for no answer.

        Raises ``LookupError`` when every task that was submitted has been returned.
        """
        if not self._tickets:
            raise LookupError("no task was submitted")
        (done,), _ = self._ray.wait(list(self._tickets), num_returns=1)
        ticket = self._tickets.pop(done)
        try:
            return ticket, self._ray.get(done)
        except self._ray.exceptions.RayError as error:
            cause = getattr(error, "cause", None)
            return ticket, cause if isinstance(cause, Exception) else EndedError(type(error).__name__)

    def close(self) -> None:
        """End all tasks, whatever they do, and forget what was submitted."""
        for reference in self._tickets:
            self._ray.cancel(reference, force=True)
        self._tickets, self._shared = {}, None
        if self._own:
            self._ray.shutdown()
            self._own = False


def _call_shared(shared: Sequence[Any], item: Any) -> Any:
    """What the function, an object of Ray's store in a list so that it is not sent with each task, says of an item."""
    return _loaded(shared[0])(item)


@lru_cache(maxsize=1)
def _loaded(reference: Any) -> Any:
    import ray

    return ray.get(reference)


@dataclass(frozen=True)
class Execution:
    """Where the trials of a search, or the layouts of a batch, run, as a user says it.

    ``seconds`` and ``memory_mb`` limit a trial of ``processes``.
    """

    executor: str = "in-process"
    workers: int = 1
    address: str | None = None
    seconds: float | None = None
    memory_mb: int | None = None

    def check(self) -> None:
        """Raise ``InputError`` for an unknown name, a missing package, and what the executor cannot do."""
        if self.executor not in EXECUTORS:
            raise SettingError("no such executor", found=self.executor, expected=" or ".join(EXECUTORS))
        if self.executor == "ray":
            check_ray()
        if self.executor != "processes" and (self.seconds is not None or self.memory_mb is not None):
            raise SettingError("limits of a trial need worker processes", found=self.executor, expected="processes")
        if self.executor == "in-process" and self.workers != 1:
            raise SettingError("one trial at a time runs in-process", found=self.workers, expected="1, or processes")
        if self.executor != "ray" and self.address is not None:
            raise SettingError("only the executor ray has an address", found=self.executor, expected="ray")
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise SettingError("the time of a trial must be positive", found=self.seconds, expected="seconds")

    def open(self, estimator: Estimator) -> Executor:
        """The executor of trials. Raises as `check` does."""
        self.check()
        return InProcess(estimator) if self.executor == "in-process" else Spread(estimator, self._pool)

    def run(self, function: Callable[[T], R], tasks: Sequence[T]) -> Outcomes[R]:
        """Calls of any function, a task each: see `placement_data.processes.run`. Raises as `check` does."""
        self.check()
        if self.executor == "in-process":
            return run(function, tasks, 1)
        few = replace(self, workers=max(1, min(self.workers, len(tasks))))
        return stream(few._pool(function), tasks)

    def _pool(self, function: Callable[[T], R]) -> Workers[T, R]:
        if self.executor == "ray":
            return RayPool(function, self.workers, self.address)
        return Pool(function, self.workers, self.seconds, self.memory_mb)


EXECUTORS = ("in-process", "processes", "ray")
