"""``routenas search``."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from placement_data.errors import InputError, SettingError
from routenas.commands import (
    ADDRESS,
    BATCH,
    DATA,
    DEVICE,
    EPOCHS,
    EXECUTOR,
    EXTRA_TARGETS,
    FILE,
    RATE,
    SEED,
    SPLIT,
    TASK,
    TASK_OPTION,
    THREADS,
    data_of,
    example,
    execution_of,
    given,
    headline,
    options_of,
    settings_in,
    telling,
)
from routenas.commands.verb import POSITIVE, PROCESSES, verb

if TYPE_CHECKING:
    from routenas.interfaces import Task
    from routenas.settings import Settings
    from routenas.training import Budget


@verb(
    epilog=example(
        "routenas search data.h5 --task hotspots --trials 24 --out runs/hotspots",
        "routenas search --out runs/hotspots --resume",
        "routenas search data.h5 --strategy evolution --strategy-option population=6 --workers 4 --out runs/small",
        "routenas search --config runs/hotspots/run.toml --seed 1 --out runs/again",
        "routenas search --task my_task:Digits --space nas-bench-201 --recipe scratch --out runs/digits",
    )
)
@click.argument("path", type=FILE, required=False)
@TASK
@TASK_OPTION
@DATA
@click.option("--out", type=FILE, required=True, help="Run folder to make (or to go on with, under --resume).")
@click.option("--config", type=FILE, help="Settings to start from: the run.toml of a run, or one of your own.")
@click.option(
    "--trials", type=click.IntRange(min=1), default=24, show_default=True, help="Candidates to train, in all."
)
@click.option("--recipe", default="routenas", show_default=True, help="The system to run.")
@click.option("--space", help="Search space: a name ('flexible'), or module:Class of your own.")
@click.option("--space-option", multiple=True, metavar="NAME=VALUE", help="An option of the space; may be repeated.")
@click.option(
    "--preset", type=click.Choice(["extended", "paper"]), default="extended", show_default=True,
    help="Of the flexible space: short for --space-option preset=...",
)  # fmt: skip
@click.option(
    "--strategy", default="evolution", show_default=True, help="Search strategy, or module:Class of your own."
)
@click.option(
    "--strategy-option", multiple=True, metavar="NAME=VALUE",
    help="An option of the strategy (default: what suits the number of trials); may be repeated.",
)  # fmt: skip
@click.option(
    "--initial", type=click.Choice(["controls", "none"]), default="controls", show_default=True,
    help="What every strategy tries first: the hand-made networks that the space contains, or nothing.",
)  # fmt: skip
@click.option(
    "--scheduler", default="none", show_default=True,
    help="Spend less on hopeless candidates: none, halving or median; they are tried at a quarter and half the epochs.",
)  # fmt: skip
@click.option(
    "--cpu-seconds", type=POSITIVE, help="Train no further candidate once all took so many seconds of a core."
)
@click.option(
    "--folds", type=click.IntRange(min=1), default=3, show_default=True,
    help="Judge candidates out of so many folds of the training and search families; 1: on the search families.",
)  # fmt: skip
@click.option("--budget", default="fast", show_default=True, help="Training of a candidate: smoke, fast or full.")
@EPOCHS
@RATE
@BATCH
@click.option("--final-budget", default="full", show_default=True, help="Training of the best few.")
@click.option("--final-epochs", type=click.IntRange(min=1), help="Epochs of those (default: the final budget's).")
@click.option(
    "--finalists", type=click.IntRange(min=1), default=3, show_default=True, help="How many of the best are retrained."
)
@click.option(
    "--final-seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Seeds of each retraining."
)
@click.option(
    "--members", type=click.IntRange(min=1), default=8, show_default=True,
    help="Most draws of the ensemble that is the answer; 1: the best single network.",
)  # fmt: skip
@click.option(
    "--hand-made", multiple=True, metavar="NAME",
    help="A predictor of 'train' that is trained beside the finalists and may be drawn into the answer; may be "
    "repeated (default: gradient-boosting, tile-mlp, residual-dilated); none: searched networks alone.",
)  # fmt: skip
@EXECUTOR
@click.option("--workers", type=PROCESSES, default=1, show_default=True, help="Candidates trained at once.")
@click.option(
    "--in-flight", type=click.IntRange(min=1), default=1, show_default="as many as workers",
    help="Candidates that are asked for before a result is known; with the seed it decides the trials.",
)  # fmt: skip
@click.option(
    "--order", type=click.Choice(["batch", "arrival"]), default="batch", show_default=True,
    help="Ask the next when all in flight are done (same seed, same trials), or as soon as one is (no worker waits).",
)  # fmt: skip
@ADDRESS
@click.option("--trial-seconds", type=POSITIVE, help="End a candidate that takes longer.")
@click.option("--trial-memory", type=click.IntRange(min=1), help="Megabytes that a candidate may allocate.")
@click.option("--tensorboard", type=FILE, help="Folder for event files that TensorBoard shows.")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped; ends as an uninterrupted one.")
@EXTRA_TARGETS
@SPLIT
@SEED
@THREADS
@DEVICE
@telling
@click.pass_context
def search(
    context: click.Context, /, path: Path | None, out: Path, config: Path | None, tensorboard: Path | None,
    resume: bool, data: Path | None,
    executor: str, workers: int, address: str | None, trial_seconds: float | None, trial_memory: int | None,
    **options: Any,
) -> None:  # fmt: skip
    """Search a space for a predictor, retrain the best few, and write the best ensemble of them to OUT/model.

    PATH is a data set that 'routenas ingest' made, or what the task reads; --resume and --config know it from the run.
    """
    from routenas.api import search as run_search
    from routenas.run import CONFIG, check, read_configuration
    from routenas.settings import Settings
    from routenas.show.watch import watched

    execution = execution_of(context, executor, workers, address, trial_seconds, trial_memory)
    own, path = given(context, **options), data_of(path, data)
    if resume and config is not None:
        raise click.UsageError("--resume goes on with the settings of the run: leave out --config")
    recorded: dict[str, Any] = {}
    if resume and path is None and "task" not in own and not (out / "config.json").exists():
        raise InputError("no run to go on with", file=out, expected="the folder of a run, or a data set to begin with")
    if resume and (out / "config.json").exists():
        recorded = read_configuration(out)
    elif config is not None:
        recorded = _read_toml(config)
    source = out / CONFIG if resume and recorded else config
    with settings_in(source):
        budgets = _budgets(recorded.get("task", {}), own)
        settings = Settings.from_dict(recorded.get("settings", {}), budgets)
        check(settings)
    if not recorded and "in_flight" not in own:
        own["in_flight"] = workers
    settings = _changed(settings, own, budgets)
    check(settings)
    with settings_in(None if "task" in own else source):
        task = _task(path, recorded.get("task", {}), own, options["task"], settings.seed, again=resume)
    # What does not go with this task is the file's fault where the command line does not set it.
    set_here = own.keys() & {"space", "space_option", "preset", "strategy", "strategy_option"}
    with (
        settings_in(None if set_here else source),
        watched(task, settings, out, tensorboard) as events,
    ):
        bundle = run_search(task, out, settings, execution=execution, events=events, resume=resume)
    click.echo(f"model bundle: {out / 'model'}")
    click.echo(json.dumps(headline(bundle.metrics)))


def _on_placements(described: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Whether the task that is named, or else that a file describes, is one on placements."""
    from routenas.tasks import ROUTABILITY, of_placements

    return of_placements(own["task"]) if "task" in own else described.get("task", ROUTABILITY) == ROUTABILITY


