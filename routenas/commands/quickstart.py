"""``routenas quickstart``."""

from __future__ import annotations

from pathlib import Path

import click

from routenas.commands import FILE, SEED, example, telling
from routenas.commands.verb import verb


@verb(epilog=example("routenas quickstart --out quickstart"))
@click.option(
    "--out", type=FILE, default=Path("quickstart"), show_default=True, help="Folder for runs, pictures and tables."
)
@SEED
@telling
def quickstart(out: Path, seed: int) -> None:
    """The main job on the data inside the package: search, train, compare, score, draw. A few minutes on 2 cores."""
    from routenas.quickstart import quickstart as run

    run(out, seed, click.echo)
