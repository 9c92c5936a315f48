"""The next letter of a made-up text, in windows; the hidden state goes from one window to the next."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor, from_numpy, inference_mode, nn, tensor

from routenas.interfaces import Forward
from searchspaces.space import TaskShape


class Letters:
    name, metric, shape = "letters", "negative_loss", TaskShape(5, 5, "tokens")

    def __init__(self, length: int = 241) -> None:
        self.length, parts = length, ("train", "search", "test")
        steps = np.random.default_rng(1).choice([1, 2], size=(3, length, 4), p=[0.8, 0.2])
        self.texts = {part: tensor(np.cumsum(step, 0) % 5) for part, step in zip(parts, steps, strict=True)}

    def batches(self, part: str, size: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, bool]]:
        text = self.texts[part][:, from_numpy(rng.permutation(4))[:size]]
        yield from ((text[start : start + 9], start == 0) for start in range(0, self.length - 1, 8))

    def loss(self, forward: Forward, batch: tuple[Tensor, bool]) -> Tensor:
        window, first = batch
        logits, state = forward(window[:-1], None if first else self.state)
        self.state = state.detach()
        return nn.functional.cross_entropy(logits.flatten(0, 1), window[1:].flatten())

    @inference_mode()
    def score(self, forward: Forward, part: str) -> dict[str, float]:
        logits, _ = forward(self.texts[part][:-1], None)
        return {"negative_loss": -float(nn.functional.cross_entropy(logits.mT, self.texts[part][1:]))}

    def example(self) -> tuple[Any, ...]:
        return self.texts["train"][:5], None

    def config(self) -> dict[str, int]:
        return {"length": self.length}
