"""A run folder as a value and as text: how far it is, what it found, and the network it chose."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from placement_data.errors import InputError
from placement_data.files import locked
from routenas.architecture import Architecture
from routenas.journal import Journal
from routenas.results import FIDELITY
from routenas.run import CONFIG, JOURNAL, RESULT, read_configuration
from routenas.show.tables import fold, text_table, text_width
from routenas.show.text import number

State = Literal["running", "stopped", "finished"]


@dataclass(frozen=True)
class RunSummary:
    """What a run folder says: JSON values. ``best`` is the best trial of those at the highest fidelity that one came
    to. ``architecture`` is that of the searched member which counts most, else of a hand-made one, or the best trial's;
    ``chosen`` tells how often members of an architecture count, by its hash or the name of what is hand-made."""

    folder: str
    state: State
    task: str
    data: str
    trials: int
    of: int
    failed: int
    epochs: float
    seconds: float
    cpu_seconds: float
    best: dict[str, Any] | None
    settings: Mapping[str, Any]
    finalists: Sequence[Mapping[str, Any]]
    metrics: Mapping[str, Any]
    architecture: Mapping[str, Any] | None
    chosen: Mapping[str, int]

    @classmethod
    def of_folder(cls, folder: Path) -> RunSummary:
        """The summary of a run. Raises InputError where there is none."""
        configuration = read_configuration(folder)
        settings, task = configuration["settings"], configuration["task"]
        records = Journal(folder / JOURNAL).records if (folder / JOURNAL).exists() else []
        good = [record for record in records if record["value"] is not None]
        best = max(good, key=lambda record: (record["metrics"].get(FIDELITY, 0), record["value"]), default=None)
        result = _json(folder / RESULT) if (folder / RESULT).exists() else {}
        of = int(settings["trials"])
        spent = sum(record.get("cpu_seconds") or record.get("seconds") or 0.0 for record in records)
        done = len(records) >= of or spent >= (settings.get("cpu_seconds") or math.inf)
        state: State = "running" if _in_use(folder) else "finished" if result and done else "stopped"
        found, members = None, _members(result)
        searched = [member for member in members if member["kind"] == "searched"]
        if best is not None:
            found = {"kind": "searched", "space": settings["space"], "genotype": best["genotype"], "hash": best["hash"]}
        return cls(
            folder=str(folder),
            state=state,
            task=str(task.get("name") or task["task"]),
            data=str(task.get("data", "")),
            trials=len(records),
            of=of,
            failed=len(records) - len(good),
            epochs=sum(record.get("epochs") or 0.0 for record in records),
            seconds=round(sum(record.get("seconds") or 0.0 for record in records), 1),
            cpu_seconds=round(spent, 1),
            best=None if best is None else {name: best[name] for name in ("trial", "hash", "value", "costs")},
            settings=settings,
            finalists=result.get("provenance", {}).get("finalists", []),
            metrics=result.get("metrics", {}),
            architecture=next(iter([*searched, *members]), found),
            chosen=dict(Counter(str(member.get("hash") or member["name"]) for member in members)),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError("cannot be read", file=path, found=str(error)) from None


def _members(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The architectures of the members of a result, as often as they count; one of an older version has but one."""
    members = result.get("members", ())
    if not isinstance(members, int):
        return [member["architecture"] for member in members for _ in range(member["draws"])]
    return [dict(result["architecture"])] * members


def _raise(error: InputError) -> None:
    raise error


def _in_use(folder: Path) -> bool:
    try:
        with locked(folder):
            return False
    except InputError as error:
        return "in use" in error.what


def summaries(folder: Path, damaged: Callable[[InputError], object] = _raise) -> list[RunSummary]:
    """The runs in a folder and below it, by name. Raises InputError where there is none.

    A run that cannot be read is told of by ``damaged``, and the others are there all the same.
    """
    if not folder.is_dir():
        raise InputError("no such folder", file=folder)
    places, found = sorted(folder.rglob(CONFIG)), []
    for path in places:
        try:
            found.append(RunSummary.of_folder(path.parent))
        except InputError as error:
            damaged(error)
    if not places:
        raise InputError("no run in this folder or below it", file=folder, expected="what 'routenas search' made")
    return found


