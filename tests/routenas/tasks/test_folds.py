"""Folds of the routability tasks: by family, each with a normalisation of its own, judged together."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from placement_data.dataset import Normalisation, Split
from placement_data.errors import InputError
from placement_data.store import Store, write
from routenas.baselines.tile import TileMLP
from routenas.metrics import roc_auc
from routenas.tasks.decoding import decode
from routenas.tasks.routability import RoutabilityTask
from searchspaces.operators import seeded
from tests.samples import CHANNEL_VERSION, CHANNELS, SPLIT, made_up_samples

PLANTED = 4


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The made-up samples, one channel a hundred times as high in family f1. A map of family fN has 12 + N columns."""
    path = tmp_path_factory.mktemp("store") / "data.h5"
    samples = made_up_samples()
    for sample in samples:
        if sample.family == "f1":
            sample.features[PLANTED] *= 100.0
    write(path, samples, CHANNELS, CHANNEL_VERSION)
    return Store(path)


@pytest.fixture(scope="module")
def task(store: Store) -> RoutabilityTask:
    return RoutabilityTask("hotspots", store, SPLIT)


@pytest.mark.parametrize("name", ["hotspots", "violated_nets"])
@pytest.mark.parametrize("k", [2, 3, 9])
def test_families_are_disjoint_and_all_are_judged_once(store: Store, name: str, k: int) -> None:
    task = RoutabilityTask(name, store, SPLIT)  # type: ignore[arg-type]
    folds = task.folds(k, 0)
    assert len(folds) == min(k, 4)
    judged = [family for fold in folds for family in fold.families("search")]
    assert sorted(judged) == ["f0", "f1", "f2", "f3"]
    for fold in folds:
        assert {*fold.families("train")} == {"f0", "f1", "f2", "f3"} - {*fold.families("search")}
        assert fold.families("test") == ()
    assert [fold.card for fold in task.folds(k, 0)] == [fold.card for fold in folds]


def test_no_family_that_is_judged_is_trained_on(task: RoutabilityTask) -> None:
    for fold in task.folds(3, 1):
        seen = {
            f"f{maps.shape[3] - 12}"
            for seed in range(3)
            for batch in fold.batches("train", 3, np.random.default_rng(seed))
            for maps in batch.maps
        }
        assert seen == {*fold.families("train")}
        assert not seen & {*fold.families("search")}
        assert not list(fold.batches("test", 3, np.random.default_rng(0)))


def test_each_fold_has_the_normalisation_of_its_own_training_families(task: RoutabilityTask, store: Store) -> None:
    scales = {}
    for fold in task.folds(4, 0):
        (judged,) = fold.families("search")
        own = [sample.features for sample in store.samples(["f0", "f1", "f2", "f3"]) if sample.family != judged]
        expected = Normalisation.fit(own)
        np.testing.assert_allclose(fold.card.normalisation.scale, expected.scale)
        np.testing.assert_allclose(fold.card.normalisation.deviation, expected.deviation)
        scales[judged] = fold.card.normalisation.scale[PLANTED]
        hot = np.concatenate(
            [s.hotspots.ravel() for s in store.samples(["f0", "f1", "f2", "f3"]) if s.family != judged]
        )
        rate = float(hot.mean())
        assert fold.card.output_scale.offset == pytest.approx(np.log(rate / (1 - rate)))
    assert 20 * scales.pop("f1") < min(scales.values())


def test_folds_read_nothing_that_the_task_has_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    task = RoutabilityTask("hotspots", store, SPLIT)
    for part in ("train", "search"):
        list(task.examples(part))
    monkeypatch.setattr(Store, "sample", lambda *_: pytest.fail("read again"))
    for fold in task.folds(3, 0):
        list(fold.batches("train", 2, np.random.default_rng(0)))
        list(fold.examples("search"))


def network(task: RoutabilityTask, seed: int) -> TileMLP:
    module = seeded(lambda: TileMLP(task.shape), seed).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed)))
    return module


