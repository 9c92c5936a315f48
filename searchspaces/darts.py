"""The cells of DARTS: a normal and a reduction cell, each node with two inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import combinations, permutations, product
from typing import TYPE_CHECKING

import numpy as np

from searchspaces.plans import CellEdges
from searchspaces.space import Choice, Genotype, Graph, Space, TaskShape, Values

if TYPE_CHECKING:
    from torch import nn

NODES = 4
CELLS = ("normal", "reduction")
OPERATIONS = (
    "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5",
)  # fmt: skip
"""By the names of the paper's cells. Its eighth, "none", is in no finished cell."""

PAIRS = tuple(tuple(combinations(range(2 + node), 2)) for node in range(NODES))
"""The pairs of inputs that each node can have: 1, 3, 6 and 10. 0 and 1 are the cell's own inputs, 2 the first node."""

_LENGTH = 3 * NODES - 1  # choices of a cell: the first node has no choice of inputs

Wiring = tuple[int, ...]
"""For each node the index of its pair of inputs in `PAIRS`."""
Renaming = tuple[tuple[int, bool], ...]
"""For each new node the old one, and whether its two operations change places."""


class DartsSpace(Space):
    """The space of DARTS (Liu et al., ICLR 2019, arXiv 1806.09055): a normal and a reduction cell.

    A cell's inputs are the outputs of the two cells before it. Each of four nodes adds an operation on one earlier
    node or input to an operation on another one; the cell's output concatenates the nodes. That is about 10^9 cells,
    of which those that differ only in the order of nodes are one here. ``operations`` are a part of `OPERATIONS`; the
    two of S2 in RobustDARTS (Zela et al., ICLR 2020, arXiv 1909.09656) are ``("skip_connect", "sep_conv_3x3")``.

    ``channels`` and the number of ``cells``, two of which are reductions, set the size of the networks that `build`
    makes; the paper's are 36 and 20. ``drop_path`` is the probability that an operation's answer for an example is
    left out of a step of training.
    """

    table_name = "darts"
    outputs = ("classes", "map")

    def __init__(
        self, channels: int = 36, cells: int = 20, drop_path: float = 0.0, operations: Sequence[str] = OPERATIONS
    ) -> None:
        if channels < 1 or cells < 3 or not 0 <= drop_path < 1:
            found = f"{channels}, {cells} and {drop_path}"
            raise ValueError(f"a network needs channels, three cells or more and 0 <= drop path < 1, not {found}")
        if isinstance(operations, str) or not 0 < len(operations) == len(set(operations) & set(OPERATIONS)):
            raise ValueError(
                f"the operations of a cell must be different ones of {', '.join(OPERATIONS)}, not {operations!r}"
            )
        self.channels, self.cells, self.drop_path, self.operations = channels, cells, drop_path, tuple(operations)
        choices: list[Choice] = []
        blocks = []
        for cell in CELLS:
            for node, pairs in enumerate(PAIRS, 2):
                start = len(choices)
                if len(pairs) > 1:
                    choices.append(Choice(f"{cell}.node{node}.inputs", tuple(f"{a}-{b}" for a, b in pairs)))
                choices += [Choice(f"{cell}.node{node}.{which}", self.operations) for which in ("first", "second")]
                blocks.append(slice(start, len(choices)))
        whole = self.operations == OPERATIONS
        super().__init__("darts" if whole else f"darts:{'+'.join(self.operations)}", choices, blocks=blocks)

    def count(self) -> int | None:
        """The exact number of architectures; None for a part of the space."""
        return None if self.fixed else _cells(len(self.operations)) ** 2

    def canonical_values(self, values: Values) -> Values:
        """The representative of all orders of nodes that make the same cells (idempotent)."""
        return (*_canonical(values[:_LENGTH]), *_canonical(values[_LENGTH:]))

    def cell(self, genotype: Genotype, which: str) -> CellEdges:
        """The operation and the input of each of the eight edges of the cell "normal" or "reduction", node by node.

        That is the form in which papers print cells.
        """
        start = CELLS.index(which) * _LENGTH
        wiring, operations = _split(self.canonical(genotype).values[start : start + _LENGTH])
        inputs = [each for node, pair in enumerate(wiring) for each in PAIRS[node][pair]]
        names = [self.operations[operation] for pair in operations for operation in pair]
        return tuple(zip(names, inputs, strict=True))

    def from_cells(self, normal: CellEdges, reduction: CellEdges) -> Genotype:
        """The genotype of two cells in the form of `cell`, in any order of nodes and edges that makes them.

        Raises ValueError for other edges.
        """
        values: list[int] = []
        for edges in (normal, reduction):
            if len(edges) != 2 * NODES:
                raise ValueError(f"a cell has two edges for each of {NODES} nodes, not {len(edges)} edges")
            for node in range(NODES):
                (a, first), (b, second) = sorted(edges[2 * node : 2 * node + 2], key=lambda edge: edge[1])
                if (first, second) not in PAIRS[node]:
                    raise ValueError(f"node {node + 2} needs two different inputs before it, not {first} and {second}")
                if node:
                    values.append(PAIRS[node].index((first, second)))
                values += [self.choices[0].option(a), self.choices[0].option(b)]
        return self.genotype(values)

    def graph(self, genotype: Genotype) -> Graph:
        """The input and the output, between them the normal and behind it the reduction cell.

        A cell is two vertices for its inputs, for each node two for its operations and one for their sum, and one for
        the concatenation.
        """
        names = ("input", "output", "before", "last", "sum", "concatenation", *self.operations)
        operations, edges = [0], []
        for which in CELLS:
            entry = len(operations) - 1
            nodes = [entry + 1, entry + 2]
            edges += [(entry, entry + 1), (entry, entry + 2)]
            operations += [2, 3]
            cell = self.cell(genotype, which)
            for pair in zip(cell[::2], cell[1::2], strict=True):
                at = len(operations)
                operations += [*(names.index(name) for name, _ in pair), 4]
                edges += [(nodes[u], at + i) for i, (_, u) in enumerate(pair)] + [(at, at + 2), (at + 1, at + 2)]
                nodes.append(at + 2)
            edges += [(node, len(operations)) for node in nodes[2:]]
            operations.append(5)
        adjacency = np.zeros((len(operations) + 1,) * 2, bool)
        adjacency[tuple(zip(*edges, (len(operations) - 1, len(operations)), strict=True))] = True
        return Graph(np.array([*operations, 1]), adjacency, names)

    def build(self, genotype: Genotype, shape: TaskShape, *, seed: int) -> nn.Module:
        """The network of the paper, without its auxiliary head: images (B, inputs, H, W) of any size to logits.

        A convolution to three times ``channels``, the cells, global average, linear layer; the cells at one and two
        thirds of the depth are reductions, which halve the size and double the channels. For a map the network keeps
        both throughout, and ends with a 1x1 convolution. Weights are torch's defaults, drawn from ``seed``.
        """
        from searchspaces.darts_network import DartsNetwork
        from searchspaces.operators import seeded

        self.check_shape(shape)
        normal, reduction = (self.cell(genotype, which) for which in CELLS)
        return seeded(lambda: DartsNetwork(normal, reduction, shape, self.channels, self.cells, self.drop_path), seed)


