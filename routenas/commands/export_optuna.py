"""``routenas export-optuna``."""

from __future__ import annotations

from pathlib import Path

import click

from routenas.commands import FILE, OUTPUT, UNUSED_SEED, check_outputs, example, say
from routenas.commands.verb import verb


@verb(
    "export-optuna",
    epilog=example(
        "routenas export-optuna runs/hotspots -o journal.log",
        "optuna-dashboard journal.log   # pip install optuna-dashboard",
    ),
)
@click.argument("folder", type=FILE)
@click.option("-o", "--output", type=OUTPUT, required=True, help="The journal, a file; one that is there is replaced.")
@UNUSED_SEED
def export_optuna(folder: Path, output: Path, seed: int) -> None:
    """Write the trials of the run in FOLDER as a journal of Optuna, which optuna-dashboard opens.

    Failed trials are failed ones, and those that a schedule ended early are pruned. Needs the extra 'optuna'.
    """
    check_outputs()
    from routenas.show.optuna_journal import export_optuna as export

    say(f"{output}: {export(folder, output)} trials")
