"""The NAS-Bench-101 space against the benchmark's table, published counts and brute force."""

from __future__ import annotations

import os
from collections import Counter
from itertools import islice, permutations, product
from pathlib import Path

import numpy as np
import pytest
import torch

from searchspaces.nasbench101 import EDGES, OPERATIONS, NasBench101Space, fingerprints, unpacked
from searchspaces.nasbench101_network import Network, vertex_filters
from searchspaces.space import Genotype, Space, TaskShape

SPACE = NasBench101Space()
# Distinct cells of 2 to 7 vertices in the benchmark; all but the last two are found by brute force below.
COUNTS = (1, 6, 84, 2_441, 62_010, 359_082)

Cell = tuple[np.ndarray, tuple[str, ...]]


def on_paths(matrix: np.ndarray) -> set[int]:
    """Vertices on some path from the first to the last vertex, path by path."""
    last = len(matrix) - 1

    def paths(vertex: int) -> list[tuple[int, ...]]:
        if vertex == last:
            return [(last,)]
        return [(vertex, *rest) for head in np.flatnonzero(matrix[vertex]).tolist() for rest in paths(head)]

    return {vertex for path in paths(0) for vertex in path}


def brute_form(matrix: np.ndarray, operations: tuple[object, ...]) -> object:
    """The smallest of all renamings of the inner vertices."""
    inner = range(1, len(matrix) - 1)
    orders = ([0, *order, len(matrix) - 1] for order in permutations(inner))
    return min((matrix[np.ix_(o, o)].tobytes(), tuple(operations[v - 1] for v in o[1:-1])) for o in orders)


def random_cell(rng: np.random.Generator) -> Cell:
    count = int(rng.integers(2, 8))
    matrix = np.triu(rng.random((count, count)) < 0.5, 1)
    return matrix, tuple(OPERATIONS[i] for i in rng.integers(3, size=count - 2))


@pytest.fixture(scope="module")
def table(shared_data: Path) -> dict[str, np.ndarray]:
    with np.load(shared_data / "nas_tables" / "nas_bench_101.npz") as found:
        return dict(found)


@pytest.mark.parametrize("vertices", [2, 3, 4, 5])
def test_counts_by_brute_force(vertices: int) -> None:
    pairs = [(u, v) for u in range(vertices) for v in range(u + 1, vertices)]
    forms = set()
    for kept in product((False, True), repeat=len(pairs)):
        matrix = np.zeros((vertices, vertices), bool)
        matrix[tuple(zip(*pairs, strict=True))] = kept
        if matrix.sum() <= 9 and on_paths(matrix) == set(range(vertices)):
            forms |= {brute_form(matrix, operations) for operations in product(range(3), repeat=vertices - 2)}
    first = islice(SPACE.enumerate(), sum(COUNTS[: vertices - 1]))
    counts = Counter(len(SPACE.cell(genotype)[0]) for genotype in first)
    assert len(forms) == counts[vertices] == COUNTS[vertices - 2]


def test_size_is_the_published_one() -> None:
    assert SPACE.count() == sum(COUNTS) == 423_624
    assert SPACE.size == 2**21 * 3**5
    assert SPACE.fix("edge0-6", "keep").count() is None


def test_a_small_part_is_enumerated_by_its_own_combinations() -> None:
    part: Space = SPACE
    for edge in EDGES:
        if {4, 5} & set(edge):
            part = part.fix(f"edge{edge[0]}-{edge[1]}", "drop")
    part = part.fix("operation4", 0).fix("operation5", 0)
    assert (SPACE.enumerable, SPACE.fix("edge0-1", "keep").enumerable, part.enumerable) == (False, False, True)
    assert part.size == 2**10 * 3**3
    # The cells of up to five vertices: canonical forms have their inner vertices first.
    assert part.count() == sum(COUNTS[:4])
    assert set(part.enumerate()) == set(islice(SPACE.enumerate(), sum(COUNTS[:4])))


