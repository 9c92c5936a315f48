"""Fitted regression trees as tensors: what scikit-learn's gradient boosting found, without scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

CHUNK = 1 << 13
"""Rows that go down all trees at a time: their places in a few hundred trees take tens of megabytes."""


class TreeEnsemble(nn.Module):
    """The sum of regression trees: (rows, columns) float32 to (rows,) float64; zero before `set`.

    The nodes of all trees stand one after another in buffers, and their number is whatever was fitted or is loaded.
    A row goes to ``right`` where ``row[column] > threshold``, else to ``left``; a leaf is its own child on both sides.
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

    def forward(self, rows: Tensor) -> Tensor:
        sums = [self.value[self._leaves(part)].sum(dim=1) for part in torch.split(rows, CHUNK)]
        return torch.cat(sums) + self.intercept

    def _leaves(self, rows: Tensor) -> Tensor:
        """(rows, trees) the leaf that each row comes to in each tree."""
        place = self.root.long().expand(len(rows), -1)
        column, threshold, left, right = self.column.long(), self.threshold, self.left.long(), self.right.long()
        for _ in range(int(self.depth)):
            above = rows.gather(1, column[place]) > threshold[place]
            place = torch.where(above, right[place], left[place])
        return place

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Buffers become as large as what is loaded. Raises ValueError for nodes that make no trees."""
        found = {name: state_dict.get(prefix + name) for name in self.SHAPED}
        for name, values in found.items():
            if values is not None:
                setattr(self, name, torch.empty_like(values, dtype=getattr(self, name).dtype))
        super()._load_from_state_dict(state_dict, prefix, *rest)
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


def _rounded_down(values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The largest float32 that is not above each value."""
    rounded = values.astype(np.float32)
    return np.where(rounded > values, np.nextafter(rounded, np.float32(-np.inf)), rounded)
