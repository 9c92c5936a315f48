"""Fitted regression trees as tensors: what scikit-learn's gradient boosting found, without scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

CHUNK = 1 << 8
"""Rows that are answered at a time: what a few hundred trees remember of them fits the processor's cache."""
LEAVES = 64
"""Most leaves of a tree: a bit each of one number."""


class TreeEnsemble(nn.Module):
    """The sum of regression trees: (rows, columns) float32 to (rows,) float64; zero before `set`.

    The nodes of all trees stand one after another in buffers, and their number is whatever was fitted or is loaded.
    A row goes to ``right`` where ``row[column] > threshold``, else to ``left``; a leaf is its own child on both sides.

    No row walks down a tree. The leaves of a tree are numbered from left to right, a bit each, and every node whose
    answer is ``right`` rules out the leaves on its left: the first that is left over is the row's (QuickScorer,
    Lucchese et al., SIGIR 2015). That is a comparison and two operations of bits a node, for all trees and many rows
    at once.
    """

    NODES = ("column", "threshold", "left", "right", "value")
    SHAPED = (*NODES, "root")
    column: Tensor  # int32 (nodes,)
    threshold: Tensor  # float32 (nodes,)
    left: Tensor  # int32 (nodes,)
    right: Tensor  # int32 (nodes,)
    value: Tensor  # float64 (nodes,), zero but in leaves
    root: Tensor  # int32 (trees,)
    depth: Tensor  # int32 (), steps from a root to the deepest leaf
    intercept: Tensor  # float64 ()

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns = columns
        for name in self.SHAPED:
            kind = {"threshold": torch.float32, "value": torch.float64}.get(name, torch.int32)
            self.register_buffer(name, torch.empty(0, dtype=kind))
        self.register_buffer("depth", torch.zeros((), dtype=torch.int32))
        self.register_buffer("intercept", torch.zeros((), dtype=torch.float64))

    def set(self, model: Any) -> None:
        """Take the trees of a fitted scikit-learn ``HistGradientBoosting...`` of one output.

        Its thresholds are float64; rounded down to float32 they send every float32 the same way.
        """
        tables = [predictors[0].nodes for predictors in model._predictors]
        starts = np.cumsum([0, *map(len, tables)])
        nodes = np.concatenate(tables)
        leaf = nodes["is_leaf"].astype(bool)
        own, first = np.arange(len(nodes)), np.repeat(starts[:-1], np.diff(starts))
        found = {
            "column": np.where(leaf, 0, nodes["feature_idx"]),
            "threshold": _rounded_down(nodes["num_threshold"]),
            "left": np.where(leaf, own, first + nodes["left"]),
            "right": np.where(leaf, own, first + nodes["right"]),
            "value": np.where(leaf, nodes["value"], 0.0),
            "root": starts[:-1],
        }
        for name, values in found.items():
            setattr(self, name, torch.from_numpy(np.ascontiguousarray(values)).to(getattr(self, name).dtype))
        self.depth.fill_(int(nodes["depth"].max()))
        self.intercept.fill_(float(np.ravel(model._baseline_prediction)[0]))
        self.__dict__.pop("_bits", None)

    def forward(self, rows: Tensor) -> Tensor:
        values = rows.detach().cpu().numpy()
        sums = [self._sums(values[start : start + CHUNK]) for start in range(0, len(values), CHUNK)]
        total = torch.from_numpy(np.concatenate([*sums, np.zeros(0)])).to(rows.device)
        return total + self.intercept

    def _sums(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        column, threshold, leaves, values = self._bits
        columns = np.ascontiguousarray(rows.T)
        shape = len(values), len(rows)
        asked, right = np.empty(shape, np.float32), np.empty(shape, bool)
        gone, lost = np.zeros(shape, leaves.dtype), np.empty(shape, leaves.dtype)
        for node in range(len(column)):  # the first of every tree, the second ...
            np.take(columns, column[node], axis=0, out=asked, mode="clip")
            np.greater(asked, threshold[node], out=right)
            np.multiply(right, leaves[node], out=lost)
            np.bitwise_or(gone, lost, out=gone)
        first = ~gone & (gone + leaves.dtype.type(1))  # the lowest bit that is not set
        place = np.frexp(first.astype(np.float64))[1] - 1
        found: NDArray[np.float64] = np.take_along_axis(values, place, axis=1).sum(axis=0)
        return found

    @cached_property
    def _bits(self) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[Any], NDArray[np.float64]]:
        """The nodes that ask, side by side, and the values of the leaves, (trees, leaves).

        Of a node the column (nodes, trees), the threshold and, as bits, the leaves on its left, both (nodes, trees, 1).
        A tree of fewer nodes is filled up with some that answer ``left`` and rule out nothing. Raises ValueError for
        nodes that make no trees of at most `LEAVES` leaves.
        """
        left, right, value = (each.tolist() for each in (self.left, self.right, self.value))
        columns, thresholds = self.column.cpu().numpy(), self.threshold.cpu().numpy()
        told = [_walk(root, left, right, value) for root in self.root.tolist()]
        most = max((len(asked) for asked, _ in told), default=0)
        shape = most, len(told)
        column, threshold = np.zeros(shape, np.intp), np.full(shape, np.inf, np.float32)
        leaves = np.zeros(shape, np.uint32 if most < 32 else np.uint64)
        values = np.zeros((len(told), most + 1))
        for tree, (asked, found) in enumerate(told):
            values[tree, : len(found)] = found
            for place, (node, lost) in enumerate(asked):
                column[place, tree], threshold[place, tree] = columns[node], thresholds[node]
                leaves[place, tree] = lost
        return column, threshold[..., None], leaves[..., None], values

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Buffers become as large as what is loaded. Raises ValueError for nodes that make no trees."""
        found = {name: state_dict.get(prefix + name) for name in self.SHAPED}
        for name, values in found.items():
            if values is not None:
                setattr(self, name, torch.empty_like(values, dtype=getattr(self, name).dtype))
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self.__dict__.pop("_bits", None)
        self._check()

    def _check(self) -> None:
        nodes = len(self.value)
        if {getattr(self, name).shape for name in self.NODES} != {(nodes,)} or self.root.ndim != 1:
            raise ValueError("the trees' arrays differ in length")
        within = {"column": self.columns, "left": nodes, "right": nodes, "root": nodes}
        for name, limit in within.items():
            values = getattr(self, name)
            if len(values) and not 0 <= int(values.min()) <= int(values.max()) < limit:
                raise ValueError(f"a tree's {name} is not below {limit}")
        if not 0 <= int(self.depth) <= nodes:
            raise ValueError(f"trees of {nodes} nodes have a depth of {int(self.depth)}")
        _ = self._bits


def _rounded_down(values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The largest float32 that is not above each value."""
    rounded = values.astype(np.float32)
    return np.where(rounded > values, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def _walk(
    root: int, left: Sequence[int], right: Sequence[int], value: Sequence[float]
) -> tuple[list[tuple[int, int]], list[float]]:
    """The nodes of a tree that ask, each with the leaves on its left as bits, and the leaves' values in order."""
    asked: list[tuple[int, int]] = []
    values: list[float] = []
    ahead = [(root, -1)]
    while ahead:
        node, parent = ahead.pop()
        if len(values) == LEAVES or len(ahead) == LEAVES:
            raise ValueError(f"a tree has more than {LEAVES} leaves")
        if parent >= 0:  # all that is on the left of the parent has its number
            asked[parent] = asked[parent][0], (1 << len(values)) - asked[parent][1]
        if left[node] == node:
            values.append(value[node])
        else:
            asked.append((node, 1 << len(values)))
            ahead += [(right[node], len(asked) - 1), (left[node], -1)]
    return asked, values
