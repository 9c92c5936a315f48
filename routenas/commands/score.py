"""``routenas score``."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from routenas.commands import FILE, OUTPUT, THREADS, UNUSED_SEED, check_outputs, example, say
from routenas.commands.verb import POSITIVE, verb

if TYPE_CHECKING:
    from placement_data.making import LayoutFiles


@verb(
    epilog=example(
        "routenas score --lef tech.lef --lef cells.lef --def placed.def.gz \\",
        "  --model hotspots/ --model violated-nets/ --json out.json --png out.png",
    )
)
@click.option("--lef", "lef", type=FILE, multiple=True, help="Technology or cell LEF of the DEF; may be repeated.")
@click.option("--def", "def_", type=FILE, help="Placed DEF, plain or gzip.")
@click.option("--aux", type=FILE, help="A Bookshelf placement instead.")
@click.option("--odb", type=FILE, help="An OpenDB file instead (needs openroad).")
@click.option(
    "--liberty", type=FILE, multiple=True, help="Liberty that tells the registers, as in training; may be repeated."
)
@click.option(
    "--routing-layers", default="", help="Layers that signals may use, as metal2-metal3, as in training [all]."
)
@click.option("--name", default="", help="Name of the design in all output (default: what its file says).")
@click.option(
    "--model", "models", type=FILE, multiple=True, required=True,
    help="Model bundle, at most one per task; pretrained: those that ship with routenas.",
)  # fmt: skip
@click.option("--tile", type=POSITIVE, help="Tile in microns (default: the model's).")
@click.option("--top", type=click.IntRange(min=0), default=20, show_default=True, help="Worst regions to report.")
@click.option("--json", "json_path", type=OUTPUT, help="Write the whole answer as JSON.")
@click.option(
    "--csv",
    "csv_path",
    type=OUTPUT,
    help="Write the hotspot map, a row per tile: x0,y0,x1,y1 in microns, value in %.",
)
@click.option("--png", "png_path", type=OUTPUT, help="Write the heat map over the die as a picture.")
@click.option("--timings", is_flag=True, help="Print seconds and share of each stage.")
@THREADS
@UNUSED_SEED
def score(
    lef: tuple[Path, ...], def_: Path | None, aux: Path | None, odb: Path | None, liberty: tuple[Path, ...],
    routing_layers: str, name: str, models: tuple[Path, ...], tile: float | None, top: int, json_path: Path | None,
    csv_path: Path | None, png_path: Path | None, timings: bool, threads: int, seed: int,
) -> None:  # fmt: skip
    """Predict hotspots and violated nets of one placed layout."""
    check_outputs()
    # The process lives for seconds: collecting cycles of the imports and tables would be a fifth of its time.
    gc.disable()
    from placement_data.files import write_text
    from routenas.api import limited_threads
    from routenas.bundle import ModelMismatchError
    from routenas.scoring import Scorer, heat_map_csv
    from routenas.show.text import score_table, timing_table

    files = _layout(lef, {"def": def_, "aux": aux, "odb": odb}, liberty, routing_layers)
    began = time.perf_counter()
    if png_path is not None:
        from routenas.show.pictures import heat_map_png, picture_format

        picture_format(png_path)
    scorer = Scorer(models, tile_um=tile, top=top)
    if (csv_path or png_path) and "hotspots" not in scorer.tasks:
        raise ModelMismatchError("a map needs a hotspot model, expected --model of the task 'hotspots'")
    loaded = time.perf_counter() - began
    with limited_threads(threads):
        found = scorer.score_files(files, name)
    mark = time.perf_counter()
    if png_path is not None:
        heat_map_png(found, png_path)
    if csv_path is not None and found.probability is not None:
        write_text(csv_path, heat_map_csv(found.grid, found.probability, found.design.dbu_per_micron))
    if json_path is not None:
        write_text(json_path, json.dumps(found.to_dict(), indent=1, allow_nan=False) + "\n")
    say(score_table(found))
    if timings:
        stages = {"load models": loaded, **found.timings, "write": time.perf_counter() - mark}
        say(timing_table(stages))
    gc.freeze()


def _layout(
    lef: tuple[Path, ...], layouts: Mapping[str, Path | None], liberty: tuple[Path, ...], routing_layers: str
) -> LayoutFiles:
    """The one layout that was given. Raises UsageError for none or several, and for LEF where it has no use."""
    from placement_data.making import LayoutFiles

    given = [(kind, path) for kind, path in layouts.items() if path is not None]
    if len(given) != 1:
        found = " and ".join(f"--{kind}" for kind, _ in given) or "none"
        raise click.UsageError(f"give one layout: --lef with --def, --aux or --odb; found {found}")
    ((kind, path),) = given
    if (kind == "def") != bool(lef):
        raise click.UsageError("Missing option '--lef'." if kind == "def" else f"--{kind} has no use for --lef")
    return LayoutFiles(kind, path, lef, liberty, routing_layers.strip())
