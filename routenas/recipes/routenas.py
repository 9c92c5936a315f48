"""RouteNAS (Chang et al., ICCAD 2021, arXiv 2012.01737): search the flexible space, retrain the best few, keep one.

A run is a folder: ``config.json`` (resolved configuration), ``journal.jsonl`` (a line a trial), ``finalists/`` (a
checkpoint a retraining) and at the end ``model/`` (the bundle) and ``result.json``. Every step is decided by what came
before it, so a run that was killed and resumed ends where an uninterrupted one does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from placement_data.dataset import Split, draw_split
from placement_data.errors import InputError
from placement_data.store import Store, atomic_path, remove_leftovers, sha256, write_text
from routenas.checkpoint import Bundle, best_threshold, build, searched
from routenas.estimators.scratch import TrainedFromScratch
from routenas.executor import Execution
from routenas.journal import Journal
from routenas.loop import SearchFailedError, best_first, search
from routenas.results import Trial
from routenas.strategies import strategy_class
from routenas.tasks.routability import RoutabilityTask, TaskName
from routenas.training import DivergedError, budget_named, member_mean, predictions, train
from searchspaces.flexible import FlexibleSpace

# A training costs minutes, so a search has tens of trials, not the hundreds that a population of 40 would need.
STRATEGY_OPTIONS: dict[str, dict[str, int]] = {"evolution": {"population": 10, "tournament": 4}}


@dataclass(frozen=True)
class Configuration:
    """Everything that decides a run's result.

    ``trials`` is the total, ``batch`` how many candidates are asked and trained together; ``data_sha256`` and ``split``
    are resolved at the start.
    """

    task: TaskName
    data: str
    data_sha256: str
    split: Split
    preset: Literal["paper", "extended"] = "extended"
    strategy: str = "evolution"
    trials: int = 24
    budget: str = "fast"
    final_budget: str = "full"
    finalists: int = 3
    final_seeds: int = 3
    seed: int = 0
    threads: int = 1
    batch: int = 1

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {**asdict(self), "split": self.split.to_dict()}


@dataclass(frozen=True)
class Events:
    """What a run tells whoever watches it; each is optional."""

    trial: Callable[[int, Trial], object] = lambda number, trial: None
    epoch: Callable[[int, int], object] = lambda epoch, epochs: None
    final: Callable[[str, int, float | None], object] = lambda name, seed, value: None


def resolve_split(store: Store, path: Path | None, seed: int) -> Split:
    """The split in a file, or one drawn over the labelled families of a store."""
    return draw_split(store, seed) if path is None else Split.load(path)


def start(folder: Path, configuration: Configuration, resume: bool) -> None:
    """Create the run folder, or check that the one there is of the same run.

    ``--trials`` and the finals may grow when a run is resumed; anything else must be as it was.
    """
    path = folder / "config.json"
    wanted = configuration.to_dict()
    if resume:
        remove_leftovers(folder, "config.json", "result.json", "model")
        remove_leftovers(folder / "finalists", "*")
    if not path.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError("the run folder is not empty and not a run", file=folder, expected="a new folder")
        folder.mkdir(parents=True, exist_ok=True)
    elif not resume:
        raise InputError("there is a run in this folder already", file=folder, expected="a new folder, or --resume")
    else:
        found = _read_configuration(path)
        for name in wanted.keys() - {"trials", "data", "finalists", "final_seeds", "final_budget"}:
            if found.get(name, 1 if name == "batch" else None) != wanted[name]:  # older runs have no batch
                what = f"the run was started with another {name}"
                raise InputError(what, file=path, found=found.get(name), expected=str(wanted[name]))
    write_text(path, json.dumps(wanted, indent=1) + "\n")


def _read_configuration(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError("the run's configuration cannot be read", file=path, found=str(error)) from None
    return value if isinstance(value, dict) else {}


def run(
    folder: Path,
    configuration: Configuration,
    task: RoutabilityTask,
    events: Events | None = None,
    execution: Execution | None = None,
) -> Bundle:
    """Search, retrain the best few with several seeds, choose on the search split, measure on the test split once.

    ``folder`` is one that :func:`start` made, ``task`` that of the configuration's data and split. ``execution`` says
    where candidates are trained (default: here); the result is the same everywhere.
    """
    watch = events or Events()
    space = FlexibleSpace(configuration.preset)
    strategy = strategy_class(configuration.strategy)(
        space, configuration.seed, **STRATEGY_OPTIONS.get(configuration.strategy, {})
    )
    estimator = TrainedFromScratch(space, task, budget_named(configuration.budget), configuration.seed)
    journal = Journal(folder / "journal.jsonl")
    if execution is None or execution.executor == "in-process":
        estimator = replace(estimator, progress=watch.epoch)
    with closing((execution or Execution()).open(estimator)) as executor:
        trials = search(strategy, executor, configuration.trials, journal, watch.trial, configuration.batch)
    chosen = best_first(trials)[: configuration.finalists]
    finalists = [
        retrain(folder / "finalists", searched(space, trial.genotype), trial.genotype.hash, task, configuration, watch)
        for trial in chosen
    ]
    usable = [finalist for finalist in finalists if finalist.value is not None]
    if not usable:
        raise SearchFailedError("all retrainings of the best candidates failed")
    best = max(usable, key=lambda finalist: finalist.value or 0.0)
    provenance = {
        "run": configuration.to_dict(),
        "trials": len(trials),
        "failed_trials": sum(trial.result.value is None for trial in trials),
        "finalists": [finalist.summary() for finalist in finalists],
        "chosen": best.name,
    }
    bundle = make_bundle(task, best.architecture, best.states, configuration.split, provenance)
    bundle.save(folder / "model")
    write_text(folder / "result.json", json.dumps(bundle.to_dict(), indent=1, allow_nan=False) + "\n")
    return bundle


@dataclass(frozen=True)
class Finalist:
    """One architecture retrained with several seeds; ``values`` are the task's metric on the search split."""

    name: str
    architecture: Mapping[str, Any]
    states: tuple[dict[str, Tensor], ...]
    values: tuple[float, ...]

    @property
    def value(self) -> float | None:
        """Mean over seeds, None when every seed failed."""
        return float(np.mean(self.values)) if self.values else None

    def summary(self) -> dict[str, Any]:
        """JSON form without weights."""
        return {"name": self.name, "search_values": list(self.values), "architecture": dict(self.architecture)}


