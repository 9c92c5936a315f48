"""What a user's Python code calls: search, train, evaluate, score. Paths or objects in, values out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import torch

from placement_data.dataset import Split, draw_split
from placement_data.errors import InputError, SettingError
from placement_data.making import LayoutFiles
from placement_data.store import Store
from routenas import onnx_export
from routenas.architecture import Architecture
from routenas.baselines import BASELINES, PREDICTORS, baseline, baselines
from routenas.bundle import Bundle, Member, ModelMismatchError, check_folder
from routenas.comparison import compare_models
from routenas.estimators.scratch import in_silence
from routenas.evaluation import (
    Part,
    Row,
    baseline_row,
    bundle_row,
    compare,
    require_unseen,
    unseen_families,
    untrained_row,
)
from routenas.executor import Execution
from routenas.interfaces import SelfFitting, Task
from routenas.networks.threads import limited_threads as limited_threads
from routenas.onnx_model import Runtime
from routenas.predictor import Predictor
from routenas.pretrained import located
from routenas.published import train_network
from routenas.run import Events, run
from routenas.scoring import Score, Scorer
from routenas.settings import Settings
from routenas.tasks import ROUTABILITY, adapter, made_task, of_placements, task_from_config
from routenas.tasks.facts import Start
from routenas.tasks.routability import TASKS as ROUTABILITY_TASKS
from routenas.tasks.routability import RoutabilityTask, TaskName
from routenas.training import BUDGETS, Budget, budgets_of, check_device

Data = Task | Store | Path | str
"""A task, or its data: a data set of placements, or what another task of `routenas.tasks.TASKS` reads."""


def search(
    data: Data | None,
    out: Path | str,
    settings: Settings | None = None,
    *,
    task: str = "hotspots",
    split: Split | Path | str | None = None,
    task_options: Mapping[str, Any] | None = None,
    execution: Execution = Execution(),
    events: Events = Events(),
    resume: bool = False,
    extra_targets: bool = False,
) -> Bundle:
    """Search for a predictor in a run folder ``out``, and return its bundle, which is also at ``out/model``.

    ``data`` is any task, or a data set, of which ``task`` and ``split`` (default: drawn over its design families from
    the settings' seed) make a routability task; ``extra_targets`` has hotspots after the router's earlier iterations
    learnt beside the label. For another ``task``, it has ``task_options``. Without ``settings``, they are those of the
    task. Raises what :func:`routenas.run.run` does.
    """
    seed, threads = (0, 1) if settings is None else (settings.seed, settings.threads)
    with limited_threads(threads):
        chosen = task_of(data, task, split, seed, Start(extra_targets=extra_targets), task_options)
        settings = settings or Settings.for_task(chosen)
        return run(Path(out), chosen, settings, resume=resume, execution=execution, events=events)


def train(
    data: Data | None,
    architecture: Architecture | str | Bundle,
    out: Path | str | None = None,
    *,
    budget: Budget | None = None,
    seeds: Sequence[int] = (0,),
    task: str = "hotspots",
    split: Split | Path | str | None = None,
    task_options: Mapping[str, Any] | None = None,
    placements: int | None = None,
    threads: int = 1,
    device: str = "cpu",
    extra_targets: bool = False,
    progress: Callable[[int, int], object] = in_silence,
    say: Callable[[str], object] = lambda line: None,
) -> Bundle:
    """Train one architecture, or the hand-made predictor of that name, with each seed; with ``out``, save the bundle.

    ``budget`` is by default the full one of the task, ``task_options`` are those of a task of another kind.
    A bundle in the place of an architecture is fine-tuned: each member is trained on from its weights, once, on the
    channels of the bundle; members that are fitted at once are left out, and the first of ``seeds`` counts. A split
    that is drawn then tests on no family that the bundle has seen, and one that is given must not. ``placements``
    trains on so many placements of the training part, as evenly over its designs as can be. Raises InputError for a
    predictor that the task has not and for a split that would test on seen families, ModelMismatchError for a bundle
    that does not fit the task, and DivergedError.
    """
    if out is not None:
        check_folder(Path(out))
    check_device(device)
    value = Architecture(network=architecture) if isinstance(architecture, str) else architecture
    with limited_threads(threads):
        start = start_of(value, placements, seeds[0], extra_targets)
        chosen = task_of(data, task, split, seeds[0], start, task_options)
        budget = budget or budgets_of(chosen)["full"]
        members: list[Member] = []
        told: dict[str, Any] = {} if placements is None else {"placements": placements}
        for member, seed in _untrained(value, chosen, seeds):
            trained = train_network(member.architecture, chosen, budget, seed, progress, device, member.weights)
            members.append(replace(member, weights=trained.module.state_dict()))
        if isinstance(value, Bundle):
            told["start"] = {name: value.task.get(name) for name in ("data", "data_sha256", "technologies")}
        bundle = Bundle.of(chosen, members, budget=budget.name, seeds=list(seeds), **told)
    if out is not None:
        bundle.save(out)
        onnx_export.add_onnx(Path(out), say)
    return bundle


def start_of(
    value: Architecture | Bundle, placements: int | None = None, seed: int = 0, extra_targets: bool = False
) -> Start:
    """What a training begins with. Raises as `Predictor.of`."""
    if isinstance(value, Bundle) and value.task["task"] == ROUTABILITY:
        return Start(Predictor.of(value).card, placements, seed, extra_targets)
    return Start(None, placements, seed, extra_targets)


def _untrained(value: Architecture | Bundle, task: Task, seeds: Sequence[int]) -> list[tuple[Member, int]]:
    """What is to be trained, with its seed; a member without weights starts from nothing."""
    if isinstance(value, Bundle):
        if (task.shape.inputs, task.shape.output) != (value.task["shape"]["inputs"], value.task["shape"]["output"]):
            raise ModelMismatchError(f"the model to start from does not fit the task: {value!r}")
        built = [(member, member.architecture.build(task.shape, 0)) for member in value.members]
        members = [member for member, module in built if not isinstance(module, SelfFitting)]
        if not members:
            what = "a predictor that is fitted at once has no weights to start from"
            raise InputError(what, found=repr(value), expected="a network, or the predictor trained anew (--predictor)")
        return [(member, seeds[0] + number) for number, member in enumerate(members)]
    if value.network in PREDICTORS and task.name in BASELINES:
        baseline(task.name, value.network)
    if value.searched_space is not None:
        try:
            value.searched_space.check_shape(task.shape)
        except ValueError as error:
            raise InputError(f"the architecture does not fit the task: {error}") from None
    return [(Member(value, {}), seed) for seed in seeds]


def evaluate(
    data: Data | None,
    models: Mapping[str, Bundle | Path | str],
    baseline_names: Sequence[str] | None = None,
    *,
    budget: Budget | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    part: Part | None = None,
    task: str = "hotspots",
    split: Split | Path | str | None = None,
    task_options: Mapping[str, Any] | None = None,
    threads: int = 1,
    progress: Callable[[int, int], object] = in_silence,
    say: Callable[[str], object] = lambda line: None,
) -> dict[str, Any]:
    """Models, by name, against hand-made predictors, on one part of a data set: a JSON-ready table.

    ``part`` "search" or "test" is one of the ``split``, by default that of the first model, which is also the one that
    others are compared with; hand-made predictors are trained on its training part. ``part`` "unseen" are all labelled
    placements of families that no model was trained or chosen on; of the hand-made predictors those are compared with
    that rank without training. By default it is "test" where the data set has the families of the split, and else
    "unseen", if no model knows any of its families. ``baseline_names`` None means all that can be. Raises InputError
    for a model that was trained or chosen on a family of the part.

    A task of another kind is that of the first model on ``data``, or made of ``task_options`` where these are given;
    see :func:`routenas.comparison.compare_models` for its table.
    """
    if not isinstance(models, Mapping):
        raise SettingError("models are told by name", found=models, expected="{'mine': a bundle or its folder}")
    if isinstance(data, Store | RoutabilityTask) or (
        (data is None or isinstance(data, Path | str)) and of_placements(task)
    ):
        return _evaluated(data, models, baseline_names, budget, seeds, part, task, split, threads, progress, say)
    with limited_threads(threads):
        bundles = {name: each if isinstance(each, Bundle) else Bundle.load(each) for name, each in models.items()}
        first = next(iter(bundles.values()), None)
        if first is None or task_options or not (data is None or isinstance(data, Path | str)):
            chosen = task_of(data, task, split, seeds[0], options=task_options)
        else:
            chosen = task_from_config({**first.task, **({} if data is None else {"data": str(data)})})
        names = BASELINES.get(chosen.name, ()) if baseline_names is None else baseline_names
        budget = budget or budgets_of(chosen)["full"]
        return compare_models(chosen, bundles, tuple(names), budget, seeds, part or "test", progress, say)


def _evaluated(
    data: Store | RoutabilityTask | Path | str | None, models: Mapping[str, Bundle | Path | str],
    baseline_names: Sequence[str] | None, budget: Budget | None, seeds: Sequence[int], part: Part | None, task: str,
    split: Split | Path | str | None, threads: int, progress: Callable[[int, int], object],
    say: Callable[[str], object],
) -> dict[str, Any]:  # fmt: skip
    """`evaluate` for a task on placements."""
    budget = budget or BUDGETS["full"]
    named = {name: located(each, task)[0] if isinstance(each, Path | str) else each for name, each in models.items()}
    predictors = {name: Predictor.of(model) for name, model in named.items()}
    with limited_threads(threads):
        chosen, part = _judged(data, task, split, part, predictors, seeds[0])
        place = "test" if part == "unseen" else part
        if not chosen.families(place):
            raise InputError(
                f"the {place} part of the split is empty", file=chosen.store.path,
                expected="a split with such a part (--split), another part (--part), or other data",
            )  # fmt: skip
        rows: list[Row] = [bundle_row(name, predictor, chosen, place) for name, predictor in predictors.items()]
        names = list(baselines(task) if baseline_names is None else baseline_names)
        if part == "unseen" and baseline_names is None:
            untaught = [name for name in names if baseline(task, name).kind != "ranking"]
            say(f"left out, since they have to be trained, which takes --split: {', '.join(untaught)}")
            names = [name for name in names if name not in untaught]
        for name in names:
            try:
                if part == "unseen":
                    rows.append(untrained_row(name, chosen, place))
                else:
                    rows.append(baseline_row(name, chosen, budget, seeds, place, progress))
            except InputError as error:
                # Of all predictors those are meant that the data set has the channels for; a named one is an error.
                if baseline_names is not None or baseline(task, name).kind != "ranking":
                    raise
                say(f"{name}: left out: {error}")
                continue
            say(f"{name}: done")
        return {**compare(chosen, rows, place, next(iter(named), None)), "part": part}


def _judged(
    data: Store | RoutabilityTask | Path | str | None, name: str, split: Split | Path | str | None, part: Part | None,
    predictors: Mapping[str, Predictor], seed: int,
) -> tuple[RoutabilityTask, Part]:  # fmt: skip
    """The task of `evaluate` and the part of it that is judged."""
    if isinstance(data, Store | Path | str):
        data = data if isinstance(data, Store) else Store(data)
        if split is None and predictors:
            split = next(iter(predictors.values())).card.split
            if part is None and not {*split.train, *split.search, *split.test} <= {*data.families}:
                require_unseen(data, predictors)
                part = "unseen"
        if part == "unseen":
            return RoutabilityTask.to_judge(cast(TaskName, name), data, unseen_families(data, predictors)), part
    elif part == "unseen":
        raise SettingError("unseen placements are those of a data set", found="a task")
    chosen = task_of(data, name, split, seed)
    assert isinstance(chosen, RoutabilityTask)
    return chosen, part or "test"


def predict(model: Bundle | Path | str, data: Path | str, *, threads: int = 1) -> list[dict[str, Any]]:
    """A row for each example of ``data``, as the task of the model tells its answers; for placements see `score`.

    Raises InputError for data that cannot be read, and ModelMismatchError for a model whose task answers for no data.
    """
    bundle = model if isinstance(model, Bundle) else Bundle.load(model)
    kind = adapter(str(bundle.task["task"]))
    if not hasattr(kind, "predictions"):
        what = "'routenas score' answers for placements" if bundle.task["task"] == ROUTABILITY else "no predictions()"
        raise ModelMismatchError(f"a model of a task that does not answer for new data ({what}): {bundle!r}")
    config = {name: value for name, value in bundle.task.items() if name not in ("task", "shape")}
    with limited_threads(threads), torch.inference_mode():
        return [dict(row) for row in kind.predictions(config, bundle.ensemble, Path(data))]


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
    causes: bool = True,
    threads: int = 1,
    runtime: Runtime = "auto",
) -> Score:
    """Score one placed layout; for many see :class:`routenas.scoring.Scorer`. More threads pay for large maps only.

    ``def_`` is the placement's file: a DEF, or what ``kind`` says (a Bookshelf .aux or an OpenDB file; these have no
    ``lef``). ``liberty`` is for models that were trained with it. ``routing_layers`` are the layers that signals may
    use, as ``metal2-metal3`` (default: all).
    """
    files = LayoutFiles(kind, Path(def_), tuple(map(Path, lef)), tuple(map(Path, liberty)), routing_layers)
    scorer = Scorer(models, tile_um=tile_um, top=top, causes=causes, runtime=runtime, threads=threads)
    return scorer.score_files(files, name)


def task_of(
    data: Data | None,
    name: str,
    split: Split | Path | str | None,
    seed: int,
    start: Start = Start(),
    options: Mapping[str, Any] | None = None,
) -> Task:
    """The task itself, or the one of that name on the data; a split is read, or drawn from ``seed``.

    ``split`` and ``start`` are of tasks on placements, ``options`` of all others. Raises SettingError for what the task
    has no use for, and InputError as its class does.
    """
    if data is not None and not isinstance(data, Store | Path | str):
        return data
    if not of_placements(name):
        if isinstance(data, Store) or split is not None or start.placements or start.extra_targets:
            what = "placements, a split of them and extra targets are of another task"
            raise SettingError(what, found=name, expected=" or ".join(ROUTABILITY_TASKS))
        return made_task(name, data, options or {}, seed)
    if options:
        raise SettingError(f"the task {name} has no options", found=next(iter(options)))
    if data is None:
        raise SettingError(f"the task {name} needs a data set", expected="what 'routenas ingest' made")
    store = data if isinstance(data, Store) else Store(data)
    if split is None:
        split = draw_split(store, seed, seen=start.seen)
    elif not isinstance(split, Split):
        split = Split.load(split)
    return RoutabilityTask(cast(TaskName, name), store, split, start=start)
