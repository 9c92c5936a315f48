"""The bidirectional graph network that every learned judge of architectures shares."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from routenas.networks.padding import padded
from searchspaces.space import Graph


class GraphEncoder(nn.Module):
    """Architectures as graphs to vectors (n, width).

    Each layer averages over predecessors (rows of the adjacency with self-loops, normalised) with one weight and over
    successors with another, and takes the mean of both (Wen et al., ECCV 2020, arXiv 1912.00848). The vector is the
    mean over the graph's vertices.
    """

    def __init__(self, operations: int, width: int = 64, layers: int = 3) -> None:
        super().__init__()
        self.embedding = nn.Embedding(operations, width)
        self.forward_weights = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.backward_weights = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))

    def forward(self, operations: Tensor, adjacency: Tensor, present: Tensor) -> Tensor:
        """Operations int64 (n, v), adjacency (n, v, v) and presence (n, v) of vertices, as `stacked` gives them."""
        loops = torch.diag_embed(present)
        successors = _normalised(adjacency + loops)
        predecessors = _normalised(adjacency.transpose(1, 2) + loops)
        hidden = self.embedding(operations)
        for there, back in zip(self.forward_weights, self.backward_weights, strict=True):
            hidden = torch.relu(0.5 * (predecessors @ there(hidden) + successors @ back(hidden)))
        weights = present / present.sum(dim=1, keepdim=True)
        return torch.einsum("nv,nvw->nw", weights, hidden)


def _normalised(adjacency: Tensor) -> Tensor:
    return adjacency / adjacency.sum(dim=2, keepdim=True).clamp(min=1.0)


def stacked(graphs: Sequence[Graph]) -> tuple[Tensor, Tensor, Tensor]:
    """Graphs padded to the largest, for `GraphEncoder`."""
    operations, adjacency, present = map(torch.from_numpy, padded(graphs))
    return operations, adjacency.float(), present.float()
