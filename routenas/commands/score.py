"""``routenas score``."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from placement_data.errors import InputError, RoutenasError
from routenas.commands import (
    ADDRESS,
    EXECUTOR,
    FILE,
    OUTPUT,
    RUNTIME,
    THREADS,
    UNUSED_SEED,
    Emission,
    check_outputs,
    example,
    execution_of,
    explain,
    listener,
    say,
    tell,
)
from routenas.commands.export import EMIT, write_emission
from routenas.commands.verb import POSITIVE, PROCESSES, verb

if TYPE_CHECKING:
    from placement_data.making import LayoutFiles
    from routenas.executor import Execution
    from routenas.flow.batch import Layout
    from routenas.flow.gates import Gate
    from routenas.onnx_model import Runtime
    from routenas.scoring import Scorer

LIBERTY = click.option(
    "--liberty", type=FILE, multiple=True, help="Liberty that tells the registers, as in training; may be repeated."
)
ROUTING_LAYERS = click.option(
    "--routing-layers", default="", help="Layers that signals may use, as metal2-metal3, as in training [all]."
)
LEF = click.option("--lef", "lef", type=FILE, multiple=True, help="Technology or cell LEF of the DEF; may be repeated.")
TILE = click.option("--tile", type=POSITIVE, help="Tile in microns (default: the model's).")


@verb(
    epilog=example(
        "routenas score --lef tech.lef --lef cells.lef --def placed.def.gz \\",
        "  --model hotspots/ --model violated-nets/ --json out.json --png out.png",
        "routenas score --lef *.lef --def try_*.def --model hotspots/ --out scores/",
        "routenas score --lef *.lef --def placements/ --model hotspots/ --out scores/ --workers 2",
        "routenas score --manifest manifest.csv --model hotspots/ --out scores/ --workers 2",
        "routenas score --lef *.lef --def placed.def --model hotspots/ \\",
        '  --fail-if "hotspot_area_fraction > 2% or hotspot_max > 0.95" \\',
        "  --emit openroad-blockages=fix.tcl",
    )
)
@LEF
@click.option(
    "--def", "defs", type=FILE, multiple=True, help="Placed DEF, plain or gzip; with --out several, or folders of such."
)
@click.option("--aux", type=FILE, help="A Bookshelf placement instead.")
@click.option("--odb", type=FILE, help="An OpenDB file instead (needs openroad).")
@click.option("--manifest", type=FILE, help="A CSV of layouts instead, as 'ingest' reads it; needs --out.")
@LIBERTY
@ROUTING_LAYERS
@click.option("--name", default="", help="Name of the design in all output (default: what its file says).")
@click.option(
    "--model", "models", type=FILE, multiple=True, required=True,
    help="Model bundle, at most one per task; pretrained: those that ship with routenas.",
)  # fmt: skip
@TILE
@click.option("--top", type=click.IntRange(min=0), default=20, show_default=True, help="Worst regions to report.")
@click.option("--causes/--no-causes", default=True, show_default=True, help="Say what drives each region.")
@click.option(
    "--fail-if", "fail_if", multiple=True, metavar="CONDITION",
    help="End with exit code 10 where this holds, as 'hotspot_tiles > 40 and hotspot_max > 0.9'; may be repeated. "
    "Names: see 'Gates' in docs/scoring.md.",
)  # fmt: skip
@click.option("--out", type=FILE, help="Folder for a JSON a layout and summary.csv; what is there is not done again.")
@EXECUTOR
@click.option("--workers", type=PROCESSES, default=1, show_default=True, help="Layouts scored at once, with --out.")
@ADDRESS
@click.option("--json", "json_path", type=OUTPUT, help="Write the whole answer as JSON.")
@click.option(
    "--csv",
    "csv_path",
    type=OUTPUT,
    help="Write the hotspot map, a row per tile: x0,y0,x1,y1 in microns, value in %.",
)
@click.option("--png", "png_path", type=OUTPUT, help="Write the heat map over the die as a picture.")
@click.option("--html", "html_path", type=OUTPUT, help="Write a page for a browser: maps, regions, training.")
@EMIT
@click.option("--timings", is_flag=True, help="Print seconds and share of each stage.")
@RUNTIME
@THREADS
@UNUSED_SEED
@click.pass_context
def score(
    context: click.Context, lef: tuple[Path, ...], defs: tuple[Path, ...], aux: Path | None, odb: Path | None,
    manifest: Path | None, liberty: tuple[Path, ...], routing_layers: str, name: str, models: tuple[Path, ...],
    tile: float | None, top: int, causes: bool, fail_if: tuple[str, ...], out: Path | None, executor: str, workers: int,
    address: str | None, json_path: Path | None, csv_path: Path | None, png_path: Path | None,
    html_path: Path | None, emissions: tuple[Emission, ...], timings: bool, runtime: Runtime,
    threads: int, seed: int,
) -> int:  # fmt: skip
    """Predict hotspots and violated nets of one placed layout, or of many.

    One layout is shown on standard output, and written where --json, --csv, --png, --html and --emit say. Several
    (--def A.def B.def, --def FOLDER, --manifest) go into the folder --out, a JSON each and one table, summary.csv. A
    layout that cannot be scored is named on standard error and in the table, the others are scored, and the exit code
    is 3. The same command goes on where it was stopped, and scores anew what has changed: a result is kept where the
    content of its files, models and settings are the same.
    """
    check_outputs()
    # The process of one layout lives for seconds: collecting cycles of the imports and tables would be a fifth of it.
    gc.disable()
    from routenas.flow.gates import Gate
    from routenas.scoring import Scorer

    gates = [Gate.of(text) for text in fail_if]
    given = [("def", path) for path in defs] + [(kind, path) for kind, path in (("aux", aux), ("odb", odb)) if path]
    if out is None:
        _only_for(context, "many layouts, in a folder --out", "workers", "executor", "address", "manifest")
        files = _layout(given, lef, liberty, routing_layers.strip())
        began = time.perf_counter()
        outputs = {"json": json_path, "csv": csv_path, "png": png_path, "html": html_path}
        _check_picture(png_path)
        _check_page(html_path, liberty)
        scorer = Scorer(models, tile_um=tile, top=top, causes=causes, runtime=runtime, threads=threads, say=tell)
        loaded = time.perf_counter() - began
        return _score_one(scorer, files, name, gates, outputs, emissions, loaded if timings else None)
    _only_for(context, "one layout, without --out", "name", "json", "csv", "png", "html", "emit", "timings")
    execution = execution_of(context, executor, workers, address)
    layouts = _layouts(given, lef, liberty, routing_layers.strip(), manifest)
    gc.enable()
    scorer = Scorer(models, tile_um=tile, top=top, causes=causes, runtime=runtime, threads=threads, say=tell)
    return _score_many(scorer, layouts, out, gates, execution)


def _score_one(
    scorer: Scorer, files: LayoutFiles, name: str, gates: Sequence[Gate], outputs: Mapping[str, Path | None],
    emissions: Sequence[Emission], loaded: float | None,
) -> int:  # fmt: skip
    """Score, write and show one layout; with ``loaded`` seconds of the models' loading the time of all stages, too."""
    from placement_data.files import write_text
    from routenas.bundle import ModelMismatchError
    from routenas.scoring import heat_map_csv
    from routenas.show.maps import heat_map
    from routenas.show.text import score_table, timing_table

    if (outputs["csv"] or outputs["png"] or emissions) and "hotspots" not in scorer.tasks:
        what = "--emit" if emissions else "a map"
        raise ModelMismatchError(f"{what} needs a hotspot model, expected --model of the task 'hotspots'")
    _require(gates, scorer)
    found = scorer.score_files(files, name)
    mark = time.perf_counter()
    value = found.to_dict()
    if outputs["png"] is not None:
        from routenas.show.pictures import heat_map_png

        heat_map_png(found, outputs["png"])
    if outputs["html"] is not None:
        from placement_data.making import read_liberties
        from routenas.show.pages.score import score_page

        write_text(outputs["html"], score_page(found, scorer, read_liberties(files.liberty)))
    if outputs["csv"] is not None and found.probability is not None:
        write_text(outputs["csv"], heat_map_csv(found.grid, found.probability, found.design.dbu_per_micron))
    if outputs["json"] is not None:
        write_text(outputs["json"], json.dumps(value, indent=1, allow_nan=False) + "\n")
    if emissions:
        from routenas.flow.exports.plan import Plan

        plan = Plan.of(value, found.design)
        for emission in emissions:
            write_emission(emission, plan, {})
    if found.probability is not None:
        say(heat_map(found.probability, listener()))
    say(score_table(found))
    if loaded is not None:
        say(timing_table({"load models": loaded, **found.timings, "write": time.perf_counter() - mark}))
    code = _told([("", why) for gate in gates if (why := gate.tripped(value)) is not None])
    gc.freeze()
    return code


