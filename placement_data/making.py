"""One row of a manifest becomes a sample: its files are read, rasterised and labelled.

A sample's key is the SHA-256 of all that decides its content (:func:`sample_key`). It is stored with the sample, in
``provenance``: ``key``; ``layout`` and ``liberty``, the names of those ``sources`` that are the placement itself and
Liberty files that told its registers; ``technology``, where it is known; and ``findings``, where the files held
something that was not read.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache, reduce
from itertools import chain
from operator import or_
from pathlib import Path

import numpy as np

from placement_data import DEFAULT_CHANNELS
from placement_data.design import Design, LibertyCells
from placement_data.features import channel_set, feature_maps
from placement_data.findings import Finding, counted
from placement_data.gaps import gaps, require_content
from placement_data.grid import Grid
from placement_data.labels import make_labels
from placement_data.layer_range import spelled
from placement_data.manifest import ManifestRow
from placement_data.netlist import signal_nets
from placement_data.readers import read_def, read_lef
from placement_data.readers.lef import Library
from placement_data.reports import read_report
from placement_data.sample import Sample
from placement_data.store import sha256
from placement_data.technology import technology
from placement_data.text import load_text

VERSION = 3
"""Part of every sample's key: raised when a change of the readers or labels would change what is stored."""


@dataclass(frozen=True)
class Recipe:
    """How placements are read: tile's side in microns (default: the row height), channel set, and what holds for rows

    that do not say it themselves: Liberty, and the layers that signals may use (see `placement_data.layer_range`).
    """

    tile_um: float | None = None
    channels: str = DEFAULT_CHANNELS
    liberty: tuple[Path, ...] = ()
    routing_layers: str = ""


@dataclass(frozen=True)
class LayoutFiles:
    """The files of one placement, as a row of a manifest has them.

    ``layout`` is what ``kind`` says: ``def`` (with ``lef``), ``aux`` (Bookshelf) or ``odb`` (OpenDB);
    ``routing_layers`` what no file says, see :mod:`placement_data.layer_range`.
    """

    kind: str
    layout: Path
    lef: tuple[Path, ...] = ()
    liberty: tuple[Path, ...] = ()
    routing_layers: str = ""

    @property
    def all(self) -> tuple[Path, ...]:
        """All files, those that an .aux names among them."""
        return (*self.lef, *_layout_files(self), *self.liberty)


# The key of this cache holds size and time of change, so a file that is written anew is read anew.
Stamp = tuple[Path, int, int]


@lru_cache(maxsize=256)
def _sha256(stamp: Stamp) -> str:
    return sha256(stamp[0])


