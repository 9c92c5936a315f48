"""The hotspot task works on labels that tell no nets (CircuitNet's); the violated-net task refuses them."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from placement_data.dataset import Split, symmetry
from placement_data.errors import InputError
from placement_data.store import Store, write
from routenas.architecture import Architecture
from routenas.baselines.rudy import UtilizationMean
from routenas.estimators.scratch import TrainedFromScratch
from routenas.evaluation import baseline_row
from routenas.tasks import reading, routability
from routenas.tasks.routability import Card, RoutabilityTask
from routenas.training import Budget, fit
from searchspaces.flexible import FlexibleSpace
from tests.samples import CHANNEL_VERSION, SPLIT, made_up_sample, made_up_samples
from tests.samples import CHANNELS as CHANNEL_NAMES

BRIEF = Budget("brief", epochs=2, evaluations=1)
CHANNELS = ("cell_density", "RUDY_short", "RUDY_pin", "RUDY_long")


@pytest.fixture(scope="module")
def without_nets(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Four channels of the made-up samples under CircuitNet's names, without what tells of nets."""
    path = tmp_path_factory.mktemp("store") / "data.h5"
    samples = (
        dataclasses.replace(
            sample,
            features=sample.features[:4],
            violated_net_map=None,
            violated_nets=None,
            net_count=0,
            repeat_hotspots=None,
            repeat_violated_nets=(),
        )
        for sample in made_up_samples()
    )
    write(path, samples, CHANNELS, "circuitnet4/1")
    return Store(path)


def test_hotspots_are_learned_from_labels_without_nets(without_nets: Store) -> None:
    task = RoutabilityTask("hotspots", without_nets, SPLIT)
    assert math.isfinite(task.card.output_scale.log_ratio_mean)
    assert math.isfinite(task.card.output_scale.log_ratio_deviation)
    trained = fit(Architecture(network="tile-mlp").build(task.shape, 0), task, BRIEF, 0)
    assert trained.metrics["roc_auc"] > 0.5


def test_the_rudy_control_takes_the_data_set_s_own_channels(without_nets: Store) -> None:
    task = RoutabilityTask("hotspots", without_nets, SPLIT)
    answers = baseline_row("rudy", task, BRIEF, (0,), "search").members[0]
    rudy = [example.sample.features[[1, 3]].astype(np.float64).sum(axis=0) for example in task.examples("search")]
    odds = np.concatenate([np.log(answer / (1 - answer)).ravel() for answer in answers])
    total = np.concatenate([each.ravel() for each in rudy])
    np.testing.assert_allclose(odds, np.polyval(np.polyfit(total, odds, 1), total), atol=1e-4)
    assert np.corrcoef(total, odds)[0, 1] == pytest.approx(1)
    lacking = dataclasses.replace(task.card, channels=("a", *CHANNELS[1:]))
    with pytest.raises(
        InputError, match="needs the channel cell_density, which the data set lacks, expected a data set that has it"
    ):
        UtilizationMean(task.shape).read(lacking)


def test_violated_nets_cannot_be_learned_from_them(without_nets: Store) -> None:
    with pytest.raises(InputError, match="the labels of the train split tell no violated nets"):
        RoutabilityTask("violated_nets", without_nets, SPLIT)


def test_batches_are_whole_maps_in_four_mirrorings(made_up_store: Path) -> None:
    """Never transposed: the two directions have other layers. What mirrors the maps mirrors the label."""
    task = RoutabilityTask("hotspots", made_up_store, SPLIT)
    whole = {example.maps.tobytes(): example for example in task.examples("train")}
    seen: set[tuple[bytes, int]] = set()
    for seed in range(20):
        count = 0
        for batch in task.batches("train", 3, np.random.default_rng(seed)):
            assert len(batch.maps) == len(batch.targets) == len(batch.ratios) <= 3
            for maps, target, ratio in zip(batch.maps, batch.targets, batch.ratios, strict=True):
                count += 1
                ways = [symmetry(maps[0].numpy(), code) for code in range(4)]
                found = [(way.tobytes(), code) for code, way in enumerate(ways) if way.tobytes() in whole]
                assert found
                key, code = found[0]
                np.testing.assert_array_equal(symmetry(target[0].numpy(), code), whole[key].hotspots)
                assert float(ratio) == pytest.approx(whole[key].ratio)
                seen.add((key, code))
        assert count == len(whole)
    assert len(seen) == 4 * len(whole)


