"""NAS-Bench-Macro against the numbers of its table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from searchspaces.blocks_network import BlockNetwork
from searchspaces.nasbench_macro import NasBenchMacroSpace
from searchspaces.operators import multiply_adds
from searchspaces.space import TaskShape

SPACE = NasBenchMacroSpace()


def test_the_size_is_the_published_one() -> None:
    assert SPACE.size == SPACE.count() == 6_561


def test_networks_have_the_parameters_and_work_of_the_table(shared_data: Path) -> None:
    table = np.load(shared_data / "nas_tables" / "nas_bench_macro.npz")
    genotypes = [SPACE.genotype(row) for row in table["arch"].tolist()]
    assert set(genotypes) == set(SPACE.enumerate())
    for row in np.random.default_rng(0).choice(6_561, 25, replace=False):
        with torch.device("meta"):
            built = BlockNetwork(SPACE.plan(genotypes[row]), TaskShape(3, 10))
        assert sum(parameter.numel() for parameter in built.parameters()) == table["params"][row]
        work = multiply_adds(built.eval(), torch.empty(1, 3, 32, 32, device="meta"))
        assert work == table["flops"][row]


def test_layers_of_a_network_by_hand() -> None:
    layers = SPACE.plan(SPACE.genotype((0, 2, 1, 0, 0, 0, 0, 0))).layers
    assert [(layer.channels, layer.filters, layer.stride) for layer in layers[:3]] == [
        (32, 64, 2), (64, 64, 1), (64, 128, 2),
    ]  # fmt: skip
    assert [(layer.expansion, layer.kernel) for layer in layers[:3]] == [(0, 1), (6, 5), (3, 3)]


def test_a_width_is_positive() -> None:
    with pytest.raises(ValueError, match="width of a network must be positive, not 0"):
        NasBenchMacroSpace(width=0)
