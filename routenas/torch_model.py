"""The answers of a bundle's networks, by torch; `routenas.onnx_model` gives the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from routenas.networks.ensemble import Ensemble
from routenas.networks.threads import limited_threads
from routenas.tasks.card import Card
from routenas.tasks.decoding import decoded
from routenas.tiling import reach_of, tiled

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
            outputs = [self._map(number, maps) for number in range(len(self.ensemble.members))]
            both = self.ensemble.mean(outputs), *outputs
            count, on_die = torch.tensor(net_count), torch.from_numpy(inside)
            answer, *members = (decoded(self.card, output, count, on_die).numpy() for output in both)
        return answer, np.stack(members)

    def at(self, maps: NDArray[np.float32], tiles: NDArray[np.bool_]) -> Map:
        """Hotspot probabilities (n,) in some tiles; a member that answers tile by tile works out no other tile."""
        mask, outputs = torch.from_numpy(tiles), []
        with self._computing():
            for number, member in enumerate(self.ensemble.members):
                at = getattr(member, "at", None)
                output = self._map(number, maps)[..., mask].unsqueeze(2) if at is None else at(_input(maps), mask)
                outputs.append(output)
            answer = decoded(self.card, self.ensemble.mean(outputs), torch.tensor(0), None)
        return np.asarray(answer.numpy()[0], dtype=np.float64)

    def _map(self, number: int, maps: NDArray[np.float32]) -> Tensor:
        """What a member says of the whole map, in windows where that is large."""
        member = self.ensemble.members[number]
        return torch.from_numpy(tiled(partial(_output, member), maps, lambda: self.reaches[number]))

    @cached_property
    def reaches(self) -> tuple[int | None, ...]:
        """How many tiles away a tile can matter to each member; None where that is the whole map."""
        members, channels = self.ensemble.members, len(self.card.channels)
        return tuple(reach_of(partial(_output, each), channels, getattr(each, "reach", None)) for each in members)

    @contextmanager
    def _computing(self) -> Iterator[None]:
        with torch.inference_mode(), limited_threads(self.threads or torch.get_num_threads()):
            yield


def _output(member: nn.Module, maps: NDArray[np.float32]) -> NDArray[Any]:
    """What a member says of (channels, rows, columns): (1, outputs, rows, columns) or a number (1,)."""
    with torch.inference_mode():
        output: Tensor = member(_input(maps))
    return output.numpy()


def _input(maps: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(maps)[None].to(memory_format=torch.channels_last)
