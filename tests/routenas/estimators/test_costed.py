"""Quality against cost: the contract, the reward by hand, what networks cost."""

from __future__ import annotations

import pytest
import torch

from routenas.estimators.costed import Costed, latency, multiply_adds, parameters
from routenas.interfaces import Estimator
from routenas.testing.estimators import GOOD, EstimatorContract, Quality
from searchspaces.flexible import FlexibleSpace
from searchspaces.nasbench201 import NasBench201Space
from searchspaces.space import Genotype, TaskShape


def second_choice(genotype: Genotype) -> float:
    return 1.0 + genotype.values[1]


class TestCosted(EstimatorContract):
    costs = ("parameters",)

    def make(self) -> Estimator:
        return Costed(Quality(), second_choice, 2.0)

    def test_the_reward_by_hand(self) -> None:
        (plain,) = Quality().estimate([GOOD[1]])
        (soft,) = Costed(Quality(), {GOOD[1]: 8.0}, 2.0).estimate([GOOD[1]])
        (hard,) = Costed.hard(Quality(), {GOOD[1]: 8.0}, 2.0).estimate([GOOD[1]])
        (cheap,) = Costed.hard(Quality(), {GOOD[1]: 1.0}, 2.0).estimate([GOOD[1]])
        assert plain.value is not None
        assert soft.value == pytest.approx(plain.value * 4**-0.07)
        assert hard.value == pytest.approx(plain.value / 4)
        assert cheap.value == plain.value
        assert (soft.costs["cost"], soft.metrics["quality"]) == (8.0, plain.value)

    def test_what_has_no_cost_fails(self) -> None:
        (result,) = Costed(Quality(), {}, 2.0).estimate([GOOD[0]])
        assert result.value is None
        assert result.message == "no cost is known, found None"

    def test_costs_of_networks(self) -> None:
        space = NasBench201Space(channels=4, cells=1)
        small, large = space.from_key("111111"), space.from_key("333333")
        task, image = TaskShape(3, 10), torch.zeros(1, 3, 8, 8)
        for cost in (parameters(space, task), multiply_adds(space, task, image)):
            assert 0 < cost(small) < cost(large)
        layer = torch.nn.Conv2d(3, 4, 3, padding=1)
        single = type("One", (), {"build": lambda self, genotype, shape, seed: layer})()
        assert multiply_adds(single, task, image)(small) == 4 * 8 * 8 * 3 * 9
        threads = torch.get_num_threads()
        assert latency(space, task, image, repeats=3, warm_up=1)(large) > 0
        assert torch.get_num_threads() == threads

    def test_networks_have_the_inputs_of_the_task(self) -> None:
        space = FlexibleSpace(inputs=())
        genotype = space.control("residual-dilated")
        # The network of one tile has 32 weights an input, whatever else there is.
        five, seventeen = (parameters(space, TaskShape(inputs, 1, "map"))(genotype) for inputs in (5, 17))
        assert seventeen - five == 12 * 32