def retrain(
    folder: Path,
    architecture: Mapping[str, Any],
    name: str,
    task: RoutabilityTask,
    configuration: Configuration,
    events: Events,
) -> Finalist:
    """Train one architecture with each final seed at the final budget, keeping a checkpoint of each in ``folder``."""
    states, values = [], []
    budget = budget_named(configuration.final_budget)
    for number in range(configuration.final_seeds):
        seed = configuration.seed + 1000 + number
        path = folder / f"{name}-{budget.name}-{seed}.safetensors"
        try:
            state, value = _cached_training(path, architecture, task, budget_name=budget.name, seed=seed, events=events)
        except DivergedError as error:
            events.final(f"{name}: {error}", seed, None)
            continue
        states.append(state)
        values.append(value)
        events.final(name, seed, value)
    return Finalist(name, architecture, tuple(states), tuple(values))


def _cached_training(
    path: Path, architecture: Mapping[str, Any], task: RoutabilityTask, budget_name: str, seed: int, events: Events
) -> tuple[dict[str, Tensor], float]:
    channels = len(task.store.channels)
    if path.exists():
        try:
            tensors = dict(load_file(path))
            return tensors, float(tensors.pop("search_value"))
        except (SafetensorError, KeyError, OSError):
            path.unlink()
    trained = train(
        lambda seed: build(architecture, task.name, channels, seed), task, budget_named(budget_name), seed, events.epoch
    )
    value = trained.metrics[task.metric]
    if value is None:
        raise DivergedError(f"{task.metric} is undefined on the search split")
    state = {key: tensor.contiguous() for key, tensor in trained.module.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        save_file({**state, "search_value": torch.tensor(value, dtype=torch.float64)}, temporary)
    return state, value


def make_bundle(
    task: RoutabilityTask,
    architecture: Mapping[str, Any],
    states: Sequence[Mapping[str, Tensor]],
    split: Split,
    provenance: Mapping[str, Any],
) -> Bundle:
    """The bundle of trained members, with its metrics on the search split and on the test split.

    The test split is read here for the first time.
    """
    modules = [_with_state(architecture, task, state) for state in states]
    answers = {
        part: member_mean([predictions(module, task, part) for module in modules]) for part in ("search", "test")
    }
    threshold = None
    if task.name == "hotspots":
        threshold = best_threshold([example.hotspots for example in task.examples("search")], answers["search"])
    return Bundle(
        task=task.name,
        architecture=dict(architecture),
        weights=tuple(states),
        normalisation=task.normalisation,
        output_scale=task.output_scale,
        label_kind=task.label_kind,
        tile_um=task.tile_um,
        split=split,
        channels=task.store.channels,
        channel_version=task.store.channel_version,
        threshold=threshold,
        metrics={part: task.score(part, values) for part, values in answers.items()},
        provenance=dict(provenance),
    )


def _with_state(architecture: Mapping[str, Any], task: RoutabilityTask, state: Mapping[str, Tensor]) -> nn.Module:
    module = build(architecture, task.name, len(task.store.channels), seed=0)
    module.load_state_dict(dict(state))
    return module.eval()


def data_sha256(path: Path) -> str:
    """Digest of a data set, for the configuration of a run."""
    return sha256(path)
