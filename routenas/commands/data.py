"""``routenas data ...``: the verbs that look at a data set."""

from __future__ import annotations

import json
from pathlib import Path

import click

from routenas.commands import FILE, OUTPUT, SEED, UNUSED_SEED, check_outputs
from routenas.commands.audit import audit
from routenas.commands.circuitnet import export_circuitnet, import_circuitnet
from routenas.commands.lint import lint


@click.group()
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


@data.command(epilog="\b\nExample:\n  routenas data split data.h5 --seed 1 -o split.json")
@click.argument("path", type=FILE)
@click.option("-o", "--output", type=OUTPUT, default="-", help="JSON file to write (default: standard output).")
@SEED
def split(path: Path, output: Path, seed: int) -> None:
    """Draw a train / search / test split: every design family is on one side only."""
    from placement_data.dataset import draw_split
    from placement_data.files import write_text
    from placement_data.store import Store

    check_outputs()
    write_text(output, json.dumps(draw_split(Store(path), seed).to_dict(), indent=1) + "\n")


for _verb in (audit, lint, import_circuitnet, export_circuitnet):
    data.add_command(_verb)
