"""Every composition of what stands above an executor and of strategies, killed behind every line and resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from routenas.estimators.cached import Cached
from routenas.estimators.costed import Costed
from routenas.estimators.early_stop import MedianStopped
from routenas.estimators.fidelities import Fidelities
from routenas.estimators.halving import SuccessiveHalving
from routenas.estimators.noisy import Noisy
from routenas.interfaces import Estimator, Executor, Strategy
from routenas.loop import Order
from routenas.strategies import strategy_class
from routenas.strategies.wrappers import Deduplicated, FailurePenalty, Repeated
from routenas.testing.above import check_resume, evolving, repeating
from routenas.testing.estimators import SPACE, Quality


def second_choice(genotype: object) -> float:
    return 1.0 + genotype.values[1]  # type: ignore[attr-defined]


def two() -> Fidelities:
    return Fidelities([Quality(1.0), Quality(3.0, 0.1)])


WORK: dict[str, Callable[[], Executor | Estimator]] = {
    "plain": Quality,
    "costed": lambda: Costed(Quality(), second_choice, 2.0),
    "cached": lambda: Cached(Quality()),
    "noisy": lambda: Noisy(Quality(), 0.2, 5),
    "cached noise": lambda: Cached(Noisy(Quality(), 0.2, 5)),
    "noise on a cache": lambda: Noisy(Cached(Quality()), 0.2, 5),
    "halving": lambda: SuccessiveHalving(two(), 2, 2),
    "halving of a cache": lambda: SuccessiveHalving(Cached(two()), 2, 2),
    "halving of noise": lambda: SuccessiveHalving(Noisy(two(), 0.2, 5), 2, 2),
    "cached halving": lambda: Cached(SuccessiveHalving(two(), 2, 2)),
    "median": lambda: MedianStopped(two(), 2, 3),
    "median of a cache": lambda: MedianStopped(Cached(two()), 2, 3),
    "noise on the median": lambda: Noisy(MedianStopped(two(), 2, 3), 0.2, 5),
    "cached noise on the median of noise": lambda: Cached(Noisy(MedianStopped(Noisy(two(), 0.1), 2, 3), 0.2, 5)),
}
STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "random": lambda: strategy_class("random")(SPACE, 1),
    "repeating": repeating,
    "evolution": evolving,
    "regularised": lambda: strategy_class("regularised-evolution")(SPACE, 1, population=4, tournament=2),
    "genetic": lambda: strategy_class("genetic")(SPACE, 1),
    "local search": lambda: strategy_class("local-search")(SPACE, 1),
    "several objectives": lambda: strategy_class("multi-objective")(SPACE, 1),
    "deduplicated": lambda: Deduplicated(repeating()),
    "repeated": lambda: Repeated(strategy_class("random")(SPACE, 1), 2),
    "repeated evolution": lambda: Repeated(evolving(), 3),
    "penalised": lambda: FailurePenalty(evolving(), 0.0),
    "deduplicated repeats": lambda: Repeated(Deduplicated(repeating()), 2),
}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("work", WORK)
def test_a_batch_at_a_time(work: str, strategy: str, tmp_path: Path) -> None:
    check_resume(STRATEGIES[strategy], WORK[work], tmp_path, trials=10, in_flight=4)


@pytest.mark.parametrize("strategy", ["repeating", "evolution", "repeated"])
@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize(("in_flight", "order"), [(1, "batch"), (3, "arrival")])
def test_one_at_a_time_and_as_they_arrive(
    in_flight: int, order: Order, work: str, strategy: str, tmp_path: Path
) -> None:
    check_resume(STRATEGIES[strategy], WORK[work], tmp_path, trials=8, in_flight=in_flight, order=order)


@pytest.mark.parametrize("strategy", ["policy-gradient", "ppo", "predictor"])
def test_strategies_that_learn(strategy: str, tmp_path: Path) -> None:
    check_resume(lambda: strategy_class(strategy)(SPACE, 1), lambda: Cached(two_cheap()), tmp_path, trials=9)


def two_cheap() -> Executor:
    return MedianStopped(two(), 2, 2)
