"""What the verbs of the command line share. Nothing heavy is imported before a verb runs."""

from __future__ import annotations

from pathlib import Path

import click

from placement_data.errors import InputError, RoutenasError


def explain(error: Exception) -> tuple[str, int]:
    """What to say of an error, and the exit code."""
    if isinstance(error, RoutenasError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error), InputError.exit_code
    first = str(error).partition("\n")[0]
    return f"internal error, please report it: {type(error).__name__}: {first}", 1


def example(*lines: str) -> str:
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


FILE = click.Path(path_type=Path)
SEED = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of all randomness.")
# Nothing is random in these verbs; they take a seed so that scripts can give it to all.
UNUSED_SEED = click.option("--seed", type=click.IntRange(min=0), default=0, help="Without effect: nothing is random.")
