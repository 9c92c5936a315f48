"""The fully convolutional hotspot network of RouteNet."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from searchspaces.operators import pad_to_multiple
from searchspaces.space import TaskShape


def _convolution(inputs: int, outputs: int, kernel: int, norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)]
    if norm:
        layers.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*layers, nn.ReLU())


def _double(inputs: int, outputs: int, kernel: int, norm: bool) -> nn.Sequential:
    """A transposed convolution that doubles both sides exactly."""
    layers: list[nn.Module] = [
        nn.ConvTranspose2d(inputs, outputs, kernel, stride=2, padding=kernel // 2, output_padding=1)
    ]
    if norm:
        layers.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*layers, nn.ReLU())


class RouteNetFCN(nn.Module):
    """RouteNet's hotspot network (Xie et al., ICCAD 2018): two halvings, two doublings, one skip at half size.

    ``forward``: (b, channels, h, w) of any size -> logits (b, outputs, h, w). ``norm`` adds the published batch
    normalisation; it is off because with batches of one map it hides the absolute level of demand.
    """

    output: str = "map"

    def __init__(self, shape: TaskShape, norm: bool = False) -> None:
        super().__init__()
        self.input_norm = nn.BatchNorm2d(shape.inputs) if norm else nn.Identity()
        self.first = _convolution(shape.inputs, 32, 9, norm)
        self.second = _convolution(32, 64, 7, norm)
        self.third = _convolution(64, 32, 9, norm)
        self.fourth = _convolution(32, 32, 7, norm)
        self.up_half = _double(32, 16, 9, norm)
        self.merge = _convolution(48, 16, 5, norm)
        self.up_full = _double(16, 4, 5, norm)
        self.head = nn.Conv2d(4, shape.outputs, 3, padding=1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        half = self.pool(self.first(self.input_norm(pad_to_multiple(x, 4))))
        quarter = self.pool(self.second(half))
        deep = self.up_half(self.fourth(self.third(quarter)))
        logits: Tensor = self.head(self.up_full(self.merge(torch.cat([deep, half], dim=1))))
        return logits[..., :height, :width]
