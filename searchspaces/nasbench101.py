"""The NAS-Bench-101 cell (Ying et al., ICML 2019, arXiv 1902.09635): 423,624 architectures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from searchspaces.hashing import splitmix64
from searchspaces.space import Choice, Genotype, Graph, Space, TaskShape, Values
from searchspaces.values import unchecked

if TYPE_CHECKING:
    from torch import nn

VERTICES, MAX_EDGES = 7, 9
INNER = VERTICES - 2
EDGES = tuple((u, v) for v in range(1, VERTICES) for u in range(v))
OPERATIONS = ("conv3x3", "conv1x1", "maxpool3x3")
BENCHMARK_NAMES = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")

_EDGE = {edge: i for i, edge in enumerate(EDGES)}
_OUTPUT = VERTICES - 1

_State = tuple[tuple[int, ...], int, list[int]]


class NasBench101Space(Space):
    """DAGs of at most 7 vertices and 9 edges from an input to an output; each vertex between has an operation.

    Values are the 21 edges u > v, ordered by v and then u, and the operations of vertices 1 to 5. As in the benchmark,
    vertices that are not on a path from input to output do not count, the other ones may have 9 edges in all, and
    isomorphic cells are one. In the canonical form no edge or operation is without effect, inner vertices come first
    and in the smallest order (see `_order`). A random sample is drawn as papers on the benchmark do: every edge with
    probability 1/2, every operation equally likely, again until it is legal.

    ``channels`` of the first stack, the number of ``stacks`` and the ``cells`` of each decide the size of the networks
    that `build` makes; the benchmark's are 128, 3 and 3.
    """

    table_name = "nas-bench-101"

    def __init__(self, channels: int = 128, stacks: int = 3, cells: int = 3) -> None:
        if min(channels, stacks, cells) < 1 or channels < INNER:
            raise ValueError(
                f"a network needs at least {INNER} channels, one stack and one cell, not {channels}, {stacks}, {cells}"
            )
        choices = [Choice(f"edge{u}-{v}", ("drop", "keep")) for u, v in EDGES]
        choices += [Choice(f"operation{v}", OPERATIONS) for v in range(1, _OUTPUT)]
        super().__init__("nas-bench-101", choices)
        self.channels, self.stacks, self.cells = channels, stacks, cells

    def count(self) -> int | None:
        """The number of architectures: 423,624."""
        return super().count() if self.fixed else 423_624

    def enumerate(self) -> Iterator[Genotype]:
        """All canonical genotypes in a fixed order; also where the space is not `enumerable`, which takes minutes."""
        return super().enumerate() if self.enumerable else self._by_vertices()

    def _by_vertices(self) -> Iterator[Genotype]:
        for inner in range(INNER + 1):
            for masks in _mask_sequences(inner):
                for operations in product(range(len(OPERATIONS)), repeat=inner):
                    values = _values(masks, operations)
                    if self._settled(values) == values:
                        yield unchecked(self.name, values)

    def valid_values(self, values: Values) -> bool:
        """Whether a path leads from the input to the output and at most 9 edges are on such paths."""
        successors, kept = _pruned(values)
        return bool(kept) and sum((successors[v] & kept).bit_count() for v in _bits(kept)) <= MAX_EDGES

    def canonical_values(self, values: Values) -> Values:
        """The representative of all values that mean the same cell (idempotent)."""
        successors, kept = _pruned(values)
        operations = values[len(EDGES) :]
        order = [0, *_order(successors, kept, operations), _OUTPUT]
        to = {old: new for new, old in enumerate(order[:-1])} | {_OUTPUT: _OUTPUT}
        result = [0] * len(values)
        for old in order[:-1]:
            for head in _bits(successors[old] & kept):
                result[_EDGE[to[old], to[head]]] = 1
        for new, old in enumerate(order[1:-1]):
            result[len(EDGES) + new] = operations[old - 1]
        return tuple(result)

    def cell(self, genotype: Genotype) -> tuple[np.ndarray, tuple[str, ...]]:
        """The canonical cell: adjacency bool (vertices, vertices), upper triangular, and the inner operations."""
        values = self.canonical(genotype).values
        vertices = [v for v in range(VERTICES) if v in (0, _OUTPUT) or any(values[_EDGE[u, v]] for u in range(v))]
        adjacency = np.zeros((VERTICES, VERTICES), bool)
        for (u, v), kept in zip(EDGES, values, strict=False):
            adjacency[u, v] = kept
        names = tuple(OPERATIONS[values[len(EDGES) + v - 1]] for v in vertices[1:-1])
        return adjacency[np.ix_(vertices, vertices)], names

    def from_cell(self, adjacency: np.ndarray, operations: Sequence[str]) -> Genotype:
        """The genotype of an upper-triangular adjacency (V, V), V <= 7, and the operations of its inner vertices.

        Operations are named as in `OPERATIONS` or as in the benchmark (``conv3x3-bn-relu``). Raises ValueError for a
        cell that is not legal.
        """
        matrix = np.asarray(adjacency)
        count = len(matrix)
        if matrix.shape != (count, count) or not 2 <= count <= VERTICES or np.tril(matrix).any():
            raise ValueError(f"a cell's adjacency must be upper triangular, 2 x 2 to 7 x 7, not {matrix.shape}")
        if len(operations) != count - 2:
            raise ValueError(f"a cell of {count} vertices has {count - 2} inner operations, not {len(operations)}")
        values = [0] * len(self.choices)
        for u, v in np.argwhere(matrix).tolist():
            values[_EDGE[u, v if v < count - 1 else _OUTPUT]] = 1
        for v, name in enumerate(operations):
            values[len(EDGES) + v] = self.choices[-1].option(name.removesuffix("-bn-relu"))
        return self.genotype(values)

    def module_hash(self, genotype: Genotype) -> str:
        """The benchmark's name of the cell: 32 hexadecimal digits, equal for isomorphic cells.

        Each vertex starts with the MD5 of its out-degree, in-degree and operation, and takes in its neighbours' as
        many times as there are vertices; the name is the MD5 of them all, sorted.
        """
        adjacency, operations = self.cell(genotype)
        labels = [-1, *(OPERATIONS.index(name) for name in operations), -2]
        vertices = range(len(labels))
        into = [np.flatnonzero(adjacency[:, v]).tolist() for v in vertices]
        out = [np.flatnonzero(adjacency[v]).tolist() for v in vertices]
        names = [_md5(str((len(out[v]), len(into[v]), labels[v]))) for v in vertices]
        for _ in vertices:
            near = [["".join(sorted(names[u] for u in side[v])) for side in (into, out)] for v in vertices]
            names = [_md5("|".join((*near[v], names[v]))) for v in vertices]
        return _md5(str(sorted(names)))

    def fingerprint(self, genotype: Genotype) -> int:
        """The member of `fingerprints` for the cell."""
        values = np.array(self.canonical(genotype).values)
        return int(fingerprints(values[None, : len(EDGES)], values[None, len(EDGES) :])[0])

    def graph(self, genotype: Genotype) -> Graph:
        """The canonical cell: the input, up to five inner vertices, the output."""
        adjacency, names = self.cell(genotype)
        operations = [0, *(2 + OPERATIONS.index(name) for name in names), 1]
        return Graph(np.array(operations), adjacency, ("input", "output", *OPERATIONS))

    def build(self, genotype: Genotype, shape: TaskShape, *, seed: int) -> nn.Module:
        """The network of the benchmark: (B, inputs, H, W) images of any size to logits (B, outputs).

        Stem, stacks of cells with twice the channels and half the size from one to the next, global average, linear
        layer. Weights are torch's defaults, drawn from ``seed``.
        """
        from searchspaces.nasbench101_network import Network
        from searchspaces.operators import seeded

        self.check_shape(shape)
        adjacency, operations = self.cell(genotype)
        return seeded(lambda: Network(adjacency, operations, shape, self.channels, self.stacks, self.cells), seed)


def fingerprints(edges: np.ndarray, operations: np.ndarray) -> np.ndarray:
    """Numbers that are equal for isomorphic cells and differ for all 423,624 others: to look up many cells at once.

    ``edges`` (n, 21) in the order of `EDGES` and ``operations`` (n, 5) are legal values without edges or operations
    that have no effect, in any order of vertices. Returns uint64 (n,): colours of vertices, refined seven times by
    their neighbours', and summed.
    """
    count = len(edges)
    adjacency = np.zeros((count, VERTICES, VERTICES), np.uint64)
    heads, tails = zip(*EDGES, strict=True)
    adjacency[:, heads, tails] = edges
    used = (adjacency.sum(1) + adjacency.sum(2)) > 0
    colours = np.empty((count, VERTICES), np.uint64)
    colours[:, 0], colours[:, 1:_OUTPUT], colours[:, _OUTPUT] = 11, np.asarray(operations) + 13, 12
    for _ in range(VERTICES):
        into = np.einsum("nuv,nu->nv", adjacency, splitmix64(colours, 1))
        out = np.einsum("nuv,nv->nu", adjacency, splitmix64(colours, 2))
        colours = splitmix64(colours, 3) + splitmix64(into, 4) + splitmix64(out, 5)
    return np.asarray(splitmix64((splitmix64(colours, 6) * used).sum(1), 7))


def unpacked(vertices: np.ndarray, edge_bits: np.ndarray, digits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells from packed tables: edges bool (n, 21) and operations (n, 5), the output moved to vertex 6.

    ``vertices`` (n,) counts them; bit k of ``edge_bits`` (n,) is the edge `EDGES` [k] among them; the digit t to the
    base 3 of ``digits`` (n,) is the operation of vertex t + 1.
    """
    bits = (np.asarray(edge_bits, np.int64)[:, None] >> np.arange(len(EDGES))) & 1
    edges = np.zeros(bits.shape, bool)
    last = np.asarray(vertices, np.int64)[:, None] - 1
    for k, (u, v) in enumerate(EDGES):
        inner, output = bits[:, k : k + 1] * (v < last), bits[:, k : k + 1] * (v == last)
        edges[:, k] |= inner[:, 0] > 0
        edges[:, _EDGE[u, _OUTPUT]] |= output[:, 0] > 0
    operations = np.asarray(digits, np.int64)[:, None] // 3 ** np.arange(INNER) % 3
    operations[np.arange(1, _OUTPUT) >= last] = 0
    return edges, operations