def test_pooled_is_the_mean_over_the_designs_of_all_folds(task: RoutabilityTask) -> None:
    folds = task.folds(3, 0)
    modules = [network(task, seed) for seed in range(3)]
    outputs = [fold.outputs(module, "search") for fold, module in zip(folds, modules, strict=True)]
    found = task.pooled(folds, outputs)
    by_hand = []
    for fold, module in zip(folds, modules, strict=True):
        for family in fold.families("search"):
            pairs = [
                (example.hotspots.ravel(), answer.ravel())
                for example, answer in zip(fold.examples("search"), fold.answers(module, "search"), strict=True)
                if example.sample.family == family
            ]
            by_hand.append(roc_auc(*map(np.concatenate, zip(*pairs, strict=True))))
    assert len(by_hand) == 4
    assert found["design_mean_roc_auc"] == pytest.approx(np.mean(by_hand))
    assert found["placements"] == 16
    broken = [[np.full_like(each, np.nan) for each in outputs[0]], *outputs[1:]]
    with pytest.raises(FloatingPointError, match="not finite"):
        task.pooled(folds, broken)


def test_the_whole_is_trained_on_everything_but_the_test_part(task: RoutabilityTask, store: Store) -> None:
    folds = task.folds(3, 0)
    outputs = [[10 * each for each in fold.outputs(network(task, 1), "search")] for fold in folds]
    whole, metrics = task.whole(folds, outputs)
    assert whole.card.split == Split(("f0", "f1", "f2", "f3"), (), ("f4", "f5"))
    own = [sample.features for sample in store.samples(whole.card.split.train)]
    np.testing.assert_allclose(whole.card.normalisation.mean, Normalisation.fit(own).mean)
    assert whole.score(network(task, 1), "search") == {"design_mean_roc_auc": None}
    assert metrics["design_mean_roc_auc"] == pytest.approx(task.pooled(folds, outputs)["design_mean_roc_auc"])
    assert metrics["brier"] < metrics["brier_uncalibrated"]
    # The card of the whole carries the calibration to every answer, in the order that it had.
    calibration = whole.card.calibration
    assert calibration is not None
    plain = dataclasses.replace(whole.card, calibration=None)
    logits = torch.linspace(-3, 3, 7).reshape(1, 1, 1, 7)
    raw, found = (np.log(p / (1 - p)).ravel() for p in (decode(card, logits, 1) for card in (plain, whole.card)))
    np.testing.assert_allclose(found, calibration.slope * raw + calibration.intercept)
    assert RoutabilityTask.from_config(whole.config()).card == whole.card


def test_a_ratio_needs_no_calibration(store: Store) -> None:
    task = RoutabilityTask("violated_nets", store, SPLIT)
    folds = task.folds(2, 0)

    def total(maps: Tensor) -> Tensor:
        return maps.mean(dim=(1, 2, 3))

    outputs = [fold.outputs(total, "search") for fold in folds]
    whole, metrics = task.whole(folds, outputs)
    assert whole.card.calibration is None
    assert metrics == task.pooled(folds, outputs)


def test_a_fold_without_a_hotspot_is_judged_with_the_others(tmp_path: Path) -> None:
    samples = [
        dataclasses.replace(s, hotspots=0 * s.hotspots) if s.family == "f0" else s for s in made_up_samples(5, 2)
    ]
    write(tmp_path / "data.h5", samples, CHANNELS, CHANNEL_VERSION)
    task = RoutabilityTask("hotspots", tmp_path / "data.h5", Split(("f0", "f1"), ("f2", "f3"), ()))
    folds = task.folds(4, 0)
    metrics = task.pooled(folds, [fold.outputs(network(task, 0), "search") for fold in folds])
    assert (metrics["designs"], metrics["designs_skipped"]) == (4, 1)


def test_parts_may_be_empty_but_for_the_training_part(store: Store) -> None:
    task = RoutabilityTask("hotspots", store, Split(("f0", "f1"), (), ()))
    assert task.families("test") == task.families("search") == ()
    assert len(task.folds(3, 0)) == 2
    with pytest.raises(InputError, match="no labelled placement in the train split"):
        RoutabilityTask("hotspots", store, Split((), ("f0",), ("f1",)))
    with pytest.raises(InputError, match="folds need two families or more"):
        RoutabilityTask("hotspots", store, Split(("f0",), (), ())).folds(3, 0)
