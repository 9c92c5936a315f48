"""Guide-DAGs: totally ordered vertices behind a pseudo-vertex 0, with a binary choice for every edge u < v.

A vertex is *reached* when a kept edge enters it from a reached vertex; vertex 0, the DAG's input, always is. Edges
out of vertices that are not reached have no effect. Architectures are equal when their DAGs are isomorphic, so each
has one canonical form here; `searchspaces.flexible` turns that into canonical genotypes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product

import numpy as np

Edge = tuple[int, int]


@lru_cache
def all_edges(vertices: int) -> tuple[Edge, ...]:
    """Every edge (u, v), 0 <= u < v <= ``vertices``, ordered by u and then v: the order of the edge choices."""
    return tuple((u, v) for u in range(vertices) for v in range(u + 1, vertices + 1))


@dataclass(frozen=True)
class GuideDag:
    """Where one guide-DAG sits among the choices of a space.

    ``vertices`` excludes the pseudo-vertex; ``first_edge`` is the index of the choice of edge 0->1, the others follow
    in the order of `all_edges`; ``first_operation`` is the index of vertex 1's operation, or None where operations
    are fixed.
    """

    vertices: int
    first_edge: int
    first_operation: int | None = None

    def kept(self, values: Sequence[int]) -> set[Edge]:
        """The edges that ``values`` (one int a choice of the whole space) keeps and that have an effect."""
        edges = all_edges(self.vertices)
        return prune(edge for edge, value in zip(edges, values[self.first_edge :], strict=False) if value)


def prune(edges: Iterable[Edge]) -> set[Edge]:
    """The edges whose tail is reached from vertex 0."""
    reached, kept = {0}, set()
    for u, v in sorted(edges):  # every edge points upwards, so one pass in order of u sees all tails settled
        if u in reached:
            kept.add((u, v))
            reached.add(v)
    return kept


def walk(vertices: int, keep: Sequence[float] | np.ndarray, rng: np.random.Generator) -> set[Edge]:
    """Sample edges by walking the vertices in order from vertex 0 (RouteNAS, arXiv 2012.01737).

    From each vertex already reached every outgoing edge is kept independently with its probability in ``keep``
    (one a member of `all_edges`), and its head becomes reached. Random numbers are drawn for all edges at once, so
    the stream does not depend on the outcome.
    """
    drawn = rng.random(len(keep))
    return prune(edge for edge, p, u in zip(all_edges(vertices), keep, drawn, strict=True) if u < p)


def softmax_out(vertices: int, weights: np.ndarray) -> np.ndarray:
    """Softmax of ``weights`` (one an edge of `all_edges`) over the outgoing edges of each vertex."""
    result = np.empty(len(weights))
    start = 0
    for u in range(vertices):
        stop = start + vertices - u
        exps = np.exp(weights[start:stop] - weights[start:stop].max())
        result[start:stop] = exps / exps.sum()
        start = stop
    return result


def relabelled(operations: Mapping[int, int], edges: set[Edge]) -> tuple[tuple[int, ...], tuple[Edge, ...]]:
    """The canonical form of a DAG whose vertices may stand at any position.

    ``operations`` gives the operation of every reached vertex, ``edges`` the kept edges among them and vertex 0.
    Returns the operations of vertices 1..k and the sorted edges; isomorphic DAGs give equal results. Colours are
    refined by neighbourhood, ties are split one vertex at a time and the smallest edge list wins.
    """
    depth = {0: 0}
    for u, v in sorted(edges, key=lambda edge: edge[1]):
        depth[v] = max(depth.get(v, 0), depth[u] + 1)
    labels = _ranks({v: (depth[v], operations.get(v, -1)) for v in depth})
    order = min(_orders(labels, edges), key=lambda order: _renamed(order, edges))
    return tuple(operations[v] for v in order if v), _renamed(order, edges)


def embedded(operations: Mapping[int, int], edges: set[Edge], positions: Sequence[int]) -> tuple[Edge, ...] | None:
    """The canonical form of a DAG in a frame whose vertex i has the fixed operation ``positions[i - 1]``.

    The smallest sorted edge list over all ways to place each vertex of the DAG on a position of its operation without
    turning an edge round; None where the frame has no such place.
    """
    groups: dict[int, list[int]] = {}
    for vertex, operation in operations.items():
        groups.setdefault(operation, []).append(vertex)
    free = [[i for i, op in enumerate(positions, 1) if op == operation] for operation in groups]
    ways = product(*(permutations(places, len(group)) for group, places in zip(groups.values(), free, strict=True)))
    vertices = [vertex for group in groups.values() for vertex in group]
    best: tuple[Edge, ...] | None = None
    for way in ways:
        to = dict(zip(vertices, (place for group in way for place in group), strict=True)) | {0: 0}
        if all(to[u] < to[v] for u, v in edges):
            placed = tuple(sorted((to[u], to[v]) for u, v in edges))
            best = placed if best is None else min(best, placed)
    return best


def _ranks(keys: Mapping[int, tuple[object, ...]]) -> dict[int, int]:
    rank = {key: i for i, key in enumerate(sorted(set(keys.values())))}
    return {vertex: rank[key] for vertex, key in keys.items()}


def _refined(labels: dict[int, int], edges: set[Edge]) -> dict[int, int]:
    while True:
        finer = _ranks(
            {
                v: (label, *(tuple(sorted(labels[e[1 - end]] for e in edges if e[end] == v)) for end in (0, 1)))
                for v, label in labels.items()
            }
        )
        if len(set(finer.values())) == len(set(labels.values())):
            return finer
        labels = finer


def _orders(labels: dict[int, int], edges: set[Edge]) -> list[list[int]]:
    labels = _refined(labels, edges)
    tied: dict[int, list[int]] = {}
    for vertex, label in labels.items():
        tied.setdefault(label, []).append(vertex)
    label, group = min(tied.items(), key=lambda item: (len(item[1]) == 1, item[0]))
    if len(group) == 1:
        return [sorted(labels, key=lambda vertex: labels[vertex])]
    # Vertices with the same neighbours are exchangeable, so one of them stands for all.
    distinct = {frozenset((u if v == vertex else -1, v if u == vertex else -1)
                          for u, v in edges if vertex in (u, v)): vertex for vertex in group}  # fmt: skip
    orders = []
    for vertex in distinct.values():
        orders += _orders({v: 2 * other - (v == vertex) for v, other in labels.items()}, edges)
    return orders


def _renamed(order: Sequence[int], edges: set[Edge]) -> tuple[Edge, ...]:
    to = {vertex: i for i, vertex in enumerate(order)}
    return tuple(sorted((to[u], to[v]) for u, v in edges))
