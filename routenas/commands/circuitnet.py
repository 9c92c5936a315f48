"""``routenas data import-circuitnet`` and ``export-circuitnet``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from placement_data.errors import InputError
from routenas.commands import FILE, OUTPUT, UNUSED_SEED, check_outputs, example, explain
from routenas.commands.verb import POSITIVE, Number, verb

if TYPE_CHECKING:
    from placement_data.circuitnet.exporting import Preprocessing
    from placement_data.circuitnet.names import FamilyRule
    from placement_data.store import Sample


@verb(
    "import-circuitnet", epilog=example("routenas data import-circuitnet CircuitNet-N28/ -o circuitnet.h5 --keep-going")
)
@click.argument("folder", type=FILE)
@click.option("-o", "--out", "output", type=OUTPUT, required=True, help="The HDF5 data set to write.")
@click.option(
    "--layout", type=click.Choice(["auto", "raw", "training"]), default="auto", show_default=True,
    help="Folders of maps, or CircuitNet's prepared training set.",
)  # fmt: skip
@click.option("--channels", help="Maps to take, comma-separated (default: all placement maps that are there).")
@click.option("--router-maps", is_flag=True, help="Take the routers' overflow maps, too: they leak the answer.")
@click.option("--label", default="DRC_all", show_default=True, help="DRC_all or one violation type.")
@click.option("--threshold", type=Number(min=0), help="Violations above which a tile is a hotspot [0].")
@click.option(
    "--families", type=click.Choice(["core", "design", "table"]), default="core", show_default=True,
    help="What a family is: a core, a design, or the bundled table's.",
)  # fmt: skip
@click.option("--designs", type=FILE, help="CSV with sample, design, family for samples of other names.")
@click.option("--tile", type=POSITIVE, help="Side of a tile in microns [2.25].")
@click.option("--keep-going", is_flag=True, help="Leave out what cannot be read, say so, and end with exit code 3.")
@click.option("--force", is_flag=True, help="Replace the data set that is there.")
@UNUSED_SEED
def import_circuitnet(
    folder: Path, output: Path, layout: Literal["auto", "raw", "training"], channels: str | None, router_maps: bool,
    label: str, threshold: float | None, families: FamilyRule, designs: Path | None, tile: float | None,
    keep_going: bool, force: bool, seed: int,
) -> int:  # fmt: skip
    """Make a data set of CircuitNet's maps and labels in FOLDER. Its labels tell no violated nets."""
    from placement_data.circuitnet import read_circuitnet, read_designs
    from placement_data.files import check_writable
    from placement_data.store import write
    from routenas.show.progress import progress_bar

    if output.exists() and not force:
        raise InputError("the data set exists already", file=output, expected="--force or another name")
    defects: list[InputError] = []

    def skip(error: InputError) -> None:
        defects.append(error)
        click.echo(f"routenas: skipped {explain(error)[0]}", err=True)

    check_outputs()
    check_writable(output, streams=False)
    found = read_circuitnet(
        folder, layout=layout, include_router_maps=router_maps, label=label, threshold=threshold, families=families,
        channels=None if channels is None else [name.strip() for name in channels.split(",")],
        designs=None if designs is None else read_designs(designs), tile_um=tile,
        on_defect=skip if keep_going else None,
    )  # fmt: skip
    with progress_bar("import", len(found)) as bar:

        def samples() -> Iterator[Sample]:
            for sample in found:
                yield sample
                bar.advance(1, sample.sample)

        count = write(output, samples(), found.channels, found.channel_version)
    click.echo(f"{output}: {count} placements written, {output.stat().st_size / 1e6:.1f} MB")
    return InputError.exit_code if defects else 0


@verb("export-circuitnet", epilog=example("routenas data export-circuitnet data.h5 -o circuitnet/ --split split.json"))
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
def export_circuitnet(
    path: Path, output: Path, layout: Literal["training", "raw"], preprocessing: Preprocessing, size: int,
    split_path: Path | None, seed: int,
) -> None:  # fmt: skip
    """Write a data set in CircuitNet's layout, so that scripts written for CircuitNet train on it."""
    from placement_data.circuitnet import export_circuitnet as export
    from placement_data.dataset import Split
    from placement_data.store import Store
    from routenas.show.progress import progress_bar

    split = None if split_path is None else Split.load(split_path)
    with progress_bar("export", len(Store(path))) as bar:
        count = export(
            path, output, layout=layout, preprocessing=preprocessing, resize=size, split=split, progress=bar.advance
        )
    click.echo(f"{output}: {count} placements written")
