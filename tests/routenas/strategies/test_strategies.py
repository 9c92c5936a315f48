from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest
import torch

from placement_data.errors import InputError
from routenas.networks.policy import make_policy
from routenas.results import Result, Trial
from routenas.strategies import STRATEGIES, Strategy, strategy_class
from routenas.strategies.evolution import RegularisedEvolution
from routenas.strategies.exhaustive import Exhaustive
from routenas.strategies.genetic import GeneticSearch
from routenas.strategies.guided_dags.bernoulli import BernoulliReinforce
from routenas.strategies.guided_dags.guided import GuidedRule
from routenas.strategies.guided_dags.paper import PaperRule
from routenas.strategies.local_search import LocalSearch
from routenas.strategies.multi_objective import MultiObjective, crowding, fronts, pareto_front
from routenas.strategies.policy_gradient import PolicyGradient, ProximalPolicy, clipped_gain
from routenas.strategies.predictor import PredictorSearch
from routenas.strategies.random_ import RandomSearch
from searchspaces.dags import GuideDag, all_edges
from searchspaces.nasbench101 import NasBench101Space
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
            "exhaustive": "Exhaustive",
            "genetic": "GeneticSearch",
            "guided": "GuidedRule",
            "local-search": "LocalSearch",
            "multi-objective": "MultiObjective",
            "paper": "PaperRule",
            "policy-gradient": "PolicyGradient",
            "ppo": "ProximalPolicy",
            "predictor": "PredictorSearch",
            "random": "RandomSearch",
            "regularised-evolution": "RegularisedEvolution",
        }

    def test_an_unknown_name_lists_near_ones(self) -> None:
        with pytest.raises(InputError, match="no such search strategy, found 'evolutoin', expected evolution"):
            strategy_class("evolutoin")
        with pytest.raises(InputError, match="expected bernoulli or evolution or exhaustive"):
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


@pytest.mark.parametrize(
    "name", ["bernoulli", "evolution", "genetic", "guided", "local-search", "policy-gradient", "ppo"]
)
def test_learning_strategies_beat_random_search_on_an_additive_reward(name: str) -> None:
    mean = {which: np.mean([late_mean(which, seed) for seed in range(3)]) for which in (name, "random")}
    assert mean[name] > mean["random"] + 1.0


class TestGenetic(StrategyContract):
    strategy = GeneticSearch


class TestLocalSearch(StrategyContract):
    strategy = LocalSearch


class TestMultiObjective(StrategyContract):
    strategy = MultiObjective


class TestPolicyGradient(StrategyContract):
    strategy = PolicyGradient


class TestProximalPolicy(StrategyContract):
    strategy = ProximalPolicy


class TestPredictor(StrategyContract):
    strategy = PredictorSearch

    def make(self, space: Space, seed: int, **options: object) -> Strategy:
        # A small pool and one view of the architectures: the contract is not about quality.
        return super().make(space, seed, pool=16, refit_every=4, surrogate_options={"graph": False}, **options)


class TestMultiObjectiveParts:
    def test_fronts_by_hand(self) -> None:
        points = np.array([[3.0, 1.0], [2.0, 2.0], [1.0, 3.0], [2.0, 1.0], [1.0, 1.0], [3.0, 1.0]])
        assert fronts(points).tolist() == [0, 0, 0, 1, 2, 0]

    def test_fronts_equal_brute_force(self) -> None:
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

    def test_crowding_by_hand(self) -> None:
        assert crowding(np.array([[0.0, 4.0], [1.0, 2.0], [4.0, 0.0]])).tolist() == [math.inf, 2.0, math.inf]

    def test_pareto_front(self) -> None:
        pairs = [(0.9, 5.0), (0.8, 2.0), (0.7, 3.0), (None, 1.0), (0.5, 1.0)]
        trials = [
            Trial(Genotype("s", (i,)), Result(value, costs={"cost": cost})) for i, (value, cost) in enumerate(pairs)
        ]
        assert [trial.genotype.values[0] for trial in pareto_front(trials)] == [4, 1, 0]


class TestPolicyNetwork:
    space = Space("p", [Choice("a", 2), Choice("b", 3, when=("a", (1,))), Choice("c", 2)])

    def everything(self) -> torch.Tensor:
        return torch.tensor([[a, b, c] for a in range(2) for b in range(3) for c in range(2)])

    def test_probabilities_sum_to_one_over_what_is_legal(self) -> None:
        policy = make_policy(self.space, 3)
        probability = policy.log_prob(self.everything()).exp()
        legal = torch.tensor([a == 1 or b == 0 for a, b, _ in self.everything().tolist()])
        assert probability.sum().item() == pytest.approx(1.0, abs=1e-6)
        assert probability[~legal].max().item() == 0.0

    def test_entropy_is_that_of_the_distribution(self) -> None:
        policy = make_policy(self.space, 4)
        values = self.everything()
        log_prob = policy.log_prob(values)
        probability = log_prob.exp()
        expected = -(probability * log_prob)[probability > 0].sum().item()
        assert (probability * policy.entropy(values)).sum().item() == pytest.approx(expected, abs=1e-5)

    def test_samples_follow_the_probabilities(self) -> None:
        policy = make_policy(self.space, 5)
        drawn = policy.sample(4000, torch.Generator().manual_seed(0))
        for values, probability in zip(self.everything(), policy.log_prob(self.everything()).exp(), strict=True):
            share = (drawn == values).all(dim=1).float().mean().item()
            assert share == pytest.approx(probability.item(), abs=0.03)

    def test_resample_keeps_the_other_choices(self) -> None:
        policy = make_policy(self.space, 6)
        generator = torch.Generator().manual_seed(1)
        genotype = self.space.genotype((1, 2, 0))
        found = {policy.resample(genotype, ["b"], generator) for _ in range(60)}
        assert found == {(1, 0, 0), (1, 1, 0), (1, 2, 0)}

    def test_a_sub_space_is_never_left(self) -> None:
        policy = make_policy(self.space.fix("c", 1), 7)
        assert policy.sample(50, torch.Generator().manual_seed(0))[:, 2].tolist() == [1] * 50

    def test_the_clipped_gain_by_hand(self) -> None:
        ratio = torch.tensor([1.5, 0.5, 1.5, 0.5])
        advantage = torch.tensor([1.0, 1.0, -1.0, -1.0])
        assert clipped_gain(ratio.log(), advantage, 0.2).tolist() == pytest.approx([1.2, 0.5, -1.5, -0.8])


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
