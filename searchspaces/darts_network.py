"""The torch modules of the cells of DARTS (arXiv 1806.09055). Tensors are (B, C, H, W)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from searchspaces.operators import pad_to_multiple
from searchspaces.plans import CellEdges
from searchspaces.space import TaskShape


def convolution(channels: int, filters: int, kernel: int = 1) -> nn.Sequential:
    """ReLU, "same" convolution of stride 1, batch normalisation."""
    conv = nn.Conv2d(channels, filters, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(filters))


def depthwise(channels: int, kernel: int, stride: int, dilation: int = 1) -> nn.Sequential:
    """ReLU, depth-wise and point-wise convolution, batch normalisation."""
    padding = dilation * (kernel - 1) // 2
    spread = nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False)
    return nn.Sequential(nn.ReLU(), spread, nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))


class Halving(nn.Module):
    """Half the size, rounded up, by 1x1 convolutions of stride 2: half of the filters see odd tiles, half even ones."""

    def __init__(self, channels: int, filters: int) -> None:
        super().__init__()
        self.even = nn.Conv2d(channels, filters - filters // 2, 1, 2, bias=False)
        self.odd = nn.Conv2d(channels, filters // 2, 1, 2, bias=False)
        self.norm = nn.BatchNorm2d(filters)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, filters, H / 2, W / 2), rounded up."""
        x = pad_to_multiple(x.relu(), 2)
        result: Tensor = self.norm(torch.cat([self.even(x), self.odd(x[..., 1:, 1:])], dim=1))
        return result


class DropPath(nn.Module):
    """In training the answers for some examples are zero, and the others larger by as much."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        if not self.training:
            return x
        kept = 1 - self.probability
        return x * (torch.rand(len(x), 1, 1, 1, dtype=x.dtype, device=x.device) < kept) / kept


class Cell(nn.Module):
    """Nodes 0 and 1 are the outputs of the two cells before; the output concatenates nodes 2 to 5."""

    def __init__(self, edges: CellEdges, before: nn.Module, last: nn.Module, filters: int, stride: int, drop: float):
        super().__init__()
        self.before, self.last = before, last
        self.tails = [tail for _, tail in edges]
        self.operations = nn.ModuleList()
        for name, tail in edges:
            module = operation(name, filters, stride if tail < 2 else 1)
            dropped = drop and not isinstance(module, nn.Identity)
            self.operations.append(nn.Sequential(module, DropPath(drop)) if dropped else module)

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """The outputs of the cell before the last one and of the last one to (B, 4 filters, H, W)."""
        nodes = [self.before(before), self.last(last)]
        for first in range(0, len(self.tails), 2):
            a, b = (self.operations[i](nodes[self.tails[i]]) for i in (first, first + 1))
            nodes.append(a + b)
        return torch.cat(nodes[2:], dim=1)


class DartsNetwork(nn.Module):
    """Stem, cells, head; see `searchspaces.darts.DartsSpace.build`."""

    def __init__(
        self, normal: CellEdges, reduction: CellEdges, shape: TaskShape, channels: int, cells: int, drop: float
    ) -> None:
        super().__init__()
        keeps_size = shape.output == "map"
        width = 3 * channels
        self.stem = nn.Sequential(nn.Conv2d(shape.inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        self.cells = nn.ModuleList()
        before, last, halved = width, width, False
        for number in range(cells):
            reduces = number in (cells // 3, 2 * cells // 3)
            stride = 2 if reduces and not keeps_size else 1
            channels *= stride
            entries = (Halving if halved else convolution)(before, channels), convolution(last, channels)
            edges = reduction if reduces else normal
            self.cells.append(Cell(edges, *entries, channels, stride, drop))
            before, last, halved = last, len(edges) // 2 * channels, stride == 2
        pooled = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(last, shape.outputs))
        self.head = nn.Conv2d(last, shape.outputs, 1) if keeps_size else nn.Sequential(*pooled)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to logits (B, outputs) or a map (B, outputs, H, W)."""
        before = last = self.stem(x)
        for cell in self.cells:
            before, last = last, cell(before, last)
        result: Tensor = self.head(last)
        return result


def operation(name: str, channels: int, stride: int) -> nn.Module:
    """The module of an operation: (B, channels, H, W) to the same channels, the size divided by ``stride``."""
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else Halving(channels, channels)
    kernel = int(name[-1])
    if name.startswith("max_pool"):
        return nn.MaxPool2d(kernel, stride, kernel // 2)
    if name.startswith("avg_pool"):
        return nn.AvgPool2d(kernel, stride, kernel // 2, count_include_pad=False)
    if name.startswith("dil_conv"):
        return depthwise(channels, kernel, stride, dilation=2)
    return nn.Sequential(depthwise(channels, kernel, stride), depthwise(channels, kernel, 1))
