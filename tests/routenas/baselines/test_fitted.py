"""Predictors that are fitted at once: as scikit-learn answers, saved as tensors, and the rankings of one number."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from placement_data.dataset import Split
from placement_data.errors import InputError
from placement_data.grid import Grid
from placement_data.store import Sample, write
from routenas.architecture import Architecture
from routenas.baselines import boosting
from routenas.baselines.boosting import CountBoosting, GradientBoosting, local_mean, map_summary, tile_columns
from routenas.baselines.rudy import RudyLogistic, RudyMean, UtilizationMean, channel_index, rudy_channels
from routenas.baselines.trees import CHUNK, TreeEnsemble
from routenas.bundle import Bundle, Member
from routenas.metrics import roc_auc
from routenas.predictor import Predictor
from routenas.tasks.routability import RoutabilityTask, TaskName
from routenas.training import BUDGETS, fit
from searchspaces.space import TaskShape
from tests.routenas.baselines.test_baselines import CHANNELS, demand_maps

TILE = 2800
PARTS = {"train": 40, "search": 8, "test": 8}


def samples(part: str, number: int, size: int = 12) -> list[Sample]:
    grid = Grid((0, 0, size * TILE, size * TILE), TILE, 2000).to_dict()
    features, labels = demand_maps(number, len(part), size)
    return [
        Sample(
            f"{part}/{index}", f"{part}{index % 2}", part, maps, 400, grid, "k", hot.astype(np.uint8),
            hot.astype(np.float32), hot.astype(np.float32), int(hot.sum()),
        )
        for index, (maps, hot) in enumerate(zip(features, labels, strict=True))
    ]  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fitted") / "data.h5"
    write(path, [sample for part, number in PARTS.items() for sample in samples(part, number)], CHANNELS, "four/1")
    return path


def opened(data: Path, name: TaskName) -> RoutabilityTask:
    return RoutabilityTask(name, data, Split(("train",), ("search",), ("test",)))


def fitted(task: RoutabilityTask, network: str, seed: int = 0) -> nn.Module:
    return fit(Architecture(network=network).build(task.shape, seed), task, BUDGETS["smoke"], seed).module


@pytest.mark.parametrize("size", [3, 7])
def test_local_mean_equals_a_loop_over_the_tiles_on_the_die(size: int) -> None:
    rng = np.random.default_rng(0)
    maps = rng.standard_normal((2, 5, 8)).astype(np.float32)
    off = rng.random((5, 8)) < 0.3
    maps[:, off] = 0
    result = local_mean(torch.from_numpy(maps)[None], size)[0].numpy()
    r = size // 2
    for (c, i, j), value in np.ndenumerate(result):
        rows, columns = slice(max(0, i - r), i + r + 1), slice(max(0, j - r), j + r + 1)
        window = maps[c, rows, columns][~off[rows, columns]]
        assert value == pytest.approx(window.mean() if window.size else 0, abs=1e-5)


def test_columns_and_summary() -> None:
    maps = torch.arange(1, 25, dtype=torch.float32).reshape(2, 3, 4)
    columns = tile_columns(maps[None])
    assert columns.shape == (12, 6)
    assert columns[5, :2].tolist() == [6.0, 18.0]  # tile (1, 1) of both channels
    assert columns[5, 2] == pytest.approx(float(maps[0, 0:3, 0:3].mean()))
    summary = map_summary(torch.nn.functional.pad(maps, (0, 2)))  # the added tiles are off the die
    assert summary.shape == (13,)
    flat = maps.flatten(1).double().numpy()
    by_numpy = [flat.mean(1), flat.std(1), flat.max(1), *np.quantile(flat, (0.5, 0.9, 0.99), axis=1), [np.log(13)]]
    np.testing.assert_allclose(summary.numpy(), np.concatenate(by_numpy), rtol=1e-6)


@pytest.fixture
def keeping(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The estimators that scikit-learn fits from here on."""
    kept: list[Any] = []
    for name in ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"):
        original = getattr(boosting, name)

        def made(*args: Any, original: Any = original, **options: Any) -> Any:
            kept.append(original(*args, **options))
            return kept[-1]

        monkeypatch.setattr(boosting, name, made)
    return kept


