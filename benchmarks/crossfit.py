"""Every design judged once, by predictors that never saw its family: the tables of docs/results.md.

``python -m benchmarks.crossfit DATA OUT --task hotspots --rows searched,random-search,tile-mlp --outer 3 --seeds 3``

The design families are cut into folds. For each fold every predictor is trained on the others alone: a search chooses
its candidates, finalists, ensemble, calibration and threshold out of (inner) folds of those; a hand-made predictor is
trained on all of them with each seed, at the budget of a search's finalists, and no epoch is chosen. The answers for
the fold that was left out are kept in OUT, so that a run that was stopped goes on, and several processes may share the
work (``--fold``). When all answers are there the table is printed, and written to OUT/table.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit, logit

from placement_data.dataset import Split, folds_by_family
from placement_data.files import write_text
from placement_data.store import Store
from routenas.api import limited_threads, search
from routenas.bundle import Bundle
from routenas.evaluation import Row, baseline_row, bundle_row, compare
from routenas.journal import Journal
from routenas.predictor import Predictor
from routenas.results import FIDELITY
from routenas.settings import Settings
from routenas.show.text import comparison_table
from routenas.tasks.facts import Start
from routenas.tasks.routability import Answers, RoutabilityTask
from routenas.training import BUDGETS, Budget

SEARCHES: dict[str, dict[str, Any]] = {
    "searched": {},
    "random-search": {"strategy": "random"},
    "gaussian-process": {"strategy": "predictor"},
    "searched-without-folds": {"folds": 1},
    "searched-all-inputs": {"space": {"space": "flexible", "preset": "extended", "inputs": []}},
}
"""Rows that are searches, and what of the settings each has changed."""

KINDS = {"ensemble": "", "alone": ", networks alone", "single": ", one network"}
"""What there is of a search, and how its row is called: the ensemble that may hold hand-made predictors, the one of
searched networks alone, and the best single one of these."""

CURVE = (30, 60, 120, 240, 480)
"""CPU-seconds at which searches are compared."""


def main() -> None:
    """Train what is missing, and print the table if nothing is."""
    options = _options()
    store = Store(options.data)
    options.out.mkdir(parents=True, exist_ok=True)
    folds = outer_folds(store, options.outer, options.split_seed)
    with limited_threads(1):
        for number in range(len(folds)) if options.fold is None else [options.fold]:
            for name in (name for name in options.rows if "+" not in name):
                for seed in _seeds(options, name):
                    _answered(options, store, folds, number, name, seed)
        rows = [row for name in options.rows for row in _rows(options, store, folds, name)]
    if not rows:
        return
    task = RoutabilityTask.to_judge(options.task, store, sorted(family for fold in folds for family in fold))
    table = compare(task, rows, "test", rows[0].name)
    table["costs"] = _costs(options, len(folds))
    write_text(options.out / "table.json", json.dumps(table, indent=1, allow_nan=False) + "\n")
    print(comparison_table(table))
    for name, seconds in table["costs"].items():
        print(f"{name}: {seconds / 3600:.2f} CPU-core-hours")
    for name in options.rows:
        if name in SEARCHES:
            print(f"{name}, best candidate out of fold by CPU-seconds: {_curve(options, len(folds), name)}")


def outer_folds(store: Store, count: int, seed: int) -> tuple[tuple[str, ...], ...]:
    """The families of each outer fold, balanced by placements."""
    labelled = [family for family, known in zip(store.families, store.labelled, strict=True) if known]
    return folds_by_family(labelled, [1.0] * len(labelled), count, seed)


def _split(folds: Sequence[Sequence[str]], left_out: int, inner: int) -> Split:
    """All other families to train on; of these every fourth judges candidates where there are no inner folds.

    Where there are, one has to be named for the search part; they join both parts.
    """
    others = sorted(family for number, fold in enumerate(folds) if number != left_out for family in fold)
    search = tuple(others[::4] if inner == 1 else others[:1])
    return Split(tuple(sorted({*others} - {*search})), search, tuple(sorted(folds[left_out])))


def _answered(
    options: argparse.Namespace, store: Store, folds: Sequence[Sequence[str]], number: int, name: str, seed: int
) -> None:
    """Keep the answers of a predictor for a fold, unless they are there."""
    path = _path(options, number, name, seed)
    if path.exists():
        return
    settings = replace(_settings(options, seed), **SEARCHES.get(name, {}))
    split = _split(folds, number, settings.folds)
    begin, wall = time.process_time(), time.monotonic()
    if name in SEARCHES:
        run = options.out / f"{name}-{seed}-fold-{number}"
        task = RoutabilityTask(options.task, store, split, start=Start(extra_targets=options.extra_targets))
        alone = search(task, run, replace(settings, hand_made=()), resume=True)
        answer = search(task, run, settings, resume=True) if settings.folds > 1 else alone
        bundles = {"alone": alone, "single": _single(alone), "ensemble": answer}
        kept = {kind: bundle_row(name, Predictor.of(bundle), task, "test").ensemble for kind, bundle in bundles.items()}
    else:
        whole = Split(tuple(sorted(split.train + split.search)), (), split.test)
        task = RoutabilityTask(options.task, store, whole, start=Start(extra_targets=options.extra_targets))
        kept = {"ensemble": baseline_row(name, task, _budget(options), [seed], "test").ensemble}
    indices = [index for index, family in enumerate(store.families) if family in set(split.test)]
    judged = [index for index in indices if store.labelled[index]]
    assert all(len(answers) == len(judged) for answers in kept.values())
    arrays: dict[str, Any] = {
        f"{kind}/{index:06}": answer
        for kind, answers in kept.items()
        for index, answer in zip(judged, answers, strict=True)
    }
    temporary = path.with_suffix(".part.npz")
    np.savez_compressed(temporary, seconds=time.process_time() - begin, **arrays)
    temporary.replace(path)
    print(f"fold {number}: {name}, seed {seed}: {time.monotonic() - wall:.0f} s", flush=True)


def _single(bundle: Bundle) -> Bundle:
    """The bundle of the first member alone, which is the best single network out of fold."""
    return replace(bundle, members=bundle.members[:1])


def _settings(options: argparse.Namespace, seed: int) -> Settings:
    return Settings(
        trials=options.trials, seed=seed, folds=options.folds, members=options.members,
        finalists=options.finalists, final_seeds=options.final_seeds, scheduler="halving", in_flight=options.in_flight,
        budget=BUDGETS["fast"].changed(epochs=options.epochs), final_budget=_budget(options),
    )  # fmt: skip


def _budget(options: argparse.Namespace) -> Budget:
    return replace(BUDGETS["full"].changed(epochs=options.final_epochs), evaluations=1)


def _path(options: argparse.Namespace, number: int, name: str, seed: int) -> Path:
    return Path(options.out) / f"{name}-{seed}-fold-{number}.npz"


def _rows(options: argparse.Namespace, store: Store, folds: Sequence[Sequence[str]], name: str) -> Iterator[Row]:
    """The rows of a predictor: a member for each seed of which all answers are there, and their ensemble.

    ``one+other`` is the mean of the ensembles of two (or more): of their logits, or of the logarithms of their ratios.
    """
    if "+" in name:
        parts = [list(_rows(options, store, folds, part)) for part in name.split("+")]
        if all(parts):
            answers = _mixed([rows[0].ensemble for rows in parts], options.task)
            yield Row(name, (answers,), answers)
        return
    paths = [[_path(options, number, name, seed) for number in range(len(folds))] for seed in _seeds(options, name)]
    paths = [each for each in paths if all(path.exists() for path in each)]
    if not paths:
        print(f"{name}: answers are missing")
        return
    for kind, label in KINDS.items() if name in SEARCHES else [("ensemble", "")]:
        members = [_pooled(each, kind) for each in paths]
        yield Row(name + label, tuple(members), _mean(members))


def _seeds(options: argparse.Namespace, name: str) -> range:
    return range(options.searches if name in SEARCHES else options.seeds)


def _pooled(paths: Sequence[Path], kind: str) -> Answers:
    """The answers of all folds, in the order of the data set."""
    found: dict[str, Any] = {}
    for path in paths:
        with np.load(path) as arrays:
            found |= {key: arrays[key] for key in arrays.files if key.startswith(f"{kind}/")}
    return [found[key] for key in sorted(found)]


def _mixed(answers: Sequence[Answers], task: str) -> Answers:
    there, back = (logit, expit) if task == "hotspots" else (np.log, np.exp)
    safe = [[there(np.clip(each, 1e-7, 1 - 1e-7)) for each in own] for own in answers]
    return [back(each) for each in _mean(safe)]


def _mean(members: Sequence[Answers]) -> Answers:
    """The mean of what several seeds answer."""
    return [np.mean(each, axis=0) for each in zip(*members, strict=True)]


def _costs(options: argparse.Namespace, folds: int) -> dict[str, float]:
    """CPU-seconds of all trainings of a row, searches included."""
    costs = {}
    for name in options.rows:
        paths = [_path(options, number, name, seed) for number in range(folds) for seed in _seeds(options, name)]
        found = [float(np.load(path)["seconds"]) for path in paths if path.exists()]
        if found:
            costs[name] = sum(found)
    return costs


def _curve(options: argparse.Namespace, folds: int, name: str) -> str:
    """Mean and deviation over searches of the best value of a fully trained candidate so far, after so many seconds."""
    runs = [options.out / f"{name}-{seed}-fold-{fold}" for seed in range(options.searches) for fold in range(folds)]
    found = [Journal(run / "journal.jsonl").records for run in runs]
    shown = []
    for limit in CURVE:
        best = []
        for records in found:
            spent = np.cumsum([record["cpu_seconds"] for record in records])
            top = max(record["metrics"].get(FIDELITY, 0) for record in records)
            values = [
                record["value"]
                for record, after in zip(records, spent, strict=True)
                if after <= limit and record["value"] is not None and record["metrics"].get(FIDELITY, 0) == top
            ]
            best.append(max(values, default=float("nan")))
        shown.append(f"{limit} s {np.mean(best):.4f} +- {np.std(best, ddof=1):.4f}")
    return ", ".join(shown)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--task", default="hotspots", choices=["hotspots", "violated_nets"])
    parser.add_argument("--rows", type=lambda text: text.split(","), default=["searched", "random-search", "tile-mlp"])
    parser.add_argument("--outer", type=int, default=3, help="outer folds")
    parser.add_argument("--fold", type=int, help="train for this outer fold alone")
    parser.add_argument("--split-seed", type=int, default=0, help="of the outer folds")
    parser.add_argument("--seeds", type=int, default=3, help="of hand-made predictors")
    parser.add_argument("--searches", type=int, default=1, help="searches a row and fold, a seed each")
    parser.add_argument("--extra-targets", action="store_true", help="learn the router's earlier iterations beside")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=8, help="of a candidate")
    parser.add_argument("--in-flight", type=int, default=4, help="candidates that are halved together")
    parser.add_argument("--folds", type=int, default=3, help="inner folds")
    parser.add_argument("--finalists", type=int, default=3)
    parser.add_argument("--final-seeds", type=int, default=2)
    parser.add_argument("--final-epochs", type=int, default=15, help="of finalists and hand-made networks")
    parser.add_argument("--members", type=int, default=8)
    return parser.parse_args()


if __name__ == "__main__":
    main()
