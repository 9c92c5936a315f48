"""What is used of torch-geometric, imported without its own warnings, and the answer for whole graphs."""

from __future__ import annotations

import warnings

from torch import Tensor, nn

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # torch-geometric's own, of torch.jit, when it is imported
    try:
        from torch_geometric import nn as layers  # type: ignore[import-untyped]
        from torch_geometric.utils import (  # type: ignore[import-untyped]
            add_remaining_self_loops,
            scatter,
            softmax,
        )
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "torch_geometric":
            raise
        raise ImportError("graph networks need torch-geometric: pip install torch-geometric") from None

__all__ = ["GraphAverage", "add_remaining_self_loops", "layers", "scatter", "softmax"]


class GraphAverage(nn.Module):
    """The logits of a graph are the mean of those of its nodes, which ``nodes`` gives."""

    def __init__(self, nodes: nn.Module) -> None:
        super().__init__()
        self.nodes = nodes

    def forward(self, x: Tensor, edge_index: Tensor, batch: Tensor) -> Tensor:
        """(N, inputs), (2, E) and each node's graph (N,), 0 to B - 1, to (B, outputs)."""
        result: Tensor = scatter(self.nodes(x, edge_index), batch, reduce="mean")
        return result
