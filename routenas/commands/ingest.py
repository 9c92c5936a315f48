"""``routenas ingest``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from placement_data import DEFAULT_CHANNELS
from placement_data.errors import InputError
from routenas.commands import FILE, OUTPUT, UNUSED_SEED, example, explain, telling
from routenas.commands.verb import POSITIVE, PROCESSES, verb


@verb(
    epilog=example(
        "routenas ingest manifest.csv -o data.h5 --workers 8",
        "routenas ingest manifest.csv -o data.h5 --workers 8 --resume --keep-going",
    )
)
@click.argument("manifest", type=FILE)
@click.option("-o", "--out", "--output", "output", type=OUTPUT, required=True, help="The HDF5 data set to write.")
@click.option("--tile", type=POSITIVE, help="Side of a tile in microns (default: the row height).")
@click.option(
    "--channels",
    help="Channel set: routability, routenas17, routenas-pdn, circuitnet9 or all "
    f"[{DEFAULT_CHANNELS}; with --resume and --append that of the data set].",
)
@click.option(
    "--liberty", type=FILE, multiple=True, help="Liberty of rows that name none: tells the registers; repeatable."
)
@click.option(
    "--routing-layers", default="",
    help="Layers that signals may use, as metal2-metal3, in rows that name none [all routing layers].",
)  # fmt: skip
@click.option("--workers", type=PROCESSES, default=1, show_default=True, help="Processes that read, a placement each.")
@click.option("--keep-going", is_flag=True, help="Leave out what cannot be read, say so, and end with exit code 3.")
@click.option("--resume", is_flag=True, help="Bring the data set that is there up to date: read what changed.")
@click.option("--append", is_flag=True, help="Add to the data set that is there instead of making a new one.")
@click.option("--force", is_flag=True, help="Replace the data set that is there, reading everything anew.")
@UNUSED_SEED
@telling
def ingest(
    manifest: Path, output: Path, tile: float | None, channels: str | None, liberty: tuple[Path, ...],
    routing_layers: str, workers: int, keep_going: bool, resume: bool, append: bool, force: bool, seed: int,
) -> int:  # fmt: skip
    """Read the placements and DRC reports that MANIFEST names into one HDF5 of feature maps and labels.

    MANIFEST is a CSV, a row a placement, with the columns sample, design, family; lef and def, or aux (Bookshelf), or
    odb (OpenDB); and optionally liberty, routing_layers, report, label_kind, report_repeats, report_iteration_0, _1.
    Paths are relative to it; several files in one field are separated by ';'. Placements of one family are never on two
    sides of a split. Without a report a placement is kept unlabelled. Other columns are kept as attributes and never
    become inputs.

    The file is the same for any number of workers. The first bad placement ends the run with its error and no data set
    is written, unless --keep-going is given: then the rest is written and the exit code is 3. A run that was stopped,
    by an error, Ctrl-C or the system, leaves what it had read in .OUT.parts; the next one goes on from there.
    """
    from placement_data.ingest import Mode, Recipe, read_manifest
    from placement_data.ingest import ingest as run_ingest
    from routenas.show.progress import progress_bar
    from routenas.show.text import findings_lines

    modes: dict[Mode, bool] = {"resume": resume, "append": append, "force": force}
    chosen = [name for name, given in modes.items() if given]
    if len(chosen) > 1:
        raise click.UsageError(f"--{chosen[0]} and --{chosen[1]} exclude each other")
    if channels is None:
        channels = _channels_of(output) if resume or append else DEFAULT_CHANNELS
    rows = read_manifest(manifest, absent=keep_going)
    with progress_bar("ingest", len(rows)) as bar:

        def tell(sample: str, error: Exception | None) -> None:
            if error is not None and keep_going:
                bar.say(f"routenas: skipped {sample}: {explain(error)[0]}")
            if error is None or keep_going:
                bar.advance(1, sample)

        def kept(count: int, folder: Path) -> None:
            bar.say(f"routenas: {count} placements that were read are kept for the next run in {folder}")

        recipe = Recipe(tile, channels, liberty, routing_layers.strip())
        done = run_ingest(
            rows, output, recipe, workers=workers, keep_going=keep_going,
            mode=chosen[0] if chosen else "new", tell=tell, kept=kept,
        )  # fmt: skip
    for line in findings_lines(done.findings):
        click.echo(f"warning: {line}", err=True)
    click.echo(f"{output}: {done.placements} placements written, {output.stat().st_size / 1e6:.1f} MB\n{done}")
    return InputError.exit_code if done.skipped else 0


def _channels_of(data: Path) -> str:
    """Name of the channel set of a data set that is gone on with; the default where there is none, or none of ours."""
    from placement_data.features import CHANNEL_SETS
    from placement_data.store import Store

    if not data.exists():
        return DEFAULT_CHANNELS
    with closing(Store(data)) as store:
        name = store.channel_version.partition("/")[0]
    return name if name in CHANNEL_SETS else DEFAULT_CHANNELS
