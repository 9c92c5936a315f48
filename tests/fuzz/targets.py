"""What is mutated and who reads it: one row per format."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from placement_data import text
from placement_data.checks.lint import lint
from placement_data.errors import InputError
from placement_data.readers import read_def, read_lef
from placement_data.readers.bookshelf import read_bookshelf
from placement_data.readers.liberty import read_liberty
from placement_data.reports import read_report
from tests.fuzz import seeds
from tests.placement_data.synthetic import synthetic_def, synthetic_lef

DBU = 2000
Files = dict[str, bytes]


@dataclass(frozen=True)
class Target:
    """A format. ``corpora`` are sets of valid files; one of those in ``victims`` is mutated, then ``read`` is called.

    ``lines`` says whether errors name a line; ``sealed`` that every change of the bytes must be refused; ``bombs``
    whether gzip bombs are tried.
    """

    corpora: Callable[[], list[Files]]
    read: Callable[[Path], Any]
    victims: tuple[str, ...] = ()
    lines: bool = True
    binary: bool = False
    sealed: bool = False
    bombs: bool = True


def _texts(name: str, *texts: str) -> Callable[[], list[Files]]:
    return lambda: [{name: content.encode()} for content in texts]


def _def_corpora() -> list[Files]:
    small = synthetic_def(25, 3, memory=True)
    return [
        {"l.lef": seeds.RICH_LEF.encode(), "d.def": seeds.RICH_DEF.encode()},
        {"l.lef": seeds.RICH_LEF.encode(), "d.def": seeds.RICH_DEF.encode()},
        {"l.lef": synthetic_lef().encode(), "d.def": small.encode()},
    ]


def _read_def(folder: Path) -> Any:
    return read_def(folder / "d.def", read_lef([folder / "l.lef"]))


def _read_def_in_pieces(folder: Path) -> Any:
    """Read whole and in small pieces, which must give the same: the cuts between pieces are nobody's business."""
    outcomes = []
    whole = text._BLOCK
    for size in (whole, max(257, (folder / "d.def").stat().st_size // 40)):
        text._BLOCK = size
        try:
            outcomes.append(_outcome(folder))
        finally:
            text._BLOCK = whole
    # Of two things that are wrong the later may be seen first, where it is about the bytes of the file.
    of_bytes = any(part in message for _, message in outcomes for part in ("gzip file", "NUL byte", "string is not"))
    same = of_bytes or outcomes[0][1] == outcomes[1][1]
    assert same, f"in pieces: {outcomes[1][1]!r}, in one: {outcomes[0][1]!r}"
    if isinstance(outcomes[0][0], InputError):
        raise outcomes[0][0]
    return outcomes[0][0]


def _read_def_and_lint(folder: Path) -> Any:
    """Read, and lint: what reading refuses or counts, lint lists at the same place in the same words."""
    layout = folder / "d.def"
    try:
        design, refused = _read_def(folder), None
    except InputError as error:
        design, refused = None, error
    try:
        listed = lint([folder / "l.lef"], [layout]).findings
    except InputError:
        assert refused is not None, "lint refuses what is read"
        raise
    if refused is not None:
        message = str(InputError(refused.what, found=refused.found, expected=refused.expected))
        same = any((one.file, one.line, one.message) == (str(refused.file), refused.line, message) for one in listed)
        assert same or "than the units" in message or "too large" in message, f"lint does not list {refused}"
        raise refused
    places = {(one.file, one.line, one.code) for one in listed}
    lost = [one for one in design.findings if (one.file, one.line, one.code) not in places]
    assert not lost, f"lint does not list {lost}"
    return design


def _outcome(folder: Path) -> tuple[Any, str]:
    from tests.placement_data.tables import listing

    try:
        design = _read_def(folder)
    except InputError as error:
        return error, str(error)
    return design, listing(design)


def _report(name: str, *texts: str, lines: bool = True) -> Target:
    return Target(_texts(name, *texts), lambda folder: read_report(folder / name, DBU), lines=lines)


def _openroad() -> Target:
    from tests.placement_data.reports.test_openroad import CURRENT, OF_2020, OF_2022

    return _report("r.drc", CURRENT, OF_2022, OF_2020, CURRENT + OF_2022 + OF_2020)


def _markers() -> Target:
    from tests.placement_data.reports.test_forms import MARKERS

    return _report("r.json", json.dumps(MARKERS, indent=1), lines=False)


def _magic_forms() -> tuple[str, ...]:
    from tests.placement_data.reports.test_forms import RUN_MAGIC_DRC, SAVE_REPORT

    return RUN_MAGIC_DRC, SAVE_REPORT


def _manifest() -> Target:
    header = "sample,design,family,lef,def,report,label_kind,report_repeats,utilization"
    rows = 'a/1,a,a,l.lef;l.lef,d.def,r.drc,router/2,r.drc;r.drc,0.5\n"a/2",a,a,l.lef,d.def,,,,\n'
    rows += "b/1,b,a,l.lef,d.def,,,,x\n"
    files = {"m.csv": f"{header}\n{rows}".encode(), "l.lef": b"", "d.def": b"", "r.drc": b""}
    from placement_data.ingest import read_manifest

    return Target(lambda: [files], lambda folder: read_manifest(folder / "m.csv"), ("m.csv",))


def _bookshelf_files() -> list[Files]:
    from tests.placement_data.readers.test_bookshelf import FILES

    weights = "UCLA wts 1.0\n\na 1\nb 2.5\n"
    return [{f"s.{suffix}": content.encode() for suffix, content in (FILES | {"wts": weights}).items()}]


def _liberty() -> Target:
    from tests.placement_data.readers.test_liberty import TEXT

    return Target(_texts("c.lib", TEXT), lambda folder: read_liberty(folder / "c.lib"))


def _circuitnet_files() -> list[Files]:
    from placement_data.circuitnet.names import PLACEMENT_MAPS
    from tests.placement_data.circuitnet.test_circuitnet import N28, folder_of

    made = []
    for suffix in (".npy", ".npz"):
        with tempfile.TemporaryDirectory() as place:
            root = folder_of(Path(place), dict(PLACEMENT_MAPS), N28, suffix)
            paths = sorted(path for path in root.rglob("*") if path.is_file())
            made.append({path.relative_to(root).as_posix(): path.read_bytes() for path in paths})
    return made


def _circuitnet_index() -> list[Files]:
    """Folders as routenas exports them, of which the index is mutated."""
    from placement_data.circuitnet import export_circuitnet
    from tests.samples import write_made_up_store

    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "out"
        export_circuitnet(write_made_up_store(Path(place) / "s.h5", families=1, placements=1), root)
        paths = sorted(path for path in root.rglob("*") if path.is_file())
        return [{path.relative_to(root).as_posix(): path.read_bytes() for path in paths}]


def _read_circuitnet(folder: Path) -> Any:
    from placement_data.circuitnet import read_circuitnet

    return list(read_circuitnet(folder))


def _split() -> Target:
    from placement_data.dataset import Split

    return Target(_texts("s.json", seeds.SPLIT), lambda folder: Split.load(folder / "s.json"), lines=False)


def _store() -> Target:
    from placement_data.checks.verify import verify
    from tests.samples import write_made_up_store

    def corpora() -> list[Files]:
        with tempfile.TemporaryDirectory() as folder:
            path = write_made_up_store(Path(folder) / "s.h5", families=2, placements=2)
            return [{"s.h5": path.read_bytes()}]

    return Target(corpora, lambda folder: verify(folder / "s.h5"), lines=False, binary=True, sealed=True)


TARGETS: dict[str, Callable[[], Target]] = {
    "lef": lambda: Target(
        _texts("l.lef", seeds.RICH_LEF, synthetic_lef()), lambda folder: read_lef([folder / "l.lef"])
    ),
    "def": lambda: Target(_def_corpora, _read_def, ("d.def",)),
    "def-pieces": lambda: Target(_def_corpora, _read_def_in_pieces, ("d.def",), bombs=False),
    "lint": lambda: Target(_def_corpora, _read_def_and_lint, ("d.def", "l.lef"), bombs=False),
    "bookshelf": lambda: Target(_bookshelf_files, lambda folder: read_bookshelf(folder / "s.aux")),
    "liberty": _liberty,
    "circuitnet": lambda: Target(_circuitnet_files, _read_circuitnet, lines=False, binary=True),
    "index": lambda: Target(_circuitnet_index, _read_circuitnet, ("channels.json",), lines=False),
    "openroad": _openroad,
    "innovus": lambda: _report("r.rpt", seeds.INNOVUS),
    "klayout": lambda: _report("r.lyrdb", seeds.LYRDB),
    "markers": _markers,
    "calibre": lambda: _report("r.db", seeds.CALIBRE),
    "magic": lambda: _report("r.txt", seeds.MAGIC, *_magic_forms()),
    "ieda": lambda: _report("r.json", seeds.IEDA, lines=False),  # a place in the JSON
    "csv": lambda: _report("r.csv", seeds.CSV_REPORT),
    "manifest": _manifest,
    "split": _split,
    "hdf5": _store,
}