def test_a_wide_map_is_trained_on_by_windows(made_up_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routability, "WINDOW", 11)
    rng = np.random.default_rng(0)
    for task in (
        RoutabilityTask("hotspots", made_up_store, SPLIT),
        RoutabilityTask("violated_nets", made_up_store, SPLIT),
    ):
        (batch,) = task.batches("train", 100, rng)
        sides = {side for maps in batch.maps for side in maps.shape[2:]}
        assert max(sides) == (11 if task.name == "hotspots" else 14)
        assert all(maps.shape[2:] == target.shape[1:] for maps, target in zip(batch.maps, batch.targets, strict=True))


def test_a_part_without_positives_is_found_before_any_training(tmp_path: Path) -> None:
    samples = made_up_samples()
    for family, part in (("f0", "train"), ("f3", "search"), ("f4", "test")):
        split = Split(("f0",), ("f3",), ("f4",))
        clean = [
            dataclasses.replace(s, hotspots=0 * s.hotspots, violated_nets=0) if s.family == family else s
            for s in samples
        ]  # fmt: skip
        write(tmp_path / f"{part}.h5", clean, CHANNEL_NAMES, CHANNEL_VERSION)
        for name, what in (("hotspots", "hotspot"), ("violated_nets", "placement with a violated net")):
            with pytest.raises(InputError, match=f"the {part} split has no {what}, found '4 placements of 1 families'"):
                RoutabilityTask(name, tmp_path / f"{part}.h5", split)  # type: ignore[arg-type]


def test_the_technologies_of_training_and_choice_are_kept(tmp_path: Path) -> None:
    def at(family: str, technology: str) -> dict[str, str]:
        return {"technology": technology} if family in {"f0", "f3", "f4"} else {}

    told = {"f0": "old", "f3": "new", "f4": "another"}
    samples = [
        dataclasses.replace(sample, provenance=at(sample.family, told.get(sample.family, "")))
        for sample in made_up_samples()
    ]
    write(tmp_path / "data.h5", samples, CHANNEL_NAMES, CHANNEL_VERSION)
    card = RoutabilityTask("hotspots", tmp_path / "data.h5", SPLIT).card
    assert card.technologies == ("new", "old")
    assert Card.from_dict(json.loads(json.dumps(card.to_dict()))) == card
    assert Card.from_dict({k: v for k, v in card.to_dict().items() if k != "technologies"}).technologies == ()


def test_a_placement_is_read_once(made_up_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = Store.sample
    monkeypatch.setattr(Store, "sample", lambda store, index: read.append(index) or original(store, index))
    task = RoutabilityTask("hotspots", made_up_store, SPLIT)
    for seed in range(3):
        list(task.batches("train", 2, np.random.default_rng(seed)))
        list(task.examples("search"))
    assert len(read) == len(set(read))
    config, again = task.config(), RoutabilityTask.from_config(task.config())
    read.clear()
    list(again.examples("search"))
    assert not read  # tasks on one file share what they read
    del task, again
    list(RoutabilityTask.from_config(config).examples("search"))
    assert len(read) == 4  # a worker fits nothing anew


def test_setting_up_needs_no_more_memory_for_more_placements(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "CACHE_BYTES", 100_000)
    peaks = []
    for placements in (4, 40):
        path = tmp_path / f"{placements}.h5"
        samples = (
            made_up_sample(f"f{family}/{number}", f"f{family}", family + number)
            for family in range(6)
            for number in range(placements)
        )
        write(path, samples, CHANNEL_NAMES, CHANNEL_VERSION)
        store = Store(path)
        tracemalloc.start()
        RoutabilityTask("hotspots", store, SPLIT)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    maps = 17 * 4 * 13 * 16  # bytes of the features of a placement
    assert peaks[1] - peaks[0] < 2 * maps  # 108 more placements are trained on


@pytest.mark.parametrize("name", ["hotspots", "violated_nets"])
def test_a_task_travels_as_its_configuration(made_up_store: Path, name: str) -> None:
    task = RoutabilityTask(name, made_up_store, SPLIT)  # type: ignore[arg-type]
    config = json.loads(json.dumps(task.config()))
    assert RoutabilityTask.from_config(config).card == task.card
    space = FlexibleSpace()
    estimator = TrainedFromScratch(task, BRIEF, space, 0)
    list(task.batches("train", 2, np.random.default_rng(0)))  # its maps are in memory now, and stay here
    sent = pickle.dumps(estimator)
    assert len(sent) < 30_000
    assert pickle.loads(sent).task.card == task.card
    for wrong in ({"name": "timing"}, {"tile_um": math.nan}, {"normalisation": {}}):
        with pytest.raises((ValueError, LookupError)):
            Card.from_dict({**config, **wrong})