def _score_many(
    scorer: Scorer, layouts: Sequence[Layout], out: Path, gates: Sequence[Gate], execution: Execution
) -> int:
    """Score layouts into a folder, and say what became of them."""
    from routenas.flow.batch import score_batch
    from routenas.show.progress import progress_bar

    _require(gates, scorer)
    with progress_bar("score", len(layouts)) as bar:

        def tell(name: str, error: Exception | None) -> None:
            if error is not None:
                bar.say(f"routenas: failed {name}: {explain(error)[0]}")
            bar.advance(1, name)

        done = score_batch(scorer, layouts, out, gates=gates, execution=execution, tell=tell)
    code = _told([(f"{name}: ", why) for name, why in done.tripped])
    click.echo(f"{out}: {done}", err=True)
    if done.failed:
        known = all(isinstance(error, RoutenasError | OSError) for error in done.failed.values())
        return InputError.exit_code if known else 1
    return code


def _told(tripped: Sequence[tuple[str, str]]) -> int:
    """Say which gates tripped, and of which layout; the exit code."""
    from routenas.flow.gates import EXIT_CODE

    for whose, why in tripped:
        click.echo(f"routenas: gate tripped: {whose}{why}", err=True)
    return EXIT_CODE if tripped else 0


def _require(gates: Sequence[Gate], scorer: Scorer) -> None:
    """Refuse, before the work, gates on what no model answers."""
    for gate in gates:
        gate.require(scorer.tasks)


