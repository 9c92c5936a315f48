from __future__ import annotations

import pytest
import torch

from routenas.strategies.policy_gradient import PolicyGradient, ProximalPolicy, clipped_gain
from routenas.testing.strategies import StrategyContract


class TestPolicyGradient(StrategyContract):
    strategy = PolicyGradient


class TestProximalPolicy(StrategyContract):
    strategy = ProximalPolicy


def test_the_clipped_gain_by_hand() -> None:
    ratio = torch.tensor([1.5, 0.5, 1.5, 0.5])
    advantage = torch.tensor([1.0, 1.0, -1.0, -1.0])
    assert clipped_gain(ratio.log(), advantage, 0.2).tolist() == pytest.approx([1.2, 0.5, -1.5, -0.8])
