"""Graph neural networks layer by layer: the space of Auto-GNN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from searchspaces.plans import GraphLayer
from searchspaces.space import Choice, Genotype, Space, TaskShape

if TYPE_CHECKING:
    from torch import nn

HIDDEN = ("4", "8", "16", "32", "64", "128", "256")
ATTENTIONS = ("const", "gcn", "gat", "sym-gat", "cos", "linear", "gene-linear")
HEADS = ("1", "2", "4", "6", "8", "16")
AGGREGATORS = ("sum", "mean", "max", "mlp")
ACTIVATIONS = ("sigmoid", "tanh", "relu", "linear", "softplus", "leaky_relu", "relu6", "elu")
COMBINATIONS = ("identity", "mlp")

CONTROLS = {
    "gcn": (GraphLayer(16, "gcn", 1, "sum", "relu", "identity"), GraphLayer(0, "gcn", 1, "sum", "linear", "identity")),
    "gat": (GraphLayer(8, "gat", 8, "sum", "elu", "identity"), GraphLayer(0, "gat", 1, "sum", "linear", "identity")),
}
"""GCN (Kipf & Welling, arXiv 1609.02907) and GAT (Velickovic et al., arXiv 1710.10903) as their papers have them."""


class AutoGnnSpace(Space):
    """The space of Auto-GNN (Zhou et al., arXiv 1909.03184): each layer has an option of each of six action classes.

    ``hidden``      features of each head, but for the last layer, whose heads have the outputs and are averaged
    ``attention``   how much a neighbour counts (see `searchspaces.auto_gnn_network.Attention`)
    ``heads``       so many projections side by side, each with its own attention
    ``aggregator``  of what comes from the neighbours, the node itself among them; ``mlp`` is a perceptron of the sum
    ``activation``  of the layer's answer
    ``combine``     ``identity``: the answer is the aggregate; ``mlp``: a perceptron of it and the node's own features

    The paper has no code; options are those of its predecessor GraphNAS (Gao et al., IJCAI 2020, arXiv 1904.09981),
    which has all but ``combine``. Two layers have 18,816 x 2,688 = 50,577,408 architectures. ``dropout`` is that of
    every layer's input and of attention; the papers use 0.6.
    """

    table_name = "auto-gnn"
    outputs = ("nodes", "graphs")

    def __init__(self, layers: int = 2, dropout: float = 0.6) -> None:
        if layers < 1 or not 0 <= dropout < 1:
            raise ValueError(f"a graph network needs a layer and 0 <= dropout < 1, not {layers} and {dropout}")
        self.layers, self.dropout = layers, dropout
        choices = []
        for layer in range(1, layers + 1):
            classes = {
                "hidden": HIDDEN, "attention": ATTENTIONS, "heads": HEADS,
                "aggregator": AGGREGATORS, "activation": ACTIVATIONS, "combine": COMBINATIONS,
            }  # fmt: skip
            if layer == layers:
                del classes["hidden"]
            choices += [Choice(f"layer{layer}.{name}", options) for name, options in classes.items()]
        super().__init__("auto-gnn" if layers == 2 else f"auto-gnn:{layers}", choices)

    def plan(self, genotype: Genotype) -> tuple[GraphLayer, ...]:
        """What the genotype means, layer by layer; the last one's ``hidden`` is 0, for the outputs of a task."""
        values = self.canonical(genotype).values
        names = [choice.names[value] for choice, value in zip(self.choices, values, strict=True)]
        names.insert(-5, "0")
        found = []
        for start in range(0, len(names), 6):
            hidden, attention, heads, *rest = names[start : start + 6]
            found.append(GraphLayer(int(hidden), attention, int(heads), *rest))
        return tuple(found)

    def from_plan(self, layers: tuple[GraphLayer, ...]) -> Genotype:
        """The genotype of a `plan`. Raises ValueError for an option or a number of layers that the space has not."""
        names = [str(value) for layer in layers for value in vars(layer).values()]
        if len(layers) != self.layers or names.pop(-6) != "0":
            raise ValueError(f"a plan needs {self.layers} layers, the last one without features, not {layers}")
        return self.genotype([choice.option(name) for choice, name in zip(self.choices, names, strict=True)])

    @property
    def controls(self) -> tuple[Genotype, ...]:
        """See `Space.controls`: GCN and GAT, where there are two layers."""
        whole = AutoGnnSpace(self.layers)
        found = [whole.from_plan(layers) for layers in CONTROLS.values() if len(layers) == self.layers]
        return tuple(genotype for genotype in found if self.contains(genotype))

    def build(self, genotype: Genotype, shape: TaskShape, *, seed: int) -> nn.Module:
        """The network: node features (N, inputs) and edges (2, E) to logits (N, outputs), those of the last layer.

        For graphs it takes each node's graph (N,), too, and averages the logits of a graph's nodes. Weights are drawn
        from ``seed``. Raises ImportError, naming what to install, without torch-geometric.
        """
        from searchspaces.auto_gnn_network import AutoGnnNetwork
        from searchspaces.geometric_network import GraphAverage
        from searchspaces.operators import seeded

        self.check_shape(shape)
        network: nn.Module = seeded(lambda: AutoGnnNetwork(self.plan(genotype), shape, self.dropout), seed)
        return GraphAverage(network) if shape.output == "graphs" else network