def _split(values: Values) -> tuple[Wiring, list[tuple[int, int]]]:
    """The wiring of a cell, and the operations on the first and the second input of each node."""
    padded = (0, *values)
    return padded[::3], list(zip(padded[1::3], padded[2::3], strict=True))


def _canonical(values: Values) -> Values:
    wiring, operations = _split(values)
    smallest, renamings = _renamings(wiring)
    best = min(_renamed(operations, renaming) for renaming in renamings)
    return tuple(value for pair, (a, b) in zip(smallest, best, strict=True) for value in (pair, a, b))[1:]


def _renamed(operations: Sequence[tuple[int, int]], renaming: Renaming) -> list[tuple[int, int]]:
    return [operations[node][::-1] if turned else operations[node] for node, turned in renaming]


@cache
def _renamings(wiring: Wiring) -> tuple[Wiring, tuple[Renaming, ...]]:
    """The smallest wiring that an order of the nodes gives, and all orders that give it."""
    found: dict[Wiring, list[Renaming]] = {}
    pairs = [PAIRS[node][pair] for node, pair in enumerate(wiring)]
    for order in permutations(range(NODES)):
        to = {0: 0, 1: 1, **{old + 2: new for new, old in enumerate(order, 2)}}
        renamed = [(to[pairs[old][0]], to[pairs[old][1]]) for old in order]
        if all(max(pair) < new for new, pair in enumerate(renamed, 2)):
            smaller = tuple(PAIRS[new].index((min(pair), max(pair))) for new, pair in enumerate(renamed))
            turned = tuple((old, a > b) for old, (a, b) in zip(order, renamed, strict=True))
            found.setdefault(smaller, []).append(turned)
    smallest = min(found)
    return smallest, tuple(found[smallest])


@cache
def _cells(operations: int) -> int:
    """The number of cells but for the order of nodes, by Burnside's lemma over the renamings of each wiring."""
    total = 0
    for wiring in product(*(range(len(pairs)) for pairs in PAIRS)):
        smallest, renamings = _renamings(wiring)
        if smallest == wiring:
            total += sum(operations ** _cycles(renaming) for renaming in renamings) // len(renamings)
    return total


def _cycles(renaming: Renaming) -> int:
    """The number of cycles in which a renaming moves the eight operations."""
    numbers = [(2 * node, 2 * node + 1) for node in range(NODES)]
    to = [number for pair in _renamed(numbers, renaming) for number in pair]
    return sum(1 for start in range(2 * NODES) if start == min(_cycle(to, start)))


def _cycle(to: Sequence[int], start: int) -> Iterator[int]:
    yield start
    at = to[start]
    while at != start:
        yield at
        at = to[at]
