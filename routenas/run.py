"""A run: one recipe on one task, as a folder that survives a kill and ends in a model.

The folder holds ``run.toml`` (the settings, for people and ``--config``), ``config.json`` (all that decides the
result), ``journal.jsonl`` (a line per trial), ``finalists/`` (a file per retraining) and at the end ``model/``
(the bundle) and ``result.json``. Every step is decided by what came before it, so a run that was killed and
resumed ends where an uninterrupted one does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import tomli_w

from placement_data.errors import InputError, SettingError
from placement_data.files import locked, remove_leftovers, write_text, writing
from routenas import onnx_export
from routenas.architecture import Architecture
from routenas.bundle import Bundle, has_part
from routenas.estimators import SCHEDULERS
from routenas.estimators.fidelities import Fidelities
from routenas.estimators.scratch import in_silence
from routenas.executor import Execution
from routenas.finalists import Conclusion, with_a_control
from routenas.interfaces import Executor, FoldedTask, Task
from routenas.journal import Journal
from routenas.look_up import look_up
from routenas.loop import SearchBudget, best_first, search
from routenas.recipes import RECIPES
from routenas.results import Result, Trial
from routenas.settings import Parts, Settings, made_space
from routenas.strategies import suited
from routenas.tasks import adapter, task_config
from routenas.training import check_device
from searchspaces.space import Space

CONFIG, SETTINGS, JOURNAL, RESULT, MODEL = "config.json", "run.toml", "journal.jsonl", "result.json", "model"
MAY_GROW = ("trials", "cpu_seconds", "finalists", "final_seeds", "final_budget", "members", "hand_made", "data")
"""What a resume may change: trials only upwards, and the place of the data, whose digest must be as it was."""

_WORDS = {
    "space": "search space",
    "strategy_options": "option of the strategy",
    "initial": "choice of what is tried first",
    "in_flight": "number of candidates in flight",
    "order": "order of asking",
    "budget": "budget of a candidate",
    "folds": "number of folds",
    "threads": "number of threads",
    "task": "task",
    "name": "task",
    "data_sha256": "data set (by its SHA-256)",
    "tile_um": "size of tiles",
}
"""What the fields of a configuration are called to people, where that is not their name."""


@dataclass(frozen=True)
class Events:
    """What a run tells whoever watches it; each is optional. ``epoch`` is told of trainings in this process alone,
    ``note`` in a line what there is less of than meant.
    """

    trial: Callable[[int, Trial], object] = lambda number, trial: None
    epoch: Callable[[int, int], object] = in_silence
    final: Callable[[str, int, Result], object] = lambda name, seed, result: None
    note: Callable[[str], object] = lambda line: None


def run(
    folder: Path,
    task: Task,
    settings: Settings,
    *,
    resume: bool = False,
    execution: Execution = Execution(),
    events: Events = Events(),
) -> Bundle:
    """Search, retrain the best few with several seeds, choose of them, measure on the test part once.

    A task that has folds (`FoldedTask`) is judged out of fold where the settings say so, any other on its search part.
    ``execution`` says where candidates are trained; the result is the same everywhere. Raises :class:`InputError` for a
    folder that another run is in, or is writing to, and :class:`SearchFailedError` where every training failed.
    """
    execution.check()
    check(settings)
    settings = replace(settings, folds=settings.folds if hasattr(task, "folds") else 1)
    if settings.folds == 1 and not has_part(task, "search"):
        raise SettingError("nothing judges a candidate: the search part is empty", expected="--folds 2 or more")
    if settings.folds > 1:  # what cannot be cut is found before the first training
        cast(FoldedTask, task).folds(settings.folds, settings.seed)
    settings = replace(settings, hand_made=_hand_made(task, settings))
    settings = _with_options(folder, settings, resume)
    parts: Parts = look_up("recipe", RECIPES, settings.recipe)(task, settings, events.epoch)
    scheduler = look_up("scheduler", SCHEDULERS, settings.scheduler)
    settings = replace(settings, space=parts.space.config())
    _start(folder, resume)
    with locked(folder):
        journal = Journal(folder / JOURNAL)
        if len(journal.records) > settings.trials:
            raise InputError(
                "the run has more trials already", file=journal.path, found=f"{settings.trials} trials",
                expected=f"{len(journal.records)} or more",
            )  # fmt: skip
        _record(folder, task, settings, resume)
        trials = _searched(folder, parts, scheduler, settings, journal, execution, events)
        return _concluded(folder, task, parts.space, settings, trials, execution, events)


def check(settings: Settings) -> None:
    """Raise :class:`SettingError` for what of the settings is wrong on every task: a name, an option, the device."""
    look_up("recipe", RECIPES, settings.recipe)
    look_up("scheduler", SCHEDULERS, settings.scheduler)
    suited(settings.strategy, settings.trials, settings.in_flight, settings.strategy_options)
    if settings.space:
        made_space(settings.space)
    check_device(settings.device)


def _hand_made(task: Task, settings: Settings) -> list[str] | None:
    """The predictors to train beside the finalists, if any may be. Raises InputError for what cannot be."""
    if settings.folds > 1 and hasattr(task, "hand_made"):
        return list(task.hand_made(settings.hand_made))
    if settings.hand_made:
        raise SettingError("hand-made predictors are chosen out of fold alone", expected="--folds 2 or more")
    return None


def _searched(
    folder: Path,
    parts: Parts,
    scheduler: Callable[[Executor, int], Executor],
    settings: Settings,
    journal: Journal,
    execution: Execution,
    events: Events,
) -> list[Trial]:
    estimator = Fidelities([*parts.fidelities, parts.estimator])
    estimator.prepare(folder / "shared")
    with closing(scheduler(execution.open(estimator), len(estimator.estimators))) as executor:
        budget = SearchBudget(settings.trials, cpu_seconds=settings.cpu_seconds)
        return search(parts.strategy, executor, budget, journal, events.trial, settings.in_flight, settings.order)


def _concluded(
    folder: Path,
    task: Task,
    space: Space,
    settings: Settings,
    trials: list[Trial],
    execution: Execution,
    events: Events,
) -> Bundle:
    controls = space.controls if settings.initial == "controls" else ()
    best = with_a_control(best_first(trials), settings.finalists, controls)
    conclusion = Conclusion(task, settings, folder / "finalists", execution, events.epoch, events.final)
    bundle = conclusion.of(
        [Architecture.of(space, trial.genotype) for trial in best],
        {
            "run": settings.to_dict(),
            "trials": len(trials),
            "failed_trials": sum(trial.result.failed for trial in trials),
        },
    )
    bundle.save(folder / MODEL)
    onnx_export.add_onnx(folder / MODEL, events.note)
    write_text(folder / RESULT, json.dumps(bundle.to_dict(), indent=1, allow_nan=False) + "\n")
    return bundle


# ------------------------------------------------------------------------- the folder


def _start(folder: Path, resume: bool) -> None:
    """Make the folder, or refuse one that is not this run's."""
    if (folder / CONFIG).exists():
        if not resume:
            with locked(folder):  # where a search is at work, going on with it is no advice
                pass
            raise InputError("there is a run in this folder already", file=folder, expected="a new folder, or --resume")
    elif folder.exists() and (not folder.is_dir() or any(path.name[0] != "." for path in folder.iterdir())):
        raise InputError("the run folder is not empty and not a run", file=folder, expected="a new folder")
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)


