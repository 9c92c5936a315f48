"""A small U-Net."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from searchspaces.operators import pad_to_multiple
from searchspaces.space import TaskShape


def _two_convolutions(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.Conv2d(outputs, outputs, 3, padding=1), nn.ReLU()
    )


class UNet(nn.Module):
    """U-Net (Ronneberger et al., MICCAI 2015) with same-size convolutions and no normalisation.

    ``width`` channels at full size, twice as many at each of the ``depth`` halvings. ``forward``: (b, channels, h, w)
    of any size -> logits (b, outputs, h, w).
    """

    output: str = "map"

    def __init__(self, shape: TaskShape, width: int = 16, depth: int = 3) -> None:
        super().__init__()
        self.depth = depth
        widths = [width << level for level in range(depth + 1)]
        self.down = nn.ModuleList(
            _two_convolutions(inputs, outputs) for inputs, outputs in zip([shape.inputs, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in widths[:-1])
        self.merge = nn.ModuleList(_two_convolutions(2 * w, w) for w in widths[:-1])
        self.head = nn.Conv2d(width, shape.outputs, 1)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) of any size to (B, outputs, H, W)."""
        height, width = x.shape[-2:]
        x = self.down[0](pad_to_multiple(x, 2**self.depth))
        skips = []
        for level in range(1, self.depth + 1):
            skips.append(x)
            x = self.down[level](self.pool(x))
        for level in reversed(range(self.depth)):
            x = self.merge[level](torch.cat([self.up[level](x), skips[level]], dim=1))
        logits: Tensor = self.head(x)
        return logits[..., :height, :width]
