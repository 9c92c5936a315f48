"""The torch modules of the NAS-Bench-101 cell (arXiv 1902.09635). Tensors are (B, C, H, W)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from searchspaces.space import TaskShape


class ConvNormRelu(nn.Sequential):
    """ "Same" convolution, batch normalisation, ReLU."""

    def __init__(self, channels: int, filters: int, kernel: int) -> None:
        conv = nn.Conv2d(channels, filters, kernel, padding=kernel // 2, bias=False)
        super().__init__(conv, nn.BatchNorm2d(filters), nn.ReLU())


class Cell(nn.Module):
    """A DAG of operations. Inner vertices sum their inputs, the output concatenates its inner ones.

    Every edge from the input is a 1x1 convolution to the channels it needs; that to the output is added. A vertex
    that gets more channels than it has takes the first of them.
    """

    def __init__(self, adjacency: np.ndarray, operations: tuple[str, ...], channels: int, filters: int) -> None:
        super().__init__()
        last = len(adjacency) - 1
        self.filters = vertex_filters(adjacency, filters)
        self.into = [[u for u in range(1, v) if adjacency[u, v]] for v in range(last + 1)]
        self.projections = nn.ModuleDict(
            {str(v): ConvNormRelu(channels, self.filters[v], 1) for v in range(1, last + 1) if adjacency[0, v]}
        )
        self.operations = nn.ModuleList(
            nn.MaxPool2d(3, stride=1, padding=1)
            if name == "maxpool3x3"
            else ConvNormRelu(self.filters[v], self.filters[v], {"conv1x1": 1, "conv3x3": 3}[name])
            for v, name in enumerate(operations, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, filters, H, W)."""
        vertices = [x]
        for v, operation in enumerate(self.operations, 1):
            terms = [vertices[u][:, : self.filters[v]] for u in self.into[v]]
            vertices.append(operation(self._with_projection(v, terms, x)))
        inner = [vertices[u] for u in self.into[-1]]
        return self._with_projection(len(vertices), [torch.cat(inner, dim=1)] if inner else [], x)

    def _with_projection(self, vertex: int, terms: list[Tensor], x: Tensor) -> Tensor:
        if str(vertex) in self.projections:
            terms.append(self.projections[str(vertex)](x))
        return sum(terms[1:], terms[0])


class Network(nn.Sequential):
    """Stem, stacks of one cell repeated, global average and linear layer."""

    def __init__(
        self,
        adjacency: np.ndarray,
        operations: tuple[str, ...],
        shape: TaskShape,
        channels: int,
        stacks: int,
        cells: int,
    ) -> None:
        parts: list[nn.Module] = [ConvNormRelu(shape.inputs, channels, 3)]
        filters = channels
        for stack in range(stacks):
            if stack:
                parts.append(nn.MaxPool2d(2, ceil_mode=True))
                filters *= 2
            for _ in range(cells):
                parts.append(Cell(adjacency, operations, channels, filters))
                channels = filters
        super().__init__(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, shape.outputs))


def vertex_filters(adjacency: np.ndarray, filters: int) -> list[int]:
    """The channels of each vertex but the input (0 there).

    The output's are shared equally among the inner vertices it concatenates, the first ones taking what is left over;
    any other vertex has as many as the widest of its successors.
    """
    last = len(adjacency) - 1
    result = [0] * last + [filters]
    joined = [v for v in range(1, last) if adjacency[v, last]]
    for i, v in enumerate(joined):
        result[v] = filters // len(joined) + (i < filters % len(joined))
    for v in range(last - 1, 0, -1):
        if not adjacency[v, last]:
            result[v] = max(result[w] for w in range(v + 1, last) if adjacency[v, w])
    return result
