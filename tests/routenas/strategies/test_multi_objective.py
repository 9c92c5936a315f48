from __future__ import annotations

import math

import numpy as np

from routenas.results import Result, Trial
from routenas.strategies.multi_objective import MultiObjective, crowding, fronts, objectives, pareto_front
from routenas.testing.strategies import StrategyContract
from searchspaces.space import Choice, Genotype, Space


class TestMultiObjective(StrategyContract):
    strategy = MultiObjective


def test_fronts_by_hand() -> None:
    points = np.array([[3.0, 1.0], [2.0, 2.0], [1.0, 3.0], [2.0, 1.0], [1.0, 1.0], [3.0, 1.0]])
    assert fronts(points).tolist() == [0, 0, 0, 1, 2, 0]


def test_fronts_equal_brute_force() -> None:
    rng = np.random.default_rng(0)
    points = rng.integers(0, 6, size=(40, 2)).astype(float)
    left, number = set(range(40)), 0
    expected = np.zeros(40, dtype=int)
    while left:
        best = {
            i for i in left
            if not any((points[j] >= points[i]).all() and (points[j] > points[i]).any() for j in left)
        }  # fmt: skip
        for i in best:
            expected[i] = number
        left, number = left - best, number + 1
    assert fronts(points).tolist() == expected.tolist()


def test_crowding_by_hand() -> None:
    assert crowding(np.array([[0.0, 4.0], [1.0, 2.0], [4.0, 0.0]])).tolist() == [math.inf, 2.0, math.inf]


def test_pareto_front() -> None:
    pairs = [(0.9, 5.0), (0.8, 2.0), (0.7, 3.0), (None, 1.0), (0.5, 1.0)]
    trials = [Trial(Genotype("s", (i,)), Result(value, costs={"cost": cost})) for i, (value, cost) in enumerate(pairs)]
    assert [trial.genotype.values[0] for trial in pareto_front(trials)] == [4, 1, 0]


def test_objectives_that_are_not_known_count_as_the_worst() -> None:
    found = [(0.9, {"parameters": 5.0}), (0.5, {"parameters": 2.0, "latency": 7.0}), (0.1, {})]
    assert objectives(found).tolist() == [[0.9, -7.0, -5.0], [0.5, -7.0, -2.0], [0.1, -7.0, -5.0]]
    assert objectives(found, ["parameters"]).tolist() == [[0.9, -5.0], [0.5, -2.0], [0.1, -5.0]]
    assert objectives(found, ["watts"]).tolist() == [[0.9, 0.0], [0.5, 0.0], [0.1, 0.0]]


def late_failures(carries_cost: bool) -> float:
    """The share of failures in the last half of searches where a quarter of the architectures fails."""
    space = Space("toy", [Choice(f"c{i}", 4) for i in range(8)])
    late = []
    for seed in range(5):
        strategy = MultiObjective(space, seed, population=10)
        for number in range(50):
            batch = strategy.ask(4)
            results = []
            for genotype in batch:
                cost = {"cost": 1.0 + sum(genotype.values)}
                value = sum(option != 1 for option in genotype.values) + 0.1 * sum(genotype.values)
                failure = Result(None, costs=cost if carries_cost else {})
                results.append(failure if genotype.values[0] == 0 else Result(value, costs=cost))
            strategy.tell(batch, results)
            late += [genotype.values[0] == 0 for genotype in batch] if number >= 25 else []
    return float(np.mean(late))


def test_failures_are_not_attractive_with_or_without_a_cost() -> None:
    assert late_failures(carries_cost=False) == late_failures(carries_cost=True) < 0.1  # by chance 0.25


def test_the_named_costs_are_the_objectives() -> None:
    space = Space("toy", [Choice(f"c{i}", 4) for i in range(6)])

    def late(costs: list[str] | None) -> tuple[float, float]:
        """Mean of the two costs late in a search whose values are all the same."""
        strategy = MultiObjective(space, 0, population=10, costs=costs)
        asked: list[Genotype] = []
        for _ in range(30):
            batch = strategy.ask(4)
            strategy.tell(batch, [Result(1.0, costs={"a": sum(g.values[:3]), "b": sum(g.values[3:])}) for g in batch])
            asked += batch
        return tuple(np.mean([[sum(g.values[:3]), sum(g.values[3:])] for g in asked[-40:]], axis=0).tolist())

    (a, _), (_, b), both = late(["a"]), late(["b"]), late(None)
    assert a < 1.5  # of 4.5 by chance
    assert b < 1.5
    assert max(both) < 3.0
