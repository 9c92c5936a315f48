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

    def at(self, maps: Tensor, tiles: Tensor) -> Tensor:
        """Of maps (1, c, h, w), what :meth:`forward` gives in the n tiles of a mask (h, w): (1, outputs, 1, n).

        A member that answers tile by tile has a method ``at`` of this kind, and works out no other tile.
        """
        outputs = []
        for member in self.members:
            at = getattr(member, "at", None)
            outputs.append(member(maps)[..., tiles].unsqueeze(2) if at is None else at(maps, tiles))
        return self.mean(outputs)

    def mean(self, outputs: Sequence[Tensor]) -> Tensor:
        """The mean of `outputs`."""
        drawn = [output for output, draws in zip(outputs, self.draws, strict=True) for _ in range(draws)]
        return outputs[0] if len(outputs) == 1 else torch.stack(drawn).mean(dim=0)
