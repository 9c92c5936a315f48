"""The torch modules of the NAS-Bench-201 cell (arXiv 2001.00326). Tensors are (B, C, H, W)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from searchspaces.dags import Edge
from searchspaces.space import TaskShape


class PreActivation(nn.Sequential):
    """ReLU, "same" convolution, batch normalisation."""

    def __init__(self, channels: int, filters: int, kernel: int, stride: int = 1) -> None:
        conv = nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=False)
        super().__init__(nn.ReLU(), conv, nn.BatchNorm2d(filters))


class Cell(nn.Module):
    """Nodes 0, 1, ... of equal shape: each is the sum of its incoming edges' operations; the last is the output."""

    def __init__(self, operations: Mapping[Edge, str], channels: int) -> None:
        super().__init__()
        self.nodes = 1 + max(v for _, v in operations)
        self.operations = nn.ModuleDict(
            {f"{u}-{v}": operation(name, channels) for (u, v), name in operations.items() if name != "none"}
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        nodes = [x]
        for v in range(1, self.nodes):
            incoming = [self.operations[key](nodes[u]) for u in range(v) if (key := f"{u}-{v}") in self.operations]
            nodes.append(sum(incoming[1:], incoming[0]) if incoming else torch.zeros_like(x))
        return nodes[-1]


class Reduction(nn.Module):
    """A residual block of stride 2: two 3x3 convolutions beside a 2x2 average and a 1x1 convolution."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.main = nn.Sequential(PreActivation(channels, filters, 3, stride=2), PreActivation(filters, filters, 3))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), nn.Conv2d(channels, filters, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, filters, H / 2, W / 2), rounded up."""
        result: Tensor = self.main(x) + self.shortcut(x)
        return result


class CellNetwork(nn.Sequential):
    """Stem, three stages of one cell repeated, global average and linear layer."""

    def __init__(self, operations: Mapping[Edge, str], shape: TaskShape, channels: int, cells: int) -> None:
        parts: list[nn.Module] = [nn.Conv2d(shape.inputs, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)]
        for stage in range(3):
            if stage:
                parts.append(Reduction(channels, 2 * channels))
                channels *= 2
            parts += [Cell(operations, channels) for _ in range(cells)]
        parts += [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        super().__init__(*parts, nn.Linear(channels, shape.outputs))


def operation(name: str, channels: int) -> nn.Module:
    """The module of an operation of the cell, all but "none": (B, channels, H, W) to the same shape."""
    if name == "skip":
        return nn.Identity()
    if name == "avgpool3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return PreActivation(channels, channels, {"conv1x1": 1, "conv3x3": 3}[name])
