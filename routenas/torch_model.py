"""The answers of a bundle's networks, by torch; `routenas.onnx_model` gives the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from routenas.networks.ensemble import Ensemble
from routenas.networks.threads import limited_threads
from routenas.tasks.card import Card
from routenas.tasks.decoding import decoded

Map = NDArray[np.float64]


@dataclass(frozen=True)
class TorchModel:
    """Networks, and the card that says what they mean; ``threads`` of None are as many as torch has been told."""

    ensemble: Ensemble
    card: Card
    threads: int | None = None

    def answers(self, maps: NDArray[np.float32], net_count: int, inside: NDArray[np.bool_]) -> tuple[Map, Map]:
        """See `OnnxModel.answers`."""
        with self._computing():
            outputs = self.ensemble.outputs(_input(maps))
            both = self.ensemble.mean(outputs), *outputs
            count, on_die = torch.tensor(net_count), torch.from_numpy(inside)
            answer, *members = (decoded(self.card, output, count, on_die).numpy() for output in both)
        return answer, np.stack(members)

    def at(self, maps: NDArray[np.float32], tiles: NDArray[np.bool_]) -> Map:
        """See `OnnxModel.at`; a member that answers tile by tile works out no other tile."""
        with self._computing():
            output = self.ensemble.at(_input(maps), torch.from_numpy(tiles))
            return np.asarray(decoded(self.card, output, torch.tensor(0), None).numpy()[0], dtype=np.float64)

    @contextmanager
    def _computing(self) -> Iterator[None]:
        with torch.inference_mode(), limited_threads(self.threads or torch.get_num_threads()):
            yield


def _input(maps: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(maps)[None].to(memory_format=torch.channels_last)
