"""Training from the weights of a bundle, on some placements, and never judged on what the bundle has seen."""

from __future__ import annotations

import dataclasses
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

import routenas
from placement_data.dataset import Split, draw_split, split_by_family, spread_over_designs
from placement_data.errors import InputError, MismatchError, SettingError
from placement_data.store import Store, write
from routenas.bundle import Bundle, ModelMismatchError
from routenas.predictor import Predictor
from routenas.tasks.facts import Start
from routenas.tasks.routability import RoutabilityTask
from routenas.training import BUDGETS
from tests.samples import CHANNEL_VERSION, CHANNELS, SPLIT, made_up_sample, made_up_samples
from tests.test_cli import Run
from tests.test_cli import run as run

SMOKE = BUDGETS["smoke"]
STILL = SMOKE.changed(learning_rate=1e-12)
FEW = ("rudy_large", "rudy_small", "cell_density", "macro_density")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Two members, of four channels."""
    return routenas.train(
        few_channels(tmp_path_factory.mktemp("few")), "tile-mlp", budget=SMOKE, split=SPLIT, seeds=(0, 1)
    )


def few_channels(folder: Path) -> Path:
    few = folder / "few.h5"
    places = [CHANNELS.index(name) for name in FEW]
    samples = [dataclasses.replace(each, features=each.features[places]) for each in made_up_samples()]
    write(few, samples, FEW, CHANNEL_VERSION)
    return few


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Families f0 and f4, which the bundle has trained on and tested on, and four others; all channels."""
    path = tmp_path_factory.mktemp("new") / "new.h5"
    new = [made_up_sample(f"{family}/{n}", family, 7 * n + ord(family[0])) for family in "ghkl" for n in range(3)]
    old = [each for each in made_up_samples() if each.family in ("f0", "f4")]
    write(path, [*old, *new], CHANNELS, CHANNEL_VERSION)
    return path


def test_every_member_starts_from_its_weights(data: Path, bundle: Bundle, tmp_path: Path) -> None:
    tuned = routenas.train(data, bundle, tmp_path / "tuned", budget=STILL, split=Split(("g",), ("h",), ("k", "f4")))
    assert len(tuned.members) == 2
    for member, before in zip(tuned.members, bundle.members, strict=True):
        assert member.architecture == before.architecture
        for name, weights in member.weights.items():
            torch.testing.assert_close(weights, before.weights[name], atol=1e-6, rtol=1e-4)
    assert not torch.equal(*(member.weights["head.weight"] for member in tuned.members))
    card = Predictor.of(tmp_path / "tuned").card
    assert (card.channels, card.channel_version) == (FEW, CHANNEL_VERSION)
    assert card.seen == ("f0", "f1", "f2", "f3")
    assert card.known == {"g", "h", "f0", "f1", "f2", "f3"}
    moved = routenas.train(data, bundle, budget=SMOKE, split=Split(("g",), ("h",), ("k",)))
    again = routenas.train(data, bundle, budget=SMOKE, split=Split(("g",), ("h",), ("k",)))
    assert moved.metrics == again.metrics
    assert not torch.equal(moved.members[0].weights["head.weight"], bundle.members[0].weights["head.weight"])


def test_what_the_bundle_has_seen_tests_nothing(data: Path, bundle: Bundle) -> None:
    tuned = routenas.train(data, bundle, budget=STILL)
    split = Predictor.of(tuned).card.split
    assert "f0" in (*split.train, *split.search)
    assert split.test
    with pytest.raises(InputError, match="the test part has a family that the model was trained or chosen on, found"):
        routenas.train(data, bundle, budget=STILL, split=Split(("g",), ("h",), ("k", "f0")))
    # The families of the first training count as known when the fine-tuned model is judged.
    with pytest.raises(InputError, match="was trained or chosen on a family of the test split, found 'f0'"):
        routenas.evaluate(data, {"tuned": tuned}, (), split=Split(("g",), ("h",), ("f0",)))


