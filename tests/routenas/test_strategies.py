from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest

from placement_data.errors import InputError
from routenas.results import Result
from routenas.strategies import STRATEGIES, strategy_class
from routenas.strategies.bernoulli import BernoulliReinforce
from routenas.strategies.evolution import RegularisedEvolution
from routenas.strategies.guided import GuidedRule
from routenas.strategies.paper import PaperRule
from routenas.strategies.random_ import RandomSearch
from searchspaces.dags import GuideDag, all_edges
from searchspaces.space import Choice, Genotype, Space
from tests.contracts.strategies import StrategyContract, space

__all__ = ["space"]


def told(values: Sequence[float | None]) -> list[Result]:
    return [Result(value) for value in values]


class TestPaperRule(StrategyContract):
    strategy = PaperRule


class TestGuidedRule(StrategyContract):
    strategy = GuidedRule


class TestBernoulliReinforce(StrategyContract):
    strategy = BernoulliReinforce


class TestRegularisedEvolution(StrategyContract):
    strategy = RegularisedEvolution


class TestRandomSearch(StrategyContract):
    strategy = RandomSearch


def dag_space() -> Space:
    """One DAG of three vertices (edges 01 02 03 12 13 23) and one choice of three options."""
    edges = [Choice(f"edge{u}-{v}", 2) for u, v in all_edges(3)]
    return Space("dag", [Choice("width", 3), *edges], dags=[GuideDag(3, 1)])


class TestTable:
    def test_every_name_loads(self) -> None:
        assert {name: strategy_class(name).__name__ for name in STRATEGIES} == {  # type: ignore[attr-defined]
            "bernoulli": "BernoulliReinforce",
            "evolution": "RegularisedEvolution",
            "guided": "GuidedRule",
            "paper": "PaperRule",
            "random": "RandomSearch",
        }

    def test_an_unknown_name_lists_near_ones(self) -> None:
        with pytest.raises(InputError, match="no such search strategy, found 'evolutoin', expected evolution"):
            strategy_class("evolutoin")
        with pytest.raises(InputError, match="expected bernoulli or evolution or guided or paper or random"):
            strategy_class("zzz")


