"""The digits of `digits` with folds, so that an ensemble is chosen out of fold."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, inference_mode

from routenas.interfaces import Forward
from tests.adapters.digits import Digits

Outputs = list[NDArray[np.float32]]


class FoldedDigits(Digits):
    name = "folded digits"

    def __init__(self, examples: int = 1797, whole: bool = False, fold: tuple[int, int, int] | None = None) -> None:
        super().__init__(examples)
        self.arguments = {"examples": examples, "whole": whole, "fold": fold}
        both, test, none = np.concatenate([self.parts["train"], self.parts["search"]]), self.parts["test"], np.arange(0)
        if whole:
            self.parts = {"train": both, "search": none, "test": test}
        if fold is not None:
            number, k, seed = fold
            chosen = np.array_split(np.random.default_rng(seed).permutation(both), k)[number]
            self.parts = {"train": np.setdiff1d(both, chosen), "search": chosen, "test": none}

    def batches(self, part: str, size: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        yield from super().batches(part, size, rng) if len(self.parts[part]) else ()

    def score(self, forward: Forward, part: str) -> dict[str, Any]:
        return super().score(forward, part) if len(self.parts[part]) else {"accuracy": None}

    def folds(self, k: int, seed: int) -> tuple["FoldedDigits", ...]:
        return tuple(FoldedDigits(self.examples, fold=(number, k, seed)) for number in range(k))

    @inference_mode()
    def outputs(self, forward: Forward, part: str) -> Outputs:
        return [forward(self.x[[place]]).numpy() for place in self.parts[part]]

    def pooled(self, folds: Sequence["FoldedDigits"], outputs: Sequence[Outputs]) -> dict[str, Any]:
        right = [
            output.argmax() == int(fold.y[place])
            for fold, own in zip(folds, outputs, strict=True)
            for place, output in zip(fold.parts["search"], own, strict=True)
        ]
        return {"accuracy": float(np.mean(right))}

    def whole(self, folds: Sequence["FoldedDigits"], outputs: Sequence[Outputs]) -> tuple["FoldedDigits", Any]:
        return FoldedDigits(self.examples, whole=True), self.pooled(folds, outputs)

    def config(self) -> dict[str, Any]:
        return self.arguments
