"""The recurrent cell of DARTS: a tree of nodes, each a gated step on from one earlier node."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from searchspaces.plans import Links
from searchspaces.space import Choice, Genotype, Graph, Space, TaskShape, Values

if TYPE_CHECKING:
    from torch import nn

ACTIVATIONS = ("tanh", "relu", "sigmoid", "identity")

Tree = tuple[int, tuple["Tree", ...]]
"""The activation of a node and the sorted trees of those that follow it."""


class RecurrentSpace(Space):
    """The recurrent cell of DARTS (Liu et al., ICLR 2019, arXiv 1806.09055): 4^8 8!, about 2.6 10^9 architectures.

    Node 0 is made from the token and the state before it; each of ``nodes`` others has one earlier node before it and
    one of four activations. The mean of these is the state after it. Cells that differ only in the order of nodes are
    one here.

    ``hidden`` features of the state and of an embedded token, ``dropout`` of embedded tokens and of the states that
    the logits are made from, ``state_dropout`` within the cell, and whether input and output words are ``tied`` (one
    matrix for both; otherwise two) decide the networks that `build` makes; the paper's are 850, 0.75, 0.25 and tied.
    """

    table_name = "darts-recurrent"
    outputs = ("tokens",)

    def __init__(
        self,
        nodes: int = 8,
        hidden: int = 300,
        dropout: float = 0.0,
        state_dropout: float = 0.0,
        tied: bool = True,
    ) -> None:
        if nodes < 1 or hidden < 1:
            raise ValueError(f"a recurrent cell needs a node and a feature, not {nodes} and {hidden}")
        if not (0 <= dropout < 1 and 0 <= state_dropout < 1):
            raise ValueError(f"a dropout must be at least 0 and below 1, not {dropout} and {state_dropout}")
        self.nodes, self.hidden, self.tied = nodes, hidden, tied
        self.dropout, self.state_dropout = dropout, state_dropout
        choices: list[Choice] = []
        blocks = []
        for node in range(1, nodes + 1):
            start = len(choices)
            if node > 1:
                choices.append(Choice(f"node{node}.before", node))
            choices.append(Choice(f"node{node}.activation", ACTIVATIONS))
            blocks.append(slice(start, len(choices)))
        super().__init__("darts-recurrent" if nodes == 8 else f"darts-recurrent:{nodes}", choices, blocks=blocks)

    def count(self) -> int | None:
        """The exact number of architectures: of forests of coloured nodes; None for a large part of the space."""
        return super().count() if self.fixed else _forests(self.nodes, len(ACTIVATIONS))

    def canonical_values(self, values: Values) -> Values:
        """The representative of all orders of nodes that make the same cell (idempotent)."""
        padded = (0, *values)
        links, activations = padded[::2], padded[1::2]
        after: list[list[Tree]] = [[] for _ in range(self.nodes + 1)]
        for node in range(self.nodes, 0, -1):  # all that follow a node have larger numbers
            after[links[node - 1]].append((activations[node - 1], tuple(sorted(after[node]))))
        result: list[int] = []
        _write(sorted(after[0]), 0, result)
        return tuple(result[1:])

    def cell(self, genotype: Genotype) -> tuple[Links, tuple[str, ...]]:
        """The node before each of the nodes 1, 2, ..., and their activations."""
        padded = (0, *self.canonical(genotype).values)
        return padded[::2], tuple(ACTIVATIONS[value] for value in padded[1::2])

    def from_cell(self, links: Links, activations: Sequence[str]) -> Genotype:
        """The canonical genotype of the node before each node (an earlier one, or 0) and activations.

        Raises ValueError for others.
        """
        fits = all(0 <= link < node for node, link in enumerate(links, 1))
        if not fits or not len(links) == len(activations) == self.nodes:
            raise ValueError(
                f"a cell needs {self.nodes} nodes, each behind an earlier one, and activations, not {links}"
            )
        numbers = [self.choices[0].option(activation) for activation in activations]
        return self.genotype([value for pair in zip(links, numbers, strict=True) for value in pair][1:])

    def graph(self, genotype: Genotype) -> Graph:
        """The input, node 0 that it makes, each node by its activation, and the output, the mean of these."""
        links, activations = self.cell(genotype)
        names = ("input", "output", "state", *ACTIVATIONS)
        adjacency = np.zeros((self.nodes + 3,) * 2, bool)
        adjacency[0, 1] = True
        adjacency[[1 + link for link in links], range(2, self.nodes + 2)] = True
        adjacency[2:-1, -1] = True
        return Graph(np.array([0, 2, *map(names.index, activations), 1]), adjacency, names)

    def check_shape(self, shape: TaskShape) -> None:
        """See `Space.check_shape`; with ``tied`` words a task must have as many outputs as inputs."""
        super().check_shape(shape)
        if self.tied and shape.inputs != shape.outputs:
            raise ValueError(f"tied words need as many outputs as inputs, not {shape.outputs} and {shape.inputs}")

    def build(self, genotype: Genotype, shape: TaskShape, *, seed: int) -> nn.Module:
        """The network: tokens (T, B) and the state (B, hidden) before them, or None, to logits (T, B, outputs).

        It gives a pair: the logits and the state after the last token. Weights are drawn from ``seed``.
        """
        from searchspaces.operators import seeded
        from searchspaces.recurrent_network import RecurrentNetwork

        self.check_shape(shape)
        links, activations = self.cell(genotype)
        options = (self.hidden, self.dropout, self.state_dropout, self.tied)
        return seeded(lambda: RecurrentNetwork(links, activations, shape, *options), seed)


def _write(trees: Sequence[Tree], before: int, values: list[int]) -> None:
    """Append the node before each node of the trees, and its activation, in the order of depth first."""
    for activation, after in trees:
        values += [before, activation]
        _write(after, len(values) // 2, values)


@cache
def _forests(nodes: int, colours: int) -> int:
    """The number of forests of rooted trees of so many coloured nodes in all: the Euler transform of that of trees.

    n f(n) = sum over j of f(n - j) times the sum over the divisors d of j of d t(d), where there are t(n) =
    colours f(n - 1) trees.
    """
    if nodes == 0:
        return 1
    weights = (
        sum(d * colours * _forests(d - 1, colours) for d in range(1, j + 1) if j % d == 0) for j in range(1, nodes + 1)
    )
    return sum(weight * _forests(nodes - j, colours) for j, weight in enumerate(weights, 1)) // nodes
