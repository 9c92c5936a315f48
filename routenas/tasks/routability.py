"""The two routability tasks: DRC hotspots (a map) and violated nets (a number), on one data set with a family split."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from placement_data.dataset import Normalisation, Split, symmetry
from placement_data.errors import InputError
from placement_data.store import Sample, Store
from routenas.metrics import count_metrics, hotspot_metrics

TaskName = Literal["hotspots", "violated_nets"]
TASKS: tuple[TaskName, ...] = ("hotspots", "violated_nets")
METRIC = {"hotspots": "roc_auc", "violated_nets": "design_mean_tau"}
# Crops are at most this many tiles a side: the widest receptive field of the spaces, twice, fits in.
CROP = 64
# Log of a ratio needs a floor; one violated net in two hundred is below what the label's own noise can tell.
RATIO_FLOOR = 0.005


@dataclass(frozen=True)
class Example:
    """One labelled placement, normalised: ``maps`` float32 (channels, rows, columns) and its labels."""

    sample: Sample
    maps: NDArray[np.float32]

    @property
    def hotspots(self) -> NDArray[np.uint8]:
        """Hotspot label (rows, columns)."""
        assert self.sample.hotspots is not None
        return self.sample.hotspots

    @property
    def violated_net_map(self) -> NDArray[np.float32]:
        """Violated nets a tile (rows, columns)."""
        assert self.sample.violated_net_map is not None
        return self.sample.violated_net_map

    @property
    def ratio(self) -> float:
        """Violated nets by nets; NaN where the labels tell no nets, which only the hotspot task meets."""
        ratio = self.sample.violated_net_ratio
        return math.nan if ratio is None else ratio


@dataclass(frozen=True)
class Batch:
    """Stacked crops: ``maps`` (n, channels, h, w), ``target`` (n, h, w) of the task.

    ``ratio`` (n) is that of the whole placements, NaN where their labels tell no nets.
    """

    maps: Tensor
    target: Tensor
    ratio: Tensor


@dataclass(frozen=True)
class OutputScale:
    """From the training split: ``offset`` is added to a map's output, so that a module starts at the base rate;

    a scalar output is the log of the violated-net ratio in deviations from its mean.
    """

    offset: float
    log_ratio_mean: float
    log_ratio_deviation: float


class RoutabilityTask:
    """One of the two tasks on a store and a split.

    The test placements are not read before :meth:`examples` asks for them.
    """

    def __init__(self, name: TaskName, store: Store, split: Split) -> None:
        self.name: TaskName = name
        self.store, self.split = store, split
        unknown = sorted(set(split.train + split.search + split.test) - set(store.families))
        if unknown:
            raise InputError("the split names a family that the data set lacks", file=store.path, found=unknown[0])
        self.normalisation = Normalisation.fit([sample.features for sample in self._samples("train")])
        kinds = sorted({sample.label_kind for sample in self._samples("train") + self._samples("search")})
        if len(kinds) != 1:
            raise InputError(
                "label kinds are mixed", file=store.path, found=", ".join(kinds), expected="one router and iteration"
            )
        self.label_kind = kinds[0]
        tiles = sorted({_tile_um(sample) for part in ("train", "search") for sample in self._samples(part)})
        if len(tiles) != 1:
            found = ", ".join(f"{tile:g} um" for tile in tiles)
            raise InputError(
                "tiles are of several sizes", file=store.path, found=found, expected="one; see ingest --tile"
            )
        self.tile_um = tiles[0]
        self._examples: dict[str, tuple[Example, ...]] = {}

    @property
    def metric(self) -> str:
        """Name of the metric that search maximises."""
        return METRIC[self.name]

    def examples(self, part: str) -> tuple[Example, ...]:
        """Labelled placements of ``train``, ``search`` or ``test``."""
        if part not in self._examples:
            self._examples[part] = tuple(
                Example(sample, self.normalisation.apply(sample.features)) for sample in self._samples(part)
            )
        return self._examples[part]

    def _samples(self, part: str) -> tuple[Sample, ...]:
        samples = tuple(sample for sample in self.store.samples(getattr(self.split, part)) if sample.labelled)
        if not samples:
            raise InputError(f"no labelled placement in the {part} split", file=self.store.path)
        if self.name == "hotspots":
            return samples
        counted = tuple(sample for sample in samples if sample.violated_nets is not None)
        if not counted:
            what = f"the labels of the {part} split tell no violated nets"
            raise InputError(what, file=self.store.path, expected="the task hotspots for such a data set")
        return counted

    @cached_property
    def output_scale(self) -> OutputScale:
        """What the numbers that a module puts out mean, from the training split."""
        pairs = [(self._target(example).sum(), example.hotspots.size) for example in self.examples("train")]
        total, tiles = np.sum(pairs, axis=0)
        rate = max(float(total / tiles), 1e-4)
        offset = math.log(rate / (1 - rate)) if self.name == "hotspots" else math.log(math.expm1(rate))
        known = [example.ratio for example in self.examples("train") if example.sample.violated_nets is not None]
        values = np.log(np.array(known or [0.0]) + RATIO_FLOOR)
        return OutputScale(offset, float(values.mean()), float(max(values.std(), 1e-3)))

    def _target(self, example: Example) -> NDArray[np.float32]:
        values = example.hotspots if self.name == "hotspots" else example.violated_net_map
        return values.astype(np.float32)

    def batches(self, size: int, rng: np.random.Generator, resize: tuple[int, int] | None = None) -> Iterator[Batch]:
        """One epoch of the training split under random symmetries.

        Placements of like area come together and are cropped to the smallest of the batch (at a random place, new every
        epoch), so nothing is padded: a padded border would be a lie about the die. With ``resize`` the whole map is
        resampled instead.
        """
        examples = self.examples("train")
        area = np.array([example.hotspots.size for example in examples], dtype=np.float64)
        order = np.argsort(area * np.exp(0.3 * rng.standard_normal(len(area))), kind="stable")
        chunks = [order[start : start + size] for start in range(0, len(order), size)]
        for chunk in (chunks[index] for index in rng.permutation(len(chunks))):
            yield self._batch([examples[index] for index in chunk], rng, resize)

    def _batch(self, examples: Sequence[Example], rng: np.random.Generator, resize: tuple[int, int] | None) -> Batch:
        pairs = []
        for example in examples:
            upright = example.maps.shape[1] >= example.maps.shape[2]
            code = int(rng.integers(4)) | (0 if upright else 4)
            pairs.append((symmetry(example.maps, code), symmetry(self._target(example), code)))
        ratio = torch.tensor([example.ratio for example in examples], dtype=torch.float32)
        if resize is not None:
            whole = [resample(torch.from_numpy(np.ascontiguousarray(maps))[None], resize) for maps, _ in pairs]
            return Batch(torch.cat(whole), torch.zeros(len(pairs), *resize), ratio)
        height, width = (min(CROP, min(target.shape[axis] for _, target in pairs)) for axis in (0, 1))
        crops = []
        for maps, target in pairs:
            top = int(rng.integers(target.shape[0] - height + 1))
            left = int(rng.integers(target.shape[1] - width + 1))
            window = (..., slice(top, top + height), slice(left, left + width))
            crops.append((maps[window], target[window]))
        turn = 4 * int(rng.integers(2))
        stacks = (np.ascontiguousarray(symmetry(np.stack(part), turn)) for part in zip(*crops, strict=True))
        inputs, targets = (torch.from_numpy(stack) for stack in stacks)
        return Batch(inputs, targets, ratio)

    def loss(self, output: Tensor, batch: Batch) -> Tensor:
        """Mean loss of a batch.

        A map of hotspot logits: binary cross-entropy. A map of violated nets: Poisson likelihood of softplus(output) a
        tile. A scalar (n,): squared error of the standardised log ratio.
        """
        scale = self.output_scale
        if output.ndim == 1:
            target = (torch.log(batch.ratio + RATIO_FLOOR) - scale.log_ratio_mean) / scale.log_ratio_deviation
            return functional.mse_loss(output, target)
        output = output.squeeze(1) + scale.offset
        if self.name == "hotspots":
            return functional.binary_cross_entropy_with_logits(output, batch.target)
        return functional.poisson_nll_loss(functional.softplus(output), batch.target, log_input=False)

    def predict(self, module: nn.Module, maps: NDArray[np.float32], net_count: int) -> NDArray[np.float64]:
        """Answer for one normalised placement: hotspot probabilities (rows, columns) or the violated-net ratio (1,)."""
        inputs = torch.from_numpy(maps)[None]
        resize = getattr(module, "resize", None)
        with torch.inference_mode():
            output = module(resample(inputs, resize) if resize else inputs)
        return decode(self.name, output, net_count, self.output_scale)

    def score(self, part: str, predictions: Sequence[NDArray[np.float64]]) -> dict[str, Any]:
        """Metrics of the answers for :meth:`examples` of ``part``; the task's own metric is under ``self.metric``."""
        examples = self.examples(part)
        designs = [example.sample.design for example in examples]
        if self.name == "hotspots":
            triples = zip(designs, examples, predictions, strict=True)
            return hotspot_metrics((design, example.hotspots, values) for design, example, values in triples).to_json()
        truth = [example.ratio for example in examples]
        return count_metrics(designs, truth, [float(values[0]) for values in predictions]).to_json()


def _tile_um(sample: Sample) -> float:
    return float(sample.grid["tile"]) / float(sample.grid["dbu_per_micron"])


def resample(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (n, channels, h, w) at another size: averaged where smaller, bilinear where larger."""
    return functional.interpolate(maps, size=size, mode="bilinear", antialias=True, align_corners=False)


def decode(name: TaskName, output: Tensor, net_count: int, scale: OutputScale) -> NDArray[np.float64]:
    """A module's output for one placement as the task's answer (see :meth:`RoutabilityTask.predict`)."""
    values = output.to(torch.float64)
    if name == "hotspots":
        return np.asarray(torch.sigmoid(values + scale.offset)[0, 0].numpy(), dtype=np.float64)
    if values.ndim == 1:
        ratio = torch.exp(values * scale.log_ratio_deviation + scale.log_ratio_mean) - RATIO_FLOOR
    else:
        ratio = functional.softplus(values + scale.offset).sum(dim=(1, 2, 3)) / max(net_count, 1)
    return np.asarray(ratio.clamp(0.0, 1.0).numpy(), dtype=np.float64)
