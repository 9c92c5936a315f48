"""A memory around an executor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from routenas.executor import Around
from routenas.interfaces import Estimator, Executor, Outcome
from routenas.results import Result, Trial


class Cached(Around):
    """Runs each item once: a repeat gives the first result again, marked ``repeated``, and costs nothing.

    ``former`` are trials of other searches. ``hits`` counts the repeats. A failed trial is remembered, too. A repeat of
    what still runs waits for it.
    """

    def __init__(self, executor: Executor | Estimator, former: Iterable[Trial] = ()) -> None:
        super().__init__(executor)
        self.hits = 0
        self._results: dict[Any, Result] = {trial.genotype: replace(trial.result, repeated=True) for trial in former}
        self._running: dict[int, Any] = {}
        self._waiting: dict[Any, list[int]] = {}  # tickets of repeats of what runs
        self._ready: deque[Outcome] = deque()

    def submit(self, ticket: int, item: Any, known: Result | None = None) -> None:
        """See ``Executor``."""
        if item in self._results or item in self._waiting:
            self.hits += 1
        if item in self._results:
            self._ready.append((ticket, self._results[item]))
        elif item in self._waiting:
            self._waiting[item].append(ticket)
        else:
            self._running[ticket] = item
            self._waiting[item] = []
            super().submit(ticket, item, known)

    def wait(self) -> Outcome:
        """See ``Executor``."""
        if self._ready:
            return self._ready.popleft()
        ticket, result = super().wait()
        item = self._running.pop(ticket)
        self._results[item] = replace(result, repeated=True)
        self._ready += ((repeat, self._results[item]) for repeat in self._waiting.pop(item))
        return ticket, result

    def close(self) -> None:
        """See ``Executor``."""
        super().close()
        self._running, self._waiting = {}, {}
        self._ready.clear()
