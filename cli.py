"""The ``routenas`` command: one thin function a verb. Everything it does is in the three packages."""

from __future__ import annotations

import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

import click

from placement_data.errors import InputError
from routenas import __version__
from routenas.commands import FILE, SEED, UNUSED_SEED, example, explain
from routenas.commands.benchmark import benchmark
from routenas.commands.data import data, ingest

EXIT_CODES = """\b
Exit codes:
  0  success
  1  an internal error of routenas (please report it)
  2  the command line is wrong
  3  an input is unreadable or inconsistent
  4  a model does not fit: schema, channels, tile, task
  5  every training failed
  10 a check tripped: 'data audit' found a leak, 'data lint' a contradiction
  130  interrupted"""


class _Group(click.Group):
    """Turns errors into one line on standard error and a documented exit code; ROUTENAS_DEBUG=1 shows tracebacks."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command and end the process with its exit code."""
        options["standalone_mode"] = False
        try:
            sys.exit(super().main(*args, **options) or 0)
        except click.UsageError as error:
            if "\n" in error.format_message():  # the command's help, for want of arguments
                error.show()
                sys.exit(error.exit_code)
            where = f" (see '{error.ctx.command_path} --help')" if error.ctx else ""
            self._fail(f"{error.format_message()}{where}", error.exit_code)
        except BrokenPipeError:  # whoever reads our output has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            sys.exit(1)
        except (click.Abort, KeyboardInterrupt):
            self._fail("interrupted", 130)
        except Exception as error:
            self._fail(*explain(error))

    def _fail(self, text: str, code: int) -> None:
        if os.environ.get("ROUTENAS_DEBUG"):
            raise
        click.echo(f"routenas: error: {' '.join(text.split())}", err=True)
        sys.exit(code)


_SPLIT = click.option(
    "--split", "split_path", type=FILE, help="Split that 'routenas data split' wrote (default: drawn from --seed)."
)
_TASK = click.option(
    "--task",
    type=click.Choice(["hotspots", "violated_nets"]),
    default="hotspots",
    show_default=True,
    help="What to predict.",
)
_THREADS = click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Threads of torch; more than one pays for large maps only, on cores that are free.",
)


@click.group(cls=_Group, epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="routenas")
def main() -> None:
    """Search, train and run routability predictors: DRC hotspots and violated nets, from a placement, before routing.

    \b
    A first session on your own designs:
      routenas ingest manifest.csv -o data.h5
      routenas search data.h5 --task hotspots --out runs/hotspots
      routenas score --lef tech.lef --lef cells.lef --def placed.def.gz --model runs/hotspots/model
    """


main.add_command(ingest)
main.add_command(data)
main.add_command(benchmark)


@main.command(
    epilog=example(
        "routenas search data.h5 --task hotspots --trials 24 --out runs/hotspots",
        "routenas search data.h5 --task hotspots --trials 24 --out runs/hotspots --resume",
    )
)
@click.argument("path", type=FILE)
@_TASK
@click.option("--out", type=FILE, required=True, help="Run folder to make (or to go on with, under --resume).")
@click.option(
    "--trials", type=click.IntRange(min=1), default=24, show_default=True, help="Candidates to train, in all."
)
@click.option(
    "--strategy", default="evolution", show_default=True, help="evolution, guided, bernoulli, paper or random."
)
@click.option(
    "--preset", type=click.Choice(["extended", "paper"]), default="extended", show_default=True, help="Search space."
)
@click.option("--budget", default="fast", show_default=True, help="Training of a candidate: smoke, fast or full.")
@click.option("--final-budget", default="full", show_default=True, help="Training of the best few.")
@click.option(
    "--finalists", type=click.IntRange(min=1), default=3, show_default=True, help="How many of the best are retrained."
)
@click.option(
    "--final-seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Seeds of each retraining."
)
@click.option(
    "--executor",
    default="in-process",
    show_default=True,
    help="Where candidates are trained: in-process, processes or ray.",
)
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Candidates trained at once.")
@click.option("--address", help="Ray cluster; 'auto' finds the one that runs here (default: a local one).")
@click.option("--trial-seconds", type=click.FloatRange(min=0, min_open=True), help="End a candidate that takes longer.")
@click.option("--trial-memory", type=click.IntRange(min=1), help="Megabytes that a candidate may allocate.")
@click.option("--tensorboard", type=FILE, help="Folder for event files that TensorBoard shows.")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped; ends as an uninterrupted one.")
@_SPLIT
@SEED
@_THREADS
def search(
    path: Path, split_path: Path | None, threads: int, out: Path, resume: bool, executor: str, workers: int,
    address: str | None, trial_seconds: float | None, trial_memory: int | None, tensorboard: Path | None,
    **options: Any,
) -> None:  # fmt: skip
    """Search the flexible space for a predictor, retrain the best few, keep one and write its bundle to OUT/model."""
    from routenas.executor import Execution
    from routenas.session import run_search

    execution = Execution(executor, workers, address, trial_seconds, trial_memory)
    bundle = run_search(path, out, split_path, threads, resume, {**options, "batch": workers}, execution, tensorboard)
    click.echo(f"model bundle: {out / 'model'}")
    click.echo(json.dumps({"test": _headline(bundle)}))


