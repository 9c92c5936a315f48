"""Fixtures that all tests share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.layouts import Layout, write_layout
from tests.samples import write_made_up_store


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tests look for in a table is not folded, whatever terminal they run in."""
    monkeypatch.setenv("COLUMNS", "400")


@pytest.fixture(scope="session", autouse=True)
def _no_graphs() -> Iterator[None]:
    """Trainings end without an export to ONNX, which takes seconds; tests of it turn it on."""
    from routenas import onnx_export

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_export, "installed", lambda: False)
        yield


@pytest.fixture(autouse=True)
def garbage_is_collected() -> Iterator[None]:
    """A command that lives for seconds does without; this process goes on."""
    yield
    gc.unfreeze()
    gc.enable()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout (or $ROUTENAS_SHARED); the test is skipped where it is absent."""
    path = Path(os.environ.get("ROUTENAS_SHARED", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if not (path / "placements" / "manifest.csv").exists():
        pytest.skip(f"real placements not found at {path}; set ROUTENAS_SHARED to their folder")
    return path


@pytest.fixture(scope="session")
def made_up_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small data set of six families whose labels can be learned; see ``tests.samples``. Not to be changed."""
    return write_made_up_store(tmp_path_factory.mktemp("store") / "made-up.h5")


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A made-up layout of 150 cells with a report. Not to be changed."""
    return write_layout(tmp_path_factory.mktemp("layout"))


@pytest.fixture(scope="session")
def bundles(made_up_store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A briefly trained model bundle for each task. Not to be changed."""
    from routenas import train
    from routenas.tasks.routability import TASKS
    from routenas.training import BUDGETS

    folder = tmp_path_factory.mktemp("bundles")
    for task in TASKS:
        train(made_up_store, "tile-mlp", folder / task, budget=BUDGETS["fast"], seeds=(0, 1), task=task)
    return {task: folder / task for task in TASKS}
