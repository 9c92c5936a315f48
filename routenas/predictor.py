"""A bundle of a routability task, ready to answer for placements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError
from placement_data.features import CHANNEL_SETS, UNITS, ChannelSet, same_values
from routenas.bundle import MODEL_FILE, Bundle, ModelMismatchError
from routenas.onnx_model import OnnxModel, Runtime, runtime_of
from routenas.pretrained import located
from routenas.tasks.card import Card
from routenas.tiling import tiled

if TYPE_CHECKING:
    from routenas.torch_model import TorchModel


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
    """Answers of a bundle from raw feature maps: see :meth:`predict`.

    ``onnx`` computes them, or where it is None torch, with so many ``threads`` (None: as many as it has been told).
    """

    bundle: Bundle
    card: Card
    onnx: OnnxModel | None = None
    threads: int | None = None

    @classmethod
    def of(
        cls,
        bundle: Bundle | Path | str,
        *,
        runtime: Runtime = "torch",
        threads: int | None = None,
        say: Callable[[str], object] = lambda line: None,
    ) -> Predictor:
        """The predictor of a bundle, or of the one in a folder; a bundle in memory is computed by torch.

        ``say`` is told in one line where ``runtime`` is ``auto`` and a graph that is there cannot be used. Raises
        :class:`InputError` for one that is damaged, and :class:`ModelMismatchError` for one of another task or of
        channels of another version.
        """
        place, onnx = None, None
        if not isinstance(bundle, Bundle):
            place = Path(bundle) / MODEL_FILE
            folders = located(bundle)
            onnx = runtime_of(folders[0], runtime, threads or 1, say) if len(folders) == 1 else None
            bundle = Bundle.load(bundle, weights=onnx is None)
        elif runtime == "onnx":
            raise InputError("a bundle in memory has no ONNX graph", found=repr(bundle), expected="a folder")
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
        predictor = cls(bundle, card, onnx, threads)
        version = card.channel_version
        if version.partition("/")[0] in CHANNEL_SETS and predictor._set() is None:
            raise ModelMismatchError(f"{where}the model's channels {version} are not those of this version")
        return predictor

    @classmethod
    def all_of(
        cls,
        models: Sequence[Bundle | Path | str],
        *,
        runtime: Runtime = "torch",
        threads: int | None = None,
        say: Callable[[str], object] = lambda line: None,
    ) -> list[Predictor]:
        """One of each model, and one of each that ships for the name ``pretrained``. Arguments and errors as `of`."""
        places = (located(model) if isinstance(model, Path | str) else (model,) for model in models)
        return [cls.of(each, runtime=runtime, threads=threads, say=say) for alike in places for each in alike]

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
    def inputs_used(self) -> tuple[int, ...]:
        """The indices of the channels that a member of the bundle reads."""
        return self.bundle.inputs_used if self.onnx is None else self.onnx.inputs_used

    @cached_property
    def read(self) -> Card:
        """The card of those channels alone that a member of the bundle reads."""
        return self.card.only(self.inputs_used)

    @property
    def version(self) -> dict[str, str]:
        """Name and version of what computes."""
        if self.onnx is not None:
            return self.onnx.version
        import torch

        return {"torch": str(torch.__version__)}

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
        on_die = np.ones(maps.shape[1:], dtype=bool) if inside is None else inside
        value, members = self._answers(maps, net_count, on_die)
        if self.card.name == "hotspots" and inside is not None:
            value, members = np.where(inside, value, np.nan), np.where(inside, members, np.nan)
        return Answer(value, members, tuple(member.draws for member in self.bundle.members))

    def at(self, maps: NDArray[np.float32], tiles: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Hotspot probabilities (n,) in some tiles (rows, columns) alone, of what :meth:`normalised` made."""
        if self.onnx is None:
            return self._torch.at(maps, tiles)
        return np.asarray(self._answers(maps, 0, tiles)[0][tiles])

    def _answers(
        self, maps: NDArray[np.float32], net_count: int, inside: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The answer and the members' answers, whatever computes; what they say of tiles off the die means nothing."""
        if self.onnx is None:
            return self._torch.answers(maps, net_count, inside)
        onnx = self.onnx
        if self.card.name != "hotspots":  # a sum over the whole map
            return onnx.answers(maps, net_count, inside)

        def both(part: NDArray[np.float32]) -> NDArray[np.float64]:
            answer, members = onnx.answers(part[:-1], net_count, part[-1] > 0)
            return np.concatenate([answer[None], members])

        # Where to answer goes through the windows as one more map.
        answer, *members = tiled(both, np.concatenate([maps, inside[None].astype(np.float32)]), self._reach)
        return answer, np.stack(members)

    def _reach(self) -> int | None:
        """How many tiles away a tile can matter to any member; None where that is the whole map."""
        known = [reach for reach in self.reaches if reach is not None]
        return max(known) if len(known) == len(self.reaches) else None

    @property
    def reaches(self) -> tuple[int | None, ...]:
        """How many tiles away a tile can matter to each member; None where that is the whole map."""
        return self._torch.reaches

    @cached_property
    def _torch(self) -> TorchModel:
        from routenas.torch_model import TorchModel

        return TorchModel(self.bundle.ensemble, self.card, self.threads)
