"""A repair of files: a DEF is read and repaired, and becomes the bytes of another."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from placement_data.design import Design
from placement_data.errors import InputError, SettingError
from placement_data.making import LayoutFiles, digest, read_layout, read_liberties
from placement_data.text import digests
from routenas.flow.repair import Repaired, Settings, repair
from routenas.flow.repair.def_text import DefText
from routenas.scoring import Scorer


def repair_files(
    files: LayoutFiles, scorer: Scorer, settings: Settings, out: Path, keep: Sequence[str] = ()
) -> tuple[Repaired, bytes]:
    """Repair a placed DEF; what was done, and the bytes to write to ``out``, which are read back before they are given.

    Cells of nets that have wires stay, and so do those named in ``keep``. Raises :class:`InputError` for files that
    cannot be used, a pipe among them, and for a cell to keep that there is not.
    """
    if not files.layout.is_file():
        raise InputError("is read twice", file=files.layout, expected="a file")
    with digests() as read:
        design = read_layout(files)
        cells = read_liberties(files.liberty)
    known = set(design.cells.name.tolist())
    for name in keep:
        if name not in known:
            raise SettingError("no cell has the name of --keep", found=name, expected="one of COMPONENTS")
    text = DefText(files.layout)
    fixed = {*keep, *_cells_of(design, text.wired_nets())}
    done = repair(design, scorer, settings, liberty=cells, routing_layers=files.routing_layers, fixed=fixed)
    inputs = {str(path): read.get(str(path)) or digest(path) for path in files.all}
    done = replace(done, before=replace(done.before, inputs=inputs))
    data = text.moved(done.places())
    if data is not text.data:
        _read_back(data, files, done.design)
    return done, text.file(data, out)


def _cells_of(design: Design, nets: frozenset[str]) -> list[str]:
    """Names of the cells on nets (by name)."""
    if not nets:
        return []
    named = np.fromiter((name in nets for name in design.nets.name), dtype=bool, count=len(design.nets.name))
    owner = design.pins.cell[named[design.pins.net]]
    return [str(name) for name in design.cells.name[np.unique(owner[owner >= 0])]]


def _read_back(data: bytes, files: LayoutFiles, expected: Design) -> None:
    """Raise ``InputError`` unless the text of a DEF is the design that was meant: nothing is written unread."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "repaired.def"
        path.write_bytes(data)
        found = read_layout(replace(files, layout=path))
    same = (
        np.array_equal(found.cells.box, expected.cells.box)
        and np.array_equal(found.cells.orientation, expected.cells.orientation)
        and np.array_equal(found.cells.status, expected.cells.status)
        and np.array_equal(found.pins.box, expected.pins.box)
        and np.array_equal(found.pins.net, expected.pins.net)
    )
    if not same:
        what = "places of components in the text cannot be told from the rest of it"
        raise InputError(what, file=files.layout, expected="a DEF as tools write it")
