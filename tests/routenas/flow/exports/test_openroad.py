"""Tcl for OpenROAD, run by a real interpreter: what is asked of the tool is what the plan says."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from placement_data.design import Design
from placement_data.errors import InputError, SettingError
from routenas.flow.exports import emit, openroad
from routenas.flow.exports.plan import Plan
from tests.routenas.flow.exports.scores import LEFT, NASTY, Box, Call, design_with_macro, memory_box, run_tcl, score_of


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Three regions: beside the macro and on it, elsewhere, and on the macro only."""
    design = design_with_macro(origin=(1000, -3000))
    x0, y0, x1, y1 = memory_box(design)
    low = int(design.die[0]) + 6000, int(design.die[1]) + 6000
    boxes = [(x0 - 3001, y0 - 3003, x1 + 3001, y1 + 3003), (*low, low[0] + 7001, low[1] + 6001), (x0, y0, x1, y1)]
    return Plan.of(score_of(design, boxes), design, max_area=1.0)


def parts(plan: Plan) -> list[Box]:
    return [part for region in plan.areas for part in region.parts]


def dbu(plan: Plan, call: Call, first: int) -> Box:
    """The box that begins at a word of a call, in database units: exactly whole ones."""
    edges = [float(word) * plan.design.dbu_per_micron for word in call[first : first + 4]]
    assert all(abs(edge - round(edge)) < 1e-6 for edge in edges)
    x0, y0, x1, y1 = map(round, edges)
    return x0, y0, x1, y1


def test_blockages(plan: Plan, tmp_path: Path) -> None:
    calls = run_tcl(tmp_path, openroad.blockages(plan).text)
    assert len(parts(plan)) >= 5
    assert [call[:2] for call in calls] == [("create_blockage", "-region")] * len(calls)
    assert [dbu(plan, call, 2) for call in calls] == parts(plan)
    densities = [str(region.density(None)) for region in plan.areas for _ in region.parts]
    assert [call[6:] for call in calls] == [("-max_density", density) for density in densities]
    stated = run_tcl(tmp_path, openroad.blockages(plan, density=40).text)
    assert {call[7] for call in stated} == {"40"}


def test_blockages_are_on_the_die_and_on_no_macro(plan: Plan, tmp_path: Path) -> None:
    x0, y0, x1, y1 = memory_box(plan.design)
    for call in run_tcl(tmp_path, openroad.blockages(plan).text):
        a, b, c, d = dbu(plan, call, 2)
        assert a < c
        assert b < d
        assert a >= x1 or c <= x0 or b >= y1 or d <= y0
        assert plan.design.die[0] <= a
        assert c <= plan.design.die[2]
        assert plan.design.die[1] <= b <= d <= plan.design.die[3]


@pytest.mark.parametrize("kind", ["blockages", "obstructions"])
def test_undo_takes_back_what_was_made_and_no_more(plan: Plan, tmp_path: Path, kind: str) -> None:
    made = openroad.blockages(plan) if kind == "blockages" else openroad.obstructions(plan, layers="metal3-metal4")
    x0, y0, x1, y1 = (f"{edge / 2000:.4f}" for edge in parts(plan)[0])
    other = (
        f"create_blockage -region {{{x0} {y0} {x1} {y1}}} -max_density 0\n"  # the same box, but a hard one
        f"create_blockage -region {{{x0} {y0} {x1} 999}} -max_density 50\n"
        f"create_obstruction -layer metal9 -region {{{x0} {y0} {x1} {y1}}}\n"
    )
    left = [
        call for call in run_tcl(tmp_path, other, made.text, made.undo, LEFT) if call[0] in ("blockage", "obstruction")
    ]
    assert [(call[0], call[2]) for call in left] == [("blockage", "0"), ("blockage", "50"), ("obstruction", "metal9")]
    kept = [call for call in run_tcl(tmp_path, other, made.text, LEFT) if call[0] in ("blockage", "obstruction")]
    assert len(kept) == 3 + len(parts(plan)) * (1 if kind == "blockages" else 2)


def test_a_file_is_refused_a_second_time_until_it_is_taken_back(plan: Plan, tmp_path: Path) -> None:
    made = openroad.blockages(plan)
    again = "if {[catch {source file0.tcl} told]} { record $told }\n".replace("file0", str(tmp_path / "file0"))
    calls = run_tcl(tmp_path, made.text, again, made.undo, again)
    assert calls[len(parts(plan))] == (f"{plan.prefix}_blockages was applied before",)
    assert len(calls) == 2 * len(parts(plan)) + 1


