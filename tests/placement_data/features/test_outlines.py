"""Blocks that are no rectangles: OBS on a layer of TYPE OVERLAP is the outline, wherever cells are looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from placement_data.checks.lint import lint
from placement_data.design import Design
from placement_data.features import Layout, channel_maps
from placement_data.features.tracks import _rings
from placement_data.grid import Grid
from placement_data.orientation import Orientation
from placement_data.readers import read_design

TECH = """VERSION 5.8 ;
LAYER M1
  TYPE ROUTING ;
  DIRECTION HORIZONTAL ;
  PITCH 0.2 ;
  WIDTH 0.1 ;
END M1
{layer}
END LIBRARY
"""
OVERLAP = "LAYER OVL\n  TYPE OVERLAP ;\nEND OVL"
RAM = """VERSION 5.8 ;
MACRO RAM
  CLASS BLOCK ;
  ORIGIN {origin} ;
  SIZE 10 BY 6 ;
  OBS
    LAYER {layer} ;
{shapes}
  END
END RAM
MACRO INV
  CLASS CORE ;
  SIZE 2 BY 2 ;
END INV
END LIBRARY
"""
L = "RECT 0 0 10 2 ;\nRECT 0 2 4 6 ;"
DEF = """VERSION 5.8 ;
DESIGN top ;
UNITS DISTANCE MICRONS 1000 ;
DIEAREA {die} ;
COMPONENTS {count} ;
{components}
END COMPONENTS
END DESIGN
"""
SQUARE = "( 0 0 ) ( 40000 40000 )"


def write(
    folder: Path, components: list[str], die: str = SQUARE, tech: str = OVERLAP, ram: dict[str, str] | None = None
) -> tuple[list[Path], Path]:
    lef = [folder / "cells.lef", folder / "tech.lef"]  # the layer is declared after its use
    lef[0].write_text(RAM.format(**{"origin": "0 0", "layer": "OVL", "shapes": L, **(ram or {})}))
    lef[1].write_text(TECH.format(layer=tech))
    text = "\n".join(f"- c{number} {component} ;" for number, component in enumerate(components))
    (folder / "a.def").write_text(DEF.format(die=die, count=len(components), components=text))
    return lef, folder / "a.def"


def read(folder: Path, components: list[str], **options: object) -> Design:
    return read_design(*write(folder, components, **options))  # type: ignore[arg-type]


def channel(design: Design, name: str, tile: float = 1.0) -> np.ndarray:
    return next(map_ for _, map_ in channel_maps(Layout(design, Grid.of(design, tile)), [name]))


# Where a point of a frame of 10 x 6 comes to lie, after the LEF/DEF reference's pictures of the orientations.
TURNED = {
    "N": lambda x, y: (x, y),
    "S": lambda x, y: (10 - x, 6 - y),
    "W": lambda x, y: (6 - y, x),
    "E": lambda x, y: (y, 10 - x),
    "FN": lambda x, y: (10 - x, y),
    "FS": lambda x, y: (x, 6 - y),
    "FW": lambda x, y: (y, x),
    "FE": lambda x, y: (6 - y, 10 - x),
}


@pytest.mark.parametrize("orientation", [each.name for each in Orientation])
def test_the_outline_turns_with_the_block(tmp_path: Path, orientation: str) -> None:
    found = channel(read(tmp_path, [f"RAM + FIXED ( 7000 5000 ) {orientation}"]), "macro_density")
    expected = np.zeros((40, 40))
    for x in range(10):
        for y in range(6):
            if y < 2 or x < 4:
                at = TURNED[orientation](x + 0.5, y + 0.5)
                expected[int(at[1]) + 5, int(at[0]) + 7] = 1
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert expected.sum() == 36


@pytest.mark.parametrize(
    ("tech", "ram", "area"),
    [
        (OVERLAP, {"shapes": "POLYGON 0 0 0 6 4 6 4 2 10 2 10 0 ;"}, 36),
        (OVERLAP, {"shapes": "RECT 0 0 10 2 ;\nRECT 0 0 4 6 ;\nRECT 1 1 3 5 ;"}, 36),  # what overlaps counts once
        (OVERLAP, {"shapes": "RECT 0 0 10 2 ;\nRECT ITERATE 0 2 4 3 DO 1 BY 4 STEP 0 1 ;"}, 36),
        (OVERLAP, {"shapes": "RECT -3 -9 10 2 ;\nRECT 0 2 4 99 ;"}, 36),  # cut to SIZE
        (OVERLAP, {"origin": "5 1", "shapes": "RECT -5 -1 5 1 ;\nRECT -5 1 -1 5 ;"}, 36),
        (OVERLAP, {"shapes": "RECT 0 0 2 2 ;\nRECT 8 4 10 6 ;"}, 8),
        (OVERLAP, {"shapes": "RECT 0 0 10 3 ;\nRECT 0 3 10 6 ;"}, 60),
        (OVERLAP, {"shapes": "RECT 20 20 30 30 ;"}, 60),  # nothing of the block: it says nothing
        (OVERLAP, {"layer": "M1"}, 60),
        (OVERLAP, {"layer": "NONE"}, 60),
        ("", {"layer": "OVERLAP"}, 36),  # a layer that no LEF declares, by its usual name
        ("LAYER OVERLAP\n  TYPE MASTERSLICE ;\nEND OVERLAP", {"layer": "OVERLAP"}, 60),
    ],
)
def test_ways_to_write_an_outline(tmp_path: Path, tech: str, ram: dict[str, str], area: float) -> None:
    design = read(tmp_path, ["RAM + FIXED ( 7000 5000 ) FS"], tech=tech, ram=ram)
    assert channel(design, "macro_density").sum() == pytest.approx(area)
    assert (len(design.masters.outline_box) > 0) == (area < 60)


def test_a_cell_in_the_notch_has_room(tmp_path: Path) -> None:
    design = read(tmp_path, ["RAM + FIXED ( 8000 12000 ) N", "INV + PLACED ( 14000 15000 ) N"])
    density = channel(design, "cell_density", 2.0)
    assert density.max() == pytest.approx(1.0)
    assert (density * 4).sum() == pytest.approx(36 + 4)


def test_a_cell_counts_once_in_a_tile_of_two_of_its_parts(tmp_path: Path) -> None:
    count = channel(read(tmp_path, ["RAM + FIXED ( 500 500 ) N"]), "cell_count", 2.0)
    assert count[:5, :7].tolist() == [
        [1, 1, 1, 1, 1, 1, 0],
        [1, 1, 1, 1, 1, 1, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ]
    assert count.sum() == 18


def test_halos_go_round_the_outline(tmp_path: Path) -> None:
    """One micron round the L of 10 x 2 and 4 x 4: 12 x 4 and above it 6 x 4. Of the ring the L itself is no part."""
    ram = "RAM + FIXED ( 8000 12000 ) N + HALO 1000 1000 1000 1000 + ROUTEHALO 1000 M1 M1"
    design = read(tmp_path, [ram, "INV + PLACED ( 30000 30000 ) N + ROUTEHALO 500 M1 M1"])
    density = channel(design, "macro_halo_density")
    assert density.sum() == pytest.approx(72)
    assert density.max() == pytest.approx(1.0)
    assert channel(design, "macro_region", 3.0)[6, 5] == 0  # in the notch, 2 um off the L
    boxes, halo = _rings(design)
    area = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / 1e6).tolist()
    assert sum(a for a, of in zip(area, halo, strict=True) if of == 0) == pytest.approx(36)
    assert sum(a for a, of in zip(area, halo, strict=True) if of == 1) == pytest.approx(3 * 3 - 2 * 2)


def test_lint_looks_at_the_outline(tmp_path: Path) -> None:
    """The block's notch lies in the die's notch; turned the other way round it lies off the die."""
    die = "( 0 0 ) ( 0 40000 ) ( 4000 40000 ) ( 4000 20000 ) ( 40000 20000 ) ( 40000 0 )"
    components = ["RAM + FIXED ( 0 18000 ) N", "RAM + FIXED ( 0 30000 ) N", "RAM + FIXED ( 20000 18000 ) N"]
    lef, def_ = write(tmp_path, components, die)
    lines = [finding.line for finding in lint(lef, [def_]).findings if finding.code == "outside-die"]
    assert lines == [7, 8]


def test_lint_knows_a_fence_of_several_rectangles(tmp_path: Path) -> None:
    """A block of the outline of its fence lies in it; a cell in the notch of both lies in no fence."""
    lef, def_ = write(tmp_path, ["RAM + FIXED ( 8000 12000 ) N", "INV + PLACED ( 14000 15000 ) N"])
    regions = (
        "REGIONS 1 ;\n- f ( 8000 12000 ) ( 18000 14000 ) ( 8000 14000 ) ( 12000 18000 ) + TYPE FENCE ;\nEND REGIONS\n"
    )
    groups = "GROUPS 1 ;\n- g c0 + REGION f ;\nEND GROUPS\nEND DESIGN"
    text = def_.read_text().replace("COMPONENTS 2", regions + "COMPONENTS 2").replace("END DESIGN", groups)
    def_.write_text(text)
    assert not [finding for finding in lint(lef, [def_]).findings if "fence" in finding.code]
