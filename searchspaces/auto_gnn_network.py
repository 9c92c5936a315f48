"""The torch modules of Auto-GNN (arXiv 1909.03184). Node features are (N, C), edges (2, E), heads (N, K, C)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from searchspaces.geometric_network import add_remaining_self_loops, scatter, softmax
from searchspaces.plans import GraphLayer
from searchspaces.space import TaskShape

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "linear": lambda x: x,
    "softplus": functional.softplus,
    "leaky_relu": functional.leaky_relu,
    "relu6": functional.relu6,
    "elu": functional.elu,
}
SLOPE = 0.2


class Attention(nn.Module):
    """How much an edge j > i counts, of projected features x and weights l, r, a for each head (GraphNAS, table 1).

    const 1; gcn 1 / sqrt(degree i * degree j). All others are a softmax over the edges into a node, of: gat
    leaky_relu(l x_i + r x_j), products of vectors; sym-gat that of both directions added; cos the product of l * x_i
    and r * x_j; linear tanh(r x_j); gene-linear a tanh(l * x_i + r * x_j).
    """

    def __init__(self, name: str, heads: int, features: int) -> None:
        super().__init__()
        self.name = name
        weights = {"const": "", "gcn": "", "linear": "r", "gene-linear": "lra"}.get(name, "lr")
        self.weights = nn.ParameterDict(
            {each: nn.init.xavier_uniform_(torch.empty(heads, features)) for each in weights}
        )

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        """(N, K, C) and (2, E) to (E, K) or (E, 1)."""
        j, i = edges
        if self.name == "const":
            return x.new_ones(len(i), 1)
        if self.name == "gcn":
            root: Tensor = scatter(x.new_ones(len(i)), i, dim_size=len(x), reduce="sum").rsqrt()
            return (root[i] * root[j]).unsqueeze(1)
        result: Tensor = softmax(self._scores(x, i, j), i, num_nodes=len(x))
        return result

    def _scores(self, x: Tensor, i: Tensor, j: Tensor) -> Tensor:
        right: Tensor = x * self.weights["r"]
        if self.name == "linear":
            return right.sum(-1).tanh()[j]
        left: Tensor = x * self.weights["l"]
        if self.name == "cos":
            return (left[i] * right[j]).sum(-1)
        if self.name == "gene-linear":
            bent: Tensor = (left[i] + right[j]).tanh() * self.weights["a"]
            return bent.sum(-1)
        to, from_ = left.sum(-1), right.sum(-1)
        scores = functional.leaky_relu(to[i] + from_[j], SLOPE)
        return scores + functional.leaky_relu(to[j] + from_[i], SLOPE) if self.name == "sym-gat" else scores


class AutoGnnLayer(nn.Module):
    """One layer: see `searchspaces.auto_gnn.AutoGnnSpace`. Heads are concatenated, or ``averaged``."""

    def __init__(self, layer: GraphLayer, inputs: int, features: int, dropout: float, *, averaged: bool) -> None:
        super().__init__()
        self.heads, self.averaged, self.dropout = layer.heads, averaged, dropout
        self.activation = ACTIVATIONS[layer.activation]
        self.outputs = features if averaged else layer.heads * features
        self.project = nn.Linear(inputs, layer.heads * features, bias=False)
        self.attention = Attention(layer.attention, layer.heads, features)
        self.reduce = "sum" if layer.aggregator == "mlp" else layer.aggregator
        self.aggregator = perceptron(features, features) if layer.aggregator == "mlp" else nn.Identity()
        self.combine = perceptron(2 * self.outputs, self.outputs) if layer.combine == "mlp" else None
        self.bias = nn.Parameter(torch.zeros(self.outputs))
        nn.init.xavier_uniform_(self.project.weight)

    def forward(self, x: Tensor, edges: Tensor) -> Tensor:
        """(N, inputs) and (2, E), which have each node's edge to itself, to (N, outputs)."""
        own = self.project(self._dropped(x)).unflatten(1, (self.heads, -1))
        share = self._dropped(self.attention(own, edges))
        j, i = edges
        y = self.aggregator(scatter(own[j] * share.unsqueeze(-1), i, dim_size=len(x), reduce=self.reduce))
        if self.combine is None:
            return self.activation(self._merged(y) + self.bias)
        return self.activation(self.combine(torch.cat([self._merged(own), self._merged(y)], dim=1)) + self.bias)

    def _merged(self, x: Tensor) -> Tensor:
        return x.mean(1) if self.averaged else x.flatten(1)

    def _dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


class AutoGnnNetwork(nn.Module):
    """Layers in a row; the last one's answer has the outputs of the task."""

    def __init__(self, layers: tuple[GraphLayer, ...], shape: TaskShape, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        features = shape.inputs
        for layer in layers:
            last = not layer.hidden
            hidden = shape.outputs if last else layer.hidden
            self.layers.append(AutoGnnLayer(layer, features, hidden, dropout, averaged=last))
            features = layer.heads * hidden

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """(N, inputs) and (2, E) to (N, outputs)."""
        edges, _ = add_remaining_self_loops(edge_index, num_nodes=len(x))
        for layer in self.layers:
            x = layer(x, edges)
        return x


def perceptron(inputs: int, outputs: int) -> nn.Sequential:
    """Two linear layers with ReLU between them, each of ``outputs`` features."""
    return nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU(), nn.Linear(outputs, outputs))
