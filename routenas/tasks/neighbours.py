"""The surroundings of some nodes of a large graph, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Neighbours:
    """A graph by its nodes: edges into node n come from ``source[first[n] : first[n + 1]]``."""

    source: Indices
    first: Indices

    @classmethod
    def of(cls, edges: Indices, nodes: int) -> Neighbours:
        """Of edges (2, E) from and to."""
        order = np.argsort(edges[1], kind="stable")
        return cls(edges[0][order], np.searchsorted(edges[1][order], np.arange(nodes + 1)))

    def drawn(self, nodes: Indices, most: Sequence[int], rng: np.random.Generator) -> tuple[Indices, Indices]:
        """Nodes (n,), the given ones (which differ) first, and the edges (2, E) among them that were drawn.

        Of the edges into each node ``most[0]`` are drawn, all where there are no more, without replacement; into the
        nodes that these bring in, ``most[1]``, and so on. Edges are told in places of the nodes.
        """
        known, fresh = nodes, nodes
        pairs: list[Indices] = []
        for limit in most:
            source, target = self._into(fresh, limit, rng)
            pairs.append(np.stack([source, target]))
            fresh = np.setdiff1d(source, known)
            known = np.concatenate([known, fresh])
        edges = np.concatenate(pairs, axis=1) if pairs else np.empty((2, 0), np.int64)
        order = np.argsort(known)
        return known, order[np.searchsorted(known, edges, sorter=order)]

    def _into(self, nodes: Indices, limit: int, rng: np.random.Generator) -> tuple[Indices, Indices]:
        """Where at most ``limit`` edges into each node come from, and the node."""
        degree = self.first[nodes + 1] - self.first[nodes]
        owner = np.repeat(np.arange(len(nodes)), degree)
        place = np.arange(degree.sum()) - np.repeat(np.cumsum(degree) - degree, degree)
        # A random order within each node: the first of it are a draw without replacement.
        order = np.lexsort((rng.random(len(owner)), owner))
        kept = order[place < limit]
        return self.source[self.first[nodes][owner[kept]] + place[kept]], nodes[owner[kept]]
