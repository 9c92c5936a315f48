"""``routenas evaluate``."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from routenas.commands import (
    BATCH,
    DATA,
    EPOCHS,
    OUTPUT,
    RATE,
    SPLIT,
    TASK,
    TASK_OPTION,
    THREADS,
    check_outputs,
    data_of,
    example,
    options_of,
    say,
    telling,
)
from routenas.commands.verb import SEEDS, DataArgument, verb


@verb(epilog=example("routenas evaluate data.h5 --model runs/hotspots/model --seeds 3 --json table.json"))
@click.argument("path", cls=DataArgument)
@TASK
@TASK_OPTION
@DATA
@click.option(
    "--model", "models", multiple=True, help="A bundle, or NAME=FOLDER; may be repeated. The first is the reference."
)
@click.option(
    "--baselines", "names", default="all", show_default=True,
    help="Hand-crafted predictors, comma-separated; all or none. NAME-paper is a network trained as its paper did.",
)  # fmt: skip
@click.option("--budget", default="full", show_default=True, help="Training of the hand-crafted networks.")
@EPOCHS
@RATE
@BATCH
@click.option(
    "--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Seeds of the hand-crafted networks."
)
@click.option(
    "--part",
    type=click.Choice(["search", "test", "unseen"]),
    help="Part of the split to judge on, or all placements of families that no model has seen "
    "[test; unseen where the data set has not the families of the model's split].",
)
@click.option("--json", "json_path", type=OUTPUT, help="Write the table as JSON.")
@SPLIT
@click.option(
    "--seed", type=SEEDS, default=0, show_default=True,
    help="First seed of the hand-crafted networks, and of a split that is drawn: without --split and --model.",
)  # fmt: skip
@THREADS
@telling
def evaluate(
    path: Path | None, data: Path | None, task: str, task_options: tuple[str, ...], models: tuple[str, ...],
    names: str, budget: str, epochs: int | None, learning_rate: float | None, batch: int | None, seeds: int,
    part: Any, json_path: Path | None, split: Path | None, seed: int, threads: int,
) -> None:  # fmt: skip
    """Compare models with hand-crafted predictors (same data, trainer and budget) and with the label's noise ceiling.

    On other tasks than placements, a hand-made network has as many parameters as the first model.

    A model takes its channels out of the data set's by name, so models of several channel sets are compared on one
    that has them all. One that was trained or chosen on a family of the judged placements is refused.
    """
    from placement_data.files import write_text
    from routenas.api import evaluate as compare
    from routenas.baselines import baseline, baselines
    from routenas.show.progress import progress_bar
    from routenas.show.text import comparison_table, models_table
    from routenas.tasks import ROUTABILITY, adapter, of_placements
    from routenas.training import budget_named, budgets_of

    kind = adapter(ROUTABILITY if of_placements(task) else task)
    label = task if of_placements(task) else kind.name
    wanted = (
        baselines(label) if names == "all" else tuple(each for each in names.split(",") if each not in ("", "none"))
    )
    networks = [name for name in wanted if baseline(label, name).kind == "network"]
    chosen = budget_named(budget, budgets_of(kind)).changed(epochs=epochs, learning_rate=learning_rate, batch=batch)
    named = _named_models(models, wanted)
    check_outputs(*named.values())
    with progress_bar(f"evaluate {task}", max(1, chosen.epochs * seeds * len(networks))) as bar:
        table = compare(
            data_of(path, data), named, None if names == "all" else wanted, budget=chosen,
            seeds=range(seed, seed + seeds), part=part, task=task, split=split, threads=threads,
            task_options=options_of(task_options),
            progress=lambda *_: bar.advance(1), say=bar.say,
        )  # fmt: skip
    if json_path is not None:
        write_text(json_path, json.dumps(table, indent=1, allow_nan=False) + "\n")
    say(comparison_table(table) if of_placements(task) else models_table(table))


def _named_models(models: Sequence[str], taken: Sequence[str]) -> dict[str, Path]:
    """Folders by name: the one given, else the end of its path that tells it from the others and the baselines.

    ``model`` at the end of a path tells nothing: the bundle of a run is called as the run.
    """
    from placement_data.making import short_names
    from routenas.run import MODEL

    own = [text.partition("=")[0] if "=" in text and not Path(text).exists() else "" for text in models]
    folders = [text.removeprefix(f"{name}=") if name else text for name, text in zip(own, models, strict=True)]
    ends = [Path(os.path.abspath(folder)) for folder in folders]
    ends = [path.parent if path.name == MODEL else path for path in ends]
    unnamed = [path for path, name in zip(ends, own, strict=True) if not name]
    short = short_names(unnamed, [*taken, *filter(None, own)])
    names = [name or short[path] for path, name in zip(ends, own, strict=True)]
    twice = [name for name in names if [*names, *taken].count(name) > 1]
    if twice:
        raise click.UsageError(f"two rows of one name, {twice[0]!r}: give NAME=FOLDER with names of their own")
    return dict(zip(names, map(Path, folders), strict=True))