class TestUpdates:
    # The first vertex is reached and keeps 1->3; vertex 2 is not reached, so its edge 2->3 has no part in anything.
    values = (2, 1, 0, 0, 0, 1, 1)
    first_five: ClassVar = [(0, 0, 0, 0, 0, 0, 0), (1, 1, 0, 0, 0, 0, 0), (2, 0, 1, 0, 0, 0, 0)]
    first_five += [(0, 0, 0, 1, 0, 0, 0), (1, 0, 1, 1, 0, 0, 0)]

    def test_paper_rule_by_hand(self) -> None:
        space = dag_space()
        rule = PaperRule(space, 0, alpha=2.0)
        rule.tell([Genotype("dag", values) for values in self.first_five], told([0.5, 0.6, 0.7, 0.8, 0.9]))
        assert all((numbers == 1).all() for numbers in rule.numbers)  # the first five change nothing
        rule.tell([Genotype("dag", self.values)], told([0.8]))
        up = math.exp(2.0 * (0.8 - 0.7))
        assert np.concatenate(rule.numbers) == pytest.approx([1, 1, up, up, 1, 1, 1, up, 1])
        rule.tell([Genotype("dag", (0, 1, 0, 0, 0, 0, 0))], told([0.1]))  # beta: 0.6 0.7 0.8 0.8 0.9
        down = math.exp(2.0 * (0.1 - 0.76))
        assert np.concatenate(rule.numbers) == pytest.approx([down, 1, up, up * down, 1, 1, 1, up, 1])
        p = rule.edge_probabilities(space.dags[0])
        weights = [up * down, 1, 1]
        assert p[:3] == pytest.approx(np.exp(weights) / np.exp(weights).sum())
        assert p[3:5] == pytest.approx(np.exp([1, up]) / np.exp([1, up]).sum())
        assert p[5] == 1.0

    def test_paper_rule_clips_weights(self) -> None:
        rule = PaperRule(dag_space(), 0, alpha=1e6)
        rule.tell([Genotype("dag", values) for values in self.first_five], told([0.5, 0.6, 0.7, 0.8, 0.9]))
        rule.tell([Genotype("dag", self.values)], told([0.8]))
        assert rule.numbers[1] == 20.0
        rule.tell([Genotype("dag", self.values)], told([0.0]))
        assert rule.numbers[1] == 1e-3

    def test_guided_rule_by_hand(self) -> None:
        rule = GuidedRule(dag_space(), 0, alpha=0.1, warm_up=5)
        rule.tell([Genotype("dag", values) for values in self.first_five], told([0.4, 0.6, 0.4, 0.6, 0.5]))
        rule.tell([Genotype("dag", self.values)], told([0.55]))
        spread = math.sqrt(4 * 0.1**2 / 5)
        up = math.exp(0.1 * 0.05 / spread)
        assert np.concatenate(rule.numbers) == pytest.approx([1, 1, up, up, 1, 1, 1, up, 1])

    def test_guided_rule_keeps_every_option_possible(self) -> None:
        space = dag_space()
        rule = GuidedRule(space, 0)
        rule.numbers = [np.full_like(numbers, 0.05) for numbers in rule.numbers]
        rule.numbers[1][:] = rule.numbers[0][0] = 8.0
        assert rule.edge_probabilities(space.dags[0])[:3] == pytest.approx([1, 0.02, 0.02], abs=1e-3)
        assert rule.option_probabilities(0) == pytest.approx([0.96, 0.02, 0.02], abs=1e-3)
        assert rule.option_probabilities(0).sum() == pytest.approx(1)

    def test_bernoulli_by_hand(self) -> None:
        rule = BernoulliReinforce(dag_space(), 0)
        rule.tell([Genotype("dag", values) for values in self.first_five], told([0.4, 0.6, 0.4, 0.6, 0.5]))
        rule.tell([Genotype("dag", self.values)], told([0.55]))
        step = 0.2 * 0.05 / math.sqrt(4 * 0.1**2 / 5)
        p = 1 / (1 + math.exp(0.8))
        kept, dropped = -0.8 + step * (1 - p), -0.8 - step * p
        expected = [-step / 3, -step / 3, 2 * step / 3, kept, dropped, dropped, dropped, kept, -0.8]
        assert np.concatenate(rule.numbers) == pytest.approx(expected)

    def test_credit_goes_to_the_choices_as_drawn(self) -> None:
        class Swapped(Space):
            def canonical_values(self, values: tuple[int, ...]) -> tuple[int, ...]:
                return tuple(sorted(values))

        space = Swapped("swapped", [Choice("a", 2, (0.001, 0.999)), Choice("b", 2, (0.999, 0.001))])
        rule = PaperRule(space, 0, alpha=1.0)
        rule.tell([space.genotype((0, 0))] * 5, told([0.0] * 5))
        (asked,) = rule.ask(1)
        assert asked.values == (0, 1)  # drawn as (1, 0)
        rule.tell([asked], told([1.0]))
        assert np.concatenate(rule.numbers) == pytest.approx([1, math.e, math.e, 1])

    def test_evolution_lets_the_oldest_die(self) -> None:
        space = Space("line", [Choice(f"c{i}", 9) for i in range(4)])
        evolution = RegularisedEvolution(space, 0, population=3, tournament=3, mutations=1)
        best = space.genotype((0, 0, 0, 0))
        evolution.tell([best], told([9.0]))
        evolution.tell([space.genotype((8, 8, 8, i)) for i in (1, 2)], told([0.2, 0.1]))
        (child,) = evolution.ask(1)  # all compete, so the best is the parent
        assert sum(a != b for a, b in zip(child.values, best.values, strict=True)) == 1
        evolution.tell([space.genotype((8, 8, 8, 3))], told([0.0]))  # the best is the oldest
        (child,) = evolution.ask(1)
        assert sum(a != b for a, b in zip(child.values, (8, 8, 8, 1), strict=True)) == 1

    def test_evolution_refuses_impossible_settings(self) -> None:
        with pytest.raises(ValueError, match="not tournament 8, population 4, mutations 2"):
            RegularisedEvolution(dag_space(), 0, population=4)


def late_mean(name: str, seed: int, budget: int = 160) -> float:
    """Mean of the last 40 of a run on a reward that is a sum over choices, in a space of one DAG and six choices."""
    categorical = [Choice(f"c{i}", 4) for i in range(6)]
    edges = [Choice(f"edge{u}-{v}", 2) for u, v in all_edges(5)]
    space = Space("toy", [*categorical, *edges], dags=[GuideDag(5, 6)])
    worth = np.random.default_rng(100 + seed).normal(size=(len(space.choices), 4))
    strategy, results = strategy_class(name)(space, seed), []
    for _ in range(budget // 4):
        batch = strategy.ask(4)
        values = [float(worth[range(len(g.values)), g.values].sum()) for g in batch]
        strategy.tell(batch, told(values))
        results += values
    return float(np.mean(results[-40:]))


def test_learning_strategies_beat_random_search_on_an_additive_reward() -> None:
    mean = {name: np.mean([late_mean(name, seed) for seed in range(5)]) for name in STRATEGIES}
    assert min(mean[name] for name in ("bernoulli", "evolution", "guided")) > mean["random"] + 1.0
