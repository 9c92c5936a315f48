"""All placements of a manifest routed into a folder, with a manifest that ``routenas ingest`` takes, and a summary.

A routing that is there already, of the same files, router and settings, is kept: a run that was stopped goes on. One
that failed is tried again.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from statistics import fmean, pstdev

import numpy as np

from placement_data.errors import InputError, WriteError
from placement_data.files import check_outputs, locked, write_text, writing
from placement_data.manifest import ManifestRow
from placement_data.processes import run
from routenas.flow.label.routing import Job, Plan, Routed, route

SCHEMA = "routenas.label/1"
Tell = Callable[[str, Exception | None], object]


@dataclass(frozen=True)
class Sample:
    """A placement and its routings, in the order of the net orders; agreements are None for fewer than two of them,

    or where all maps are flat.
    """

    row: ManifestRow
    routed: tuple[Routed, ...]
    folders: tuple[Path, ...]
    agreement: float | None
    agreement_of_use: float | None

    @property
    def violated_nets(self) -> list[int]:
        """Of each routing, after its last iteration; a router that names no nets counts as 0."""
        return [one.violated_nets[-1] or 0 for one in self.routed]

    def facts(self) -> dict[str, object]:
        """JSON form."""
        first = self.routed[0]
        return {
            "sample": self.row.sample,
            "design": self.row.design,
            "cells": first.cells,
            "nets": first.nets,
            "violated_nets": self.violated_nets,
            "violated_nets_mean": round(fmean(self.violated_nets), 3),
            "violated_nets_deviation": round(pstdev(self.violated_nets), 3),
            "wirelength_um": [round(one.wirelength_um, 3) for one in self.routed],
            "vias": [one.vias for one in self.routed],
            "seconds": [one.seconds for one in self.routed],
            "hot_tiles": [one.hot_tiles for one in self.routed],
            "tiles": first.tiles,
            "agreement": self.agreement,
            "agreement_of_use": self.agreement_of_use,
        }


@dataclass(frozen=True)
class Labelled:
    """What :func:`label` did: ``failed`` has the error of each routing that there is not, by sample and order."""

    samples: tuple[Sample, ...]
    failed: Mapping[tuple[str, int], Exception]

    def __str__(self) -> str:
        states = [one.state for sample in self.samples for one in sample.routed]
        counts = f"{states.count('routed')} routed, {states.count('unchanged')} unchanged, {len(self.failed)} failed"
        return f"{len(self.samples)} placements: {counts}"


def label(
    rows: Sequence[ManifestRow],
    output: Path,
    plan: Plan,
    *,
    workers: int = 1,
    tell: Tell = lambda name, error: None,
) -> Labelled:
    """Route the placements of ``rows`` into ``output``: ``manifest.csv``, ``summary.json``, a folder a routing.

    A routing that fails is left out. ``tell(sample, error)`` is called as each is done. Raises :class:`InputError` for
    a folder that another process writes to or that the manifest lies in, and the first error where nothing was routed.
    """
    outputs = {"the new manifest": output / "manifest.csv", "the summary": output / "summary.json"}
    check_outputs(outputs, [path for row in rows for path in (*row.files, *(row.place or ())[:1])])
    jobs = [Job(row, order) for row in rows for order in range(plan.orders)]
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    with locked(output):
        for path in (output / "routed").glob("*/.order-*"):  # what a killed run left half-done
            shutil.rmtree(path, ignore_errors=True)
        done: dict[int, Routed] = {}
        errors: dict[int, Exception] = {}
        with closing(run(partial(_route, output, plan), jobs, workers)) as outcomes:
            for number, outcome in outcomes:
                if isinstance(outcome, WriteError):
                    raise outcome
                if isinstance(outcome, Exception):
                    errors[number] = outcome
                else:
                    done[number] = outcome
                tell(jobs[number].row.sample, errors.get(number))
        if not done:
            raise errors[min(errors)]
        samples = tuple(_samples(output, plan, jobs, done))
        failed = {(jobs[number].row.sample, jobs[number].order): error for number, error in sorted(errors.items())}
        write_text(output / "manifest.csv", _manifest(output, plan, samples))
        write_text(output / "summary.json", json.dumps(_summary(plan, samples, failed), indent=1) + "\n")
    return Labelled(samples, failed)


def _route(output: Path, plan: Plan, job: Job) -> Routed:
    if job.row.absent is not None:
        raise job.row.absent
    if job.row.kind != "def":
        place = dict(zip(("file", "line"), job.row.place or (), strict=False))
        raise InputError("only DEF can be routed", found=job.row.kind, **place)  # type: ignore[arg-type]
    return route(output, plan, job)


def _samples(output: Path, plan: Plan, jobs: Sequence[Job], done: Mapping[int, Routed]) -> Iterator[Sample]:
    for first in range(0, len(jobs), plan.orders):
        numbers = [number for number in range(first, first + plan.orders) if number in done]
        if numbers:
            folders = tuple(jobs[number].folder(output) for number in numbers)
            maps = [dict(np.load(folder / "maps.npz")) for folder in folders]
            agreements = [_agreement([one[name] for one in maps]) for name in ("violations", "use_of_tracks")]
            yield Sample(jobs[first].row, tuple(done[number] for number in numbers), folders, *agreements)


def _agreement(maps: Sequence[np.ndarray]) -> float | None:
    """Mean correlation (Pearson, over the tiles) of each two maps; of two that one of them is flat none is known."""
    pairs = [(a.ravel(), b.ravel()) for a, b in combinations(maps, 2) if np.ptp(a) and np.ptp(b)]
    return round(fmean(float(np.corrcoef(a, b)[0, 1]) for a, b in pairs), 4) if pairs else None


def _manifest(output: Path, plan: Plan, samples: Sequence[Sample]) -> str:
    """A row a sample; what the router says are attributes, which never become inputs.

    Paths are relative as far as files lie beside the output or in it.
    """
    here = output.resolve()

    def path(*paths: Path) -> str:
        real = [one.resolve() for one in paths]
        return ";".join(os.path.relpath(one, here) if here.parent in one.parents else str(one) for one in real)

    rows = []
    for one in samples:
        row, first, last = one.row, one.routed[0], f"iteration-{plan.iteration}.drc"
        earlier = {
            f"report_iteration_{n}": path(report)
            for n in range(plan.iteration)
            if (report := one.folders[0] / f"iteration-{n}.drc").exists()
        }
        rows.append(
            {
                "sample": row.sample,
                "design": row.design,
                "family": row.family,
                "lef": path(*row.lef),
                "def": path(row.layout),
                "liberty": path(*row.liberty),
                "routing_layers": first.routing_layers,
                "report": path(one.folders[0] / last),
                "label_kind": plan.kind(first.routing_layers),
                **earlier,
                "report_repeats": path(*(folder / last for folder in one.folders[1:])),
                **row.attributes,
                "violated_nets_by_iteration": " ".join("-" if n is None else str(n) for n in first.violated_nets),
                "wirelength_um": f"{first.wirelength_um:.3f}",
                "vias": first.vias,
                "route_seconds": first.seconds,
            }
        )
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    table = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def _summary(plan: Plan, samples: Sequence[Sample], failed: Mapping[tuple[str, int], Exception]) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "router": plan.router,
        "version": plan.version,
        "iteration": plan.iteration,
        "orders": plan.orders,
        "samples": [one.facts() for one in samples],
        "failed": [{"sample": name, "order": order, "error": str(error)} for (name, order), error in failed.items()],
    }
