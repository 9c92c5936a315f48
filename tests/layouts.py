"""A made-up layout on disk: LEF, DEF and a hand-written DRC report that fits it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from placement_data.making import LayoutFiles
from routenas.predictor import Predictor
from routenas.scoring import Score, Scorer
from tests.placement_data.synthetic import synthetic_def, synthetic_lef

KIND = "hand-written/iteration-0"


@dataclass(frozen=True)
class Layout:
    """Paths of one layout, and two of its signal nets, which the report names."""

    lef: Path
    def_: Path
    report: Path
    nets: tuple[str, str]


def write_layout(folder: Path, name: str = "one", seed: int = 3, cells: int = 150, lef: Path | None = None) -> Layout:
    """Write ``name``.def.gz and ``name``.drc (and the library, unless it is there) to ``folder``."""
    if lef is None:
        lef = folder / "library.lef"
        lef.write_text(synthetic_lef())
    text = synthetic_def(cells, seed, utilization=0.6, memory=False, name=name)
    def_ = folder / f"{name}.def.gz"
    def_.write_bytes(gzip.compress(text.encode(), mtime=0))
    section = text[text.index("\nNETS") : text.index("END NETS")]
    found = re.findall(r"^- (n\d+) ", section, re.MULTILINE)
    first, second = found[0], found[-1]
    report = folder / f"{name}.drc"
    report.write_text(report_text(first, second))
    return Layout(lef, def_, report, (first, second))


def report_text(first: str, second: str) -> str:
    """Three violations: a short of two nets, one of the first net alone, one with a supply net."""
    return (
        f"violation type: Short\n\tsrcs: net:{first} net:{second} \n\tbbox = (5.0, 5.0) - (5.1, 5.1) on Layer metal2\n"
        f"violation type: MetSpc\n\tsrcs: net:{first} \n\tbbox = (9.0, 5.0) - (9.2, 5.1) on Layer metal3\n"
        f"violation type: Short\n\tsrcs: net:{second} net:VDD \n\tbbox = (5.0, 9.0) - (5.1, 9.1) on Layer metal2\n"
    )


HEADER = "sample,design,family,lef,def,report,label_kind,report_repeats"


def write_manifest(path: Path, rows: list[str], header: str = HEADER) -> Path:
    """A manifest of CSV lines."""
    path.write_text("\n".join((header, *rows)) + "\n")
    return path


def manifest_row(layout: Layout, sample: str, family: str, report: bool = True) -> str:
    """The line of a layout whose files lie beside the manifest."""
    label = f"{layout.report.name},{KIND}" if report else ","
    return f"{sample},{family},{family},{layout.lef.name},{layout.def_.name},{label},"


def score_layout(
    files: LayoutFiles, predictors: Sequence[Predictor], tile_um: float | None = None, top: int = 20
) -> Score:
    """The score of one layout."""
    return Scorer(predictors, tile_um=tile_um, top=top).score_files(files)