def _pruned(values: Sequence[int]) -> tuple[list[int], int]:
    """The successors of each vertex, and the vertices on a path from input to output (0 if none), as bit masks."""
    successors = [0] * VERTICES
    for kept, (u, v) in zip(values, EDGES, strict=False):
        if kept:
            successors[u] |= 1 << v
    reached, leading = 1, 1 << _OUTPUT
    for v in range(_OUTPUT):
        if reached >> v & 1:
            reached |= successors[v]
    for v in range(_OUTPUT - 1, -1, -1):
        if successors[v] & leading:
            leading |= 1 << v
    return successors, reached & leading if leading & 1 else 0


def _order(successors: Sequence[int], kept: int, operations: Sequence[int]) -> tuple[int, ...]:
    """The inner vertices in canonical order.

    Of all orders in which edges lead upwards it is the one with the smallest sequence of (predecessors, operation),
    vertex by vertex: the least of the vertices that can come next is taken, and ties are followed side by side.
    """
    inner = kept & ~(1 | 1 << _OUTPUT)
    # By vertex: its predecessors among the placed ones, as bits by their new numbers; the input is 0 in any order.
    masks = [successors[0] >> v & 1 for v in range(_OUTPUT)]
    # By vertex: its inner predecessors, as bits by their old numbers; it can come when none of them is left.
    waiting = [sum(1 << u for u in range(1, v) if inner >> u & 1 and successors[u] >> v & 1) for v in range(_OUTPUT)]
    # A state is the beginning of an order: the vertices placed, those left, and the masks. All states of a round have
    # the same, smallest sequence behind them; only what comes later can tell which of them is best.
    states: list[_State] = [((), inner, masks)]
    for position in range(1, inner.bit_count() + 1):
        least = len(OPERATIONS) << VERTICES  # more than any key
        ties: dict[tuple[int, int], int] = {}
        for state, (_, left, masks) in enumerate(states):
            for v in range(1, _OUTPUT):
                if left >> v & 1 and not waiting[v] & left:
                    # One number that compares as the pair (predecessors, operation) does.
                    key = masks[v] * len(OPERATIONS) + operations[v - 1]
                    if key < least:
                        least, ties = key, {}
                    # Vertices of a state with equal keys and equal successors are exchangeable: one stands for all.
                    if key == least:
                        ties[state, successors[v] & kept] = v
        states = [_placed(states[state], v, heads, position) for (state, heads), v in ties.items()]
    # The output comes last in every order, so its predecessors decide among those that are still equal.
    return min((_output_mask(order, successors), order) for order, _, _ in states)[1]


