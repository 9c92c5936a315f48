"""A finished model is judged on data that it knows nothing of: by channels' names, and on unseen families."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import routenas
from placement_data.dataset import Split
from placement_data.errors import InputError
from placement_data.features import sets
from placement_data.store import Sample, Store, write
from routenas.bundle import Bundle, ModelMismatchError
from routenas.metrics import roc_auc
from routenas.predictor import Predictor
from routenas.show.text import comparison_table
from routenas.tasks.routability import Card, RoutabilityTask
from routenas.training import BUDGETS
from tests.samples import CHANNEL_VERSION, CHANNELS, SPLIT, made_up_sample, made_up_samples

SMOKE = BUDGETS["smoke"]
FEW = ("rudy_large", "rudy_small", "cell_density", "macro_density")


def of_families(*families: str) -> list[Sample]:
    return [
        made_up_sample(f"{family}/{number}", family, 97 * ord(family[0]) + number, (9 + number, 11))
        for family in families
        for number in range(3)
    ]


def with_channels(samples: Sequence[Sample], channels: Sequence[str]) -> list[Sample]:
    places = [CHANNELS.index(name) for name in channels]
    return [dataclasses.replace(sample, features=sample.features[places]) for sample in samples]


@pytest.fixture(scope="module")
def models(made_up_store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Bundle]:
    """One of all channels, and one of four in another order from a data set of another channel set."""
    few = tmp_path_factory.mktemp("few") / "few.h5"
    write(few, with_channels(made_up_samples(), FEW), FEW, "all/1")
    return {
        "whole": routenas.train(made_up_store, "tile-mlp", budget=SMOKE, split=SPLIT),
        "few": routenas.train(few, "residual-dilated", budget=SMOKE, split=SPLIT),
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write(tmp_path / "unseen.h5", of_families("g", "h", "k"), CHANNELS, CHANNEL_VERSION)
    return tmp_path / "unseen.h5"


def evaluate(data: Path, models: dict[str, Bundle], names: Sequence[str] | None = (), **options: Any) -> dict[str, Any]:
    return routenas.evaluate(data, models, names, budget=SMOKE, seeds=(0,), **options)


def test_every_placement_of_other_designs_is_judged(data: Path, models: dict[str, Bundle]) -> None:
    said: list[str] = []
    table = evaluate(data, models, None, say=said.append)
    assert (table["part"], table["placements"], table["designs"]) == ("unseen", 9, 3)
    assert [row["name"] for row in table["rows"]] == ["whole", "few", "rudy"]
    samples = list(Store(data))
    truth = [np.asarray(sample.hotspots) for sample in samples]
    places = [CHANNELS.index(name) for name in FEW]
    by_hand = [
        [Predictor.of(models["whole"]).predict(sample.features, 1) for sample in samples],
        [Predictor.of(models["few"]).predict(sample.features[places], 1) for sample in samples],
        [sample.features[list(map(CHANNELS.index, FEW[:2]))].sum(axis=0) for sample in samples],
    ]
    for row, answers in zip(table["rows"], by_hand, strict=True):
        flat = (np.concatenate([each.ravel() for each in maps]) for maps in (truth, answers))
        assert row["ensemble"]["roc_auc"] == pytest.approx(roc_auc(*flat), abs=1e-5)
    assert said[0].startswith("left out, since they have to be trained, which takes --split: fcn, ")
    assert comparison_table(table).startswith("hotspots on unseen families: 9 placements of 3 designs")
    with pytest.raises(InputError, match=r"cannot answer without training, for which --split tells .*, found 'unet'"):
        evaluate(data, models, ("unet",))


def test_counts_rank_without_training_too(data: Path, made_up_store: Path) -> None:
    model = routenas.train(made_up_store, "rudy-mean", budget=SMOKE, split=SPLIT, task="violated_nets")
    table = evaluate(data, {"fitted": model}, None, task="violated_nets")
    assert [row["name"] for row in table["rows"]] == ["fitted", "utilization", "rudy-mean"]
    assert table["rows"][0]["by_design"] == table["rows"][2]["by_design"]
    with pytest.raises(ModelMismatchError, match="the model fitted is for another task: violated_nets, expected hot"):
        evaluate(data, {"fitted": model})


def test_a_split_trains_the_others_there(data: Path, models: dict[str, Bundle]) -> None:
    table = evaluate(data, models, ("tile-mlp",), split=Split(("g",), ("h",), ("k",)))
    assert (table["part"], table["placements"]) == ("test", 3)
    assert [row["name"] for row in table["rows"]] == ["whole", "few", "tile-mlp"]


def test_seen_families_are_refused_or_left_out(tmp_path: Path, models: dict[str, Bundle]) -> None:
    mixed = tmp_path / "mixed.h5"
    samples = [each for each in made_up_samples() if each.family in ("f0", "f3", "f5")]
    write(mixed, [*samples, *of_families("g")], CHANNELS, CHANNEL_VERSION)
    with pytest.raises(InputError, match=r"trained or chosen on, found 'f0 and 1 others', expected --part unseen"):
        evaluate(mixed, models)
    table = evaluate(mixed, models, part="unseen")  # f5 was in the test part of the models: they have not seen it
    assert set(table["rows"][0]["by_design"]) == {"f5", "g"}
    write(mixed, samples[:8], CHANNELS, CHANNEL_VERSION)
    with pytest.raises(InputError, match="no labelled placement is of a family that the models have not seen"):
        evaluate(mixed, models, part="unseen")
    with pytest.raises(InputError, match="no labelled placement is of a family"):
        evaluate(mixed, {}, part="unseen")


def test_the_model_s_own_data_set_is_judged_on_its_test_part(made_up_store: Path, models: dict[str, Bundle]) -> None:
    whole = {"whole": models["whole"]}
    assert evaluate(made_up_store, whole)["part"] == "test"
    assert evaluate(made_up_store, whole)["rows"] == evaluate(made_up_store, whole, part="unseen")["rows"]


def test_a_channel_that_the_data_set_lacks(tmp_path: Path, models: dict[str, Bundle]) -> None:
    write(tmp_path / "few.h5", with_channels(of_families("g", "h"), FEW), FEW, "all/1")
    assert evaluate(tmp_path / "few.h5", {"few": models["few"]})["placements"] == 6
    message = "all/1, lack some of the model's, routenas17/1, found 'register_density, clock_cell_density, pin_density"
    with pytest.raises(
        ModelMismatchError, match=f"{message} and 10 more', expected a data set that has all of them; see"
    ):
        evaluate(tmp_path / "few.h5", models)


def test_a_channel_means_the_same_in_every_version_that_did_not_change_it(
    data: Path, models: dict[str, Bundle], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sets.same_values("mst_small", "all/1", "routenas17/1")
    assert sets.same_values("rudy", "all/1", sets.ALL.version)
    assert not sets.same_values("rudy", "circuitnet/1")
    assert sets.same_values("rudy", "circuitnet/1", "circuitnet/1")
    monkeypatch.setitem(sets.CHANGED_SINCE, "all/0", frozenset({"rudy_small"}))
    assert not sets.same_values("rudy_small", "all/0", "all/1")
    assert sets.same_values("rudy_large", "all/0", "all/1")
    former = dataclasses.replace(models["few"], task={**models["few"].task, "channel_version": "all/0"})
    with pytest.raises(InputError, match="lack some of the model's, all/0, found 'rudy_small'"):
        RoutabilityTask("hotspots", data, card=Card.from_dict(former.task))
    with pytest.raises(ModelMismatchError, match="the model's channels all/0 are not those of this version"):
        Predictor.of(former)
    monkeypatch.setitem(sets.CHANGED_SINCE, "all/0", frozenset({"mst_small"}))
    assert Predictor.of(former).channel_set.channels == FEW
    assert evaluate(data, {"few": former})["rows"] == evaluate(data, {"few": models["few"]})["rows"]


@pytest.mark.parametrize(
    ("code", "text", "change"),
    [
        ("other-label", "labels are another, but training was on made-up/iteration-0", {"label_kind": "another"}),
        ("other-technology", "trained in old, judged in new", {"provenance": {"technology": "new"}}),
        (
            "routing-layers",
            "signals may use m2-m3, but in training they could use all routing layers",
            {"routing_layers": "m2-m3"},
        ),
        ("other-tile", "tiles of 0.7 um, but training was on tiles of 1.4 um", {}),
    ],
)
def test_what_is_other_than_in_training_is_said(
    tmp_path: Path, models: dict[str, Bundle], code: str, text: str, change: dict[str, Any]
) -> None:
    halved: Callable[[Sample], dict[str, Any]] = lambda each: (  # noqa: E731
        {}
        if change
        else {"grid": {**each.grid, "tile": 1400, "tile_um": 0.7, "die": [x // 2 for x in each.grid["die"]]}}
    )
    samples = [dataclasses.replace(each, **change, **halved(each)) for each in of_families("g", "h")]
    write(tmp_path / "other.h5", samples, CHANNELS, CHANNEL_VERSION)
    model = dataclasses.replace(models["whole"], task={**models["whole"].task, "technologies": ["old"]})
    table = evaluate(tmp_path / "other.h5", {"mine": model})
    assert table["rows"][0]["notes"] == [{"code": code, "text": text}]
    assert comparison_table(table).endswith(f"mine: {text}")
    assert table["technologies"] == (["new"] if code == "other-technology" else [])


def test_tracks_of_all_layers_are_not_those_that_signals_may_use(tmp_path: Path) -> None:
    names = ("macro_density", "track_count_horizontal", "track_count_vertical", "cell_density")
    for name, samples in (("old", made_up_samples()), ("new", of_families("g", "h"))):
        told = "m2-m3" if name == "new" else ""
        cut = [dataclasses.replace(each, features=each.features[:4], routing_layers=told) for each in samples]
        write(tmp_path / f"{name}.h5", cut, names, "all/1")
    model = routenas.train(tmp_path / "old.h5", "tile-mlp", budget=SMOKE, split=SPLIT)
    message = (
        "counted on all routing layers in training and on those that signals may use in the data set, expected one"
    )
    with pytest.raises(ModelMismatchError, match=message):
        evaluate(tmp_path / "new.h5", {"old": model})


def test_a_data_set_of_two_label_kinds_is_not_judged(tmp_path: Path, models: dict[str, Bundle]) -> None:
    samples = of_families("g", "h")
    write(tmp_path / "two.h5", [*samples[:3], *(dataclasses.replace(s, label_kind="b") for s in samples[3:])],
          CHANNELS, CHANNEL_VERSION)  # fmt: skip
    with pytest.raises(InputError, match="label kinds are mixed, found 'b, made-up/iteration-0'"):
        evaluate(tmp_path / "two.h5", models)


def test_the_channels_of_a_model_are_taken_by_name(made_up_store: Path, models: dict[str, Bundle]) -> None:
    card = Predictor.of(models["few"]).card
    task = RoutabilityTask("hotspots", made_up_store, card=card)
    (found, *_), (whole, *_) = task.examples("test"), RoutabilityTask("hotspots", made_up_store, SPLIT).examples("test")
    np.testing.assert_array_equal(found.sample.features, whole.sample.features[[CHANNELS.index(n) for n in FEW]])
