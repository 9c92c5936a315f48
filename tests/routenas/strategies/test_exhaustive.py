from __future__ import annotations

import json

from routenas.strategies.base import Strategy
from routenas.strategies.exhaustive import Exhaustive
from routenas.testing.strategies import StrategyContract
from searchspaces.nasbench101 import NasBench101Space
from searchspaces.space import Choice, Space


class TestContract(StrategyContract):
    strategy = Exhaustive

    def make(self, space: Space, seed: int, **options: object) -> Strategy:
        return super().make(space, seed, samples=200, **options)


class TestExhaustive:
    space = Space("e", [Choice("a", 3), Choice("b", 4)])

    def test_asks_everything_in_order_of_the_score(self) -> None:
        strategy = Exhaustive(self.space, 0, score=lambda g: g.values[0] - 10 * g.values[1])
        asked = [genotype.values for genotype in strategy.ask(100)]
        assert asked == sorted(asked, key=lambda v: -(v[0] - 10 * v[1]))
        assert len(asked) == 12
        assert strategy.ask(1) == []

    def test_a_limit_of_cost(self) -> None:
        strategy = Exhaustive(self.space, 0, cost=lambda g: float(sum(g.values)), limit=1.0)
        assert {genotype.values for genotype in strategy.ask(100)} == {(0, 0), (1, 0), (0, 1)}

    def test_a_space_that_takes_minutes_to_enumerate_is_sampled(self) -> None:
        space = NasBench101Space()
        strategy = Exhaustive(space, 0, samples=50)
        asked = strategy.ask(100)
        assert 25 < len(asked) <= 50  # equal samples are asked once
        assert all(space.contains(genotype) for genotype in asked)

    def test_resume(self) -> None:
        whole = Exhaustive(self.space, 0)
        whole.ask(5)
        resumed = Exhaustive(self.space, 9)
        resumed.load_state_dict(json.loads(json.dumps(whole.state_dict())))
        assert resumed.ask(20) == whole.ask(20)
