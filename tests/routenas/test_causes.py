"""Causes of regions, accused cells and how far members agree: by brute force."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from placement_data.dataset import Normalisation
from placement_data.features import Layout as DesignLayout
from placement_data.features import feature_maps
from placement_data.features.pin_access import pin_access
from placement_data.features.route_estimate import REPRICED
from placement_data.making import LayoutFiles
from routenas.baselines.boosting import GradientBoosting
from routenas.causes import AROUND, CELLS, PINS, accused_cells, causes_of, families, occluded
from routenas.networks.ensemble import Ensemble
from routenas.predictor import Answer, Predictor
from routenas.regions import label_regions
from routenas.scoring import Score, Scorer
from searchspaces.space import TaskShape
from tests.layouts import Layout, score_layout


@pytest.fixture(scope="module")
def predictor(bundles: dict[str, Path]) -> Predictor:
    return Predictor.of(bundles["hotspots"])


@pytest.fixture(scope="module")
def score(layout: Layout, predictor: Predictor) -> Score:
    """The layout with a threshold that leaves several regions."""
    files = LayoutFiles("def", layout.def_, (layout.lef,))
    map_ = score_layout(files, [predictor]).probability
    assert map_ is not None
    metrics = {**predictor.bundle.metrics, "search": {"threshold": float(np.quantile(map_, 0.9))}}
    return score_layout(files, [Predictor(dataclasses.replace(predictor.bundle, metrics=metrics), predictor.card)])


def tiles_of(score: Score) -> list[np.ndarray]:
    """The tiles (rows, columns) of each region that is listed."""
    assert score.probability is not None
    assert score.threshold is not None
    labels, count = label_regions(score.probability, score.threshold)
    masks = [labels == number for number in range(1, count + 1)]
    return sorted(masks, key=lambda mask: -score.probability[mask].sum())[: len(score.regions)]


def near(mask: np.ndarray) -> np.ndarray:
    """Tiles that are at most AROUND tiles away, diagonally too."""
    found = np.zeros_like(mask)
    for row, column in np.argwhere(mask):
        found[max(0, row - AROUND) : row + AROUND + 1, max(0, column - AROUND) : column + AROUND + 1] = True
    return found


def test_an_effect_is_the_fall_of_the_probability_without_the_family(score: Score, predictor: Predictor) -> None:
    """Raw maps are set to what their normalisation makes 0, and the model answers for the whole layout."""
    features = feature_maps(score.design, score.grid, predictor.channel_set)
    card, masks = predictor.card, tiles_of(score)
    assert len(masks) > 2
    changed = np.any([near(mask) for mask in masks], axis=0)
    usual = np.array(card.normalisation.scale) * np.expm1(card.normalisation.mean)
    assert sorted(index for places in families(card.channels).values() for index in places) == [*range(17)]
    for name, places in families(card.channels).items():
        other = features.copy()
        for index in places:
            other[index][changed] = usual[index]
        after = predictor.predict(other, score.net_count)
        for mask, region in zip(masks, score.regions, strict=True):
            (effect,) = (cause.effect for cause in region.causes if cause.family == name)
            assert effect == pytest.approx(region.score - after[mask].mean(), abs=1e-5)
    for region in score.regions:
        effects = [cause.effect for cause in region.causes]
        assert effects == sorted(effects, reverse=True)
        assert {cause.family for cause in region.causes} == set(families(card.channels))


def test_the_spread_is_the_standard_deviation_over_the_members_as_often_as_they_count() -> None:
    members = np.array([[0.1, 0.5], [0.4, 0.5], [0.2, 0.8]])
    found = Answer(np.array([0.2, 0.5]), members, (2, 1, 1)).spread(members)
    drawn = members[[0, 0, 1, 2]]
    np.testing.assert_allclose(found, [np.std(drawn[:, 0]), np.std(drawn[:, 1])])
    assert Answer(members[0], members[:1], (3,)).spread(members[:1]) is None


def test_uncertainty_is_that_of_the_members(score: Score, predictor: Predictor) -> None:
    features = feature_maps(score.design, score.grid, predictor.channel_set)
    bundle = predictor.bundle
    alone = [
        Predictor(dataclasses.replace(bundle, members=(member,)), predictor.card).predict(features, score.net_count)
        for member in bundle.members
    ]
    assert score.uncertainty is not None
    np.testing.assert_allclose(score.uncertainty, np.std(alone, axis=0), atol=1e-7)
    assert score.uncertainty.max() > 0
    told = score.to_dict()["hotspots"]["uncertainty"]
    assert told["mean"] == pytest.approx(np.std(alone, axis=0).mean(), abs=1e-7)
    assert told["max"] == pytest.approx(np.std(alone, axis=0).max(), abs=1e-7)
    assert told["expected_tiles"] == pytest.approx(np.std([map_.sum() for map_ in alone]), abs=1e-4)
    for mask, region in zip(tiles_of(score), score.regions, strict=True):
        assert region.uncertainty == pytest.approx(np.std([map_[mask].mean() for map_ in alone]), abs=1e-7)


def test_one_member_says_nothing_of_uncertainty(layout: Layout, bundles: dict[str, Path]) -> None:
    both = []
    for folder in bundles.values():
        known = Predictor.of(folder)
        both.append(Predictor(dataclasses.replace(known.bundle, members=known.bundle.members[:1]), known.card))
    files = LayoutFiles("def", layout.def_, (layout.lef,))
    value = score_layout(files, both).to_dict()
    assert value["hotspots"]["uncertainty"] is None
    assert value["violated_nets"]["interval"] is None
    assert all(region["uncertainty"] is None for region in value["regions"])
    every = score_layout(files, [Predictor.of(folder) for folder in bundles.values()]).to_dict()
    low, high = every["violated_nets"]["interval"]
    assert low <= value["violated_nets"]["predicted"] <= high
    assert low <= every["violated_nets"]["predicted"] <= high
    assert Answer(np.array([0.25]), np.array([[0.5], [0.3]]), (1, 1)).range == (0.25, 0.5)


def test_accused_pins_by_brute_force(score: Score) -> None:
    design, grid = score.design, score.grid
    access = pin_access(DesignLayout(design, grid))
    lists = 0
    for mask, region in zip(tiles_of(score), score.regions, strict=True):
        lacking: dict[int, list[tuple[float, int]]] = {}
        for row, pin in enumerate(access.pin):
            x, y = (design.pins.box[pin][:2] + design.pins.box[pin][2:]) / 2
            column = int(np.searchsorted(grid.x_edges, x, "right")) - 1
            line = int(np.searchsorted(grid.y_edges, y, "right")) - 1
            if mask[line, column] and access.remaining[row] < 1:
                lacking.setdefault(int(design.pins.cell[pin]), []).append((float(access.remaining[row]), row))
        assert len(region.accused) == min(CELLS, len(lacking))
        lack = {str(design.cells.name[cell]): sum(1 - value for value, _ in pins) for cell, pins in lacking.items()}
        told = [lack[cell.name] for cell in region.accused]
        np.testing.assert_allclose(told, sorted(lack.values(), reverse=True)[:CELLS])
        for cell in region.accused:
            lists += 1
            (at,) = np.flatnonzero(design.cells.name == cell.name)
            np.testing.assert_allclose(cell.box_um, design.cells.box[at] / design.dbu_per_micron)
            remaining = sorted(value for value, _ in lacking[int(at)])[:PINS]
            assert [pin.remaining for pin in cell.pins] == remaining
            for pin in cell.pins:
                assert cell.box_um[0] <= pin.at_um[0] <= cell.box_um[2]
                assert cell.box_um[1] <= pin.at_um[1] <= cell.box_um[3]
    assert lists > 3


def test_nobody_is_accused_where_nothing_is_known_of_pins(score: Score) -> None:
    masters = dataclasses.replace(
        score.design.masters, port_offset=np.zeros_like(score.design.masters.port_offset),
        port_layer=score.design.masters.port_layer[:0], port_box=score.design.masters.port_box[:0],
    )  # fmt: skip
    labels = np.ones(score.grid.shape, dtype=np.int32)
    design = dataclasses.replace(score.design, masters=masters)
    assert accused_cells(DesignLayout(design, score.grid), labels) == [()]


def test_members_answer_for_some_tiles_as_for_all(predictor: Predictor) -> None:
    """Networks work out all tiles, and trees those that are asked for."""
    rng = np.random.default_rng(5)
    maps = rng.standard_normal((len(predictor.card.channels), 12, 9)).astype(np.float32)
    tiles = rng.random((12, 9)) < 0.2
    whole = predictor.answer(maps, 1).value
    np.testing.assert_allclose(predictor.at(maps, tiles), whole[tiles], rtol=1e-6)

    trees = GradientBoosting(TaskShape(3, 1, "map"))
    trees.trees.load_state_dict(
        {
            "column": torch.tensor([1, 0, 0, 7, 0, 0, 0]), "threshold": torch.tensor([0.2, 0, 0, -0.1, 0, 0, 0]),
            "left": torch.tensor([1, 1, 2, 4, 4, 5, 6]), "right": torch.tensor([2, 1, 2, 5, 4, 5, 6]),
            "value": torch.tensor([0.0, -1.0, 2.0, 0.0, 0.5, 0.25, 0.0]), "root": torch.tensor([0, 3]),
            "depth": torch.tensor(1), "intercept": torch.tensor(0.125),
        }
    )  # fmt: skip
    bundle = dataclasses.replace(predictor.bundle)
    bundle.__dict__["ensemble"] = Ensemble([trees, torch.nn.Conv2d(3, 1, 3, padding=1)], (2, 1))
    both = Predictor(bundle, predictor.card)
    whole = both.answer(maps[:3], 1).value[tiles]
    assert len(np.unique(whole)) > 2
    np.testing.assert_allclose(both.at(maps[:3], tiles), whole, rtol=1e-6)


def test_a_family_that_the_model_does_not_read_is_no_cause(predictor: Predictor) -> None:
    class Reading(torch.nn.Module):
        inputs_used = (0, 1)

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            return maps[:, :1] + maps[:, 1:2]

    bundle = dataclasses.replace(predictor.bundle)
    bundle.__dict__["ensemble"] = Ensemble([Reading()])
    maps = np.ones((len(predictor.card.channels), 4, 4), dtype=np.float32)
    (causes,) = causes_of(Predictor(bundle, predictor.card), maps, np.ones((4, 4), dtype=np.int32))
    assert [cause.family for cause in causes] == ["densities"]


def test_tracks_and_wires_share_what_is_made_of_both(predictor: Predictor) -> None:
    """A usual number of wires on usual tracks is not overfull; each of the two alone keeps the other's share."""
    names = tuple(f"route_{part}_{way}" for way in ("horizontal", "vertical") for part in REPRICED)
    others = ("track_count_horizontal", "pin_density", "pin_area", "pin_competition")
    named = families(("macro_density", *names, "route_bends", *others))
    assert list(named) == ["densities", "pins", "wires", "tracks"]
    assert named["pins"] == (15, 16, 17)
    assert named["tracks"] == (2, 8, 14)
    assert named["wires"] == (1, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13)

    scale = np.tile([4.0, 8.0, 0.5, 0.1, 0.1, 0.5], 2)
    normalisation = Normalisation(tuple(scale), (np.log(2.0),) * 12, (0.5,) * 12, (0.0,) * 12, (99.0,) * 12)
    card = dataclasses.replace(predictor.card, channels=names, normalisation=normalisation)
    raw = np.empty((12, 2, 2), dtype=np.float32)
    raw[:] = np.tile([12.0, 6.0, 2.0, 6.0, 4.5, 1.8], 2)[:, None, None]  # usual: a demand of 4, a capacity of 8
    maps, near = normalisation.apply(raw), np.array([[True, False], [False, False]])
    normal = {name: occluded(card, maps, name, near) for name in ("wires", "tracks")}
    without = {name: scale[:, None, None] * np.expm1(0.5 * changed + np.log(2.0)) for name, changed in normal.items()}
    np.testing.assert_allclose(without["wires"][6:, 0, 0], [4, 6, 4 / 6, 0, 0, 0.6], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(without["tracks"][6:, 0, 0], [12, 8, 1.5, 4, 2.25, 1.35], rtol=1e-5)
    for found in without.values():
        np.testing.assert_allclose(found[:, ~near], raw[:, ~near], rtol=1e-5)


def test_no_causes_where_none_are_asked_for(score: Score, layout: Layout, predictor: Predictor) -> None:
    metrics = {"search": {"threshold": score.threshold}}
    same = Predictor(dataclasses.replace(predictor.bundle, metrics=metrics), predictor.card)
    files = LayoutFiles("def", layout.def_, (layout.lef,))
    scorer, other = Scorer([same], causes=False), Scorer([same])
    plain = scorer.score_files(files)
    assert [dataclasses.replace(region, causes=()) for region in score.regions] == list(plain.regions)
    assert scorer.key(files) != other.key(files)
