"""A one-tile network that learns how much context to add."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from searchspaces.space import TaskShape


class DilatedBlock(nn.Module):
    """x + conv1x1(relu(conv3x3(x))), the 3x3 dilated; the 1x1 starts at zero, so the block as identity."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.context = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        self.gate = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.gate.weight)
        assert self.gate.bias is not None
        nn.init.zeros_(self.gate.bias)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.gate(functional.relu(self.context(x)))
        return x + added


class ResidualDilated(nn.Module):
    """A one-tile network (channels-64-width) with residual dilated blocks before its head, and no normalisation.

    Context can only be added to what one tile says, so it starts exactly as the one-tile network (``one_tile``).
    ``forward``: (b, channels, h, w) -> logits (b, outputs, h, w); a tile sees ``sum(dilations)`` tiles to each side.
    """

    output: str = "map"

    def __init__(self, shape: TaskShape, width: int = 32, dilations: Sequence[int] = (1, 2, 4, 8)) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(shape.inputs, 64, 1), nn.ReLU(), nn.Conv2d(64, width, 1), nn.ReLU())
        self.blocks = nn.Sequential(*(DilatedBlock(width, dilation) for dilation in dilations))
        self.head = nn.Conv2d(width, shape.outputs, 1)

    def one_tile(self, x: Tensor) -> Tensor:
        """The logits without the blocks: what each tile says for itself."""
        logits: Tensor = self.head(self.stem(x))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.blocks(self.stem(x)))
        return logits
