"""Graph neural networks: the NAS-Bench-Graph cell."""

from __future__ import annotations

from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from searchspaces.plans import Links, sinks
from searchspaces.space import Choice, Genotype, Graph, Space, TaskShape, Values

if TYPE_CHECKING:
    from torch import nn

LINKS: tuple[Links, ...] = (
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)
"""The predecessor of each of the nodes 1 to 4, 0 being the input: one of each shape of rooted tree."""

OPERATIONS = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
PROTEINS_OPERATIONS = ("gcn", "sage", "arma", "fc", "skip")
NODES = 4


class NasBenchGraphSpace(Space):
    """The cell of NAS-Bench-Graph (Qin et al., NeurIPS 2022, arXiv 2206.09166): 26,206 architectures.

    Four nodes, each an operation on the output of one predecessor; nodes without a successor are the cell's output.
    ``operations`` is 9, or 5 for the benchmark's largest data set, proteins (2,021 architectures).

    Cells that differ in the order of nodes are one, and so are those that differ in where a skip without effect
    stands. Such a skip has a successor, or is its predecessor's only one, or carries the bare input to the output;
    in the canonical form it stands at the input. A cell of nothing but skips is not legal.

    ``hidden`` features and the ``dropout`` decide the networks that `build` makes.
    """

    table_name = "nas-bench-graph"
    outputs = ("nodes", "graphs")

    def __init__(self, operations: int = 9, hidden: int = 64, dropout: float = 0.5) -> None:
        if operations not in (9, 5):
            raise ValueError(f"NAS-Bench-Graph has 9 operations, or 5 for proteins, not {operations}")
        if hidden < 2 or hidden % 2 or not 0 <= dropout < 1:
            raise ValueError(f"a cell needs an even number of features and 0 <= dropout < 1, not {hidden}, {dropout}")
        self.operations = operations
        self.operation_names = OPERATIONS if operations == 9 else PROTEINS_OPERATIONS
        choices = [Choice("link", tuple("".join(map(str, link)) for link in LINKS))]
        choices += [Choice(f"operation{i}", self.operation_names) for i in range(1, NODES + 1)]
        super().__init__("nas-bench-graph" if operations == 9 else "nas-bench-graph-proteins", choices)
        self.hidden, self.dropout = hidden, dropout

    def count(self) -> int | None:
        """The number of architectures: 26,206, or 2,021 for proteins."""
        if self.fixed:
            return super().count()
        return 26_206 if self.operations == 9 else 2_021

    def valid_values(self, values: Values) -> bool:
        """Whether one of the operations is not a skip."""
        return min(values[1:]) < self.operations - 1

    def canonical_values(self, values: Values) -> Values:
        """The representative of all values that mean the same cell (idempotent), which is the benchmark's own."""
        return _canonical(values, self.operations - 1)

    def cell(self, genotype: Genotype) -> tuple[Links, tuple[str, ...]]:
        """The predecessor and the operation of each node, as the benchmark writes them."""
        link, *operations = self.canonical(genotype).values
        return LINKS[link], tuple(self.operation_names[operation] for operation in operations)

    def from_cell(self, links: Links, operations: tuple[str, ...]) -> Genotype:
        """The canonical genotype of any predecessors (each an earlier node, or 0) and operations.

        Raises ValueError for others.
        """
        forms = _forms(tuple(links)) if _are_links(links) else ()
        if not forms or len(operations) != NODES:
            raise ValueError(f"a cell needs {NODES} predecessors, each before its node, and operations, not {links}")
        pattern, order = forms[0]
        numbers = [self.choices[1].option(operation) for operation in operations]
        return self.genotype((pattern, *(numbers[i] for i in order)))

    def key(self, genotype: Genotype) -> int:
        """The number under which the benchmark's tables have the cell.

        Link and operations are digits to the base 10, operations numbered as in `OPERATIONS`; so are those of the
        table of proteins, too.
        """
        link, operations = self.canonical(genotype).values[0], self.cell(genotype)[1]
        return int(f"{link}" + "".join(str(OPERATIONS.index(operation)) for operation in operations))

    def graph(self, genotype: Genotype) -> Graph:
        """Six vertices: the input, nodes 1 to 4, the output."""
        link, *operations = self.canonical(genotype).values
        adjacency = np.zeros((NODES + 2, NODES + 2), bool)
        adjacency[LINKS[link], range(1, NODES + 1)] = True
        adjacency[list(sinks(LINKS[link])), -1] = True
        return Graph(
            np.array([0, *(2 + op for op in operations), 1]), adjacency, ("input", "output", *self.operation_names)
        )

    def build(self, genotype: Genotype, shape: TaskShape, *, seed: int) -> nn.Module:
        """The network: node features (N, inputs) and edges (2, E) to logits (N, outputs).

        A linear layer to ``hidden`` features, the cell, a linear layer from its concatenated outputs. For graphs it
        takes each node's graph (N,), too, and averages the logits of a graph's nodes. Weights are drawn from ``seed``.
        Raises ImportError, naming what to install, without torch-geometric.
        """
        from searchspaces.geometric_network import GraphAverage
        from searchspaces.nasbench_graph_network import GraphNetwork
        from searchspaces.operators import seeded

        self.check_shape(shape)
        links, operations = self.cell(genotype)
        network: nn.Module = seeded(lambda: GraphNetwork(links, operations, shape, self.hidden, self.dropout), seed)
        return GraphAverage(network) if shape.output == "graphs" else network


@cache
def _canonical(values: Values, skip: int) -> Values:
    links, operations, inert = list(LINKS[values[0]]), list(values[1:]), 0
    while (node := _inert_skip(links, operations, skip)) is not None:
        # Its successors hang on its predecessor instead, and later nodes move up by one.
        father = links[node - 1]
        rest = [father if link == node else link for i, link in enumerate(links, 1) if i != node]
        links = [link - (link > node) for link in rest]
        del operations[node - 1]
        inert += 1
    whole = (*range(inert), *(link + inert for link in links))
    padded = [skip] * inert + operations
    return min((pattern, *(padded[i] for i in order)) for pattern, order in _forms(whole))


def _inert_skip(links: list[int], operations: list[int], skip: int) -> int | None:
    for node, (link, operation) in enumerate(zip(links, operations, strict=True), 1):
        if operation == skip and (link == 0 or node in links or links.count(link) == 1):
            return node
    return None


@cache
def _forms(links: Links) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Every order of the nodes (old indices from 0) that turns the links into a member of `LINKS`, and which."""
    forms = []
    for order in permutations(range(NODES)):
        to = {0: 0, **{old + 1: new for new, old in enumerate(order, 1)}}
        renamed = tuple(to[links[old]] for old in order)
        if renamed in LINKS:
            forms.append((LINKS.index(renamed), order))
    return tuple(forms)


def _are_links(links: Links) -> bool:
    return len(links) == NODES and all(0 <= link < node for node, link in enumerate(links, 1))
