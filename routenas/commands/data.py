"""The verbs that make a data set and look at it: ``routenas ingest`` and ``routenas data ...``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from placement_data.errors import InputError
from routenas.commands import FILE, SEED, UNUSED_SEED, example, explain
from routenas.commands.lint import lint

LEAK = 10
"""Exit code of an audit that found a leak."""


@click.command(
    epilog=example(
        "routenas ingest manifest.csv -o data.h5 --workers 8",
        "routenas ingest manifest.csv -o data.h5 --workers 8 --resume --keep-going",
    )
)
@click.argument("manifest", type=FILE)
@click.option("-o", "--out", "--output", "output", type=FILE, required=True, help="The HDF5 data set to write.")
@click.option(
    "--tile", type=click.FloatRange(min=0, min_open=True), help="Side of a tile in microns (default: the row height)."
)
@click.option(
    "--channels", default="routenas17", show_default=True, help="Channel set: routenas17, circuitnet9, all or another."
)
@click.option(
    "--liberty", type=FILE, multiple=True, help="Liberty of rows that name none: tells the registers; repeatable."
)
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Processes that read, a placement each."
)
@click.option("--keep-going", is_flag=True, help="Leave out what cannot be read, say so, and end with exit code 3.")
@click.option("--resume", is_flag=True, help="Bring the data set that is there up to date: read what changed.")
@click.option("--append", is_flag=True, help="Add to the data set that is there instead of making a new one.")
@click.option("--force", is_flag=True, help="Replace the data set that is there, reading everything anew.")
@UNUSED_SEED
def ingest(
    manifest: Path, output: Path, tile: float | None, channels: str, liberty: tuple[Path, ...], workers: int,
    keep_going: bool, resume: bool, append: bool, force: bool, seed: int,
) -> int:  # fmt: skip
    """Read the placements and DRC reports that MANIFEST names into one HDF5 of feature maps and labels.

    MANIFEST is a CSV, a row a placement, with the columns sample, design, family; lef and def, or aux (Bookshelf), or
    odb (OpenDB); and optionally liberty, report, label_kind, report_repeats. Paths are relative to it; several files in
    one field are separated by ';'. Placements of one family are never on two sides of a split. Without a report a
    placement is kept unlabelled. Other columns are kept as attributes and never become inputs.

    The file is the same for any number of workers. The first bad placement ends the run with its error and no data set
    is written, unless --keep-going is given: then the rest is written and the exit code is 3. A run that was stopped,
    by an error, Ctrl-C or the system, leaves what it had read in .OUT.parts; the next one goes on from there.
    """
    from placement_data.ingest import Mode, Recipe, read_manifest
    from placement_data.ingest import ingest as run_ingest
    from routenas.show.progress import progress_bar

    modes: dict[Mode, bool] = {"resume": resume, "append": append, "force": force}
    chosen = [name for name, given in modes.items() if given]
    if len(chosen) > 1:
        raise click.UsageError(f"--{chosen[0]} and --{chosen[1]} exclude each other")
    rows = read_manifest(manifest)
    with progress_bar("ingest", len(rows)) as bar:

        def tell(sample: str, error: Exception | None) -> None:
            if error is not None and keep_going:
                bar.say(f"routenas: skipped {sample}: {explain(error)[0]}")
            if error is None or keep_going:
                bar.advance(1, sample)

        def kept(count: int, folder: Path) -> None:
            bar.say(f"routenas: {count} placements that were read are kept for the next run in {folder}")

        done = run_ingest(
            rows, output, Recipe(tile, channels, liberty), workers=workers, keep_going=keep_going,
            mode=chosen[0] if chosen else "new", tell=tell, kept=kept,
        )  # fmt: skip
    click.echo(f"{output}: {done.placements} placements written, {output.stat().st_size / 1e6:.1f} MB\n{done}")
    return InputError.exit_code if done.skipped else 0


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
@click.option("-o", "--output", type=FILE, help="JSON file to write (default: standard output).")
@SEED
def split(path: Path, output: Path | None, seed: int) -> None:
    """Draw a train / search / test split: every design family is on one side only."""
    from placement_data.dataset import draw_split
    from placement_data.store import Store, write_text

    text = json.dumps(draw_split(Store(path), seed).to_dict(), indent=1)
    if output is None:
        click.echo(text)
    else:
        write_text(output, text + "\n")


@data.command(
    epilog=example(
        "routenas data audit data.h5 --split split.json",
        "routenas data audit data.h5 --split split.json --model runs/hotspots/model --json audit.json",
    )
)
@click.argument("path", type=FILE)
@click.option("--split", "split_path", type=FILE, required=True, help="Split that 'routenas data split' wrote.")
@click.option("--families", type=FILE, help="CSV with the columns design (or a glob pattern) and family, of your own.")
@click.option("--model", "models", type=FILE, multiple=True, help="Bundle to check against the split; may be repeated.")
@click.option("--json", "json_path", type=FILE, help="Write the findings as JSON; '-' prints it instead of the text.")
@UNUSED_SEED
def audit(
    path: Path, split_path: Path, families: Path | None, models: tuple[Path, ...], json_path: Path | None, seed: int
) -> int:
    """Look for leaks between the parts of a split: exit code 10 where there is one.

    A leak is the same placement, design or known family of designs (a bundled table, and --families) on two sides,
    nearly the same maps (mirrored, turned or cut into other tiles, too), a normalisation that was not computed from the
    training placements alone, or a model that was trained or chosen on what it is judged by. What else makes a result
    doubtful, such as mixed label kinds, is a warning.
    """
    from placement_data.store import check_writable, write_text
    from routenas.session import run_audit

    to_screen = json_path is not None and str(json_path) == "-"
    if json_path is not None and not to_screen:
        check_writable(json_path)
    found = run_audit(path, split_path, families, models)
    text = json.dumps(found.to_dict(), indent=1, allow_nan=False)
    if json_path is not None and not to_screen:
        write_text(json_path, text + "\n")
    click.echo(text if to_screen else str(found))
    return LEAK if found.leaks else 0


@data.command(
    "import-circuitnet", epilog=example("routenas data import-circuitnet CircuitNet-N28/ -o circuitnet.h5 --keep-going")
)
@click.argument("folder", type=FILE)
@click.option("-o", "--out", "output", type=FILE, required=True, help="The HDF5 data set to write.")
@click.option(
    "--layout", type=click.Choice(["auto", "raw", "training"]), default="auto", show_default=True,
    help="Folders of maps, or CircuitNet's prepared training set.",
)  # fmt: skip
@click.option("--channels", help="Maps to take, comma-separated (default: all placement maps that are there).")
@click.option("--router-maps", is_flag=True, help="Take the routers' overflow maps, too: they leak the answer.")
@click.option("--label", default="DRC_all", show_default=True, help="DRC_all or one violation type.")
@click.option("--threshold", type=click.FloatRange(min=0), help="Violations above which a tile is a hotspot [0].")
@click.option(
    "--families", type=click.Choice(["core", "design", "table"]), default="core", show_default=True,
    help="What a family is: a core, a design, or the bundled table's.",
)  # fmt: skip
@click.option("--designs", type=FILE, help="CSV with sample, design, family for samples of other names.")
@click.option("--tile", type=click.FloatRange(min=0, min_open=True), help="Side of a tile in microns [2.25].")
@click.option("--keep-going", is_flag=True, help="Leave out what cannot be read, say so, and end with exit code 3.")
@click.option("--force", is_flag=True, help="Replace the data set that is there.")
@UNUSED_SEED
def import_circuitnet(output: Path, keep_going: bool, force: bool, seed: int, **options: Any) -> int:
    """Make a data set of CircuitNet's maps and labels in FOLDER. Its labels tell no violated nets."""
    from routenas.session import run_import

    if output.exists() and not force:
        raise InputError("the data set exists already", file=output, expected="--force or another name")
    defects: list[InputError] = []

    def skip(error: InputError) -> None:
        defects.append(error)
        click.echo(f"routenas: skipped {explain(error)[0]}", err=True)

    count = run_import(output, skip if keep_going else None, **options)
    click.echo(f"{output}: {count} placements written, {output.stat().st_size / 1e6:.1f} MB")
    return InputError.exit_code if defects else 0


@data.command(
    "export-circuitnet", epilog=example("routenas data export-circuitnet data.h5 -o circuitnet/ --split split.json")
)
@click.argument("path", type=FILE)
@click.option("-o", "--out", "output", type=FILE, required=True, help="Folder to make.")
@click.option(
    "--layout", type=click.Choice(["training", "raw"]), default="training", show_default=True,
    help="A prepared training set, or folders of maps at native size.",
)  # fmt: skip
@click.option(
    "--preprocessing", type=click.Choice(["area", "circuitnet"]), default="area", show_default=True,
    help="One scale a channel, or CircuitNet's own: cubic spline, each map by its own range.",
)  # fmt: skip
@click.option("--size", type=click.IntRange(min=1), default=256, show_default=True, help="Tiles a side (training).")
@click.option("--split", "split_path", type=FILE, help="Split for the lists of samples and the scales.")
@UNUSED_SEED
def export_circuitnet(path: Path, output: Path, seed: int, **options: Any) -> None:
    """Write a data set in CircuitNet's layout, so that scripts written for CircuitNet train on it."""
    from routenas.session import run_export

    click.echo(f"{output}: {run_export(path, output, **options)} placements written")


data.add_command(lint)