def test_obstructions(plan: Plan, tmp_path: Path) -> None:
    calls = run_tcl(tmp_path, openroad.obstructions(plan, layers="metal3-metal4").text)
    wanted = [(layer, part) for part in parts(plan) for layer in ("metal3", "metal4")]
    assert [(call[2], dbu(plan, call, 4)) for call in calls] == wanted
    assert {(call[0], call[1], call[3]) for call in calls} == {("create_obstruction", "-layer", "-region")}
    with pytest.raises(InputError, match="there is no such routing layer"):
        openroad.obstructions(plan, layers="poly")


def test_adjustments(plan: Plan, tmp_path: Path) -> None:
    made = openroad.adjustments(dataclasses.replace(plan, routing_layers="metal2-metal3"), adjustment=0.25)
    calls = run_tcl(tmp_path, made.text)
    wanted = [(layer, part) for part in parts(plan) for layer in ("metal2", "metal3")]
    assert [(call[6], dbu(plan, call, 1)) for call in calls] == wanted
    assert {call[7:] for call in calls} == {("-adjustment", "0.25")}
    assert made.undo == ""
    assert "no command that takes them back" in made.text
    with pytest.raises(SettingError, match="adjustment"):
        openroad.adjustments(plan, adjustment=1.5)


def test_padding(plan: Plan, tmp_path: Path) -> None:
    made = openroad.padding(plan, legaliser="diamond-only", sites=2, added_area=1.0)
    calls = run_tcl(tmp_path, made.text)
    names = [[str(plan.design.cells.name[cell]) for cell in region.cells] for region in plan.areas]
    head = ("set_placement_padding", "-left", "2", "-right", "2", "-instances")
    assert calls == [(*head, *of_region) for of_region in names]
    back = run_tcl(tmp_path, made.undo)
    assert back == [(*(word.replace("2", "0") for word in head), *of_region) for of_region in names]


def test_padding_says_what_it_means_to_the_legaliser(plan: Plan, tmp_path: Path) -> None:
    texts = {kind: openroad.padding(plan, legaliser=kind) for kind in openroad.LEGALISERS}
    assert "before 2026" in texts["diamond-only"].text
    assert "negotiates" in texts["negotiation"].text
    assert "DPL-0701" in texts["negotiation"].text
    assert "use_diamond" not in texts["diamond-only"].text.partition("if {")[2]
    show = "record args $::env(DETAIL_PLACEMENT_ARGS)\n"
    had = "set ::env(DETAIL_PLACEMENT_ARGS) {-max_displacement 5}\n"
    made = texts["diamond"]
    calls = run_tcl(tmp_path, had, made.text, show, made.undo, show)
    assert [call[1] for call in calls if call[0] == "args"] == [
        "-max_displacement 5 -use_diamond_legalizer", "-max_displacement 5",
    ]  # fmt: skip
    assert ("args", " -use_diamond_legalizer") in run_tcl(tmp_path, made.text, show)
    with pytest.raises(SettingError, match="no such legaliser, found 'abacus'"):
        openroad.padding(plan, legaliser="abacus")


def renamed(design: Design, names: tuple[str, ...]) -> Design:
    wanted = np.array([names[row % len(names)] + str(row) for row in range(len(design.cells.name))], dtype=object)
    return dataclasses.replace(design, cells=dataclasses.replace(design.cells, name=wanted))


def test_names_of_any_letters_come_through(plan: Plan, tmp_path: Path) -> None:
    design = renamed(plan.design, NASTY)
    nasty = dataclasses.replace(plan, design=design)
    made = openroad.padding(nasty, legaliser="negotiation", added_area=1.0)
    assert made.text.isascii()
    found = [name for call in run_tcl(tmp_path, made.text) for name in call[6:]]
    assert found == [str(design.cells.name[cell]) for region in plan.areas for cell in region.cells]
    assert len(found) > len(NASTY)


@pytest.mark.parametrize("kind", ["openroad-blockages", "openroad-padding", "openroad-adjustments"])
def test_no_regions_ask_nothing(plan: Plan, tmp_path: Path, kind: str) -> None:
    options = {"legaliser": "negotiation"} if kind == "openroad-padding" else {}
    made = emit(kind, dataclasses.replace(plan, regions=()), **options)
    assert run_tcl(tmp_path, made.text, made.undo) == []
