"""What a routability predictor's inputs and answers mean, as a value that travels with the network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from placement_data.dataset import Normalisation, Split
from placement_data.features import channel_groups
from searchspaces.space import TaskShape
from searchspaces.values import Output

TaskName = Literal["hotspots", "violated_nets"]
TASKS: tuple[TaskName, ...] = get_args(TaskName)

RATIO_FLOOR = 0.005
"""The log of a ratio needs a floor; one violated net in two hundred is below what the label's own noise can tell."""


@dataclass(frozen=True)
class OutputScale:
    """From the training split: ``offset`` is added to a map's output, so that a module starts at the base rate;

    a scalar output is the log of the violated-net ratio in deviations from its mean.
    """

    offset: float
    log_ratio_mean: float
    log_ratio_deviation: float

    def standardised(self, ratios: ArrayLike) -> NDArray[np.float64]:
        """What a scalar output is to be for each violated-net ratio (0 to 1)."""
        logs = np.log(np.asarray(ratios, dtype=np.float64) + RATIO_FLOOR)
        return np.asarray((logs - self.log_ratio_mean) / self.log_ratio_deviation, dtype=np.float64)


@dataclass(frozen=True)
class Calibration:
    """What makes logits of hotspots, the offset in them, probabilities: ``sigmoid(slope * logit + intercept)`` (Platt).

    The slope is above 0, so that no order changes.
    """

    slope: float
    intercept: float


@dataclass(frozen=True)
class Card:
    """What a predictor's inputs and answers mean: all that scoring needs beside the network. JSON values throughout.

    ``liberty`` says whether a Liberty library told which cells are registers and clock gates; None where this is not
    known, as of a data set from before it was recorded, or changes no channel. ``technologies`` are those of the
    training and search placements (`placement_data.technology`), as far as they are known. ``routing_layers`` are the
    ranges of layers that signals may use in the training placements, each once, in order; "" stands for all layers.
    ``placements`` are the names of the training placements where they are not all of the split's training families.
    ``seen`` are families that a model which the training started from was trained or chosen on. ``calibration`` is that
    of the answer, where it was worked out on placements that the networks were not trained on. ``extra_targets`` are
    the router's earlier iterations whose hotspots are learnt beside the label, an output each behind the first; answers
    have no part of them.
    """

    name: TaskName
    channels: tuple[str, ...]
    channel_version: str
    normalisation: Normalisation
    output_scale: OutputScale
    label_kind: str
    tile_um: float
    split: Split
    liberty: bool | None = None
    routing_layers: tuple[str, ...] = ("",)
    technologies: tuple[str, ...] = ()
    placements: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    calibration: Calibration | None = None
    extra_targets: tuple[int, ...] = ()

    @property
    def known(self) -> frozenset[str]:
        """The families that a model of this card was trained or chosen on, and which it cannot be judged on."""
        return frozenset((*self.split.train, *self.split.search, *self.seen))

    @property
    def shape(self) -> TaskShape:
        """A map of logits for hotspots; for violated nets a scalar (of which a map of contributions is one form)."""
        output: Output = "map" if self.name == "hotspots" else "scalar"
        groups = channel_groups(self.channels)
        places = tuple((name, tuple(map(self.channels.index, members))) for name, members in groups)
        return TaskShape(len(self.channels), 1 + len(self.extra_targets), output, places)

    def only(self, channels: Sequence[int]) -> Card:
        """The card of a predictor that reads some of the channels, by their indices, and no others."""
        names = tuple(self.channels[index] for index in channels)
        return replace(self, channels=names, normalisation=self.normalisation.only(channels))

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "name": self.name,
            "channels": list(self.channels),
            "channel_version": self.channel_version,
            "normalisation": self.normalisation.to_dict(),
            "output_scale": asdict(self.output_scale),
            "label_kind": self.label_kind,
            "tile_um": self.tile_um,
            "split": self.split.to_dict(),
            "liberty": self.liberty,
            "routing_layers": list(self.routing_layers),
            "technologies": list(self.technologies),
            "placements": list(self.placements),
            "seen": list(self.seen),
            "calibration": None if self.calibration is None else asdict(self.calibration),
            **({"extra_targets": list(self.extra_targets)} if self.extra_targets else {}),
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Card:
        """Inverse of :meth:`to_dict`. Raises ValueError, LookupError or TypeError for anything else."""
        if value["name"] not in TASKS:
            raise ValueError(f"task {value['name']!r}")
        normalisation = Normalisation.from_dict(value["normalisation"])
        if len(normalisation.mean) != len(value["channels"]):
            raise ValueError(f"normalisation of {len(normalisation.mean)} channels")
        scale = OutputScale(**{name: float(number) for name, number in value["output_scale"].items()})
        tile_um = float(value["tile_um"])
        told = value.get("calibration")
        calibration = None if told is None else Calibration(**{name: float(number) for name, number in told.items()})
        numbers = (*asdict(scale).values(), tile_um, *(() if calibration is None else asdict(calibration).values()))
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError("a number is not finite")
        if calibration is not None and not calibration.slope > 0:
            raise ValueError(f"a calibration of slope {calibration.slope}")
        return cls(
            name=cast(TaskName, value["name"]),
            channels=tuple(value["channels"]),
            channel_version=str(value["channel_version"]),
            normalisation=normalisation,
            output_scale=scale,
            label_kind=str(value["label_kind"]),
            tile_um=tile_um,
            split=Split.from_dict(value["split"]),
            liberty=None if value.get("liberty") is None else bool(value["liberty"]),
            routing_layers=tuple(str(layers) for layers in value.get("routing_layers", [""])),
            technologies=tuple(map(str, value.get("technologies", ()))),
            placements=tuple(map(str, value.get("placements", ()))),
            seen=tuple(map(str, value.get("seen", ()))),
            calibration=calibration,
            extra_targets=tuple(map(int, value.get("extra_targets", ()))),
        )
