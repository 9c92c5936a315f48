"""The loop: ask, estimate, tell, append to the journal, stop at the budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol

from placement_data.errors import InputError, RoutenasError
from routenas.journal import Journal
from routenas.results import Result, Trial
from routenas.strategies import Strategy
from searchspaces.space import Genotype


class SearchFailedError(RoutenasError):
    """Every candidate of a search failed, so there is nothing to choose from."""

    exit_code = 5


class Estimator(Protocol):
    """Finds out how good genotypes are."""

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """One result a genotype, in order."""
        ...


def search(
    strategy: Strategy,
    estimator: Estimator,
    trials: int,
    journal: Journal,
    progress: Callable[[int, Trial], object] = lambda number, trial: None,
) -> list[Trial]:
    """Run until the journal holds ``trials`` trials in all, and return them in order.

    A journal that already has some is replayed: the strategy is asked again and told the recorded values, so that a
    resumed search goes on to the very trials of an uninterrupted one. Raises :class:`InputError` where the journal is
    of another search, :class:`SearchFailedError` when no trial has a value.
    """
    done: list[Trial] = []
    for number in range(trials):
        asked = strategy.ask(1)
        if not asked:  # every architecture of the space has been tried
            break
        genotype = asked[0]
        if number < len(journal.records):
            trial = _replayed(journal, number, genotype)
        else:
            (result,) = estimator.estimate([genotype])
            trial = Trial(genotype, result.finite())
            journal.append(_record(number, trial))
        strategy.tell([genotype], [trial.result])
        done.append(trial)
        progress(number, trial)
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


def _replayed(journal: Journal, number: int, genotype: Genotype) -> Trial:
    record = journal.records[number]
    if record.get("trial") != number or record.get("hash") != genotype.hash:
        raise InputError(
            "the journal is of another search", file=journal.path, line=number + 1,
            found=f"trial {record.get('trial')} {record.get('hash')}", expected=f"trial {number} {genotype.hash}",
        )  # fmt: skip
    try:
        result = Result(**{name: record[name] for name in Result.__dataclass_fields__})
    except KeyError as error:
        raise InputError(f"a journal line lacks {error}", file=journal.path, line=number + 1) from None
    return Trial(genotype, result)
