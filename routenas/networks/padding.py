"""Graphs of different sizes as arrays of one size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from searchspaces.space import Graph


def padded(graphs: Sequence[Graph]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Graphs as arrays: operations int64 (n, v), adjacency bool (n, v, v), present bool (n, v); padding is 0."""
    largest = max(len(graph.operations) for graph in graphs)
    operations = np.zeros((len(graphs), largest), np.int64)
    adjacency = np.zeros((len(graphs), largest, largest), bool)
    present = np.zeros((len(graphs), largest), bool)
    for i, graph in enumerate(graphs):
        count = len(graph.operations)
        operations[i, :count] = graph.operations
        adjacency[i, :count, :count] = graph.adjacency
        present[i, :count] = True
    return operations, adjacency, present
