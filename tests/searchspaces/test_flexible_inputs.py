"""The extended preset with a choice of inputs: its values by hand, what a network reads, and the hand-made controls."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import nn

from routenas.baselines.fcn import RouteNetFCN
from routenas.baselines.residual_dilated import ResidualDilated
from routenas.baselines.tile import TileMLP
from routenas.baselines.unet import UNet
from searchspaces.flexible import FlexibleSpace
from searchspaces.operators import multiply_adds
from searchspaces.space import Genotype, TaskShape
from searchspaces.table import space_from_config

SPACE = FlexibleSpace(inputs=("wires", "pins", "cells"))
GROUPS = (("cells", (0, 1)), ("wires", (2, 4, 6)), ("pins", (5,)))
SHAPE = TaskShape(8, 1, "map", GROUPS)  # inputs 3 and 7 are of no group


def having(options: Mapping[str, str], base: str = "one-tile") -> Genotype:
    """A control with some choices set otherwise."""
    values = list(SPACE.control(base).values)
    for name, option in options.items():
        values[SPACE.index(name)] = SPACE.choices[SPACE.index(name)].option(option)
    return SPACE.genotype(values)


def random_weights(network: nn.Module, *, positive: bool = False) -> nn.Module:
    """The network with no layer at zero; positive weights let everything that is seen through."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.uniform_(0.01 if positive else -0.3, 0.02 if positive else 0.3, generator=generator)
    return network.double().eval()


def reach(network: nn.Module, at: int = 64) -> tuple[int, int, int, int]:
    """How many tiles the answer at a tile sees upwards, to the left, downwards and to the right."""
    random_weights(network, positive=True)
    x = torch.rand(1, SHAPE.inputs, 128, 128, dtype=torch.double, requires_grad=True)
    (gradient,) = torch.autograd.grad(network(x)[0, 0, at, at], x)
    seen = gradient[0].abs().sum(0).nonzero()
    return (*(at - seen.amin(0)).tolist(), *(seen.amax(0) - at).tolist())


