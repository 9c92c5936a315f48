"""The NAS-Bench-201 cell (Dong & Yang, ICLR 2020, arXiv 2001.00326): 15,625 architectures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from searchspaces.space import Choice, Genotype, Graph, Space, TaskShape

if TYPE_CHECKING:
    from torch import nn

NODES = 4
EDGES = tuple((u, v) for v in range(1, NODES) for u in range(v))
"""0>1, 0>2, 1>2, 0>3, 1>3, 2>3: the order of the benchmark's own files."""

OPERATIONS = ("none", "skip", "conv1x1", "conv3x3", "avgpool3x3")
BENCHMARK_NAMES = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")


class NasBench201Space(Space):
    """The cell of NAS-Bench-201 (Dong & Yang, ICLR 2020, arXiv 2001.00326): 15,625 = 5^6 architectures.

    Four nodes, every edge u > v carries one of five operations, a node sums what comes in. All values are legal and,
    as in the benchmark, each is an architecture of its own (6,466 of them compute different functions).

    ``channels`` of the first stage and ``cells`` a stage decide the size of the networks that `build` makes; the
    benchmark's are 16 and 5.
    """

    table_name = "nas-bench-201"

    def __init__(self, channels: int = 16, cells: int = 5) -> None:
        if channels < 1 or cells < 1:
            raise ValueError(f"a network needs at least one channel and one cell, not {channels} and {cells}")
        super().__init__("nas-bench-201", [Choice(f"edge{u}-{v}", OPERATIONS) for u, v in EDGES])
        self.channels, self.cells = channels, cells

    def key(self, genotype: Genotype) -> str:
        """Six digits, the operation of each of `EDGES`: the form of tables of the benchmark."""
        return "".join(map(str, self.canonical(genotype).values))

    def from_key(self, key: str) -> Genotype:
        """The genotype of a `key`. Raises ValueError for another text."""
        if not re.fullmatch("[0-4]{6}", key):
            raise ValueError(f"a key of NAS-Bench-201 must be six digits 0 to 4, not {key!r}")
        return self.genotype([int(digit) for digit in key])

    def text(self, genotype: Genotype) -> str:
        """The benchmark's own text, such as ``|nor_conv_3x3~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|``."""
        values = self.canonical(genotype).values
        nodes = [
            "".join(
                f"|{BENCHMARK_NAMES[op]}~{u}" for (u, v), op in zip(EDGES, values, strict=True) if v == node
            )
            for node in range(1, NODES)
        ]  # fmt: skip
        return "|+".join(nodes) + "|"

    def from_text(self, text: str) -> Genotype:
        """The genotype of a `text`. Raises ValueError for another text."""
        found = re.findall(r"\|(\w+)~\d", text)
        if len(found) == len(EDGES) and set(found) <= set(BENCHMARK_NAMES):
            genotype = self.genotype([BENCHMARK_NAMES.index(name) for name in found])
            if self.text(genotype) == text:
                return genotype
        raise ValueError(f"an architecture of NAS-Bench-201 must be like '|none~0|+|...|', not {text[:120]!r}")

    def graph(self, genotype: Genotype) -> Graph:
        """Eight vertices: the input, the operation of each of `EDGES`, the output; adjacent where data flows."""
        values = self.canonical(genotype).values
        names = ("input", "output", *OPERATIONS)
        return Graph(np.array([0, *(2 + op for op in values), 1]), _LINE_GRAPH, names)

    def build(self, genotype: Genotype, shape: TaskShape, *, seed: int) -> nn.Module:
        """The network of the benchmark: (B, inputs, H, W) images of any size to logits (B, outputs).

        Stem, three stages of ``cells`` cells with a residual block of stride 2 before the second and third, which
        doubles the channels, global average, linear layer. Weights are torch's defaults, drawn from ``seed``.
        """
        from searchspaces.nasbench201_network import CellNetwork
        from searchspaces.operators import seeded

        self.check_shape(shape)
        operations = {edge: OPERATIONS[op] for edge, op in zip(EDGES, self.canonical(genotype).values, strict=True)}
        return seeded(lambda: CellNetwork(operations, shape, self.channels, self.cells), seed)


def _line_graph() -> np.ndarray:
    """Adjacency (8, 8) of the cell with its edges turned into vertices, between the input and the output."""
    tails = [-1, *(u for u, _ in EDGES), NODES - 1]
    heads = [0, *(v for _, v in EDGES), NODES]
    return np.equal.outer(heads, tails)


_LINE_GRAPH = _line_graph()
