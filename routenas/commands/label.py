"""``routenas label``."""

from __future__ import annotations

from pathlib import Path

import click

from placement_data.errors import InputError
from routenas.commands import FILE, UNUSED_SEED, example, explain, telling
from routenas.commands.verb import POSITIVE, PROCESSES, verb


@verb(
    epilog=example(
        "routenas label manifest.csv -o labelled/ --orders 3 --workers 8",
        "routenas label manifest.csv -o labelled/ --router openroad --iteration 2 --time-limit 3600",
        "routenas ingest labelled/manifest.csv -o data.h5",
    )
)
@click.argument("manifest", type=FILE)
@click.option("-o", "--out", "output", type=FILE, required=True, help="Folder for routings, manifest and summary.")
@click.option(
    "--router", type=click.Choice(["qrouter", "openroad"]), default="qrouter", show_default=True, help="What routes."
)
@click.option("--executable", default="", help="The router's program [its name, on PATH].")
@click.option(
    "--iteration", type=click.IntRange(0, 100),
    help="Label what is left after this iteration, the first is 0 [qrouter 0, openroad 2].",
)  # fmt: skip
@click.option(
    "--orders", type=click.IntRange(1, 100), default=1, show_default=True,
    help="Route each placement so many times, with its nets in other orders: the label's noise.",
)  # fmt: skip
@click.option(
    "--routing-layers", default="",
    help="Layers that signals may use, as metal2-metal3, in rows that name none [all routing layers].",
)  # fmt: skip
@click.option("--time-limit", type=POSITIVE, help="Seconds that one routing may take [none].")
@click.option("--workers", type=PROCESSES, default=1, show_default=True, help="Routings at the same time.")
@UNUSED_SEED
@telling
def label(
    manifest: Path, output: Path, router: str, executable: str, iteration: int | None, orders: int,
    routing_layers: str, time_limit: float | None, workers: int, seed: int,
) -> int:  # fmt: skip
    """Route the placed designs that MANIFEST names, and collect what goes wrong as labels.

    OUT gets manifest.csv, which 'routenas ingest' takes as it is; summary.json, with the agreement of net orders; and a
    folder a routing, with its reports (an iteration each), wires, use of tracks by instance and log. qrouter reports
    pins of failed nets that its wires do not reach, OpenROAD its DRC violations.

    A routing that is done is not done again, whatever ended the run. One that fails, or takes longer than --time-limit,
    is left out, with its log kept; the exit code is then 3.
    """
    from placement_data.manifest import read_manifest
    from routenas.flow.label.labelling import label as run_label
    from routenas.flow.label.routing import Plan
    from routenas.show.label import labels_table
    from routenas.show.progress import progress_bar

    rows = read_manifest(manifest, absent=True)
    plan = Plan.of(
        router, executable=executable, iteration=iteration, orders=orders, routing_layers=routing_layers.strip(),
        seconds=time_limit,
    )  # fmt: skip
    with progress_bar("label", len(rows) * orders) as bar:

        def tell(sample: str, error: Exception | None) -> None:
            if error is not None:
                bar.say(f"routenas: skipped {sample}: {explain(error)[0]}")
            bar.advance(1, sample)

        done = run_label(rows, output, plan, workers=workers, tell=tell)
    click.echo(labels_table(done.samples))
    click.echo(f"{output / 'manifest.csv'}: {done}")
    return InputError.exit_code if done.failed else 0
