"""Spaces of blocks against the benchmarks' own numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from searchspaces.blocks import MnasNetSpace, NasBenchMacroSpace
from searchspaces.blocks_network import BlockNetwork
from searchspaces.operators import multiply_adds
from searchspaces.space import Genotype, TaskShape

MACRO, MNASNET = NasBenchMacroSpace(), MnasNetSpace()


def network(space: NasBenchMacroSpace | MnasNetSpace, genotype: Genotype, classes: int) -> BlockNetwork:
    with torch.device("meta"):
        return BlockNetwork(space.plan(genotype), TaskShape(3, classes))


def parameters(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_sizes_are_the_published_ones() -> None:
    assert MACRO.size == MACRO.count() == 6_561
    assert MNASNET.size == MNASNET.count() == 36**6 * 48


def test_macro_networks_have_the_parameters_and_work_of_the_table(shared_data: Path) -> None:
    table = np.load(shared_data / "nas_tables" / "nas_bench_macro.npz")
    genotypes = [MACRO.genotype(row) for row in table["arch"].tolist()]
    assert set(genotypes) == set(MACRO.enumerate())
    for row in np.random.default_rng(0).choice(6_561, 25, replace=False):
        built = network(MACRO, genotypes[row], 10)
        assert parameters(built) == table["params"][row]
        work = multiply_adds(built.eval(), torch.empty(1, 3, 32, 32, device="meta"))
        assert work + 1280 * 10 == table["flops"][row]


def test_mnasnet_networks_have_the_parameters_of_the_table(shared_data: Path) -> None:
    table = np.load(shared_data / "nas_tables" / "accel_nas_bench.npz")
    names = table["arch_fields"].tolist()
    assert names == [choice.name for choice in MNASNET.choices]
    for row in np.random.default_rng(0).choice(len(table["arch"]), 25, replace=False):
        fields = dict(zip(names, table["arch"][row].tolist(), strict=True))
        genotype = MNASNET.from_fields(fields)
        assert MNASNET.fields(genotype) == fields
        assert parameters(network(MNASNET, genotype, 1000)) == pytest.approx(table["params_M"][row] * 1e6, abs=0.5)


def test_blocks_are_independent() -> None:
    base = MNASNET.genotype([0] * 28)
    changed = MNASNET.genotype([0] * 12 + [2, 1, 2, 1] + [0] * 12)
    a, b = (MNASNET.plan(genotype).layers for genotype in (base, changed))
    assert (len(a), len(b)) == (7, 9)
    assert a[:3] == b[:3]
    assert a[4:] == b[6:]
    assert all((layer.expansion, layer.kernel, layer.squeeze) == (6, 5, 0.25) for layer in b[3:6])


def test_crossover_passes_on_whole_blocks() -> None:
    rng = np.random.default_rng(0)
    a, b = MNASNET.genotype([0] * 28), MNASNET.genotype([1] * 28)
    child = MNASNET.crossover(a, b, rng).values
    assert all(len(set(child[i : i + 4])) == 1 for i in range(0, 28, 4))
    assert len(set(child)) == 2


def test_wrong_fields_are_named() -> None:
    fields = MNASNET.fields(MNASNET.genotype([0] * 28))
    with pytest.raises(ValueError, match=r"missing or unknown: \['block7_e'\]"):
        MNASNET.from_fields({**fields, "block7_e": 1})
    with pytest.raises(ValueError, match="choice 'block3_k' has the options 3, 5, not '7'"):
        MNASNET.from_fields({**fields, "block3_k": 7})
    with pytest.raises(ValueError, match="width of a network must be positive, not 0"):
        NasBenchMacroSpace(width=0)


def test_layers_of_a_macro_network_by_hand() -> None:
    layers = MACRO.plan(MACRO.genotype((0, 2, 1, 0, 0, 0, 0, 0))).layers
    assert [(layer.channels, layer.filters, layer.stride) for layer in layers[:3]] == [
        (32, 64, 2), (64, 64, 1), (64, 128, 2),
    ]  # fmt: skip
    assert [(layer.expansion, layer.kernel) for layer in layers[:3]] == [(0, 1), (6, 5), (3, 3)]
