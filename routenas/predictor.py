"""A bundle of a routability task, ready to answer for placements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from placement_data.errors import InputError
from placement_data.features import CHANNEL_SETS, UNITS, ChannelSet, same_values
from routenas.bundle import MODEL_FILE, Bundle, ModelMismatchError
from routenas.pretrained import located
from routenas.tasks.card import Card
from routenas.tiling import reach_of, tiled


@dataclass(frozen=True)
class Answer:
    """``value`` is the ensemble's answer: hotspot probabilities (rows, columns), or the violated-net ratio (1,).

    ``members`` (members, ...) are those of each member alone, through the same calibration, and ``draws`` (members,)
    how often each counts.
    """

    value: NDArray[np.float64]
    members: NDArray[np.float64]
    draws: tuple[int, ...]

    def spread(self, members: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Standard deviation over the members of some number (members, ...) of each; None where there is one only."""
        if len(self.draws) == 1:
            return None
        mean = np.average(members, axis=0, weights=self.draws)
        return np.asarray(np.sqrt(np.average((members - mean) ** 2, axis=0, weights=self.draws)))

    @property
    def range(self) -> tuple[float, float] | None:
        """The smallest and the largest number that a member or the ensemble has; None where there is one member."""
        if len(self.draws) == 1:
            return None
        every = (*self.members.ravel().tolist(), *self.value.ravel().tolist())
        return min(every), max(every)


@dataclass(frozen=True)
class Predictor:
    """Answers of a bundle from raw feature maps: see :meth:`predict`."""

    bundle: Bundle
    card: Card

    @classmethod
    def of(cls, bundle: Bundle | Path | str) -> Predictor:
        """The predictor of a bundle, or of the one in a folder.

        Raises :class:`InputError` for one that is damaged, and :class:`ModelMismatchError` for one of another task
        or of channels of another version.
        """
        place = None if isinstance(bundle, Bundle) else Path(bundle) / MODEL_FILE
        bundle = bundle if isinstance(bundle, Bundle) else Bundle.load(bundle)
        where = "" if place is None else f"{place}: "
        if bundle.task["task"] != "routability":
            raise ModelMismatchError(f"{where}a model of the task {bundle.task['task']}, expected routability")
        try:
            card = Card.from_dict(bundle.task)
        except InputError as error:
            raise error.inside(place) from None
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            what = "the model description is incomplete or damaged"
            raise InputError(what, file=place, found=str(error)) from None
        predictor = cls(bundle, card)
        version = card.channel_version
        if version.partition("/")[0] in CHANNEL_SETS and predictor._set() is None:
            raise ModelMismatchError(f"{where}the model's channels {version} are not those of this version")
        return predictor

    @classmethod
    def all_of(cls, models: Sequence[Bundle | Path | str]) -> list[Predictor]:
        """One of each model, and one of each that ships for the name ``pretrained``. Raises as :meth:`of`."""
        places = (located(model) if isinstance(model, Path | str) else (model,) for model in models)
        return [cls.of(each) for alike in places for each in alike]

    @property
    def threshold(self) -> float | None:
        """The probability above which a tile counts as a hotspot: best F1 on what the members were chosen by.

        None for counts.
        """
        metrics = self.bundle.metrics
        found = metrics.get("out_of_fold", metrics.get("search", {})).get("threshold")
        return None if found is None else float(found)

    @property
    def channel_set(self) -> ChannelSet:
        """The channels to make of a layout.

        Raises :class:`ModelMismatchError` for a model of maps that came from elsewhere (an imported data set).
        """
        found = self._set()
        if found is None:
            raise ModelMismatchError(
                f"the model's channels {self.card.channel_version} cannot be made from a layout, "
                f"expected {' or '.join(channels.version for channels in CHANNEL_SETS.values())}"
            )
        return found

    def _set(self) -> ChannelSet | None:
        version, channels = self.card.channel_version, self.card.channels
        if not all(same_values(name, version) for name in channels):
            return None
        return ChannelSet(version.partition("/")[0], version, channels, tuple(UNITS[name] for name in channels))

    @cached_property
    def read(self) -> Card:
        """The card of those channels alone that a member of the bundle reads."""
        return self.card.only(self.bundle.inputs_used)

    def predict(
        self, features: NDArray[np.float32], net_count: int, inside: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float64]:
        """Hotspot probabilities (rows, columns), or the violated-net ratio (1,).

        ``features`` are raw feature maps (channels, rows, columns), of which those of `read` matter. Tiles that are not
        ``inside`` (rows, columns) are off the die: their probability is NaN.
        """
        return self.answer(self.normalised(features, inside), net_count, inside).value

    def normalised(self, features: NDArray[np.float32], inside: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """What the members take, of raw feature maps: 0 is what is usual in training, and all there is off the die."""
        return self.card.normalisation.apply(features, inside)

    def answer(self, maps: NDArray[np.float32], net_count: int, inside: NDArray[np.bool_] | None = None) -> Answer:
        """As :meth:`predict`, of what :meth:`normalised` made; and the answers of the members."""
        ensemble = self.bundle.ensemble
        with torch.inference_mode():
            outputs = [self._map(number, maps) for number in range(len(ensemble.members))]
            value = self.card.decode(ensemble.mean(outputs), net_count, inside)
        if len(outputs) == 1:
            return Answer(value, value[None], ensemble.draws)
        return Answer(
            value, np.stack([self.card.decode(output, net_count, inside) for output in outputs]), ensemble.draws
        )

    @cached_property
    def reaches(self) -> tuple[int | None, ...]:
        """How many tiles away a tile can matter to each member; None where that is the whole map."""
        members, channels = self.bundle.ensemble.members, len(self.card.channels)
        return tuple(reach_of(partial(_output, each), channels, getattr(each, "reach", None)) for each in members)

    def at(self, maps: NDArray[np.float32], tiles: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Hotspot probabilities (n,) in some tiles (rows, columns) alone, of what :meth:`normalised` made."""
        mask, ensemble, outputs = torch.from_numpy(tiles), self.bundle.ensemble, []
        with torch.inference_mode():
            for number, member in enumerate(ensemble.members):
                at = getattr(member, "at", None)  # of one that answers tile by tile: it works out no other
                output = self._map(number, maps)[..., mask].unsqueeze(2) if at is None else at(_input(maps), mask)
                outputs.append(output)
            return np.asarray(self.card.decode(ensemble.mean(outputs), 0)[0])

    def _map(self, number: int, maps: NDArray[np.float32]) -> torch.Tensor:
        """What a member says of the whole map, in windows where that is large."""
        member = self.bundle.ensemble.members[number]
        return torch.from_numpy(tiled(partial(_output, member), maps, lambda: self.reaches[number]))


def _output(member: nn.Module, maps: NDArray[np.float32]) -> NDArray[Any]:
    """What a member says of (channels, rows, columns): (outputs, rows, columns) or a number (1,)."""
    with torch.inference_mode():
        output: torch.Tensor = member(_input(maps))
    return output.numpy()


def _input(maps: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(maps)[None].to(memory_format=torch.channels_last)