@pytest.mark.parametrize("name", ["hotspots", "violated_nets"])
def test_trees_answer_as_scikit_learn(data: Path, name: TaskName, keeping: list[Any]) -> None:
    task = opened(data, name)
    module = fitted(task, "gradient-boosting")
    maps = torch.from_numpy(np.stack([example.maps for example in task.examples("test")]))
    with torch.inference_mode():
        ours = module(maps).numpy()
    (model,) = keeping
    trees = len(module.trees.root)
    assert trees == 200
    if name == "hotspots":
        stages = model.staged_decision_function(tile_columns(maps).numpy())
        ours = ours.ravel() + task.card.output_scale.offset
    else:
        stages = model.staged_predict(np.stack([map_summary(each).numpy() for each in maps]))
    theirs = [np.ravel(stage) for stage in stages][trees - 1]
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_float32_goes_the_way_that_the_float64_threshold_sends_it() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    low = np.float32(0.1)
    high = np.nextafter(low, np.float32(1))
    rows = np.repeat(np.array([[low], [high]], dtype=np.float32), 30, axis=0)
    model = HistGradientBoostingRegressor(max_iter=2, min_samples_leaf=5).fit(rows, rows[:, 0] > low)
    trees = TreeEnsemble(1)
    trees.set(model)
    np.testing.assert_allclose(trees(torch.from_numpy(rows)).numpy(), model.predict(rows), atol=1e-12)
    assert float(trees(torch.from_numpy(rows)).diff().max()) > 0.01


