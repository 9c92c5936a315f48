"""The space of Auto-GNN: hand-made members against torch-geometric, attention and aggregation by loops."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from searchspaces.auto_gnn import ACTIVATIONS, AGGREGATORS, ATTENTIONS, COMBINATIONS, CONTROLS, AutoGnnSpace
from searchspaces.operators import multiply_adds
from searchspaces.plans import GraphLayer
from searchspaces.space import TaskShape

pytest.importorskip("torch_geometric", exc_type=ImportError)

SPACE = AutoGnnSpace()
NODES = TaskShape(6, 3, "nodes")
EDGES = torch.tensor([[0, 1, 2, 4, 3, 3], [1, 2, 3, 4, 1, 0]])  # one edge of a node to itself, none into node 4 else


def features(n: int = 5, channels: int = 6) -> Tensor:
    return torch.randn(n, channels, generator=torch.Generator().manual_seed(0))


def control(name: str, shape: TaskShape = NODES) -> nn.Module:
    return SPACE.build(SPACE.from_plan(CONTROLS[name]), shape, seed=0).eval()


def test_size_and_plans() -> None:
    assert SPACE.count() == (7 * 7 * 6 * 4 * 8 * 2) * (7 * 6 * 4 * 8 * 2) == 50_577_408
    assert [SPACE.plan(genotype) for genotype in SPACE.controls] == list(CONTROLS.values())
    assert len(SPACE.fix("layer1.attention", "gat").controls) == 1
    assert AutoGnnSpace(3).controls == ()
    with pytest.raises(ValueError, match="a plan needs 2 layers, the last one without features, not"):
        SPACE.from_plan(CONTROLS["gcn"][:1] * 2)
    with pytest.raises(ValueError, match=r"choice 'layer1\.hidden' has the options 4, 8, .* not '17'"):
        SPACE.from_plan((GraphLayer(17, "gcn", 1, "sum", "relu", "identity"), CONTROLS["gcn"][1]))
    with pytest.raises(ValueError, match="needs a layer and 0 <= dropout < 1, not 2 and 1"):
        AutoGnnSpace(dropout=1)


@pytest.mark.parametrize(("name", "count"), [("gcn", 1433 * 16 + 16 + 16 * 7 + 7), ("gat", 92_373)])
def test_controls_have_the_parameters_of_their_papers(name: str, count: int) -> None:
    # GAT on Cora, from the sizes: (1433 + 2 + 1) * 64 and (64 + 2 + 1) * 7.
    network = control(name, TaskShape(1433, 7, "nodes"))
    assert sum(parameter.numel() for parameter in network.parameters()) == count
    weights = {"gcn": 1433 * 16 + 16 * 7, "gat": 1433 * 64 + 64 * 7}[name]
    assert multiply_adds(network, torch.zeros(5, 1433), EDGES) == 5 * weights


def test_gcn_is_that_of_torch_geometric() -> None:
    from torch_geometric.nn import GCNConv

    network = control("gcn")
    first, second = GCNConv(6, 16), GCNConv(16, 3)
    for conv, layer in zip((first, second), network.layers, strict=True):  # type: ignore[arg-type]
        conv.lin.weight = layer.project.weight
    expected = second(first(features(), EDGES).relu(), EDGES)
    assert torch.allclose(network(features(), EDGES), expected, atol=1e-6)


def test_gat_is_that_of_torch_geometric() -> None:
    from torch_geometric.nn import GATConv

    network = control("gat")
    first, second = GATConv(6, 8, heads=8), GATConv(64, 3, heads=1, concat=False)
    for conv, layer in zip((first, second), network.layers, strict=True):  # type: ignore[arg-type]
        conv.lin.weight = layer.project.weight
        conv.att_dst.data, conv.att_src.data = (layer.attention.weights[side].data[None] for side in "lr")
    expected = second(nn.functional.elu(first(features(), EDGES)), EDGES)
    assert torch.allclose(network(features(), EDGES), expected, atol=1e-6)


def leaky(value: Tensor) -> Tensor:
    return value if value > 0 else 0.2 * value


SCORES: dict[str, Callable[..., Tensor]] = {
    "gat": lambda i, j, left, right: leaky(left @ i + right @ j),
    "sym-gat": lambda i, j, left, right: leaky(left @ i + right @ j) + leaky(left @ j + right @ i),
    "cos": lambda i, j, left, right: (left * i) @ (right * j),
    "linear": lambda i, j, right: torch.tanh(right @ j),
    "gene-linear": lambda i, j, left, right, a: a @ torch.tanh(left * i + right * j),
}


def shares(name: str, x: Tensor, weights: dict[str, Tensor], node: int, near: list[list[int]]) -> list[float]:
    """How much each neighbour of a node counts for one head: ``x`` (N, C), weights (C,)."""
    if name == "const":
        return [1.0 for _ in near[node]]
    if name == "gcn":
        return [1 / math.sqrt(len(near[node]) * len(near[other])) for other in near[node]]
    named = {{"l": "left", "r": "right"}.get(key, key): weight for key, weight in weights.items()}
    scores = [math.exp(SCORES[name](x[node], x[other], **named)) for other in near[node]]
    return [score / sum(scores) for score in scores]


@torch.no_grad()
@pytest.mark.parametrize("aggregator", AGGREGATORS)
@pytest.mark.parametrize("attention", ATTENTIONS)
def test_a_layer_by_loops(attention: str, aggregator: str) -> None:
    index = (ATTENTIONS.index(attention) + AGGREGATORS.index(aggregator)) % 8
    activation, combine = ACTIVATIONS[index], COMBINATIONS[index % 2]
    plan = (GraphLayer(4, attention, 2, aggregator, activation, combine), CONTROLS["gcn"][1])
    layer = SPACE.build(SPACE.from_plan(plan), NODES, seed=0).eval().layers[0]  # type: ignore[index]
    loops = torch.cat([EDGES[:, EDGES[0] != EDGES[1]], torch.arange(5).expand(2, -1)], dim=1)
    near = [loops[0, loops[1] == node].tolist() for node in range(5)]
    own = layer.project(features())
    heads = []
    for head in range(2):
        x = own[:, 4 * head : 4 * head + 4]
        weights = {name: weight[head] for name, weight in layer.attention.weights.items()}
        rows = []
        for node in range(5):
            counts = shares(attention, x, weights, node, near)
            messages = torch.stack([count * x[other] for count, other in zip(counts, near[node], strict=True)])
            rows.append({"mean": messages.mean(0), "max": messages.amax(0)}.get(aggregator, messages.sum(0)))
        heads.append(layer.aggregator(torch.stack(rows)))
    y = torch.cat(heads, dim=1)
    y = (layer.combine(torch.cat([own, y], dim=1)) if combine == "mlp" else y) + layer.bias
    function = {"linear": lambda x: x}.get(activation) or getattr(nn.functional, activation)
    assert torch.allclose(layer(features(), loops), function(y), atol=1e-5)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_gradients_reach_every_weight(attention: str) -> None:
    plan = (GraphLayer(16, attention, 2, "mlp", "elu", "mlp"), GraphLayer(0, attention, 4, "mean", "linear", "mlp"))
    network = AutoGnnSpace(dropout=0.0).build(SPACE.from_plan(plan), TaskShape(6, 8, "nodes"), seed=0)
    network(features(), EDGES).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in network.parameters())


def test_dropout_is_for_training_and_the_seed_draws_it() -> None:
    network = control("gat")
    plain = network(features(), EDGES)
    answers = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        answers.append(network.train()(features(), EDGES))
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])
    assert torch.equal(network.eval()(features(), EDGES), plain)


def test_a_graph_is_the_mean_of_its_nodes_in_any_order() -> None:
    nodes, graphs = control("gat"), control("gat", TaskShape(6, 3, "graphs"))
    batch = torch.tensor([0, 0, 0, 0, 1])
    y = nodes(features(), EDGES)
    expected = torch.stack([y[:4].mean(0), y[4]])
    assert torch.allclose(graphs(features(), EDGES, batch), expected, atol=1e-6)
    order = torch.tensor([3, 1, 4, 0, 2])
    place = order.argsort()
    assert torch.allclose(graphs(features()[order], place[EDGES], batch[order]), expected, atol=1e-5)
