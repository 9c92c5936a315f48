"""The encoder and decoder of routability-driven global placement with deep learning."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from searchspaces.operators import pad_to_multiple
from searchspaces.space import TaskShape


def _layer(convolution: nn.Module, outputs: int, norm: bool) -> nn.Sequential:
    parts = [convolution, *([nn.InstanceNorm2d(outputs, affine=True)] if norm else []), nn.LeakyReLU(0.2)]
    return nn.Sequential(*parts)


def _double(inputs: int, outputs: int, norm: bool) -> nn.Sequential:
    """Two 3x3 convolutions."""
    first, second = nn.Conv2d(inputs, outputs, 3, padding=1), nn.Conv2d(outputs, outputs, 3, padding=1)
    return nn.Sequential(_layer(first, outputs, norm), _layer(second, outputs, norm))


def _up(inputs: int, outputs: int, norm: bool) -> nn.Sequential:
    """A transposed convolution that doubles both sides."""
    return _layer(nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), outputs, norm)


class GPDL(nn.Module):
    """The congestion network of Liu et al. (DATE 2021): two halvings, two doublings, one skip at half size.

    ``forward``: (b, channels, h, w) of any size -> logits (b, outputs, h, w). ``width`` is the published one of the
    first layers; the deeper ones have 2, 1/2 and 1/8 of it. ``norm`` adds the published instance normalisation; it is
    off because it takes the absolute level of demand out of a map.
    """

    output: str = "map"

    def __init__(self, shape: TaskShape, width: int = 32, norm: bool = False) -> None:
        super().__init__()
        self.first = _double(shape.inputs, width, norm)
        self.second = _double(width, 2 * width, norm)
        squeeze = nn.Conv2d(2 * width, width, 3, padding=1)
        self.bottom = nn.Sequential(squeeze, *([nn.BatchNorm2d(width)] if norm else []), nn.Tanh())
        self.third = _double(width, width, norm)
        self.up_half = _up(width, width // 2, norm)
        self.fourth = _double(width // 2, width // 2, norm)
        self.up_full = _up(width + width // 2, width // 8, norm)
        self.head = nn.Conv2d(width // 8, shape.outputs, 3, padding=1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        # Above 4 tiles a quarter of the map is more than one tile, which an instance normalisation needs.
        half = self.pool(self.first(pad_to_multiple(x, 8)))
        deep = self.bottom(self.pool(self.second(half)))
        merged = torch.cat([self.fourth(self.up_half(self.third(deep))), half], dim=1)
        logits: Tensor = self.head(self.up_full(merged))
        return logits[..., :height, :width]
