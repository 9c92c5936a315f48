"""Splits by family, normalisation from the training split, the eight symmetries."""

from __future__ import annotations

import dataclasses
import itertools
import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from placement_data.batches import PlacementDataset, collate
from placement_data.dataset import (
    FRACTIONS,
    SPLITS,
    FeatureMaps,
    Normalisation,
    Split,
    draw_split,
    split_by_family,
    symmetry,
    transposed_channels,
)
from placement_data.errors import InputError
from placement_data.features import CHANNEL_SETS
from placement_data.store import Store, write
from routenas.tasks.routability import RoutabilityTask
from tests.samples import CHANNEL_VERSION, CHANNELS, SPLIT, made_up_sample, made_up_samples

FAMILIES = st.lists(st.integers(0, 30).map(lambda n: f"family{n}"), min_size=3, max_size=120).filter(
    lambda names: len(set(names)) >= 3
)


@given(FAMILIES, st.integers(0, 2**32))
@settings(max_examples=80, deadline=None)
def test_splits_share_no_family_and_lose_none(families: list[str], seed: int) -> None:
    split = split_by_family(families, seed)
    parts = [set(getattr(split, name)) for name in SPLITS]
    assert all(parts)
    assert not any(a & b for a, b in itertools.combinations(parts, 2))
    assert set.union(*parts) == set(families)
    assert split == split_by_family(families, seed)
    assert split == split_by_family(families[::-1], seed)


def test_shares_come_near_what_was_asked_for() -> None:
    families = [f"f{number}" for number in range(60) for _ in range(5)]
    for seed in range(5):
        split = split_by_family(families, seed)
        for name, share in zip(SPLITS, FRACTIONS, strict=True):
            assert abs(len(getattr(split, name)) / 60 - share) < 0.04
    assert len({split_by_family(families, seed) for seed in range(5)}) == 5


def test_too_few_families() -> None:
    with pytest.raises(InputError, match="too few design families to split, found '2', expected at least 3"):
        split_by_family(["a", "b", "b"], 0)


def test_a_split_of_a_store_is_drawn_over_families_with_labels(tmp_path: Path) -> None:
    plain = [made_up_sample(f"u{n}", f"unlabelled{n}", n, labelled=False) for n in range(20)]
    write(tmp_path / "data.h5", [*plain, *made_up_samples(3, 1)], CHANNELS, CHANNEL_VERSION)
    split = draw_split(Store(tmp_path / "data.h5"), 0)
    assert sorted(split.train + split.search + split.test) == ["f0", "f1", "f2"]