@pytest.mark.parametrize("leaves", [2, 31, 33, 64])
def test_trees_of_many_leaves(leaves: int) -> None:
    """Row by row down the nodes; what is no number goes to the left."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    rng = np.random.default_rng(leaves)
    rows = rng.integers(0, 40, size=(CHUNK + 500, 3)).astype(np.float32)
    target = rng.standard_normal(len(rows))
    trees = TreeEnsemble(3)
    trees.set(HistGradientBoostingRegressor(max_iter=3, max_leaf_nodes=leaves, min_samples_leaf=1).fit(rows, target))
    rows = np.concatenate([rows, [[np.nan, 1, 2], [3, np.inf, -np.inf], [0, 0, np.nan]]]).astype(np.float32)
    found = trees(torch.from_numpy(rows)).numpy()
    column, threshold, left, right, value, root = (getattr(trees, name).numpy() for name in TreeEnsemble.SHAPED)
    for row in (0, 1, CHUNK, len(rows) - 3, len(rows) - 2, len(rows) - 1):
        total = float(trees.intercept)
        for node in root:
            while left[node] != node:
                node = right[node] if rows[row, column[node]] > threshold[node] else left[node]
            total += value[node]
        assert found[row] == pytest.approx(total, abs=1e-12)


@pytest.mark.parametrize("name", ["hotspots", "violated_nets"])
def test_trees_are_fitted_to_the_training_part_alone(data: Path, name: TaskName) -> None:
    """So that an answer on the search part is out of fold, whatever is in that part."""
    module = fitted(opened(data, name), "gradient-boosting")
    for search in ((), ("search",), ("test",)):
        again = fitted(RoutabilityTask(name, data, Split(("train",), search, ())), "gradient-boosting")
        assert torch.equal(module.trees.value, again.trees.value)
    other = fitted(RoutabilityTask(name, data, Split(("train", "search"), (), ())), "gradient-boosting")
    assert not torch.equal(module.trees.value, other.trees.value)


def test_trees_tell_hotspots(data: Path) -> None:
    task = opened(data, "hotspots")
    found = task.score(fitted(task, "gradient-boosting"), "search")
    assert found["average_precision"] > task.score(fitted(task, "rudy"), "search")["base_rate"]
    assert task.score(fitted(task, "gradient-boosting"), "test")["roc_auc"] > 0.8


@pytest.mark.parametrize("network", ["gradient-boosting", "rudy", "utilization", "rudy-mean"])
def test_a_bundle_of_it_is_loaded_and_answers_alike(data: Path, network: str, tmp_path: Path) -> None:
    task = opened(data, "hotspots" if network == "rudy" else "violated_nets")
    module = fitted(task, network)
    Bundle.of(task, [Member(Architecture(network=network), module.state_dict())]).save(tmp_path / "model")
    predictor = Predictor.of(tmp_path / "model")
    for example, answer in zip(task.examples("test"), task.answers(module, "test"), strict=True):
        found = predictor.predict(example.sample.features, example.sample.net_count)
        np.testing.assert_array_equal(found, answer)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"left": 10**6}, "a tree's left is not below"),
        ({"right": -1}, "a tree's right is not below"),
        ({"column": 12}, "a tree's column is not below 12"),
        ({"depth": 10**6}, "have a depth of 1000000"),
        ({"right": 0}, "a tree has more than 64 leaves"),
    ],
)
def test_nodes_that_make_no_trees_are_refused(data: Path, change: dict[str, int], message: str) -> None:
    state = {**fitted(opened(data, "hotspots"), "gradient-boosting").state_dict()}
    for name, value in change.items():
        state[f"trees.{name}"] = torch.full_like(state[f"trees.{name}"], value)
    with pytest.raises(ValueError, match=message):
        GradientBoosting(TaskShape(4, 1, "map")).load_state_dict(state)
    with pytest.raises(ValueError, match="differ in length"):
        GradientBoosting(TaskShape(4, 1, "map")).load_state_dict({**state, "trees.left": state["trees.left"][:2]})


@pytest.mark.parametrize("network", ["gradient-boosting", "rudy"])
def test_labels_of_one_class_are_refused(data: Path, network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    task = opened(data, "hotspots")
    examples = [
        dataclasses.replace(each, sample=dataclasses.replace(each.sample, hotspots=0 * each.hotspots))
        for each in task.examples("train")
    ]
    monkeypatch.setattr(task, "examples", lambda part: examples)
    with pytest.raises(InputError, match="hotspot labels hold one class"):
        fitted(task, network)


def test_rudy_finds_the_odds_and_keeps_the_ranking(data: Path) -> None:
    task = opened(data, "hotspots")
    module = fitted(task, "rudy")
    assert isinstance(module, RudyLogistic)
    slope, intercept = float(module.slope), float(module.intercept) + task.card.output_scale.offset
    assert slope == pytest.approx(6, rel=0.1)  # the odds that the labels were drawn with
    assert -intercept / slope == pytest.approx(1.2, rel=0.05)
    examples = list(task.examples("train"))
    x = np.concatenate([(each.sample.features[2] + each.sample.features[3]).ravel() for each in examples])
    y = np.concatenate([each.hotspots.ravel() for each in examples])
    p = 1 / (1 + np.exp(-(intercept + slope * x.astype(float))))
    assert p.mean() == pytest.approx(y.mean(), abs=1e-6)  # both scores of the likelihood are 0 at its maximum
    assert (p * x).mean() == pytest.approx((y * x).mean(), abs=1e-5)
    assert roc_auc(y, np.concatenate([a.ravel() for a in task.answers(module, "train")])) == pytest.approx(
        roc_auc(y, x), abs=1e-5
    )
    unfitted = RudyLogistic(task.shape)
    unfitted.read(task.card)
    assert task.score(unfitted, "test")["roc_auc"] == pytest.approx(task.score(module, "test")["roc_auc"], abs=1e-5)


@pytest.mark.parametrize(("kind", "places"), [(UtilizationMean, [1]), (RudyMean, [2, 3])])
@pytest.mark.parametrize("sign", [1, -1])
def test_placement_controls_match_mean_and_deviation(
    data: Path, kind: type[RudyMean], places: list[int], sign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ranking is the statistic's own even where the targets run against it."""
    task = opened(data, "violated_nets")
    scale = type(task.card.output_scale)
    monkeypatch.setattr(scale, "standardised", lambda self, ratios: sign * np.asarray(ratios))
    module = kind(task.shape)
    module.fit_to(task, 0)
    examples = list(task.examples("train"))
    with torch.inference_mode():
        answers = torch.cat([module(torch.from_numpy(each.maps)[None]) for each in examples]).numpy()
    wanted = sign * np.array([each.ratio for each in examples])
    assert answers.mean() == pytest.approx(wanted.mean())
    assert answers.std() == pytest.approx(wanted.std())
    statistic = np.array([each.sample.features[places].sum(axis=0).mean() for each in examples])
    np.testing.assert_allclose(np.corrcoef(statistic, answers)[0, 1], 1, atol=1e-9)


def test_count_boosting_explains_targets(data: Path) -> None:
    task = opened(data, "violated_nets")
    module = CountBoosting(task.shape)
    module.fit_to(task, 0)
    found = np.concatenate(task.answers(module, "test"))
    assert np.corrcoef(found, [each.ratio for each in task.examples("test")])[0, 1] > 0.8


def test_channels_by_name() -> None:
    assert channel_index("rudy_small", CHANNELS) == 2
    with pytest.raises(InputError, match="needs the channel rudy, which the data set lacks"):
        channel_index("rudy", CHANNELS)
    assert rudy_channels(("RUDY_short", "cell_density", "RUDY_long")) == ("RUDY_long", "RUDY_short")
    assert rudy_channels(("x",)) == ("rudy_small", "rudy_large")
