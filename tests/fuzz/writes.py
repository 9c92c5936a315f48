"""Writes that fail: every writer of the package, where the disk is full at some byte."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from placement_data.errors import InputError
from placement_data.files import write_text
from tests.placement_data.limits import file_size_limit
from tests.samples import CHANNEL_VERSION, CHANNELS, made_up_samples, write_made_up_store

REASON = "found 'File too large'"


@dataclass(frozen=True)
class Writer:
    """What ``write`` writes to ``output`` in a folder, and what may be there before.

    ``grows`` says that ``output`` is appended to: what was there is its beginning, and what comes after whole lines.
    ``stays`` are beginnings of names that a failure may leave behind for the next run.
    """

    output: str
    write: Callable[[Path], object]
    before: Callable[[Path], object] = lambda folder: None
    grows: bool = False
    stays: tuple[str, ...] = ()


def _samples(number: int) -> list[object]:
    return list(made_up_samples(2, 3))[3 * number : 3 * number + 3]


def _store(folder: Path, number: int = 0) -> None:
    from placement_data.store import write

    write(folder / "d.h5", _samples(number), CHANNELS, CHANNEL_VERSION)  # type: ignore[arg-type]


def _append(folder: Path) -> None:
    from placement_data.store import append

    append(folder / "d.h5", _samples(1), CHANNEL_VERSION)  # type: ignore[arg-type]


def _text(folder: Path, text: str = "x") -> None:
    write_text(folder / "out.json", json.dumps([text] * 2000))


def _bundle(folder: Path, seed: int = 1) -> None:
    import torch

    from routenas.architecture import Architecture
    from routenas.bundle import Bundle, Member

    weights = [{"head.weight": torch.full((seed, 700), float(member))} for member in range(2)]
    members = tuple(Member(Architecture(network="fcn"), state) for state in weights)
    Bundle({"task": "routability", "name": "hotspots"}, members).save(folder / "model")


def _picture(folder: Path, suffix: str) -> None:
    from routenas.results import Result
    from routenas.show.pictures import search_png

    search_png([Result(0.1), Result(None), Result(0.3)], "auc", folder / f"p.{suffix}")


def _circuitnet(folder: Path) -> None:
    from placement_data.circuitnet import export_circuitnet

    export_circuitnet(_inputs() / "s.h5", folder / "out", resize=16)


@cache
def _kept() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="fuzz-inputs-")


@cache
def _inputs() -> Path:
    """A folder with a data set, and with a manifest of two placements. It is there as long as this process."""
    from tests.layouts import manifest_row, write_layout, write_manifest

    folder = Path(_kept().name)
    write_made_up_store(folder / "s.h5", families=1, placements=2)
    layout = write_layout(folder, cells=40)
    write_manifest(folder / "m.csv", [manifest_row(layout, f"a/{number}", "a") for number in range(2)])
    return folder


def _ingest(folder: Path) -> None:
    from placement_data.ingest import ingest, read_manifest
    from placement_data.making import Recipe

    mode = "resume" if (folder / "d.h5").exists() else "new"
    recipe = Recipe(channels=CHANNEL_VERSION.partition("/")[0])
    ingest(read_manifest(_inputs() / "m.csv"), folder / "d.h5", recipe=recipe, mode=mode, keep_going=True)  # type: ignore[arg-type]


def _journal(folder: Path, lines: int = 40) -> None:
    from routenas.journal import Journal

    journal = Journal(folder / "journal.jsonl")
    for number in range(lines):
        journal.append({"trial": number, "text": "x" * number})


def _log(folder: Path, lines: int = 40) -> None:
    from routenas.show.progress import progress_bar, telling

    with telling(-1, folder / "log"), progress_bar("work", lines) as bar:
        for number in range(lines):
            bar.say(f"line {number}")


WRITERS: dict[str, Writer] = {
    "write-text": Writer("out.json", _text, partial(_text, text="old")),
    "write-hdf5": Writer("d.h5", _store, partial(_store, number=1)),
    "write-append": Writer("d.h5", _append, _store),
    "write-bundle": Writer("model", _bundle, partial(_bundle, seed=2)),
    "write-png": Writer("p.png", partial(_picture, suffix="png"), lambda folder: (folder / "p.png").write_text("old")),
    "write-pdf": Writer("p.pdf", partial(_picture, suffix="pdf")),
    "write-circuitnet": Writer("out", _circuitnet),
    "write-ingest": Writer("d.h5", _ingest, _store, stays=(".d.h5.parts",)),
    "write-journal": Writer("journal.jsonl", _journal, partial(_journal, lines=3), grows=True),
    "write-log": Writer("log", _log, partial(_log, lines=3), grows=True),
}


@cache
def size(name: str) -> int:
    """Bytes of the largest file that a writer writes where there is room."""
    writer = WRITERS[name]
    with TemporaryDirectory(prefix="fuzz-") as place:
        if name == "write-append":
            writer.before(Path(place))
        writer.write(Path(place))
        return max(path.stat().st_size for path in Path(place).rglob("*") if path.is_file())


def limit(name: str, seed: int, index: int) -> tuple[int, bool]:
    """At which byte the disk is full in a case, and whether there is something before."""
    rng = random.Random(f"{seed}:{name}:{index}")
    whole = size(name)
    near = rng.choice((0, 1, 511, 512, 560, 4095, 4096, whole - 1, whole))
    return max(0, rng.choice((near, rng.randrange(whole), rng.randrange(2 * whole + 100_000)))), rng.random() < 0.5


def run_write(name: str, seed: int, index: int, folder: Path) -> tuple[str, str, str, float]:
    """What was done, what became of it, the error's text, and the seconds."""
    writer = WRITERS[name]
    full, old = limit(name, seed, index)
    if old or name == "write-append":
        writer.before(folder)
    before = _content(folder)
    start = time.perf_counter()
    error: InputError | None = None
    with file_size_limit(full):
        try:
            writer.write(folder)
        except InputError as caught:
            error = caught
    seconds = time.perf_counter() - start
    kind = "value" if error is None else _judged(error, writer, folder, before)
    if error is not None and kind == "refused":  # where there is room it goes on
        writer.write(folder)
        if [path for path in _content(folder) if path.startswith(".")]:
            kind = "leaves something behind"
    return f"full at {full}", kind, "" if error is None else str(error).replace(f"{folder}{os.sep}", ""), seconds


def _judged(error: InputError, writer: Writer, folder: Path, before: dict[str, bytes]) -> str:
    output = folder / writer.output
    if error.file is None or output not in (Path(error.file), *Path(error.file).parents):
        return "names another file"
    if "/." in str(error.file).removeprefix(str(folder)):
        return "names a hidden file"
    if REASON not in str(error) or not str(error).isprintable():
        return "gives another reason"
    after = _content(folder)
    if writer.grows:
        old, new = before.get(writer.output, b""), after.pop(writer.output, b"")
        before.pop(writer.output, None)
        if not new.startswith(old) or (writer.output.endswith(".jsonl") and new[-1:] not in (b"", b"\n")):
            return "what was there is not intact"
    after = {path: data for path, data in after.items() if not path.startswith(writer.stays or ("/",))}
    if any(after.get(path) != data for path, data in before.items()):
        return "what was there is not intact"
    return "refused" if after.keys() == before.keys() else "leaves something behind"


def _content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")
    }
