"""Guide-DAGs against brute force, published statistics and the functions of the networks that they mean."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from searchspaces.dags import Edge, all_edges, embedded, prune, relabelled, softmax_out, walk
from searchspaces.flexible_network import DagModule
from searchspaces.plans import Dag
from tests.searchspaces.weights import all_ones

EDGES = all_edges(7)

graphs = st.tuples(
    st.lists(st.integers(0, 2), min_size=7, max_size=7),
    st.lists(st.booleans(), min_size=len(EDGES), max_size=len(EDGES)),
)


def same_function(a: tuple[dict[int, int], set[Edge]], b: tuple[dict[int, int], set[Edge]]) -> bool:
    outputs = []
    for operations, edges in (a, b):
        names = tuple((v, ("conv1x1", "conv3x3_wide", "dilated2")[op]) for v, op in operations.items())
        module = DagModule(3, Dag(names, tuple(sorted(edges))), 4, batch_norm=False)
        all_ones(module)
        x = torch.rand(1, 3, 6, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        outputs.append(module.double()(x).sum(1))
    return torch.allclose(*outputs)


def test_published_statistics_of_the_walk_at_equal_weights() -> None:
    # 50,000 samples of the published rule, simulated independently: 1.92 vertices, 2.38 edges, 34 % empty.
    rng = np.random.default_rng(0)
    keep = softmax_out(7, np.ones(28))
    samples = [walk(7, keep, rng) for _ in range(20_000)]
    assert np.mean([len({v for _, v in edges}) for edges in samples]) == pytest.approx(1.92, abs=0.03)
    assert np.mean([len(edges) for edges in samples]) == pytest.approx(2.38, abs=0.05)
    assert np.mean([not edges for edges in samples]) == pytest.approx((6 / 7) ** 7, abs=0.01)


def test_prune_by_hand() -> None:
    assert prune([(0, 2), (1, 2), (1, 3), (2, 4), (5, 6)]) == {(0, 2), (2, 4)}


@given(graphs, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_relabelling_does_not_see_the_order_and_keeps_the_function(graph, random) -> None:  # type: ignore[no-untyped-def]
    edges = prune(edge for edge, kept in zip(EDGES, graph[1], strict=True) if kept)
    operations = {v: graph[0][v - 1] for v in {v for _, v in edges}}
    to = dict(zip(operations, random.sample(range(1, 100), len(operations)), strict=True)) | {0: 0}
    moved = {to[v]: op for v, op in operations.items()}, {(to[u], to[v]) for u, v in edges}
    # Vertex numbers of `moved` need not be in topological order, only the edges matter.
    order = sorted(moved[0], key=lambda v: _depth(v, moved[1]))
    up = {v: i for i, v in enumerate(order, 1)} | {0: 0}
    moved = {up[v]: op for v, op in moved[0].items()}, {(up[u], up[v]) for u, v in moved[1]}
    names, kept = relabelled(operations, edges)
    assert relabelled(*moved) == (names, kept)
    assert same_function((operations, edges), (dict(enumerate(names, 1)), set(kept)))


def test_relabelling_separates_all_small_dags_that_brute_force_separates() -> None:
    forms: dict[object, object] = {}
    for mask in range(2**10):
        edges = {edge for i, edge in enumerate(all_edges(4)) if mask >> i & 1}
        if prune(edges) != edges:
            continue
        vertices = sorted({v for _, v in edges})
        brute = min(
            tuple(sorted((to[u], to[v]) for u, v in edges))
            for way in permutations(range(1, len(vertices) + 1))
            for to in [dict(zip(vertices, way, strict=True)) | {0: 0}]
        )
        form = relabelled(dict.fromkeys(vertices, 0), edges)
        assert forms.setdefault(brute, form) == form
    assert len(set(forms.values())) == len(forms)


@given(graphs, st.permutations([0, 1, 2, 0, 1, 2, 2]))
@settings(deadline=None)
def test_embedding_keeps_the_function(graph, frame) -> None:  # type: ignore[no-untyped-def]
    edges = prune(edge for edge, kept in zip(EDGES, graph[1], strict=True) if kept)
    operations = {v: frame[v - 1] for v in {v for _, v in edges}}
    placed = embedded(operations, edges, frame)
    assert placed is not None
    again = {v: frame[v - 1] for v in {v for _, v in placed}}
    assert embedded(again, set(placed), frame) == placed
    assert same_function((operations, edges), (again, set(placed)))


def test_embedding_by_hand() -> None:
    frame = [0, 1, 0, 1]  # vertices 3 and 4, placed on 1 and 2
    assert embedded({3: 0, 4: 1}, {(0, 3), (3, 4)}, frame) == ((0, 1), (1, 2))
    assert embedded({2: 1, 3: 0}, {(0, 2), (2, 3)}, frame) == ((0, 2), (2, 3))
    assert embedded({1: 5}, {(0, 1)}, frame) is None


def _depth(vertex: int, edges: set[Edge]) -> int:
    return 0 if vertex == 0 else 1 + max(_depth(u, edges) for u, v in edges if v == vertex)
