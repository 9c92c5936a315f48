"""The recurrent cell of DARTS against the paper's numbers, brute force and a loop by hand."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from searchspaces.operators import multiply_adds
from searchspaces.recurrent import ACTIVATIONS, RecurrentSpace
from searchspaces.recurrent_network import RecurrentNetwork
from searchspaces.space import TaskShape
from tests.adapters.letters import Letters
from tests.searchspaces.weights import all_ones

SPACE = RecurrentSpace()
WORDS = TaskShape(11, 11, "tokens")
LINKS = (0, 1, 1, 0)
FUNCTIONS = ("tanh", "relu", "sigmoid", "identity")


def small(**options: Any) -> nn.Module:
    space = RecurrentSpace(4, 6, **options)
    return space.build(space.from_cell(LINKS, FUNCTIONS), WORDS, seed=0)


def brute_form(links: tuple[int, ...], activations: tuple[str, ...]) -> object:
    """The smallest of all renamings of the nodes."""
    numbers = range(1, len(links) + 1)
    forms = []
    for order in permutations(numbers):
        to = {0: 0, **dict(zip(numbers, order, strict=True))}
        forms.append(
            sorted((to[node], to[link], name) for node, link, name in zip(numbers, links, activations, strict=True))
        )
    return min(forms)


@pytest.mark.parametrize("nodes", [1, 2, 3, 4])
def test_one_form_for_each_tree_by_brute_force(nodes: int) -> None:
    space = RecurrentSpace(nodes)
    pairs = set()
    for links in product(*(range(node) for node in range(1, nodes + 1))):
        for activations in product(ACTIVATIONS, repeat=nodes):
            pairs.add((space.from_cell(links, activations), str(brute_form(links, activations))))
    genotypes, forms = zip(*pairs, strict=True)
    assert len(set(genotypes)) == len(set(forms)) == len(pairs) == space.count()


def test_sizes() -> None:
    assert SPACE.size == 4**8 * 40_320  # the paper's, which counts every order of nodes
    assert SPACE.count() == 9_345_761
    assert SPACE.fix("node1.activation", "relu").count() is None
    assert RecurrentSpace(2).fix("node1.activation", "identity").count() == len(
        {genotype for genotype in RecurrentSpace(2).enumerate() if genotype.values[0] == 3}
    )


def test_every_order_of_a_cell_computes_the_same() -> None:
    rng = np.random.default_rng(0)
    tokens = torch.tensor([[1, 2], [3, 4], [5, 6]])
    different = set()
    for _ in range(20):
        links = tuple(int(rng.integers(node)) for node in range(1, 9))
        activations = tuple(ACTIVATIONS[i] for i in rng.integers(4, size=8))
        spelt = RecurrentNetwork(links, activations, WORDS, 6, 0.0, 0.0, False)
        built = RecurrentSpace(8, 6, tied=False).build(SPACE.from_cell(links, activations), WORDS, seed=0)
        all_ones(spelt)
        all_ones(built)
        for part in (spelt, built):  # states that all activations tell apart
            nn.init.constant_(part.words.weight, -2.0)  # type: ignore[union-attr, arg-type]
        a, b = spelt(tokens)[0], built(tokens)[0]
        assert torch.allclose(a, b, rtol=1e-5)
        different.add(round(float(a.detach()[-1, 0, 0]), 6))
    assert len(different) == 20


def by_hand(network: nn.Module, tokens: Tensor) -> tuple[Tensor, Tensor]:
    weights: dict[str, Tensor] = dict(network.named_parameters())
    functions = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "relu": torch.relu, "identity": lambda x: x}
    state, logits = torch.zeros(tokens.shape[1], 6), []
    for row in tokens:
        word = weights["words.weight"][row]
        both = word @ weights["cell.token"].T + state @ weights["cell.state"].T
        gate, candidate = torch.sigmoid(both[:, :6]), torch.tanh(both[:, 6:])
        nodes = [state + gate * (candidate - state)]
        for i, (link, name) in enumerate(zip(LINKS, FUNCTIONS, strict=True)):
            both = nodes[link] @ weights[f"cell.nodes.{i}"].T
            step = functions[name](both[:, 6:]) - nodes[link]
            nodes.append(nodes[link] + torch.sigmoid(both[:, :6]) * step)
        state = torch.stack(nodes[1:]).mean(0)
        logits.append(state @ weights["words.weight"].T + weights["head.bias"])
    return torch.stack(logits), state


def test_a_cell_by_hand() -> None:
    assert RecurrentSpace(4).cell(RecurrentSpace(4).from_cell(LINKS, FUNCTIONS)) == (LINKS, FUNCTIONS)
    tokens = torch.randint(11, (5, 3), generator=torch.Generator().manual_seed(0))
    network = small()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(10)  # so that gates are far from a half
    for ours, theirs in zip(network(tokens), by_hand(network, tokens), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_sequence_in_two_windows_is_the_whole() -> None:
    tokens = torch.randint(11, (8, 3), generator=torch.Generator().manual_seed(0))
    network = small()
    whole, last = network(tokens, None)
    first, state = network(tokens[:5], None)
    second, end = network(tokens[5:], state)
    assert torch.allclose(torch.cat([first, second]), whole, atol=1e-7)
    assert torch.allclose(end, last, atol=1e-7)
    assert not torch.allclose(network(tokens[5:])[0], second)


def test_cost_by_hand() -> None:
    for tied in (True, False):
        network = small(tied=tied)
        words = 11 * 6 * (1 if tied else 2)
        assert sum(parameter.numel() for parameter in network.parameters()) == words + 11 + (2 + 4) * 12 * 6
        tokens = torch.zeros(5, 3, dtype=torch.long)
        assert multiply_adds(network, tokens, None) == 5 * 3 * ((2 + 4) * 12 * 6 + 6 * 11)


def test_gradients_reach_every_weight() -> None:
    network = small(dropout=0.3, state_dropout=0.3)
    logits, _ = network(torch.arange(11).reshape(11, 1))
    logits.logsumexp(-1).sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_dropout_is_one_mask_for_all_tokens_and_the_seed_draws_it() -> None:
    network = small(dropout=0.5, state_dropout=0.25)
    seen: dict[str, tuple[Any, ...]] = {}
    for name, part in (("cell", network.cell), ("head", network.head)):
        assert isinstance(part, nn.Module)
        part.register_forward_pre_hook(lambda _, inputs, name=name: seen.update({name: inputs}))
    tokens = torch.randint(11, (7, 64), generator=torch.Generator().manual_seed(0))

    def answer(seed: int) -> Tensor:
        torch.manual_seed(seed)
        logits: Tensor = network(tokens)[0]
        return logits

    assert torch.equal(answer(0), answer(0))
    assert not torch.equal(answer(0), answer(1))
    x, _, mask = seen["cell"]
    for dropped in (x == 0, seen["head"][0] == 0):
        assert torch.equal(dropped, dropped[:1].expand_as(dropped))
        assert float(dropped[0].float().mean()) == pytest.approx(0.5, abs=0.1)
    assert mask.unique().tolist() == pytest.approx([0, 4 / 3])
    assert float((mask == 0).float().mean()) == pytest.approx(0.25, abs=0.1)
    assert torch.allclose(network.eval()(tokens)[0], by_hand(network, tokens)[0], atol=1e-6)


def test_it_learns_a_text() -> None:
    task = Letters()
    space = RecurrentSpace(4, 16)
    network = space.build(space.from_cell(LINKS, FUNCTIONS), task.shape, seed=0)
    before = task.score(network, "test")["negative_loss"]
    optimiser = torch.optim.Adam(network.parameters(), 0.02)
    for epoch in range(4):
        for batch in task.batches("train", 4, np.random.default_rng(epoch)):
            optimiser.zero_grad()
            task.loss(network, batch).backward()
            optimiser.step()
    # ln 5 without learning; the entropy of a step of 1 or 2 with probability 0.8 and 0.2 is 0.50.
    assert before == pytest.approx(-1.61, abs=0.02)
    assert task.score(network, "test")["negative_loss"] > -0.65


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(ValueError, match=r"needs 8 nodes, each behind an earlier one, and activations, not \(0, 2, "):
        SPACE.from_cell((0, 2, 0, 0, 0, 0, 0, 0), ["tanh"] * 8)
    with pytest.raises(ValueError, match="tied words need as many outputs as inputs, not 5 and 11"):
        SPACE.check_shape(TaskShape(11, 5, "tokens"))
    with pytest.raises(ValueError, match="a dropout must be at least 0 and below 1, not 1 and 0"):
        RecurrentSpace(dropout=1)
    with pytest.raises(ValueError, match="needs a node and a feature, not 0 and 300"):
        RecurrentSpace(0)