def runs_table(runs: Sequence[RunSummary]) -> str:
    """A row per run."""
    rows = [
        [
            run.folder, run.state, run.task, str(run.settings["strategy"]), f"{run.trials}/{run.of}", str(run.failed),
            number(run.best["value"] if run.best else None), number(_own(run)),
        ]
        for run in runs
    ]  # fmt: skip
    return text_table(["run", "state", "task", "strategy", "trials", "failed", "best", "model, test"], rows)


def _own(run: RunSummary) -> float | None:
    """The first metric of the chosen model on the test split."""
    test = run.metrics.get("test", {})
    return next((value for value in test.values() if isinstance(value, int | float)), None)


def run_text(run: RunSummary) -> str:
    """Everything about one run, for a terminal."""
    settings = run.settings
    lines = [
        f"{run.folder}: {run.state}, task {run.task}" + (f" on {run.data}" if run.data else ""),
        f"trials: {run.trials} of {run.of}, {run.failed} failed; {run.epochs:g} epochs, "
        f"{run.seconds:.0f} s, {run.cpu_seconds:.0f} CPU-seconds",
    ]
    if run.best is not None:
        costs = ", ".join(f"{value:,.0f} {name}" for name, value in run.best["costs"].items())
        lines.append(f"best: {run.best['value']:.4f} in trial {run.best['trial'] + 1}, {run.best['hash']} ({costs})")
    options = ", ".join(f"{name} {value}" for name, value in settings["strategy_options"].items())
    budget, final = settings["budget"], settings["final_budget"]
    beside = "".join(f", {name} beside them" for name in settings.get("hand_made") or ())
    lines += [
        f"settings: {settings['strategy']}{f' ({options})' if options else ''}, seed {settings['seed']}, "
        f"scheduler {settings['scheduler']}, {settings['in_flight']} in flight",
        f"trainings: {budget['epochs']} epochs a candidate, {settings.get('folds', 1)} folds",
        f"finalists: the best {settings['finalists']} again with {settings['final_seeds']} seeds of "
        f"{final['epochs']} epochs{beside}",
    ]
    for finalist in run.finalists:
        values = "  ".join(f"{value:.4f}" for value in finalist["search_values"])
        count = run.chosen.get(finalist["name"])
        chosen = f"  chosen, {count} of {sum(run.chosen.values())} in the mean" if count else ""
        lines.append(f"finalist {finalist['name']}: {values}{chosen}")
    for part, metrics in run.metrics.items():
        plain = {name: value for name, value in metrics.items() if isinstance(value, float)}
        lines.append(f"{part}: " + ", ".join(f"{name} {value:.4f}" for name, value in list(plain.items())[:6]))
    if run.architecture is not None:
        lines += ["", network_text(Architecture.from_dict(run.architecture))]
    return "\n".join(lines)


def network_text(architecture: Architecture, columns: int | None = None) -> str:
    """A line per vertex in the order of data flow: its number, its operation, and where its inputs come from.

    Lines are as wide as the terminal, or have so many ``columns``.
    """
    space = architecture.searched_space
    if space is None or architecture.genotype is None:
        return f"network: {architecture.name}"
    graph = space.graph(architecture.genotype)
    names = [graph.operation_names[operation] for operation in graph.operations]
    width = max(len(name) for name in names)
    rows = [f"network {architecture.name} of {space.name}:"]
    for vertex, name in enumerate(names):
        sources = [str(source) for source in graph.adjacency[:, vertex].nonzero()[0]]
        head = f"  {vertex:>3}  {name.ljust(width)}  "
        first, *others = fold(
            f"<- {', '.join(sources)}" if sources else "", max(8, (columns or text_width()) - len(head))
        )
        rows += [f"{head}{first}".rstrip(), *(" " * (len(head) + 3) + line for line in others)]
    return "\n".join(rows)
