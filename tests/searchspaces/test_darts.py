"""The cells of DARTS against the paper's numbers, brute force and sums by hand."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import torch

from searchspaces.darts import NODES, OPERATIONS, PAIRS, DartsSpace
from searchspaces.darts_network import DartsNetwork, DropPath, Halving, operation
from searchspaces.operators import multiply_adds
from searchspaces.plans import CellEdges
from searchspaces.space import TaskShape
from tests.searchspaces.weights import all_ones

SPACE = DartsSpace()
MAX, AVERAGE, SKIP, SEPARABLE, WIDE, DILATED, WIDE_DILATED = OPERATIONS
# The second-order cells of the paper (figures 4 and 5).
NORMAL = (
    (SEPARABLE, 0),
    (SEPARABLE, 1),
    (SEPARABLE, 0),
    (SEPARABLE, 1),
    (SEPARABLE, 1),
    (SKIP, 0),
    (SKIP, 0),
    (DILATED, 2),
)
REDUCTION = ((MAX, 0), (MAX, 1), (SKIP, 2), (MAX, 1), (MAX, 0), (SKIP, 2), (SKIP, 2), (MAX, 1))


def brute_form(edges: CellEdges) -> object:
    """The smallest of all renamings of the four nodes, in whatever direction edges then lead."""
    forms = []
    for order in permutations(range(2, 2 + NODES)):
        to = {0: 0, 1: 1, **dict(zip(range(2, 2 + NODES), order, strict=True))}
        forms.append(sorted((to[2 + i // 2], to[tail], name) for i, (name, tail) in enumerate(edges)))
    return min(forms)


def random_cell(rng: np.random.Generator, operations: tuple[str, ...]) -> CellEdges:
    edges: list[tuple[str, int]] = []
    for pairs in PAIRS:
        tails = rng.permutation(pairs[rng.integers(len(pairs))]).tolist()
        edges += [(operations[rng.integers(len(operations))], tail) for tail in tails]
    return tuple(edges)


def test_sizes() -> None:
    assert SPACE.size == (1 * 3 * 6 * 10 * 7**8) ** 2  # the 10^9 of the paper, "without isomorphism", for each cell
    two = DartsSpace(operations=OPERATIONS[:2])
    cells = {two.canonical_values((*values, *[0] * 11))[:11] for values in _all_cells(2)}
    assert two.count() == len(cells) ** 2
    wirings = {two.canonical_values((*values, *[0] * 11))[:11] for values in _all_cells(1)}
    assert len(wirings) == len({str(brute_form(_edges(values))) for values in _all_cells(1)})
    assert DartsSpace(operations=OPERATIONS[:1]).count() == len(wirings) ** 2
    assert SPACE.fix("normal.node2.first", SKIP).count() is None


def _all_cells(operations: int) -> list[tuple[int, ...]]:
    options = [range(len(pairs)) if i == 0 else range(operations) for pairs in PAIRS for i in range(3)]
    return list(product(*options[1:]))


def _edges(values: tuple[int, ...]) -> CellEdges:
    padded = (0, *values)
    return tuple((SKIP, tail) for node in range(NODES) for tail in PAIRS[node][padded[3 * node]])


def test_cells_are_one_where_an_order_of_nodes_makes_them_equal() -> None:
    rng = np.random.default_rng(0)
    cells = [random_cell(rng, OPERATIONS[:2]) for _ in range(1500)]
    genotypes = [DartsSpace(operations=OPERATIONS[:2]).from_cells(cell, NORMAL_OF_TWO) for cell in cells]
    forms = [str(brute_form(cell)) for cell in cells]
    assert len(set(genotypes)) == len(set(forms)) == len(set(zip(genotypes, forms, strict=True))) < 1500


NORMAL_OF_TWO = tuple((MAX, tail) for _, tail in NORMAL)


def test_every_order_of_a_cell_computes_the_same() -> None:
    rng = np.random.default_rng(1)
    x = torch.rand(2, 3, 7, 8)
    for _ in range(10):
        normal, reduction = random_cell(rng, OPERATIONS), random_cell(rng, OPERATIONS)
        spelt = DartsNetwork(normal, reduction, TaskShape(3, 2), 4, 3, 0.0).eval()
        genotype = SPACE.from_cells(normal, reduction)
        built = DartsSpace(4, 3).build(genotype, TaskShape(3, 2), seed=0).eval()
        all_ones(spelt)
        all_ones(built)
        assert torch.allclose(spelt(x), built(x), rtol=1e-4)


def test_the_network_of_the_paper_has_its_parameters() -> None:
    genotype = SPACE.from_cells(NORMAL, REDUCTION)
    assert brute_form(SPACE.cell(genotype, "normal")) == brute_form(NORMAL)
    network = SPACE.build(genotype, TaskShape(3, 10), seed=0).eval()
    assert sum(parameter.numel() for parameter in network.parameters()) == 3_349_342  # "3.3 million"
    assert round(multiply_adds(network, torch.zeros(1, 3, 32, 32)) / 1e6) == 528  # as later papers count them


@pytest.mark.parametrize(
    ("name", "count", "strided"),
    [
        (MAX, 0, 0),
        (AVERAGE, 0, 0),
        (SKIP, 0, 4 * 4 + 8),
        (SEPARABLE, 2 * (4 * 9 + 16 + 8), None),
        (WIDE, 2 * (4 * 25 + 16 + 8), None),
        (DILATED, 4 * 9 + 16 + 8, None),
        (WIDE_DILATED, 4 * 25 + 16 + 8, None),
    ],
)
def test_every_operation(name: str, count: int, strided: int | None) -> None:
    for stride, expected in ((1, count), (2, count if strided is None else strided)):
        module = operation(name, 4, stride)
        assert sum(parameter.numel() for parameter in module.parameters()) == expected
        for rows, columns in ((9, 8), (1, 1)):
            x = torch.rand(2, 4, rows, columns, requires_grad=True)
            y = module(x)
            assert y.shape == (2, 4, -(-rows // stride), -(-columns // stride))
            y.square().sum().backward()
            assert x.grad is not None
            assert name == SKIP or x.grad.any() or rows == 1


def test_a_halving_sees_odd_and_even_tiles() -> None:
    halving = Halving(1, 2).eval()
    for conv in (halving.even, halving.odd):
        torch.nn.init.ones_(conv.weight)
    y = halving(torch.arange(12.0).reshape(1, 1, 3, 4)) * (1 + 1e-5) ** 0.5
    assert y.round().tolist() == [[[[0, 2], [8, 10]], [[5, 7], [9, 11]]]]  # the last row is repeated


def test_gradients_reach_every_weight() -> None:
    genotype = SPACE.from_cells(NORMAL, REDUCTION)
    network = DartsSpace(4, 6, drop_path=0.2).build(genotype, TaskShape(1, 10), seed=0)
    network(torch.rand(8, 1, 8, 8)).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_a_map_keeps_its_size_and_channels() -> None:
    network = DartsSpace(4, 6).build(SPACE.from_cells(NORMAL, REDUCTION), TaskShape(2, 3, "map"), seed=0)
    assert network(torch.rand(2, 2, 9, 5)).shape == (2, 3, 9, 5)
    assert {part.num_features for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d)} == {4, 12}


def test_dropped_paths_are_examples() -> None:
    torch.manual_seed(0)
    drop = DropPath(0.25)
    y = drop(torch.ones(2000, 2, 1, 1)).flatten(1)
    assert y.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(y[:, 0], y[:, 1])
    assert y.mean() == pytest.approx(1, abs=0.05)
    assert torch.equal(drop.eval()(y), y)


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match="node 3 needs two different inputs before it, not 1 and 1"):
        SPACE.from_cells((*NORMAL[:2], (SKIP, 1), (MAX, 1), *NORMAL[4:]), REDUCTION)
    with pytest.raises(ValueError, match="a cell has two edges for each of 4 nodes, not 7 edges"):
        SPACE.from_cells(NORMAL[1:], REDUCTION)
    with pytest.raises(ValueError, match="three cells or more and 0 <= drop path < 1, not 8, 2 and 0"):
        DartsSpace(8, 2)
    for wrong in (("conv",), (), "skip_connect", (SKIP, SKIP)):
        with pytest.raises(ValueError, match=r"the operations of a cell must be .*different.* of max_pool_3x3, .*not"):
            DartsSpace(operations=wrong)
