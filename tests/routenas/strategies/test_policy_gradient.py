from __future__ import annotations

import pytest
import torch

from routenas.strategies.policy_gradient import PolicyGradient, ProximalPolicy, clipped_gain
from routenas.testing.strategies import SPACES, StrategyContract
from searchspaces.space import Space


class TestPolicyGradient(StrategyContract):
    strategy = PolicyGradient


class TestProximalPolicy(StrategyContract):
    strategy = ProximalPolicy

    @pytest.fixture(params=["categorical", "conditional"])  # the policy is that of the other one; these are fast
    def space(self, request: pytest.FixtureRequest) -> Space:
        return SPACES[request.param]()


def test_the_clipped_gain_by_hand() -> None:
    ratio = torch.tensor([1.5, 0.5, 1.5, 0.5])
    advantage = torch.tensor([1.0, 1.0, -1.0, -1.0])
    assert clipped_gain(ratio.log(), advantage, 0.2).tolist() == pytest.approx([1.2, 0.5, -1.5, -0.8])
