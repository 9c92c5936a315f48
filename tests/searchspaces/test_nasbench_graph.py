"""The NAS-Bench-Graph space against the published counts and the package that ships the benchmark."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from searchspaces.nasbench_graph import LINKS, OPERATIONS, NasBenchGraphSpace
from searchspaces.space import Genotype, TaskShape

SPACE, PROTEINS = NasBenchGraphSpace(), NasBenchGraphSpace(operations=5)
ALL_LINKS = list(product(range(1), range(2), range(3), range(4)))


@pytest.fixture(scope="module")
def members() -> list[Genotype]:
    return list(SPACE.enumerate())


def test_sizes_are_the_published_ones(members: list[Genotype]) -> None:
    assert len(members) == SPACE.count() == 26_206
    assert len(list(PROTEINS.enumerate())) == PROTEINS.count() == 2_021
    assert SPACE.size == 9 * 9**4
    with pytest.raises(ValueError, match="9 operations, or 5 for proteins, not 7"):
        NasBenchGraphSpace(operations=7)


def test_keys_are_those_of_the_benchmark(members: list[Genotype]) -> None:
    benchmark = pytest.importorskip("nas_bench_graph", exc_type=ImportError)
    assert {SPACE.key(genotype) for genotype in members} == set(benchmark.light_read("cora"))
    assert {PROTEINS.key(genotype) for genotype in PROTEINS.enumerate()} == set(benchmark.light_read("proteins"))


def test_canonical_form_is_that_of_the_benchmark() -> None:
    pytest.importorskip("nas_bench_graph", exc_type=ImportError)
    from nas_bench_graph.architecture import Arch

    rng = np.random.default_rng(0)
    for links in ALL_LINKS:
        for _ in range(40):
            names = tuple(OPERATIONS[i] for i in rng.choice([0, 1, 7, 8, 8, 8], 4))
            if set(names) != {"skip"}:
                assert SPACE.key(SPACE.from_cell(links, names)) == Arch(list(links), list(names)).valid_hash()


def test_every_order_of_nodes_has_one_form() -> None:
    # (0, 0, 1, 2) and (0, 0, 2, 1): two chains of two, written in two ways.
    a = SPACE.from_cell((0, 0, 1, 2), ("gcn", "gat", "gin", "fc"))
    b = SPACE.from_cell((0, 0, 2, 1), ("gat", "gcn", "gin", "fc"))
    c = SPACE.from_cell((0, 1, 0, 3), ("gat", "fc", "gcn", "gin"))
    assert a == b == c
    assert a != SPACE.from_cell((0, 0, 1, 2), ("gcn", "gat", "fc", "gin"))


def test_skips_by_hand() -> None:
    forms = {
        SPACE.from_cell((0, 1, 2, 3), names)
        for names in (("skip", "gcn", "gat", "fc"), ("gcn", "gat", "fc", "skip"), ("gcn", "skip", "gat", "fc"))
    }
    assert {SPACE.cell(form) for form in forms} == {((0, 1, 2, 3), ("skip", "gcn", "gat", "fc"))}
    # Beside another successor of a node, a skip has an effect: the node becomes an output, too.
    kept = SPACE.from_cell((0, 1, 1, 2), ("gcn", "gat", "skip", "fc"))
    assert SPACE.cell(kept) == ((0, 1, 1, 2), ("gcn", "gat", "skip", "fc"))
    with pytest.raises(ValueError, match="not a legal architecture"):
        SPACE.from_cell((0, 0, 0, 0), ("skip",) * 4)


def test_graph_by_hand() -> None:
    graph = SPACE.graph(SPACE.from_cell((0, 0, 1, 1), ("fc", "gat", "gcn", "gin")))
    assert [graph.operation_names[i] for i in graph.operations] == ["input", "fc", "gat", "gcn", "gin", "output"]
    assert np.argwhere(graph.adjacency).tolist() == [[0, 1], [0, 2], [1, 3], [1, 4], [2, 5], [3, 5], [4, 5]]


@pytest.mark.parametrize("links", [(0, 2, 0, 0), (0, 0, 0), (1, 0, 0, 0), (0, 0, 0, -1)])
def test_links_must_lead_back(links: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="each before its node"):
        SPACE.from_cell(links, ("gcn",) * 4)


def test_networks_take_sparse_graphs() -> None:
    pytest.importorskip("torch_geometric", exc_type=ImportError)
    import torch

    edges = torch.tensor([[0, 1, 2, 4], [1, 2, 3, 4]])
    for i in range(0, 9, 3):
        for links in LINKS:
            genotype = SPACE.from_cell(links, (*OPERATIONS[i : i + 3], "gcn"))
            network = NasBenchGraphSpace(hidden=8).build(genotype, TaskShape(6, 3, "nodes"), seed=0)
            y = network.eval()(torch.rand(5, 6), edges)
            assert y.shape == (5, 3)
            assert y.isfinite().all()


def test_a_graph_is_the_mean_of_its_nodes() -> None:
    pytest.importorskip("torch_geometric", exc_type=ImportError)
    import torch

    edges = torch.tensor([[0, 1, 2, 4], [1, 2, 3, 4]])
    space, genotype = NasBenchGraphSpace(hidden=8), SPACE.from_cell((0, 0, 1, 2), ("gat", "gcn", "sage", "fc"))
    nodes, graphs = (space.build(genotype, TaskShape(6, 3, output), seed=0).eval() for output in ("nodes", "graphs"))
    y = nodes(torch.ones(5, 6), edges)
    expected = torch.stack([y[:4].mean(0), y[4]])
    assert torch.allclose(graphs(torch.ones(5, 6), edges, torch.tensor([0, 0, 0, 0, 1])), expected, atol=1e-6)
