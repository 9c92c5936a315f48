"""Progress of long work: one live bar on a terminal, plain lines otherwise. Everything goes to standard error."""

from __future__ import annotations

import io
import logging
import secrets
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from placement_data.errors import InputError
from placement_data.files import check_writable, open_to_append, write_all, writing

LINE_EVERY_S = 10.0

LOGGER = logging.getLogger("routenas")
_verbosity: ContextVar[int] = ContextVar("verbosity", default=0)
"""-1: nothing but errors and results; 0: a bar and a line per step of the work; 1: details, too."""


@contextmanager
def telling(verbosity: int, log_file: Path | None = None) -> Iterator[None]:
    """Inside, work tells so much of itself; every line, of details too, is appended to ``log_file`` with its time.

    Raises ``InputError`` where that file cannot be written: at its end where the work began, which is worth more.
    """
    token = _verbosity.set(verbosity)
    try:
        with nullcontext() if log_file is None else _logging_to(log_file):
            yield
    finally:
        _verbosity.reset(token)


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    check_writable(path)
    with writing(path):
        handler = _LogFile(path)
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(logging.NOTSET)
        handler.close()
    with writing(path):
        if handler.error is not None:
            raise handler.error


class _LogFile(logging.Handler):
    """Appends lines to a file until one cannot be written; ``error`` is why."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self.error: OSError | None = None
        self._file = open_to_append(path)

    def emit(self, record: logging.LogRecord) -> None:
        if self.error is None:
            try:
                self._file.write(f"{self.format(record)}\n".encode(errors="backslashreplace"))
            except OSError as error:
                self.error = error

    def close(self) -> None:
        self._file.close()
        super().close()


class Bar(Protocol):
    """What work reports to."""

    def advance(self, steps: float = 1.0, note: str = "") -> None:
        """``steps`` more are done; ``note`` replaces the text at the end of the bar."""
        ...

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        ...

    def detail(self, line: str) -> None:
        """Print a line that only those want to see who asked for details."""
        ...


class _Teller:
    """What all bars share: where a line goes by the verbosity."""

    def say(self, line: str) -> None:
        LOGGER.info(line)
        if _verbosity.get() >= 0:
            self._print(line)

    def detail(self, line: str) -> None:
        LOGGER.debug(line)
        if _verbosity.get() > 0:
            self._print(line)

    def _print(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class _Silent(_Teller):
    def advance(self, steps: float = 1.0, note: str = "") -> None:
        pass


class _Lines(_Teller):
    def __init__(self, title: str, total: float) -> None:
        self.title, self.total, self.done, self.last = title, total, 0.0, time.monotonic()

    def advance(self, steps: float = 1.0, note: str = "") -> None:
        self.done += steps
        now = time.monotonic()
        if now - self.last >= LINE_EVERY_S or self.done >= self.total - 1e-9:
            self.last = now
            self.say(f"{self.title}: {self.done:.4g}/{self.total:g} {note}".rstrip())


@contextmanager
def progress_bar(title: str, total: float) -> Iterator[Bar]:
    """A bar of ``total`` steps."""
    if _verbosity.get() < 0:
        yield _Silent()
        return
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

        class _Live(_Teller):
            def advance(self, steps: float = 1.0, note: str = "") -> None:
                progress.advance(task, steps)
                if note:
                    progress.update(task, note=note)

            def _print(self, line: str) -> None:
                progress.console.print(line, highlight=False, markup=False, soft_wrap=True)

        yield _Live()


class TensorBoard:
    """Writes the value of every trial, and the best so far, as scalars that TensorBoard shows (extra ``tensorboard``).

    ``folder`` takes the event files. Raises ``InputError`` where TensorBoard is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._event: Any = import_module("tensorboard.compat.proto.event_pb2").Event
            self._summary: Any = import_module("tensorboard.compat.proto.summary_pb2").Summary
            self._packer: Any = import_module("tensorboard.summary.writer.record_writer").RecordWriter
        except ImportError:
            raise InputError("event files need TensorBoard", expected="pip install 'routenas[tensorboard]'") from None
        self._file = folder / f"events.out.tfevents.{int(time.time()):010d}.{secrets.token_hex(4)}"
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._append([self._event(wall_time=time.time(), file_version="brain.Event:2")])

    def training(self, name: str, curve: Mapping[str, Sequence[float | None]]) -> None:
        """Note the curve of one training: a list per quantity, an entry per epoch, None where there is no value."""
        self._write(
            (f"training/{quantity}/{name}", point, epoch)
            for quantity, points in curve.items()
            for epoch, point in enumerate(points, 1)
            if point is not None
        )

    def trial(self, number: int, value: float | None, best: float | None) -> None:
        """Note one trial, and the best so far; a failed one (None) leaves a gap."""
        scalars = (("trial/value", value), ("trial/best", best))
        self._write((tag, point, number) for tag, point in scalars if value is not None and point is not None)

    def _write(self, scalars: Iterable[tuple[str, float, int]]) -> None:
        self._append(
            self._event(
                wall_time=time.time(), step=step, summary=self._summary(value=[{"tag": tag, "simple_value": value}])
            )
            for tag, value, step in scalars
        )

    def _append(self, events: Iterable[Any]) -> None:
        """TensorBoard's own writer is a thread, which cannot say that the disk is full."""
        packed = io.BytesIO()
        packer = self._packer(packed)
        for event in events:
            packer.write(event.SerializeToString())
        with writing(self._file), open_to_append(self._file) as file:
            write_all(file, packed.getvalue())
