"""``routenas train``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from placement_data.errors import InputError
from routenas.commands import (
    BATCH,
    DATA,
    DEVICE,
    EPOCHS,
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
    given,
    headline,
    options_of,
    settings_in,
    telling,
)
from routenas.commands.verb import DataArgument, verb

if TYPE_CHECKING:
    from routenas.architecture import Architecture


@verb(
    epilog=example(
        "routenas train data.h5 --predictor residual-dilated --out models/residual",
        "routenas train data.h5 --architecture runs/hotspots/model/model.json --out models/again",
        "routenas train new-kit.h5 --from models/residual --placements 20 --out models/new-kit",
    )
)
@click.argument("path", cls=DataArgument)
@TASK
@TASK_OPTION
@DATA
@click.option(
    "--predictor",
    help="A hand-crafted predictor of those that evaluate compares with: residual-dilated, tile-mlp, unet, fcn, "
    "gradient-boosting ... With -paper behind it (fcn-paper), a published network is trained as its paper trained it.",
)
@click.option("--architecture", type=FILE, help="A model.json whose architecture is trained anew.")
@click.option(
    "--from", "start", type=FILE, help="A bundle whose members are trained on from their weights: fine-tuning."
)
@click.option(
    "--placements", type=click.IntRange(min=1),
    help="Train on so many placements of the training part, evenly over its designs [all].",
)  # fmt: skip
@click.option("--out", type=FILE, required=True, help="Bundle folder to write.")
@click.option("--force", is_flag=True, help="Replace the bundle that is there.")
@click.option("--budget", default="full", show_default=True, help="smoke, fast or full.")
@EPOCHS
@RATE
@BATCH
@click.option(
    "--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Members of the bundle, a seed each."
)
@EXTRA_TARGETS
@SPLIT
@SEED
@THREADS
@DEVICE
@telling
def train(
    path: Path | None, data: Path | None, out: Path, force: bool, task: str, task_options: tuple[str, ...],
    predictor: str | None, architecture: Path | None, start: Path | None, placements: int | None, budget: str,
    epochs: int | None, learning_rate: float | None, batch: int | None, seeds: int, split: Path | None, seed: int,
    threads: int, device: str, extra_targets: bool,
) -> None:  # fmt: skip
    """Train one predictor, hand-crafted or found by a search, and write its bundle."""
    from routenas.api import start_of, task_of
    from routenas.api import train as run_training
    from routenas.architecture import Architecture
    from routenas.baselines import baseline
    from routenas.bundle import Bundle, check_folder
    from routenas.pretrained import located
    from routenas.show.progress import progress_bar
    from routenas.training import budget_named, budgets_of

    if out.exists() and not force:
        raise InputError("there is something at this place already", file=out, expected="--force or another name")
    if [predictor, architecture, start].count(None) != 2:
        raise click.UsageError("what to train is not clear: give one of --predictor, --architecture and --from")
    if start is not None and given(click.get_current_context(), seeds=seeds):
        raise click.UsageError("--seeds has no use with --from: each member is trained on once")
    value: Architecture | Bundle
    if start is not None:
        value = Bundle.load(*located(start, task))
    else:
        value = Architecture(network=predictor or "") if architecture is None else _architecture(architecture)
    check_folder(out)
    begun = start_of(value, placements, seed, extra_targets)
    learnt = task_of(data_of(path, data), task, split, seed, begun, options_of(task_options))
    chosen = budget_named(budget, budgets_of(learnt)).changed(epochs=epochs, learning_rate=learning_rate, batch=batch)
    trained = predictor is None or baseline(learnt.name, predictor).kind == "network"
    members, fitted = seeds, []
    if isinstance(value, Bundle):
        names = [member.architecture.network for member in value.members]
        fitted = [name for name in names if name and baseline(learnt.name, name).kind != "network"]
        members = len(names) - len(fitted)
    with progress_bar(f"train {task}", chosen.epochs * members if trained else 1) as bar:
        bundle = run_training(
            learnt, value, out, budget=chosen, seeds=range(seed, seed + seeds), threads=threads,
            device=device, progress=lambda *_: bar.advance(1), say=bar.say,
        )  # fmt: skip
        if fitted:
            bar.say(f"left out, since what is fitted at once has no weights to start from: {', '.join(fitted)}")
    click.echo(f"model bundle: {out}")
    click.echo(json.dumps(headline(bundle.metrics)))


def _architecture(path: Path) -> Architecture:
    from routenas.architecture import Architecture

    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        with settings_in(path):
            # A bundle of schema 3 tells one for each member; the first counts most.
            told = value["members"][0] if isinstance(value["members"], list) else value
            found = Architecture.from_dict(told["architecture"])
            _ = found.searched_space
        return found
    except OSError as error:
        raise InputError(
            "cannot be read", file=path, found=error.strerror or "error", expected="the model.json of a bundle"
        ) from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("no architecture in this file", file=path, found=str(error), expected="a model.json") from None
