"""The class of pictures: arrays, idx files, a folder of pictures a class, parquet, or scikit-learn's digits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from placement_data.errors import MismatchError, SettingError
from routenas.budgets import Budget
from routenas.interfaces import Forward
from routenas.tasks.picture_files import PARTS, SEARCH, TEST, TRAIN, Form, read
from routenas.tasks.pictures import BUILT_IN, Pictures, pixels_of
from searchspaces.space import TaskShape

AT_ONCE = 256
"""Pictures in a batch that is judged."""


class VisionTask:
    """The class of a picture. One label each, cross-entropy, judged by accuracy.

    ``data`` is a path, or "digits". Parts that the data give are kept; a search part that they do not give is drawn
    from the training pictures (``search_share`` of each class, by ``seed``), and a test part alike (``test_share``).
    ``examples`` is how many training pictures there are to draw from, all by default. ``size`` resizes pictures in
    files, one number or [rows, columns]; ``label`` names the column of labels of a table.

    Training pictures are shifted by up to ``crop`` pixels (padded with 0), mirrored at random with ``flip``, and
    have a square of ``cutout`` pixels a side at a random place set to the mean (DeVries and Taylor, arXiv 1708.04552).
    ``label_smoothing`` spreads that share of a label over all classes. Raises InputError for data that cannot be
    learnt from, and SettingError for an option.
    """

    name, metric, output = "vision", "accuracy", "classes"
    told = (
        "data", "seed", "search_share", "test_share", "examples", "size", "label", "crop", "flip", "cutout",
        "label_smoothing",
    )  # fmt: skip
    budgets: Mapping[str, Budget] = {
        "smoke": Budget("smoke", epochs=1, batch=64, evaluations=1),
        "fast": Budget("fast", epochs=8, batch=64, evaluations=3),
        "full": Budget("full", epochs=30, batch=64, evaluations=10),
    }

    def __init__(
        self,
        data: Path | str,
        *,
        seed: int = 0,
        search_share: float = 0.2,
        test_share: float = 0.2,
        examples: int | None = None,
        size: int | Sequence[int] | None = None,
        label: str = "",
        crop: int = 0,
        flip: bool = False,
        cutout: int = 0,
        label_smoothing: float = 0.0,
    ) -> None:
        for name, least, value in (
            ("crop", 0, crop),
            ("cutout", 0, cutout),
            ("examples", 1, 1 if examples is None else examples),
        ):
            if type(value) is not int or value < least:
                raise SettingError(f"{name} must be a whole number", found=value, expected=f"{least} or more")
        shares = {"search_share": search_share, "test_share": test_share, "label_smoothing": label_smoothing}
        for name, share in shares.items():
            if type(share) not in (int, float) or not 0 <= share < 1:
                raise SettingError(f"{name} must be a share", found=share, expected="0 or more, below 1")
        if search_share + test_share >= 1:
            raise SettingError("nothing is left to train on", found=f"{search_share} and {test_share} taken away")
        if type(flip) is not bool or type(label) is not str:
            raise SettingError("flip must be true or false, and label a name", found=f"{flip}, {label}")
        self.data = str(data) if str(data) in BUILT_IN else str(Path(data).absolute())
        self.seed, self.search_share, self.test_share, self.examples = seed, search_share, test_share, examples
        self.size, self.label = _size(size), label
        self.crop, self.flip, self.cutout, self.label_smoothing = crop, flip, cutout, label_smoothing
        self.pictures = Pictures.of(self.data, Form(self.size, None, label))
        self.shape = TaskShape(self.pictures.pixels.shape[3], len(self.pictures.classes), "classes")

    # ------------------------------------------------------------------ as a value

    def config(self) -> dict[str, Any]:
        """JSON values: the options, and what follows from the data."""
        options = {name: getattr(self, name) for name in self.told}
        mean, deviation = self.normalisation
        facts = {
            "data_sha256": self.pictures.sha256,
            "classes": list(self.pictures.classes),
            "pixels": {"shape": list(self.pictures.pixels.shape[1:]), "kind": str(self.pictures.pixels.dtype)},
            "normalisation": {"mean": mean.tolist(), "deviation": deviation.tolist()},
        }
        return {**options, "size": None if self.size is None else list(self.size), **facts}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> VisionTask:
        """The task of a `config`; what follows from the data is worked out of them again."""
        return cls(**{name: value for name, value in config.items() if name in cls.told})

    # ----------------------------------------------------------------------- parts

    @cached_property
    def indices(self) -> Mapping[str, NDArray[np.int64]]:
        """Which pictures are in each part, sorted."""
        sizes = [self.pictures.parts.get(part, 0) for part in PARTS]
        given = dict(zip(PARTS, np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1]), strict=True))
        rng = np.random.default_rng([self.seed, 0x7669])
        rest, drawn = given[TRAIN], dict(given)
        if self.examples is not None and self.examples < len(rest):
            rest, _ = self._drawn(rest, self.examples / len(rest), rng, left=0)
        shares = {SEARCH: self.search_share, TEST: self.test_share}
        whole = len(rest)
        for part in (TEST, SEARCH):
            if part not in self.pictures.parts and shares[part]:
                drawn[part], rest = self._drawn(rest, shares[part] * whole / len(rest), rng)
        return {**drawn, TRAIN: rest}

    def _drawn(
        self, indices: NDArray[np.int64], share: float, rng: np.random.Generator, left: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """A share of each class of some pictures, one or more, and the others: ``left`` or more of each class."""
        taken = []
        labels = self.pictures.labels[indices]
        for label in range(len(self.pictures.classes)):
            mine = rng.permutation(indices[labels == label])
            taken.append(mine[: min(max(round(share * len(mine)), 1), len(mine) - left)])
        chosen = np.sort(np.concatenate(taken))
        return chosen, np.setdiff1d(indices, chosen)

    @cached_property
    def normalisation(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and deviation of each channel over the training part."""
        total = np.zeros((2, self.shape.inputs))
        train = self.indices[TRAIN]
        for start in range(0, len(train), AT_ONCE):
            values = self.pictures.pixels[train[start : start + AT_ONCE]].astype(np.float64)
            total += np.stack([values.sum((0, 1, 2)), (values**2).sum((0, 1, 2))])
        mean, square = total / (len(train) * np.prod(self.pictures.pixels.shape[1:3]))
        deviation = np.sqrt(np.maximum(square - mean**2, 0))
        return mean.astype(np.float32), np.where(deviation > 1e-6, deviation, 1).astype(np.float32)

    def _normalised(self, pixels: NDArray[Any]) -> Tensor:
        return normalised(pixels, *self.normalisation)

    # -------------------------------------------------------------------- training

    def batches(self, part: str, size: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """One epoch in random order: ``size`` pictures (b, channels, rows, columns) and their labels (b,).

        Channels are last in memory. Pictures of the training part alone are augmented.
        """
        order = rng.permutation(self.indices[part])
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            pixels = self.pictures.pixels[chosen]
            if part == TRAIN and (self.crop or self.flip):
                pixels = self._moved(pixels, rng)
            x = self._normalised(pixels)
            if part == TRAIN and self.cutout:
                self._cut(x, rng)
            yield x, torch.from_numpy(self.pictures.labels[chosen])

    def _moved(self, pixels: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        """Each picture shifted by up to ``crop`` pixels and, one of two, mirrored: (n, rows, columns, channels)."""
        (number, rows, columns), margin = pixels.shape[:3], self.crop
        down, right = rng.integers(0, 2 * margin + 1, (2, number, 1))
        row, column = down + np.arange(rows), right + np.arange(columns)
        if self.flip:
            column = np.where(rng.random((number, 1)) < 0.5, column[:, ::-1], column)
        padded = np.pad(pixels, ((0, 0), (margin, margin), (margin, margin), (0, 0)))
        moved: NDArray[Any] = padded[np.arange(number)[:, None, None], row[:, :, None], column[:, None, :]]
        return moved

    def _cut(self, x: Tensor, rng: np.random.Generator) -> None:
        """Set a square of each picture, part of which may be outside, to 0, the mean."""
        number, _, rows, columns = x.shape
        top, left = (rng.integers(0, side, (number, 1)) - self.cutout // 2 for side in (rows, columns))
        row, column = np.arange(rows), np.arange(columns)
        inside = [(start <= place) & (place < start + self.cutout) for start, place in ((top, row), (left, column))]
        x.masked_fill_(torch.from_numpy(inside[0][:, None, :, None] & inside[1][:, None, None, :]), 0.0)

    def loss(self, forward: Forward, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross-entropy of a batch, with smoothed labels."""
        return functional.cross_entropy(forward(batch[0]), batch[1], label_smoothing=self.label_smoothing)

    # --------------------------------------------------------------------- judging

    def examples_of(self, part: str) -> tuple[Tensor, Tensor]:
        """All pictures of a part, normalised, (n, channels, rows, columns), and their labels (n,)."""
        chosen = self.indices[part]
        return self._normalised(self.pictures.pixels[chosen]), torch.from_numpy(self.pictures.labels[chosen])

    @torch.inference_mode()
    def score(self, forward: Forward, part: str) -> dict[str, Any]:
        """``accuracy``, its mean over classes, and the mean ``cross_entropy``; all None where the part is empty.

        Raises FloatingPointError for an answer that is not finite.
        """
        chosen = self.indices[part]
        if not len(chosen):
            return dict.fromkeys(("accuracy", "balanced_accuracy", "cross_entropy"))
        pieces = np.array_split(chosen, -(-len(chosen) // AT_ONCE))
        logits = torch.cat([forward(self._normalised(self.pictures.pixels[piece])) for piece in pieces]).double()
        if not torch.isfinite(logits).all():
            raise FloatingPointError("the answer for a picture is not finite")
        labels = torch.from_numpy(self.pictures.labels[chosen])
        right = (logits.argmax(1) == labels).double()
        classes = [float(right[labels == label].mean()) for label in set(labels.tolist())]
        return {
            "accuracy": float(right.mean()),
            "balanced_accuracy": float(np.mean(classes)),
            "cross_entropy": float(functional.cross_entropy(logits, labels)),
        }

    def example(self) -> tuple[Tensor]:
        """One picture (1, channels, rows, columns)."""
        return (self._normalised(self.pictures.pixels[self.indices[TRAIN][:1]]),)

    @classmethod
    def predictions(cls, config: Mapping[str, Any], forward: Forward, data: Path) -> Iterator[dict[str, Any]]:
        """A row for each picture at a path, in order: where it is from, its class, and the probability of each class.

        Labels may be missing and are not looked at. Raises InputError for what cannot be read, and MismatchError for
        pictures of another form than those that were learnt from.
        """
        shape, kind = list(config["pixels"]["shape"]), config["pixels"]["kind"]
        if str(data) in BUILT_IN:
            pixels, names = Pictures.of(str(data), Form()).pixels, []
        else:
            raws = list(read(data, Form(_size(config["size"]), shape[2], config["label"])).values())
            pixels = np.concatenate([pixels_of(raw, "new") for raw in raws])
            names = [name for raw in raws for name in raw.names]
        if [*pixels.shape[1:], str(pixels.dtype)] != [*shape, kind]:
            found = f"{'x'.join(map(str, pixels.shape[1:]))} {pixels.dtype}"
            expected = f"{'x'.join(map(str, shape))} {kind}"
            raise MismatchError("the pictures are of another form", file=data, found=found, expected=expected)
        mean, deviation = (np.array(config["normalisation"][each], np.float32) for each in ("mean", "deviation"))
        classes = config["classes"]
        for start in range(0, len(pixels), AT_ONCE):
            logits = forward(normalised(pixels[start : start + AT_ONCE], mean, deviation))
            for number, row in enumerate(logits.double().softmax(1).tolist(), start):
                chances = {f"probability_{name}": round(value, 6) for name, value in zip(classes, row, strict=True)}
                name = names[number] if names else number
                yield {"example": name, "class": classes[int(np.argmax(row))], **chances}


def normalised(pixels: NDArray[Any], mean: NDArray[np.float32], deviation: NDArray[np.float32]) -> Tensor:
    """Pixels (n, rows, columns, channels) as a tensor (n, channels, rows, columns), channels last in memory."""
    x = torch.from_numpy(np.ascontiguousarray(pixels)).float().sub_(torch.from_numpy(mean))
    return x.div_(torch.from_numpy(deviation)).permute(0, 3, 1, 2)


def _size(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    """(rows, columns) of one number or two. Raises SettingError for anything else."""
    if size is None:
        return None
    both = [size, size] if isinstance(size, int) else list(size) if isinstance(size, Sequence) else []
    if len(both) != 2 or not all(type(side) is int and 0 < side <= 4096 for side in both):
        raise SettingError("size must be a number of pixels, or [rows, columns]", found=size, expected="1 to 4096")
    return both[0], both[1]
