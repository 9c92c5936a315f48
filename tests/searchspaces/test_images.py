"""Every space that classifies does so with small pictures, cheaply enough for a CPU; and what each output has."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from searchspaces.space import TaskShape
from searchspaces.table import SPACES, space_class, space_named
from searchspaces.values import Output

SMALL: dict[str, dict[str, Any]] = {
    "darts": {"channels": 8, "cells": 4},
    "flexible": {"inputs": ()},
    "mnasnet": {"width": 0.25, "halvings": 2},
    "nas-bench-101": {"channels": 16, "stacks": 2, "cells": 1},
    "nas-bench-201": {"channels": 8, "cells": 1},
    "nas-bench-macro": {"width": 0.125},
}


def test_every_output_has_a_space() -> None:
    fitting = {output: {name for name in SPACES if output in space_class(name).outputs} for output in get_args(Output)}
    assert fitting["classes"] == set(SMALL)
    assert fitting["tokens"] == {"darts-recurrent"}
    assert fitting["nodes"] == fitting["graphs"] == {"auto-gnn", "nas-bench-graph"}
    assert fitting["map"] == {"darts", "flexible"}
    assert fitting["scalar"] == {"flexible"}


@pytest.mark.parametrize("size", [8, 28])
@pytest.mark.parametrize("name", SMALL)
def test_small_grey_pictures(name: str, size: int) -> None:
    space = space_named(name, **SMALL[name])
    for genotype in space.sample_many(np.random.default_rng(0), 3):
        network = space.build(genotype, TaskShape(1, 10), seed=0)
        logits = network(torch.rand(4, 1, size, size))
        assert logits.shape == (4, 10)
        cross_entropy(logits, torch.arange(4)).backward()
        assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in network.parameters())


@pytest.mark.parametrize("name", ["darts", "flexible"])
def test_pictures_of_several_classes_a_pixel(name: str) -> None:
    space = space_named(name, **SMALL[name])
    for genotype in space.sample_many(np.random.default_rng(0), 3):
        network = space.build(genotype, TaskShape(3, 5, "map"), seed=0)
        logits = network(torch.rand(2, 3, 13, 10))
        assert logits.shape == (2, 5, 13, 10)
        cross_entropy(logits, torch.zeros(2, 13, 10, dtype=torch.long)).backward()
