"""A manifest of placements becomes samples: read, rasterise, label."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from os import PathLike
from pathlib import Path

import numpy as np

from placement_data.errors import InputError
from placement_data.features import feature_maps
from placement_data.grid import Grid
from placement_data.labels import make_labels
from placement_data.netlist import signal_nets
from placement_data.readers import read_def, read_lef
from placement_data.readers.lef import Library
from placement_data.reports import read_report
from placement_data.store import Sample, sha256

REQUIRED = ("sample", "design", "family", "lef", "def")
OPTIONAL = ("report", "label_kind", "report_repeats")


@dataclass(frozen=True)
class ManifestRow:
    """One placement of a manifest; paths are resolved. Columns that routenas does not know are in ``attributes``."""

    sample: str
    design: str
    family: str
    lef: tuple[Path, ...]
    def_: Path
    report: Path | None
    label_kind: str
    report_repeats: tuple[Path, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)


def read_manifest(path: str | PathLike[str]) -> tuple[ManifestRow, ...]:
    """Rows of a manifest CSV.

    Columns: sample, design, family, lef, def and optionally report, label_kind, report_repeats; several files in one
    field are separated by ``;`` and paths are relative to the manifest. Raises :class:`InputError` with file and line
    for a missing column, an empty field, a file that does not exist, a sample named twice or a design of two families.
    """
    manifest = Path(path)
    try:
        text = manifest.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("the manifest cannot be read", file=manifest, found=str(error)) from None
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows: list[ManifestRow] = []
    seen: set[str] = set()
    family_of: dict[str, str] = {}
    try:
        missing = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
        if missing:
            raise InputError(
                f"column '{missing[0]}' is missing", file=manifest, line=1, expected=", ".join(REQUIRED + OPTIONAL)
            )
        twice = [name for name, count in Counter(reader.fieldnames).items() if count > 1]
        if twice:
            raise InputError("a column is there twice", file=manifest, line=1, found=twice[0])
        for fields in reader:
            row = _row(manifest, reader.line_num, fields)
            if row.sample in seen:
                raise InputError("a sample is named twice", file=manifest, line=reader.line_num, found=row.sample)
            if family_of.setdefault(row.design, row.family) != row.family:
                raise InputError(
                    f"design {row.design} is in two families", file=manifest, line=reader.line_num, found=row.family,
                    expected=f"'{family_of[row.design]}' as above",
                )  # fmt: skip
            seen.add(row.sample)
            rows.append(row)
    except csv.Error as error:
        raise InputError(f"not CSV ({error})", file=manifest, line=reader.reader.line_num) from None
    if not rows:
        raise InputError("the manifest has no rows", file=manifest)
    return tuple(rows)


def _row(manifest: Path, line: int, fields: dict[str, str | None]) -> ManifestRow:
    if None in fields or None in fields.values():
        raise InputError("a row with another number of fields than the header", file=manifest, line=line)
    values = {name: (value or "").strip() for name, value in fields.items()}
    empty = [name for name in REQUIRED if not values[name]]
    if empty:
        raise InputError(f"field '{empty[0]}' is empty", file=manifest, line=line)

    def paths(name: str) -> tuple[Path, ...]:
        parts = [part.strip() for part in values.get(name, "").split(";") if part.strip()]
        for part in parts:
            if not (manifest.parent / part).is_file():
                raise InputError(f"a file of column '{name}' does not exist", file=manifest, line=line, found=part)
        return tuple(manifest.parent / part for part in parts)

    designs, reports = paths("def"), paths("report")
    if len(designs) != 1 or len(reports) > 1:
        raise InputError("a row has one DEF and at most one report", file=manifest, line=line)
    if reports and not values.get("label_kind"):
        raise InputError(
            "field 'label_kind' is empty beside a report", file=manifest, line=line, expected="router and iteration"
        )
    return ManifestRow(
        sample=values["sample"],
        design=values["design"],
        family=values["family"],
        lef=paths("lef"),
        def_=designs[0],
        report=reports[0] if reports else None,
        label_kind=values.get("label_kind", "") if reports else "",
        report_repeats=paths("report_repeats") if reports else (),
        attributes={name: value for name, value in values.items() if name not in REQUIRED + OPTIONAL},
    )


# The caches' keys hold size and time of change, so a file that is written anew is read anew.
Stamp = tuple[Path, int, int]


def _stamp(path: Path) -> Stamp:
    stat = path.stat()
    return path, stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=8)
def _library(stamps: tuple[Stamp, ...]) -> Library:
    return read_lef([path for path, _, _ in stamps])


@lru_cache(maxsize=64)
def _sha256(stamp: Stamp) -> str:
    return sha256(stamp[0])


def _sources(files: Sequence[Path]) -> dict[str, str]:
    """SHA-256 by file name, with the folder's name before it where two files are named alike."""
    alike = Counter(path.name for path in set(files))
    return {
        path.name if alike[path.name] == 1 else f"{path.parent.name}/{path.name}": _sha256(_stamp(path))
        for path in files
    }


def make_sample(row: ManifestRow, tile_um: float | None = None) -> Sample:
    """Read one row's files and make its feature maps and labels.

    ``tile_um`` is the tile's side in microns (default: the row height). Raises :class:`InputError`.
    """
    design = read_def(row.def_, _library(tuple(_stamp(path) for path in row.lef)))
    grid = Grid.of(design, tile_um)
    files = (*row.lef, row.def_, *((row.report,) if row.report else ()), *row.report_repeats)
    sample = Sample(
        sample=row.sample,
        design=row.design,
        family=row.family,
        features=feature_maps(design, grid),
        net_count=int(signal_nets(design).sum()),
        grid=grid.to_dict(),
        sources=_sources(files),
        attributes=row.attributes,
    )
    if row.report is None:
        return sample
    labels = make_labels(design, grid, read_report(row.report), row.label_kind, row.report)
    repeats = [make_labels(design, grid, read_report(path), row.label_kind, path) for path in row.report_repeats]
    return replace(
        sample,
        label_kind=labels.kind,
        hotspots=labels.hotspot,
        violation_density=labels.density,
        violated_net_map=labels.net_map,
        violated_nets=labels.violated_nets,
        repeat_hotspots=np.stack([repeat.hotspot for repeat in repeats]) if repeats else None,
        repeat_violated_nets=tuple(repeat.violated_nets for repeat in repeats),
    )
