"""Which metric of violated nets tells predictors apart: the figures of docs/search.md.

``python -m benchmarks.judges DATA RUNS --rows tile-mlp,residual-dilated,unet`` takes the answers that a
``benchmarks.crossfit --task violated_nets`` kept in RUNS, one predictor a row and seed. The designs are cut into halves
many times; printed is the mean correlation over the predictors between a metric on one half and one on the other.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.crossfit import outer_folds
from placement_data.store import Store
from routenas.metrics import count_metrics
from routenas.tasks.routability import RoutabilityTask

METRICS = ("design_mean_tau", "weighted_tau", "pooled_tau")


def main() -> None:
    """Print the correlations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--rows", type=lambda text: text.split(","), required=True)
    parser.add_argument("--outer", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--halves", type=int, default=200)
    options = parser.parse_args()
    store = Store(options.data)
    families = sorted(family for fold in outer_folds(store, options.outer, 0) for family in fold)
    examples = RoutabilityTask.to_judge("violated_nets", store, families).examples("test")
    truth = np.array([example.ratio for example in examples])
    designs = np.array([example.sample.design for example in examples])
    predictors = [_answers(options, row, seed) for row in options.rows for seed in range(options.seeds)]
    rng, names = np.random.default_rng(0), np.unique(designs)
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.halves):
        first = np.isin(designs, rng.permutation(names)[: len(names) // 2])
        here, there = (
            [count_metrics(designs[half], truth[half], answers[half]).to_json() for answers in predictors]
            for half in (first, ~first)
        )
        for one in METRICS:
            for other in METRICS:
                pair = np.corrcoef([values[one] for values in here], [values[other] for values in there])
                found.setdefault((one, other), []).append(float(pair[0, 1]))
    print(f"{len(predictors)} predictors, {len(names)} designs, {options.halves} pairs of halves")
    for (one, other), values in found.items():
        print(f"{one} on one half, {other} on the other: {np.mean(values):.2f}")


def _answers(options: argparse.Namespace, row: str, seed: int) -> Any:
    """(placements,) the ratios that a predictor answered, in the order of the data set."""
    kept: dict[str, float] = {}
    for fold in range(options.outer):
        with np.load(options.runs / f"{row}-{seed}-fold-{fold}.npz") as arrays:
            kept |= {name: float(arrays[name][0]) for name in arrays.files if name.startswith("ensemble/")}
    return np.array([kept[name] for name in sorted(kept)])


if __name__ == "__main__":
    main()
