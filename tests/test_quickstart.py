"""The main job on the data inside the package, at the smallest budget."""

from __future__ import annotations

import json
from pathlib import Path

from placement_data.store import verify
from routenas import example
from routenas.quickstart import quickstart


def test_the_shipped_data_is_intact_and_small() -> None:
    store = verify(example.PLACEMENTS)
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
        assert (tmp_path / f"{task}-search.png").read_bytes()[:4] == b"\x89PNG"
    score = json.loads((tmp_path / "score.json").read_text())
    assert score["violated_nets"]["predicted"] >= 0
    assert 0 <= score["hotspots"]["area_frac"] <= 1
    assert (tmp_path / "score.png").read_bytes()[:4] == b"\x89PNG"
