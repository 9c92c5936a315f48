"""The image-to-image translation of the conditional adversarial network (pix2pix): its generator and its adversary."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from searchspaces.operators import pad_to_multiple
from searchspaces.space import TaskShape


def _norm(channels: int, norm: bool) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels)] if norm else []


class Pix2Pix(nn.Module):
    """The generator of pix2pix (Isola et al., CVPR 2017) as Yu and Zhang forecast routing with it (DAC 2019).

    A U-Net of strided 4x4 convolutions with a skip at every level. ``forward``: (b, channels, h, w) of any size ->
    logits (b, outputs, h, w); the published tanh image is 2 sigmoid(logit) - 1. Scaled to maps of some forty tiles:
    ``width`` channels after the first halving (64 published), doubled up to eight times it, and ``depth`` halvings (8
    published, for 256x256 pixels). The deepest level alone has dropout (the noise of the paper, of three levels there),
    and that in training alone. ``norm`` adds the published batch normalisation, see `RouteNetFCN`.
    """

    output: str = "map"

    def __init__(
        self, shape: TaskShape, width: int = 16, depth: int = 4, dropout: float = 0.5, norm: bool = False
    ) -> None:
        super().__init__()
        self.depth = depth
        widths = [shape.inputs, *(width << min(level, 3) for level in range(depth))]
        self.down = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(widths[level], widths[level + 1], 4, stride=2, padding=1),
                *_norm(widths[level + 1], norm and 0 < level < depth - 1),
            )
            for level in range(depth)
        )
        self.up = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(),
                nn.ConvTranspose2d(
                    widths[level + 1] * (1 + (level < depth - 1)), widths[level], 4, stride=2, padding=1
                ),
                *_norm(widths[level], norm),
                *([nn.Dropout(dropout)] if level == depth - 1 else []),
            )
            for level in range(1, depth)
        )
        self.head = nn.ConvTranspose2d(widths[1] * (1 + (depth > 1)), shape.outputs, 4, stride=2, padding=1)
        self.leak = nn.LeakyReLU(0.2)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = self.down[0](pad_to_multiple(x, 2**self.depth))
        skips = []
        for layer in self.down[1:]:
            skips.append(x)
            x = layer(self.leak(x))
        for layer in reversed(self.up):
            x = torch.cat([layer(x), skips.pop()], dim=1)
        logits: Tensor = self.head(torch.relu(x))
        return logits[..., :height, :width]


class PatchDiscriminator(nn.Module):
    """The adversary of pix2pix: for every patch of the map, the log-odds that its label is a real one.

    ``forward``: maps (b, inputs, h, w) of any size, condition and label together -> (b, 1, h', w'). ``halvings`` 1
    judges patches of 16x16 tiles; the published 3 those of 70x70 pixels, with ``width`` 64.
    """

    def __init__(self, inputs: int, width: int = 16, halvings: int = 1) -> None:
        super().__init__()
        self.multiple = 4 << halvings
        layers: list[nn.Module] = []
        for level in range(halvings + 1):
            outputs, stride = width << level, 2 if level < halvings else 1
            layers += [nn.Conv2d(inputs, outputs, 4, stride, padding=1), nn.LeakyReLU(0.2)]
            inputs = outputs
        self.layers = nn.Sequential(*layers, nn.Conv2d(inputs, 1, 4, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        judged: Tensor = self.layers(pad_to_multiple(x, self.multiple))
        return judged
