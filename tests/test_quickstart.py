"""The main job on the data inside the package, at the smallest budget."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from placement_data.checks.verify import verify
from placement_data.features import DEFAULT
from placement_data.ingest import make_sample, read_manifest
from placement_data.store import Store
from routenas import example
from routenas.quickstart import quickstart


def test_the_shipped_data_is_intact_and_small() -> None:
    store = verify(example.PLACEMENTS)
    assert (store.channels, store.channel_version) == (DEFAULT.channels, DEFAULT.version)
    assert len(set(store.designs)) >= 6
    assert len(set(store.families)) >= 6
    assert example.PLACEMENTS.stat().st_size <= 8_000_000


def test_quickstart_leaves_tables_pictures_and_models(tmp_path: Path) -> None:
    said: list[str] = []
    quickstart(tmp_path, 0, said.append, budget="smoke", final_budget="smoke")
    text = "\n".join(said)
    for task, metric in (("hotspots", "roc_auc"), ("violated_nets", "design_mean_tau")):
        table = json.loads((tmp_path / f"{task}.json").read_text())
        assert table["rows"][0]["name"] == "searched"
        assert {"searched", "tile-mlp"} <= {row["name"] for row in table["rows"]}
        assert metric in text
        assert (tmp_path / task / "model" / "weights.safetensors").exists()
        assert (tmp_path / task / "search.png").read_bytes()[:4] == b"\x89PNG"
    score = json.loads((tmp_path / "score.json").read_text())
    assert score["violated_nets"]["predicted"] >= 0
    assert 0 <= score["hotspots"]["area_frac"] <= 1
    assert (tmp_path / "score.png").read_bytes()[:4] == b"\x89PNG"


def test_quickstart_without_matplotlib_scores_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routenas.show.pictures.find_spec", lambda name: None)
    said: list[str] = []
    quickstart(tmp_path, 0, said.append, budget="smoke", final_budget="smoke")
    assert "no pictures: they need matplotlib (pip install 'routenas[plot]')" in said
    assert json.loads((tmp_path / "score.json").read_text())["hotspots"]["max"] > 0
    assert not list(tmp_path.rglob("*.png"))


def test_the_shipped_maps_are_what_ingest_makes_today(shared_data: Path) -> None:
    rows = {row.sample: row for row in read_manifest(shared_data / "placements" / "manifest.csv")}
    store = Store(example.PLACEMENTS)
    for index in range(0, len(store), 13):
        shipped = store.sample(index)
        made = make_sample(rows[shipped.sample])
        assert np.array_equal(shipped.features, made.features)
        assert np.array_equal(shipped.hotspots, made.hotspots)
        assert shipped.violated_nets == made.violated_nets
        assert shipped.repeat_violated_nets == made.repeat_violated_nets
