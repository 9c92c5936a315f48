"""The torch modules of NAS-Bench-Macro and MnasNet: inverted bottlenecks in a row (MobileNetV2, arXiv 1801.04381).

Tensors are (B, C, H, W).
"""

from __future__ import annotations

from torch import Tensor, nn

from searchspaces.plans import BlockPlan, Layer
from searchspaces.space import TaskShape


def convolution(
    channels: int, filters: int, kernel: int, *, stride: int = 1, groups: int = 1, act: bool = True
) -> nn.Sequential:
    """ "Same" convolution, batch normalisation and, where ``act``, ReLU6."""
    conv = nn.Conv2d(channels, filters, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(filters), *([nn.ReLU6()] if act else []))


class SqueezeExcite(nn.Module):
    """Channels gated by what their averages say (Hu et al., arXiv 1709.01507)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        result: Tensor = x * self.gate(x)
        return result


class InvertedBottleneck(nn.Module):
    """1x1 expansion (none where it is 1), depth-wise convolution, gate if asked for, linear 1x1 projection.

    Where shape is kept, the input is added.
    """

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        hidden = layer.channels * layer.expansion
        parts: list[nn.Module] = [convolution(layer.channels, hidden, 1)] if layer.expansion > 1 else []
        parts.append(convolution(hidden, hidden, layer.kernel, stride=layer.stride, groups=hidden))
        if layer.squeeze:
            parts.append(SqueezeExcite(hidden, max(1, int(layer.channels * layer.squeeze))))
        self.main = nn.Sequential(*parts, convolution(hidden, layer.filters, 1, act=False))
        self.residual = layer.stride == 1 and layer.channels == layer.filters

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, filters, H / stride, W / stride)."""
        y: Tensor = self.main(x)
        return x + y if self.residual else y


class BlockNetwork(nn.Sequential):
    """Stem, layers in a row, 1x1 convolution, global average and linear layer."""

    def __init__(self, plan: BlockPlan, shape: TaskShape) -> None:
        layers = [module(layer) for layer in plan.layers]
        super().__init__(
            convolution(shape.inputs, plan.stem, 3, stride=plan.stem_stride),
            *layers,
            convolution(plan.layers[-1].filters, plan.head, 1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(plan.head, shape.outputs),
        )


def module(layer: Layer) -> nn.Module:
    """The module of one layer."""
    if layer.expansion:
        return InvertedBottleneck(layer)
    if layer.stride == 1 and layer.channels == layer.filters:
        return nn.Identity()
    return convolution(layer.channels, layer.filters, 1, stride=layer.stride, act=False)