def _with_options(folder: Path, settings: Settings, resume: bool) -> Settings:
    """The settings with all options of the strategy: those recorded where the run goes on, else what suits its size."""
    found = suited(settings.strategy, settings.trials, settings.in_flight, settings.strategy_options)
    if resume and (folder / CONFIG).exists():
        recorded = read_configuration(folder)["settings"]
        if recorded.get("strategy") == settings.strategy:
            found = {**recorded.get("strategy_options", {}), **settings.strategy_options}
    return replace(settings, strategy_options=found)


def _record(folder: Path, task: Task, settings: Settings, resume: bool) -> None:
    """Write what the run is, or check that the one there is the same but for what may grow."""
    if resume:
        remove_leftovers(folder, CONFIG, SETTINGS, RESULT, MODEL)
        remove_leftovers(folder / "finalists", "*")
    wanted: dict[str, Any] = {"settings": settings.to_dict(), "task": task_config(task), "metric": task.metric}
    if (folder / CONFIG).exists():
        found = read_configuration(folder)
        if found["metric"] != task.metric and (found["metric"] is None or found["task"] == wanted["task"]):
            raise InputError(
                "the run was started by another version, which judged by another metric", file=folder / CONFIG,
                found=task.metric, expected=f"{found['metric'] or 'none that is recorded'}: search in a new folder",
            )  # fmt: skip
        for section in ("settings", "task"):
            for name, value in wanted[section].items():
                former = found[section].get(name)
                if former != value and name not in MAY_GROW:
                    what = f"the run was started with another {_WORDS.get(name, name.replace('_', ' '))}"
                    raise InputError(what, file=folder / CONFIG, found=_short(value), expected=_short(former))
    write_text(folder / CONFIG, json.dumps(wanted, indent=1) + "\n")
    write_text(folder / SETTINGS, settings_toml(settings, wanted["task"]))


def read_configuration(folder: Path) -> dict[str, Any]:
    """``settings``, ``task`` and ``metric`` of the run in a folder. Raises InputError where there is none.

    The metric is None in a run of an older version.
    """
    path = folder / CONFIG
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return {
            "settings": dict(value["settings"]),
            "task": dict(value["task"]),
            "metric": value.get("metric"),
        }  # fmt: skip
    except (OSError, ValueError, RecursionError, LookupError, TypeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError("no configuration of a run can be read", file=path, found=reason) from None


def settings_toml(settings: Settings, task: Mapping[str, Any]) -> str:
    """Settings and task as TOML that ``routenas search --config`` reads; what follows from the data is left out."""
    known = getattr(adapter(task["task"]), "told", task)
    told = {name: value for name, value in task.items() if name == "task" or (name in known and name != "shape")}
    text = tomli_w.dumps(_without_none({**settings.to_dict(), "task": told}))
    return f"# The settings of this run; 'routenas search --config FILE --out FOLDER' runs it again.\n{text}"


def _without_none(value: Any) -> Any:
    """TOML has no null: what is None is left out, as where an argument has its default."""
    if isinstance(value, Mapping):
        return {name: _without_none(item) for name, item in value.items() if item is not None}
    return [_without_none(item) for item in value if item is not None] if isinstance(value, list) else value


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
