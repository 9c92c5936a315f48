"""Placements become samples: read, rasterise, label; and a manifest of many becomes a data set.

A data set is made in two steps. Each placement is read (by one process or several) into a part: a data set of one
sample in the hidden folder ``.NAME.parts`` beside the output, called by the sample's key. Then all parts move, still
compressed, into the output, in the manifest's order. So the output's bytes do not depend on the number of processes,
and a run that was killed leaves its finished parts to the next one.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from glob import escape
from os import PathLike
from pathlib import Path
from typing import Literal

from placement_data.errors import InputError, WriteError
from placement_data.features import channel_set
from placement_data.files import check_outputs, check_writable, writing
from placement_data.findings import Finding
from placement_data.making import Recipe, make_sample, sample_key
from placement_data.manifest import ManifestRow, read_manifest
from placement_data.processes import run
from placement_data.store import Store, Stored, append, write

__all__ = ["Ingested", "ManifestRow", "Mode", "Recipe", "ingest", "make_sample", "read_manifest", "sample_key"]

Mode = Literal["new", "resume", "append", "force"]
State = Literal["unchanged", "kept", "read"]
Tell = Callable[[str, Exception | None], object]


@dataclass(frozen=True)
class Ingested:
    """What :func:`ingest` did: ``unchanged`` samples were in the output already, ``kept`` ones were read by a run that

    was interrupted, ``read`` ones anew; ``dropped`` ones were in the output and are not in the manifest any more.
    ``skipped`` holds sample and error of those that could not be read, ``findings`` samples and what was not read of
    their files.
    """

    placements: int
    unchanged: int
    kept: int
    read: int
    dropped: int
    skipped: tuple[tuple[str, Exception], ...]
    findings: tuple[tuple[str, Finding], ...] = ()

    def __str__(self) -> str:
        counts = {"unchanged": self.unchanged, "kept from an interrupted run": self.kept, "read": self.read}
        tail = {"dropped": self.dropped, "skipped": len(self.skipped)}
        parts = [f"{count} {what}" for what, count in counts.items() if count or what != "kept from an interrupted run"]
        return f"{self.placements} placements: " + ", ".join(
            [*parts, *(f"{count} {what}" for what, count in tail.items() if count)]
        )


@dataclass(frozen=True)
class _Task:
    row: ManifestRow
    known: str  # key of the sample of this name in the output, "" for none


def _make_part(parts: Path, recipe: Recipe, task: _Task) -> tuple[str, State]:
    """Have the sample in the output or in a part, and return its key and where it came from."""
    if task.row.absent is not None:
        raise task.row.absent
    key = sample_key(task.row, recipe)
    if key == task.known:
        return key, "unchanged"
    part = _part(parts, key)
    if part.exists():
        try:
            Store(part).close()
            return key, "kept"
        except InputError:
            part.unlink()
    channels = channel_set(recipe.channels)
    write(part, [make_sample(task.row, recipe=recipe)], channels.channels, channels.version)
    return key, "read"


def _part(parts: Path, key: str) -> Path:
    return parts / f"{key}.h5"


def ingest(
    rows: Sequence[ManifestRow],
    output: str | PathLike[str],
    recipe: Recipe | None = None,
    *,
    workers: int = 1,
    keep_going: bool = False,
    mode: Mode = "new",
    tell: Tell = lambda sample, error: None,
    kept: Callable[[int, Path], object] = lambda count, folder: None,
) -> Ingested:
    """Make the data set ``output`` of a manifest's rows.

    An ``output`` that exists is refused (``mode`` new), brought to what the manifest says now, reading only what
    changed (resume), added to (append), or made anew from nothing (force). ``tell(sample, error)`` is called as each
    placement is done. The first error in the manifest's order is raised and nothing is written; with ``keep_going``
    placements that cannot be read are left out instead, and only where none is left an error is raised. What was read
    when the work is interrupted stays for the next run: ``kept(count, folder)`` then tells how much and where.
    """
    recipe, output = recipe or Recipe(), Path(output)
    channels = channel_set(recipe.channels)
    check_writable(output, streams=False)
    check_outputs({"the data set": output}, [path for row in rows for path in row.files])
    old = _old(output, channels.version, mode)
    known = {} if old is None else {name: index for index, name in enumerate(old.names)}
    if mode == "append":
        twice = [row.sample for row in rows if row.sample in known]
        if twice:
            raise InputError("a sample of this name is in the data set already", file=output, found=twice[0])
    keys = (
        {}
        if old is None
        else {name: str(old.heads[i].get("provenance", {}).get("key", "")) for name, i in known.items()}
    )
    with _parts_folder(output, mode, kept) as parts:
        tasks = [_Task(row, keys.get(row.sample, "")) for row in rows]
        done, errors = _make_parts(tasks, parts, recipe, workers, keep_going, tell)
        good = [(row, *done[number]) for number, row in enumerate(rows) if number in done]
        if errors and not (keep_going and good):
            raise errors[min(errors)]

        findings: list[tuple[str, Finding]] = []
        samples = _stored(good, parts, old, findings)
        same = old is not None and mode == "resume" and [row.sample for row, _, _ in good] == list(old.names)
        if mode == "append" and old is not None:
            append(output, samples, channels.version)
        elif same and all(state == "unchanged" for _, _, state in good):
            deque(samples, maxlen=0)
        else:
            write(output, samples, channels.channels, channels.version)
    states = Counter(state for _, _, state in good)
    gone = 0 if mode != "resume" else len(set(known) - {row.sample for row in rows})
    skipped = tuple((rows[number].sample, errors[number]) for number in sorted(errors))
    return Ingested(len(good), states["unchanged"], states["kept"], states["read"], gone, skipped, tuple(findings))


def _stored(
    good: Sequence[tuple[ManifestRow, str, State]], parts: Path, old: Store | None, findings: list[tuple[str, Finding]]
) -> Iterator[Stored]:
    """The samples of the output, of their parts or of the ``old`` output; what was found in their files is added."""

    def told(stored: Stored) -> Stored:
        head = stored.store.heads[stored.index]
        findings.extend((head["sample"], Finding(**one)) for one in head.get("provenance", {}).get("findings", []))
        return stored

    known = {} if old is None else {name: index for index, name in enumerate(old.names)}
    for row, key, state in good:
        if old is not None and state == "unchanged":
            yield told(Stored(old, known[row.sample]))
            continue
        with closing(Store(_part(parts, key))) as part:
            yield told(Stored(part, 0))


def _old(output: Path, version: str, mode: Mode) -> Store | None:
    if not output.exists() or mode == "force":
        return None
    if mode == "new":
        raise InputError(
            "the data set exists already", file=output, expected="--resume, --append, --force or another name"
        )
    old = Store(output)
    if old.channel_version != version:
        raise InputError("channels of another version", file=output, found=old.channel_version, expected=version)
    return old


def _make_parts(
    tasks: Sequence[_Task],
    parts: Path,
    recipe: Recipe,
    workers: int,
    keep_going: bool,
    tell: Tell,
) -> tuple[dict[int, tuple[str, State]], dict[int, Exception]]:
    done: dict[int, tuple[str, State]] = {}
    errors: dict[int, Exception] = {}
    with closing(run(partial(_make_part, parts, recipe), tasks, workers, stop_on_error=not keep_going)) as outcomes:
        for number, outcome in outcomes:
            if isinstance(outcome, WriteError):
                raise outcome
            if isinstance(outcome, Exception):
                errors[number] = outcome
            else:
                done[number] = outcome
            tell(tasks[number].row.sample, errors.get(number))
    return done, errors


@contextmanager
def _parts_folder(output: Path, mode: Mode, kept: Callable[[int, Path], object]) -> Iterator[Path]:
    """The folder of parts, held by this process alone; removed unless an interrupted run leaves finished parts."""
    folder = output.parent / f".{output.name}.parts"
    with writing(output):
        folder.mkdir(exist_ok=True)
        lock = open(folder / "lock", "w")  # noqa: SIM115
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError("another ingest is at work on this data set", file=output) from None
        # What a killed run leaves half-written: of its output and of its parts.
        real = Path(os.path.realpath(output))
        for path in (*real.parent.glob(f".{escape(real.name)}.*"), *folder.iterdir()):
            if path.is_file() and (path.name.startswith(".") or (mode == "force" and path.suffix == ".h5")):
                path.unlink(missing_ok=True)
        finished = False
        try:
            yield folder
            finished = True
        except WriteError as error:
            raise error.of(output) from None
        finally:
            count = len(list(folder.glob("[!.]*.h5")))
            if finished or not count:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                kept(count, folder)