def digest(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes, which are read again only when the file has changed."""
    stat = path.stat()
    return _sha256((path, stat.st_size, stat.st_mtime_ns))


@dataclass(frozen=True)
class _Content:
    """A file by what is in it: two paths of the same bytes are one, and what was read of one is that of the other."""

    digest: str
    path: Path = field(compare=False)


def _contents(paths: Sequence[Path]) -> tuple[_Content, ...]:
    return tuple(_Content(digest(path), path) for path in paths)


@lru_cache(maxsize=8)
def _library(files: tuple[_Content, ...]) -> Library:
    return read_lef([file.path for file in files])


def read_library(paths: Sequence[Path]) -> Library:
    """What LEF files say; the same files, wherever they lie, are read once. Raises :class:`InputError`."""
    if not all(path.is_file() for path in paths):  # what comes out of a pipe is not there a second time
        return read_lef(paths)
    found, names = _library(_contents(paths)), tuple(map(str, paths))
    if found.sources == names:
        return found
    here = dict(zip(found.sources, names, strict=True))
    findings = tuple(replace(one, file=here.get(one.file, one.file)) for one in found.findings)
    return replace(found, sources=names, findings=findings)


@lru_cache(maxsize=8)
def _liberty(files: tuple[_Content, ...]) -> LibertyCells:
    return _read_liberty([file.path for file in files])


def _read_liberty(paths: Sequence[Path]) -> LibertyCells:
    from placement_data.readers.liberty import read_liberty

    return reduce(or_, map(read_liberty, paths))


def _layout_files(row: ManifestRow | LayoutFiles) -> tuple[Path, ...]:
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
        **{f"iteration {number}": (path,) for number, path in row.report_iterations},
    }


def short_names(files: Sequence[Path], taken: Sequence[str] = ()) -> dict[Path, str]:
    """A file's name, with as many of its folders before it as tell it from others that are named alike, and ``taken``.

    A name that is still another's when there are no more folders stays so.
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
    facts: dict[str, object] = {
        "version": VERSION,
        "channels": channel_set(recipe.channels).version,
        "tile": recipe.tile_um,
        "row": [row.sample, row.design, row.family, row.kind, row.label_kind, sorted(row.attributes.items())],
        "files": {role: [[names[path], digest(path)] for path in paths] for role, paths in files.items() if paths},
    }
    if layers := row.routing_layers or recipe.routing_layers:
        facts["routing_layers"] = layers
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def read_layout(files: ManifestRow | LayoutFiles) -> Design:
    """The placement in some files; LEF files that were read before are not read again. Raises :class:`InputError`."""
    if files.kind == "def":
        return read_def(files.layout, read_library(files.lef))
    if files.kind == "aux":
        from placement_data.readers.bookshelf import read_bookshelf

        return read_bookshelf(files.layout)
    from placement_data.readers.odb import read_odb

    return read_odb(files.layout)


def read_liberties(paths: Sequence[Path]) -> LibertyCells | None:
    """What Liberty files say of their cells together, None where there is no file. Raises :class:`InputError`."""
    if not paths:
        return None
    regular = all(path.is_file() for path in paths)
    return _liberty(_contents(paths)) if regular else _read_liberty(paths)


def make_sample(row: ManifestRow, tile_um: float | None = None, recipe: Recipe | None = None) -> Sample:
    """Read one row's files and make its feature maps and labels.

    ``tile_um`` is short for a :class:`Recipe` of that tile. Raises :class:`InputError`.
    """
    recipe = recipe or Recipe(tile_um)
    files = _files(row, recipe)
    names = short_names([path for group in files.values() for path in group])
    design = read_layout(row)
    require_content(design)
    place = row.place if row.routing_layers and row.place else (row.layout, None)
    layers = spelled(design, row.routing_layers or recipe.routing_layers, *place)
    grid = Grid.of(design, recipe.tile_um)
    dbu = design.dbu_per_micron
    reports = () if row.report is None else (row.report, *row.report_repeats)
    earlier = tuple(path for _, path in row.report_iterations)
    every = [make_labels(design, grid, read_report(path, dbu), row.label_kind, path) for path in (*reports, *earlier)]
    sample = Sample(
        sample=row.sample,
        design=row.design,
        family=row.family,
        features=feature_maps(
            design, grid, channel_set(recipe.channels), liberty=read_liberties(files["liberty"]), routing_layers=layers
        ),
        net_count=int(signal_nets(design).sum()),
        grid=grid.to_dict(),
        routing_layers=layers,
        sources={name: digest(path) for path, name in names.items()},
        attributes=row.attributes,
        provenance={
            "key": sample_key(row, recipe),
            "layout": [names[path] for path in files["layout"]],
            "liberty": [names[path] for path in files["liberty"]],
            **({"technology": name} if (name := technology(design)) else {}),
            **_findings([*design.findings, *gaps(design), *chain(*(labels.findings for labels in every))], names),
        },
    )
    if not every:
        return sample
    labels, *repeats = every[: len(reports)]
    iterations = [each.hotspot for each in every[len(reports) :]]
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
        earlier_hotspots=np.stack(iterations) if iterations else None,
        earlier_iterations=tuple(number for number, _ in row.report_iterations),
    )


def _findings(findings: Sequence[Finding], names: Mapping[Path, str]) -> dict[str, list[dict[str, object]]]:
    """What ``provenance`` says of findings, if there are any; files by the names that they are recorded under."""
    named = {str(path): name for path, name in names.items()}
    known = [asdict(replace(one, file=named.get(one.file, one.file))) for one in counted(findings)]
    return {"findings": known} if known else {}
