"""The ``routenas`` command: one thin function a verb. Everything it does is in the three packages."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from routenas.commands import explain
from routenas.commands.benchmark import benchmark
from routenas.commands.compare import compare
from routenas.commands.data import data
from routenas.commands.evaluate import evaluate
from routenas.commands.export import export
from routenas.commands.export_optuna import export_optuna
from routenas.commands.hooks import hooks
from routenas.commands.ingest import ingest
from routenas.commands.label import label
from routenas.commands.onnx import onnx
from routenas.commands.predict import predict
from routenas.commands.quickstart import quickstart
from routenas.commands.rank import rank
from routenas.commands.repair import repair
from routenas.commands.runs import runs
from routenas.commands.score import score
from routenas.commands.search import search
from routenas.commands.serve import serve
from routenas.commands.tables import spaces, tasks
from routenas.commands.train import train
from routenas.version import __version__

EXIT_CODES = """\b
Exit codes:
  0  success
  1  an internal error of routenas (please report it)
  2  the command line is wrong: an option, its value, a name
  3  an input, or a file of settings, is unreadable or inconsistent, or an output cannot be written
  4  a model does not fit: schema, channels, tile, task, Liberty
  5  every training failed
  10 a check tripped: 'data audit' found a leak, 'data lint' a contradiction,
     a --fail-if of 'score' holds
  130  interrupted"""


class _Reported(BaseException):
    """An interrupt or a closed pipe on its way past click, which has an empty line and exit code 1 for them."""


class _Group(click.Group):
    """Turns errors into one line on standard error and a documented exit code; ROUTENAS_DEBUG=1 shows tracebacks."""

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the command and end the process with its exit code."""
        options["standalone_mode"] = False
        _hold_standard_streams()
        try:
            code = super().main(*args, **options) or 0
            if sys.stdout is not None:
                sys.stdout.flush()
            sys.exit(code)
        except click.UsageError as error:
            lacking = isinstance(error, click.MissingParameter)  # which lists its choices on lines of their own
            if "\n" in error.format_message() and not lacking:  # the command's help, for want of arguments
                error.show()
                sys.exit(error.exit_code)
            where = f" (see '{error.ctx.command_path} --help')" if error.ctx else ""
            self._fail(f"{error.format_message()}{where}", error.exit_code)
        except _Reported as error:
            if isinstance(error.__cause__, BrokenPipeError):
                _end_by_pipe()
            # An interrupt inside code that is executed as a text, as dataclasses are made, is remembered by CPython,
            # which sends itself the signal again behind its last line; the next such text makes it forget.
            exec("")
            hint = " (the same command with --resume goes on)" if "search" in sys.argv[1:2] else ""
            self._fail(f"interrupted{hint}", 130)
        except BrokenPipeError:
            _end_by_pipe()
        except Exception as error:
            self._fail(*explain(_of_standard_output(error)))

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """See click: help is printed in here."""
        with _past_click():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """See click."""
        with _past_click():
            return super().invoke(ctx)

    def _fail(self, text: str, code: int) -> None:
        if os.environ.get("ROUTENAS_DEBUG"):
            raise
        click.echo(f"routenas: error: {' '.join(text.split())}", err=True)
        sys.exit(code)


@contextmanager
def _past_click() -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, BrokenPipeError, click.Abort) as error:
        raise _Reported from error


def _hold_standard_streams() -> None:
    """Let no file that is opened take the place of a stream that is closed, and let names of any letters be printed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
    if sys.stdout is not None and isinstance(sys.stdout.buffer, io.RawIOBase):  # PYTHONUNBUFFERED: it may lose text
        encoding, errors = sys.stdout.encoding, sys.stdout.errors
        sys.stdout = open(1, "w", encoding=encoding, errors=errors, closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")


def _end_by_pipe() -> None:
    """End as any command whose reader has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    sys.exit(1)


def _of_standard_output(error: Exception) -> Exception:
    """An error of the system, naming standard output where that is what cannot be written."""
    if isinstance(error, OSError) and error.filename is None and sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is left of it is lost
            return OSError(error.errno, error.strerror, "standard output")
    return error


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


for _verb in (
    ingest, data, search, runs, train, evaluate, predict, score, rank, compare, repair, export, onnx, label,
    hooks, serve, benchmark, quickstart, tasks, spaces, export_optuna,
):  # fmt: skip
    main.add_command(_verb)


if __name__ == "__main__":
    main()
