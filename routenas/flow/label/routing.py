"""One routing of one placement: a router in a folder of its own, within its time, whole or not at all.

The folder of a routing appears when it is done, by one rename, and says in ``result.json`` what it was made of
(``key``): a run that was killed leaves only hidden folders behind, which the next one removes.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from multiprocessing import parent_process
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Design, Status
from placement_data.errors import InputError
from placement_data.features.layout import Layout
from placement_data.files import atomic_folder, write_bytes, write_text
from placement_data.grid import Grid
from placement_data.labels import make_labels
from placement_data.layer_range import signal_layers, spelled
from placement_data.making import digest, read_library
from placement_data.manifest import ManifestRow
from placement_data.readers import read_def
from placement_data.readers.def_.routes import read_routes
from placement_data.reports import read_report
from placement_data.text import load_text
from routenas.flow.label.opens import use_of_tracks
from routenas.flow.label.router import Router, Task
from routenas.look_up import look_up

VERSION = 1
"""Part of every key: raised when a change of this package would change what a router is given or what is made of it."""

ROUTERS = {
    "qrouter": "routenas.flow.label.qrouter:QROUTER",
    "openroad": "routenas.flow.label.openroad:OPENROAD",
}
"""The routers by name."""


@dataclass(frozen=True)
class Plan:
    """How all placements are routed: by what, how far, in how many orders of the nets, within how many seconds."""

    router: str
    executable: str
    version: str
    iteration: int
    orders: int = 1
    routing_layers: str = ""
    seconds: float | None = None

    @classmethod
    def of(
        cls, name: str, *, executable: str = "", iteration: int | None = None, orders: int = 1,
        routing_layers: str = "", seconds: float | None = None,
    ) -> Plan:  # fmt: skip
        """Find the router and ask it for its version. Raises :class:`InputError` where there is none."""
        router: Router = look_up("router", ROUTERS, name)
        path = router.executable(executable)
        until = router.iteration if iteration is None else iteration
        return cls(name, path, router.version_of(path), until, orders, routing_layers, seconds)

    def kind(self, layers: str) -> str:
        """The label's kind: router, version, routing layers and iteration."""
        return "/".join(filter(None, (f"{self.router}-{self.version}", layers, f"iteration-{self.iteration}")))


@dataclass(frozen=True)
class Job:
    """A routing of a row's placement; ``order`` counts from 0."""

    row: ManifestRow
    order: int

    def folder(self, root: Path) -> Path:
        """Where it goes: a name of any letters makes a folder, and no two the same."""
        name = quote(self.row.sample, safe=" +,=@()[]")
        return root / "routed" / (f"%2E{name[1:]}" if name.startswith(".") else name) / f"order-{self.order}"

    def layers(self, plan: Plan) -> str:
        """The layers that signals may use, as the manifest or the command line says."""
        return self.row.routing_layers or plan.routing_layers

    def key(self, plan: Plan) -> str:
        """SHA-256 of what decides the result: the bytes of the files, the router, its version and what it is asked."""
        facts = [VERSION, plan.router, plan.version, plan.iteration, self.layers(plan), self.order]
        files = [digest(path) for path in (*self.row.lef, self.row.layout)]
        return hashlib.sha256(json.dumps([facts, files]).encode()).hexdigest()


@dataclass(frozen=True)
class Routed:
    """What came of a routing. Lists have an entry for each iteration; None where the router does not tell it."""

    key: str
    router: str
    version: str
    routing_layers: str
    order: int
    iteration: int
    cells: int
    nets: int
    violated_nets: tuple[int | None, ...]
    violations: tuple[int | None, ...]
    wirelength_um: float
    vias: int
    seconds: float
    hot_tiles: int
    tiles: int
    state: str = field(default="routed", compare=False)

    @classmethod
    def read(cls, folder: Path, key: str) -> Routed | None:
        """That of an earlier run, where there is one of this key."""
        try:
            facts = json.loads((folder / "result.json").read_text(encoding="utf-8"))
            if facts.pop("key") != key:
                return None
            facts |= {name: tuple(facts[name]) for name in ("violated_nets", "violations")}
            return cls(key=key, **facts, state="unchanged")
        except (OSError, ValueError, TypeError, KeyError):
            return None


