from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest

from routenas.results import Result
from routenas.strategies.guided_dags.bernoulli import BernoulliReinforce
from routenas.strategies.guided_dags.guided import GuidedRule
from routenas.strategies.guided_dags.paper import PaperRule
from routenas.testing.strategies import StrategyContract
from searchspaces.dags import GuideDag, all_edges
from searchspaces.space import Choice, Genotype, Space


def told(values: Sequence[float | None]) -> list[Result]:
    return [Result(value) for value in values]


class TestPaperRule(StrategyContract):
    strategy = PaperRule


class TestGuidedRule(StrategyContract):
    strategy = GuidedRule


class TestBernoulliReinforce(StrategyContract):
    strategy = BernoulliReinforce


def dag_space() -> Space:
    """One DAG of three vertices (edges 01 02 03 12 13 23) and one choice of three options."""
    edges = [Choice(f"edge{u}-{v}", 2) for u, v in all_edges(3)]
    return Space("dag", [Choice("width", 3), *edges], dags=[GuideDag(3, 1)])


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
