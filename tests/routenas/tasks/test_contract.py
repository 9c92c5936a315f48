"""Every task keeps its contract: the two of routability, and adapters of other kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from routenas.baselines.residual_dilated import ResidualDilated
from routenas.interfaces import Task
from routenas.tasks.routability import RoutabilityTask
from routenas.testing.tasks import TaskContract
from searchspaces.nasbench201 import NasBench201Space
from searchspaces.nasbench_graph import NasBenchGraphSpace
from tests.adapters.communities import Communities
from tests.adapters.digits import Digits
from tests.adapters.folded import FoldedDigits
from tests.adapters.letters import Letters
from tests.samples import SPLIT


class TestHotspots(TaskContract):
    @pytest.fixture
    def task(self, made_up_store: Path) -> Task:
        return RoutabilityTask("hotspots", made_up_store, SPLIT)

    def network(self, task: Task) -> nn.Module:
        return ResidualDilated(task.shape, width=4, dilations=(1,))


class TestViolatedNets(TestHotspots):
    @pytest.fixture
    def task(self, made_up_store: Path) -> Task:
        return RoutabilityTask("violated_nets", made_up_store, SPLIT)


class TestDigits(TaskContract):
    @pytest.fixture
    def task(self) -> Task:
        return Digits(200)

    def network(self, task: Task) -> nn.Module:
        space = NasBench201Space(channels=4, cells=1)
        return space.build(space.from_key("333132"), task.shape, seed=0)


class TestFoldedDigits(TestDigits):
    @pytest.fixture
    def task(self) -> Task:
        return FoldedDigits(200)


class Recurrent(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.letters = nn.Embedding(inputs, 8)
        self.cell = nn.GRU(8, 8)
        self.head = nn.Linear(8, outputs)

    def forward(self, tokens: Tensor, state: Tensor | None) -> Any:
        values, state = self.cell(self.letters(tokens), state)
        return self.head(values), state


class TestLetters(TaskContract):
    @pytest.fixture
    def task(self) -> Task:
        return Letters()

    def network(self, task: Task) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            return Recurrent(task.shape.inputs, task.shape.outputs)


class TestCommunities(TaskContract):
    @pytest.fixture
    def task(self) -> Task:
        return Communities()

    def network(self, task: Task) -> nn.Module:
        space = NasBenchGraphSpace()
        return space.build(space.sample(np.random.default_rng(0)), task.shape, seed=0)


def test_an_adapter_takes_forty_lines() -> None:
    adapters = Path(__file__).resolve().parents[2] / "adapters"
    for path in sorted(adapters / f"{name}.py" for name in ("communities", "digits", "letters")):
        assert path.read_text(encoding="utf-8").count("\n") <= 40, path.name
