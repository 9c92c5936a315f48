"""What a genotype means, as frozen values that a network is built from: no space and no module is needed for them."""

from __future__ import annotations

from dataclasses import dataclass

from searchspaces.dags import Edge

Links = tuple[int, ...]
"""The predecessor of each node 1, 2, ... of a graph cell; 0 is the cell's input."""

CellEdges = tuple[tuple[str, int], ...]
"""The operation and the tail of each edge of a cell with two inputs, 0 and 1: two edges for each node 2, 3, ..."""


@dataclass(frozen=True)
class Dag:
    """A pruned guide-DAG: the operation of each reached vertex (by name) and the kept edges; empty = identity."""

    operations: tuple[tuple[int, str], ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True)
class Plan:
    """A network of three stages of two DAGs each: see `searchspaces.flexible` for what the choices do.

    ``channels`` of a stage, ``filters`` of a vertex; a ``stem`` of so many 1x1 convolutions, whose output goes
    ``beside`` the trunk, too; ``skips``: a decoder, joined to what went into each halving.
    """

    dags: tuple[Dag, ...]
    channels: int
    filters: int
    stem: int
    beside: bool
    halvings: int
    skips: bool
    residual: bool
    batch_norm: bool


@dataclass(frozen=True)
class Layer:
    """One layer of a block network: an inverted bottleneck, or the identity where ``expansion`` is 0.

    An identity that changes shape is a 1x1 convolution. ``squeeze`` is the share of the input's channels that a
    squeeze-and-excitation keeps; 0 leaves it out.
    """

    channels: int
    filters: int
    stride: int
    expansion: int
    kernel: int = 3
    squeeze: float = 0.0


@dataclass(frozen=True)
class BlockPlan:
    """A network of blocks in a row: stem filters and stride, layers, filters of the last convolution."""

    stem: int
    stem_stride: int
    layers: tuple[Layer, ...]
    head: int


@dataclass(frozen=True)
class GraphLayer:
    """One layer of a graph network by the options of `searchspaces.auto_gnn`; ``hidden`` 0 is the task's outputs."""

    hidden: int
    attention: str
    heads: int
    aggregator: str
    activation: str
    combine: str


def scaled(channels: int, width: float) -> int:
    """The number of channels at a width: at least 1. Raises ValueError for a width that is not positive."""
    if not width > 0:
        raise ValueError(f"the width of a network must be positive, not {width}")
    return max(1, round(channels * width))


def sinks(links: Links) -> tuple[int, ...]:
    """The nodes of a graph cell that are no node's predecessor: the cell's outputs."""
    return tuple(node for node in range(1, len(links) + 1) if node not in links)
