"""``routenas predict``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from placement_data.errors import InputError
from routenas.commands import FILE, OUTPUT, THREADS, UNUSED_SEED, check_outputs, example, say
from routenas.commands.verb import verb


@verb(epilog=example("routenas predict runs/digits/model new-digits.npz --out answers.csv"))
@click.argument("model", type=FILE)
@click.argument("path", type=FILE)
@click.option("-o", "--out", type=OUTPUT, help="CSV or JSON to write, by its end [CSV on standard output].")
@THREADS
@UNUSED_SEED
def predict(model: Path, path: Path, out: Path | None, threads: int, seed: int) -> None:
    """Answer for new examples by a model of a task on other data than placements (for these see 'score').

    PATH holds examples as the task's data, with or without labels: see docs/tasks.md. A row an example.
    """
    from placement_data.files import is_standard_output, write_text
    from routenas.api import predict as answers_of

    check_outputs()
    suffix = ".csv" if out is None or is_standard_output(out) else out.suffix.lower()
    if suffix not in (".csv", ".json"):
        raise InputError("answers are written as CSV or JSON", file=out, expected=".csv or .json")
    rows = answers_of(model, path, threads=threads)
    text = _csv(rows) if suffix == ".csv" else json.dumps(rows, indent=1, allow_nan=False) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    write_text(out, text)
    say(f"{out}: {len(rows)} answers")


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
