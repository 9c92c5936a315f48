"""The two routability tasks: DRC hotspots (a map) and violated nets (a number), on one data set with a family split."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor
from torch.nn import functional

from placement_data.dataset import Normalisation, Split, folds_by_family, symmetry
from placement_data.errors import InputError, MismatchError
from placement_data.features import channel_places
from placement_data.files import sha256
from placement_data.store import Sample, Store
from routenas.baselines import possible_members
from routenas.interfaces import Forward
from routenas.metrics import count_metrics, hotspot_metrics
from routenas.metrics.calibration import calibration_metrics, platt, reliability
from routenas.metrics.threshold import best_threshold
from routenas.tasks.card import RATIO_FLOOR, TASKS, Calibration, Card, OutputScale, TaskName
from routenas.tasks.decoding import decode
from routenas.tasks.extra import earlier_loss, earlier_targets
from routenas.tasks.facts import Start, checked
from routenas.tasks.reading import Batch, Example, Lazy, Placements

__all__ = ["TASKS", "Batch", "Card", "Example", "RoutabilityTask", "TaskName"]

METRIC = {"hotspots": "design_mean_roc_auc", "violated_nets": "weighted_tau"}
PARTS = ("train", "search", "test")
Answers = list[NDArray[np.float64]]
Outputs = list[NDArray[np.float32]]

WINDOW = 256
"""A hotspot map is trained on whole up to so many tiles a side, and by a random window of it above."""


class RoutabilityTask:
    """One of the two tasks on a data set and a split: see ``routenas.interfaces.FoldedTask``.

    With a ``card`` (that of a bundle, or of another process) nothing is read before it is needed. Without one it is
    worked out here from the labelled training placements, which are read once for it. Maps that were read stay in
    memory, see `Placements`, which tasks on one data set may share. The search part and the test part of a split may be
    empty: its metrics are undefined then. Raises :class:`InputError` for a split that the data set cannot serve, such
    as one with a part without any positive label. ``start`` is what a training begins with, if not all from nothing.
    """

    told = ("name", "data", "split", "extra_targets")

    def __init__(
        self,
        name: TaskName,
        store: Placements | Store | Path | str,
        split: Split | None = None,
        card: Card | None = None,
        start: Start | None = None,
    ) -> None:
        if not isinstance(store, Placements):
            store = Placements(store) if isinstance(store, Store) else Placements.of(Path(store))
        self._placements, self.store = store, store.store
        known = card or (start.card if start is not None else None)
        self._places = None if known is None else self._channel_places(known)
        self._only = frozenset(() if card is None else card.placements)
        if card is None:
            if split is None:
                raise ValueError("a routability task needs a split, or the card of one")
            card = self._card(name, split, start or Start())
        self.card = card
        self.name: TaskName = card.name
        self.shape = card.shape
        self.metric = METRIC[card.name]

    @classmethod
    def to_judge(cls, name: TaskName, store: Store, families: Sequence[str]) -> RoutabilityTask:
        """A task without training, whose test part are the labelled placements of some families.

        Its card has the data set's channels in their own units. Raises InputError as the constructor.
        """
        split, number = Split((), (), tuple(families)), len(store.channels)
        zeros, ones = (0.0,) * number, (1.0,) * number
        card = Card(
            name=name,
            channels=store.channels,
            channel_version=store.channel_version,
            normalisation=Normalisation(ones, zeros, ones, zeros, zeros),
            output_scale=OutputScale(0.0, math.log(10 * RATIO_FLOOR), 1.0),
            label_kind="",
            tile_um=0.0,
            split=split,
        )
        task = cls(name, store, card=card)
        task.card = replace(card, **checked(store, name, {"test": task._indices(name, split, "test")}, {"test"}))
        return task

    # ------------------------------------------------------------------ as a value

    def config(self) -> dict[str, Any]:
        """JSON values: the place of the data, their digest and the card."""
        return {"data": str(self.store.path.absolute()), "data_sha256": self._sha256, **self.card.to_dict()}

    @cached_property
    def _sha256(self) -> str:
        """Digest of the data set, whatever its place: labels and search placements are not in the card."""
        return sha256(self.store.path)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> RoutabilityTask:
        """The task of a `config`. Raises as `Card.from_dict`, and InputError where the data set has gone."""
        card = Card.from_dict(config)
        return cls(card.name, Path(config["data"]), card=card)

    def _card(self, name: TaskName, split: Split, start: Start) -> Card:
        unknown = sorted(set(split.train + split.search + split.test) - set(self.store.families))
        if unknown:
            raise InputError("the split names a family that the data set lacks", file=self.store.path, found=unknown[0])
        start.check(name, split)
        self._only = start.chosen(self.store, self._indices(name, split, "train"))
        indices = {part: self._indices(name, split, part) for part in PARTS}
        facts = checked(self.store, name, indices, {"train", "search"})
        return Card(
            name=name,
            channels=self.store.channels if start.card is None else start.card.channels,
            channel_version=self.store.channel_version if start.card is None else start.card.channel_version,
            split=split,
            placements=tuple(sorted(self._only)),
            seen=start.seen,
            extra_targets=start.iterations(self.store, name, indices["train"]),
            **self._fitted(name, indices["train"]),
            **facts,
        )

    def _fitted(self, name: TaskName, train: Sequence[int]) -> dict[str, Any]:
        """What of a card is worked out of the training placements (indices of the store)."""
        scale = _output_scale(name, (self._sample(index) for index in train))
        return {"normalisation": Normalisation.fit(Lazy(self._tiles, train)), "output_scale": scale}

    def _trained_on(self, split: Split) -> RoutabilityTask:
        """The task with another split of the same families, whose normalisation is that of its training part."""
        fitted = self._fitted(self.name, self._indices(self.name, split, "train"))
        return RoutabilityTask(self.name, self._placements, card=replace(self.card, split=split, **fitted))

    # --------------------------------------------------------------------- reading

    def _channel_places(self, card: Card) -> list[int] | None:
        """Where a card's channels stand in the data set; None where they are its own, in order."""
        store = self.store
        if (card.channels, card.channel_version) == (store.channels, store.channel_version):
            return None
        places, lacking = channel_places(card.channels, card.channel_version, store.channels, store.channel_version)
        if lacking:
            more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
            raise MismatchError(
                f"the data set's channels, {store.channel_version}, lack some of the model's, {card.channel_version}",
                file=store.path, found=f"{', '.join(lacking[:3])}{more}",
                expected="a data set that has all of them; see ingest --channels",
            )  # fmt: skip
        return list(places)

    def _indices(self, name: TaskName, split: Split, part: str) -> tuple[int, ...]:
        """The labelled placements of a part, as indices of the store. InputError where its families have none."""
        families = set(getattr(split, part))
        if not families and part != "train":
            return ()
        heads = enumerate(self.store.heads)
        labelled = [index for index, head in heads if head["labelled"] and head["family"] in families]
        if not labelled:
            raise InputError(f"no labelled placement in the {part} split", file=self.store.path)
        if part == "train" and self._only:
            labelled = [index for index in labelled if self.store.names[index] in self._only]
        if name == "hotspots":
            return tuple(labelled)
        counted = tuple(index for index in labelled if self.store.heads[index]["violated_nets"] >= 0)
        if not counted:
            what = f"the labels of the {part} split tell no violated nets"
            raise InputError(what, file=self.store.path, expected="the task hotspots for such a data set")
        return counted

    def _sample(self, index: int) -> Sample:
        sample = self._placements[index]
        return sample if self._places is None else replace(sample, features=sample.features[self._places])

    def _tiles(self, index: int) -> NDArray[np.float32]:
        sample = self._sample(index)
        return sample.on_die(sample.features)

    def examples(self, part: str) -> Lazy[Example]:
        """Labelled placements of ``train``, ``search`` or ``test``, each read when it is asked for."""
        return Lazy(self._example, self._indices(self.name, self.card.split, part))

    def samples(self, part: str) -> Lazy[Sample]:
        """The labelled placements of a part as the data set has them."""
        return Lazy(self._sample, self._indices(self.name, self.card.split, part))

    def families(self, part: str) -> tuple[str, ...]:
        """The design families of the labelled placements of a part."""
        return tuple(dict.fromkeys(self.store.families[i] for i in self._indices(self.name, self.card.split, part)))

    def _example(self, index: int) -> Example:
        sample = self._sample(index)
        return Example(sample, self.card.normalisation.apply(sample.features, sample.inside))

    # -------------------------------------------------------------------- training

    def batches(self, part: str, size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """One epoch of a part, in random order: ``size`` whole maps per batch, each in one of its four mirrorings.

        A map is never transposed: the layers of the two directions differ, and so do the channels of a direction.
        Nothing is padded: a padded border would be a lie about the die.
        """
        indices = self._indices(self.name, self.card.split, part)
        order = rng.permutation(len(indices))
        for start in range(0, len(order), size):
            chosen = [self._example(indices[place]) for place in order[start : start + size]]
            maps, targets, inside, extra = zip(*(self._augmented(example, rng) for example in chosen), strict=True)
            ratios = torch.tensor([example.ratio for example in chosen], dtype=torch.float32)
            yield Batch(maps, targets, ratios, inside, extra)

    def _augmented(
        self, example: Example, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
        maps, target, inside = example.maps, self._target(example.sample), example.sample.inside
        extra = earlier_targets(example.sample, self.card.extra_targets)
        rows = columns = slice(None)
        if self.name == "hotspots":
            rows, columns = (_window(side, rng) for side in target.shape)
        code = int(rng.integers(4))

        def seen(array: NDArray[Any]) -> Tensor:
            window = symmetry(array[..., rows, columns], code)[None]
            return torch.from_numpy(np.ascontiguousarray(window, dtype=np.float32))

        more = [None if array is None else seen(array) for array in (inside, extra)]
        return seen(maps), seen(target), more[0], more[1]

    def _target(self, sample: Sample) -> NDArray[np.float32]:
        values = sample.hotspots if self.name == "hotspots" else sample.violated_net_map
        assert values is not None
        return values.astype(np.float32)

    def loss(self, forward: Forward, batch: Batch) -> Tensor:
        """Mean over the placements of a batch of the loss of each.

        A map of hotspot logits: binary cross-entropy, and half of the extra targets' mean. A map of violated nets:
        Poisson likelihood of softplus(output) a tile. A scalar (1,): squared error of the standardised log ratio.
        """
        extras = batch.extra or (None,) * len(batch.maps)
        each = zip(batch.maps, batch.targets, batch.ratios, batch.inside, extras, strict=True)
        losses = [self._loss(forward(maps), *labels) for maps, *labels in each]
        return torch.stack(losses).mean()

    def _loss(
        self, output: Tensor, target: Tensor, ratio: Tensor, inside: Tensor | None, extra: Tensor | None
    ) -> Tensor:
        scale = self.card.output_scale
        if output.ndim == 1:
            wanted = (torch.log(ratio + RATIO_FLOOR) - scale.log_ratio_mean) / scale.log_ratio_deviation
            return functional.mse_loss(output[0], wanted)
        values = output[:, 0] + scale.offset
        reduction = "mean" if inside is None else "none"
        if self.name == "hotspots":
            loss = functional.binary_cross_entropy_with_logits(values, target, reduction=reduction)
        else:
            loss = functional.poisson_nll_loss(
                functional.softplus(values), target, log_input=False, reduction=reduction
            )
        loss = loss if inside is None else (loss * inside).sum() / inside.sum().clamp(min=1.0)
        return loss if extra is None else loss + 0.5 * earlier_loss(output[:, 1:] + scale.offset, extra, inside)

    # --------------------------------------------------------------------- judging

    def answers(self, forward: Forward, part: str) -> Answers:
        """The decoded answers for `examples` of a part, in order."""
        with torch.inference_mode():
            outputs = ((each.sample, forward(torch.from_numpy(each.maps)[None])) for each in self.examples(part))
            return [decode(self.card, output, sample.net_count, sample.inside) for sample, output in outputs]

    def score(self, forward: Forward, part: str) -> dict[str, Any]:
        """Metrics of a part: see :meth:`metrics`. Raises FloatingPointError for an answer that is not finite."""
        return self.metrics(self.answers(forward, part), part)

    def metrics(self, answers: Answers, part: str) -> dict[str, Any]:
        """Metrics of answers for the placements of a part, as `answers` gives them; the task's own under `metric`.

        Those of hotspots hold ``threshold``, the probability above which a tile is best called a hotspot (F1).
        """
        return self._metrics(answers, self.samples(part), part)

    def _metrics(self, answers: Answers, samples: Sequence[Sample], part: str) -> dict[str, Any]:
        if not samples:
            return {self.metric: None}
        if self.name == "hotspots":
            answers = [sample.on_die(answer) for sample, answer in zip(samples, answers, strict=True)]
        if not all(np.isfinite(answer).all() for answer in answers):
            raise FloatingPointError(f"a prediction on the {part} split is not finite")
        designs = [sample.design for sample in samples]
        if self.name == "violated_nets":
            truth = [float(sample.violated_net_ratio or 0.0) for sample in samples]
            return count_metrics(designs, truth, [float(values[0]) for values in answers]).to_json()
        labels = [sample.on_die(np.asarray(sample.hotspots)) for sample in samples]
        metrics = hotspot_metrics(zip(designs, labels, answers, strict=True)).to_json()
        return {**metrics, "threshold": best_threshold(labels, answers)}

    # ---------------------------------------------------------------- out of fold

    def folds(self, k: int, seed: int) -> tuple[RoutabilityTask, ...]:
        """See ``FoldedTask``: of design families. Where there are fewer than ``k`` of them, each is a fold."""
        both = [
            *self._indices(self.name, self.card.split, "train"),
            *self._indices(self.name, self.card.split, "search"),
        ]
        families = [self.store.families[index] for index in both]
        cut = folds_by_family(families, [self._positives(index) for index in both], k, seed)
        splits = [Split(tuple(sorted({*families} - {*fold})), fold, ()) for fold in cut]
        return tuple(self._trained_on(split) for split in splits)

    def _positives(self, index: int) -> float:
        head = self.store.heads[index]
        return float(self.store.hotspot_tiles(index) or 0 if self.name == "hotspots" else head["violated_nets"])

    def hand_made(self, names: Sequence[str] | None) -> Sequence[str]:
        """See ``FoldedTask``."""
        return possible_members(self.name, names, self.shape, self.card)

    def outputs(self, forward: Forward, part: str) -> Outputs:
        """See ``FoldedTask``: logits without the offset, or what `decode` makes a ratio of; float32."""
        with torch.inference_mode():
            maps = (torch.from_numpy(example.maps)[None] for example in self.examples(part))
            return [np.asarray(forward(each).numpy(), dtype=np.float32) for each in maps]

    def pooled(self, folds: Sequence[RoutabilityTask], outputs: Sequence[Outputs]) -> dict[str, Any]:
        """See ``FoldedTask``. Raises FloatingPointError for an output that is not finite."""
        samples = [sample for fold in folds for sample in fold.samples("search")]
        answers = [
            decode(fold.card, torch.from_numpy(output), sample.net_count, sample.inside)
            for fold, own in zip(folds, outputs, strict=True)
            for output, sample in zip(own, fold.samples("search"), strict=True)
        ]
        return self._metrics(answers, samples, "judged")

    def whole(
        self, folds: Sequence[RoutabilityTask], outputs: Sequence[Outputs]
    ) -> tuple[RoutabilityTask, dict[str, Any]]:
        """See ``FoldedTask``. Hotspots are calibrated: see `routenas.metrics.calibration`."""
        split = self.card.split
        whole = self._trained_on(Split(tuple(sorted(split.train + split.search)), (), split.test))
        if self.name != "hotspots":
            return whole, self.pooled(folds, outputs)
        pairs = [
            (sample.on_die(np.asarray(sample.hotspots)), sample.on_die(output[0, 0] + fold.card.output_scale.offset))
            for fold, own in zip(folds, outputs, strict=True)
            for output, sample in zip(own, fold.samples("search"), strict=True)
        ]
        labels, logits = (np.concatenate([np.ravel(each) for each in side]) for side in zip(*pairs, strict=True))
        calibration = Calibration(*platt(labels, logits))
        calibrated = [_with(fold, calibration) for fold in folds]
        metrics = self.pooled(calibrated, outputs)
        before, after = expit(logits), expit(calibration.slope * logits + calibration.intercept)
        metrics |= {f"{name}_uncalibrated": value for name, value in calibration_metrics(labels, before).items()}
        metrics |= calibration_metrics(labels, after) | {"reliability": reliability(labels, after)}
        return _with(whole, calibration), metrics

    def example(self) -> tuple[Tensor, ...]:
        """The maps (1, channels, rows, columns) of the first training placement."""
        return (torch.from_numpy(self._example(self._indices(self.name, self.card.split, "train")[0]).maps)[None],)


def _with(task: RoutabilityTask, calibration: Calibration) -> RoutabilityTask:
    return RoutabilityTask(task.name, task._placements, card=replace(task.card, calibration=calibration))


def _output_scale(name: TaskName, samples: Iterator[Sample]) -> OutputScale:
    """What the numbers that a module puts out mean, from the training placements."""
    total, tiles, ratios = 0.0, 0, []
    for sample in samples:
        values = sample.hotspots if name == "hotspots" else sample.violated_net_map
        assert values is not None
        on_die = sample.on_die(values)
        total, tiles = total + float(on_die.sum(dtype=np.float64)), tiles + on_die.size
        if sample.violated_net_ratio is not None:
            ratios.append(sample.violated_net_ratio)
    rate = max(total / tiles, 1e-4)
    offset = math.log(rate / (1 - rate)) if name == "hotspots" else math.log(math.expm1(rate))
    logs = np.log(np.array(ratios or [0.0]) + RATIO_FLOOR)
    return OutputScale(offset, float(logs.mean()), float(max(logs.std(), 1e-3)))


def _window(side: int, rng: np.random.Generator) -> slice:
    start = int(rng.integers(side - WINDOW + 1)) if side > WINDOW else 0
    return slice(start, start + min(side, WINDOW))