def _budgets(described: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Budget]:
    """What the names of budgets mean on the task that is named, or that a file describes."""
    from routenas.tasks import ROUTABILITY, adapter
    from routenas.training import budgets_of

    return budgets_of(adapter(ROUTABILITY if _on_placements(described, own) else own.get("task") or described["task"]))


def _task(
    path: Path | None, described: Mapping[str, Any], own: Mapping[str, Any], default: Any, seed: int, *, again: bool
) -> Task:
    """The task that a file describes, or the one on the data that were given; options come first."""
    from routenas.api import task_of
    from routenas.tasks import ROUTABILITY
    from routenas.tasks.facts import Start

    placements = _on_placements(described, own)
    given = [
        f"--{name.replace('_', '-')}" for name in ("task", "task_options", "split", "extra_targets") if name in own
    ]
    own_kind = described.get("task", ROUTABILITY) != ROUTABILITY
    if (own_kind and not (again and "task" in own)) or (described and again and path is None and not given):
        return _described(described, path, given)
    if placements and described.get("task", ROUTABILITY) == ROUTABILITY and not again:
        known = {"task", "name", "data", "split", "extra_targets"}
        if unknown := sorted(set(described) - known):
            raise SettingError("no such setting of the task", found=unknown[0], expected=", ".join(sorted(known)))
    data = path or described.get("data")
    if placements and not data:
        raise click.UsageError("Missing argument 'PATH': the data set to search on.")
    split = own.get("split", _split_of(described) if placements else None)
    start = Start(extra_targets=own.get("extra_targets", bool(described.get("extra_targets"))))
    name = own.get("task", described.get("name", default))
    return task_of(data, name, split, seed, start, options_of(own.get("task_options", ())))


