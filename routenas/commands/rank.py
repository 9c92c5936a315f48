"""``routenas rank``: candidate placements of one design, least predicted harm first."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from placement_data.errors import InputError
from placement_data.files import STANDARD_OUTPUT
from routenas.commands import FILE, OUTPUT, RUNTIME, THREADS, UNUSED_SEED, check_outputs, example, tell
from routenas.commands.score import LEF, LIBERTY, ROUTING_LAYERS, TILE
from routenas.commands.verb import verb

if TYPE_CHECKING:
    from routenas.onnx_model import Runtime


@verb(
    epilog=example(
        "routenas rank --lef *.lef --def try_1.def try_2.def try_3.def --model pretrained > order.json",
        "routenas rank scores/*.json --by hotspot_mean_top_1pct -o order.csv",
    )
)
@click.argument("scores", type=FILE, nargs=-1)
@LEF
@click.option("--def", "defs", type=FILE, multiple=True, help="Placed DEF of a candidate; may be repeated.")
@LIBERTY
@ROUTING_LAYERS
@click.option("--model", "models", type=FILE, multiple=True, help="Model bundle that scores the --def; pretrained.")
@TILE
@click.option(
    "--by", help="Number that is to be small [violated_nets, or else expected_hotspot_tiles]; names: docs/scoring.md."
)
@click.option("-o", "--output", type=OUTPUT, help="Write the order here [standard output].")
@click.option("--format", "form", type=click.Choice(["json", "csv"]), help="Its form [what -o ends with, else json].")
@RUNTIME
@THREADS
@UNUSED_SEED
def rank(
    scores: tuple[Path, ...], lef: tuple[Path, ...], defs: tuple[Path, ...], liberty: tuple[Path, ...],
    routing_layers: str, models: tuple[Path, ...], tile: float | None, by: str | None, output: Path | None,
    form: str | None, runtime: Runtime, threads: int, seed: int,
) -> None:  # fmt: skip
    """Order candidate placements of one design by their predicted harm, the best one first.

    SCORES are JSON files of 'routenas score', all by the same models; or give placements, with --lef, --def and
    --model. A person reads the table on standard error; a program reads the order on standard output or in -o.
    """
    check_outputs()
    from placement_data.files import write_text
    from routenas.flow.batch import layouts_of_files
    from routenas.flow.ranking import rank as ranked
    from routenas.flow.values import read_score
    from routenas.scoring import Scorer
    from routenas.show.flow import rank_table

    if bool(scores) == bool(defs):
        raise click.UsageError("give either scores (JSON files), or placements with --lef, --def and --model")
    if defs and not (lef and models):
        raise click.UsageError(f"Missing option '--{'model' if lef else 'lef'}'.")
    if scores and (lef or liberty or models or tile or routing_layers):
        raise click.UsageError("scores are ranked as they are: --lef, --liberty, --routing-layers, --model and --tile "
                               "are for --def")  # fmt: skip
    if len({str(path) for path in scores}) < len(scores):
        raise InputError("a score is given twice", expected="each once")
    if defs:
        layouts = layouts_of_files(defs, lef, liberty, routing_layers.strip())
        scorer = Scorer(models, tile_um=tile, top=0, runtime=runtime, threads=threads, say=tell)
        found = {each.name: scorer.score_files(each.files).to_dict() for each in layouts}
    else:
        found = {str(path): read_score(path) for path in scores}
    ranking = ranked(found, by)
    if form is None:
        form = "csv" if output is not None and output.suffix == ".csv" else "json"
    text = _csv(ranking) if form == "csv" else json.dumps(ranking, indent=1, allow_nan=False) + "\n"
    write_text(output or STANDARD_OUTPUT, text)
    click.echo(rank_table(ranking), err=True)


def _csv(ranking: dict[str, Any]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, list(ranking["candidates"][0]), lineterminator="\n")
    table.writeheader()
    table.writerows(ranking["candidates"])
    return text.getvalue()
