"""Fixtures that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.layouts import Layout, write_layout
from tests.samples import write_made_up_store


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
