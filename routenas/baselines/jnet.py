"""J-Net without the pin image that gives it its second resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from searchspaces.operators import pad_to_multiple
from searchspaces.space import TaskShape


def _double(inputs: int, outputs: int, norm: bool) -> nn.Sequential:
    """Two 3x3 convolutions with ReLU."""
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), *([nn.BatchNorm2d(outputs)] if norm else []), nn.ReLU()]
    return nn.Sequential(*layers)


class JNet(nn.Module):
    """J-Net (Liang et al., ISPD 2020) in its tile-level form.

    The published network has a long arm: levels that bring an image of the pin shapes, many pixels a tile, down to
    tiles, where the tile maps join it and an encoder and decoder with skips go on. A data set holds no such image, so
    here the arm is two convolutions on the tile maps themselves; they are joined by the maps as published.
    ``forward``: (b, channels, h, w) of any size -> logits (b, outputs, h, w). ``width`` channels at full size (64
    published), twice as many at each of the ``depth`` halvings. ``norm`` adds batch normalisation, see `RouteNetFCN`.
    """

    output: str = "map"

    def __init__(self, shape: TaskShape, width: int = 16, depth: int = 2, norm: bool = False) -> None:
        super().__init__()
        self.depth = depth
        widths = [width << level for level in range(depth + 1)]
        self.arm = _double(shape.inputs, width, norm)
        inputs = [shape.inputs + width, *widths[:-1]]
        self.down = nn.ModuleList(_double(i, o, norm) for i, o in zip(inputs, widths, strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in widths[:-1])
        self.merge = nn.ModuleList(_double(2 * w, w, norm) for w in widths[:-1])
        self.head = nn.Conv2d(width, shape.outputs, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = pad_to_multiple(x, 2**self.depth)
        x = self.down[0](torch.cat([self.arm(x), x], dim=1))
        skips = []
        for level in range(1, self.depth + 1):
            skips.append(x)
            x = self.down[level](self.pool(x))
        for level in reversed(range(self.depth)):
            x = self.merge[level](torch.cat([self.up[level](x), skips[level]], dim=1))
        logits: Tensor = self.head(x)
        return logits[..., :height, :width]