@pytest.mark.skipif("ROUTENAS_SLOW" not in os.environ, reason="takes two minutes; set ROUTENAS_SLOW to run it")
def test_all_architectures_from_scratch_are_those_of_the_table(table: dict[str, np.ndarray]) -> None:
    found = np.array([genotype.values for genotype in SPACE.enumerate()])
    assert len(np.unique(found, axis=0)) == len(found) == 423_624
    rows = fingerprints(*unpacked(table["V"], table["adj_bits"], table["ops_base3"]))
    assert set(rows.tolist()) == set(fingerprints(found[:, :21], found[:, 21:]).tolist())


def test_all_rows_of_the_table_are_distinct_legal_and_kept_by_a_round_trip(table: dict[str, np.ndarray]) -> None:
    assert np.unique(table["V"], return_counts=True)[1].tolist() == list(COUNTS)
    edges, operations = unpacked(table["V"], table["adj_bits"], table["ops_base3"])
    names = fingerprints(edges, operations)
    assert len(np.unique(names)) == 423_624
    rows = np.random.default_rng(0).choice(423_624, 1_500, replace=False).tolist()
    genotypes = [SPACE.genotype([*edges[row], *operations[row]]) for row in rows]
    assert len(set(genotypes)) == len({SPACE.module_hash(genotype) for genotype in genotypes}) == 1_500
    values = np.array([genotype.values for genotype in genotypes])
    assert (fingerprints(values[:, :21], values[:, 21:]) == names[rows]).all()
    assert [SPACE.fingerprint(genotype) for genotype in genotypes[:50]] == names[rows[:50]].tolist()
    for genotype, row in zip(genotypes[:300], rows, strict=False):
        adjacency, inner = SPACE.cell(genotype)
        assert len(adjacency) == table["V"][row]
        assert adjacency.sum() == bin(table["adj_bits"][row]).count("1")
        assert sorted(inner) == sorted(OPERATIONS[table["ops_base3"][row] // 3**t % 3] for t in range(len(inner)))
        assert SPACE.from_cell(adjacency, inner) == genotype


def test_hashes_are_the_published_ones(table: dict[str, np.ndarray]) -> None:
    # The table is in the order of the benchmark's hashes, whose first one its authors print as an example.
    edges, operations = unpacked(table["V"], table["adj_bits"], table["ops_base3"])
    rows = [0, *sorted(np.random.default_rng(4).choice(423_624, 500, replace=False).tolist())]
    hashes = [SPACE.module_hash(SPACE.genotype([*edges[row], *operations[row]])) for row in rows]
    assert hashes[0] == "00005c142e6f48ac74fdcf73e3439874"
    assert hashes == sorted(hashes)


def test_legal_and_equal_as_brute_force_says() -> None:
    rng = np.random.default_rng(1)
    forms: dict[object, Genotype] = {}
    hashes: dict[str, Genotype] = {}
    for _ in range(1_500):
        matrix, operations = random_cell(rng)
        vertices = sorted(on_paths(matrix))
        pruned = matrix[np.ix_(vertices, vertices)]
        if not vertices or pruned.sum() > 9:
            with pytest.raises(ValueError, match="not a legal architecture"):
                SPACE.from_cell(matrix, operations)
            continue
        genotype = SPACE.from_cell(matrix, operations)
        form = brute_form(*_sorted_forms(SPACE.cell(genotype)))
        assert form == brute_form(pruned, tuple(OPERATIONS.index(operations[v - 1]) for v in vertices[1:-1]))
        assert forms.setdefault(form, genotype) == genotype
        assert hashes.setdefault(SPACE.module_hash(genotype), genotype) == genotype
    assert len(forms) == len(set(forms.values())) == len(hashes) > 200


def _sorted_forms(cell: Cell) -> tuple[np.ndarray, tuple[int, ...]]:
    return cell[0], tuple(OPERATIONS.index(name) for name in cell[1])


def test_the_order_of_vertices_does_not_matter() -> None:
    rng = np.random.default_rng(2)
    for genotype in SPACE.sample_many(rng, 60):
        matrix, operations = SPACE.cell(genotype)
        for order in permutations(range(1, len(matrix) - 1)):
            places = [0, *order, len(matrix) - 1]
            moved = matrix[np.ix_(places, places)]
            if not np.tril(moved).any():
                assert SPACE.from_cell(moved, [operations[v - 1] for v in order]) == genotype


def test_pruning_by_hand() -> None:
    matrix = np.zeros((7, 7), int)
    for u, v in ((0, 1), (1, 6), (2, 6), (0, 3), (3, 4)):  # 2 has no input; 3 and 4 lead nowhere; 5 stands alone
        matrix[u, v] = 1
    genotype = SPACE.from_cell(matrix, ["maxpool3x3", *["conv1x1-bn-relu"] * 4])
    adjacency, operations = SPACE.cell(genotype)
    assert np.argwhere(adjacency).tolist() == [[0, 1], [1, 2]]
    assert operations == ("maxpool3x3",)
    graph = SPACE.graph(genotype)
    assert [graph.operation_names[i] for i in graph.operations] == ["input", "maxpool3x3", "output"]


@pytest.mark.parametrize(
    ("adjacency", "operations", "error"),
    [
        (np.eye(3), ["conv3x3"], r"upper triangular, 2 x 2 to 7 x 7, not \(3, 3\)"),
        (np.zeros((8, 8)), ["conv3x3"] * 6, r"not \(8, 8\)"),
        (np.eye(3, k=1), [], "has 1 inner operations, not 0"),
        (np.eye(3, k=1), ["conv5x5"], "has the options conv3x3, conv1x1, maxpool3x3, not 'conv5x5'"),
        (np.triu(np.ones((5, 5)), 1), ["conv3x3"] * 3, "not a legal architecture"),  # 10 edges
        (np.zeros((2, 2)), [], "not a legal architecture"),
    ],
)
def test_cells_that_are_not_in_the_benchmark(adjacency: np.ndarray, operations: list[str], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        SPACE.from_cell(adjacency, operations)


def test_networks_have_the_parameters_of_the_table(table: dict[str, np.ndarray]) -> None:
    edges, operations = unpacked(table["V"], table["adj_bits"], table["ops_base3"])
    compared = 0
    for row in np.random.default_rng(3).choice(423_624, 25, replace=False).tolist():
        cell = SPACE.cell(SPACE.genotype([*edges[row], *operations[row]]))
        if 128 % max(1, int(cell[0][1:-1, -1].sum())):
            continue  # the channels left over go to the vertices that happen to come first
        with torch.device("meta"):
            network = Network(*cell, TaskShape(3, 10), 128, 3, 3)
        assert sum(parameter.numel() for parameter in network.parameters()) == table["params"][row]
        compared += 1
    assert compared >= 10


def test_filters_by_hand() -> None:
    # 0>1, 0>2, 1>3, 2>4, 3>4, 1>4: vertices 1, 2 and 3 share 8 channels 3, 3, 2.
    matrix = np.zeros((5, 5), bool)
    for u, v in ((0, 1), (0, 2), (1, 3), (2, 4), (3, 4), (1, 4)):
        matrix[u, v] = True
    assert vertex_filters(matrix, 8) == [0, 3, 3, 2, 8]
    matrix[1, 4] = matrix[2, 4] = False
    matrix[2, 3] = True
    assert vertex_filters(matrix, 8) == [0, 8, 8, 8, 8]


def test_order_of_choices() -> None:
    assert [choice.name for choice in SPACE.choices[:4]] == ["edge0-1", "edge0-2", "edge1-2", "edge0-3"]
    assert EDGES[-1] == (5, 6)
    with pytest.raises(ValueError, match="at least 5 channels, one stack and one cell, not 4, 3, 3"):
        NasBench101Space(channels=4)
