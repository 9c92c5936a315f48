"""An input that no member of a model reads is not computed when it scores, and nothing is said of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

import placement_data.features
from placement_data.features import FAMILIES, channel_groups, feature_maps
from placement_data.making import LayoutFiles
from routenas.architecture import Architecture
from routenas.bundle import Bundle, Member, ModelMismatchError
from routenas.predictor import Predictor
from routenas.scoring import Score, score_layout
from searchspaces.flexible import FlexibleSpace
from tests.layouts import Layout

Reading = Callable[..., Predictor]


@pytest.fixture(scope="module")
def reading(bundles: dict[str, Path]) -> Reading:
    """A predictor of a task whose members read these groups of channels, one member for each; weights are random."""

    def make(*members: tuple[str, ...], task: str = "hotspots") -> Predictor:
        bundle = Bundle.load(bundles[task])
        card = Predictor.of(bundle).card
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
        return Predictor(dataclasses.replace(bundle, members=tuple(found)), card)

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
    return {names[i] for group, indices in channel_groups(names) for i in indices if group in groups}


def scored(layout: Layout, *predictors: Predictor) -> Score:
    return score_layout(LayoutFiles("def", layout.def_, (layout.lef,), ()), predictors)


def group_names(predictor: Predictor) -> tuple[str, str]:
    """The first two groups: enough for every test."""
    (first, _), (second, _), *_ = predictor.card.shape.groups
    return first, second


def test_what_is_out_is_not_computed(layout: Layout, reading: Reading, called: set[str]) -> None:
    first, _ = group_names(reading(("",) * 0 or ("densities", "wires")))
    predictor = reading((first,))
    score = scored(layout, predictor)
    assert called == channels_of(predictor, first) == set(predictor.read.channels) != set(predictor.card.channels)
    everything = feature_maps(score.design, score.grid, predictor.channel_set)
    np.testing.assert_array_equal(score.probability, predictor.predict(everything, score.net_count))


def test_what_is_out_may_be_anything(layout: Layout, reading: Reading) -> None:
    pass
