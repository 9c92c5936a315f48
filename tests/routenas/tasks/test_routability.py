"""The hotspot task works on labels that tell no nets (CircuitNet's); the violated-net task refuses them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from routenas.checkpoint import build, hand_crafted

from placement_data.errors import InputError
from placement_data.store import Store, write
from routenas.baselines.rudy import RudyMean
from routenas.evaluation import baseline_row
from routenas.tasks.routability import RoutabilityTask
from routenas.training import Budget, train
from tests.samples import SPLIT, made_up_samples

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
    assert math.isfinite(task.output_scale.log_ratio_mean)
    assert math.isfinite(task.output_scale.log_ratio_deviation)
    trained = train(lambda seed: build(hand_crafted("tile-mlp"), "hotspots", 4, seed), task, BRIEF, 0)
    assert trained.metrics["roc_auc"] > 0.5


def test_the_rudy_control_takes_the_data_set_s_own_channels(without_nets: Store) -> None:
    task = RoutabilityTask("hotspots", without_nets, SPLIT)
    answers = baseline_row("rudy", task, BRIEF, (0,), "search").members[0]
    rudy = [example.sample.features[[1, 3]].astype(np.float64).sum(axis=0) for example in task.examples("search")]
    for answer, total in zip(answers, rudy, strict=True):
        assert np.argsort(answer, None, "stable").tolist() == np.argsort(total, None, "stable").tolist()
    with pytest.raises(InputError, match="channel not among the features, found 'rudy_small'"):
        RudyMean(CHANNELS[:3]).statistic(task.examples("search")[0].sample.features)


def test_violated_nets_cannot_be_learned_from_them(without_nets: Store) -> None:
    with pytest.raises(InputError, match="the labels of the train split tell no violated nets"):
        RoutabilityTask("violated_nets", without_nets, SPLIT)
