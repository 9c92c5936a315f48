"""Placements become samples: read, rasterise, label; and a manifest of many becomes a data set.

A data set is made in two steps. Each placement is read (by one process or several) into a part: a data set of one
sample in the hidden folder ``.NAME.parts`` beside the output, called by the sample's key. Then all parts move, still
compressed, into the output, in the manifest's order. So the output's bytes do not depend on the number of processes,
and a run that was killed leaves its finished parts to the next one.

The key is the SHA-256 of all that decides a sample's content (:func:`sample_key`). It is stored with the sample, in
``provenance``: ``key``, and ``layout``, the names of those ``sources`` that are the placement itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial, reduce
from glob import escape
from operator import or_
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Design, LibertyCells
from placement_data.errors import InputError
from placement_data.features import ChannelSet, channel_set, feature_maps
from placement_data.grid import Grid
from placement_data.labels import make_labels
from placement_data.manifest import ManifestRow, read_manifest
from placement_data.netlist import signal_nets
from placement_data.processes import run
from placement_data.readers import read_def, read_lef
from placement_data.readers.lef import Library
from placement_data.reports import read_report
from placement_data.store import Sample, Store, Stored, append, check_writable, sha256, write
from placement_data.text import load_text

__all__ = ["Ingested", "ManifestRow", "Mode", "Recipe", "ingest", "make_sample", "read_manifest", "sample_key"]

VERSION = 1
"""Part of every sample's key: raised when a change of the readers or labels would change what is stored."""

Mode = Literal["new", "resume", "append", "force"]
State = Literal["unchanged", "kept", "read"]
Tell = Callable[[str, Exception | None], object]


@dataclass(frozen=True)
class Recipe:
    """How placements are read: tile's side in microns (default: the row height), channel set, Liberty of all rows."""

    tile_um: float | None = None
    channels: str = "routenas17"
    liberty: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Ingested:
    """What :func:`ingest` did: ``unchanged`` samples were in the output already, ``kept`` ones were read by a run that

    was interrupted, ``read`` ones anew; ``dropped`` ones were in the output and are not in the manifest any more.
    ``skipped`` holds sample and error of those that could not be read.
    """

    placements: int
    unchanged: int
    kept: int
    read: int
    dropped: int
    skipped: tuple[tuple[str, Exception], ...]

    def __str__(self) -> str:
        counts = {"unchanged": self.unchanged, "kept from an interrupted run": self.kept, "read": self.read}
        tail = {"dropped": self.dropped, "skipped": len(self.skipped)}
        parts = [f"{count} {what}" for what, count in counts.items() if count or what != "kept from an interrupted run"]
        return f"{self.placements} placements: " + ", ".join(
            [*parts, *(f"{count} {what}" for what, count in tail.items() if count)]
        )


# The caches' keys hold size and time of change, so a file that is written anew is read anew.
Stamp = tuple[Path, int, int]


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return path, stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=8)
def _library(stamps: tuple[Stamp, ...]) -> Library:
    return read_lef([path for path, _, _ in stamps])


@lru_cache(maxsize=8)
def _liberty(stamps: tuple[Stamp, ...]) -> LibertyCells:
    from placement_data.readers.liberty import read_liberty

    return reduce(or_, (read_liberty(path) for path, _, _ in stamps))


@lru_cache(maxsize=256)
def _sha256(stamp: Stamp) -> str:
    return sha256(stamp[0])


def _layout_files(row: ManifestRow) -> tuple[Path, ...]:
    """The files that make the placement; a Bookshelf .aux names its others."""
    if row.kind != "aux":
        return (row.layout,)
    words = load_text(row.layout).split()
    beside = (row.layout.parent / name for word in words for name in (word, f"{word}.gz", word.removesuffix(".gz")))
    return (row.layout, *dict.fromkeys(path for path in beside if path.is_file() and path != row.layout))


def _files(row: ManifestRow, recipe: Recipe) -> dict[str, tuple[Path, ...]]:
    """All source files of a row by the part they play."""
    return {
        "lef": row.lef,
        "layout": _layout_files(row),
        "liberty": row.liberty or recipe.liberty,
        "report": (row.report,) if row.report else (),
        "repeats": row.report_repeats,
    }


def short_names(files: Sequence[Path], taken: Sequence[str] = ()) -> dict[Path, str]:
    """A file's name, with as many of its folders before it as tell it from others that are named alike, and ``taken``.

    Names of files that are one path, and of one of which nothing more can be told, stay alike.
    """
    names = {path: path.name for path in files}
    for depth in range(2, max((len(path.parts) for path in files), default=0) + 1):
        alike = Counter([*names.values(), *taken])
        names = {
            path: name if alike[name] == 1 else "/".join(path.parts[-depth:]) for path, name in names.items()
        }  # fmt: skip
    return names


