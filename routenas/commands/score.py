"""``routenas score``."""

from __future__ import annotations

import gc
import json
import time
from pathlib import Path

import click

from placement_data.errors import InputError
from routenas.commands import FILE, OUTPUT, THREADS, UNUSED_SEED, check_outputs, example, say


@click.command(
    epilog=example(
        "routenas score --lef tech.lef --lef cells.lef --def placed.def.gz \\",
        "  --model hotspots/ --model violated-nets/ --json out.json --png out.png",
    )
)
@click.option("--lef", "lef", type=FILE, multiple=True, required=True, help="Technology or cell LEF; may be repeated.")
@click.option("--def", "def_", type=FILE, required=True, help="Placed DEF, plain or gzip.")
@click.option("--model", "models", type=FILE, multiple=True, required=True, help="Model bundle; at most one per task.")
@click.option("--tile", type=click.FloatRange(min=0, min_open=True), help="Tile in microns (default: the model's).")
@click.option("--top", type=click.IntRange(min=0), default=20, show_default=True, help="Worst regions to report.")
@click.option("--json", "json_path", type=OUTPUT, help="Write the whole answer as JSON.")
@click.option(
    "--csv", "csv_path", type=OUTPUT, help="Write the hotspot map: x0,y0,x1,y1,value in microns, a row per tile"
)
@click.option("--png", "png_path", type=OUTPUT, help="Write the heat map over the die as a picture.")
@click.option("--timings", is_flag=True, help="Print seconds and share of each stage.")
@THREADS
@UNUSED_SEED
def score(
    lef: tuple[Path, ...], def_: Path, models: tuple[Path, ...], tile: float | None, top: int, json_path: Path | None,
    csv_path: Path | None, png_path: Path | None, timings: bool, threads: int, seed: int,
) -> None:  # fmt: skip
    """Predict hotspots and violated nets of one placed layout."""
    check_outputs()
    # The process lives for seconds: collecting cycles of the imports and tables would be a fifth of its time.
    gc.disable()
    from placement_data.files import write_text
    from routenas.api import limited_threads
    from routenas.predictor import Predictor
    from routenas.scoring import heat_map_csv, score_layout
    from routenas.show.text import score_table, timing_table

    began = time.perf_counter()
    if png_path is not None:
        from routenas.show.pictures import heat_map_png, picture_format

        picture_format(png_path)
    predictors = [Predictor.of(model) for model in models]
    if (csv_path or png_path) and all(each.card.name != "hotspots" for each in predictors):
        raise InputError("a map can only be written by a hotspot model", expected="--model of the task 'hotspots'")
    loaded = time.perf_counter() - began
    with limited_threads(threads):
        found = score_layout(lef, def_, predictors, tile, top)
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
