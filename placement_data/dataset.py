"""What training reads: splits by design family, normalisation from the training split alone, the eight symmetries."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError, SettingError
from placement_data.store import Store

SPLITS = ("train", "search", "test")
FRACTIONS = (0.5, 0.2, 0.3)
Scalar = TypeVar("Scalar", bound=np.generic)


class FeatureMaps(Sequence[NDArray[np.float32]]):
    """Feature maps (channels, rows, columns) of some samples of a store, each read when it is asked for.

    Where tiles lie off the die, which is no rectangle then, they are left out: (channels, tiles).
    """

    def __init__(self, store: Store, indices: Sequence[int]) -> None:
        self.store, self.indices = store, tuple(indices)

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.float32]: ...
    @overload
    def __getitem__(self, index: slice) -> FeatureMaps: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.float32] | FeatureMaps:
        if isinstance(index, slice):
            return FeatureMaps(self.store, self.indices[index])
        maps, inside = self.store.features(self.indices[index]), self.store.inside(self.indices[index])
        return maps if inside is None else maps[:, inside]


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


def split_by_family(
    families: Sequence[str],
    seed: int,
    fractions: Sequence[float] = FRACTIONS,
    held_out: Collection[str] = (),
    seen: Collection[str] = (),
) -> Split:
    """Distribute families over train, search and test so that placements come near ``fractions`` (of any sum).

    ``families`` names the family of every placement. Families are visited in an order drawn from ``seed``; each goes to
    the split that is furthest behind its share, so every split has one as soon as there are three. With ``held_out``
    these families are the test split, and the others are distributed over train and search. Those that a model has
    ``seen`` before do not come into the test split. A split whose fraction is 0 is empty.
    """
    counts = Counter(families)
    free = sorted(counts.keys() - set(held_out))
    sides = [place for place, share in enumerate(fractions) if share and not (held_out and place == 2)]
    if len(free) < len(sides):
        beside = f" beside those left out ({', '.join(sorted(held_out))})" if held_out else ""
        raise InputError(
            f"too few design families to split{beside}", found=len(free),
            expected=f"at least {len(sides)}, one for each of {', '.join(SPLITS[place] for place in sides)}: "
            "ingest further designs, "
            "or give each design that shares no logic with another a family of its own in the manifest",
        )  # fmt: skip
    placed: list[list[str]] = [[] for _ in SPLITS]
    placed[2] += held_out
    filled = [0] * len(SPLITS)
    order = [str(family) for family in np.random.default_rng(seed).permutation(free)]
    for family in sorted(order, key=lambda family: family not in seen):  # a stable sort: else the order that was drawn
        to = min(
            (place for place in sides if place != 2 or family not in seen),
            key=lambda place: filled[place] / fractions[place],
        )
        placed[to].append(family)
        filled[to] += counts[family]
    if 2 in sides and not placed[2]:
        raise InputError(
            "the model has seen every family of the data set: none is left to test on", found=f"{len(free)} families",
            expected="placements of other designs",
        )  # fmt: skip
    return Split(*(tuple(sorted(names)) for names in placed))


def folds_by_family(
    families: Sequence[str], positives: Sequence[float], k: int, seed: int
) -> tuple[tuple[str, ...], ...]:
    """Cut families into ``k`` folds that hold about as many placements and as many positives each.

    ``families`` names the family of every placement, ``positives`` tells how much of what is to be found it has. Of a
    hundred orders drawn from ``seed``, in which each family goes to the emptiest fold, the most even result is taken.
    Where there are fewer families than ``k``, each is a fold. Raises SettingError for fewer than two of either.
    """
    names = sorted(set(families))
    if k < 2 or len(names) < 2:
        raise SettingError(
            "folds need two families or more, and there must be two folds or more",
            found=f"{len(names)} families, {k} folds",
        )
    shares = np.zeros((len(names), 2))
    for family, positive in zip(families, positives, strict=True):
        shares[names.index(family)] += 1.0, positive
    shares /= np.maximum(shares.sum(axis=0), 1e-300)
    rng, k = np.random.default_rng(seed), min(k, len(names))
    best, least = np.zeros(len(names), dtype=np.int64), np.inf
    for _ in range(100):
        filled, fold = np.zeros((k, 2)), np.zeros(len(names), dtype=np.int64)
        for place in rng.permutation(len(names)):
            fold[place] = np.argmin(filled.sum(axis=1))
            filled[fold[place]] += shares[place]
        if filled.max() < least:
            best, least = fold, float(filled.max())
    return tuple(tuple(name for name, at in zip(names, best, strict=True) if at == number) for number in range(k))


def spread_over_designs(designs: Sequence[str], number: int, seed: int) -> tuple[int, ...]:
    """Positions, in ascending order, of ``number`` placements whose ``designs`` are told: as evenly over the designs

    as can be, and otherwise drawn from ``seed``; a larger number of the same seed takes more, none others.
    """
    taken: Counter[str] = Counter()
    ranked = []
    for drawn, place in enumerate(np.random.default_rng(seed).permutation(len(designs))):
        ranked.append((taken[designs[place]], drawn, int(place)))
        taken[designs[place]] += 1
    return tuple(sorted(place for _, _, place in sorted(ranked)[:number]))


def draw_split(
    store: Store,
    seed: int,
    fractions: Sequence[float] = FRACTIONS,
    leave_out: Collection[str] = (),
    seen: Collection[str] = (),
) -> Split:
    """:func:`split_by_family` over the placements of a store that have labels, or all where none has.

    The families of the designs ``leave_out`` are the test split; those ``seen`` are not in it. Raises SettingError for
    a design that is not there.
    """
    rows = zip(store.designs, store.families, store.labelled, strict=True)
    known = [(design, family) for design, family, labelled in rows if labelled or not any(store.labelled)]
    unknown = sorted(set(leave_out) - {design for design, _ in known})
    if unknown:
        there = ", ".join(sorted({design for design, _ in known}))
        raise SettingError("no labelled placement of the design to leave out", found=unknown[0], expected=there)
    held_out = {family for design, family in known if design in set(leave_out)}
    try:
        return split_by_family([family for _, family in known], seed, fractions, held_out, seen)
    except InputError as error:
        raise error.inside(store.path) from None


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
    def fit(cls, maps: Collection[NDArray[np.float32]]) -> Normalisation:
        """Statistics over all tiles of ``maps``, each (channels, rows, columns) or (channels, tiles).

        They are gone through twice, one map at a time: with :class:`FeatureMaps` no more than one is in memory.
        """
        if not len(maps):
            raise InputError("no training placements to normalise by", expected="at least one")
        raw = _Moments.of(_tiles(map_).astype(np.float64) for map_ in maps)
        scale = np.where(raw.mean > 0, raw.mean, 1.0)
        logs = _Moments.of(np.log1p(_tiles(map_) / scale[:, None]) for map_ in maps)
        deviation = np.sqrt(logs.squares / logs.count)
        deviation[deviation < 1e-6] = 1.0
        columns = (scale, logs.mean, deviation, raw.low, raw.high)
        return cls(*(tuple(float(value) for value in column) for column in columns))

    def apply(self, features: NDArray[np.float32], inside: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Normalised feature maps of the same shape, float32.

        Tiles that are not ``inside`` (rows, columns) are 0, which is what a network sees beyond a map's border too.
        """
        scale, mean, deviation = (np.asarray(value)[:, None, None] for value in (self.scale, self.mean, self.deviation))
        normal = np.asarray((np.log1p(features / scale) - mean) / deviation, dtype=np.float32)
        return normal if inside is None else normal * inside

    def only(self, channels: Sequence[int]) -> Normalisation:
        """The statistics of some of the channels, by their indices."""
        columns = ([getattr(self, name)[index] for index in channels] for name in self.__dataclass_fields__)
        return Normalisation(*map(tuple, columns))

    def outside(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Per channel, the share (0 to 1) of the tiles of features (channels, ...) outside the training range."""
        low, high = (np.asarray(value)[:, None] for value in (self.low, self.high))
        slack = 1e-6 * np.maximum(np.abs(high), 1e-12)
        tiles = _tiles(features)
        return np.asarray(((tiles < low - slack) | (tiles > high + slack)).mean(axis=1), dtype=np.float64)

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


@dataclass
class _Moments:
    """Running statistics of each channel; ``squares`` is the sum of squared differences from the mean.

    Merged as in T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances" (1979), which loses no digits where the mean is large.
    """

    count: int
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of(cls, parts: Iterator[NDArray[np.float64]]) -> _Moments:
        """Over all of ``parts``, each (channels, tiles)."""
        moments = cls._of_one(next(parts))
        for part in parts:
            moments._merge(cls._of_one(part))
        return moments

    @classmethod
    def _of_one(cls, part: NDArray[np.float64]) -> _Moments:
        mean = part.mean(axis=1)
        squares = ((part - mean[:, None]) ** 2).sum(axis=1)
        return cls(part.shape[1], mean, squares, part.min(axis=1), part.max(axis=1))

    def _merge(self, other: _Moments) -> None:
        step, count = other.mean - self.mean, self.count + other.count
        self.mean += step * (other.count / count)
        self.squares += other.squares + step**2 * (self.count * other.count / count)
        np.minimum(self.low, other.low, out=self.low)
        np.maximum(self.high, other.high, out=self.high)
        self.count = count


def _tiles(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    return maps.reshape(maps.shape[0], -1)


def symmetry(array: NDArray[Scalar], code: int) -> NDArray[Scalar]:
    """One of the eight symmetries of the square on the last two axes, by ``code`` 0 to 7.

    Bits 0 and 1 flip rows and columns, bit 2 then transposes: maps of directions then change their names, see
    :func:`transposed_channels`.
    """
    if code & 1:
        array = array[..., ::-1, :]
    if code & 2:
        array = array[..., ::-1]
    return array.swapaxes(-1, -2) if code & 4 else array


_DIRECTIONS = ("horizontal", "vertical")


def transposed_channels(channels: Sequence[str]) -> tuple[int, ...]:
    """Where each channel of a transposed layout comes from: what was horizontal is vertical then, and vice versa.

    ``symmetry(maps, 4)[list(transposed_channels(channels))]`` are the maps that the transposed layout has, by the same
    names. The permutation is its own inverse. Raises :class:`InputError` for a direction without its counterpart.
    """
    place = {name: index for index, name in enumerate(channels)}

    def source(name: str) -> int:
        stem, _, direction = name.rpartition("_")
        if direction not in _DIRECTIONS:
            return place[name]
        partner = f"{stem}_{_DIRECTIONS[1 - _DIRECTIONS.index(direction)]}"
        if partner not in place:
            raise InputError("a channel of one direction has no counterpart", found=name, expected=partner)
        return place[partner]

    return tuple(source(name) for name in channels)
