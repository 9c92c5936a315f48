"""Trials in flight: batch and arrival order, what a resume asks and starts again, what ends a search."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from placement_data.errors import InputError
from routenas.executor import Around, InProcess
from routenas.interfaces import Estimator, Executor, Outcome
from routenas.journal import Journal
from routenas.loop import MOST_FREE, Order, SearchBudget, SearchFailedError, search
from routenas.results import Result, Trial
from routenas.strategies import strategy_class
from routenas.testing.above import Shuffled
from routenas.testing.estimators import SPACE, Quality
from searchspaces.space import Genotype


class Logged:
    """A strategy that writes down how it is called."""

    def __init__(self, seed: int = 0) -> None:
        self.strategy = strategy_class("evolution")(SPACE, seed, population=4, tournament=2)
        self.log: list[tuple[str, ...]] = []

    def ask(self, n: int) -> list[Genotype]:
        asked = self.strategy.ask(n)
        self.log.append(("ask", *(genotype.hash for genotype in asked)))
        return asked

    def tell(self, genotypes: Sequence[Genotype], results: Sequence[Result]) -> None:
        self.log.append(("tell", *(genotype.hash for genotype in genotypes)))
        self.strategy.tell(genotypes, results)

    def state_dict(self) -> dict[str, Any]:
        return self.strategy.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.strategy.load_state_dict(state)


class Watched(Around):
    """Knows how many trials are in flight."""

    def __init__(self, executor: Executor | Estimator) -> None:
        super().__init__(executor)
        self.flying = self.most = 0
        self.started: list[Genotype] = []

    def submit(self, ticket: int, item: Any, known: Result | None = None) -> None:
        self.flying += 1
        self.most = max(self.most, self.flying)
        if known is None:
            self.started.append(item)
        super().submit(ticket, item, known)

    def wait(self) -> Outcome:
        self.flying -= 1
        return super().wait()


def shapes(log: Sequence[tuple[str, ...]]) -> list[tuple[str, int]]:
    return [(name, len(hashes)) for name, *hashes in log]


def test_a_batch_is_asked_and_told_together() -> None:
    strategy, executor = Logged(), Watched(Quality())
    search(strategy, executor, 7, in_flight=3)
    assert shapes(strategy.log) == [("ask", 3), ("tell", 3), ("ask", 3), ("tell", 3), ("ask", 1), ("tell", 1)]
    assert executor.most == 3
    assert executor.workers == 1  # in flight are as many as the search says, not as there are workers


def test_in_order_of_arrival_the_place_of_one_is_filled_at_once() -> None:
    strategy, executor = Logged(), Watched(Quality())
    search(strategy, executor, 6, in_flight=3, order="arrival")
    one = [("tell", 1), ("ask", 1)]
    assert shapes(strategy.log) == [("ask", 3), *one, *one, *one, ("tell", 1), ("tell", 1), ("tell", 1)]
    assert executor.most == 3


def test_progress_counts_what_was_told() -> None:
    told: list[int] = []
    executor = Shuffled(InProcess(Quality()), 3)
    trials = search(Logged(), executor, 8, None, lambda number, trial: told.append(number), 4, "arrival")
    assert told == list(range(8))
    assert len(trials) == 8


@pytest.mark.parametrize("order", ["batch", "arrival"])
def test_a_resume_asks_in_the_same_sequence_and_starts_again_what_had_not_ended(tmp_path: Path, order: Order) -> None:
    path = tmp_path / "journal.jsonl"
    whole = Logged()
    search(whole, Shuffled(InProcess(Quality()), 4), 12, Journal(path), in_flight=4, order=order)
    lines = path.read_bytes().splitlines(keepends=True)
    numbers = [json.loads(line)["trial"] for line in lines]
    assert sorted(numbers) == list(range(12))
    assert (numbers == sorted(numbers)) == (order == "batch")
    for cut in range(12):
        path.write_bytes(b"".join(lines[:cut]))
        resumed, executor = Logged(), Watched(Quality())
        search(resumed, executor, 12, Journal(path), in_flight=4, order=order)
        told = [entry for entry in whole.log if entry[0] == "tell"]
        # All that was asked and told before the kill comes again in the same order.
        last = whole.log.index(told[cut - 1]) + 1 if order == "arrival" and cut else 0
        assert resumed.log[:last] == whole.log[:last]
        assert len(executor.started) == 12 - cut
        assert path.read_bytes().startswith(b"".join(lines[:cut]))
        assert sorted(json.loads(line)["trial"] for line in path.read_text().splitlines()) == list(range(12))


@pytest.mark.parametrize("order", ["batch", "arrival"])
@pytest.mark.parametrize(
    "name", ["evolution", "genetic", "local-search", "multi-objective", "predictor", "ppo", "random"]
)
def test_a_search_that_grows_is_one_that_was_as_large_at_once(tmp_path: Path, name: str, order: Order) -> None:
    """The smaller one ends in the middle of a batch."""
    paths = [tmp_path / "grown.jsonl", tmp_path / "whole.jsonl"]
    for path, trials in zip([paths[0], *paths], (6, 15, 15), strict=True):
        search(strategy_class(name)(SPACE, 3), Quality(), trials, Journal(path), in_flight=4, order=order)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_journal_of_another_search_in_order_of_arrival(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    search(Logged(), Quality(), 6, Journal(path), in_flight=3, order="arrival")
    with pytest.raises(InputError, match=r"journal\.jsonl:1: the journal is of another search, found 'trial 0 "):
        search(Logged(seed=1), Quality(), 6, Journal(path), in_flight=3, order="arrival")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[0], *lines[1:]]) + "\n")
    with pytest.raises(InputError, match=r"journal\.jsonl:2: the journal is of another search, .* a trial of 1, 2, 3"):
        search(Logged(), Quality(), 6, Journal(path), in_flight=3, order="arrival")


def test_an_estimator_recalls_what_the_journal_holds(tmp_path: Path) -> None:
    class Remembers(Quality):
        recalled: Sequence[Trial] = ()

        def recall(self, trials: Sequence[Trial]) -> None:
            self.recalled = trials

    path = tmp_path / "journal.jsonl"
    first, again = Remembers(), Remembers()
    trials = search(Logged(), first, 5, Journal(path))
    assert first.recalled == ()
    search(Logged(), again, 8, Journal(path))
    assert again.recalled == trials


def test_an_exception_in_this_process_is_a_failed_trial(tmp_path: Path) -> None:
    """A batch of one map in a batch normalisation used to end the whole search, and only here."""

    class Fragile(Quality):
        def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
            if genotypes[0].values[0] == 1:
                raise ValueError("Expected more than 1 value per channel when training")
            return super().estimate(genotypes)

    trials = search(Logged(), Fragile(), 12, Journal(tmp_path / "journal.jsonl"))
    failed = [trial for trial in trials if trial.genotype.values[0] == 1]
    assert failed
    message = "ValueError: Expected more than 1 value per channel when training"
    assert {trial.result.message for trial in failed} == {message}
    assert len(Journal(tmp_path / "journal.jsonl").records) == 12


def test_whoever_stops_the_program_stops_the_search() -> None:
    class Stopped(Quality):
        def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(Logged(), Stopped(), 12)


class Failing(Estimator):
    """Each trial fails after two seconds and one epoch, as it says."""

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        return [Result(None, {}, "diverged", {}, 2.0, 1.0) for _ in genotypes]


@pytest.mark.parametrize("budget", [SearchBudget(6), SearchBudget(epochs=5.5), SearchBudget(seconds=12.0)])
@pytest.mark.parametrize("order", ["batch", "arrival"])
def test_budgets_end_a_search_whose_trials_all_fail(budget: SearchBudget, order: Order) -> None:
    running = order == "arrival" and budget.evaluations is None  # one, when the sixth spends what is left
    with pytest.raises(SearchFailedError, match=f"all {6 + running} candidates failed; the last one: diverged"):
        search(Logged(), Failing(), budget, in_flight=2, order=order)


@pytest.mark.parametrize("budget", [SearchBudget(seconds=5.0), SearchBudget(epochs=5.0), SearchBudget(10_000)])
def test_a_search_whose_results_are_free_ends(budget: SearchBudget) -> None:
    class Free(Estimator):
        def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
            return [Result(0.5, seconds=0.0, repeated=budget.evaluations is not None) for _ in genotypes]

    strategy = strategy_class("random")(SPACE, 0, distinct=False)
    assert len(search(strategy, Free(), budget, in_flight=4)) == MOST_FREE
    strategy = strategy_class("random")(SPACE, 0, distinct=False)
    assert MOST_FREE <= len(search(strategy, Free(), budget, in_flight=4, order="arrival")) <= MOST_FREE + 3


@pytest.mark.parametrize("wrong", [{"in_flight": 0}, {"order": "any"}])
def test_refuses_settings_that_are_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="in_flight must be at least 1 and order batch or arrival"):
        search(Logged(), Quality(), 3, **wrong)
