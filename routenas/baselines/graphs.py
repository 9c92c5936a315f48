"""GCN, GAT, GraphSAGE and GIN for the classes of nodes, and of whole graphs: the mean of their nodes' answers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from searchspaces.geometric_network import layers as geometric
from searchspaces.geometric_network import scatter
from searchspaces.space import TaskShape


class GCN(nn.Module):
    """Two layers (Kipf & Welling, ICLR 2017): (N, inputs) and edges (2, E) to logits (N, outputs).

    Of whole graphs, with the graph of each node as a third argument, (G, outputs). ``hidden`` features, ``dropout`` of
    what goes into each layer: by default the paper's for nodes, none for whole graphs, whose nodes have few features.
    """

    activation: Callable[[Tensor], Tensor] = staticmethod(functional.relu)
    rate = 0.5

    def __init__(self, shape: TaskShape, hidden: int = 16, dropout: float | None = None) -> None:
        super().__init__()
        default = self.rate if shape.output == "nodes" else 0.0
        self.output, self.dropout = shape.output, default if dropout is None else dropout
        self.first, self.second = self.layers(shape, hidden)

    def layers(self, shape: TaskShape, hidden: int) -> tuple[nn.Module, nn.Module]:
        """The two layers."""
        return geometric.GCNConv(shape.inputs, hidden), geometric.GCNConv(hidden, shape.outputs)

    def forward(self, x: Tensor, edges: Tensor, graph: Tensor | None = None) -> Tensor:
        """See the class."""
        x = functional.dropout(x, self.dropout, self.training)
        x = self.activation(self.first(x, edges))
        x = functional.dropout(x, self.dropout, self.training)
        x = self.second(x, edges)
        return x if graph is None else scatter(x, graph, reduce="mean")

    @classmethod
    def sized(cls, shape: TaskShape, parameters: int) -> dict[str, Any]:
        """The options of a network of as many parameters as can be without more, one hidden feature at least."""
        return {"hidden": bisect_right(range(1, 4097), parameters, lo=1, key=lambda hidden: cls._count(shape, hidden))}

    @classmethod
    def _count(cls, shape: TaskShape, hidden: int) -> int:
        with torch.device("meta"):
            return sum(parameter.numel() for parameter in cls(shape, hidden=hidden).parameters())


class GAT(GCN):
    """Graph attention (Velickovic et al., ICLR 2018): eight heads of ``hidden`` features, then one, dropout 0.6."""

    activation = staticmethod(functional.elu)
    rate = 0.6

    def __init__(self, shape: TaskShape, hidden: int = 8, dropout: float | None = None) -> None:
        super().__init__(shape, hidden, dropout)

    def layers(self, shape: TaskShape, hidden: int) -> tuple[nn.Module, nn.Module]:
        """See `GCN`; the weights of neighbours are dropped out, too."""
        return (
            geometric.GATConv(shape.inputs, hidden, heads=8, dropout=self.dropout),
            geometric.GATConv(8 * hidden, shape.outputs, heads=1, concat=False, dropout=self.dropout),
        )


class SAGE(GCN):
    """GraphSAGE with the mean of neighbours (Hamilton et al., NeurIPS 2017)."""

    def __init__(self, shape: TaskShape, hidden: int = 64, dropout: float | None = None) -> None:
        super().__init__(shape, hidden, dropout)

    def layers(self, shape: TaskShape, hidden: int) -> tuple[nn.Module, nn.Module]:
        """See `GCN`."""
        return geometric.SAGEConv(shape.inputs, hidden), geometric.SAGEConv(hidden, shape.outputs)


class GIN(GCN):
    """Graph isomorphism network (Xu et al., ICLR 2019): sums of neighbours through a perceptron."""

    def __init__(self, shape: TaskShape, hidden: int = 64, dropout: float | None = None) -> None:
        super().__init__(shape, hidden, dropout)

    def layers(self, shape: TaskShape, hidden: int) -> tuple[nn.Module, nn.Module]:
        """See `GCN`."""
        return geometric.GINConv(_perceptron(shape.inputs, hidden, hidden)), geometric.GINConv(
            _perceptron(hidden, hidden, shape.outputs)
        )


def _perceptron(inputs: int, hidden: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
