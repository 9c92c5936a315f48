"""Several networks as one, those with a state among them, and what layers share in files and in means."""

from __future__ import annotations

from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor, nn

from routenas.networks.ensemble import Carried, Ensemble
from routenas.networks.tensors import packed


class Adding(nn.Module):
    """Adds each number to its sum so far, times a factor of its own."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor, state: Tensor | None) -> Any:
        total = (0 if state is None else state) + self.factor * x
        return total, total


def test_each_member_takes_up_its_own_state() -> None:
    ensemble = Ensemble([Adding(1.0), Adding(10.0)], draws=[3, 1])
    answer, state = ensemble(torch.tensor(2.0), None)
    assert float(answer) == (3 * 2 + 20) / 4
    assert isinstance(state, Carried)
    assert [float(each) for each in state] == [2.0, 20.0]
    answer, state = ensemble(torch.tensor(1.0), state)
    assert [float(each) for each in state] == [3.0, 30.0]
    assert float(answer) == (3 * 3 + 30) / 4
    single = Ensemble([Adding(1.0)])
    _, state = single(torch.tensor(2.0), None)
    assert float(single(torch.tensor(1.0), state)[0]) == 3.0


def test_a_shared_weight_is_written_for_each_of_its_names() -> None:
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    tensors = nn.Sequential(first, second).state_dict()
    found = load(packed(tensors))
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
