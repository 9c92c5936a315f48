"""Every space keeps the contract."""

from __future__ import annotations

import pytest
import torch

from searchspaces.flexible import FlexibleSpace
from searchspaces.mnasnet import MnasNetSpace
from searchspaces.nasbench101 import NasBench101Space
from searchspaces.nasbench201 import NasBench201Space
from searchspaces.nasbench_graph import NasBenchGraphSpace
from searchspaces.nasbench_macro import NasBenchMacroSpace
from searchspaces.space import Space, TaskShape
from tests.contracts.spaces import SpaceContract
from tests.searchspaces.toys import Categorical, Toy


class TestToy(SpaceContract):
    builds = False

    @pytest.fixture
    def space(self) -> Space:
        return Toy()


class TestFixedToy(SpaceContract):
    builds = False

    @pytest.fixture(params=[("depth", 0), ("skip", 1), ("norm", "none")], ids=str)
    def space(self, request: pytest.FixtureRequest) -> Space:
        return Toy().fix(*request.param)


class TestCategorical(SpaceContract):
    builds = False

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


class GraphContract(SpaceContract):
    shape = TaskShape(3, 4, "nodes")

    def inputs(self) -> tuple[torch.Tensor, ...]:
        x = torch.rand(5, 3, generator=torch.Generator().manual_seed(0))
        return x, torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])

    def assert_output(self, y: torch.Tensor) -> None:
        assert y.shape == (5, 4)

    def test_networks_run_and_the_seed_alone_draws_the_weights(self, space: Space) -> None:
        pytest.importorskip("torch_geometric", exc_type=ImportError)
        super().test_networks_run_and_the_seed_alone_draws_the_weights(space)


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


class FlexibleContract(SpaceContract):
    shape = TaskShape(3, 2, "map")

    def assert_output(self, y: torch.Tensor) -> None:
        assert y.shape == (2, 2, 9, 10)


class TestFlexibleExtended(FlexibleContract):
    @pytest.fixture
    def space(self) -> Space:
        return FlexibleSpace()


class TestFlexiblePaper(FlexibleContract):
    @pytest.fixture
    def space(self) -> Space:
        return FlexibleSpace("paper", 3)


class TestFixedFlexible(FlexibleContract):
    @pytest.fixture
    def space(self) -> Space:
        return FlexibleSpace().fix("halvings", "1").fix("join", "residual")
