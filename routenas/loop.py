"""The loop: ask, estimate, tell, append to the journal, stop at the budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from placement_data.errors import InputError, RoutenasError
from routenas.interfaces import Executor, Strategy
from routenas.journal import Journal
from routenas.results import Result, Trial
from searchspaces.space import Genotype

MOST_REPEATS = 1000
"""So many results in a row that cost nothing end a search: its strategy has nothing new to ask."""


_FIELDS = ("value", "metrics", "message", "seconds")
_LATER = ("costs", "epochs", "repeated")  # journals of older versions lack them


class SearchFailedError(RoutenasError):
    """Every candidate of a search failed, so there is nothing to choose from."""

    exit_code = 5


@dataclass(frozen=True)
class SearchBudget:
    """What a search may spend: evaluations, and the seconds and epochs that its results are charged for.

    No trial starts once one of them is spent. Results that were known already (``Result.repeated``) cost nothing.
    """

    evaluations: int | None = None
    seconds: float | None = None
    epochs: float | None = None

    def room(self, spent: SearchBudget, batch: int) -> int:
        """How many trials may start now, at most ``batch``."""
        limits = ((self.seconds, spent.seconds), (self.epochs, spent.epochs))
        if any(limit is not None and (used or 0.0) >= limit for limit, used in limits):
            return 0
        return batch if self.evaluations is None else max(0, min(batch, self.evaluations - (spent.evaluations or 0)))

    def charged(self, results: Sequence[Result]) -> SearchBudget:
        """This much spent, and the results."""
        new = [result for result in results if not result.repeated]
        return SearchBudget(
            (self.evaluations or 0) + len(new),
            (self.seconds or 0.0) + sum(result.seconds for result in new),
            (self.epochs or 0.0) + sum(result.epochs for result in new),
        )


def search(
    strategy: Strategy,
    executor: Executor,
    budget: SearchBudget | int,
    journal: Journal | None = None,
    progress: Callable[[int, Trial], object] = lambda number, trial: None,
    in_flight: int = 1,
    order: str = "batch",
) -> list[Trial]:
    """Run until the budget (a number means evaluations) is spent, and return all trials in order.

    ``batch`` genotypes are asked and estimated together. A journal that already has trials is replayed: the strategy is
    asked again and told the recorded values, so that a resumed search goes on to the very trials of an uninterrupted
    one. Raises :class:`InputError` where the journal is of another search, :class:`SearchFailedError` when no trial has
    a value.
    """
    limit = SearchBudget(evaluations=budget) if isinstance(budget, int) else budget
    done: list[Trial] = []
    spent, repeats = SearchBudget(), 0
    while repeats < MOST_REPEATS and (room := limit.room(spent, in_flight)):
        genotypes = strategy.ask(room)
        if not genotypes:  # every architecture of the space has been tried
            break
        trials = _replayed(journal, len(done), genotypes)
        fresh = genotypes[len(trials) :]
        if fresh:
            found = [Trial(*pair) for pair in zip(fresh, _all(executor, fresh), strict=True)]
            found = [Trial(trial.genotype, trial.result.finite()) for trial in found]
            if journal is not None:
                first = len(done) + len(trials)
                journal.append(*(_record(number, trial) for number, trial in enumerate(found, first)))
            trials += found
        results = [trial.result for trial in trials]
        strategy.tell(genotypes, results)
        spent = spent.charged(results)
        repeats = repeats + len(results) if all(result.repeated for result in results) else 0
        for number, trial in enumerate(trials, len(done)):
            progress(number, trial)
        done += trials
    if all(trial.result.value is None for trial in done):
        last = f"; the last one: {done[-1].result.message}" if done else ""
        raise SearchFailedError(f"all {len(done)} candidates failed{last}")
    return done


def best_first(trials: Sequence[Trial]) -> list[Trial]:
    """Trials that have a value, best first; the earlier one where values are equal."""
    return sorted(
        (trial for trial in trials if trial.result.value is not None), key=lambda trial: -(trial.result.value or 0.0)
    )


def _record(number: int, trial: Trial) -> dict[str, Any]:
    return {
        "trial": number,
        "hash": trial.genotype.hash,
        "status": "failed" if trial.result.value is None else "ok",
        **asdict(trial.result),
        "genotype": json.loads(trial.genotype.to_json()),
    }


def _replayed(journal: Journal | None, first: int, genotypes: Sequence[Genotype]) -> list[Trial]:
    """The trials of these genotypes that the journal has already; fewer where it ends."""
    known = [] if journal is None else journal.records[first : first + len(genotypes)]
    return [_trial(journal, number, *pair) for number, pair in enumerate(zip(genotypes, known, strict=False), first)]


def _trial(journal: Journal | None, number: int, genotype: Genotype, record: dict[str, Any]) -> Trial:
    assert journal is not None
    if record.get("trial") != number or record.get("hash") != genotype.hash:
        raise InputError(
            "the journal is of another search", file=journal.path, line=journal.line(number),
            found=f"trial {record.get('trial')} {record.get('hash')}", expected=f"trial {number} {genotype.hash}",
        )  # fmt: skip
    try:
        result = Result(**{name: record[name] for name in _FIELDS})
    except KeyError as error:
        raise InputError(f"a journal line lacks {error}", file=journal.path, line=journal.line(number)) from None
    return Trial(genotype, replace(result, **{name: record[name] for name in _LATER if name in record}))


def _all(executor, fresh):  # type: ignore
    for ticket, genotype in enumerate(fresh):
        executor.submit(ticket, genotype)
    found = dict(executor.wait() for _ in fresh)
    return [found[ticket] for ticket in range(len(fresh))]
