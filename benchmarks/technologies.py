"""What a predictor carries from one technology to another: the table of docs/results.md.

``python -m benchmarks.technologies FROM TO RUNS OUT`` takes two data sets of the same designs in two technologies, and
the folder of a ``benchmarks.crossfit`` on FROM, whose outer folds are used here, too. What is judged on TO has been
trained, in either technology, on families of other folds alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.crossfit import outer_folds
from placement_data.dataset import Split
from placement_data.files import write_text
from placement_data.store import Store
from routenas.api import limited_threads, train
from routenas.architecture import Architecture
from routenas.baselines import baseline
from routenas.bundle import Bundle
from routenas.evaluation import Row, bundle_row, compare
from routenas.predictor import Predictor
from routenas.show.text import comparison_table
from routenas.tasks.routability import RoutabilityTask
from routenas.training import BUDGETS

CONTROLS = ("tile-mlp", "residual-dilated")
PLACEMENTS = (5, 10, 20)
FULL = replace(BUDGETS["full"].changed(epochs=12), evaluations=1)
SMALL = replace(BUDGETS["full"], evaluations=1)
"""For the few placements of the other technology: 30 epochs."""


def main() -> None:
    """Train, judge and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, metavar="FROM")
    parser.add_argument("target", type=Path, metavar="TO")
    parser.add_argument("runs", type=Path, metavar="RUNS")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--outer", type=int, default=3)
    options = parser.parse_args()
    source, target = Store(options.source), Store(options.target)
    folds = _folds(source, target, options.outer)
    found: dict[str, dict[int, Row]] = {}
    with limited_threads(1):
        for number, fold in enumerate(folds):
            task = RoutabilityTask.to_judge("hotspots", target, fold[1])
            for name, bundle in _predictors(source, target, folds, number, options.runs):
                row = bundle_row(name, Predictor.of(bundle), task, "test")
                found.setdefault(name, {})[number] = row
                print(f"fold {number}: {name}", flush=True)
    rows = [_joined(name, target, folds, parts) for name, parts in found.items()]
    everything = RoutabilityTask.to_judge("hotspots", target, sorted(family for _, own in folds for family in own))
    table = compare(everything, rows, "test", rows[0].name)
    options.out.mkdir(parents=True, exist_ok=True)
    write_text(options.out / "table.json", json.dumps(table, indent=1, allow_nan=False) + "\n")
    print(comparison_table(table))


def _folds(source: Store, target: Store, count: int) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """By fold, the families that are left out in the source, and those that are judged in the target."""
    of_source = outer_folds(source, count, 0)
    families = dict.fromkeys(family for family, known in zip(target.families, target.labelled, strict=True) if known)
    fold_of = {family: number for number, fold in enumerate(of_source) for family in fold}
    alone = [family for family in families if family not in fold_of]
    fold_of |= {family: number % count for number, family in enumerate(alone)}
    return [
        (tuple(of_source[number]), tuple(sorted(family for family in families if fold_of[family] == number)))
        for number in range(count)
    ]


def _predictors(
    source: Store, target: Store, folds: Sequence[tuple[tuple[str, ...], tuple[str, ...]]], number: int, runs: Path
) -> Iterator[tuple[str, Bundle]]:
    """Name and bundle of all that is judged on a fold."""
    there = Split(tuple(sorted({*source.families} - {*folds[number][0]})), (), ())
    here = Split(tuple(sorted(family for own in folds for family in own[1] if own is not folds[number])), (), ())
    searched = Bundle.load(runs / f"searched-0-fold-{number}" / "model")
    trained = {name: train(source, name, budget=FULL, split=there) for name in CONTROLS}
    for name, bundle in {"searched": searched, **trained}.items():
        yield f"{name}, not adapted", bundle
        for placements in PLACEMENTS:
            yield (
                f"{name}, {placements} placements",
                train(target, bundle, budget=SMALL, split=here, placements=placements),
            )
        yield f"{name}, all fine-tuned", train(target, bundle, budget=SMALL, split=here)
        first: Architecture = next(each.architecture for each in bundle.members if not _fitted(each.architecture))
        yield f"{name}, from scratch", train(target, first, budget=SMALL, split=here)
    yield "gradient-boosting, from scratch", train(target, "gradient-boosting", split=here)


def _fitted(architecture: Architecture) -> bool:
    """Whether it is fitted at once, and so not trained on."""
    return architecture.genotype is None and baseline("hotspots", architecture.network).kind != "network"


def _joined(
    name: str, target: Store, folds: Sequence[tuple[tuple[str, ...], tuple[str, ...]]], parts: dict[int, Row]
) -> Row:
    """The answers for all folds, in the order of the data set."""
    answers: dict[int, NDArray[np.float64]] = {}
    for number, row in parts.items():
        judged = [
            index
            for index, (family, known) in enumerate(zip(target.families, target.labelled, strict=True))
            if known and family in folds[number][1]
        ]
        answers |= dict(zip(judged, row.ensemble, strict=True))
    ordered = [answers[index] for index in sorted(answers)]
    return Row(name, (ordered,), ordered)


if __name__ == "__main__":
    main()
