"""A DEF whose UNITS are not those of its numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from placement_data.errors import InputError
from placement_data.readers import read_design
from tests.placement_data.synthetic import synthetic_def, synthetic_lef


@pytest.fixture
def lef(tmp_path: Path) -> Path:
    path = tmp_path / "cells.lef"
    path.write_text(synthetic_lef())
    return path


@pytest.mark.parametrize("units", [1000, 4000, 100])
def test_wrong_units_are_refused(tmp_path: Path, lef: Path, units: int) -> None:
    path = tmp_path / "layout.def"
    path.write_text(synthetic_def(60, seed=1).replace("MICRONS 2000", f"MICRONS {units}"))
    with pytest.raises(InputError, match=f"UNITS do not fit the LEF.*MICRONS {units}.*expected 2000, or the LEF"):
        read_design([lef], path)


def test_a_row_may_step_by_more_than_its_site(tmp_path: Path, lef: Path) -> None:
    path = tmp_path / "layout.def"
    path.write_text(synthetic_def(60, seed=1).replace("STEP 380 0", "STEP 760 0"))
    assert read_design([lef], path).dbu_per_micron == 2000


def test_a_translated_die_has_the_same_scale(tmp_path: Path, lef: Path) -> None:
    path = tmp_path / "layout.def"
    path.write_text(synthetic_def(60, seed=1, origin=(-12345, 777)))
    assert read_design([lef], path).die[0] == -12345
