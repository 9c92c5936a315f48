"""The class of the nodes of one made-up graph: three communities, noisy features."""

from collections.abc import Iterator

import numpy as np
from torch import Tensor, float32, from_numpy, inference_mode, nn, tensor

from routenas.interfaces import Forward
from searchspaces.space import TaskShape


class Communities:
    name, metric, shape = "communities", "accuracy", TaskShape(6, 3, "nodes")

    def __init__(self, nodes: int = 90) -> None:
        self.nodes, rng, labels = nodes, np.random.default_rng(2), np.arange(nodes) % 3
        near = rng.random((nodes, nodes)) < np.where(labels[:, None] == labels[None], 0.15, 0.01)
        self.edges = tensor(np.stack(np.nonzero(near | near.T)))
        self.x = tensor(np.eye(6)[labels] + rng.normal(size=(nodes, 6)), dtype=float32)
        self.y = tensor(labels)
        pieces = np.array_split(rng.permutation(nodes), 3)
        self.parts = dict(zip(("train", "search", "test"), map(from_numpy, pieces), strict=True))

    def batches(self, part: str, size: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, ...]]:
        yield self.x, self.edges, self.y, self.parts[part]  # the whole graph at once

    def loss(self, forward: Forward, batch: tuple[Tensor, ...]) -> Tensor:
        x, edges, y, chosen = batch
        return nn.functional.cross_entropy(forward(x, edges)[chosen], y[chosen])

    @inference_mode()
    def score(self, forward: Forward, part: str) -> dict[str, float]:
        right = forward(self.x, self.edges).argmax(1) == self.y
        return {"accuracy": float(right[self.parts[part]].float().mean())}

    def example(self) -> tuple[Tensor, ...]:
        return self.x, self.edges

    def config(self) -> dict[str, int]:
        return {"nodes": self.nodes}
