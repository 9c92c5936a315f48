"""What each group of channels is worth: the table of ablations of docs/results.md.

``python -m benchmarks.ablation DATA OUT`` cross-fits two hand-made networks over the design families of a data set of
all channels (``ingest --channels all``): on all of them, without one group each, and without those that the set
``routability`` leaves out; and on what that set keeps, with crops in the place of whole maps. Every design is judged by
networks that never saw its family.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from benchmarks.crossfit import outer_folds
from placement_data.dataset import Split
from placement_data.features import channel_set
from placement_data.features.sets import channel_groups
from placement_data.store import Store, write
from routenas.api import limited_threads
from routenas.evaluation import baseline_row
from routenas.metrics import hotspot_metrics
from routenas.tasks import routability
from routenas.tasks.routability import RoutabilityTask
from routenas.training import BUDGETS, Budget

BUDGET_OF = {
    "tile-mlp": replace(BUDGETS["full"].changed(epochs=15), evaluations=1),
    "residual-dilated": replace(BUDGETS["fast"], evaluations=1),
}
CROPS = (32, 16)
"""Tiles a side; a map that is smaller is whole."""

METRICS = ("roc_auc", "average_precision", "design_mean_roc_auc", "design_mean_average_precision")


def main() -> None:
    """Print a line for each choice of channels and network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--outer", type=int, default=3)
    options = parser.parse_args()
    store = Store(options.data)
    options.out.mkdir(parents=True, exist_ok=True)
    kept = set(channel_set("routability").channels)
    groups = dict(channel_groups(store.channels))
    choices: dict[str, Sequence[str]] = {"all": store.channels}
    choices |= {f"without {name}": [c for c in store.channels if c not in own] for name, own in groups.items()}
    choices |= {"routability": [name for name in store.channels if name in kept]}
    for label, channels in choices.items():
        part = _with(store, channels, options.out / "part.h5")
        _print(label, part, options.outer)
    for side in CROPS:
        with patch.object(routability, "WINDOW", side):
            _print(f"routability, crops of {side}", part, options.outer)


def _print(label: str, store: Store, outer: int) -> None:
    """A line for each network."""
    for name, budget in BUDGET_OF.items():
        found = _judged(store, name, budget, outer)
        values = (f"{found[metric]:.4f}" for metric in METRICS)
        print(f"{label:28} {len(store.channels):3} {name:18}", *values, flush=True)


def _with(store: Store, channels: Sequence[str], path: Path) -> Store:
    """A data set of some of the channels, at ``path``."""
    places = [store.channels.index(name) for name in channels]
    samples = (store.sample(index) for index in range(len(store.heads)))
    parts = (replace(sample, features=sample.features[places]) for sample in samples)
    write(path, parts, tuple(channels), "part/1")
    return Store(path)


def _judged(store: Store, name: str, budget: Budget, outer: int) -> dict[str, float]:
    """Metrics of one network over all designs, each judged out of fold."""
    tiles = []
    folds = outer_folds(store, outer, 0)
    with limited_threads(1):
        for fold in folds:
            others = tuple(sorted(family for each in folds if each is not fold for family in each))
            task = RoutabilityTask("hotspots", store, Split(others, (), tuple(sorted(fold))))
            answers = baseline_row(name, task, budget, [0], "test").ensemble
            for example, answer in zip(task.examples("test"), answers, strict=True):
                sample = example.sample
                tiles.append((sample.design, sample.on_die(example.hotspots), sample.on_die(answer)))
    return hotspot_metrics(tiles).to_json()


if __name__ == "__main__":
    main()
