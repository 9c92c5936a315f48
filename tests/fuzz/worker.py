"""What runs a case: it reads a mutated file and says what became of it."""

from __future__ import annotations

import os
import random
import resource
import shutil
import tempfile
import time
import traceback
import warnings
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from placement_data.errors import InputError
from tests.fuzz.checks import check
from tests.fuzz.faulty import FAULTY
from tests.fuzz.mutate import mutate
from tests.fuzz.targets import TARGETS, Files, Target
from tests.fuzz.writes import WRITERS, limit, run_write, size

LONGEST_MESSAGE = 500
"""Characters of an error's text, its path not counted: it must fit on a screen."""

# What is wrong with a file as a whole has no line.
_OF_THE_WHOLE_FILE = (
    "file is empty",
    "gzip file",
    "cannot be read",
    "the manifest cannot be read",
    "the manifest has no rows",
    "UNITS do not fit the LEF",
    "a master is too large",
    "no .",  # Bookshelf: no .nodes file is named
    "statement is missing",
)


@dataclass(frozen=True)
class Outcome:
    """What became of one case: ``kind`` is "value", "refused" or what went wrong."""

    target: str
    index: int
    mutation: str
    kind: str
    detail: str = ""
    seconds: float = 0.0
    peak_mb: float = 0.0

    @property
    def good(self) -> bool:
        return self.kind in ("value", "refused")


@cache
def _target(name: str) -> tuple[Target, list[Files]]:
    target = (TARGETS | FAULTY)[name]()
    return target, target.corpora()


def build(name: str, index: int, seed: int, bombs: float, folder: Path) -> tuple[Target, str, Path, bool]:
    """Write the files of a case; the target, what was done, the mutated file and whether its bytes are others."""
    target, corpora = _target(name)
    rng = random.Random(f"{seed}:{name}:{index}")
    files = corpora[index % len(corpora)]
    victim = rng.choice(target.victims or tuple(files))
    mutation, data = mutate(files[victim], rng, binary=target.binary, bombs=bombs * target.bombs)
    for file, content in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if file == victim else content)
    return target, f"{victim}: {mutation}", folder / victim, data != files[victim]


def run_case(name: str, seed: int, index: int, folder: Path, bombs: float) -> Outcome:
    """Write, read and judge one case."""
    if name in WRITERS:
        return _run_write(name, seed, index, folder)
    target, mutation, victim, changed = build(name, index, seed, bombs, folder)
    _reset_peak()
    before = _peak_mb()
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            value = target.read(folder)
            seconds = time.perf_counter() - start
            check(value)
        kind, detail = ("accepted though changed", "") if target.sealed and changed else ("value", "")
    except InputError as error:
        seconds = time.perf_counter() - start
        kind, detail = _judged(error, target, folder, victim)
    except (Exception, RecursionError) as error:
        seconds = time.perf_counter() - start
        kind, detail = type(error).__name__, _where(error)
    return Outcome(name, index, mutation, kind, detail, seconds, max(0.0, _peak_mb() - before))


def _run_write(name: str, seed: int, index: int, folder: Path) -> Outcome:
    try:
        mutation, kind, detail, seconds = run_write(name, seed, index, folder)
    except Exception as error:
        mutation, kind, detail, seconds = described(name, index, seed), type(error).__name__, _where(error), 0.0
    return Outcome(name, index, mutation, kind, detail, seconds)


def described(name: str, index: int, seed: int) -> str:
    """What is done in a case of a writer."""
    return f"full at {limit(name, seed, index)[0]}"


def _judged(error: InputError, target: Target, folder: Path, victim: Path) -> tuple[str, str]:
    """Whether an error says all that it should, on one line."""
    text = str(error)
    short = text.replace(str(folder) + os.sep, "")
    if error.file is None or folder not in (Path(error.file), *Path(error.file).parents):
        return "names no file", short
    if not text.isprintable():
        return "not one printable line", ascii(short)[:300]
    if len(short) > LONGEST_MESSAGE:
        return "message is too long", f"{len(short)} characters: {short[:200]}"
    if target.lines and error.line is None and not error.what.startswith(_OF_THE_WHOLE_FILE):
        return "names no line", short
    if Path(error.file) == victim and error.line is not None:
        return _line_judged(error.line, victim, short)
    return "refused", short


def _line_judged(line: int, victim: Path, short: str) -> tuple[str, str]:
    """Whether the line that an error names is in the file (told for files that are not packed)."""
    data = victim.read_bytes()
    if data[:2] != b"\x1f\x8b" and not 1 <= line <= data.count(b"\n") + data.count(b"\r") + 1:
        return "names a line that is not there", short
    return "refused", short


def _where(error: BaseException) -> str:
    """The error's text and the last places of ours that it came through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "/tests/fuzz/worker" not in f.filename]
    places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-4:]]
    return f"{ascii(str(error))[:300]} at {' > '.join(places)}"


def _reset_peak() -> None:
    with suppress(OSError):  # Linux only; elsewhere the peak is that of the process so far
        Path("/proc/self/clear_refs").write_text("5")


def _peak_mb() -> float:
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@dataclass(frozen=True)
class Cases:
    """What a worker calls with a case. Whoever makes one, and who loads one, has read the targets' files."""

    names: tuple[str, ...]
    seed: int
    bombs: float
    folder: Path

    def __post_init__(self) -> None:
        for name in self.names:
            size(name) if name in WRITERS else _target(name)

    def __reduce__(self) -> tuple[type[Cases], tuple[object, ...]]:
        return Cases, (self.names, self.seed, self.bombs, self.folder)

    def __call__(self, case: tuple[str, int]) -> Outcome:
        folder = Path(tempfile.mkdtemp(prefix="case-", dir=self.folder))
        try:
            return run_case(case[0], self.seed, case[1], folder, self.bombs)
        finally:
            shutil.rmtree(folder)