def _placed(state: _State, vertex: int, heads: int, position: int) -> _State:
    """The state with one more vertex, which becomes number ``position`` in the masks of its successors ``heads``."""
    order, left, masks = state
    raised = [mask | (heads >> v & 1) << position for v, mask in enumerate(masks)]
    return (*order, vertex), left & ~(1 << vertex), raised


def _output_mask(order: Sequence[int], successors: Sequence[int]) -> int:
    """The inner predecessors of the output as bits by their places in the order."""
    return sum(1 << i for i, v in enumerate(order) if successors[v] >> _OUTPUT & 1)


def _bits(mask: int) -> list[int]:
    return [v for v in range(VERTICES) if mask >> v & 1]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _mask_sequences(inner: int) -> Iterator[tuple[int, ...]]:
    """Predecessors of vertices 1 to ``inner`` and of the output, as bit masks, of at most 9 edges in all.

    Canonical orders have growing masks (a vertex that could come earlier is not smaller, one that could not has a
    higher predecessor), and the output takes in every vertex that nothing else does.
    """
    partial: list[tuple[int, ...]] = [()]
    for position in range(1, inner + 1):
        partial = [
            (*masks, mask)
            for masks in partial
            for mask in range(masks[-1] if masks else 1, 1 << position)
            if sum(m.bit_count() for m in masks) + mask.bit_count() < MAX_EDGES
        ]
    for masks in partial:
        open_ = (1 << inner + 1) - 1
        for mask in masks:
            open_ &= ~mask
        for mask in range(1, 1 << inner + 1):
            if mask & open_ == open_ and sum(m.bit_count() for m in masks) + mask.bit_count() <= MAX_EDGES:
                yield (*masks, mask)


def _values(masks: Sequence[int], operations: Sequence[int]) -> Values:
    values = [0] * (len(EDGES) + INNER)
    for v, mask in zip((*range(1, len(masks)), _OUTPUT), masks, strict=True):
        for u in _bits(mask):
            values[_EDGE[u, v]] = 1
    values[len(EDGES) : len(EDGES) + len(operations)] = operations
    return tuple(values)