def route(root: Path, plan: Plan, job: Job) -> Routed:
    """Have the routing in its folder, by the router or by an earlier run.

    Raises :class:`InputError` where files cannot be read, or the router fails or takes too long; its log is then
    ``failed.log`` in place of the folder.
    """
    folder, key = job.folder(root), job.key(plan)
    before = Routed.read(folder, key)
    if before is not None:
        return before
    router: Router = look_up("router", ROUTERS, plan.router)
    library = read_library(job.row.lef)
    design = read_def(job.row.layout, library)
    layers = signal_layers(design, job.layers(plan))
    task = Task(design, library, len(job.row.lef), layers, plan.iteration, job.order)
    log = folder.with_name(f"{folder.name}.failed.log")
    with atomic_folder(folder) as work:
        for i, lef in enumerate(job.row.lef):
            write_text(work / f"lef-{i}.lef", load_text(lef))
        write_text(work / "placed.def", load_text(job.row.layout))
        router.prepare(work, task)
        began = time.monotonic()
        failure = _call([plan.executable, *router.call], work, plan.seconds)
        seconds = time.monotonic() - began
        lacking = next((name for name in router.leaves(plan.iteration) if not (work / name).exists()), None)
        if failure or lacking:
            shutil.copyfile(work / "log.txt", log)
            what = f"{plan.router} {failure or f'ended without {lacking}'}"
            raise InputError(what, file=log, found=f"its last line: {_last_line(log)}")
        counts = router.collect(work, task)
        routed = _result(work, plan, job, task, key, seconds, counts)
        for name in ("placed.def", *(f"lef-{i}.lef" for i in range(len(job.row.lef)))):
            (work / name).unlink()
    log.unlink(missing_ok=True)
    return routed


# A router does not outlive the process that called it, however that one ends (prctl's PR_SET_PDEATHSIG is 1).
_LEASH = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""

_LOOK = 0.5
"""Seconds after which a worker looks whether its parent is still there."""


def _call(words: Sequence[str], folder: Path, seconds: float | None) -> str:
    """Run a command in a folder, with what it prints in ``log.txt``; how it failed, "" where it did not."""
    if sys.platform == "linux":
        words = [sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid()), *words]
    with open(folder / "log.txt", "wb") as log:
        process = subprocess.Popen(
            words, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = _wait(process, seconds)
        finally:
            _end(process)
    if code is None:
        return f"took longer than {seconds:g} s"
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}" if code else ""


def _wait(process: subprocess.Popen[bytes], seconds: float | None) -> int | None:
    """Its exit code, None where it takes too long. A worker process whose parent was killed ends here."""
    parent = parent_process()
    end = math.inf if seconds is None else time.monotonic() + seconds
    while True:
        try:
            return process.wait(max(0.0, min(_LOOK, end - time.monotonic())))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                return None
            if parent is not None and not parent.is_alive():
                sys.exit()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what it started, too."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "an empty log")


def _result(
    work: Path, plan: Plan, job: Job, task: Task, key: str, seconds: float, failed: Mapping[int, int]
) -> Routed:
    """Make the files of the result of what is in the folder, and say what they hold."""
    design, grid = task.design, Grid.of(task.design)
    kind = plan.kind(job.layers(plan))
    path = {int(path.stem.rpartition("-")[2]): path for path in work.glob("iteration-*.drc")}
    labels = {
        n: make_labels(design, grid, read_report(one, design.dbu_per_micron), kind, one) for n, one in path.items()
    }
    density = labels[plan.iteration].density
    routes = read_routes(work / "routed.def")
    use = use_of_tracks(Layout(design, grid, layer_range=job.layers(plan)), routes)
    np.savez(work / "maps.npz", violations=density, use_of_tracks=use.astype(np.float32))
    _write_congestion(work / "congestion.csv", design, grid, use)
    write_bytes(work / "routed.def.gz", gzip.compress((work / "routed.def").read_bytes(), mtime=0))
    (work / "routed.def").unlink()
    every = range(plan.iteration + 1)
    routed = Routed(
        key=key,
        router=plan.router,
        version=plan.version,
        routing_layers=spelled(design, job.layers(plan)),
        order=job.order,
        iteration=plan.iteration,
        cells=len(design.cells.name),
        nets=labels[plan.iteration].net_count,
        violated_nets=tuple(labels[n].violated_nets if n in labels else failed.get(n) for n in every),
        violations=tuple(len(read_report(path[n])) if n in path else None for n in every),
        wirelength_um=routes.length / design.dbu_per_micron,
        vias=len(routes.placed),
        seconds=round(seconds, 3),
        hot_tiles=int((density > 0).sum()),
        tiles=int(grid.inside.sum()),
    )
    facts = {name: value for name, value in asdict(routed).items() if name != "state"}
    write_text(work / "result.json", json.dumps(facts, indent=1) + "\n")
    return routed


def _write_congestion(path: Path, design: Design, grid: Grid, use: NDArray[np.float64]) -> None:
    """For each placed cell the use of tracks in the tile that its middle lies in."""
    cells = design.cells
    placed = np.flatnonzero(cells.status != Status.UNPLACED)
    x, y = cells.box[placed, 0::2].mean(axis=1), cells.box[placed, 1::2].mean(axis=1)
    values = use[grid.row_of(y), grid.column_of(x)]
    names = cells.name[placed]
    rows = (f"{name},{value:.4f}\n" for name, value in zip(names, values, strict=True))
    write_text(path, "instance,use_of_tracks\n" + "".join(rows))
