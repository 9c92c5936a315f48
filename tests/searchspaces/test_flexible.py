"""The flexible space: its values by hand, and the networks that they mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import nn

from searchspaces.dags import Edge
from searchspaces.flexible import OPERATIONS, PAPER_OPERATIONS, FlexibleSpace
from searchspaces.operators import multiply_adds
from searchspaces.space import Genotype, TaskShape
from tests.searchspaces.weights import all_ones

EXTENDED, PAPER = FlexibleSpace(), FlexibleSpace("paper")
MAP = TaskShape(5, 1, "map")
BOTH = pytest.mark.parametrize("space", [EXTENDED, PAPER], ids=["extended", "paper"])
OUTPUTS = pytest.mark.parametrize("output", ["map", "scalar", "classes"])


def make(
    space: FlexibleSpace = EXTENDED,
    *,
    dags: dict[int, tuple[Sequence[str], Sequence[Edge]]] | None = None,
    **options: int,
) -> Genotype:
    """A genotype from option indices by name and DAGs by index (operations of vertices 1.., edges)."""
    values = [0] * len(space.choices)
    names = {choice.name: i for i, choice in enumerate(space.choices)}
    for name, option in options.items():
        values[names[name]] = option
    for index, (operations, edges) in (dags or {}).items():
        for vertex, name in enumerate(operations, 1):
            values[names[f"dag{index + 1}.operation{vertex}"]] = OPERATIONS.index(name)
        for u, v in edges:
            values[names[f"dag{index + 1}.edge{u}-{v}"]] = 1
    return Genotype(space.name, tuple(values))


def residual_dilated(width: int = 16) -> Genotype:
    """Of the former extended preset: the network of one tile plus residual blocks of dilation 1, 2, 4."""
    blocks = {0: (["conv3x3"], [(0, 1)]), 2: (["dilated2"], [(0, 1)]), 4: (["dilated4"], [(0, 1)])}
    return EXTENDED.canonical(make(width=(8, 16, 32).index(width), full_resolution=1, join=1, dags=blocks))


class TestValues:
    def test_choices(self) -> None:
        assert len(PAPER.choices) == 6 * 28
        assert PAPER.size == 2**168
        assert len(EXTENDED.choices) == 5 + 6 * (7 + 28)
        assert EXTENDED.size == 4 * 3 * 2 * 2 * 2 * 7**42 * 2**168

    def test_preset_must_be_known(self) -> None:
        with pytest.raises(ValueError, match="must be 'paper' or 'extended', not 'big'"):
            FlexibleSpace("big")  # type: ignore[arg-type]

    def test_paper_operations_are_shuffled_by_the_seed_and_recorded(self) -> None:
        operations = PAPER.config()["fixed_operations"]
        assert isinstance(operations, list)
        assert len(operations) == 6
        assert all(sorted(dag) == sorted(PAPER_OPERATIONS) for dag in operations)
        assert operations != FlexibleSpace("paper", 1).config()["fixed_operations"]
        assert operations == FlexibleSpace("paper", 0).config()["fixed_operations"]

    @BOTH
    def test_canonical_is_idempotent_for_any_values(self, space: FlexibleSpace) -> None:
        rng = np.random.default_rng(0)
        counts = [choice.count for choice in space.choices]
        for _ in range(100):
            genotype = space.genotype(rng.integers(counts))
            assert space.canonical(genotype) == genotype
            assert space.contains(genotype)

    def test_canonical_forgets_what_has_no_effect(self) -> None:
        plain = make(dags={0: (["mix"], [(0, 1)])})
        dangling = make(dags={0: (["mix", "dilated8", "dilated4"], [(0, 1), (2, 3), (2, 4)])})
        later = make(dags={0: (["conv1x1"] * 6 + ["mix"], [(0, 7)])})
        other_of_pair = make(dags={1: (["mix"], [(0, 1)])})
        forms = {EXTENDED.canonical(genotype).hash for genotype in (plain, dangling, later, other_of_pair)}
        assert len(forms) == 1

    def test_canonical_moves_empty_residual_stages_only_within_one_size(self) -> None:
        one = (["dilated4"], [(0, 1)])
        for halvings, same in ((0, {0, 2, 4}), (1, {0, 2}), (2, {0}), (3, {0})):
            forms = [EXTENDED.canonical(make(halvings=halvings, join=1, dags={i: one})) for i in (0, 2, 4)]
            assert [form == forms[0] for form in forms] == [i in same for i in (0, 2, 4)]
        assert EXTENDED.canonical(make(dags={0: one})) != EXTENDED.canonical(make(dags={2: one}))

    def test_paper_preset_knows_equal_operations(self) -> None:
        places = [i + 1 for i, op in enumerate(PAPER.fixed_operations[0]) if OPERATIONS[op] == "mix"]
        forms = {PAPER.canonical(make(PAPER, dags={0: ([], [(0, v)])})) for v in places}
        assert len(places) == 2
        assert len(forms) == 1

    def test_samples_of_the_extended_preset_are_small(self) -> None:
        rng = np.random.default_rng(0)
        samples = [EXTENDED.sample(rng) for _ in range(400)]
        counts = [len(EXTENDED.dag(genotype.values, i)[0]) for genotype in samples for i in range(6)]
        assert np.mean(counts) == pytest.approx(1.61, abs=0.1)
        assert np.mean(np.equal(counts, 0)) == pytest.approx(0.3, abs=0.03)
        assert len(set(samples)) > 395

    @BOTH
    def test_mutation_and_crossover_stay_canonical(self, space: FlexibleSpace) -> None:
        rng = np.random.default_rng(0)
        parent, other = space.sample(rng), space.sample(rng)
        for _ in range(100):
            child = space.mutate(parent, rng)
            assert child != parent
            mixed = space.crossover(child, other, rng)
            assert space.canonical(child) == child
            assert space.canonical(mixed) == mixed
            parent = child

    def test_one_hot_has_one_entry_a_choice(self) -> None:
        encoded = EXTENDED.one_hot(residual_dilated())
        assert encoded.shape == (4 + 3 + 2 + 2 + 2 + 6 * (7 * 7 + 28 * 2),)
        assert encoded.sum() == len(EXTENDED.choices)


class TestNetworks:
    @BOTH
    @OUTPUTS
    def test_any_map_size(self, space: FlexibleSpace, output) -> None:  # type: ignore[no-untyped-def]
        rng = np.random.default_rng(1)
        full = space.genotype([choice.count - 1 for choice in space.choices])
        empty = space.genotype([0] * len(space.choices))
        shape = TaskShape(5, 1 if output == "scalar" else 3, output)
        given = "map" if (space, output) == (EXTENDED, "scalar") else output
        for genotype in (empty, full, *(space.sample(rng) for _ in range(6))):
            network = space.build(genotype, shape, seed=0).eval()
            assert network.output == given
            for height, width in ((1, 1), (1, 9), (8, 16), (37, 53)):
                y = network(torch.rand(2, 5, height, width))
                answers = {"map": (2, shape.outputs, height, width), "scalar": (2,), "classes": (2, 3)}
                assert y.shape == answers[given]
                assert torch.equal(y, torch.zeros_like(y))

    @BOTH
    @OUTPUTS
    def test_gradients_reach_all_parameters_after_two_steps(self, space: FlexibleSpace, output) -> None:  # type: ignore[no-untyped-def]
        rng = np.random.default_rng(2)
        for genotype in [space.sample(rng) for _ in range(4)]:
            network = space.build(genotype, TaskShape(3, 1, output), seed=0)
            optimiser = torch.optim.SGD(network.parameters(), 1e-3)
            x = torch.rand(2, 3, 17, 18, generator=torch.Generator().manual_seed(0))
            for _ in range(3):
                optimiser.zero_grad()
                y = network(x)
                target = x[:, :1] if network.output == "map" else x.mean((1, 2, 3)).reshape(y.shape)
                (y - target).square().mean().backward()
                optimiser.step()
            for name, parameter in network.named_parameters():
                assert parameter.grad is not None, name
                assert parameter.grad.isfinite().all(), name
            assert all(m.weight.grad.any() for m in network.modules() if isinstance(m, nn.Conv2d))  # type: ignore[union-attr]

    def test_classes_are_those_of_the_average_tile(self) -> None:
        # With equal weights the two heads differ in nothing but when they average.
        genotype, x = residual_dilated(), torch.rand(2, 5, 9, 7)
        of_tiles, of_maps = (EXTENDED.build(genotype, TaskShape(5, 3, output), seed=1) for output in ("map", "classes"))
        of_tiles.head.weight.data.copy_(torch.rand(3, 32, 1, 1))  # type: ignore[union-attr, operator]
        of_maps.load_state_dict(of_tiles.state_dict())
        assert torch.allclose(of_maps(x), of_tiles(x).mean((2, 3)), atol=1e-6)

    @pytest.mark.parametrize(
        ("preset", "output", "inputs", "total"),
        [
            ("extended", "map", 5, 18277.888110266056),
            ("extended", "scalar", 17, 18772.115547205107),
            ("paper", "map", 5, 153902.5023035908),
            ("paper", "map", 17, 156389.22944425597),
            ("paper", "scalar", 17, 135168.73332454223),
        ],
    )
    def test_weights_are_those_of_earlier_versions(self, preset, output, inputs, total) -> None:  # type: ignore[no-untyped-def]
        # Recorded before tasks had shapes: the absolute weights of six samples and their seeds, one after the other.
        space, rng = FlexibleSpace(preset), np.random.default_rng(11)
        genotypes = [space.sample(rng) for _ in range(6)]
        genotypes += [residual_dilated()] if preset == "extended" else []
        found = 0.0
        for seed, genotype in enumerate(genotypes):
            network = space.build(genotype, TaskShape(inputs, 1, output), seed=seed)
            for tensor in network.state_dict().values():
                found += float(tensor.double().abs().sum())
        assert found == pytest.approx(total, rel=1e-9)

    def test_the_seed_alone_draws_the_weights(self) -> None:
        before = torch.get_rng_state()
        genotype = residual_dilated()
        a, b, c = (EXTENDED.build(genotype, MAP, seed=seed).state_dict() for seed in (1, 1, 2))
        assert torch.equal(torch.get_rng_state(), before)
        assert all(torch.equal(a[key], b[key]) for key in a)
        assert not torch.equal(a["one_tile.0.0.weight"], c["one_tile.0.0.weight"])

    def test_residual_dilated_starts_as_the_network_of_one_tile(self) -> None:
        network = EXTENDED.build(residual_dilated(), MAP, seed=0)
        dilations = [module.dilation[0] for module in network.trunk.modules() if hasattr(module, "dilation")]  # type: ignore[union-attr]
        assert dilations == [1, 1, 2, 1, 4, 1]  # a block's convolution and its projection, three times
        hidden = torch.rand(1, 32, 9, 9)
        assert torch.equal(network.trunk(hidden), hidden)  # type: ignore[operator]
        with torch.no_grad():
            network.head.weight.fill_(1.0)  # type: ignore[union-attr, operator]
        x = torch.rand(1, 5, 9, 9)
        changed = x.clone()
        changed[..., 4, 4] += 1
        assert (network(x) != network(changed)).nonzero()[:, 2:].tolist() == [[4, 4]]

    def test_halvings_are_centred(self) -> None:
        rng = np.random.default_rng(3)
        for join in (0, 1):
            genotype = EXTENDED.crossover(EXTENDED.sample(rng), EXTENDED.sample(rng), rng)
            values = (3, 0, 1, join, 0, *genotype.values[5:])
            network = EXTENDED.build(EXTENDED.genotype(values), MAP, seed=0).double()
            all_ones(network)
            x = torch.rand(1, 5, 16, 24, dtype=torch.float64)
            assert torch.allclose(network(x.flip(3)), network(x).flip(3))
            assert torch.allclose(network(x.flip(2)), network(x).flip(2))

    def size(self, space: FlexibleSpace, genotype: Genotype) -> tuple[int, float]:
        """Parameters, and multiplications per tile of a map that no stride cuts."""
        network = space.build(genotype, TaskShape(17, 1, "map"), seed=0).eval()
        parameters = sum(parameter.numel() for parameter in network.parameters())
        return parameters, multiply_adds(network, torch.zeros(1, 17, 64, 64)) / 64**2

    def test_cost_by_hand(self) -> None:
        parameters, work = self.size(EXTENDED, residual_dilated(16))
        one_tile, block, head = 17 * 32 + 32 * 32, 9 * 32 * 16 + 16 * 32, 2 * 32 * 32 + 32
        assert work == one_tile + 3 * block + head
        assert parameters == one_tile + 3 * block + head + 2 * 32 + 3 * (16 + 32) + 32 + 1

    def test_cost_of_the_empty_paper_network_by_hand(self) -> None:
        parameters, found = self.size(PAPER, PAPER.genotype([0] * len(PAPER.choices)))
        stem, down, shortcut, last = 17 * 64 * 9, 128 * 64 * 9, 64 * 64, 128 * 64
        up = (64 * 32 * 16, 32 * 16 * 16, 16 * 16 * 16, 16 * 9)
        norms = 2 * (64 + 2 * (64 + 64) + 64 + 32 + 16 + 16)
        assert parameters == stem + 2 * (down + shortcut) + last + sum(up) + norms + 1
        work = stem / 4 + (down + shortcut) / 16 + (down + shortcut) / 64 + last / 64
        assert found == work + up[0] / 64 + up[1] / 16 + up[2] / 4 + up[3]

    def test_build_refuses_foreign_genotypes_and_shapes(self) -> None:
        genotype = residual_dilated()
        with pytest.raises(ValueError, match="genotype of space 'flexible-extended', expected 'flexible-paper:0'"):
            PAPER.build(genotype, MAP, seed=0)
        with pytest.raises(ValueError, match="give map or scalar or classes, not tokens"):
            EXTENDED.build(genotype, TaskShape(5, 1, "tokens"), seed=0)

    def test_activations_keep_their_size(self) -> None:
        # He's initialisation: over seeds, a chain of seven convolutions neither blows up nor dies out.
        genotype = make(join=1, width=2, dags={0: (["conv3x3"] * 7, [(i, i + 1) for i in range(7)])})
        x = torch.rand(1, 64, 32, 32, generator=torch.Generator().manual_seed(0))
        logs = []
        for seed in range(12):
            network = EXTENDED.build(genotype, MAP, seed=seed)
            with torch.no_grad():
                y = network.trunk[1].pair[0](x)  # type: ignore[index, union-attr, operator]
            logs.append(float((y.square().mean() / x.square().mean()).log()))
        assert np.exp(np.mean(logs)) == pytest.approx(1, rel=0.6)
