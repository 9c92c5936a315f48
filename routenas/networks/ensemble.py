"""Several networks as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Carried(tuple[Any, ...]):
    """What each member of an ensemble hands on from one call to the next, in their order."""


class Ensemble(nn.Module):
    """The mean of several networks' outputs, each counted as often as ``draws`` says (once each by default).

    Where a member gives an answer and a state, the ensemble gives the mean of answers and the states as `Carried`; in
    the next call each member takes its own.
    """

    def __init__(self, members: Sequence[nn.Module], draws: Sequence[int] = ()) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.draws = tuple(draws) or (1,) * len(members)

    def forward(self, *inputs: Any) -> Any:
        """What one member takes, to what one member gives."""
        outputs = self.outputs(*inputs)
        if not isinstance(outputs[0], tuple):
            return self.mean(outputs)
        answers, *states = zip(*outputs, strict=True)
        return self.mean(answers), *map(Carried, states)

    def outputs(self, *inputs: Any) -> list[Any]:
        """What each member gives."""
        return [
            member(*(each[number] if isinstance(each, Carried) else each for each in inputs))
            for number, member in enumerate(self.members)
        ]

    def mean(self, outputs: Sequence[Tensor]) -> Tensor:
        """The mean of answers of `outputs`."""
        drawn = [output for output, draws in zip(outputs, self.draws, strict=True) for _ in range(draws)]
        return outputs[0] if len(outputs) == 1 else torch.stack(drawn).mean(dim=0)
