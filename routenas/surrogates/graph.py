"""A graph network as surrogate, with a regression or a pairwise loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from routenas.networks.graph_encoder import GraphEncoder, stacked
from routenas.surrogates.base import StandardisedSurrogate
from searchspaces.operators import seeded
from searchspaces.space import Genotype, Space

CHUNK = 2000


class GraphRegressor(StandardisedSurrogate):
    """`GraphEncoder` and a linear head, ``members`` of them from different weights; their spread is the deviation.

    ``loss`` "regression" is the mean square error of standardised targets; "pairwise" the logistic loss of the
    difference of two predictions against which of the two is better, after which predictions are scaled to the targets
    by least squares. Trained with Adam on all samples at once for ``steps`` steps.
    """

    def __init__(
        self,
        space: Space,
        *,
        loss: Literal["regression", "pairwise"] = "regression",
        members: int = 3,
        steps: int = 200,
        width: int = 64,
        rate: float = 0.01,
    ) -> None:
        super().__init__(space)
        if loss not in ("regression", "pairwise") or members < 1 or steps < 1:
            raise ValueError(f"the loss must be 'regression' or 'pairwise' and counts above 0, not {loss!r}")
        self.loss, self.members, self.steps, self.width, self.rate = loss, members, steps, width, rate
        self._models: list[tuple[nn.Module, float, float]] = []

    def _fit(self, genotypes: list[Genotype], targets: np.ndarray, seed: int) -> None:
        graphs = [self.space.graph(genotype) for genotype in genotypes]
        inputs = stacked(graphs)
        wanted = torch.from_numpy(targets.astype(np.float32))
        operations = len(graphs[0].operation_names)
        self._models = []
        for member in range(self.members):
            model = seeded(lambda: _Judge(operations, self.width), seed + 7919 * member)
            optimiser = torch.optim.Adam(model.parameters(), lr=self.rate, weight_decay=1e-4)
            for _ in range(self.steps):
                optimiser.zero_grad()
                self._loss(model(*inputs), wanted).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
            with torch.inference_mode():
                found = model.eval()(*inputs).double().numpy()
            slope, offset = 1.0, 0.0
            if self.loss == "pairwise":
                spread = float(found.std())
                slope = float(np.mean((found - found.mean()) * targets)) / spread**2 if spread > 1e-9 else 0.0
                offset = -slope * float(found.mean())
            self._models.append((model, slope, offset))

    def _loss(self, found: Tensor, wanted: Tensor) -> Tensor:
        if self.loss == "regression":
            return functional.mse_loss(found, wanted)
        better = wanted[:, None] > wanted[None]
        return functional.softplus(-(found[:, None] - found[None])[better]).mean()

    def _predict(self, genotypes: Sequence[Genotype]) -> tuple[np.ndarray, np.ndarray]:
        parts = []
        for start in range(0, len(genotypes), CHUNK):
            inputs = stacked([self.space.graph(genotype) for genotype in genotypes[start : start + CHUNK]])
            with torch.inference_mode():
                parts.append(
                    np.stack(
                        [slope * model(*inputs).double().numpy() + offset for model, slope, offset in self._models]
                    )
                )
        found = np.concatenate(parts, axis=1)
        return found.mean(axis=0), found.std(axis=0)


class _Judge(nn.Module):
    """Encoder and head."""

    def __init__(self, operations: int, width: int) -> None:
        super().__init__()
        self.encoder, self.head = GraphEncoder(operations, width), nn.Linear(width, 1)

    def forward(self, operations: Tensor, adjacency: Tensor, present: Tensor) -> Tensor:
        values: Tensor = self.head(self.encoder(operations, adjacency, present))
        return values[:, 0]
