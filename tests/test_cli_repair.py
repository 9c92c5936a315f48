"""routenas repair on the command line."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from placement_data.making import LayoutFiles, read_layout
from placement_data.orientation import Orientation
from tests.layouts import Layout
from tests.routenas.flow.repair.test_floor import assert_lawful
from tests.test_cli import Run, assert_one_line
from tests.test_cli import run as run

PLACES = re.compile(r"(\+ PLACED \( )\S+ \S+( \) )\w+")


def words(layout: Layout, bundles: dict[str, Path], *more: object) -> list[object]:
    models = [word for model in bundles.values() for word in ("--model", model)]
    return ["repair", "--lef", layout.lef, "--def", layout.def_, *models, "--rounds", 6, *more]


def skeleton(path: Path) -> str:
    """A DEF without the places of its components."""
    data = path.read_bytes()
    return PLACES.sub(r"\1\2", (gzip.decompress(data) if path.suffix == ".gz" else data).decode())


def test_a_def_becomes_a_better_one(run: Run, layout: Layout, bundles: dict[str, Path], tmp_path: Path) -> None:
    out, told = tmp_path / "better.def.gz", tmp_path / "repair.json"
    done = run(*words(layout, bundles, "-o", out, "--json", told))
    assert done.code == 0, done.err
    value: dict[str, Any] = json.loads(told.read_text())
    before, after = (read_layout(LayoutFiles("def", path, (layout.lef,))) for path in (layout.def_, out))
    assert value["cells"]["moved"] == assert_lawful(before, after) > 0
    assert skeleton(out) == skeleton(layout.def_)
    predicted = value["predicted"]
    assert predicted["expected_hotspot_tiles"]["after"] < predicted["expected_hotspot_tiles"]["before"]
    assert predicted["violated_nets"]["after"] <= predicted["violated_nets"]["before"]
    assert value["wirelength_um"]["after"] <= 1.02 * value["wirelength_um"]["before"]
    kinds = ("shift", "swap", "mirror", "white_space")
    assert sum(value["moves"][kind]["kept"] for kind in kinds) == value["moves"]["all"]["kept"] > 0
    far = np.abs(after.cells.box - before.cells.box)[:, :2].sum(axis=1) / before.dbu_per_micron
    assert value["displacement_um"]["max"] == pytest.approx(far.max())
    assert value["displacement_um"]["sum"] == pytest.approx(far.sum())
    assert set(value["inputs"]) == {str(layout.lef), str(layout.def_)}
    assert "predicted, not routed" in done.out
    assert f"{value['cells']['moved']} of {value['cells']['movable']} movable cells moved" in done.out
    # The score of what was written is what was told.
    models = [word for model in bundles.values() for word in ("--model", model)]
    again = tmp_path / "score.json"
    assert run("score", "--lef", layout.lef, "--def", out, *models, "--json", again).code == 0
    found = json.loads(again.read_text())
    assert found["hotspots"]["expected_tiles"] == value["predicted"]["expected_hotspot_tiles"]["after"]


def test_the_same_seed_has_the_same_bytes(run: Run, layout: Layout, bundles: dict[str, Path], tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.def" for name in "abc"]
    for file, seed in zip(files, (1, 1, 2), strict=True):
        assert run(*words(layout, bundles, "-o", file, "--seed", seed)).code == 0
    one, again, other = (file.read_bytes() for file in files)
    assert one == again != other


def test_where_nothing_helps_the_file_is_the_same(
    run: Run, layout: Layout, bundles: dict[str, Path], tmp_path: Path
) -> None:
    packed = tmp_path / "odd.def.gz"
    packed.write_bytes(gzip.compress(gzip.decompress(layout.def_.read_bytes()), 1, mtime=5))
    none = Layout(layout.lef, packed, layout.report, layout.nets)
    done = run(*words(none, bundles, "-o", tmp_path / "out.def.gz")[:-3], 0, "-o", tmp_path / "out.def.gz")
    assert done.code == 0, done.err
    assert (tmp_path / "out.def.gz").read_bytes() == packed.read_bytes()
    assert "nothing helped: the layout is as it was" in done.out


def test_cells_on_routed_nets_and_kept_ones_stay(
    run: Run, layout: Layout, bundles: dict[str, Path], tmp_path: Path
) -> None:
    text = gzip.decompress(layout.def_.read_bytes()).decode()
    net = layout.nets[0]
    routed = re.sub(rf"(^- {net} [^;]*) ;", r"\1 + ROUTED metal1 ( 0 0 ) ( 100 * ) ;", text, flags=re.MULTILINE)
    assert routed != text
    (tmp_path / "in.def").write_text(routed)
    some = Layout(layout.lef, tmp_path / "in.def", layout.report, layout.nets)
    keep = [f"u{number}" for number in range(0, 100)]
    done = run(*words(some, bundles, "-o", tmp_path / "out.def", "--keep", *keep))
    assert done.code == 0, done.err
    before, after = (read_layout(LayoutFiles("def", tmp_path / f"{n}.def", (layout.lef,))) for n in ("in", "out"))
    moved = set(before.cells.name[(before.cells.box != after.cells.box).any(axis=1)])
    assert moved
    assert not moved & set(keep)
    number = before.nets.name.tolist().index(net)
    own = before.pins.cell[before.pins.net == number]
    assert not moved & set(before.cells.name[own[own >= 0]])


def test_klayout_reads_the_same_places(run: Run, layout: Layout, bundles: dict[str, Path], tmp_path: Path) -> None:
    db = pytest.importorskip("klayout.db", reason="klayout is not installed")
    out = tmp_path / "out.def"
    assert run(*words(layout, bundles, "-o", out)).code == 0
    options = db.LoadLayoutOptions()
    options.lefdef_config.lef_files = [str(layout.lef)]
    options.lefdef_config.read_lef_with_def = False
    drawn = db.Layout()
    drawn.read(str(out), options)
    design = read_layout(LayoutFiles("def", out, (layout.lef,)))
    names = {str(name): row for row, name in enumerate(design.cells.name)}
    turns = {"r0": "N", "r180": "S", "m0": "FS", "m90": "FN"}
    found = 0
    for instance in drawn.top_cell().each_inst():
        row = names.get(str(instance.property("name") or instance.property(1) or ""))
        if row is not None:
            size = design.cells.box[row, 2:] - design.cells.box[row, :2]
            turn = turns[str(instance.trans).split(" ")[0]]
            assert Orientation(design.cells.orientation[row]).name == turn
            # klayout's displacement is where the master's origin comes to lie.
            at = np.array([instance.trans.disp.x, instance.trans.disp.y]) * drawn.dbu * design.dbu_per_micron
            corner = at - size * np.array([turn in ("S", "FN"), turn in ("S", "FS")])
            assert np.abs(corner - design.cells.box[row, :2]).max() < 1.0
            found += 1
    assert found == len(names)


@pytest.mark.parametrize(
    ("more", "code", "told"),
    [
        (("--keep", "nobody"), 2, "no cell has the name of --keep, found 'nobody'"),
        (("--max-wirelength", "nan"), 2, "not a finite number"),
        (("--reach", "0"), 2, "--reach"),
        (("--routing-layers", "metal2-metal99"), 3, "metal99"),
    ],
)
def test_what_is_wrong_is_told(
    run: Run, layout: Layout, bundles: dict[str, Path], tmp_path: Path, more: tuple[str, ...], code: int, told: str
) -> None:
    done = run(*words(layout, bundles, "-o", tmp_path / "out.def", *more))
    assert done.code == code
    assert told in done.err
    assert not (tmp_path / "out.def").exists()


def test_models_and_files_that_do_not_do(run: Run, layout: Layout, bundles: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out.def"
    nets = {"violated_nets": bundles["violated_nets"]}
    done = run(*words(layout, nets, "-o", out))
    assert_one_line(done, 4, "expected a model of the task 'hotspots'")
    own = tmp_path / "own.def.gz"
    shutil.copy(layout.def_, own)
    done = run(*words(Layout(layout.lef, own, layout.report, layout.nets), bundles, "-o", own))
    assert done.code == 3
    assert "would overwrite an input" in done.err
    assert not out.exists()
