from __future__ import annotations

import pytest
import torch

from routenas.networks.policy import make_policy
from searchspaces.space import Choice, Space


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