class TestValues:
    def test_a_choice_for_each_group(self) -> None:
        assert [choice.name for choice in SPACE.choices[:4]] == ["input.wires", "input.pins", "input.cells", "halvings"]
        assert SPACE.size == 2**3 * (4 * 2 * 5 * 2 * 3 * 2 * 2) * 7**42 * 2**168
        assert FlexibleSpace(inputs=()).size == SPACE.size // 2**3

    def test_genotypes_of_different_inputs_are_foreign(self) -> None:
        others = [FlexibleSpace(), FlexibleSpace(inputs=()), FlexibleSpace(inputs=("pins", "wires", "cells"))]
        names = [space.name for space in (SPACE, *others)]
        assert names == [
            "flexible-extended:wires+pins+cells", "flexible-extended", "flexible-extended:",
            "flexible-extended:pins+wires+cells",
        ]  # fmt: skip

    def test_the_config_of_saved_models_is_that_of_the_former_preset(self) -> None:
        assert FlexibleSpace().config() == {"space": "flexible", "preset": "extended", "shuffle_seed": 0}
        assert FlexibleSpace(inputs=()).config()["inputs"] == []
        again = space_from_config(json.loads(json.dumps(SPACE.config())))
        assert (again.name, again.choices) == (SPACE.name, SPACE.choices)

    def test_the_task_says_which_groups_there_are(self) -> None:
        assert FlexibleSpace().for_task(SHAPE).config()["inputs"] == ["cells", "wires", "pins"]
        for groups in ((), GROUPS[:1]):
            assert FlexibleSpace().for_task(TaskShape(8, 1, "map", groups)).config()["inputs"] == []
        fixed = FlexibleSpace().fix("norm", "none").for_task(SHAPE)
        assert fixed.config()["fixed"] == {"norm": "none"}
        for chosen in (SPACE, FlexibleSpace(inputs=()), FlexibleSpace("paper")):
            assert chosen.for_task(SHAPE) is chosen

    @pytest.mark.parametrize("names", [("a", "a"), ("a", ""), (1,), "pins"])
    def test_names_of_groups_differ(self, names) -> None:  # type: ignore[no-untyped-def]
        with pytest.raises(ValueError, match="must be different names of groups, not"):
            FlexibleSpace(inputs=names)

    def test_the_paper_chooses_no_inputs(self) -> None:
        with pytest.raises(ValueError, match="paper preset of the flexible space has no choice of inputs"):
            FlexibleSpace("paper", inputs=("a", "b"))

    def test_something_is_in(self) -> None:
        values = SPACE.control("one-tile").values
        with pytest.raises(ValueError, match="not a legal architecture"):
            SPACE.genotype((0, 0, 0, *values[3:]))
        for i in range(3):
            assert SPACE.contains(SPACE.genotype((*np.eye(3, dtype=int)[i].tolist(), *values[3:])))

    def test_samples_are_mostly_in_and_small(self) -> None:
        rng = np.random.default_rng(0)
        samples = [SPACE.sample(rng) for _ in range(600)]
        assert np.mean([genotype.values[:3] for genotype in samples]) == pytest.approx(0.85, abs=0.03)
        counts = [len(SPACE.dag(genotype.values, i)[0]) for genotype in samples for i in range(6)]
        assert np.mean(np.equal(counts, 0)) == pytest.approx(0.5, abs=0.03)
        assert len(set(samples)) > 590

    def test_a_quarter_of_the_mutations_move_an_input(self) -> None:
        rng = np.random.default_rng(0)
        parent = SPACE.control("residual-dilated")
        moved = [SPACE.mutate(parent, rng).values[:3] != (1, 1, 1) for _ in range(400)]
        assert np.mean(moved) == pytest.approx(0.25, abs=0.07)

    def test_canonical_forgets_what_has_no_effect(self) -> None:
        assert having({"skips": "yes"}) == having({}) == having({"bottleneck": "same"})
        assert having({"bottleneck": "half"}, "residual-dilated") != SPACE.control("residual-dilated")
        assert having({"skips": "no"}, "unet-like") != SPACE.control("unet-like")

    def test_the_graph_shows_the_inputs_side_by_side(self) -> None:
        graph = SPACE.graph(having({"input.pins": "out"}))
        names = [graph.operation_names[operation] for operation in graph.operations]
        assert names[:4] == ["input", "input.wires", "input.cells", "halvings=0"]
        assert [graph.adjacency[i].nonzero()[0].tolist() for i in range(3)] == [[1, 2], [3], [3]]


class TestNetworks:
    def test_an_input_that_is_out_has_no_influence(self) -> None:
        rng = np.random.default_rng(0)
        for seed in range(25):
            genotype = SPACE.sample(rng)
            network = random_weights(SPACE.build(genotype, SHAPE, seed=seed))
            chosen = dict(zip(("wires", "pins", "cells"), genotype.values[:3], strict=True))
            used = sorted({3, 7}.union(*(indices for name, indices in GROUPS if chosen[name])))
            assert network.inputs_used == tuple(used)
            x = torch.rand(2, 8, 9, 10, dtype=torch.double)
            unused = [i for i in range(8) if i not in used]
            x[:, unused] = torch.nan
            x.requires_grad_()
            y = network(x)
            assert y.isfinite().all()
            (gradient,) = torch.autograd.grad(y.square().sum(), x)
            assert not gradient[:, unused].any()

    def test_an_input_that_is_in_has_an_influence(self) -> None:
        network = random_weights(SPACE.build(having({"input.pins": "out"}), SHAPE, seed=0), positive=True)
        x = torch.rand(1, 8, 5, 5, dtype=torch.double, requires_grad=True)
        (gradient,) = torch.autograd.grad(network(x).sum(), x)
        assert [i for i in range(8) if gradient[:, i].any()] == [0, 1, 2, 3, 4, 6, 7]

    def test_other_networks_have_no_selection(self) -> None:
        for space in (SPACE, FlexibleSpace(), FlexibleSpace(inputs=())):
            genotype = space.control("one-tile") if space.controls else space.sample(np.random.default_rng(0))
            network = space.build(genotype, SHAPE, seed=0)
            assert network.inputs_used == tuple(range(8))
            assert "selected" not in dict(network.named_buffers())

    def test_the_weights_alone_are_in_the_state(self) -> None:
        network = SPACE.build(having({"input.pins": "out"}), SHAPE, seed=0)
        assert set(network.state_dict()) == {name for name, _ in network.named_parameters()}

    def test_a_task_without_the_groups_is_refused(self) -> None:
        genotype = SPACE.control("one-tile")
        with pytest.raises(ValueError, match=r"chooses of the inputs 'wires', but the task has no groups of inputs"):
            SPACE.build(genotype, TaskShape(8, 1, "map"), seed=0)
        with pytest.raises(ValueError, match=r"of the inputs 'pins', but the task has the inputs cells, wires"):
            SPACE.build(genotype, TaskShape(8, 1, "map", GROUPS[:2]), seed=0)

    def test_cost_by_hand(self) -> None:
        # Stem of two, three residual blocks, no second way round the trunk: see the module of the hand-made network.
        network = SPACE.build(having({"input.pins": "out"}, "residual-dilated"), SHAPE, seed=0)
        stem, project, head = 7 * 32 + 32 * 32, 3 * 32 * 32, 32 * 32 + 32
        assert multiply_adds(network, torch.zeros(1, 8, 16, 16)) == 256 * (stem + 4 * 9 * 32 * 32 + project + head)

    def test_skips_double_and_join(self) -> None:
        network = SPACE.build(SPACE.control("unet-like"), SHAPE, seed=0)
        assert [tuple(block[0].weight.shape) for block in network.decoder] == [(32, 64, 3, 3)] * 3  # type: ignore[union-attr, index]
        raw = SPACE.build(having({"stem": "0"}, "unet-like"), SHAPE, seed=0)
        assert [block[0].in_channels for block in raw.decoder] == [64, 64, 40]  # type: ignore[union-attr, index]


