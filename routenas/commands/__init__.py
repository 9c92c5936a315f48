"""What the verbs of the command line share. Nothing heavy is imported before a verb runs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from placement_data.errors import SettingError
from placement_data.errors import explain as explain
from placement_data.files import STANDARD_OUTPUT, check_writable, is_standard_output
from placement_data.files import check_outputs as check_names
from routenas.commands.verb import POSITIVE, PROCESSES, SEEDS

if TYPE_CHECKING:
    from routenas.executor import Execution


def example(*lines: str) -> str:
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def given(context: click.Context, **values: Any) -> dict[str, Any]:
    """Of the values of parameters those that the user gave, on the command line or in a configuration file."""
    own = click.core.ParameterSource.DEFAULT
    return {name: value for name, value in values.items() if context.get_parameter_source(name) is not own}


def options_of(pairs: tuple[str, ...]) -> dict[str, Any]:
    """``name=value`` pairs as keyword arguments; a value is JSON where it can be read as such, else a text."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"an option is name=value, not {pair!r}")
        name = name.strip().replace("-", "_")
        if name in found:
            raise click.UsageError(f"the option {name} is set twice")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


@contextmanager
def settings_in(file: Path | None) -> Iterator[None]:
    """What is wrong with a setting inside is an error of this file; of the command line where there is none."""
    try:
        yield
    except SettingError as error:
        raise error if file is None else error.inside(file) from None