def _check_picture(path: Path | None) -> None:
    """Refuse, before the models are loaded, a picture of a format that there is not."""
    if path is not None:
        from routenas.show.pictures import picture_format

        picture_format(path)


def _check_page(path: Path | None, liberty: Sequence[Path]) -> None:
    """Refuse, before the models are loaded, a page that cannot be made."""
    if path is not None:
        from routenas.show.pages import require_bokeh

        require_bokeh()
        if not all(file.is_file() for file in liberty):
            raise click.UsageError("--html reads Liberty once more: --liberty must be a file, not a pipe")


def _only_for(context: click.Context, whom: str, *names: str) -> None:
    """Raise UsageError where an option is given that has no use here."""
    for param in context.command.params:
        name = param.opts[0].removeprefix("--")
        source = context.get_parameter_source(str(param.name))
        if name in names and source is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name} is for {whom}")


def _layout(
    given: Sequence[tuple[str, Path]], lef: tuple[Path, ...], liberty: tuple[Path, ...], routing_layers: str
) -> LayoutFiles:
    """The one layout that was given. Raises UsageError for none or several, and for LEF where it has no use."""
    from placement_data.making import LayoutFiles

    if given and all(kind == "def" for kind, _ in given) and (len(given) > 1 or given[0][1].is_dir()):
        raise click.UsageError("several layouts go into a folder: give --out")
    if len(given) != 1:
        found = " and ".join(f"--{kind}" for kind, _ in given) or "none"
        raise click.UsageError(f"give one layout: --lef with --def, --aux or --odb; found {found}")
    ((kind, path),) = given
    if (kind == "def") != bool(lef):
        raise click.UsageError("Missing option '--lef'." if kind == "def" else f"--{kind} has no use for --lef")
    return LayoutFiles(kind, path, lef, liberty, routing_layers)


def _layouts(
    given: Sequence[tuple[str, Path]], lef: tuple[Path, ...], liberty: tuple[Path, ...], routing_layers: str,
    manifest: Path | None,
) -> list[Layout]:  # fmt: skip
    """The layouts that go into a folder. Raises UsageError where it is not clear which they are."""
    from placement_data.manifest import read_manifest
    from routenas.flow.batch import layouts_of_files, layouts_of_rows

    if manifest is not None:
        if given or lef:
            raise click.UsageError("--manifest names all layouts and their LEF: give no other")
        return layouts_of_rows(read_manifest(manifest, absent=True), liberty, routing_layers)
    if not given or any(kind != "def" for kind, _ in given) or not lef:
        raise click.UsageError("with --out give layouts as --lef and --def, or as a --manifest")
    return layouts_of_files([path for _, path in given], lef, liberty, routing_layers)
