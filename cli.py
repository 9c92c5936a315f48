"""The ``routenas`` command: one thin function a verb. Everything it does is in the three packages."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from routenas.commands import explain
from routenas.commands.benchmark import benchmark
from routenas.commands.data import data
from routenas.commands.evaluate import evaluate
from routenas.commands.ingest import ingest
from routenas.commands.quickstart import quickstart
from routenas.commands.runs import runs
from routenas.commands.score import score
from routenas.commands.search import search
from routenas.commands.train import train
from routenas.version import __version__

EXIT_CODES = """\b
Exit codes:
  0  success
  1  an internal error of routenas (please report it)
  2  the command line is wrong: an option, its value, a name
  3  an input, or a file of settings, is unreadable or inconsistent
  4  a model does not fit: schema, channels, tile, task, Liberty
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
            hint = " (the same command with --resume goes on)" if "search" in sys.argv[1:2] else ""
            self._fail(f"interrupted{hint}", 130)
        except Exception as error:
            self._fail(*explain(error))

    def _fail(self, text: str, code: int) -> None:
        if os.environ.get("ROUTENAS_DEBUG"):
            raise
        click.echo(f"routenas: error: {' '.join(text.split())}", err=True)
        sys.exit(code)


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


for _verb in (ingest, data, search, runs, train, evaluate, score, benchmark, quickstart):
    main.add_command(_verb)


if __name__ == "__main__":
    main()
