"""A network that sees one tile and nothing around it: the control that every wider network must beat."""

from __future__ import annotations

from torch import Tensor, nn

from searchspaces.space import TaskShape


class TileMLP(nn.Module):
    """The same multi-layer perceptron at every tile, channels-64-64-outputs.

    ``forward``: (b, channels, h, w) -> logits (b, outputs, h, w).
    """

    output: str = "map"

    def __init__(self, shape: TaskShape, width: int = 64) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Conv2d(shape.inputs, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1), nn.ReLU())
        self.head = nn.Conv2d(width, shape.outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.hidden(x))
        return logits