def _described(described: Mapping[str, Any], path: Path | None, given: list[str]) -> Task:
    """The task that a file describes, its data where they are now. Raises UsageError for what would change it."""
    from routenas.tasks import task_from_config

    if given or (path is not None and "data" not in described):
        what = "this task is described by its file alone: leave out"
        raise click.UsageError(f"{what} {given[0] if given else 'PATH'}")
    try:
        return task_from_config(described if path is None else {**described, "data": str(path)})
    except (TypeError, ValueError, LookupError, AttributeError) as error:  # whatever its constructor says
        raise SettingError(f"the task {described.get('task')} cannot be made: {error}") from None


def _changed(settings: Settings, own: dict[str, Any], budgets: Mapping[str, Budget]) -> Settings:
    """The settings with what the user gave on the command line."""
    from dataclasses import replace

    from routenas.training import budget_named

    plain = (
        "recipe", "trials", "cpu_seconds", "folds", "strategy", "initial", "scheduler", "finalists", "final_seeds",
        "members", "seed", "in_flight", "order", "threads", "device",
    )  # fmt: skip
    changes: dict[str, Any] = {name: own[name] for name in plain if name in own}
    if "strategy_option" in own:
        changes["strategy_options"] = {**settings.strategy_options, **options_of(own["strategy_option"])}
    elif "strategy" in own and own["strategy"] != settings.strategy:
        changes["strategy_options"] = {}
    if "none" in (named := own.get("hand_made", ())) and len(named) > 1:
        raise click.UsageError("--hand-made none leaves searched networks alone: leave out the others, or none")
    if "hand_made" in own:
        changes["hand_made"] = [name for name in own["hand_made"] if name != "none"]
    if own.keys() & {"space", "space_option", "preset"}:
        base = {"space": own["space"]} if "space" in own else dict(settings.space) or {"space": "flexible"}
        preset = {"preset": own["preset"]} if "preset" in own else {}
        changes["space"] = {**base, **preset, **options_of(own.get("space_option", ()))}
    shared = {name: own.get(name) for name in ("learning_rate", "batch")}
    budget = budget_named(own["budget"], budgets) if "budget" in own else settings.budget
    final = budget_named(own["final_budget"], budgets) if "final_budget" in own else settings.final_budget
    changes["budget"] = budget.changed(epochs=own.get("epochs"), **shared)
    changes["final_budget"] = final.changed(epochs=own.get("final_epochs"), **shared)
    return replace(settings, **changes)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError("the settings cannot be read", file=path, found=reason, expected="TOML, as run.toml") from None
    task = value.pop("task", {})
    if not isinstance(task, dict):
        raise InputError("the task of the settings is no table", file=path, found=task, expected="[task]")
    return {"settings": value, "task": task}


def _split_of(task: Mapping[str, Any]) -> Any:
    from placement_data.dataset import Split

    return Split.from_dict(task["split"]) if "split" in task else None
