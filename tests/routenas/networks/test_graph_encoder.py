from __future__ import annotations

import numpy as np
import torch

from routenas.networks.graph_encoder import GraphEncoder, stacked
from routenas.networks.padding import padded
from searchspaces.nasbench101 import NasBench101Space
from searchspaces.nasbench201 import NasBench201Space
from searchspaces.operators import seeded

SPACE = NasBench201Space()


def test_the_graph_encoder_does_not_see_the_order_of_vertices() -> None:
    graph = SPACE.graph(SPACE.from_key("013420"))
    order = np.random.default_rng(0).permutation(len(graph.operations))
    turned = type(graph)(graph.operations[order], graph.adjacency[np.ix_(order, order)], graph.operation_names)
    encoder = seeded(lambda: GraphEncoder(len(graph.operation_names)), 0)
    other = SPACE.graph(SPACE.from_key("013421"))
    found = encoder(*stacked([graph, turned, other]))
    torch.testing.assert_close(found[0], found[1])
    assert not torch.allclose(found[0], found[2])


def test_graphs_of_different_sizes_are_padded_with_nothing() -> None:
    space = NasBench101Space()
    graphs = [space.graph(genotype) for genotype in space.sample_many(np.random.default_rng(1), 20)]
    operations, adjacency, present = padded(graphs)
    assert len({len(graph.operations) for graph in graphs}) > 1
    for i, graph in enumerate(graphs):
        count = len(graph.operations)
        assert operations[i].tolist() == [*graph.operations, *[0] * (operations.shape[1] - count)]
        assert present[i].sum() == count
        assert adjacency[i].sum() == graph.adjacency.sum() == adjacency[i, :count, :count].sum()
