"""The two-layer network of the federated routability estimator."""

from __future__ import annotations

from torch import Tensor, nn

from searchspaces.space import TaskShape


class FLNet(nn.Module):
    """FLNet (Pan et al., DAC 2022): a 9x9 convolution, ReLU, a 9x9 convolution; a tile sees 8 tiles to each side.

    ``forward``: (b, channels, h, w) -> logits (b, outputs, h, w). ``width`` is the published one: so small a network
    needs no scaling.
    """

    output: str = "map"

    def __init__(self, shape: TaskShape, width: int = 64) -> None:
        super().__init__()
        self.hidden = nn.Sequential(nn.Conv2d(shape.inputs, width, 9, padding=4), nn.ReLU())
        self.head = nn.Conv2d(width, shape.outputs, 9, padding=4)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.hidden(x))
        return logits