class TestControls:
    """What is called like a hand-made network has its view and about its size."""

    @pytest.mark.parametrize(
        ("name", "like", "parameters", "tolerance"),
        [
            ("one-tile", TileMLP, 1.0, 0),
            ("residual-dilated", ResidualDilated, 0.96, 0),
            ("fcn-like", RouteNetFCN, 0.34, 10),  # its 9x9 kernels are chains of 3x3 ones
            ("unet-like", UNet, 0.33, 10),  # its channels do not double with every halving
        ],
    )
    def test_it_sees_what_the_hand_made_network_sees(self, name, like, parameters, tolerance) -> None:  # type: ignore[no-untyped-def]
        ours, hand_made = SPACE.build(SPACE.control(name), SHAPE, seed=0), like(SHAPE)
        counts = [sum(parameter.numel() for parameter in network.parameters()) for network in (ours, hand_made)]
        assert counts[0] / counts[1] == pytest.approx(parameters, abs=0.02)
        work = [multiply_adds(network, torch.zeros(1, 8, 64, 64)) for network in (ours, hand_made)]
        assert 0.6 < work[0] / work[1] < 1.05
        views = [np.array(reach(network)) for network in (ours, hand_made)]
        assert np.abs(views[0] - views[1]).max() <= tolerance

    def test_one_tile_sees_one_tile(self) -> None:
        assert reach(SPACE.build(SPACE.control("one-tile"), SHAPE, seed=0)) == (0, 0, 0, 0)

    def test_they_read_everything_and_start_as_the_base_rate(self) -> None:
        assert len(SPACE.controls) == 4
        for genotype in SPACE.controls:
            network = SPACE.build(genotype, SHAPE, seed=0)
            assert network.inputs_used == tuple(range(8))
            assert not network(torch.rand(1, 8, 17, 9)).any()

    def test_a_part_of_the_space_has_those_inside_it(self) -> None:
        assert SPACE.fix("halvings", "0").controls == (SPACE.control("one-tile"), SPACE.control("residual-dilated"))
        assert SPACE.fix("input.pins", "out").controls == ()
        assert FlexibleSpace().controls == FlexibleSpace("paper").controls == ()

    def test_another_name_is_refused(self) -> None:
        with pytest.raises(ValueError, match="must be one-tile or residual-dilated or fcn-like or unet-like, not 'x'"):
            SPACE.control("x")
        with pytest.raises(ValueError, match="needs the argument inputs, not 'one-tile'"):
            FlexibleSpace().control("one-tile")
