"""What a user's Python code calls: search, train, evaluate, score. Paths or objects in, values out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch

from placement_data.dataset import Split, draw_split
from placement_data.errors import InputError, SettingError
from placement_data.making import LayoutFiles
from placement_data.store import Store
from routenas.architecture import Architecture
from routenas.baselines import baseline, baselines
from routenas.bundle import Bundle, Member, check_folder
from routenas.estimators.scratch import in_silence
from routenas.evaluation import Row, baseline_row, bundle_row, compare
from routenas.executor import Execution
from routenas.interfaces import Task
from routenas.predictor import Predictor
from routenas.published import train_network
from routenas.run import Events, run
from routenas.scoring import Score, score_layout
from routenas.settings import Settings
from routenas.tasks.routability import TASKS, RoutabilityTask, TaskName
from routenas.training import BUDGETS, Budget, check_device

Data = Task | Store | Path | str
"""A task, or a data set of placements."""


def search(
    data: Data,
    out: Path | str,
    settings: Settings = Settings(),
    *,
    task: TaskName = "hotspots",
    split: Split | Path | str | None = None,
    execution: Execution = Execution(),
    events: Events = Events(),
    resume: bool = False,
    extra_targets: bool = False,
) -> Bundle:
    """Search for a predictor in a run folder ``out``, and return its bundle, which is also at ``out/model``.

    ``data`` is any task, or a data set, of which ``task`` and ``split`` (default: drawn over its design families from
    the settings' seed) make a routability task; ``extra_targets`` has hotspots after the router's earlier iterations
    learnt beside the label. Raises what :func:`routenas.run.run` does.
    """
    with limited_threads(settings.threads):
        chosen = task_of(data, task, split, settings.seed, extra_targets)
        return run(Path(out), chosen, settings, resume=resume, execution=execution, events=events)


def train(
    data: Data,
    architecture: Architecture | str,
    out: Path | str | None = None,
    *,
    budget: Budget = BUDGETS["full"],
    seeds: Sequence[int] = (0,),
    task: TaskName = "hotspots",
    split: Split | Path | str | None = None,
    threads: int = 1,
    device: str = "cpu",
    extra_targets: bool = False,
    progress: Callable[[int, int], object] = in_silence,
) -> Bundle:
    """Train one architecture, or the hand-made network of that name, with each seed; with ``out``, save the bundle.

    Raises InputError for a network that there is not, and DivergedError.
    """
    if out is not None:
        check_folder(Path(out))
    check_device(device)
    value = Architecture(network=architecture) if isinstance(architecture, str) else architecture
    with limited_threads(threads):
        chosen = task_of(data, task, split, seeds[0], extra_targets)
        if value.searched_space is not None:
            try:
                value.searched_space.check_shape(chosen.shape)
            except ValueError as error:
                raise InputError(f"the architecture does not fit the task: {error}") from None
        members = []
        for seed in seeds:
            trained = train_network(value, chosen, budget, seed, progress, device)
            members.append(Member(value, trained.module.state_dict()))
        bundle = Bundle.of(chosen, members, budget=budget.name, seeds=list(seeds))
    if out is not None:
        bundle.save(out)
    return bundle


def evaluate(
    data: Data,
    models: Mapping[str, Bundle | Path | str],
    baseline_names: Sequence[str] | None = None,
    *,
    budget: Budget = BUDGETS["full"],
    seeds: Sequence[int] = (0, 1, 2),
    part: str = "test",
    task: TaskName = "hotspots",
    split: Split | Path | str | None = None,
    threads: int = 1,
    progress: Callable[[int, int], object] = in_silence,
    say: Callable[[str], object] = lambda line: None,
) -> dict[str, Any]:
    """Models, by name, against hand-made predictors that are trained here, on one part: a JSON-ready table.

    ``baseline_names`` None means all that the data set has the channels for. The split is by default that of the first
    model, which is also the one that others are compared with. Raises InputError for a model that was trained or
    chosen on a family of the part.
    """
    bundles = {name: model if isinstance(model, Bundle) else Bundle.load(model) for name, model in models.items()}
    predictors = {name: Predictor.of(bundle) for name, bundle in bundles.items()}
    if split is None and predictors:
        split = next(iter(predictors.values())).card.split
    with limited_threads(threads):
        chosen = task_of(data, task, split, seeds[0])
        if not isinstance(chosen, RoutabilityTask):
            raise InputError("only routability tasks have hand-made predictors to compare with", found=chosen.name)
        rows: list[Row] = [bundle_row(name, predictor, chosen, part) for name, predictor in predictors.items()]
        for name in baselines(task) if baseline_names is None else baseline_names:
            try:
                rows.append(baseline_row(name, chosen, budget, seeds, part, progress))
            except InputError as error:
                # Of all predictors those are meant that the data set has the channels for; a named one is an error.
                if baseline_names is not None or not baseline(task, name).by_name:
                    raise
                say(f"{name}: left out: {error}")
                continue
            say(f"{name}: done")
        return compare(chosen, rows, part, next(iter(bundles), None))


def score(
    lef: Sequence[Path | str],
    def_: Path | str,
    models: Sequence[Bundle | Path | str],
    *,
    kind: Literal["def", "aux", "odb"] = "def",
    liberty: Sequence[Path | str] = (),
    routing_layers: str = "",
    name: str = "",
    tile_um: float | None = None,
    top: int = 20,
    threads: int = 1,
) -> Score:
    """Score one placed layout: see :func:`routenas.scoring.score_layout`. More than one thread pays for large maps.

    ``def_`` is the placement's file: a DEF, or what ``kind`` says (a Bookshelf .aux or an OpenDB file; these have no
    ``lef``). ``liberty`` is for models that were trained with it. ``routing_layers`` are the layers that signals may
    use, as ``metal2-metal3`` (default: all).
    """
    files = LayoutFiles(kind, Path(def_), tuple(map(Path, lef)), tuple(map(Path, liberty)), routing_layers)
    with limited_threads(threads):
        return score_layout(files, [Predictor.of(model) for model in models], tile_um, top, name)


def task_of(
    data: Data, name: TaskName, split: Split | Path | str | None, seed: int, extra_targets: bool = False
) -> Task:
    """The task itself, or the routability task of a data set; a split is read, or drawn from ``seed``."""
    if not isinstance(data, Store | Path | str):
        return data
    if name not in TASKS:
        raise SettingError("no such task", found=name, expected=" or ".join(TASKS))
    store = data if isinstance(data, Store) else Store(data)
    if split is None:
        split = draw_split(store, seed)
    elif not isinstance(split, Split):
        split = Split.load(split)
    return RoutabilityTask(name, store, split, extra_targets=extra_targets)


@contextmanager
def limited_threads(number: int) -> Iterator[None]:
    """Inside, torch computes with so many threads; the number decides the last bits of a training.

    Threads that wait for a core that others use cost more than they bring, and most maps are small: hence 1.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
