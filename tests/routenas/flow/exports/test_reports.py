"""Reports for OpenROAD's viewer against our readers of such reports."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from placement_data.errors import InputError, SettingError
from placement_data.reports import read_report
from routenas.flow.exports import reports
from routenas.flow.exports.plan import Plan
from tests.routenas.flow.exports.scores import score_of
from tests.routenas.flow.exports.test_openroad import plan

__all__ = ["plan"]  # the fixture


def check(plan: Plan, path: Path, text: str, kind: str) -> None:
    path.write_text(text)
    found = read_report(path)
    wanted = np.array([region.box for region in plan.regions]) / plan.design.dbu_per_micron
    assert len(found) == 3
    assert np.abs(found.box - wanted).max() < 1e-9  # well within one database unit
    assert set(found.kind) == {kind}
    assert set(found.layer) == {""}
    assert len(found.net_name) == 0


@pytest.mark.parametrize("spelling", ["current", "2022"])
def test_drc_report(plan: Plan, tmp_path: Path, spelling: str) -> None:
    text = reports.drc(plan, spelling=spelling).text
    check(plan, tmp_path / "a.rpt", text, plan.prefix)
    lines = text.splitlines()
    assert all(line.endswith("srcs: ") for line in lines if "srcs" in line)  # older readers want the blank
    assert text.count("on Layer -\n") == 3
    assert ("comment: region 2: score 0.8900, worst 0.9400, 5 tiles" in text) == (spelling == "current")
    assert ("( " in text) == (spelling == "2022")


def test_spelling_must_be_known(plan: Plan) -> None:
    with pytest.raises(SettingError, match="no such spelling, found '1999', expected current or 2022"):
        reports.drc(plan, spelling="1999")


def test_markers(plan: Plan, tmp_path: Path) -> None:
    text = reports.markers(plan).text
    check(plan, tmp_path / "a.json", text, "hotspots")
    (category,) = json.loads(text).values()
    comments = [one["comment"] for one in category["category"]["hotspots"]["violations"]]
    assert comments[0] == "region 1: score 0.9000, worst 0.9500, 4 tiles"
    assert all(line in category["description"] for line in plan.provenance)
    assert list(json.loads(text)) == [plan.prefix]


def test_a_comment_names_the_cause(plan: Plan) -> None:
    scored = {"box_um": [1, 1, 3, 3], "score": 0.5, "max": 0.6, "tiles": 4}
    causes = [{"family": "wires", "effect": 0.3}, {"family": "pins", "effect": -0.1}]
    score = score_of(plan.design, [])
    score["regions"] = [{**scored, "causes": causes}, {**scored, "causes": causes[1:]}, scored]
    told = Plan.of(score, plan.design)
    assert [region.cause for region in told.regions] == ["wires", "", ""]
    assert "score 0.5000, worst 0.6000, 4 tiles, cause wires\n" in reports.drc(told).text
    score["regions"] = [{**scored, "causes": [{"family": "wires"}]}]
    with pytest.raises(InputError, match="the score is broken, found ''effect''"):
        Plan.of(score, plan.design)


def test_no_regions_are_a_clean_report(plan: Plan, tmp_path: Path) -> None:
    import dataclasses

    empty = dataclasses.replace(plan, regions=())
    for name, text in (("a.rpt", reports.drc(empty).text), ("a.json", reports.markers(empty).text)):
        (tmp_path / name).write_text(text)
        assert len(read_report(tmp_path / name)) == 0
