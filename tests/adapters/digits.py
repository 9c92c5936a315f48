"""Handwritten digits of scikit-learn: 8 x 8 pictures of ten classes."""

from collections.abc import Iterator

import numpy as np
from sklearn.datasets import load_digits
from torch import Tensor, float32, inference_mode, nn, tensor

from routenas.interfaces import Forward
from searchspaces.space import TaskShape


class Digits:
    name, metric, shape = "digits", "accuracy", TaskShape(1, 10, "classes")

    def __init__(self, examples: int = 1797) -> None:
        self.examples, (pictures, labels) = examples, load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(labels))[:examples]
        self.x = tensor(pictures[order].reshape(-1, 1, 8, 8) / 16, dtype=float32)
        self.y = tensor(labels[order])
        self.parts = dict(zip(("train", "search", "test"), np.array_split(np.arange(examples), 3), strict=True))

    def batches(self, part: str, size: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        order = rng.permutation(self.parts[part])
        yield from ((self.x[chosen], self.y[chosen]) for chosen in np.array_split(order, len(order) // size or 1))

    def loss(self, forward: Forward, batch: tuple[Tensor, Tensor]) -> Tensor:
        return nn.functional.cross_entropy(forward(batch[0]), batch[1])

    @inference_mode()
    def score(self, forward: Forward, part: str) -> dict[str, float]:
        right = forward(self.x[self.parts[part]]).argmax(1) == self.y[self.parts[part]]
        return {"accuracy": float(right.float().mean())}

    def example(self) -> tuple[Tensor]:
        return (self.x[:1],)

    def config(self) -> dict[str, int]:
        return {"examples": self.examples}
