"""Every space keeps the contract."""

from __future__ import annotations

import pytest
import torch

from routenas.testing.spaces import INPUTS, SpaceContract
from searchspaces.auto_gnn import AutoGnnSpace
from searchspaces.darts import DartsSpace
from searchspaces.flexible import FlexibleSpace
from searchspaces.mnasnet import MnasNetSpace
from searchspaces.nasbench101 import NasBench101Space
from searchspaces.nasbench201 import NasBench201Space
from searchspaces.nasbench_graph import NasBenchGraphSpace
from searchspaces.nasbench_macro import NasBenchMacroSpace
from searchspaces.recurrent import RecurrentSpace
from searchspaces.space import Space, TaskShape
from tests.searchspaces.toys import Categorical, Toy


class TestToy(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return Toy()


class TestFixedToy(SpaceContract):
    @pytest.fixture(params=[("depth", 0), ("skip", 1), ("norm", "none")], ids=str)
    def space(self, request: pytest.FixtureRequest) -> Space:
        return Toy().fix(*request.param)


class TestCategorical(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return Categorical()


class TestNasBench201(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return NasBench201Space(channels=4, cells=1)


class TestFixedNasBench201(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return NasBench201Space(channels=4, cells=1).fix("edge0-1", "conv3x3").fix("edge2-3", "none")


class TestNasBenchMacro(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return NasBenchMacroSpace(width=1 / 16)


class TestMnasNet(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return MnasNetSpace(width=1 / 16)


class TestDarts(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return DartsSpace(channels=4, cells=3)


class TestFixedDarts(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return DartsSpace(4, 3, operations=("skip_connect", "sep_conv_3x3")).fix("normal.node3.inputs", "0-2")


class RecurrentContract(SpaceContract):
    def inputs(self) -> tuple[torch.Tensor, ...]:
        return (torch.tensor([[0, 1], [2, 2], [1, 0]]),)


class TestRecurrent(RecurrentContract):
    @pytest.fixture
    def space(self) -> Space:
        return RecurrentSpace(hidden=5, tied=False)


class TestSmallRecurrent(RecurrentContract):
    @pytest.fixture(params=[None, ("node3.before", 1), ("node2.activation", "relu")], ids=str)
    def space(self, request: pytest.FixtureRequest) -> Space:
        small = RecurrentSpace(nodes=3, hidden=5, dropout=0.5, state_dropout=0.5)
        return small.fix(*request.param) if request.param else small

    def shapes(self, space: Space) -> list[TaskShape]:
        return [TaskShape(INPUTS, INPUTS, "tokens")]


class GraphContract(SpaceContract):
    def inputs(self) -> tuple[torch.Tensor, ...]:
        x = torch.rand(5, INPUTS, generator=torch.Generator().manual_seed(0))
        return x, torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])

    def arguments(self, shape: TaskShape) -> tuple[torch.Tensor, ...]:
        return (*self.inputs(), torch.tensor([0, 0, 0, 1, 1])) if shape.output == "graphs" else self.inputs()

    def answer(self, shape: TaskShape) -> tuple[int, ...]:
        return (2, shape.outputs) if shape.output == "graphs" else super().answer(shape)


class TestAutoGnn(GraphContract):
    @pytest.fixture
    def space(self) -> Space:
        return AutoGnnSpace()


class TestFixedAutoGnn(GraphContract):
    @pytest.fixture(params=[("layer1.attention", "gcn"), ("layer3.combine", "mlp")], ids=str)
    def space(self, request: pytest.FixtureRequest) -> Space:
        return AutoGnnSpace(layers=3).fix(*request.param)


class TestNasBenchGraph(GraphContract):
    @pytest.fixture
    def space(self) -> Space:
        return NasBenchGraphSpace(hidden=8)


class TestNasBenchGraphProteins(GraphContract):
    @pytest.fixture
    def space(self) -> Space:
        return NasBenchGraphSpace(operations=5, hidden=8)


class TestFixedNasBenchGraph(GraphContract):
    @pytest.fixture(params=[("link", "0012"), ("operation2", "skip")], ids=str)
    def space(self, request: pytest.FixtureRequest) -> Space:
        return NasBenchGraphSpace(hidden=8).fix(*request.param)


class TestNasBench101(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return NasBench101Space(channels=8, stacks=2, cells=1)


class ExtendedContract(SpaceContract):
    def answer(self, shape: TaskShape) -> tuple[int, ...]:
        return (2, 1, 9, 10) if shape.output == "scalar" else super().answer(shape)


class TestFlexibleExtended(ExtendedContract):
    @pytest.fixture
    def space(self) -> Space:
        return FlexibleSpace()


class TestFlexibleInputs(ExtendedContract):
    groups = (("a", (0, 2)), ("b", (1,)))

    @pytest.fixture
    def space(self) -> Space:
        return FlexibleSpace(inputs=("a", "b"))


class TestFixedFlexibleInputs(TestFlexibleInputs):
    @pytest.fixture(params=[("input.b", "out"), ("halvings", "2"), ("bottleneck", "same")], ids=str)
    def space(self, request: pytest.FixtureRequest) -> Space:
        return FlexibleSpace(inputs=("a", "b")).fix(*request.param)


class TestFlexibleWithoutChoiceOfInputs(ExtendedContract):
    @pytest.fixture
    def space(self) -> Space:
        return FlexibleSpace(inputs=())


class TestFlexiblePaper(SpaceContract):
    @pytest.fixture
    def space(self) -> Space:
        return FlexibleSpace("paper", 3)


class TestFixedFlexible(ExtendedContract):
    @pytest.fixture
    def space(self) -> Space:
        return FlexibleSpace().fix("halvings", "1").fix("join", "residual")
