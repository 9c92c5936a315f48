"""Several fidelities: an estimator for each, and the base of schedules that decide which candidates reach the next."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from routenas.executor import Around
from routenas.interfaces import Estimator, Executor, Outcome
from routenas.results import FIDELITY, Result, Trial

RUNGS = "rungs"


class Fidelities(Estimator):
    """Estimators of growing cost as one whose items are ``(genotype, fidelity)``, fidelities from 0."""

    def __init__(self, estimators: Sequence[Estimator]) -> None:
        if not estimators:
            raise ValueError("a schedule needs an estimator or more")
        self.estimators = tuple(estimators)

    def prepare(self, folder: Path) -> None:
        """See ``Estimator``: each in a folder of its own."""
        for fidelity, estimator in enumerate(self.estimators):
            estimator.prepare(folder / f"fidelity-{fidelity}")

    def estimate(self, genotypes: Sequence[Any]) -> list[Result]:
        """See ``Estimator``."""
        return [self.estimators[fidelity].estimate([genotype])[0] for genotype, fidelity in genotypes]

    def recall(self, trials: Sequence[Trial]) -> None:
        """See ``Estimator``: each is told what it found itself."""
        own: list[list[Trial]] = [[] for _ in self.estimators]
        for trial in trials:
            rungs = recorded(trial.result)
            for fidelity, rung in enumerate(rungs):
                own[fidelity].append(Trial(trial.genotype, rung))
            if not rungs:
                own[-1].append(trial)
        for estimator, found in zip(self.estimators, own, strict=True):
            estimator.recall(found)


def recorded(result: Result) -> list[Result]:
    """What a schedule's result says was found at each fidelity."""
    return [Result.from_dict(rung) for rung in result.metrics.get(RUNGS, [])]


class LastFidelity(Around):
    """No schedule: every candidate runs at the last fidelity, and there alone."""

    def __init__(self, executor: Executor | Estimator, fidelities: int) -> None:
        super().__init__(executor)
        self.fidelities = fidelities

    def submit(self, ticket: int, item: Any, known: Result | None = None) -> None:
        """See ``Executor``."""
        super().submit(ticket, (item, self.fidelities - 1), known)


@dataclass
class Climb:
    """One candidate on its way: what was found so far, and what a journal knows to be found."""

    item: Any
    known: list[Result]
    rungs: list[Result] = field(default_factory=list)


class Schedule(Around):
    """Runs every candidate at the first fidelity, and at the next as long as a subclass says so.

    The executor runs items ``(genotype, fidelity)``: of `Fidelities`. A result has the value of the last fidelity that
    its genotype reached (``metrics["fidelity"]``, from 0), is charged for all, and ``metrics["rungs"]`` has the result
    at each, from which a resumed search goes on. A strategy is told values of different fidelities, which are
    comparable only if the estimators' are; `routenas.loop.best_first` does not compare them.
    """

    def __init__(self, executor: Executor | Estimator, fidelities: int) -> None:
        if fidelities < 1:
            raise ValueError(f"a schedule needs a fidelity or more, not {fidelities}")
        super().__init__(executor)
        self.fidelities = fidelities
        self._climbs: dict[int, Climb] = {}
        self._running = 0
        self._ready: deque[Outcome] = deque()

    @abstractmethod
    def _judge(self, ticket: int, climb: Climb) -> None:
        """A candidate has a value at a fidelity that is not the last: `_decide` on it, or leave that to `_settle`."""

    def _settle(self) -> None:
        """Nothing runs: decide on all candidates that have been left undecided."""

    def submit(self, ticket: int, item: Any, known: Result | None = None) -> None:
        """See ``Executor``."""
        self._climbs[ticket] = Climb(item, [] if known is None else recorded(known))
        self._start(ticket)

    def wait(self) -> Outcome:
        """See ``Executor``."""
        while not self._ready:
            if not self._climbs:
                raise LookupError("no trial was submitted")
            if not self._running:
                self._settle()
                continue
            ticket, result = super().wait()
            self._running -= 1
            climb = self._climbs[ticket]
            climb.rungs.append(result.finite())
            if climb.rungs[-1].failed or len(climb.rungs) == self.fidelities:
                self._end(ticket)
            else:
                self._judge(ticket, climb)
        return self._ready.popleft()

    def close(self) -> None:
        """See ``Executor``."""
        super().close()
        self._climbs, self._running = {}, 0
        self._ready.clear()

    def _start(self, ticket: int) -> None:
        climb = self._climbs[ticket]
        fidelity = len(climb.rungs)
        known = climb.known[fidelity] if fidelity < len(climb.known) else None
        self._running += 1
        super().submit(ticket, (climb.item, fidelity), known)

    def _decide(self, ticket: int, goes_on: bool, message: str = "") -> None:
        """Start the next fidelity, or hand the result out. What a journal knows goes on as it did."""
        climb = self._climbs[ticket]
        if len(climb.rungs) < len(climb.known) or (goes_on and not climb.known):
            self._start(ticket)
        else:
            self._end(ticket, message)

    def _end(self, ticket: int, message: str = "") -> None:
        rungs = self._climbs.pop(ticket).rungs
        last = rungs[-1]
        result = replace(
            last,
            message=last.message or message,
            metrics={**last.metrics, FIDELITY: len(rungs) - 1, RUNGS: [rung.to_dict() for rung in rungs]},
            seconds=sum(rung.seconds or 0.0 for rung in rungs),
            cpu_seconds=sum(rung.cpu for rung in rungs),
            epochs=sum(rung.epochs for rung in rungs),
            repeated=all(rung.repeated for rung in rungs),
        )
        self._ready.append((ticket, result))
