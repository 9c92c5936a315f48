"""What training reads: splits by design family, normalisation from the training split alone, the eight symmetries."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from placement_data.errors import InputError
from placement_data.store import Sample, Store

SPLITS = ("train", "search", "test")
FRACTIONS = (0.5, 0.2, 0.3)
Scalar = TypeVar("Scalar", bound=np.generic)


class PlacementDataset(Dataset[Sample]):
    """Random access to the samples of some families of a store, each at its native size, read when it is asked for."""

    def __init__(self, store: Store, families: Sequence[str]) -> None:
        self.store = store
        wanted = set(families)
        self.indices = [index for index, family in enumerate(store.families) if family in wanted]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Sample:
        return self.store.sample(self.indices[index])


@dataclass(frozen=True)
class Split:
    """Families of the three splits. All placements of a family are on one side, since logic that was seen in training

    makes a test easy: RouteNet's authors measured four points of true-positive rate for a design that was seen.
    """

    train: tuple[str, ...]
    search: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        counts = Counter(self.train + self.search + self.test)
        twice = sorted(family for family, count in counts.items() if count > 1)
        if twice:
            raise InputError("a family is in two splits", found=twice[0], expected="each family in one split")

    def to_dict(self) -> dict[str, list[str]]:
        """JSON form: split name to family names."""
        return {name: list(getattr(self, name)) for name in SPLITS}

    @classmethod
    def from_dict(cls, value: Mapping[str, Sequence[str]], file: str | PathLike[str] | None = None) -> Split:
        """Inverse of :meth:`to_dict`; raises :class:`InputError` for other keys or values."""
        lists = all(isinstance(value.get(name), list) for name in SPLITS) if isinstance(value, Mapping) else False
        if not lists or not all(isinstance(family, str) for name in SPLITS for family in value[name]):
            raise InputError("not a split", file=file, expected='{"train": [families], "search": [...], "test": [...]}')
        try:
            return cls(*(tuple(value[name]) for name in SPLITS))
        except InputError as error:
            raise error.inside(file) from None

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Split:
        """Read a split that ``routenas data split`` wrote."""
        try:
            value = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise InputError("the split cannot be read", file=path, found=str(error)) from None
        return cls.from_dict(value, path)


def split_by_family(families: Sequence[str], seed: int, fractions: Sequence[float] = FRACTIONS) -> Split:
    """Distribute families over train, search and test so that placements come near ``fractions``.

    ``families`` names the family of every placement. Families are visited in an order drawn from ``seed``; each goes to
    the split that is furthest behind its share, so every split has one as soon as there are three.
    """
    counts = Counter(families)
    if len(counts) < len(SPLITS):
        raise InputError("too few design families to split", found=len(counts), expected=f"at least {len(SPLITS)}")
    order = np.random.default_rng(seed).permutation(sorted(counts))
    placed: list[list[str]] = [[] for _ in SPLITS]
    filled = np.zeros(len(SPLITS))
    for family in order:
        to = int(np.argmin(filled / np.asarray(fractions)))
        placed[to].append(str(family))
        filled[to] += counts[str(family)]
    return Split(*(tuple(sorted(names)) for names in placed))


def draw_split(store: Store, seed: int) -> Split:
    """:func:`split_by_family` over the placements of a store that have labels, or all where none has."""
    labelled = [family for family, known in zip(store.families, store.labelled, strict=True) if known]
    return split_by_family(labelled or store.families, seed)


@dataclass(frozen=True)
class Normalisation:
    """Per-channel statistics of the training split: ``(log1p(x / scale) - mean) / deviation``.

    ``scale`` is the channel's mean over the training tiles (1 where it is zero throughout). The logarithm tames the
    long tails of wire maps but keeps the absolute level of demand, which a per-map normalisation would lose. ``low``
    and ``high`` are the training extremes of the raw channel: a value outside them is a shift of domain.
    """

    scale: tuple[float, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def fit(cls, maps: Callable[[], Iterable[NDArray[np.float32]]]) -> Normalisation:
        """Statistics over all tiles of the maps, each (channels, rows, columns), in two passes over ``maps()``."""
        count, total, low, high = 0, np.zeros(()), np.full((), np.inf), np.full((), -np.inf)
        for map_ in maps():
            tiles = map_.reshape(map_.shape[0], -1).astype(np.float64)
            count, total = count + tiles.shape[1], total + tiles.sum(axis=1)
            low, high = np.minimum(low, tiles.min(axis=1)), np.maximum(high, tiles.max(axis=1))
        if not count:
            raise InputError("no training placements to normalise by", expected="at least one")
        scale = total / count
        scale[scale <= 0] = 1.0
        n, mean, squares = 0, np.zeros(len(scale)), np.zeros(len(scale))
        for map_ in maps():
            values = np.log1p(map_.reshape(map_.shape[0], -1).astype(np.float64) / scale[:, None])
            more = values.shape[1]
            own = values.mean(axis=1)
            squares += ((values - own[:, None]) ** 2).sum(axis=1) + (own - mean) ** 2 * n * more / (n + more)
            mean += (own - mean) * more / (n + more)
            n += more
        deviation = np.sqrt(squares / n)
        deviation[deviation < 1e-6] = 1.0
        columns = (scale, mean, deviation, low, high)
        return cls(*(tuple(float(value) for value in column) for column in columns))

    def apply(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalised feature maps of the same shape, float32."""
        scale, mean, deviation = (np.asarray(value)[:, None, None] for value in (self.scale, self.mean, self.deviation))
        return np.asarray((np.log1p(features / scale) - mean) / deviation, dtype=np.float32)

    def outside(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Per channel, the share of tiles (0 to 1) whose raw value lies outside the training range."""
        low, high = (np.asarray(value)[:, None, None] for value in (self.low, self.high))
        slack = 1e-6 * np.maximum(np.abs(high), 1e-12)
        return np.asarray(((features < low - slack) | (features > high + slack)).mean(axis=(1, 2)), dtype=np.float64)

    def to_dict(self) -> dict[str, list[float]]:
        """JSON form."""
        return {name: list(values) for name, values in asdict(self).items()}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Normalisation:
        """Inverse of :meth:`to_dict`. Raises ValueError or KeyError for anything else, NaN included."""
        columns = {name: tuple(float(item) for item in value[name]) for name in cls.__dataclass_fields__}
        if len({len(column) for column in columns.values()}) != 1:
            raise ValueError("the normalisation's lists differ in length")
        if not all(math.isfinite(item) for column in columns.values() for item in column):
            raise ValueError("a number of the normalisation is not finite")
        if min((*columns["scale"], *columns["deviation"]), default=0.0) <= 0:
            raise ValueError("a scale or deviation of the normalisation is not positive")
        return cls(**columns)


def symmetry(array: NDArray[Scalar], code: int) -> NDArray[Scalar]:
    """One of the eight symmetries of the square on the last two axes, by ``code`` 0 to 7.

    Bits 0 and 1 flip rows and columns, bit 2 then transposes.
    """
    if code & 1:
        array = array[..., ::-1, :]
    if code & 2:
        array = array[..., ::-1]
    return array.swapaxes(-1, -2) if code & 4 else array


def transposed_channels(names: Sequence[str]) -> tuple[int, ...]:
    """For each channel, the channel that takes its place in a transposed layout: directions swap."""
    swap = {"horizontal": "vertical", "vertical": "horizontal"}
    partner = ["_".join(swap.get(word, word) for word in name.split("_")) for name in names]
    return tuple(list(names).index(other) if other in names else i for i, other in enumerate(partner))
