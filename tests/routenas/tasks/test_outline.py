"""Tiles off a die that is no rectangle have no part in anything: what is stored of them makes no difference."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from placement_data.batches import collate
from placement_data.checks.verify import verify
from placement_data.dataset import FeatureMaps, Normalisation
from placement_data.errors import InputError
from placement_data.grid import Grid
from placement_data.outline import Outline
from placement_data.store import Sample, Store, write
from routenas.architecture import Architecture
from routenas.evaluation import baseline_row, compare
from routenas.tasks import routability
from routenas.tasks.routability import TASKS, RoutabilityTask, TaskName
from routenas.training import Budget, fit
from tests.samples import CHANNEL_VERSION, CHANNELS, DBU, SPLIT, TILE, made_up_samples

BRIEF = Budget("brief", epochs=2, evaluations=1)


def cut(sample: Sample, stored: float) -> Sample:
    """The sample with a notch at the lower right, and ``stored`` in the tiles off the die."""
    rows, columns = sample.features.shape[1:]
    x, y, right, top = (columns // 2) * TILE, (rows // 2) * TILE, columns * TILE, rows * TILE
    outline = Outline(((0, 0), (0, top), (right, top), (right, y), (x, y), (x, 0)))
    grid = Grid((0, 0, right, top), TILE, DBU, outline)
    inside = np.ones((rows, columns), dtype=bool)
    inside[: rows // 2, columns // 2 :] = False
    features, hotspots = sample.features.copy(), sample.hotspots.copy()  # type: ignore[union-attr]
    density = sample.violation_density.copy()  # type: ignore[union-attr]
    count = int(density[inside].sum())
    features[:, ~inside], hotspots[~inside], density[~inside] = 1e3 * stored, stored, stored
    return dataclasses.replace(
        sample, grid=grid.to_dict(), features=features, hotspots=hotspots, violation_density=density,
        violated_net_map=density.copy(), violated_nets=count,
        repeat_hotspots=None if sample.repeat_hotspots is None else sample.repeat_hotspots * inside.astype(np.uint8),
        repeat_violated_nets=(count, count) if sample.repeat_violated_nets else (),
    )  # fmt: skip


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("outlines")
    for name, stored in (("clean", 0.0), ("soiled", 1.0)):
        write(folder / name, (cut(sample, stored) for sample in made_up_samples()), CHANNELS, CHANNEL_VERSION)
    return {name: folder / name for name in ("clean", "soiled")}


def test_a_sample_knows_its_tiles_on_the_die(stores: dict[str, Path]) -> None:
    store = Store(stores["soiled"])
    sample = store.sample(0)
    rows, columns = sample.features.shape[1:]
    assert sample.inside is not None
    assert (sample.inside.sum(), store.tiles(0)) == (rows * columns - rows // 2 * ((columns + 1) // 2),) * 2
    assert sample.on_die(sample.features).shape == (len(CHANNELS), store.tiles(0))
    assert sample.on_die(sample.features).max() < 1e3
    batch = collate([sample, store.sample(5)])
    assert batch["inside"].sum() == store.tiles(0) + store.tiles(5)
    assert Normalisation.fit(FeatureMaps(store, [0, 5])).high[0] < 1e3


@pytest.mark.parametrize("name", TASKS)
def test_what_is_stored_off_the_die_makes_no_difference(stores: dict[str, Path], name: TaskName) -> None:
    clean, soiled = (RoutabilityTask(name, stores[kind], SPLIT) for kind in ("clean", "soiled"))
    assert clean.card == soiled.card
    network = "tile-mlp" if name == "hotspots" else "residual-dilated"
    states = [
        fit(Architecture(network=network).build(task.shape, 0), task, BRIEF, 0).module for task in (clean, soiled)
    ]
    for ours, theirs in zip(*(module.state_dict().values() for module in states), strict=True):
        assert torch.equal(ours, theirs)
    assert clean.score(states[0], "test") == soiled.score(states[0], "test")
    names = ("rudy",) if name == "hotspots" else ("utilization", "rudy-mean", "gradient-boosting")
    tables = []
    for task in (clean, soiled):
        rows = [baseline_row(each, task, BRIEF, (0,), "test") for each in names]
        tables.append(compare(task, rows, "test", names[0]))
    assert tables[0] == tables[1]


def test_the_loss_is_the_mean_over_tiles_on_the_die(stores: dict[str, Path]) -> None:
    task = RoutabilityTask("hotspots", stores["soiled"], SPLIT)
    batch = next(task.batches("train", 3, np.random.default_rng(0)))
    logits = {maps.shape: torch.randn(1, 1, *maps.shape[2:]) for maps in batch.maps}
    losses = []
    for maps, target, inside in zip(batch.maps, batch.targets, batch.inside, strict=True):
        assert inside is not None
        values = logits[maps.shape][0, 0].double().numpy() + task.card.output_scale.offset
        each = np.log1p(np.exp(values)) - values * target[0].numpy()
        losses.append(each[inside[0].numpy() > 0].mean())
    found = task.loss(lambda maps: logits[maps.shape], batch)
    assert float(found) == pytest.approx(np.mean(losses), rel=1e-5)


def test_a_window_without_a_tile_on_the_die_has_no_loss(
    stores: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The notch may be larger than the window that is trained on."""
    monkeypatch.setattr(routability, "WINDOW", 3)
    task = RoutabilityTask("hotspots", stores["clean"], SPLIT)
    batches = list(task.batches("train", 1, np.random.default_rng(0)))
    empty = [batch for batch in batches if batch.inside[0] is not None and not batch.inside[0].any()]
    assert empty
    assert float(task.loss(lambda maps: maps[:, :1], empty[0])) == 0.0


def test_answers_off_the_die_are_none(stores: dict[str, Path]) -> None:
    task = RoutabilityTask("hotspots", stores["clean"], SPLIT)
    answer = task.answers(lambda maps: maps[:, :1], "test")[0]
    inside = task.examples("test")[0].sample.inside
    np.testing.assert_array_equal(np.isnan(answer), ~inside)  # type: ignore[operator]


def test_verify_finds_what_lies_off_the_die(stores: dict[str, Path]) -> None:
    verify(stores["clean"])
    with pytest.raises(InputError, match="fails the check 'nothing off the die'"):
        verify(stores["soiled"])
