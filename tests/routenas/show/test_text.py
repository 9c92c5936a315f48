"""Tables for the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from placement_data.store import Store, write
from routenas.show.text import data_table
from tests.samples import CHANNEL_VERSION, CHANNELS, made_up_sample


def test_the_table_of_a_data_set_reads_no_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [
        made_up_sample("a/1", "fa", 1, (10, 20), design="a"),
        made_up_sample("a/2", "fa", 2, (12, 8), design="a"),
        made_up_sample("b/1", "fb", 3, (5, 6), labelled=False, design="b"),
    ]
    write(tmp_path / "data.h5", samples, CHANNELS, CHANNEL_VERSION)
    store = Store(tmp_path / "data.h5")
    monkeypatch.setattr(store, "_open", None)
    lines = data_table(store).splitlines()
    hot = [sample.hotspots for sample in samples if sample.hotspots is not None]
    share = sum(100 * float(map_.mean()) for map_ in hot) / 2
    nets = [sample.violated_nets for sample in samples[:2] if sample.violated_nets is not None]
    span = f"{min(nets)}-{max(nets)}"
    assert lines[2].split() == ["a", "fa", "2", "2", "8-20", "384-800", f"{share:.1f}", span, "2"]
    assert lines[3].split() == ["b", "fb", "1", "0", "5-6", "120-120", "-", "-", "0"]
    assert lines[4].startswith("3 placements, 2 designs, 2 families;")