def headline(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The plain numbers of a model's metrics on its test part, or on what it was chosen by where there is no such."""
    part = next((name for name in ("test", "out_of_fold", "search") if name in metrics), None)
    if part is None:
        return {}
    return {part: {name: value for name, value in metrics[part].items() if isinstance(value, int | float)}}


FILE = click.Path(path_type=Path)


def execution_of(
    context: click.Context, executor: str, workers: int, address: str | None,
    seconds: float | None = None, memory_mb: int | None = None,
) -> Execution:  # fmt: skip
    """Where work runs: several workers are processes unless an executor was named. Raises as `Execution.check`."""
    from routenas.executor import Execution

    if workers > 1 and context.get_parameter_source("executor") is click.core.ParameterSource.DEFAULT:
        executor = "processes"
    execution = Execution(executor, workers, address, seconds, memory_mb)
    execution.check()
    return execution


class Output(click.Path):
    """A file that a command writes; ``-`` is standard output."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return STANDARD_OUTPUT if value == "-" else super().convert(value, param, ctx)


OUTPUT = Output(path_type=Path)


@dataclass(frozen=True)
class Emission:
    """A kind of export, the file for the tool, and the one that takes it back (None where no undo is wanted)."""

    kind: str
    out: Path
    undo: Path | None


def _outputs(context: click.Context) -> dict[str, Path]:
    """What the running command is to write, by what a user calls it: the option, and the kind of an emission."""
    found: dict[str, Path] = {}
    for param in _files(context, outputs=True):
        value, name = context.params.get(str(param.name)), param.opts[0]
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Emission):
                found[f"{name} {each.kind}={each.out}"] = each.out
                found |= {} if each.undo is None else {f"the undo file of {name} {each.kind}={each.out}": each.undo}
            elif each is not None:
                found[name] = each
    return found


def _files(context: click.Context, outputs: bool) -> list[click.Parameter]:
    files = [param for param in context.command.params if isinstance(param.type, click.Path)]
    if outputs:
        return [param for param in files if isinstance(param.type, Output)]
    folders = ("out", "output", "tensorboard")  # to be written
    return [param for param in files if not isinstance(param.type, Output) and param.name not in folders]


def check_outputs(*more: Path) -> None:
    """Refuse, before the work, outputs of the running command that cannot be written, are one file or are an input.

    Inputs are what its other options and arguments name, the files of a bundle among them, and ``more``.
    """
    context = click.get_current_context()
    inputs = list(more)
    for param in _files(context, outputs=False):
        value = context.params.get(str(param.name))
        inputs += () if value is None else (value,) if isinstance(value, Path) else value
    inputs += [path / name for path in inputs for name in ("model.json", "weights.safetensors", "model.onnx")]
    outputs = _outputs(context)
    check_names(outputs, inputs)
    for path in outputs.values():
        check_writable(path)


def say(text: str) -> None:
    """Tell a person what was found: on standard output, or on standard error where the former takes an output."""
    click.echo(text, err=_taken())


def listener() -> TextIO:
    """Where `say` says it."""
    return sys.stderr if _taken() else sys.stdout


def _taken() -> bool:
    """Whether an output of the running command goes to standard output."""
    return any(is_standard_output(path) for path in _outputs(click.get_current_context()).values())


def tell(line: str) -> None:
    """Tell a person, in one line on standard error, what was done in another way than meant."""
    click.echo(f"routenas: {line}", err=True)


EXECUTOR = click.option(
    "--executor", default="in-process", show_default="in-process, or processes with several workers",
    help="Where the work is done: in-process, processes or ray.",
)  # fmt: skip
ADDRESS = click.option("--address", help="Ray cluster; 'auto' finds the one that runs here (default: a local one).")


def _known_task(context: click.Context, param: click.Parameter, name: str) -> str:
    """Refuse the name of no task."""
    if name not in ("hotspots", "violated_nets"):  # the check of others imports what knows them
        from routenas.tasks import of_placements

        of_placements(name)
    return name


SEED = click.option("--seed", type=SEEDS, default=0, show_default=True, help="Seed of all randomness.")
# Nothing is random in these verbs; they take a seed so that scripts can give it to all.
UNUSED_SEED = click.option("--seed", type=SEEDS, default=0, help="Without effect: nothing is random.")
SPLIT = click.option(
    "--split", type=FILE, help="Split that 'routenas data split' wrote (default: drawn from --seed by design family)."
)
TASK = click.option(
    "--task", default="hotspots", show_default=True, callback=_known_task,
    help="What to predict: hotspots or violated_nets, another of 'routenas tasks', or module:Class of your own.",
)  # fmt: skip
TASK_OPTION = click.option(
    "--task-option", "task_options", multiple=True, metavar="NAME=VALUE",
    help="An option of a task on other data than placements; may be repeated.",
)  # fmt: skip
DATA = click.option("--data", type=FILE, help="The data, instead of PATH.")


def data_of(path: Path | None, data: Path | None) -> Path | None:
    """What PATH or --data names. Raises UsageError for both."""
    if path is not None and data is not None:
        raise click.UsageError("PATH and --data are the same: give one")
    return path or data


EXTRA_TARGETS = click.option(
    "--extra-targets", is_flag=True,
    help="Learn the hotspots after the router's earlier iterations (report_iteration_0, _1) beside the label.",
)  # fmt: skip
RUNTIME = click.option(
    "--runtime", type=click.Choice(["auto", "torch", "onnx"]), default="auto", show_default=True,
    help="What computes; auto: onnxruntime where it is installed and the model has a graph for it, else torch.",
)  # fmt: skip
THREADS = click.option(
    "--threads", type=PROCESSES, default=1, show_default=True,
    help="Threads of torch or onnxruntime; more than one pays for large maps only, on cores that are free.",
)  # fmt: skip
DEVICE = click.option(
    "--device", default="cpu", show_default=True, help="Where networks are trained: cpu, cuda, cuda:1 or mps."
)
EPOCHS = click.option("--epochs", type=click.IntRange(min=1), help="Epochs of a training (default: the budget's).")
RATE = click.option(
    "--learning-rate",
    type=POSITIVE,
    help="Highest learning rate [the budget's].",
)
BATCH = click.option(
    "--batch", type=click.IntRange(min=1), help="Placements, or other examples, per step (default: the budget's)."
)


def telling(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a verb that takes long the options ``--verbose``, ``--quiet`` and ``--log-file``."""

    @wraps(command)
    def told(*args: Any, verbose: bool, quiet: bool, log_file: Path | None, **options: Any) -> Any:
        from routenas.show.progress import telling as inside

        if verbose and quiet:
            raise click.UsageError("--verbose and --quiet exclude each other")
        check_outputs()
        with inside(verbose - quiet, log_file):
            return command(*args, **options)

    for option in (
        click.option("--log-file", type=OUTPUT, help="Append every line, with its time, to this file."),
        click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors and results."),
        click.option("-v", "--verbose", is_flag=True, help="Say more: every epoch of a training here."),
    ):
        told = option(told)
    return told
