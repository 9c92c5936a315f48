"""Whether tiles on which the members of a model disagree are predicted worse: the figures of docs/scoring.md.

``python -m benchmarks.uncertainty DATA RUNS`` takes the bundles of the searches that ``benchmarks.crossfit`` kept in
RUNS. Each answers for the families that it never saw. Tiles are cut into bins of equal probability, and each bin at its
median spread into halves: printed are both halves' Brier errors, beside what they would be were the probabilities
right, p (1 - p), and Spearman's correlation of spread and squared error, over all tiles and mean of the bins.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from benchmarks.crossfit import outer_folds
from placement_data.store import Store
from routenas.api import limited_threads
from routenas.predictor import Predictor

BINS = 20


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--row", default="searched-0")
    parser.add_argument("--outer", type=int, default=3)
    options = parser.parse_args()
    store = Store(options.data)
    parts = []
    with limited_threads(1):
        for number, families in enumerate(outer_folds(store, options.outer, 0)):
            model = Predictor.of(options.runs / f"{options.row}-fold-{number}" / "model")
            for index, family in enumerate(store.families):
                if family in families and store.labelled[index]:
                    sample = store.sample(index)
                    answer = model.answer(model.normalised(sample.features, sample.inside), sample.net_count)
                    spread = answer.spread(answer.members)
                    assert spread is not None
                    parts.append(np.stack([answer.value.ravel(), spread.ravel(), np.ravel(sample.hotspots)]))
    probability, spread, hot = np.concatenate(parts, axis=1)
    error, usual = (hot - probability) ** 2, probability * (1 - probability)
    print(f"{len(parts)} placements, {hot.size} tiles, Brier {error.mean():.4f}, mean spread {spread.mean():.4f}")
    print(f"correlation of spread and squared error, all tiles: {spearmanr(spread, error).statistic:.3f}")
    order = np.argsort(probability, kind="stable")
    rows = []
    for tiles in np.array_split(order, BINS):
        wide = spread[tiles] > np.median(spread[tiles])
        halves = [tiles[~wide], tiles[wide]]
        errors = [error[half].mean() for half in halves]
        expected = [usual[half].mean() for half in halves]
        rows.append([probability[tiles].mean(), *errors, *expected, spearmanr(spread[tiles], error[tiles]).statistic])
    table = np.array(rows)
    form = "p {:.3f}: Brier {:.4f} where members agree, {:.4f} where not; p (1 - p) {:.4f}, {:.4f}; rho {:.3f}"
    print("\n".join(form.format(*row) for row in table[-6:]))
    names = ("agree", "disagree")
    means = {name: (table[:, 1 + at].mean(), table[:, 3 + at].mean()) for at, name in enumerate(names)}
    for name, (found, right) in means.items():
        print(f"members {name}: Brier {found:.4f}, p (1 - p) {right:.4f}, ratio {found / right:.3f}")
    print(f"correlation within bins of equal probability, mean: {table[:, 5].mean():.3f}")


if __name__ == "__main__":
    main()