def test_so_many_placements(data: Path, bundle: Bundle) -> None:
    split = Split(("g", "h", "f4"), ("k",), ("l",))
    tuned = routenas.train(data, bundle, budget=STILL, split=split, placements=3)
    names = Predictor.of(tuned).card.placements
    assert sorted(name[0] for name in names) == ["f", "g", "h"]
    task = tuned.open_task()
    assert isinstance(task, RoutabilityTask)
    assert [example.sample.sample for example in task.examples("train")] == sorted(names, key=Store(data).names.index)
    assert len(task.examples("search")) == 3
    fresh = routenas.train(data, "tile-mlp", budget=STILL, split=split, placements=3)
    assert Predictor.of(fresh).card.placements == names
    assert fresh.provenance["placements"] == 3
    for number in (0, 11):
        with pytest.raises(SettingError, match=f"taken from the training part, found '{number}', expected 1 to 10"):
            routenas.train(data, bundle, budget=STILL, split=split, placements=number)


def test_what_cannot_be_fine_tuned(data: Path, bundle: Bundle, made_up_store: Path) -> None:
    fitted = routenas.train(made_up_store, "rudy", budget=SMOKE, split=SPLIT)
    with pytest.raises(InputError, match="a predictor that is fitted at once has no weights to start from"):
        routenas.train(data, fitted, budget=SMOKE)
    mixed = dataclasses.replace(bundle, members=(fitted.members[0], *bundle.members))
    assert len(routenas.train(data, mixed, budget=STILL, split=Split(("g",), ("h",), ("k",))).members) == 2
    with pytest.raises(MismatchError, match="the model is for another task, found 'hotspots', expected violated_nets"):
        routenas.train(data, bundle, budget=SMOKE, task="violated_nets")
    with pytest.raises(ModelMismatchError, match="the model to start from does not fit the task"):
        routenas.train(RoutabilityTask("hotspots", made_up_store, SPLIT), bundle, budget=SMOKE)


def test_a_line_says_which_members_are_left_out(run: Run, tmp_path: Path, data: Path, bundle: Bundle) -> None:
    fitted = routenas.train(few_channels(tmp_path), "rudy", budget=SMOKE, split=SPLIT)
    dataclasses.replace(bundle, members=(fitted.members[0], *bundle.members)).save(tmp_path / "mixed")
    done = run("train", data, "--from", tmp_path / "mixed", "--budget", "smoke", "--out", tmp_path / "tuned")
    assert done.code == 0, done.err
    assert "train hotspots: 2/2" in done.err  # an epoch for each network
    assert "left out, since what is fitted at once has no weights to start from: rudy" in done.err
    assert len(Bundle.load(tmp_path / "tuned").members) == 2


@pytest.mark.parametrize("seed", range(4))
def test_placements_are_spread_over_designs(seed: int) -> None:
    designs = ["a"] * 7 + ["b"] * 2 + ["c"] * 4
    taken = [spread_over_designs(designs, number, seed) for number in range(14)]
    for number, places in enumerate(taken):
        assert len(set(places)) == number
        assert list(places) == sorted(places)
        counts = Counter(designs[place] for place in places)
        fair = [min(each, size) for each, size in zip([counts["a"]] * 3, (7, 2, 4), strict=True)]
        assert all(abs(counts[name] - least) <= 1 for name, least in zip("abc", fair, strict=True))
    assert all(set(less) < set(more) for less, more in pairwise(taken))


@pytest.mark.parametrize("seed", range(4))
def test_seen_families_are_not_drawn_into_the_test_split(seed: int, made_up_store: Path) -> None:
    split = draw_split(Store(made_up_store), seed, seen=("f0", "f2", "f4"))
    assert {*split.test} <= {"f1", "f3", "f5"}
    assert split.test
    assert all((split.train, split.search))
    assert split_by_family(list("abc"), seed, seen=("a", "b")).test == ("c",)
    with pytest.raises(InputError, match="the model has seen every family of the data set: none is left to test on"):
        split_by_family(list("abc"), seed, seen=("a", "b", "c"))


def test_a_start_is_nothing_by_default(data: Path) -> None:
    split = Split(("g",), ("h",), ("k",))
    plain, started = (RoutabilityTask("hotspots", data, split, start=start).card for start in (None, Start()))
    assert plain == started
    np.testing.assert_array_equal(plain.placements, ())