def test_split_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps(SPLIT.to_dict()))
    assert Split.load(path) == SPLIT


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the split cannot be read"),
        ("{", "the split cannot be read"),
        ("[" * 100_000, "the split cannot be read"),
        ("\udcff", "the split cannot be read"),
        ("[]", "not a split"),
        ('{"train": ["a"], "search": ["b"]}', "not a split"),
        ('{"train": "a", "search": ["b"], "test": ["c"]}', "not a split"),
        ('{"train": [1], "search": ["b"], "test": ["c"]}', "not a split"),
        ('{"train": ["a"], "search": ["b"], "test": ["a"]}', "a family is in two splits, found 'a'"),
        ('{"train": ["a", "a"], "search": ["b"], "test": ["c"]}', "a family is in two splits, found 'a'"),
    ],
)
def test_bad_splits(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "split.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=what):
        Split.load(path)


def test_a_missing_split(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.json: the split cannot be read"):
        Split.load(tmp_path / "gone.json")


def test_normalisation_by_hand() -> None:
    maps = [np.array([[[0.0, 1.0]], [[0.0, 0.0]]], np.float32), np.array([[[5.0]], [[0.0]]], np.float32)]
    normal = Normalisation.fit(maps)
    # Channel 0: mean of 0, 1, 5 is 2, logs of 1, 1.5, 3.5. Channel 1 is zero: scale and deviation 1.
    logs = np.log([1.0, 1.5, 3.5])
    assert normal.scale == (2.0, 1.0)
    assert normal.mean == pytest.approx((logs.mean(), 0.0))
    assert normal.deviation == pytest.approx((logs.std(), 1.0))
    assert (normal.low, normal.high) == ((0.0, 0.0), (5.0, 0.0))
    answer = normal.apply(np.array([[[5.0]], [[1.0]]], np.float32))
    assert answer.dtype == np.float32
    assert answer.ravel() == pytest.approx([(np.log(3.5) - logs.mean()) / logs.std(), np.log(2.0)])
    inside, outside = maps[0], np.array([[[6.0, 5.0, -1.0, 1.0]], [[0.0, 0.0, 0.0, 0.1]]], np.float32)
    assert normal.outside(inside).tolist() == [0.0, 0.0]
    assert normal.outside(outside).tolist() == [0.5, 0.25]


def test_normalised_training_tiles_have_mean_zero_and_deviation_one() -> None:
    maps = [sample.features for sample in made_up_samples(2, 2)]
    normal = Normalisation.fit(maps)
    tiles = np.concatenate([normal.apply(map_).reshape(len(CHANNELS), -1) for map_ in maps], axis=1)
    np.testing.assert_allclose(tiles.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(tiles.std(axis=1), 1, atol=1e-5)


def test_normalisation_keeps_the_level_of_demand() -> None:
    sample = made_up_sample("a", "a", 0)
    normal = Normalisation.fit([sample.features])
    assert (normal.apply(2 * sample.features) > normal.apply(sample.features)).all()


def test_normalisation_round_trip_and_errors() -> None:
    normal = Normalisation.fit([made_up_sample("a", "a", 0).features])
    value = json.loads(json.dumps(normal.to_dict()))
    assert Normalisation.from_dict(value) == normal
    with pytest.raises(InputError, match="no training placements"):
        Normalisation.fit([])
    for change in ({"mean": value["mean"][:-1]}, {"scale": [0.0] * 17}, {"low": [float("nan")] * 17}, {"mean": None}):
        with pytest.raises((ValueError, TypeError)):
            Normalisation.from_dict({**value, **change})


def fit_at_once(maps: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float64]]:
    """The statistics from one array of all tiles."""
    tiles = np.concatenate([map_.reshape(map_.shape[0], -1) for map_ in maps], axis=1).astype(np.float64)
    scale = tiles.mean(axis=1)
    scale[scale <= 0] = 1.0
    values = np.log1p(tiles / scale[:, None])
    deviation = values.std(axis=1)
    deviation[deviation < 1e-6] = 1.0
    return [scale, values.mean(axis=1), deviation, tiles.min(axis=1), tiles.max(axis=1)]


@given(st.integers(0, 2**32), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_running_statistics_are_those_of_all_tiles_at_once(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    level = np.array([0.0, 1e-6, 1.0, 1e6, 3.0])[:, None, None]  # nothing, small, large, and one without variance
    spread = np.array([0.0, 1.0, 1.0, 1e-3, 0.0])[:, None, None]
    shapes = [(5, *rng.integers(1, 12, 2)) for _ in range(count)]
    maps = [(level * np.exp(spread * rng.standard_normal(shape))).astype(np.float32) for shape in shapes]
    found = Normalisation.fit(maps).to_dict().values()
    for values, expected in zip(found, fit_at_once(maps), strict=True):
        np.testing.assert_allclose(values, expected, rtol=1e-9)


def test_memory_of_a_normalisation_does_not_grow_with_the_placements(tmp_path: Path) -> None:
    peaks = []
    for count in (4, 64):
        samples = (made_up_sample(f"{n}", "a", n, (40, 40)) for n in range(count))
        write(tmp_path / f"{count}.h5", samples, CHANNELS, CHANNEL_VERSION)
        store = Store(tmp_path / f"{count}.h5")
        maps = FeatureMaps(store, range(count))
        Normalisation.fit(maps[:2])  # what is loaded on first use
        tracemalloc.start()
        Normalisation.fit(maps)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_test_data_do_not_reach_normalisation(tmp_path: Path) -> None:
    """Other test and search placements leave the task's statistics as they are; other training ones do not."""
    found = {}
    for name, changed in (("none", ()), ("held out", ("f3", "f4", "f5")), ("training", ("f0",))):
        samples = [
            dataclasses.replace(sample, features=100 * sample.features) if sample.family in changed else sample
            for sample in made_up_samples(6, 2)
        ]
        write(tmp_path / "data.h5", samples, CHANNELS, CHANNEL_VERSION)
        found[name] = RoutabilityTask("hotspots", Store(tmp_path / "data.h5"), SPLIT).card.normalisation
    assert found["none"] == found["held out"]
    assert found["none"] != found["training"]


def test_dataset_reads_the_samples_of_its_families(made_up_store: Path) -> None:
    store = Store(made_up_store)
    dataset = PlacementDataset(store, ["f4", "f1"])
    assert len(dataset) == 8
    assert [dataset[index].sample for index in range(8)] == [f"f{f}/{n}" for f in (1, 4) for n in range(4)]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_makes_batches_of_unequal_sizes(made_up_store: Path, workers: int) -> None:
    store = Store(made_up_store)
    dataset = PlacementDataset(store, ["f1", "f4"])
    loader = DataLoader(dataset, batch_size=3, collate_fn=collate, num_workers=workers)
    batches = list(loader)
    assert [name for batch in batches for name in batch["sample"]] == [f"f{f}/{n}" for f in (1, 4) for n in range(4)]
    for start, batch in zip((0, 3, 6), batches, strict=True):
        samples = [dataset[index] for index in range(start, min(start + 3, 8))]
        largest = tuple(max(sample.features.shape[axis] for sample in samples) for axis in (1, 2))
        assert batch["features"].shape == (len(samples), len(CHANNELS), *largest)
        assert batch["hotspots"].shape == batch["inside"].shape == (len(samples), *largest)
        for place, sample in enumerate(samples):
            rows, columns = sample.features.shape[1:]
            np.testing.assert_array_equal(batch["features"][place, :, :rows, :columns], sample.features)
            np.testing.assert_array_equal(batch["hotspots"][place, :rows, :columns], sample.hotspots)
            assert batch["inside"][place].sum() == rows * columns
            assert batch["inside"][place, :rows, :columns].all()
            assert batch["features"][place].sum() == pytest.approx(float(sample.features.sum()), rel=1e-4)
            assert float(batch["violated_net_ratio"][place]) == sample.violated_net_ratio


def test_a_label_that_one_of_a_batch_lacks_is_left_out() -> None:
    labelled, plain = made_up_sample("a", "a", 0), made_up_sample("b", "b", 1, (5, 20), labelled=False)
    assert "violated_net_map" in collate([labelled, labelled])
    batch = collate([labelled, plain])
    assert set(batch) == {"features", "inside", "sample", "design", "family", "net_count"}
    assert batch["net_count"].tolist() == [labelled.net_count, plain.net_count]


def test_feature_maps_are_read_when_they_are_asked_for(made_up_store: Path) -> None:
    store = Store(made_up_store)
    maps = FeatureMaps(store, [3, 0, 5])
    assert len(maps) == 3
    np.testing.assert_array_equal(maps[1], store.sample(0).features)
    assert [map_.shape for map_ in maps[1:]] == [store.features(index).shape for index in (0, 5)]


@pytest.mark.parametrize("name", CHANNEL_SETS)
def test_transposing_channels_twice_changes_nothing(name: str) -> None:
    channels = CHANNEL_SETS[name].channels
    order = transposed_channels(channels)
    assert [order[place] for place in order] == list(range(len(channels)))


def test_a_direction_without_its_counterpart_cannot_be_transposed() -> None:
    assert transposed_channels(("rudy_vertical", "rudy", "rudy_horizontal")) == (2, 1, 0)
    what = "a channel of one direction has no counterpart, found 'rudy_vertical', expected rudy_horizontal"
    with pytest.raises(InputError, match=what):
        transposed_channels(("rudy_vertical", "rudy"))


def test_symmetries_form_the_group_of_the_square() -> None:
    square = np.arange(9).reshape(3, 3)
    images = {code: symmetry(square, code) for code in range(8)}
    keys = {image.tobytes(): code for code, image in images.items()}
    assert len(keys) == 8
    assert keys[square.tobytes()] == 0
    table = np.array([[keys[symmetry(images[a], b).tobytes()] for b in range(8)] for a in range(8)])
    assert all(sorted(row) == list(range(8)) for row in table)  # closed, and every element has an inverse
    assert all(sorted(column) == list(range(8)) for column in table.T)
    assert sum(table[a, a] == 0 for a in range(8)) == 6  # identity, half turn, four mirrors; not the quarter turns
    # Neighbours stay neighbours: the centre is fixed and the corners go to corners.
    assert all(image[1, 1] == 4 and {image[0, 0], image[2, 2]} < {0, 2, 6, 8} for image in images.values())


def test_symmetry_moves_all_channels_alike() -> None:
    maps = np.random.default_rng(0).random((4, 5, 7))
    for code in range(8):
        image = symmetry(maps, code)
        assert image.shape == ((4, 7, 5) if code & 4 else (4, 5, 7))
        for channel in range(4):
            np.testing.assert_array_equal(image[channel], symmetry(maps[channel], code))
