"""The loop: ask, estimate, tell, append to the journal, stop at the budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from placement_data.errors import InputError, RoutenasError
from routenas.executor import executor_of
from routenas.interfaces import Estimator, Executor, Strategy
from routenas.journal import Journal
from routenas.results import FIDELITY, Result, Trial
from searchspaces.space import Genotype

MOST_FREE = 1000
"""So many results in a row that cost nothing of what the budget limits end a search: it would go on for ever."""

Order = Literal["batch", "arrival"]
ORDERS: tuple[Order, ...] = get_args(Order)


class SearchFailedError(RoutenasError):
    """Every candidate of a search failed, so there is nothing to choose from."""

    exit_code = 5


@dataclass(frozen=True)
class SearchBudget:
    """What a search may spend: evaluations, and the seconds, epochs and CPU-seconds that its results are charged for.

    No trial starts once one of them is spent. Results that were known already (``Result.repeated``) cost nothing;
    failed ones cost what they took.
    """

    evaluations: int | None = None
    seconds: float | None = None
    epochs: float | None = None
    cpu_seconds: float | None = None

    def room(self, spent: SearchBudget, most: int, running: int = 0) -> int:
        """How many trials may start now, such that at most ``most`` run."""
        limits = [(getattr(self, name), getattr(spent, name)) for name in ("seconds", "epochs", "cpu_seconds")]
        if any(limit is not None and (used or 0.0) >= limit for limit, used in limits):
            return 0
        left = most if self.evaluations is None else min(most, self.evaluations - (spent.evaluations or 0))
        return max(0, left - running)

    def charged(self, results: Sequence[Result]) -> SearchBudget:
        """This much spent, and the results."""
        new = [result for result in results if not result.repeated]
        return SearchBudget(
            (self.evaluations or 0) + len(new),
            (self.seconds or 0.0) + sum(result.seconds or 0.0 for result in new),
            (self.epochs or 0.0) + sum(result.epochs for result in new),
            (self.cpu_seconds or 0.0) + sum(result.cpu for result in new),
        )

    def moved(self, before: SearchBudget, after: SearchBudget) -> bool:
        """Whether spending went on in anything that is limited here; in evaluations where nothing is."""
        named = [
            name for name in ("evaluations", "seconds", "epochs", "cpu_seconds") if getattr(self, name) is not None
        ]
        return any(getattr(before, name) != getattr(after, name) for name in named or ("evaluations",))


def in_silence(number: int, trial: Trial) -> None:
    """Tells nobody of a trial."""


def search(
    strategy: Strategy,
    executor: Executor | Estimator,
    budget: SearchBudget | int,
    journal: Journal | None = None,
    progress: Callable[[int, Trial], object] = in_silence,
    in_flight: int = 1,
    order: Order = "batch",
) -> list[Trial]:
    """Run until the budget (a number means evaluations) is spent, and return all trials in the order of the journal.

    ``in_flight`` trials run at a time, whatever the number of workers; an estimator runs in this process. In ``batch``
    order they are asked together and told together, so the trials, and the lines of the journal, are the same for every
    executor. In ``arrival`` order each result is told when it is there and the next genotype asked at once: no worker
    waits, and the trials depend on timing. ``progress`` is called with each trial as it is told, and how many were
    before it.

    A journal that already has trials is replayed in the order of its lines: the strategy is asked again and told the
    recorded results, the executor takes them in as known, and what had been asked but not finished starts again. So a
    resumed search goes on as the one that was killed would have. Raises :class:`InputError` where the journal is of
    another search, :class:`SearchFailedError` when no trial has a value, ValueError for a setting that is none.
    """
    if in_flight < 1 or order not in ORDERS:
        raise ValueError(f"in_flight must be at least 1 and order batch or arrival, not {in_flight} and {order}")
    limit = SearchBudget(evaluations=budget) if isinstance(budget, int) else budget
    record = _Record(journal, order)
    loop = _Loop(strategy, executor_of(executor), limit, record, in_flight, order)
    while numbers := loop.go_on():
        for number, trial in enumerate(loop.done[-numbers:], len(loop.done) - numbers):
            progress(number, trial)
    if all(trial.result.value is None for trial in loop.done):
        last = f"; the last one: {loop.done[-1].result.message}" if loop.done else ""
        raise SearchFailedError(f"all {len(loop.done)} candidates failed{last}")
    return loop.done


def best_first(trials: Sequence[Trial]) -> list[Trial]:
    """Trials that have a value, best first; the earlier one where values are equal.

    Those that a schedule let come to a higher fidelity are before the others: its rule found them better.
    """
    usable = [trial for trial in trials if trial.result.value is not None]
    return sorted(usable, key=lambda trial: (-trial.result.metrics.get(FIDELITY, 0), -(trial.result.value or 0.0)))


class _Loop:
    """The state of a search. Trials are numbered as they are asked."""

    def __init__(
        self,
        strategy: Strategy,
        executor: Executor,
        limit: SearchBudget,
        record: _Record,
        in_flight: int,
        order: Order,
    ) -> None:
        self._strategy, self._executor, self._limit, self._record = strategy, executor, limit, record
        self._in_flight, self._order = in_flight, order
        self._asked = self._free = 0
        self._spent = SearchBudget(0, 0.0, 0.0, 0.0)
        self._open: dict[int, Genotype] = {}  # asked and not told
        self._arrived: dict[int, Result] = {}  # of these, what came back
        self.done: list[Trial] = []
        if record.trials:
            executor.recall(record.trials)

    def go_on(self) -> int:
        """Ask, and tell what is next: the whole batch, or what arrives first. How many trials that were, or 0."""
        self._ask()
        if not self._open:
            return 0
        told = []
        for number in list(self._open) if self._order == "batch" else [self._first()]:
            while number not in self._arrived:
                self._wait()
            trial = Trial(self._open.pop(number), self._arrived.pop(number))
            self._record.append(number, trial)
            told.append(trial)
        results = [trial.result for trial in told]
        self._strategy.tell([trial.genotype for trial in told], results)
        before, self._spent = self._spent, self._spent.charged(results)
        self._free = 0 if self._limit.moved(before, self._spent) else self._free + len(told)
        self.done += told
        return len(told)

    def _ask(self) -> None:
        room = 0 if self._free >= MOST_FREE else self._limit.room(self._spent, self._in_flight, len(self._open))
        for genotype in self._strategy.ask(room) if room else ():
            self._open[self._asked] = genotype
            self._executor.submit(self._asked, genotype, self._record.known(self._asked, genotype))
            self._asked += 1

    def _first(self) -> int:
        """The trial of the next line of the journal, or else whatever arrives first."""
        number = self._record.next(self._open)
        if number is None:
            if not self._arrived:
                self._wait()
            number = next(iter(self._arrived))
        return number

    def _wait(self) -> None:
        number, result = self._executor.wait()
        self._arrived[number] = self._record.known(number, self._open[number]) or result.finite()


class _Record:
    """The journal of a search: what it holds already, and what is appended. Without a journal it holds nothing."""

    def __init__(self, journal: Journal | None, order: Order) -> None:
        self._journal = journal
        records = [] if journal is None else journal.records
        self.trials = [self._trial(place, record) for place, record in enumerate(records)]
        self._numbers = [record.get("trial") for record in records]
        self._places = (
            {number: place for place, number in enumerate(self._numbers)}
            if order == "arrival"
            else {place: place for place in range(len(records))}
        )
        self._hashes = [record.get("hash") for record in records]
        self._told = 0

    def known(self, number: int, genotype: Genotype) -> Result | None:
        """The result that the journal has for the trial. Raises InputError where its trial is of another genotype."""
        place = self._places.get(number)
        if place is None:
            return None
        if self._numbers[place] != number or self._hashes[place] != genotype.hash:
            raise self._foreign(place, f"trial {number} {genotype.hash}")
        return self.trials[place].result

    def next(self, running: dict[int, Genotype]) -> int | None:
        """The trial of the next line that was not told yet; None behind the last one."""
        if self._told >= len(self.trials):
            return None
        number = self._numbers[self._told]
        if number not in running:
            raise self._foreign(self._told, f"a trial of {', '.join(map(str, running))}")
        return int(number)

    def append(self, number: int, trial: Trial) -> None:
        """Write the line of a trial, unless the journal has it."""
        self._told += 1
        if self._journal is None or number in self._places:
            return
        status = "failed" if trial.result.value is None else "ok"
        line = {"trial": number, "hash": trial.genotype.hash, "status": status, **trial.result.to_dict()}
        self._journal.append({**line, "genotype": json.loads(trial.genotype.to_json())})

    def _trial(self, place: int, record: dict[str, Any]) -> Trial:
        assert self._journal is not None
        try:
            genotype = Genotype.from_json(json.dumps(record["genotype"]))
            return Trial(genotype, Result.from_dict(record))
        except KeyError as error:
            what = f"a journal line lacks {error}"
        except (ValueError, TypeError) as error:
            what = f"a journal line has no genotype: {error}"
        raise InputError(what, file=self._journal.path, line=self._journal.line(place))

    def _foreign(self, place: int, expected: str) -> InputError:
        assert self._journal is not None
        return InputError(
            "the journal is of another search", file=self._journal.path, line=self._journal.line(place),
            found=f"trial {self._numbers[place]} {self._hashes[place]}", expected=expected,
        )  # fmt: skip
