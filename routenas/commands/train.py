"""``routenas train``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from placement_data.errors import InputError, SettingError
from routenas.commands import (
    BATCH,
    DEVICE,
    EPOCHS,
    EXTRA_TARGETS,
    FILE,
    RATE,
    SEED,
    SPLIT,
    TASK,
    THREADS,
    example,
    headline,
    settings_in,
    telling,
)
from routenas.commands.verb import verb

if TYPE_CHECKING:
    from routenas.architecture import Architecture


@verb(
    epilog=example(
        "routenas train data.h5 --predictor residual-dilated --out models/residual",
        "routenas train data.h5 --architecture runs/hotspots/model/model.json --out models/again",
    )
)
@click.argument("path", type=FILE)
@TASK
@click.option(
    "--predictor",
    help="A hand-crafted network: residual-dilated, tile-mlp, unet, fcn, pros, pix2pix, jnet, flnet, gpdl (hotspots), "
    "resnet18 (violated nets). With -paper behind it (fcn-paper), it is trained as its paper trained it.",
)
@click.option("--architecture", type=FILE, help="A model.json whose architecture is trained anew.")
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
    path: Path, out: Path, force: bool, task: str, predictor: str | None, architecture: Path | None, budget: str,
    epochs: int | None, learning_rate: float | None, batch: int | None, seeds: int, split: Path | None, seed: int,
    threads: int, device: str, extra_targets: bool,
) -> None:  # fmt: skip
    """Train one network, hand-crafted or found by a search, and write its bundle."""
    from routenas.api import task_of
    from routenas.api import train as run_training
    from routenas.baselines import baseline
    from routenas.bundle import check_folder
    from routenas.show.progress import progress_bar
    from routenas.training import budget_named

    if out.exists() and not force:
        raise InputError("there is something at this place already", file=out, expected="--force or another name")
    if (predictor is None) == (architecture is None):
        raise click.UsageError("what to train is not clear: give either --predictor or --architecture")
    if predictor is not None and ":" not in predictor and baseline(task, predictor).kind != "network":
        raise SettingError("only networks can be exported as a bundle", found=predictor)
    value = predictor if architecture is None else _architecture(architecture)
    check_folder(out)
    chosen = budget_named(budget).changed(epochs=epochs, learning_rate=learning_rate, batch=batch)
    routability = task_of(path, task, split, seed, extra_targets)  # type: ignore[arg-type]
    with progress_bar(f"train {task}", chosen.epochs * seeds) as bar:
        bundle = run_training(
            routability, value or "", out, budget=chosen, seeds=range(seed, seed + seeds), threads=threads,
            device=device, progress=lambda *_: bar.advance(1),
        )  # fmt: skip
    click.echo(f"model bundle: {out}")
    click.echo(json.dumps({"test": headline(bundle.metrics["test"])}))


def _architecture(path: Path) -> Architecture:
    from routenas.architecture import Architecture

    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        with settings_in(path):
            found = Architecture.from_dict(value["architecture"])
            _ = found.searched_space
        return found
    except OSError as error:
        raise InputError("cannot be read", file=path, found=error.strerror or "error") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("no architecture in this file", file=path, found=str(error), expected="a model.json") from None
