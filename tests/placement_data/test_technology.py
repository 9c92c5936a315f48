"""The technology of a design: equal whatever the LEF's spelling, other where layers, pitches or rows are."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from placement_data.design import Design
from placement_data.making import LayoutFiles, read_layout
from placement_data.technology import technology
from tests.layouts import write_layout


def read(folder: Path, lef: str) -> Design:
    layout = write_layout(folder)
    layout.lef.write_text(lef)
    return read_layout(LayoutFiles("def", layout.def_, (layout.lef,)))


@pytest.fixture(scope="module")
def lef(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_layout(tmp_path_factory.mktemp("lef")).lef.read_text()


def test_the_text_and_its_digest_by_hand(tmp_path: Path, lef: str) -> None:
    layers = [("metal1", 140), ("metal2", 190), ("metal3", 140), ("metal4", 280), ("metal5", 280), ("metal6", 280)]
    facts = ", ".join(
        f'["{name}", "{direction}", [{pitch}]]'
        for (name, pitch), direction in zip(layers, ("HORIZONTAL", "VERTICAL") * 3, strict=True)
    )
    digest = hashlib.sha256(f"[[{facts}], 1400]".encode()).hexdigest()[:8]
    assert technology(read(tmp_path, lef)) == f"6 layers metal1-metal6, rows 1.4 um, {digest}"


def test_another_version_of_the_same_kit(tmp_path: Path, lef: str) -> None:
    other = lef.replace("VERSION 5.8", "VERSION 5.7").replace("PITCH 0.14 ;", "PITCH 0.140 0.140 ;\n  SPACING 0.065 ;")
    assert other != lef
    assert technology(read(tmp_path, other)) == technology(read(tmp_path, lef))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LAYER metal6\n", "LAYER met6\n"),
        ("PITCH 0.19 ;", "PITCH 0.2 ;"),
        ("DIRECTION HORIZONTAL", "DIRECTION VERTICAL"),
    ],
)
def test_another_kit(tmp_path: Path, lef: str, old: str, new: str) -> None:
    assert old in lef
    other = lef.replace(old, new).replace("END metal6", "END met6") if "met6" in new else lef.replace(old, new)
    assert technology(read(tmp_path, other)) != technology(read(tmp_path, lef))


def test_rows_tell_and_cells_stand_in_for_them(tmp_path: Path, lef: str) -> None:
    design = read(tmp_path, lef)
    taller = dataclasses.replace(design, sites=dataclasses.replace(design.sites, height=design.sites.height + 0.1))
    assert "rows 1.5 um" in technology(taller)
    none = dataclasses.replace(
        design, rows=type(design.rows)(*(getattr(design.rows, f.name)[:0] for f in dataclasses.fields(design.rows)))
    )
    assert technology(none) == technology(design)


def test_nothing_is_known_without_layers(tmp_path: Path, lef: str) -> None:
    design = read(tmp_path, lef)
    layers = dataclasses.replace(design.layers, kind=design.layers.kind * 0)
    assert technology(dataclasses.replace(design, layers=layers)) == ""
