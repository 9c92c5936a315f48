"""The grid's rasterisers against loops over tiles, by hand-worked values, and by what they must conserve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from placement_data import segments
from placement_data.design import row_height
from placement_data.errors import InputError
from placement_data.grid import Grid
from tests.placement_data.builders import names, random_design
from tests.placement_data.reference import clipped_length, overlap, owns, tiles, touches

DIES = [((0, 0, 1000, 700), 100), ((-333, 57, 668, 770), 97), ((5, -9, 106, 92), 50), ((10, 20, 40, 90), 100)]


def random_boxes(rng: np.random.Generator, grid: Grid, count: int = 60) -> np.ndarray:
    """Boxes in and around the die, some of no size, some on tile borders, some over the whole die."""
    x0, y0, x1, y1 = grid.die
    ends = rng.integers((x0 - 60, y0 - 60), (x1 + 60, y1 + 60), size=(2, count, 2)) + rng.choice(
        [0.0, 0.5], size=(2, count, 2)
    )
    ends[1, :8] = ends[0, :8]
    ends[0, 8:16] = (x0, y0)
    ends[:, 16:24] = np.floor((ends[:, 16:24] - (x0, y0)) / grid.tile) * grid.tile + (x0, y0)
    ends[0, 24], ends[1, 24] = (x0, y0), (x1, y1)
    return np.concatenate([ends.min(axis=0), ends.max(axis=0)], axis=1)


@pytest.mark.parametrize(("die", "tile"), DIES)
def test_edges_shape_and_area(die: tuple[int, int, int, int], tile: int) -> None:
    grid = Grid(die, tile, 10)
    assert grid.shape == (len(range(die[1], die[3], tile)), len(range(die[0], die[2], tile)))
    assert (grid.x_edges[0], grid.x_edges[-1]) == (die[0], die[2])
    assert (np.diff(grid.x_edges)[:-1] == tile).all()
    assert grid.area.shape == grid.shape
    assert grid.area.sum() == pytest.approx((die[2] - die[0]) * (die[3] - die[1]) / 100)
    assert grid.area[-1, -1] == pytest.approx((die[2] - grid.x_edges[-2]) * (die[3] - grid.y_edges[-2]) / 100)
    assert Grid.from_dict(grid.to_dict()) == grid


def test_a_sliver_is_a_tile_of_its_own() -> None:
    grid = Grid((0, 0, 201, 100), 100, 1)
    assert grid.shape == (1, 3)
    np.testing.assert_array_equal(grid.area, [[10000, 10000, 100]])
    np.testing.assert_allclose(grid.box_area(np.array([[150, 0, 201, 50]])), [[0, 2500, 50]])


@pytest.mark.parametrize(("die", "tile"), DIES)
def test_boxes_match_a_loop_over_tiles(die: tuple[int, int, int, int], tile: int) -> None:
    rng = np.random.default_rng(1)
    grid = Grid(die, tile, 10)
    boxes = random_boxes(rng, grid)
    weight = rng.random(len(boxes))
    area, count = np.zeros(grid.shape), np.zeros(grid.shape)
    for row, column, tile_box in tiles(grid):
        for box, w in zip(boxes, weight, strict=True):
            area[row, column] += w * overlap(box, tile_box) / 100
            count[row, column] += touches(grid, box, row, column)
    np.testing.assert_allclose(grid.box_area(boxes, weight), area, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(grid.box_count(boxes), count)


@pytest.mark.parametrize(("die", "tile"), DIES)
def test_points_match_a_loop_over_tiles(die: tuple[int, int, int, int], tile: int) -> None:
    rng = np.random.default_rng(2)
    grid = Grid(die, tile, 10)
    points = random_boxes(rng, grid)[:, :2]
    count = np.zeros(grid.shape)
    for row, column, _ in tiles(grid):
        count[row, column] = sum(owns(grid, x, y, row, column) for x, y in points)
    np.testing.assert_array_equal(grid.point_count(points[:, 0], points[:, 1]), count)


@pytest.mark.parametrize(("die", "tile"), DIES)
@pytest.mark.parametrize("pieces", [1, 40, 1 << 20])
@pytest.mark.parametrize("long", [0, 3, 99])
def test_segments_match_a_loop_over_tiles(
    die: tuple[int, int, int, int], tile: int, pieces: int, long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "_LONG", long)
    monkeypatch.setattr(segments, "_PIECES_MAX", pieces)
    monkeypatch.setattr(segments, "_SEGMENTS_MAX", pieces)
    rng = np.random.default_rng(3)
    grid = Grid(die, tile, 10)
    x0, y0, x1, y1 = die
    ends = rng.uniform((x0 - 90, y0 - 90) * 2, (x1 + 90, y1 + 90) * 2, size=(150, 4))
    ends[:20, 3] = ends[:20, 1]
    ends[20:40, 2] = ends[20:40, 0]
    ends[40:50, 2:] = ends[40:50, :2]
    ends[50:60, 2:] = ends[50:60, :2] + rng.uniform(-tile, tile, size=(10, 1))  # diagonals
    weight = rng.random(len(ends))
    expected = np.zeros(grid.shape)
    for row, column, tile_box in tiles(grid):
        expected[row, column] = sum(
            w * clipped_length(end[0], end[1], end[2], end[3], tile_box) / 10
            for end, w in zip(ends, weight, strict=True)
        )
    np.testing.assert_allclose(
        grid.segment_length(ends[:, 0], ends[:, 1], ends[:, 2], ends[:, 3], weight), expected, rtol=1e-9, atol=1e-9
    )


def test_diagonals_through_tile_corners() -> None:
    grid = Grid((0, 0, 70, 70), 7, 1)
    start = np.arange(0, 70, 7)
    zero = np.zeros(10)
    up = grid.segment_length(zero[:1], zero[:1], [70], [70])
    np.testing.assert_allclose(up, np.diag(np.full(10, 7 * np.sqrt(2))), atol=1e-12)
    down = grid.segment_length([0], [70], [70], [0])
    assert down.sum() == pytest.approx(70 * np.sqrt(2))
    np.testing.assert_allclose(np.diag(down[::-1]), np.full(10, 7 * np.sqrt(2)), atol=1e-11)
    # Thirds of a tile are not binary fractions: ends that rounding pushes over a border must not lose their piece.
    many = grid.segment_length(start / 3, start / 3, start / 3 + 7 * 7, start / 3 + 7 * 7)
    assert many.sum() == pytest.approx(10 * 49 * np.sqrt(2))
    np.testing.assert_allclose(many, np.diag(np.diag(many)), atol=1e-9)


def test_a_segment_along_a_border_belongs_to_the_tile_that_owns_it() -> None:
    grid = Grid((0, 0, 20, 20), 10, 1)
    np.testing.assert_array_equal(grid.segment_length([10], [0], [10], [20]), [[0, 10], [0, 10]])
    np.testing.assert_array_equal(grid.segment_length([20], [20], [20], [0]), [[0, 10], [0, 10]])
    np.testing.assert_array_equal(grid.segment_length([20], [10], [0], [10]), [[0, 0], [10, 10]])


def test_a_box_on_a_border_touches_the_tile_that_owns_it() -> None:
    grid = Grid((0, 0, 20, 20), 10, 1)
    np.testing.assert_array_equal(grid.box_count(np.array([[10, 10, 10, 10]])), [[0, 0], [0, 1]])
    np.testing.assert_array_equal(grid.box_count(np.array([[2, 2, 10, 9]])), [[1, 1], [0, 0]])
    np.testing.assert_array_equal(grid.box_count(np.array([[20, 20, 25, 25]])), [[0, 0], [0, 1]])
    np.testing.assert_array_equal(grid.box_count(np.array([[21, 0, 25, 25]])), np.zeros((2, 2)))


def test_nothing_to_draw_gives_an_empty_map() -> None:
    grid = Grid((0, 0, 20, 20), 10, 1)
    none = np.empty(0)
    for map_ in (
        grid.box_area(np.empty((0, 4))),
        grid.box_count(np.empty((0, 4))),
        grid.point_count(none, none),
        grid.segment_length(none, none, none, none),
        grid.segment_length([30], [0], [40], [9]),
    ):
        np.testing.assert_array_equal(map_, np.zeros((2, 2)))


def test_uncovered_tiles_are_exactly_zero_and_none_is_negative() -> None:
    rng = np.random.default_rng(4)
    grid = Grid((0, 0, 10000, 10000), 70, 2000)
    low = rng.uniform(0, 4000, size=(5000, 2))
    boxes = np.concatenate([low, low + rng.exponential(200, size=(5000, 2))], axis=1).clip(0, 5000)
    area = grid.box_area(boxes, 1 / (boxes[:, 2] - boxes[:, 0]))
    assert area.min() == 0.0
    assert not area[72:].any()
    assert not area[:, 72:].any()


def test_default_tile_is_the_height_of_most_rows() -> None:
    design = random_design(np.random.default_rng(0))
    assert row_height(design) == 1.4
    assert Grid.of(design).tile == 2800
    assert Grid.of(design, 0.7).tile_um == 0.7
    turned = replace(design, rows=replace(design.rows, orientation=np.full(3, 1, dtype=np.uint8)))
    assert row_height(turned) == 0.19


def test_errors_say_what_was_found() -> None:
    design = random_design(np.random.default_rng(0))
    bare = replace(design, rows=replace(design.rows, site=names(["x", "y", "z"])))
    with pytest.raises(InputError, match="no row tells the row height, expected a tile size given with --tile"):
        Grid.of(bare)
    for tile_um in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="expected a positive number of microns"):
            Grid.of(design, tile_um)
    with pytest.raises(InputError, match=r"too small, found '0', expected at least one database unit"):
        Grid.of(design, 1e-5)
    with pytest.raises(
        InputError, match=r"a tile of 0.002 um .* die of 31.279 x 21.933 um, found '15640 x 10967 tiles'"
    ):
        Grid.of(design, 0.002)
    with pytest.raises(InputError, match="the die has no area"):
        Grid.of(replace(design, die=np.zeros(4, dtype=np.int64)))
