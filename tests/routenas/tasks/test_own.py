"""A task of data sets, a loss and a metric, and the page that tells how to make one: its code runs as it stands."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, TensorDataset

from placement_data.errors import InputError, SettingError
from routenas.interfaces import Task
from routenas.tasks import task_config, task_from_config
from routenas.tasks.own import DataSets, own_task
from routenas.testing.tasks import TaskContract
from searchspaces.space import TaskShape
from tests.test_cli import Run, assert_one_line
from tests.test_cli import run as run

REPOSITORY = Path(__file__).resolve().parents[3]
DOCS = REPOSITORY / "docs"


class Sums(Dataset[Any]):
    """Two numbers and their sum."""

    def __init__(self, numbers: range) -> None:
        self.numbers = numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> Any:
        number = self.numbers[index]
        return np.array([number / 10]), np.array([1.0]), number / 10 + 1


def negative_error(answers: Tensor, targets: Tensor) -> Tensor:
    return -(answers - targets).abs().mean()


@own_task
def sums(train: int = 12, test: bool = True) -> DataSets:
    parts = (Sums(range(train)), Sums(range(20, 26)), Sums(range(30, 37)) if test else None)
    return DataSets(*parts, loss=nn.functional.mse_loss, metric=negative_error, shape=TaskShape(1, 1, "scalar"))


class Weighted(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([2.0, 3.0]))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return (torch.cat([a, b], 1) * self.weight).sum(1)


class TestSums(TaskContract):
    @pytest.fixture
    def task(self) -> Task:
        return sums()

    def network(self, task: Task) -> nn.Module:
        return Weighted()


def test_scores_are_those_of_all_examples_together() -> None:
    task = sums()
    numbers = np.arange(20, 26) / 10
    errors = 2 * numbers + 3 - (numbers + 1)
    assert task.score(Weighted(), "search") == pytest.approx(
        {"negative_error": -errors.mean(), "loss": (errors**2).mean()}, rel=1e-5
    )
    assert sums(test=False).score(Weighted(), "test") == {"negative_error": None, "loss": None}
    assert sorted(float(each) for *_, y in task.batches("train", 5, np.random.default_rng(0)) for each in y) == (
        pytest.approx([1 + number / 10 for number in range(12)])
    )


def test_a_task_is_made_again_by_the_name_of_its_function() -> None:
    config = json.loads(json.dumps(task_config(sums(9))))
    assert config["task"] == f"{__name__}:sums"
    assert config["train"] == 9
    assert config["examples"] == {"train": 9, "search": 6, "test": 7}
    again = task_from_config(config)
    assert task_config(again) == config
    assert task_config(sums(9, test=False))["data_sha256"] != config["data_sha256"]


def test_what_makes_no_task_is_one_line() -> None:
    def given(*parts: Any) -> DataSets:
        return DataSets(*parts, loss=nn.functional.mse_loss, metric=negative_error, shape=TaskShape(1, 1, "scalar"))

    one = TensorDataset(torch.zeros(3, 1))
    with pytest.raises(InputError, match="an example of the task <lambda> has no target, expected a tuple"):
        own_task(lambda: given(one, one))().example()
    with pytest.raises(InputError, match="the search part of the task <lambda> is empty"):
        own_task(lambda: given(one, Sums(range(0))))()
    with pytest.raises(SettingError, match="<lambda> gives no data sets, found 'int', expected DataSets"):
        own_task(lambda: 3)()  # type: ignore[arg-type, return-value]
    ragged: Any = [(torch.zeros(2), 1.0), (torch.zeros(3), 1.0)]
    with pytest.raises(InputError, match="examples of the train part of the task <lambda> make no batch"):
        next(own_task(lambda: given(ragged, one))().batches("train", 2, np.random.default_rng(0)))


FILES = ("mlp", "my_task", "segments", "use")


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The Python files of the two pages, in the working directory."""
    for page in ("own-space.md", "own-task.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        for name, code in re.findall(r"^```python\n# (\w+\.py)\n(.*?)^```", text, re.M | re.S):
            (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in FILES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield tmp_path
    for name in FILES:
        sys.modules.pop(name, None)


SMALL = {"--budget": "smoke", "--final-budget": "smoke", "--final-seeds": "1", "--trials": "2", "--finalists": "1"}


def brief(line: str) -> list[str]:
    """The words of a line of options that each have a value, with less training."""
    verb, *words = line.split()
    options = {**dict(zip(words[::2], words[1::2], strict=True)), **SMALL}
    for epochs in options.keys() & {"--epochs", "--final-epochs"}:
        options[epochs] = "1"
    return [verb, *(word for pair in options.items() for word in pair)]


def test_the_page(run: Run, pages: Path) -> None:
    """Its lines run, with less training; the table is made in a process that has seen nothing of it."""
    lines = re.findall(r"^routenas (.*)", (DOCS / "own-task.md").read_text(encoding="utf-8"), re.M)
    search, evaluate, segments = lines
    done = run(*brief(search))
    assert done.code == 0, done.err
    config = json.loads((pages / "runs" / "diabetes" / "config.json").read_text())
    assert (config["task"]["task"], config["metric"]) == ("my_task:diabetes", "r2")
    table = subprocess.run(
        [sys.executable, "-m", "routenas", *evaluate.split()], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert table.returncode == 0, table.stderr
    assert "r2" in table.stdout
    done = run(*brief(segments))
    assert done.code == 0, done.err
    metrics = json.loads((pages / "runs" / "strokes" / "model" / "model.json").read_text())["metrics"]
    assert 0 <= metrics["test"]["iou"] <= 1


def test_the_call_of_the_page(pages: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = pages / "use.py"
    file.write_text(
        file.read_text().replace("finalists=2", "finalists=1, final_seeds=1, final_budget=task.budgets['smoke']")
    )
    runpy.run_path(str(file), run_name="__main__")
    assert "{'r2': " in capsys.readouterr().out


def test_a_changed_task_is_one_line(run: Run, pages: Path) -> None:
    words = brief("search --task my_task:diabetes --space mlp:MlpSpace --strategy random")
    assert_one_line(run(*words, "--task-option", "sed=1", "--out", "a"), 2, "diabetes takes seed")
    assert_one_line(run(*words, "--data", "x.csv", "--out", "a"), 2, "diabetes takes seed")
    done = run(*words, "--out", "run")
    assert done.code == 0, done.err
    file = pages / "my_task.py"
    file.write_text(file.read_text().replace("[260, 91, 91]", "[262, 90, 90]"))
    del sys.modules["my_task"]
    assert_one_line(run("search", "--out", "run", "--resume"), 3, "the run was started with another examples")
