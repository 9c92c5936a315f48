"""Labels against loops over tiles, by hand, and what reports are refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from placement_data.design import Design
from placement_data.errors import InputError
from placement_data.grid import Grid
from placement_data.labels import hotspot_map, make_labels, violated_net_map, violated_nets, violation_density
from placement_data.violations import Violations
from tests.placement_data import reference
from tests.placement_data.builders import DBU, names, random_design, random_violations


def make(seed: int) -> tuple[Design, Grid, Violations]:
    rng = np.random.default_rng(seed)
    design = random_design(rng)
    return design, Grid.of(design), random_violations(rng, design)


def report(boxes: list[tuple[float, float, float, float]], nets: list[list[str]]) -> Violations:
    return Violations(
        kind=names(["Short"] * len(boxes)),
        layer=names(["metal2"] * len(boxes)),
        box=np.array(boxes, dtype=np.float64),
        net_offset=np.cumsum([0] + [len(n) for n in nets]).astype(np.int64),
        net_name=names([name for listed in nets for name in listed]),
    )


def test_by_hand() -> None:
    design = random_design(np.random.default_rng(0), die=(0, 0, 3 * 2800, 2 * 2800))
    grid = Grid.of(design)
    # One violation on two tiles, one on a tile's corner, one over the upper row.
    violations = report(
        [(1.0, 0.1, 1.5, 0.2), (2.8, 1.4, 2.8, 1.4), (0.5, 2.0, 4.2, 2.8)],
        [["n1", "n2"], ["n2", "n2"], []],
    )
    labels = make_labels(design, grid, violations, "by hand")
    np.testing.assert_array_equal(labels.density, [[1, 1, 0], [1, 1, 2]])
    np.testing.assert_array_equal(labels.hotspot, [[1, 1, 0], [1, 1, 1]])
    np.testing.assert_allclose(labels.net_map, [[1 / 2 + 1 / 3, 1 / 2 + 1 / 3, 0], [0, 0, 1 / 3]], rtol=1e-6)
    assert (labels.violated_nets, labels.kind) == (2, "by hand")
    assert labels.net_count == len(design.nets.name) - 2
    assert labels.hotspot.dtype == np.uint8
    assert labels.density.dtype == labels.net_map.dtype == np.float32


@pytest.mark.parametrize("seed", range(6))
def test_maps_match_loops(seed: int) -> None:
    design, grid, violations = make(seed)
    density = np.zeros(grid.shape)
    touched: dict[str, set[tuple[int, int]]] = {}
    for i, box in enumerate(np.rint(violations.box * DBU)):
        for row, column, _ in reference.tiles(grid):
            if reference.touches(grid, box, row, column):
                density[row, column] += 1
                for name in violations.net_name[violations.net_offset[i] : violations.net_offset[i + 1]]:
                    touched.setdefault(name, set()).add((row, column))
    expected = np.zeros(grid.shape)
    for tiles in touched.values():
        for tile in tiles:
            expected[tile] += 1 / len(tiles)
    np.testing.assert_array_equal(violation_density(violations, grid), density)
    np.testing.assert_array_equal(hotspot_map(violations, grid), density > 0)
    np.testing.assert_allclose(violated_net_map(violations, grid), expected, rtol=1e-6)
    assert violated_nets(violations) == len(touched)
    labels = make_labels(design, grid, violations, "random")
    np.testing.assert_array_equal(labels.net_map, violated_net_map(violations, grid))
    assert labels.net_map.sum() == pytest.approx(labels.violated_nets, rel=1e-5)
    assert labels.violated_nets == len(touched)


def test_decimal_microns_do_not_move_a_box_off_its_border() -> None:
    design = random_design(np.random.default_rng(0), die=(0, 0, 40 * 2800, 2800))
    grid = Grid.of(design)
    for column in range(40):
        x = round(column * 1.4, 4)
        density = violation_density(report([(x, 0, x, 0)], [[]]), grid)
        assert (density[0, column], density.sum()) == (1, 1)


def test_a_report_that_names_no_net_says_nothing_of_violated_nets() -> None:
    design, grid, _ = make(0)
    x, y = (design.die[:2] / design.dbu_per_micron).tolist()
    labels = make_labels(design, grid, report([(x, y, x, y)], [[]]), "no nets")
    assert (labels.violated_nets, labels.net_map) == (None, None)
    assert (labels.hotspot.sum(), labels.hotspot[0, 0]) == (1, 1)


def test_a_clean_report() -> None:
    design, grid, _ = make(0)
    labels = make_labels(design, grid, Violations.empty(), "clean")
    assert labels.violated_nets == 0
    for map_ in (labels.hotspot, labels.density, labels.net_map):
        np.testing.assert_array_equal(map_, np.zeros(grid.shape))
    assert violated_net_map(Violations.empty(), grid).shape == grid.shape


def test_supply_and_unknown_nets_are_not_violated_nets() -> None:
    design, grid, _ = make(0)
    supply = str(design.nets.name[-1])
    box = (1.0, 5.0, 1.1, 5.1)
    labels = make_labels(design, grid, report([box], [["n1", "n2", supply, "unknown"]]), "x")
    assert labels.violated_nets == 2
    assert labels.net_map.sum() == pytest.approx(2)


def test_a_report_of_another_layout_is_refused() -> None:
    design, grid, violations = make(0)
    far = replace(violations, box=violations.box + np.array([0.0, 500.0, 0.0, 500.0]))
    with pytest.raises(
        InputError, match=r"x.drc: the report does not belong to this layout: 25 of 25 violations lie off"
    ):
        make_labels(design, grid, far, "x", "x.drc")
    with pytest.raises(InputError, match="lie off the die"):
        make_labels(design, grid, report([(np.nan, 0, 0, 0)], [[]]), "x")
    other = report([(1.0, 5.0, 1.1, 5.1)], [["n1", "zz", "yy"]])
    with pytest.raises(
        InputError, match=r"2 of 3 nets that it names are not in the design, found 'yy', expected nets of"
    ):
        make_labels(design, grid, other, "x", "x.drc")


def test_a_box_just_off_the_die_counts_at_its_edge() -> None:
    design = random_design(np.random.default_rng(0), die=(0, 0, 3 * 2800, 2 * 2800))
    grid = Grid.of(design)
    labels = make_labels(design, grid, report([(4.3, 0.1, 4.4, 0.2)], [["n1"]]), "x")
    np.testing.assert_array_equal(labels.density, [[0, 0, 1], [0, 0, 0]])
    assert labels.net_map.sum() == 1.0
