"""Data in the package: ``placements.h5`` (maps and labels), ``example.lef`` and ``example.def.gz`` (a layout)."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
PLACEMENTS = FOLDER / "placements.h5"
LEF = FOLDER / "example.lef"
DEF = FOLDER / "example.def.gz"
