"""Tables for the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from placement_data.store import Store, write
from routenas.show.text import data_table, verdict
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


@pytest.mark.parametrize(
    ("values", "interval", "sentence"),
    [
        ((0.91, 0.90, 0.88), (0.004, 0.02), "ours is at the top: roc_auc 0.9100, b 0.9000 "
         "(difference +0.004 to +0.020, 95 % over designs); the designs agree on it"),
        ((0.89, 0.88, 0.91), (-0.03, 0.01), "ours is not at the top: roc_auc 0.8900, c 0.9100 "
         "(difference -0.030 to +0.010, 95 % over designs); 4 designs do not tell the two apart"),
        ((0.89, None, 0.91), None, "ours is not at the top: roc_auc 0.8900, c 0.9100; "
         "4 designs do not tell the two apart"),
        ((None, 0.88, 0.91), None, "ours: nothing to compare in roc_auc"),
        ((0.89, None, None), None, "ours: nothing to compare in roc_auc"),
    ],
)  # fmt: skip
def test_the_verdict_is_what_the_numbers_say(
    values: tuple[float | None, ...], interval: tuple[float, float] | None, sentence: str
) -> None:
    rows: list[dict[str, Any]] = [
        {"name": name, "ensemble": {"roc_auc": value}, "reference_minus_this": {"roc_auc": interval}}
        for name, value in zip(("ours", "b", "c"), values, strict=True)
    ]
    assert verdict({"designs": 4, "rows": rows}) == sentence
