"""The space of MnasNet against the numbers of Accel-NASBench."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from searchspaces.blocks_network import BlockNetwork
from searchspaces.mnasnet import MnasNetSpace
from searchspaces.space import TaskShape

SPACE = MnasNetSpace()


def test_the_size_is_the_published_one() -> None:
    assert SPACE.size == SPACE.count() == 36**6 * 48


def test_networks_have_the_parameters_of_the_table(shared_data: Path) -> None:
    table = np.load(shared_data / "nas_tables" / "accel_nas_bench.npz")
    names = table["arch_fields"].tolist()
    assert names == [choice.name for choice in SPACE.choices]
    for row in np.random.default_rng(0).choice(len(table["arch"]), 25, replace=False):
        fields = dict(zip(names, table["arch"][row].tolist(), strict=True))
        genotype = SPACE.from_fields(fields)
        assert SPACE.fields(genotype) == fields
        with torch.device("meta"):
            built = BlockNetwork(SPACE.plan(genotype), TaskShape(3, 1000))
        assert sum(parameter.numel() for parameter in built.parameters()) == pytest.approx(
            table["params_M"][row] * 1e6, abs=0.5
        )


def test_halvings_are_the_last_ones() -> None:
    small = MnasNetSpace(1 / 8, halvings=2)
    plan = small.plan(small.genotype([0] * 28))
    assert (plan.stem_stride, [layer.stride for layer in plan.layers]) == (1, [1, 1, 1, 2, 1, 2, 1])
    y = torch.rand(2, 1, 8, 8)
    for part in list(small.build(small.genotype([0] * 28), TaskShape(1, 10), seed=0).children())[:-3]:
        y = part(y)
    assert y.shape == (2, 160, 2, 2)
    with pytest.raises(ValueError, match="halves pictures 0 to 5 times, not 6"):
        MnasNetSpace(halvings=6)


def test_blocks_are_independent() -> None:
    base = SPACE.genotype([0] * 28)
    changed = SPACE.genotype([0] * 12 + [2, 1, 2, 1] + [0] * 12)
    a, b = (SPACE.plan(genotype).layers for genotype in (base, changed))
    assert (len(a), len(b)) == (7, 9)
    assert a[:3] == b[:3]
    assert a[4:] == b[6:]
    assert all((layer.expansion, layer.kernel, layer.squeeze) == (6, 5, 0.25) for layer in b[3:6])


def test_crossover_passes_on_whole_blocks() -> None:
    rng = np.random.default_rng(0)
    a, b = SPACE.genotype([0] * 28), SPACE.genotype([1] * 28)
    child = SPACE.crossover(a, b, rng).values
    assert all(len(set(child[i : i + 4])) == 1 for i in range(0, 28, 4))
    assert len(set(child)) == 2


def test_wrong_fields_are_named() -> None:
    fields = SPACE.fields(SPACE.genotype([0] * 28))
    with pytest.raises(ValueError, match=r"missing or unknown: \['block7_e'\]"):
        SPACE.from_fields({**fields, "block7_e": 1})
    with pytest.raises(ValueError, match="choice 'block3_k' has the options 3, 5, not '7'"):
        SPACE.from_fields({**fields, "block3_k": 7})
    with pytest.raises(ValueError, match="width of a network must be positive, not -1"):
        MnasNetSpace(width=-1)
