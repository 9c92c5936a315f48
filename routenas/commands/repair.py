"""``routenas repair``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from routenas.commands import FILE, OUTPUT, SEED, THREADS, check_outputs, example, say
from routenas.commands.score import LEF, LIBERTY, ROUTING_LAYERS, TILE
from routenas.commands.verb import POSITIVE, Number, verb


@verb(
    epilog=example(
        "routenas repair --lef tech.lef cells.lef --def placed.def.gz --model pretrained \\",
        "  -o repaired.def.gz --json repair.json",
    )
)
@LEF
@click.option("--def", "def_", type=FILE, required=True, help="Placed DEF, plain or gzip; nets are not routed yet.")
@LIBERTY
@ROUTING_LAYERS
@click.option(
    "--model", "models", type=FILE, multiple=True, required=True,
    help="Model bundle, one of the task 'hotspots' among them; pretrained: those that ship with routenas.",
)  # fmt: skip
@TILE
@click.option("-o", "--out", type=OUTPUT, required=True, help="DEF to write, gzip where it ends with .gz.")
@click.option("--json", "json_path", type=OUTPUT, help="Write what was done as JSON.")
@click.option(
    "--max-wirelength", type=Number(min=0), default=0.02, show_default=True,
    help="Largest rise of the half-perimeter wirelength, as a share.",
)  # fmt: skip
@click.option("--reach", type=click.IntRange(1, 1000), default=8, show_default=True, help="Longest move, in rows.")
@click.option(
    "--rounds", type=click.IntRange(min=0), default=100, show_default=True,
    help="Most rounds of moves, of each of five searches.",
)  # fmt: skip
@click.option("--seconds", type=POSITIVE, help="Begin no round that would not end by then [no limit].")
@click.option("--keep", multiple=True, metavar="CELL", help="A cell that stays where it is; may be repeated.")
@THREADS
@SEED
def repair(
    lef: tuple[Path, ...], def_: Path, liberty: tuple[Path, ...], routing_layers: str, models: tuple[Path, ...],
    tile: float | None, out: Path, json_path: Path | None, max_wirelength: float, reach: int, rounds: int,
    seconds: float | None, keep: tuple[str, ...], threads: int, seed: int,
) -> None:  # fmt: skip
    """Move cells of a placed DEF, in and around its predicted hotspots, to where routing is predicted to be easier.

    Cells are shifted, swapped, mirrored and moved to white space, legally. Of several such placements the one is taken
    of which the models predict the least, if no number rises. Nothing but their places changes in the DEF; where
    nothing helps, the file is the one that was read. The effect is predicted: route both before you believe in it.
    """
    check_outputs()
    from placement_data.files import write_bytes, write_text
    from placement_data.making import LayoutFiles
    from routenas.api import limited_threads
    from routenas.flow.repair import Settings
    from routenas.flow.repair.files import repair_files
    from routenas.scoring import Scorer
    from routenas.show.flow import repair_table

    files = LayoutFiles("def", def_, lef, liberty, routing_layers.strip())
    limit = float("inf") if seconds is None else seconds
    settings = Settings(seed, rounds, limit, max_wirelength, reach)
    with limited_threads(threads):
        done, data = repair_files(files, Scorer(models, tile_um=tile), settings, out, keep)
    value = done.to_dict()
    if json_path is not None:
        write_text(json_path, json.dumps(value, indent=1, allow_nan=False) + "\n")
    write_bytes(out, data)
    say(repair_table(value))
