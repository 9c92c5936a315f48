"""The NAS-Bench-201 space against the benchmark's own numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from searchspaces.nasbench201 import NasBench201Space
from searchspaces.nasbench201_network import CellNetwork
from searchspaces.space import Genotype, TaskShape

SPACE = NasBench201Space()


def test_size_is_the_published_one() -> None:
    assert SPACE.size == SPACE.count() == 15_625


def test_names_of_the_best_cell() -> None:
    best = SPACE.from_key("333132")
    text = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|"
    assert SPACE.text(best) == text
    assert SPACE.from_text(text) == best
    assert SPACE.key(best) == "333132"


@pytest.mark.parametrize("text", ["", "|none~0|", "|none~0|+|none~0|none~1|+|none~0|none~1|none~1|", "333132"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be like"):
        SPACE.from_text(text)


@pytest.mark.parametrize("key", ["33313", "333135", "3331322", "\u0663" * 6])
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="six digits 0 to 4"):
        SPACE.from_key(key)


def test_graph_has_the_paths_of_the_cell() -> None:
    # Paths 0>3, 0>1>3, 0>2>3, 0>1>2>3; vertices 1 to 6 are the edges 0>1, 0>2, 1>2, 0>3, 1>3, 2>3.
    graph = SPACE.graph(SPACE.from_key("012344"))
    assert [graph.operation_names[i] for i in graph.operations] == [
        "input", "none", "skip", "conv1x1", "conv3x3", "avgpool3x3", "avgpool3x3", "output",
    ]  # fmt: skip

    def paths(vertex: int) -> set[tuple[int, ...]]:
        if vertex == 7:
            return {()}
        return {(int(v), *rest) for v in np.flatnonzero(graph.adjacency[vertex]) for rest in paths(int(v))}

    assert paths(0) == {(4, 7), (1, 5, 7), (2, 6, 7), (1, 3, 6, 7)}


def test_table_has_every_member_once_and_networks_have_its_parameters(shared_data: Path) -> None:
    table = np.load(shared_data / "nas_tables" / "nas_bench_201.npz")
    assert {SPACE.from_key(key) for key in table["key"].tolist()} == set(SPACE.enumerate())
    rng = np.random.default_rng(0)
    for row in rng.choice(15_625, 25, replace=False):
        genotype = SPACE.from_key(str(table["key"][row]))
        for column, classes in (("cifar10", 10), ("cifar100", 100)):
            operations = {(int(u), int(v)): op for (u, v), op in _operations(genotype)}
            with torch.device("meta"):
                network = CellNetwork(operations, TaskShape(3, classes), 16, 5)
            count = sum(parameter.numel() for parameter in network.parameters())
            assert count == pytest.approx(table[f"{column}_params_M"][row] * 1e6, abs=0.5)


def _operations(genotype: Genotype) -> list[tuple[tuple[int, int], str]]:
    edges = [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
    return [(edge, SPACE.choices[i].names[genotype.values[i]]) for i, edge in enumerate(edges)]


def test_a_cell_computes_what_it_means() -> None:
    # avgpool on 0>1, skip on 0>2, skip on 1>2, skip on 1>3 and 2>3: 2 avgpool(x) + x.
    network = NasBench201Space(2, 1).build(SPACE.from_key("411011"), TaskShape(1, 2), seed=0)
    cell = network[2]  # type: ignore[index]
    x = torch.rand(1, 2, 5, 5)
    expected = x + 2 * torch.nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    assert torch.allclose(cell(x), expected)
    assert not NasBench201Space(2, 1).build(SPACE.from_key("000000"), TaskShape(1, 2), seed=0)[2](x).any()  # type: ignore[index]


def test_size_of_networks_must_be_positive() -> None:
    with pytest.raises(ValueError, match="at least one channel and one cell, not 0 and 5"):
        NasBench201Space(0)
