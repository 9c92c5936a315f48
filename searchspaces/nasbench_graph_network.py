"""The torch modules of the NAS-Bench-Graph cell (arXiv 2206.09166). Node features are (N, C), edges (2, E)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from searchspaces.geometric_network import layers
from searchspaces.plans import Links, sinks
from searchspaces.space import TaskShape

_LOCAL = ("fc", "skip")
_CONVOLUTIONS = {"gcn": "GCNConv", "sage": "SAGEConv", "arma": "ARMAConv", "graph": "GraphConv"}


class GraphNetwork(nn.Module):
    """Linear layer, cell, linear layer; ELU and dropout between them and after every operation but a skip."""

    def __init__(
        self, links: Links, operations: tuple[str, ...], shape: TaskShape, hidden: int, dropout: float
    ) -> None:
        super().__init__()
        self.links, self.names, self.dropout = links, operations, dropout
        self.before = nn.Linear(shape.inputs, hidden)
        self.operations = nn.ModuleList(operation(name, hidden) for name in operations)
        self.after = nn.Linear(hidden * len(sinks(links)), shape.outputs)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """(N, inputs) and (2, E) to (N, outputs)."""
        nodes = [functional.elu(self.before(self._dropped(x)))]
        for link, name, module in zip(self.links, self.names, self.operations, strict=True):
            y = nodes[link]
            if name != "skip":
                y = self._dropped(y)
                y = functional.elu(module(y) if name in _LOCAL else module(y, edge_index))
            nodes.append(y)
        outputs = torch.cat([nodes[node] for node in sinks(self.links)], dim=1)
        result: Tensor = self.after(self._dropped(outputs))
        return result

    def _dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


def operation(name: str, hidden: int) -> nn.Module:
    """The module of an operation: (N, hidden) and, unless it is "fc" or "skip", edges (2, E), to (N, hidden)."""
    if name == "gat":
        module = layers.GATConv(hidden, hidden // 2, heads=2)
    elif name == "gin":
        module = layers.GINConv(nn.Linear(hidden, hidden))
    elif name == "cheb":
        module = layers.ChebConv(hidden, hidden, K=2)
    elif name in _LOCAL:
        module = nn.Linear(hidden, hidden) if name == "fc" else nn.Identity()
    else:
        module = getattr(layers, _CONVOLUTIONS[name])(hidden, hidden)
    assert isinstance(module, nn.Module)
    return module