@main.command(
    epilog=example(
        "routenas train data.h5 --predictor residual-dilated --out models/residual",
        "routenas train data.h5 --architecture runs/hotspots/model/model.json --out models/again",
    )
)
@click.argument("path", type=FILE)
@_TASK
@click.option("--predictor", help="A hand-crafted network: fcn, unet, tile-mlp, residual-dilated, resnet18.")
@click.option("--architecture", type=FILE, help="A model.json whose architecture is trained anew.")
@click.option("--out", type=FILE, required=True, help="Bundle folder to write.")
@click.option("--force", is_flag=True, help="Replace the bundle that is there.")
@click.option("--budget", default="full", show_default=True, help="smoke, fast or full.")
@click.option(
    "--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Members of the bundle, a seed each."
)
@_SPLIT
@SEED
@_THREADS
def train(path: Path, out: Path, force: bool, **options: Any) -> None:
    """Train one network, hand-crafted or found by a search, and write its bundle."""
    from routenas.session import run_training

    if out.exists() and not force:
        raise InputError("there is something at this place already", file=out, expected="--force or another name")

    bundle = run_training(path, out, **options)
    click.echo(f"model bundle: {out}")
    click.echo(json.dumps({"test": _headline(bundle)}))


def _headline(bundle: Any) -> dict[str, Any]:
    return {name: value for name, value in bundle.metrics["test"].items() if isinstance(value, int | float)}


@main.command(epilog=example("routenas evaluate data.h5 --model runs/hotspots/model --seeds 3 --json table.json"))
@click.argument("path", type=FILE)
@_TASK
@click.option(
    "--model", "models", multiple=True, help="A bundle, or NAME=FOLDER; may be repeated. The first is the reference."
)
@click.option(
    "--baselines",
    "names",
    default="all",
    show_default=True,
    help="Hand-crafted predictors, comma-separated; all or none.",
)
@click.option("--budget", default="full", show_default=True, help="Training of the hand-crafted networks.")
@click.option(
    "--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Seeds of the hand-crafted networks."
)
@click.option(
    "--part", type=click.Choice(["search", "test"]), default="test", show_default=True, help="Split to judge on."
)
@click.option("--json", "json_path", type=FILE, help="Write the table as JSON.")
@_SPLIT
@SEED
@_THREADS
def evaluate(path: Path, json_path: Path | None, **options: Any) -> None:
    """Compare models with hand-crafted predictors (same data, trainer and budget) and with the label's noise ceiling.

    A model that was trained or chosen on a family of the judged split is refused.
    """
    from placement_data.store import check_writable, write_text
    from routenas.session import run_evaluation
    from routenas.show.text import comparison_table

    if json_path is not None:
        check_writable(json_path)
    table = run_evaluation(path, **options)
    if json_path is not None:
        write_text(json_path, json.dumps(table, indent=1, allow_nan=False) + "\n")
    click.echo(comparison_table(table))


@main.command(
    epilog=example(
        "routenas score --lef tech.lef --lef cells.lef --def placed.def.gz \\",
        "  --model hotspots/ --model violated-nets/ --json out.json --png out.png",
    )
)
@click.option("--lef", "lef", type=FILE, multiple=True, required=True, help="Technology or cell LEF; may be repeated.")
@click.option("--def", "def_", type=FILE, required=True, help="Placed DEF, plain or gzip.")
@click.option("--model", "models", type=FILE, multiple=True, required=True, help="Model bundle; at most one a task.")
@click.option("--tile", type=click.FloatRange(min=0, min_open=True), help="Tile in microns (default: the model's).")
@click.option("--top", type=click.IntRange(min=0), default=20, show_default=True, help="Worst regions to report.")
@click.option("--json", "json_path", type=FILE, help="Write the whole answer as JSON.")
@click.option("--csv", "csv_path", type=FILE, help="Write the hotspot map: x0,y0,x1,y1,value in microns, a row a tile.")
@click.option("--png", "png_path", type=FILE, help="Write the heat map over the die as a picture.")
@click.option("--timings", is_flag=True, help="Print seconds and share of each stage.")
@UNUSED_SEED
def score(
    json_path: Path | None, csv_path: Path | None, png_path: Path | None, timings: bool, seed: int, **options: Any
) -> None:
    """Predict hotspots and violated nets of one placed layout."""
    # The process lives for seconds: collecting cycles of the imports and tables would be a fifth of its time.
    gc.disable()
    from routenas.session import run_scoring

    click.echo(run_scoring(json_path=json_path, csv_path=csv_path, png_path=png_path, show_timings=timings, **options))
    gc.freeze()


@main.command(epilog="\b\nExample:\n  routenas quickstart --out quickstart")
@click.option(
    "--out", type=FILE, default=Path("quickstart"), show_default=True, help="Folder for runs, pictures and tables."
)
@SEED
def quickstart(out: Path, seed: int) -> None:
    """The main job on the data inside the package: search, train, compare, score, draw. A few minutes on 2 cores."""
    from routenas.quickstart import quickstart as run

    run(out, seed, click.echo)


if __name__ == "__main__":
    main()
