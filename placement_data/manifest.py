"""The manifest: a CSV that names placements and their files, one row per placement."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from os.path import isfile
from pathlib import Path

from placement_data.errors import InputError
from placement_data.text import load_text

REQUIRED = ("sample", "design", "family")
LAYOUTS = ("def", "aux", "odb")
"""Columns of which every row fills one: a DEF (with ``lef``), a Bookshelf .aux, an OpenDB file."""
OPTIONAL = ("lef", "liberty", "routing_layers", "report", "label_kind", "report_repeats")
_ITERATION = re.compile(r"report_iteration_(0|[1-9]\d{0,3})")
"""Columns of the reports of the same router's earlier iterations."""
_KNOWN = REQUIRED + LAYOUTS + OPTIONAL
_EXPECTED = "sample, design, family, one of def (with lef), aux, odb, and optionally " + ", ".join(OPTIONAL[1:])


@dataclass(frozen=True)
class ManifestRow:
    """One placement of a manifest; paths are resolved. Columns that routenas does not know are in ``attributes``.

    ``layout`` is the placement's file and ``kind`` what it is: ``def``, ``aux`` (Bookshelf) or ``odb``.
    ``report_iterations`` are numbers and reports of the same router's earlier iterations, in ascending order.
    ``routing_layers`` are those that signals may use, see :mod:`placement_data.layer_range`. ``absent`` is the error of
    a row of which a file is not there, and ``place`` is where the row stands, if it stands in a file.
    """

    sample: str
    design: str
    family: str
    lef: tuple[Path, ...]
    layout: Path
    report: Path | None
    label_kind: str
    report_repeats: tuple[Path, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)
    kind: str = "def"
    liberty: tuple[Path, ...] = ()
    routing_layers: str = ""
    report_iterations: tuple[tuple[int, Path], ...] = ()
    absent: InputError | None = field(default=None, compare=False)
    place: tuple[Path, int] | None = field(default=None, compare=False)

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that the row names."""
        reports = () if self.report is None else (self.report, *self.report_repeats)
        earlier = (path for _, path in self.report_iterations)
        return (*self.lef, self.layout, *self.liberty, *reports, *earlier)

    @property
    def def_(self) -> Path:
        """The placement's file."""
        return self.layout


def read_manifest(path: str | PathLike[str], *, absent: bool = False) -> tuple[ManifestRow, ...]:
    """Rows of a manifest CSV, plain or gzip.

    Columns: sample, design, family; def with lef, or aux, or odb; and optionally liberty, routing_layers, report,
    label_kind, report_repeats, report_iteration_0 (1, 2 ...). Several files in one field are separated by ``;`` and
    paths are relative to the manifest. Raises :class:`InputError` with file and line for a missing column, an empty
    field, a file that does not exist, a row of no layout or of several, a sample named twice or a design of two
    families. With ``absent`` a row that names a file that does not exist is kept, with its error.
    """
    manifest = Path(path)
    reader = csv.DictReader(io.StringIO(load_text(manifest), newline=""), strict=True)
    rows: list[ManifestRow] = []
    seen: set[str] = set()
    family_of: dict[str, str] = {}
    try:
        _check_header(manifest, list(reader.fieldnames or ()))
        for fields in reader:
            row = _row(manifest, reader.line_num, fields)
            if row.absent is not None and not absent:
                raise row.absent
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


def _check_header(manifest: Path, names: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in names]
    if not set(names) & set(LAYOUTS):
        missing.append("def")
    if "def" in names and "lef" not in names:
        missing.append("lef")
    if missing:
        raise InputError(f"column '{missing[0]}' is missing", file=manifest, line=1, expected=_EXPECTED)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError("a column is there twice", file=manifest, line=1, found=twice[0])


def _row(manifest: Path, line: int, fields: dict[str, str | None]) -> ManifestRow:
    if None in fields or None in fields.values():
        raise InputError("a row with another number of fields than the header", file=manifest, line=line)
    values = {name: (value or "").strip() for name, value in fields.items()}
    empty = [name for name in REQUIRED if not values[name]]
    if empty:
        raise InputError(f"field '{empty[0]}' is empty", file=manifest, line=line)
    kinds = [name for name in LAYOUTS if values.get(name)]
    if len(kinds) != 1:
        columns = [name for name in LAYOUTS if name in values]
        if len(columns) == 1:
            raise InputError(f"field '{columns[0]}' is empty", file=manifest, line=line)
        found = " and ".join(kinds) or "none"
        raise InputError("a row has one layout", file=manifest, line=line, found=found, expected="def, aux or odb")
    kind = kinds[0]
    if (kind == "def") != bool(values.get("lef")):
        what = "field 'lef' is empty" if kind == "def" else f"field 'lef' beside '{kind}', which has no use for it"
        raise InputError(what, file=manifest, line=line)

    absent: list[InputError] = []

    def paths(name: str) -> tuple[Path, ...]:
        parts = [part.strip() for part in values.get(name, "").split(";") if part.strip()]
        for part in parts:
            if not isfile(manifest.parent / part):
                what = f"a file of column '{name}' does not exist"
                absent.append(InputError(what, file=manifest, line=line, found=part))
        return tuple(manifest.parent / part for part in parts)

    layouts, reports = paths(kind), paths("report")
    if len(layouts) != 1 or len(reports) > 1:
        raise InputError(f"a row has one {kind.upper()} and at most one report", file=manifest, line=line)
    if reports and not values.get("label_kind"):
        raise InputError(
            "field 'label_kind' is empty beside a report", file=manifest, line=line, expected="router and iteration"
        )
    lef, repeats, liberty = paths("lef"), paths("report_repeats") if reports else (), paths("liberty")
    return ManifestRow(
        sample=values["sample"],
        design=values["design"],
        family=values["family"],
        lef=lef,
        layout=layouts[0],
        report=reports[0] if reports else None,
        label_kind=values.get("label_kind", "") if reports else "",
        report_repeats=repeats,
        attributes={
            name: value for name, value in values.items() if name not in _KNOWN and not _ITERATION.fullmatch(name)
        },
        kind=kind,
        liberty=liberty,
        routing_layers=values.get("routing_layers", ""),
        report_iterations=_iterations(values, paths, manifest, line) if reports else (),
        place=(manifest, line),
        absent=absent[0] if absent else None,
    )


def _iterations(
    values: Mapping[str, str], paths: Callable[[str], tuple[Path, ...]], manifest: Path, line: int
) -> tuple[tuple[int, Path], ...]:
    """Number and report of each earlier iteration that a row names."""
    numbers = sorted(int(match[1]) for match in map(_ITERATION.fullmatch, values) if match)
    found = [(number, paths(f"report_iteration_{number}")) for number in numbers]
    for number, files in found:
        if len(files) > 1:
            what = f"field 'report_iteration_{number}' names several reports"
            raise InputError(what, file=manifest, line=line, found=len(files), expected="at most one")
    return tuple((number, files[0]) for number, files in found if files)
