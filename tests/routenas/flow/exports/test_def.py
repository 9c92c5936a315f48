"""The DEF of blockages against two readers."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from placement_data.readers import read_def, read_lef
from routenas.flow.exports import def_
from routenas.flow.exports.plan import Plan
from tests.placement_data.synthetic import synthetic_lef
from tests.routenas.flow.exports.test_openroad import parts, plan

__all__ = ["plan"]  # the fixture


def written(plan: Plan, folder: Path) -> tuple[Path, Path]:
    lef, path = folder / "a.lef", folder / "blockages.def"
    lef.write_text(synthetic_lef())
    path.write_text(def_.blockages(plan).text)
    return lef, path


def test_our_reader_finds_the_regions(plan: Plan, tmp_path: Path) -> None:
    lef, path = written(plan, tmp_path)
    design = read_def(path, read_lef([lef]))
    assert [tuple(box) for box in design.blockages.box.tolist()] == parts(plan)
    wanted = [region.density(None) / 100 for region in plan.areas for _ in region.parts]
    assert design.blockages.max_density.tolist() == pytest.approx(wanted, abs=1e-12)
    assert set(design.blockages.layer) == {""}
    assert not design.blockages.soft.any()
    assert design.die.tolist() == plan.design.die.tolist()
    assert design.name == plan.design.name
    assert design.dbu_per_micron == plan.design.dbu_per_micron


def test_klayout_finds_the_regions(plan: Plan, tmp_path: Path) -> None:
    db = pytest.importorskip("klayout.db", reason="klayout (extra [oracles]) reads DEF by its own code")
    lef, path = written(plan, tmp_path)
    options = db.LoadLayoutOptions()
    config = options.lefdef_config
    config.lef_files = [str(lef)]
    config.read_lef_with_def = False
    config.dbu = 1 / plan.design.dbu_per_micron
    config.produce_placement_blockages = True
    options.lefdef_config = config
    layout = db.Layout()
    layout.read(str(path), options)
    boxes = set()
    for layer in layout.layer_infos():
        if "PLACEMENT_BLK" in layer.name:
            for shape in layout.top_cell().shapes(layout.layer(layer)).each():
                box = shape.bbox()
                boxes.add((box.left, box.bottom, box.right, box.top))
    assert boxes == set(parts(plan))


def test_a_die_that_is_no_rectangle_keeps_its_corners(plan: Plan, tmp_path: Path) -> None:
    x0, y0, x1, y1 = plan.design.die.tolist()
    corners = [(x0, y0), (x1, y0), (x1, y1 - 4000), (x1 - 4000, y1 - 4000), (x1 - 4000, y1), (x0, y1)]
    design = dataclasses.replace(plan.design, die_polygon=np.array(corners))
    lef, path = written(dataclasses.replace(plan, design=design), tmp_path)
    assert sorted(map(tuple, read_def(path, read_lef([lef])).die_polygon.tolist())) == sorted(corners)
