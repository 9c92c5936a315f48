"""The Python API: paths or objects in, values out, and torch's threads as they were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import routenas
from placement_data.dataset import draw_split
from placement_data.errors import InputError, SettingError
from placement_data.store import Store
from routenas.api import limited_threads, task_of
from routenas.architecture import Architecture
from routenas.bundle import ModelMismatchError
from routenas.tasks.routability import TaskName
from routenas.training import BUDGETS
from searchspaces.nasbench201 import NasBench201Space
from tests.adapters.digits import Digits
from tests.layouts import Layout

SMOKE = BUDGETS["smoke"]


def test_names_are_there_and_others_are_not() -> None:
    for name in routenas.__all__:
        assert getattr(routenas, name) is not None
    with pytest.raises(AttributeError, match="module 'routenas' has no attribute 'serch'"):
        routenas.serch  # noqa: B018


def test_a_data_set_is_a_path_a_text_or_a_store(made_up_store: Path, tmp_path: Path) -> None:
    split = draw_split(Store(made_up_store), 3)
    (tmp_path / "split.json").write_text(json.dumps(split.to_dict()))
    tasks = [
        task_of(data, "hotspots", given, 3)
        for data in (made_up_store, str(made_up_store), Store(made_up_store))
        for given in (None, split, tmp_path / "split.json", str(tmp_path / "split.json"))
    ]
    assert len({str(task.config()) for task in tasks}) == 1
    own = Digits(100)
    assert task_of(own, "hotspots", None, 0) is own


def test_train_evaluate_score(made_up_store: Path, tmp_path: Path, layout: Layout) -> None:
    threads = torch.get_num_threads()
    bundle = routenas.train(made_up_store, "tile-mlp", tmp_path / "model", budget=SMOKE, seeds=(0, 1), threads=1)
    assert len(bundle.members) == 2
    again = routenas.train(made_up_store, Architecture(network="tile-mlp"), budget=SMOKE, seeds=(0, 1))
    assert again.metrics == bundle.metrics
    rows = [
        routenas.evaluate(made_up_store, {"mine": model}, ("rudy",), budget=SMOKE, seeds=(0,))["rows"]
        for model in (bundle, tmp_path / "model", str(tmp_path / "model"))
    ]
    assert rows[0] == rows[1] == rows[2]
    assert [row["name"] for row in rows[0]] == ["mine", "rudy"]
    found = [
        routenas.score([layout.lef], layout.def_, [model]).probability
        for model in (bundle, tmp_path / "model", str(tmp_path / "model"))
    ]
    assert found[0] is not None
    assert all(np.array_equal(found[0], other) for other in found[1:])
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("task", "predictor"),
    [
        ("hotspots", "gradient-boosting"), ("hotspots", "rudy"), ("violated_nets", "gradient-boosting"),
        ("violated_nets", "utilization"), ("violated_nets", "rudy-mean"),
    ],
)  # fmt: skip
def test_fitted_predictors_are_trained_compared_and_scored_like_networks(
    made_up_store: Path, tmp_path: Path, layout: Layout, task: TaskName, predictor: str
) -> None:
    routenas.train(made_up_store, predictor, tmp_path / "model", budget=SMOKE, task=task)
    table = routenas.evaluate(
        made_up_store, {"saved": tmp_path / "model"}, (predictor,), budget=SMOKE, seeds=(0, 1), task=task
    )
    saved, fitted = table["rows"]
    assert (saved["seeds"], fitted["seeds"]) == (1, 1)
    assert saved["ensemble"] == fitted["ensemble"]
    found = routenas.score([layout.lef], layout.def_, [tmp_path / "model"])
    assert (found.violated_nets is None) == (task == "hotspots")
    with pytest.raises(InputError, match="no such baseline, found 'resnet18'"):
        routenas.train(made_up_store, "resnet18", tmp_path / "other", budget=SMOKE)


def test_another_task_is_trained_and_compared_and_has_no_hand_made_predictors(tmp_path: Path) -> None:
    space = NasBench201Space(channels=2, cells=1)
    bundle = routenas.train(Digits(100), Architecture.of(space, space.from_key("333132")), budget=SMOKE, seeds=(0, 1))
    table = routenas.evaluate(Digits(100), {"mine": bundle})
    assert [row["name"] for row in table["rows"]] == ["mine"]
    assert table["rows"][0]["ensemble"]["accuracy"] == bundle.metrics["test"]["accuracy"]
    with pytest.raises(ModelMismatchError, match="trained on another task: its examples differs, expected 90"):
        routenas.evaluate(Digits(90), {"mine": bundle})
    with pytest.raises(InputError, match="the task digits has no hand-made predictors, found 'tile-mlp'"):
        routenas.evaluate(Digits(100), {}, ("tile-mlp",), budget=SMOKE, seeds=(0,))
    with pytest.raises(InputError, match="no such hand-made predictor, found 'tile-mpl', expected tile-mlp"):
        routenas.train(Digits(100), "tile-mpl", budget=SMOKE)


def test_what_does_not_fit_is_one_sentence(made_up_store: Path, layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model is given to score with, expected at least one"):
        routenas.score([layout.lef], layout.def_, [])
    with pytest.raises(InputError, match="no such task, found 'hotspot', expected hotspots or violated_nets"):
        routenas.train(made_up_store, "tile-mlp", task="hotspot")
    space = NasBench201Space(channels=2, cells=1)
    architecture = Architecture.of(space, space.from_key("333132"))
    with pytest.raises(
        InputError, match=r"the architecture does not fit the task: networks of .* give classes, not map"
    ):
        routenas.train(made_up_store, architecture, tmp_path / "model", budget=SMOKE)
    assert list(tmp_path.iterdir()) == []


def test_models_are_compared_by_name(made_up_store: Path) -> None:
    with pytest.raises(SettingError, match="models are told by name"):
        routenas.evaluate(made_up_store, ["pretrained"])  # type: ignore[arg-type]


def test_threads_are_put_back_after_an_error() -> None:
    before = torch.get_num_threads()

    def fail() -> None:
        with limited_threads(before + 1):
            assert torch.get_num_threads() == before + 1
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.get_num_threads() == before
