"""Thousands of layouts into a folder: a JSON each, and a table of all.

No more than one layout is held at a time by each process, so memory does not grow with their number. A JSON that is
there already, of the same files, models and settings (``Score.key``), is kept: a run that was stopped goes on.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from placement_data.errors import InputError, RoutenasError, WriteError
from placement_data.files import atomic_path, locked, write_text, writing
from placement_data.making import LayoutFiles, short_names
from placement_data.manifest import ManifestRow
from routenas.executor import Execution
from routenas.flow.gates import Gate
from routenas.flow.values import VALUES, read_score, values_of
from routenas.scoring import Scorer

SUMMARY = "summary.csv"
State = Literal["scored", "unchanged"]
Tell = Callable[[str, Exception | None], object]


@dataclass(frozen=True)
class Layout:
    """One layout of a batch: what it is called, its files, and its design's name ("" for that in its file)."""

    name: str
    files: LayoutFiles
    design: str = ""

    @property
    def file(self) -> str:
        """Name of its JSON: a name of any letters makes one, and no two names the same."""
        name = quote(self.name, safe=" +,=@()[]")
        return f"{f'%2E{name[1:]}' if name.startswith('.') else name}.json"


@dataclass(frozen=True)
class Batch:
    """What :func:`score_batch` did: numbers of layouts, errors of ``failed`` ones, names and gates that ``tripped``."""

    scored: int
    unchanged: int
    failed: Mapping[str, Exception]
    tripped: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        gates = f", {len({name for name, _ in self.tripped})} with a gate that tripped" if self.tripped else ""
        return f"{self.scored} scored, {self.unchanged} unchanged, {len(self.failed)} failed{gates}"


def layouts_of_rows(
    rows: Sequence[ManifestRow], liberty: tuple[Path, ...] = (), routing_layers: str = ""
) -> list[Layout]:
    """The layouts of a manifest; Liberty and routing layers are those of rows that name none."""
    return [
        Layout(
            row.sample,
            LayoutFiles(row.kind, row.layout, row.lef, row.liberty or liberty, row.routing_layers or routing_layers),
            row.design,
        )
        for row in rows
    ]


def layouts_of_files(
    defs: Sequence[Path], lef: tuple[Path, ...], liberty: tuple[Path, ...] = (), routing_layers: str = ""
) -> list[Layout]:
    """Layouts of one library, each called by its file's name, with as many folders as tell it from the others.

    A folder stands for all DEF files in it and in the folders below, in order of their paths. Raises
    :class:`InputError` for two that cannot be told apart and for a folder without any.
    """
    defs = [path for each in defs for path in (_defs_below(each) if each.is_dir() else (each,))]
    stems = [Path(str(path.absolute()).removesuffix(".gz").removesuffix(".def")) for path in defs]
    twice = [path for path, count in Counter(stems).items() if count > 1]
    if twice:
        raise InputError("a layout is given twice", found=str(twice[0]))
    names = short_names(stems)
    return [
        Layout(names[stem], LayoutFiles("def", path, lef, liberty, routing_layers))
        for stem, path in zip(stems, defs, strict=True)
    ]


def _defs_below(folder: Path) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.name.endswith((".def", ".def.gz")) and path.is_file())
    if not found:
        raise InputError("no layout is in this folder or below", file=folder, expected="files *.def or *.def.gz")
    return found


def score_batch(
    scorer: Scorer,
    layouts: Sequence[Layout],
    folder: Path,
    *,
    gates: Sequence[Gate] = (),
    execution: Execution = Execution(),
    tell: Tell = lambda name, error: None,
) -> Batch:
    """Score layouts into ``folder``: a JSON each and :data:`SUMMARY`, a row a layout, in their order.

    A layout that cannot be scored is left out, with its error in the table; what an earlier run had of it is removed.
    ``tell(name, error)`` is called as each is done. Raises :class:`InputError` for a folder that another process writes
    to or that cannot be written to.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        for path in folder.glob(".*.*.*"):  # what a killed run left half-written
            path.unlink(missing_ok=True)
        states: Counter[State] = Counter()
        failed: dict[str, Exception] = {}
        with closing(execution.run(partial(_score_into, folder, scorer), layouts)) as outcomes:
            for number, outcome in outcomes:
                name = layouts[number].name
                if isinstance(outcome, WriteError):
                    raise outcome
                if isinstance(outcome, Exception):
                    failed[name] = outcome
                else:
                    states[outcome] += 1
                tell(name, failed.get(name))
        tripped = _write_summary(layouts, folder, failed, gates)
    return Batch(states["scored"], states["unchanged"], failed, tuple(tripped))


def _score_into(folder: Path, scorer: Scorer, layout: Layout) -> State:
    """Have the layout's JSON in the folder. Raises what makes that impossible; then there is none."""
    target = folder / layout.file
    try:
        if target.exists() and _key(target) == scorer.key(layout.files, layout.design):
            return "unchanged"
        score = scorer.score_files(layout.files, layout.design)
    except Exception:
        target.unlink(missing_ok=True)
        raise
    write_text(target, json.dumps(score.to_dict(), indent=1, allow_nan=False) + "\n")
    return "scored"


def _key(path: Path) -> str | None:
    """What a score that is there depends on; None where it is damaged."""
    try:
        return str(read_score(path)["key"])
    except (InputError, LookupError):
        return None


def _write_summary(
    layouts: Sequence[Layout], folder: Path, failed: Mapping[str, Exception], gates: Sequence[Gate]
) -> list[tuple[str, str]]:
    """Write the table from the files, one at a time, and return the name and gate of each that tripped."""
    tripped: list[tuple[str, str]] = []
    header = ["sample", "design", "file", "nets", *VALUES, "warning_codes", "gates", "error"]
    with atomic_path(folder / SUMMARY) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, header, restval="", lineterminator="\n")
        table.writeheader()
        for layout in layouts:
            row: dict[str, Any] = {"sample": layout.name, "design": layout.design}
            error = failed.get(layout.name)
            if error is not None:
                words = str(error) if isinstance(error, RoutenasError | OSError) else f"internal error: {error!r}"
                table.writerow({**row, "error": " ".join(words.split())})
                continue
            score = read_score(folder / layout.file)
            found = [why for gate in gates if (why := gate.tripped(score)) is not None]
            tripped += [(layout.name, why) for why in found]
            table.writerow({
                **row, **values_of(score), "design": score["design"], "file": layout.file, "nets": score["nets"],
                "warning_codes": ";".join(dict.fromkeys(one["code"] for one in score["warnings"])),
                "gates": ";".join(found),
            })  # fmt: skip
    return tripped
