"""Dies that are no rectangles: against a loop over unit squares, and by values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from placement_data.grid import Grid
from placement_data.outline import Outline, corners_of

L = [(0, 0), (0, 40), (40, 40), (40, 20), (20, 20), (20, 0)]
U = [(-5, 3), (-5, 33), (8, 33), (8, 14), (19, 14), (19, 27), (31, 27), (31, 3)]
COMB = [(0, 0), (0, 9), (2, 9), (2, 3), (4, 3), (4, 9), (30, 9), (30, 0)]  # a notch narrower than a tile
T = [(10, 0), (10, 20), (0, 20), (0, 30), (33, 30), (33, 20), (17, 20), (17, 0)]
SHAPES = [(L, 10), (L, 7), (U, 5), (U, 9), (COMB, 7), (T, 6), (T, 25)]


def grid_of(corners: list[tuple[int, int]], tile: int) -> Grid:
    low, high = np.min(corners, axis=0).tolist(), np.max(corners, axis=0).tolist()
    return Grid((*low, *high), tile, 1, Outline.of(corners))


def squares(corners: list[tuple[int, int]], grid: Grid) -> np.ndarray:
    """(height, width) True for the unit squares inside, by the number of upright sides to the right of their middle."""
    x0, y0, x1, y1 = grid.die
    inside = np.zeros((y1 - y0, x1 - x0), dtype=bool)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
        if ax == bx:
            inside[min(ay, by) - y0 : max(ay, by) - y0, : ax - x0] ^= True
    return inside


def by_tile(values: np.ndarray, tile: int) -> np.ndarray:
    """Sums of unit squares over tiles."""
    rows, columns = range(0, values.shape[0], tile), range(0, values.shape[1], tile)
    return np.array([[values[r : r + tile, c : c + tile].sum() for c in columns] for r in rows], dtype=float)


def random_boxes(rng: np.random.Generator, grid: Grid, count: int) -> np.ndarray:
    x0, y0, x1, y1 = grid.die
    ends = rng.integers((x0 - 4, y0 - 4), (x1 + 5, y1 + 5), size=(2, count, 2))
    return np.concatenate([ends.min(axis=0), ends.max(axis=0)], axis=1)


@pytest.mark.parametrize(("corners", "tile"), SHAPES)
def test_areas_match_a_count_of_unit_squares(corners: list[tuple[int, int]], tile: int) -> None:
    grid = grid_of(corners, tile)
    inside = squares(corners, grid)
    np.testing.assert_array_equal(grid.area, by_tile(inside, tile))
    np.testing.assert_array_equal(grid.inside, by_tile(inside, tile) > 0)
    boxes = random_boxes(np.random.default_rng(1), grid, 50)
    expected = np.zeros(inside.shape)
    x0, y0, _, _ = grid.die
    for left, bottom, right, top in boxes.tolist():
        window = slice(max(bottom - y0, 0), max(top - y0, 0)), slice(max(left - x0, 0), max(right - x0, 0))
        expected[window] += inside[window]
    np.testing.assert_allclose(grid.box_area(boxes), by_tile(expected, tile), atol=1e-9)
    density = grid.per_area(grid.box_area(boxes))
    assert (density[~grid.inside] == 0).all()
    np.testing.assert_allclose((density * grid.area).sum(), expected.sum())


@pytest.mark.parametrize(("corners", "tile"), SHAPES)
def test_lengths_match_a_count_of_unit_squares(corners: list[tuple[int, int]], tile: int) -> None:
    """Level and upright segments in the middle of unit squares."""
    grid = grid_of(corners, tile)
    inside = squares(corners, grid)
    x0, y0, x1, y1 = grid.die
    for level in (True, False):
        low, high = (y0, y1) if level else (x0, x1)
        at = np.arange(low, high) + 0.5
        begin, end = np.full(len(at), (x0 if level else y0) - 3), np.full(len(at), (x1 if level else y1) + 3)
        ends = (begin, at, end, at) if level else (at, begin, at, end)
        np.testing.assert_allclose(grid.segment_length(*ends), by_tile(inside, tile), atol=1e-9)


@pytest.mark.parametrize(("corners", "tile"), SHAPES)
def test_slanting_segments_are_cut_as_by_small_steps(corners: list[tuple[int, int]], tile: int) -> None:
    grid = grid_of(corners, tile)
    inside = squares(corners, grid)
    x0, y0, x1, y1 = grid.die
    ends = np.random.default_rng(2).uniform((x0, y0), (x1, y1), size=(20, 2, 2))
    steps = 20_000
    share = (np.arange(steps) + 0.5) / steps
    expected = np.zeros(inside.shape)
    for a, b in ends:
        x, y = (np.floor(a[axis] + share * (b[axis] - a[axis])).astype(int) - grid.die[axis] for axis in (0, 1))
        np.add.at(expected, (y, x), np.hypot(*(b - a)) / steps)
    got = grid.segment_length(ends[:, 0, 0], ends[:, 0, 1], ends[:, 1, 0], ends[:, 1, 1])
    np.testing.assert_allclose(got, by_tile(expected * inside, tile), atol=0.05)
    assert (got[~grid.inside] == 0).all()


@pytest.mark.parametrize(("corners", "tile"), SHAPES)
def test_points_on_the_closed_die_count_once_each(corners: list[tuple[int, int]], tile: int) -> None:
    grid = grid_of(corners, tile)
    inside = np.pad(squares(corners, grid), 1)
    x0, y0, x1, y1 = grid.die
    closed = inside[1:, 1:] | inside[1:, :-1] | inside[:-1, 1:] | inside[:-1, :-1]
    y, x = (axis.ravel() for axis in np.mgrid[y0 : y1 + 1, x0 : x1 + 1])
    np.testing.assert_array_equal(grid.contains(x, y), closed.ravel())
    count = grid.point_count(x, y)
    assert count.sum() == closed.sum()
    assert (count[~grid.inside] == 0).all()
    # A box of no size is a point to ``box_count`` too.
    np.testing.assert_array_equal(grid.box_count(np.stack([x, y, x, y], axis=1)), count)


def test_the_edge_of_a_notch_belongs_to_the_tile_on_the_die() -> None:
    grid = grid_of(L, 10)
    assert grid.inside.tolist() == [[True, True, False, False]] * 2 + [[True] * 4] * 2
    count = grid.point_count([20, 40, 20, 30, 25], [5, 20, 0, 20, 5])
    assert count.tolist() == [[0, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 2], [0, 0, 0, 0]]
    # Along the notch's upper edge the upper tiles, along its left edge the left ones.
    level = grid.segment_length([0], [20], [40], [20])
    assert level.tolist() == [[0] * 4, [0] * 4, [10] * 4, [0] * 4]
    upright = grid.segment_length([20], [0], [20], [40])
    assert upright.tolist() == [[0, 10, 0, 0], [0, 10, 0, 0], [0, 0, 10, 0], [0, 0, 10, 0]]
    turned = grid_of([(0, 0), (0, 20), (20, 20), (20, 40), (40, 40), (40, 0)], 10)  # the notch is at the upper left
    level = turned.segment_length([0], [20], [40], [20])
    assert level.tolist() == [[0] * 4, [10, 10, 0, 0], [0, 0, 10, 10], [0] * 4]


def test_a_box_counts_where_it_touches_tiles_on_the_die() -> None:
    grid = grid_of(L, 10)
    assert grid.box_count(np.array([[22, 2, 38, 18]])).sum() == 0  # in the notch
    assert grid.box_count(np.array([[20, 2, 38, 18]])).tolist() == [[0, 1, 0, 0], [0, 1, 0, 0], [0] * 4, [0] * 4]
    across = grid.box_count(np.array([[12, 12, 38, 28]]))
    assert across.tolist() == [[0] * 4, [0, 1, 0, 0], [0, 1, 1, 1], [0] * 4]


def test_the_area_of_a_box_is_spread_over_what_of_it_lies_on_the_die() -> None:
    grid = grid_of(L, 10)
    box = np.array([[10, 10, 30, 30], [22, 2, 38, 18]])  # a quarter of the first is in the notch, the second is wholly
    np.testing.assert_allclose(grid.spread_area(box), [[0] * 4, [0, 400 / 3, 0, 0], [0, 400 / 3, 400 / 3, 0], [0] * 4])


def test_boxes_off_the_die_go_to_its_nearest_point() -> None:
    grid = grid_of(L, 10)
    boxes = np.array([[22.0, 2, 24, 4], [36, 17, 38, 19], [-9, 5, -7, 6], [15, 15, 25, 25], [44, 5, 45, 6]])
    assert grid.clip(boxes).tolist() == [
        [20, 2, 20, 4], [36, 20, 38, 20], [0, 5, 0, 6], [15, 15, 25, 25], [40, 20, 40, 20]
    ]  # fmt: skip
    assert grid.within(boxes, 2).tolist() == [True, True, False, True, False]


def test_points_that_say_nothing_are_left_out() -> None:
    closed = [(0, 0), (0, 20), (0, 40), (40, 40), (40, 40), (40, 20), (30, 20), (20, 20), (20, 0), (0, 0)]
    assert corners_of(closed) == L
    assert squares(L[::-1], grid_of(L[::-1], 10)).sum() == grid_of(L, 10).area.sum() == grid_of(L[::-1], 10).area.sum()
    assert Outline.of([(0, 0), (0, 5), (0, 9), (7, 9), (7, 0), (3, 0)]) is None
    assert Outline.of(closed) == Outline.of(L)


@pytest.mark.parametrize(
    ("corners", "what"),
    [
        ([(0, 0), (5, 5), (0, 10)], "a slanting side"),
        ([(0, 0), (0, 9), (0, 0)], "no area"),
        ([(3, 3)] * 4, "no area"),
        ([(0, 0), (0, 10), (10, 10), (10, 5), (0, 5), (0, 3), (10, 3), (10, 0)], "sides that cross or touch"),
        ([(0, 0), (0, 10), (5, 10), (5, 5), (10, 5), (10, 0), (5, 0), (5, 5), (2, 5), (2, 0)], "cross or touch"),
        ([(0, 0), (0, 10), (10, 10), (10, 4), (14, 4), (10, 4), (10, 0)], "cross or touch"),  # there and back
        ([(0, 0), (0, 9), (3, 9), (3, 3), (-2, 3), (-2, 5), (6, 5), (6, 0)], "sides that cross or touch"),
        ([(x, 5 + i % 2) for i in range(2049) for x in (i, i + 1)] + [(2049, 0), (0, 0)], "more than"),
    ],
)  # fmt: skip
def test_outlines_that_are_none_are_refused(corners: list[tuple[int, int]], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        corners_of(corners)


def test_only_a_die_that_is_no_rectangle_is_stored_with_its_corners() -> None:
    plain = Grid((0, 0, 40, 40), 10, 1)
    assert list(plain.to_dict()) == ["die", "tile", "dbu_per_micron", "origin", "shape", "tile_um"]
    grid = grid_of(L, 10)
    assert grid.to_dict() == {**plain.to_dict(), "outline": [list(corner) for corner in L]}
    assert Grid.from_dict(grid.to_dict()) == grid
    assert Grid.from_dict(plain.to_dict()) == plain
    assert plain.inside.all()
