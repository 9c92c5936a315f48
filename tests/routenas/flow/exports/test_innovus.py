"""Tcl for Innovus, run by a real interpreter."""

from __future__ import annotations

from pathlib import Path

import pytest

from placement_data.errors import SettingError
from routenas.flow.exports import innovus
from routenas.flow.exports.plan import Plan
from tests.routenas.flow.exports.scores import run_tcl as run
from tests.routenas.flow.exports.test_openroad import dbu, parts, plan

__all__ = ["plan"]  # the fixture


@pytest.mark.parametrize("means", ["max", "blocked"])
def test_blockages(plan: Plan, tmp_path: Path, means: str) -> None:
    made = innovus.blockages(plan, density_means=means, density=62)
    calls = run(tmp_path, made.text)
    assert [dbu(plan, call, 6) for call in calls] == parts(plan)
    assert {call[:5] for call in calls} == {
        ("createPlaceBlockage", "-type", "partial", "-density", "60" if means == "max" else "40")
    }
    names = [call[-1] for call in calls]
    assert len(set(names)) == len(names)
    assert all(name.startswith(plan.prefix) for name in names)
    assert run(tmp_path, made.undo) == [("deletePlaceBlockage", name) for name in names]


def test_the_meaning_of_density_must_be_known(plan: Plan) -> None:
    with pytest.raises(SettingError, match="no such meaning of -density, found 'used', expected max or blocked"):
        innovus.blockages(plan, density_means="used")
    assert "may take" in innovus.blockages(plan, density_means="max").text
    assert "kept from cells" in innovus.blockages(plan, density_means="blocked").text


def test_padding(plan: Plan, tmp_path: Path) -> None:
    made = innovus.padding(plan, sites=3, added_area=1.0)
    names = [str(plan.design.cells.name[cell]) for region in plan.areas for cell in region.cells]
    assert run(tmp_path, made.text) == [("specifyInstPad", name, "-left", "3", "-right", "3") for name in names]
    assert run(tmp_path, made.undo) == [("specifyInstPad", name, "-left", "0", "-right", "0") for name in names]
