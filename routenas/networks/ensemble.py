"""Several networks as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Ensemble(nn.Module):
    """The mean of several networks' outputs, each counted as often as ``draws`` says (once each by default)."""

    def __init__(self, members: Sequence[nn.Module], draws: Sequence[int] = ()) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.draws = tuple(draws) or (1,) * len(members)

    def forward(self, *inputs: Any) -> Tensor:
        """What one member takes, to what one member gives."""
        return self.mean(self.outputs(*inputs))

    def outputs(self, *inputs: Any) -> list[Tensor]:
        """What each member gives."""
        return [member(*inputs) for member in self.members]

    def mean(self, outputs: Sequence[Tensor]) -> Tensor:
        """The mean of `outputs`."""
        drawn = [output for output, draws in zip(outputs, self.draws, strict=True) for _ in range(draws)]
        return outputs[0] if len(outputs) == 1 else torch.stack(drawn).mean(dim=0)
