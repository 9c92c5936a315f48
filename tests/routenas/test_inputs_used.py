"""An input that no member of a model reads is not computed when it scores, and nothing is said of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import placement_data.features
from placement_data.dataset import Normalisation
from placement_data.features import ALL, FAMILIES, channel_groups, feature_maps
from placement_data.making import LayoutFiles
from routenas.architecture import Architecture
from routenas.bundle import Member, ModelMismatchError
from routenas.predictor import Predictor
from searchspaces.flexible import FlexibleSpace
from tests.layouts import Layout, score_layout

Reading = Callable[..., Predictor]


@pytest.fixture(scope="module")
def reading(bundles: dict[str, Path]) -> Reading:
    """A predictor of a task whose members read these groups of channels, one member for each; weights are random."""

    def make(*members: tuple[str, ...], task: str = "hotspots") -> Predictor:
        known, count = Predictor.of(bundles[task]), len(ALL.channels)
        normalisation = Normalisation(*((value,) * count for value in (1.0, 0.0, 1.0, 0.0, 1e9)))
        card = dataclasses.replace(
            known.card, channels=ALL.channels, channel_version=ALL.version, normalisation=normalisation
        )
        groups = {name: list(indices) for name, indices in card.shape.groups}
        shape = {"inputs": count, "outputs": 1, "output": card.shape.output, "groups": groups}
        described = {**known.bundle.task, **card.to_dict(), "shape": shape}
        space = FlexibleSpace().for_task(card.shape)
        assert isinstance(space, FlexibleSpace)
        found = []
        for number, groups in enumerate(members):
            values = list(space.control("one-tile").values)
            for place, name in enumerate(space.inputs or ()):
                values[place] = int(name in groups)
            genotype = space.genotype(values)
            module = space.build(genotype, card.shape, seed=number)
            torch.nn.init.normal_(module.head.weight, generator=torch.Generator().manual_seed(number))
            found.append(Member(Architecture.of(space, genotype), module.state_dict()))
        return Predictor(dataclasses.replace(known.bundle, task=described, members=tuple(found)), card)

    return make


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The channels whose function was called."""
    found: set[str] = set()

    def noting(family: placement_data.features.sets.Family) -> placement_data.features.sets.Family:
        def make(layout: placement_data.features.Layout) -> placement_data.features.Map:
            found.update(family.channels)
            return family.make(layout)

        return dataclasses.replace(family, make=make)

    monkeypatch.setattr(placement_data.features, "FAMILIES", tuple(map(noting, FAMILIES)))
    return found


def channels_of(predictor: Predictor, *groups: str) -> set[str]:
    names = predictor.card.channels
    return {name for group, members in channel_groups(names) for name in members if group in groups}


def files(layout: Layout) -> LayoutFiles:
    return LayoutFiles("def", layout.def_, (layout.lef,), ())


def test_what_is_out_is_not_computed(layout: Layout, reading: Reading, called: set[str]) -> None:
    predictor = reading(("densities", "ports"))
    score = score_layout(files(layout), [predictor])
    assert called == set(predictor.read.channels) == channels_of(predictor, "densities", "ports")
    assert called < set(predictor.card.channels)
    everything = feature_maps(score.design, score.grid, predictor.channel_set)
    np.testing.assert_array_equal(score.probability, predictor.predict(everything, score.net_count))


def test_members_and_models_share_what_they_read(layout: Layout, reading: Reading, called: set[str]) -> None:
    hotspots, nets = reading(("densities",), ("tracks",)), reading(("fanout_wires",), task="violated_nets")
    alone = [score_layout(files(layout), [each]) for each in (hotspots, nets)]
    called.clear()
    both = score_layout(files(layout), [hotspots, nets])
    assert called == channels_of(hotspots, "densities", "tracks", "fanout_wires")
    np.testing.assert_array_equal(both.probability, alone[0].probability)
    assert both.violated_net_ratio == alone[1].violated_net_ratio


def test_what_is_out_may_be_anything(layout: Layout, reading: Reading) -> None:
    predictor = reading(("densities",))
    maps = np.random.default_rng(0).random((len(predictor.card.channels), 9, 10)).astype(np.float32)
    other = maps.copy()
    other[[i for i, name in enumerate(predictor.card.channels) if name not in predictor.read.channels]] = np.nan
    np.testing.assert_array_equal(predictor.predict(maps, 5), predictor.predict(other, 5))


def test_nothing_is_said_of_what_is_out(layout: Layout, reading: Reading) -> None:
    predictor = reading(("densities",))
    count = len(predictor.card.channels)
    # Everything is far above what the model knows, in range and in deviations.
    tiny = dataclasses.replace(
        predictor.card.normalisation, low=(-2e-9,) * count, high=(-1e-9,) * count, mean=(-100.0,) * count
    )
    card = dataclasses.replace(predictor.card, normalisation=tiny)
    metrics = {"search": {"threshold": 0.0}}
    score = score_layout(files(layout), [Predictor(dataclasses.replace(predictor.bundle, metrics=metrics), card)])
    (said,) = (text for code, text in score.warnings if code == "out-of-range")
    assert {name for name in card.channels if f" {name} (" in said} == channels_of(predictor, "densities")
    assert score.regions
    for region in score.regions:
        assert region.dominant_features
        assert set(region.dominant_features) <= channels_of(predictor, "densities")


def test_liberty_is_for_models_that_read_registers(layout: Layout, reading: Reading) -> None:
    for groups, refused in ((("densities",), True), (("fanout_wires",), False)):
        predictor = reading(groups)
        trained_with = Predictor(predictor.bundle, dataclasses.replace(predictor.card, liberty=True))
        if refused:
            with pytest.raises(ModelMismatchError, match="expected --liberty"):
                score_layout(files(layout), [trained_with])
        else:
            assert score_layout(files(layout), [trained_with]).probability is not None


def test_the_bundle_knows_after_a_journey(reading: Reading, bundles: dict[str, Path], tmp_path: Path) -> None:
    predictor = reading(("rudy",), ("ports",))
    predictor.bundle.save(tmp_path / "model")
    again = Predictor.of(tmp_path / "model")
    assert set(again.read.channels) == channels_of(predictor, "rudy", "ports")
    hand_made = Predictor.of(bundles["hotspots"])
    assert hand_made.read == hand_made.card
