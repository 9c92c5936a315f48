"""Genotypes as rows of numbers, remembered: a search asks for the same ones again and again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from routenas.networks.padding import padded
from searchspaces.hashing import splitmix64
from searchspaces.space import Genotype, Space

REMEMBERED = 40_000
CHUNK = 1000
BINS = 256
DEPTH = 2
NOTHING = ("none", "zero", "zeroize")
"""Names of operations that let no data through."""

MAX_VERTICES = 64


class Encoding(ABC):
    """Base of the encodings: a float32 row of ``width`` numbers for each genotype, cached by the genotype's values."""

    width: int

    def __init__(self, space: Space) -> None:
        self.space = space
        self._index: dict[tuple[int, ...], int] = {}
        self._table = np.zeros((0, 0), np.float32)
        self._norms = np.zeros(0, np.float32)
        self._last: Sequence[Genotype] = ()
        self._last_places = np.zeros(0, np.int64)

    @abstractmethod
    def encode(self, genotypes: Sequence[Genotype]) -> np.ndarray:
        """The rows of canonical genotypes, worked out."""

    def rows(self, genotypes: Sequence[Genotype]) -> np.ndarray:
        """The rows of canonical genotypes, float32 (n, width)."""
        (places,) = self._places(genotypes)  # the table grows with new ones
        return np.asarray(self._table[places])

    def products(self, a: Sequence[Genotype], b: Sequence[Genotype]) -> np.ndarray:
        """Scalar products of rows, float32 (a, b): fast where ``a`` are few."""
        left, right = self._places(a, b)
        rows = self._table[left]
        used = np.flatnonzero(rows.any(0))
        return np.asarray(rows[:, used] @ self._table[right[:, None], used].T)

    def squared_distances(self, a: Sequence[Genotype], b: Sequence[Genotype]) -> np.ndarray:
        """Squared Euclidean distances of rows, float32 (a, b): fast where ``a`` are few."""
        distances = self.products(a, b)
        left, right = self._places(a, b)
        distances *= -2.0
        distances += self._norms[left][:, None]
        distances += self._norms[right]
        return np.asarray(np.maximum(distances, 0.0, out=distances))

    def _places(self, *groups: Sequence[Genotype]) -> list[np.ndarray]:
        """Where in the table the rows of each group are."""
        found = [self._found(group) for group in groups]
        if any(places is None for places in found):
            wanted = {g.values: g for group in groups for g in group}
            new = [g for values, g in wanted.items() if values not in self._index]
            if len(self._index) + len(new) > REMEMBERED:
                self._index.clear()
                self._last = ()
                new = list(wanted.values())
            self._add(new)
            found = [self._found(group) for group in groups]
        return [places for places in found if places is not None]

    def _found(self, genotypes: Sequence[Genotype]) -> np.ndarray | None:
        """Where the rows are, or None where one is missing. That of the last tuple is known: a tuple stays as it is."""
        if genotypes is self._last and genotypes:
            return self._last_places
        try:
            places = np.array([self._index[g.values] for g in genotypes], np.int64)
        except KeyError:
            return None
        if isinstance(genotypes, tuple):
            self._last, self._last_places = genotypes, places
        return places

    def _add(self, genotypes: list[Genotype]) -> None:
        start, stop = len(self._index), len(self._index) + len(genotypes)
        if stop > len(self._table):
            grown = np.zeros((max(stop, 2 * len(self._table)), self.width), np.float32)
            grown[:start] = self._table[:start].reshape(start, self.width)
            self._table = grown
            self._norms = np.resize(self._norms, len(grown))
        for i in range(start, stop, CHUNK):
            self._table[i : min(i + CHUNK, stop)] = self.encode(genotypes[i - start : i - start + CHUNK])
        self._norms[start:stop] = np.square(self._table[start:stop]).sum(1)
        self._index.update((g.values, start + i) for i, g in enumerate(genotypes))


class OneHot(Encoding):
    """`Space.one_hot`: the scalar product of two rows is the number of choices on which they agree."""

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        self.width = space.vocabulary - 1

    def encode(self, genotypes: Sequence[Genotype]) -> np.ndarray:
        """See `Encoding`."""
        return np.stack([self.space.one_hot(genotype) for genotype in genotypes])


class Neighbourhoods(Encoding):
    """How often each neighbourhood occurs in the architecture's graph (Shervashidze et al., JMLR 2011).

    Every vertex starts with its operation as label; ``DEPTH`` times the label takes in those of its predecessors and,
    apart, of its successors. A row counts the labels of each depth in ``BINS`` bins, which they fall into by their
    hash. Unlike one-hot rows these do not depend on the order of vertices. Vertices whose operation lets nothing
    through, and those that then lead from no input or to no output, are left out.
    """

    width = BINS * (DEPTH + 1)

    def encode(self, genotypes: Sequence[Genotype]) -> np.ndarray:
        """See `Encoding`."""
        graphs = [self.space.graph(genotype) for genotype in genotypes]
        operations, adjacency, present = padded(graphs)
        names = graphs[0].operation_names
        dead = np.isin(operations, [i for i, name in enumerate(names) if name in NOTHING])
        adjacency, present = _pruned(adjacency, present, dead)
        labels = splitmix64(operations.astype(np.uint64), 1)
        counts = np.zeros((len(graphs), self.width), np.float32)
        row, _ = np.nonzero(present)
        weights = adjacency.astype(np.uint64)
        for depth in range(DEPTH + 1):
            if depth:
                before = np.einsum("nuv,nu->nv", weights, splitmix64(labels, 2))
                after = np.einsum("nuv,nv->nu", weights, splitmix64(labels, 3))
                labels = splitmix64(labels + splitmix64(before, 4) + splitmix64(after, 5), 6)
            bins = depth * BINS + (labels[present] % np.uint64(BINS)).astype(np.int64)
            np.add.at(counts, (row, bins), 1)
        return counts


def _pruned(adjacency: np.ndarray, present: np.ndarray, dead: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without dead vertices and, where there were any, without vertices off the paths from sources to sinks."""
    if not (dead & present).any():
        return adjacency, present
    sources, sinks = present & ~adjacency.any(1), present & ~adjacency.any(2)
    present = present & ~dead
    adjacency = adjacency & present[:, :, None] & present[:, None, :]
    reached, leading = sources & present, sinks & present
    for _ in range(present.shape[1]):
        reached = reached | (adjacency & reached[:, :, None]).any(1)
        leading = leading | (adjacency & leading[:, None, :]).any(2)
    kept = present & ((reached & leading) | sources | sinks)
    return adjacency & kept[:, :, None] & kept[:, None, :], kept
