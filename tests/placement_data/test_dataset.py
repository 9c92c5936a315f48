"""Splits by family, normalisation from the training split, the eight symmetries."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement_data.dataset import (
    FRACTIONS,
    SPLITS,
    Normalisation,
    PlacementDataset,
    Split,
    draw_split,
    split_by_family,
    symmetry,
)
from placement_data.errors import InputError
from placement_data.features import CHANNEL_VERSION, CHANNELS
from placement_data.store import Store, write
from routenas.tasks.routability import RoutabilityTask
from tests.samples import SPLIT, made_up_sample, made_up_samples

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


def test_test_data_do_not_reach_normalisation(tmp_path: Path) -> None:
    """Other test and search placements leave the task's statistics as they are; other training ones do not."""
    found = {}
    for name, changed in (("none", ()), ("held out", ("f3", "f4", "f5")), ("training", ("f0",))):
        samples = [
            dataclasses.replace(sample, features=100 * sample.features) if sample.family in changed else sample
            for sample in made_up_samples(6, 2)
        ]
        write(tmp_path / "data.h5", samples, CHANNELS, CHANNEL_VERSION)
        found[name] = RoutabilityTask("hotspots", Store(tmp_path / "data.h5"), SPLIT).normalisation
    assert found["none"] == found["held out"]
    assert found["none"] != found["training"]


def test_dataset_reads_the_samples_of_its_families(made_up_store: Path) -> None:
    store = Store(made_up_store)
    dataset = PlacementDataset(store, ["f4", "f1"])
    assert len(dataset) == 8
    assert [dataset[index].sample for index in range(8)] == [f"f{f}/{n}" for f in (1, 4) for n in range(4)]


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
