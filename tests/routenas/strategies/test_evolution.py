from __future__ import annotations

import pytest

from routenas.results import Result
from routenas.strategies.evolution import RegularisedEvolution
from routenas.testing.strategies import StrategyContract
from searchspaces.space import Choice, Space


class TestRegularisedEvolution(StrategyContract):
    strategy = RegularisedEvolution


def test_evolution_lets_the_oldest_die() -> None:
    space = Space("line", [Choice(f"c{i}", 9) for i in range(4)])
    evolution = RegularisedEvolution(space, 0, population=3, tournament=3, mutations=1)
    best = space.genotype((0, 0, 0, 0))
    evolution.tell([best], [Result(9.0)])
    evolution.tell([space.genotype((8, 8, 8, i)) for i in (1, 2)], [Result(0.2), Result(0.1)])
    (child,) = evolution.ask(1)  # all compete, so the best is the parent
    assert sum(a != b for a, b in zip(child.values, best.values, strict=True)) == 1
    evolution.tell([space.genotype((8, 8, 8, 3))], [Result(0.0)])  # the best is the oldest
    (child,) = evolution.ask(1)
    assert sum(a != b for a, b in zip(child.values, (8, 8, 8, 1), strict=True)) == 1


def test_evolution_refuses_impossible_settings() -> None:
    with pytest.raises(ValueError, match="not tournament 8, population 4, mutations 2"):
        RegularisedEvolution(Space("line", [Choice("c", 9)]), 0, population=4)
