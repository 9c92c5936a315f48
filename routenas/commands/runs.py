"""``routenas runs``: look at run folders."""

from __future__ import annotations

import json
from pathlib import Path

import click

from placement_data.errors import InputError
from routenas.commands import FILE, OUTPUT, UNUSED_SEED, check_outputs, example, say
from routenas.commands.verb import Verbs

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


@click.group(cls=Verbs)
def runs() -> None:
    """Look at the runs of searches: how far they are, and what they found."""


@runs.command(epilog=example("routenas runs show runs/hotspots"))
@click.argument("folder", type=FILE)
@_JSON
@click.option("--html", "html_path", type=OUTPUT, help="Write a page for a browser: curves, Pareto fronts, trials.")
@UNUSED_SEED
def show(folder: Path, as_json: bool, html_path: Path | None, seed: int) -> None:
    """Show one run: state, trials, settings, finalists, metrics, and the network found."""
    check_outputs()
    from placement_data.files import write_text
    from routenas.show.pages import require_bokeh
    from routenas.show.runs import RunSummary, run_text

    summary = RunSummary.of_folder(folder)
    if html_path is not None:
        require_bokeh()
        from routenas.show.pages.run import run_page

        write_text(html_path, run_page(folder))
    say(json.dumps(summary.to_dict(), indent=1) if as_json else run_text(summary))


@runs.command("list", epilog=example("routenas runs list runs/"))
@click.argument("folder", type=FILE)
@_JSON
@UNUSED_SEED
def list_(folder: Path, as_json: bool, seed: int) -> int:
    """List the runs in FOLDER and below it, a row per run.

    A run that cannot be read is named on standard error, and the exit code is 3.
    """
    from routenas.show.runs import runs_table, summaries

    damaged: list[InputError] = []
    found = summaries(folder, damaged.append)
    for error in damaged:
        click.echo(f"routenas: damaged: {error}", err=True)
    click.echo(json.dumps([each.to_dict() for each in found], indent=1) if as_json else runs_table(found))
    return InputError.exit_code if damaged else 0