def sample_key(row: ManifestRow, recipe: Recipe) -> str:
    """SHA-256 (hexadecimal) of what decides the sample's content: the row's fields, the bytes of every source file and

    the name it is recorded under, tile, channel version, and :data:`VERSION`.
    """
    files = _files(row, recipe)
    names = short_names([path for group in files.values() for path in group])
    facts = {
        "version": VERSION,
        "channels": channel_set(recipe.channels).version,
        "tile": recipe.tile_um,
        "row": [row.sample, row.design, row.family, row.kind, row.label_kind, sorted(row.attributes.items())],
        "files": {
            role: [[names[path], _sha256(_stamp(path))] for path in paths] for role, paths in files.items() if paths
        },
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _read_layout(row: ManifestRow) -> Design:
    if row.kind == "def":
        return read_def(row.layout, _library(tuple(_stamp(path) for path in row.lef)))
    if row.kind == "aux":
        from placement_data.readers.bookshelf import read_bookshelf

        return read_bookshelf(row.layout)
    from placement_data.readers.odb import read_odb

    return read_odb(row.layout)


def make_sample(row: ManifestRow, tile_um: float | None = None, recipe: Recipe | None = None) -> Sample:
    """Read one row's files and make its feature maps and labels.

    ``tile_um`` is short for a :class:`Recipe` of that tile. Raises :class:`InputError`.
    """
    recipe = recipe or Recipe(tile_um)
    files = _files(row, recipe)
    names = short_names([path for group in files.values() for path in group])
    design = _read_layout(row)
    grid = Grid.of(design, recipe.tile_um)
    sample = Sample(
        sample=row.sample,
        design=row.design,
        family=row.family,
        features=_feature_maps(design, grid, channel_set(recipe.channels), files["liberty"]),
        net_count=int(signal_nets(design).sum()),
        grid=grid.to_dict(),
        sources={name: _sha256(_stamp(path)) for path, name in names.items()},
        attributes=row.attributes,
        provenance={"key": sample_key(row, recipe), "layout": [names[path] for path in files["layout"]]},
    )
    if row.report is None:
        return sample
    dbu = design.dbu_per_micron
    labels, *repeats = (
        make_labels(design, grid, read_report(path, dbu), row.label_kind, path)
        for path in (row.report, *row.report_repeats)
    )
    counts = [label.violated_nets for label in (labels, *repeats)]
    known = [count for count in counts if count is not None]
    whole = len(known) == len(counts)  # a report that names no nets leaves the others without company
    return replace(
        sample,
        label_kind=labels.kind,
        hotspots=labels.hotspot,
        violation_density=labels.density,
        violated_net_map=labels.net_map if whole else None,
        violated_nets=known[0] if whole else None,
        repeat_hotspots=np.stack([repeat.hotspot for repeat in repeats]) if repeats else None,
        repeat_violated_nets=tuple(known[1:]) if whole else (),
    )


def _feature_maps(design: Design, grid: Grid, channels: ChannelSet, liberty: tuple[Path, ...]) -> NDArray[np.float32]:
    cells = _liberty(tuple(_stamp(path) for path in liberty)) if liberty else None
    return feature_maps(design, grid, channels, liberty=cells)


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
    check_writable(output)
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

        def samples() -> Iterator[Stored]:
            for row, key, state in good:
                if old is not None and state == "unchanged":
                    yield Stored(old, known[row.sample])
                    continue
                with closing(Store(_part(parts, key))) as part:
                    yield Stored(part, 0)

        same = old is not None and mode == "resume" and [row.sample for row, _, _ in good] == list(old.names)
        if mode == "append" and old is not None:
            append(output, samples(), channels.version)
        elif not (same and all(state == "unchanged" for _, _, state in good)):
            write(output, samples(), channels.channels, channels.version)
    states = Counter(state for _, _, state in good)
    gone = 0 if mode != "resume" else len(set(known) - {row.sample for row in rows})
    skipped = tuple((rows[number].sample, errors[number]) for number in sorted(errors))
    return Ingested(len(good), states["unchanged"], states["kept"], states["read"], gone, skipped)


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
    folder.mkdir(exist_ok=True)
    with open(folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError("another ingest is at work on this data set", file=output) from None
        # What a killed run leaves half-written: of its output and of its parts.
        for path in (*output.parent.glob(f".{escape(output.name)}.*"), *folder.iterdir()):
            if path.is_file() and (path.name.startswith(".") or (mode == "force" and path.suffix == ".h5")):
                path.unlink(missing_ok=True)
        finished = False
        try:
            yield folder
            finished = True
        finally:
            count = len(list(folder.glob("[!.]*.h5")))
            if finished or not count:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                kept(count, folder)
