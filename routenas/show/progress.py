"""Progress of long work: one live bar on a terminal, plain lines otherwise. Everything goes to standard error."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from placement_data.errors import InputError

LINE_EVERY_S = 10.0


class Bar(Protocol):
    """What work reports to."""

    def advance(self, steps: float = 1.0, note: str = "") -> None:
        """``steps`` more are done; ``note`` replaces the text at the end of the bar."""
        ...

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        ...


class _Lines:
    def __init__(self, title: str, total: float) -> None:
        self.title, self.total, self.done, self.last = title, total, 0.0, time.monotonic()

    def advance(self, steps: float = 1.0, note: str = "") -> None:
        self.done += steps
        now = time.monotonic()
        if now - self.last >= LINE_EVERY_S or self.done >= self.total - 1e-9:
            self.last = now
            self.say(f"{self.title}: {self.done:.4g}/{self.total:g} {note}".rstrip())

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


@contextmanager
def progress_bar(title: str, total: float) -> Iterator[Bar]:
    """A bar of ``total`` steps."""
    if not sys.stderr.isatty():
        yield _Lines(title, total)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("left"), TimeRemainingColumn(), TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total, note="")

        class _Live:
            def advance(self, steps: float = 1.0, note: str = "") -> None:
                progress.advance(task, steps)
                if note:
                    progress.update(task, note=note)

            def say(self, line: str) -> None:
                progress.console.print(line, highlight=False, markup=False, soft_wrap=True)

        yield _Live()


class TensorBoard:
    """Writes the value of every trial, and the best so far, as scalars that TensorBoard shows (extra ``tensorboard``).

    ``folder`` takes the event files. Raises ``InputError`` where TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            writer: Any = import_module("torch.utils.tensorboard").SummaryWriter
        except ImportError:
            raise InputError("event files need TensorBoard", expected="pip install 'routenas[tensorboard]'") from None
        self._writer = writer(str(folder))
        self._best = -math.inf

    def trial(self, number: int, value: float | None) -> None:
        """Note one trial; a failed one (None) leaves a gap."""
        if value is None:
            return
        self._best = max(self._best, value)
        self._writer.add_scalar("trial/value", value, number)
        self._writer.add_scalar("trial/best", self._best, number)
        self._writer.flush()
