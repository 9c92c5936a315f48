"""Models that ship with the package are found by name, and every bundle has a page that says what it is."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
from torch import nn

import routenas
from placement_data.errors import InputError
from routenas import pretrained
from routenas.bundle import Bundle
from routenas.model_card import model_card
from routenas.training import BUDGETS
from searchspaces.space import TaskShape
from tests.adapters.digits import Digits
from tests.layouts import Layout
from tests.samples import SPLIT

SMOKE = BUDGETS["smoke"]


class Flat(nn.Sequential):
    """A linear classifier of pictures of 8 x 8."""

    def __init__(self, shape: TaskShape) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64 * shape.inputs, shape.outputs))


@pytest.fixture
def shipped(bundles: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Both bundles, as if they shipped."""
    for task, folder in bundles.items():
        shutil.copytree(folder, tmp_path / "package" / task)
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    return bundles


def test_the_name_is_both_models_where_a_layout_is_scored(shipped: dict[str, Path], layout: Layout) -> None:
    found = routenas.score([layout.lef], layout.def_, ["pretrained"])
    assert routenas.score([layout.lef], layout.def_, "pretrained").violated_nets == found.violated_nets
    wanted = routenas.score([layout.lef], layout.def_, list(shipped.values()))
    assert found.probability is not None
    np.testing.assert_array_equal(found.probability, wanted.probability)
    assert found.violated_nets == wanted.violated_nets
    assert routenas.score([layout.lef], layout.def_, ["pretrained/hotspots"]).violated_nets is None


def test_the_name_is_the_task_s_model_elsewhere(shipped: dict[str, Path], made_up_store: Path) -> None:
    for task in ("hotspots", "violated_nets"):
        table = routenas.evaluate(made_up_store, {"it": "pretrained"}, (), task=task)  # type: ignore[arg-type]
        assert table["task"] == task
    assert Bundle.load("pretrained/hotspots").metrics == Bundle.load(shipped["hotspots"]).metrics
    with pytest.raises(InputError, match="several models ship, found 'pretrained', expected pretrained/hotspots or"):
        Bundle.load("pretrained")
    with pytest.raises(InputError, match="no such model ships with this installation, found 'pretrained/delay', exp"):
        Bundle.load("pretrained/delay")


def test_a_folder_of_ones_own_comes_first(shipped: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(shipped["violated_nets"], tmp_path / "pretrained")
    assert pretrained.located("pretrained") == (Path("pretrained"),)
    assert Bundle.load("pretrained").task["name"] == "violated_nets"


def test_one_line_where_none_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout) -> None:
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        routenas.score([layout.lef], layout.def_, ["pretrained"])
    assert str(error.value) == (
        "no such model ships with this installation, found 'pretrained', expected the folder of a bundle"
    )


def test_the_wheel_takes_what_ships() -> None:
    root = Path(__file__).parents[2]
    patterns = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert patterns["routenas.pretrained"] == [
        f"*/{name}" for name in ("model.json", "weights.safetensors", "model.onnx", "MODEL_CARD.md")
    ]
    for bundle in pretrained.FOLDER.glob("*/model.json"):
        assert Bundle.load(bundle.parent).task["name"] == bundle.parent.name
        assert sum(path.stat().st_size for path in bundle.parent.iterdir()) < 3 << 20
        page, again = (bundle.parent / "MODEL_CARD.md").read_text(), model_card(Bundle.load(bundle.parent).to_dict())
        assert (
            page.partition("## Data")[2] == again.partition("## Data")[2]
        )  # before it stands the version that made it


def test_the_card_says_what_the_bundle_holds(made_up_store: Path, tmp_path: Path) -> None:
    bundle = routenas.train(made_up_store, "tile-mlp", tmp_path / "m", budget=SMOKE, split=SPLIT, placements=5)
    page = (tmp_path / "m" / "MODEL_CARD.md").read_text()
    assert page == model_card(bundle.to_dict()) == model_card(Bundle.load(tmp_path / "m").to_dict())
    assert re.findall(r"^#+ .*", page, re.MULTILINE) == [
        "# Model card: hotspots", "## Data and labels", "## Inputs", "## Metrics", "## Limits",
    ]  # fmt: skip
    for line in (
        "| tile-mlp | hand-crafted | 1 |",
        "| design families to train | 3: f0, f1, f2 |",
        "| training placements | 5, not all of these families |",
        "| labels | made-up/iteration-0 |",
        "| technologies | not known |",
        "| training | budget smoke |",
        f"| roc_auc | {bundle.metrics['search']['roc_auc']:.4f} | {bundle.metrics['test']['roc_auc']:.4f} |",
        f"| placements | {bundle.metrics['search']['placements']} | {bundle.metrics['test']['placements']} |",
    ):
        assert line in page.splitlines()
    assert str(tmp_path) not in page
    assert "17 channels of `routenas17/1`: `macro_density`, " in page
    tables = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} == {3, 4}


def test_the_card_of_a_task_of_ones_own(tmp_path: Path) -> None:
    bundle = routenas.train(Digits(100), f"{__name__}:Flat", tmp_path / "m", budget=SMOKE)
    page = model_card(bundle.to_dict())
    assert page.startswith("# Model card: ")
    assert "## Data" not in page
