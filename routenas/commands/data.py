"""``routenas data ...``: the verbs that look at a data set."""

from __future__ import annotations

import json
from pathlib import Path

import click

from routenas.commands import FILE, OUTPUT, SEED, UNUSED_SEED, check_outputs, example
from routenas.commands.audit import audit
from routenas.commands.circuitnet import export_circuitnet, import_circuitnet
from routenas.commands.lint import lint
from routenas.commands.verb import Verbs


@click.group(cls=Verbs)
def data() -> None:
    """Look at a data set, check it, split it by design family."""


@data.command(epilog="\b\nExample:\n  routenas data show data.h5")
@click.argument("path", type=FILE)
@UNUSED_SEED
def show(path: Path, seed: int) -> None:
    """List designs, families, grid sizes and labels of a data set."""
    from placement_data.store import Store
    from routenas.show.text import data_table

    click.echo(data_table(Store(path)))


@data.command(epilog="\b\nExample:\n  routenas data verify data.h5")
@click.argument("path", type=FILE)
@UNUSED_SEED
def verify(path: Path, seed: int) -> None:
    """Read all of a data set and check it; a flipped byte anywhere is found (exit code 3)."""
    from placement_data.checks.verify import verify as verify_store

    store = verify_store(path)
    click.echo(
        f"{path}: intact, {len(store)} placements of {len(set(store.designs))} designs, "
        f"channels {store.channel_version}"
    )


PARTS = "train=5,search=2,test=3"


def _shares(context: click.Context, parameter: click.Parameter, text: str) -> tuple[float, ...]:
    """The shares of train, search and test."""
    pairs = [pair.partition("=")[::2] for pair in text.split(",")]
    try:
        given = {name.strip(): float(value) for name, value in pairs}
    except ValueError:
        raise click.BadParameter(f"{text!r} is not of the form {PARTS}") from None
    if sorted(given) != ["search", "test", "train"] or len(pairs) != 3:
        raise click.BadParameter(f"{text!r} does not name train, search and test once each, as {PARTS}")
    if not all(0 <= value < float("inf") for value in given.values()) or not given["train"]:
        raise click.BadParameter(f"{text!r} has a share that is no positive number (search and test may have 0)")
    return tuple(given[name] / sum(given.values()) for name in ("train", "search", "test"))


@data.command(
    epilog=example(
        "routenas data split data.h5 --seed 1 -o split.json",
        "routenas data split data.h5 --parts train=6,search=2,test=2 -o split.json",
        "routenas data split data.h5 --leave-out cpu -o without-cpu.json",
    )
)
@click.argument("path", type=FILE)
@click.option(
    "-o", "--out", "--output", "output", type=OUTPUT, default="-", help="JSON file to write (default: standard output)."
)
@click.option(
    "--parts", default=PARTS, show_default=True, callback=_shares, help="Shares of the placements: counts or fractions."
)
@click.option(
    "--leave-out", multiple=True, metavar="DESIGN",
    help="Judge on this design, and its family, alone; may be repeated. The others are shared by train and search.",
)  # fmt: skip
@SEED
def split(path: Path, output: Path, parts: tuple[float, ...], leave_out: tuple[str, ...], seed: int) -> None:
    """Draw a train / search / test split: every design family is on one side only."""
    from placement_data.dataset import draw_split
    from placement_data.files import write_text
    from placement_data.store import Store

    check_outputs()
    write_text(output, json.dumps(draw_split(Store(path), seed, parts, leave_out).to_dict(), indent=1) + "\n")


for _verb in (audit, lint, import_circuitnet, export_circuitnet):
    data.add_command(_verb)
