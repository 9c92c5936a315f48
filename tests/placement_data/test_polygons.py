"""Polygons as rectangles: against a point-in-polygon test on a grid, and against KLayout's regions."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from placement_data.polygons import Box, Points, rectangles, slanting_wire


def area(boxes: list[Box]) -> float:
    return sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes)


def apart(boxes: list[Box]) -> bool:
    pairs = ((a, b) for row, a in enumerate(boxes) for b in boxes[:row])
    return all(a[0] >= b[2] or b[0] >= a[2] or a[1] >= b[3] or b[1] >= a[3] for a, b in pairs)


def winding(points: Points, x: float, y: float) -> int:
    """How often the outline runs round a point that lies on no side."""
    total = 0
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        left = (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)
        total += (y0 <= y < y1 and left > 0) - (y1 <= y < y0 and left < 0)
    return total


def staircase(steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """A closed outline with sides along the axes through points that are joined by level and upright sides in turn."""
    corners = []
    for (x, y), (_, next_y) in zip(steps, [*steps[1:], steps[0]], strict=True):
        corners += [(x, y), (x, next_y)]
    return corners


@pytest.mark.parametrize(
    ("points", "boxes"),
    [
        ([(0, 0), (4, 0), (4, 3), (0, 3)], [(0, 0, 4, 3)]),
        ([(0, 3), (4, 3), (4, 0), (0, 0)], [(0, 0, 4, 3)]),
        ([(0, 0), (2, 0), (4, 0), (4, 3), (0, 3), (0, 3)], [(0, 0, 4, 3)]),  # points that add no corner
        ([(0, 0), (4, 0), (4, 1), (1, 1), (1, 3), (0, 3)], [(0, 0, 4, 1), (0, 1, 1, 3)]),
        (  # a ring, cut open
            [(0, 0), (5, 0), (5, 5), (0, 5), (0, 2), (2, 2), (2, 3), (3, 3), (3, 2), (0, 2)],
            [(0, 0, 5, 2), (0, 2, 2, 3), (3, 2, 5, 3), (0, 3, 5, 5)],
        ),
        ([(0, 0), (4, 0)], []),
        ([(0, 0), (4, 0), (8, 0)], []),
        ([(1, 1)], []),
    ],
)
def test_outlines_along_the_axes(points: list[tuple[int, int]], boxes: list[Box]) -> None:
    assert sorted(rectangles(points, whole=True)) == sorted(boxes)
    halves = [(x / 2, y / 2) for x, y in points]
    assert sorted(rectangles(halves)) == sorted((a / 2, b / 2, c / 2, d / 2) for a, b, c, d in boxes)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=2, max_size=7))
def test_any_outline_along_the_axes_is_exact(steps: list[tuple[int, int]]) -> None:
    points = staircase(steps)
    boxes = rectangles(points, whole=True)
    cells = [(x + 0.5, y + 0.5) for x in range(9) for y in range(9)]
    assert area(boxes) == sum(winding(points, x, y) != 0 for x, y in cells)
    for x, y in cells:
        inside = any(x0 < x < x1 and y0 < y < y1 for x0, y0, x1, y1 in boxes)
        assert inside == (winding(points, x, y) != 0)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=3, max_size=7), st.booleans())
@example([(-1, -3), (-1, 0), (1, -3), (0, 0), (-2, -3), (4, -2)], True)  # an interval that meets two others
def test_a_slanting_side_is_covered(points: list[tuple[int, int]], whole: bool) -> None:
    boxes = rectangles(points, whole=whole)
    assert apart(boxes)
    if whole:
        assert all(value == int(value) for box in boxes for value in box)
    # Points at odd fractions lie on no side and in no box's edge.
    for x, y in [(a + 0.37, b + 0.41) for a in range(-50, 50, 7) for b in range(-50, 50, 7)]:
        if winding(points, x, y):
            assert any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in boxes)


def test_steps_cover_little_too_much() -> None:
    """A triangle, an octagon and a long thin wire at 45 degrees."""
    assert 0.5 <= area(rectangles([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])) <= 0.5 * 1.2
    octagon = [(30, 0), (70, 0), (100, 30), (100, 70), (70, 100), (30, 100), (0, 70), (0, 30)]
    assert 8200 <= area(rectangles(octagon, whole=True)) <= 8200 * 1.1
    wire = [(round(x), round(y)) for x, y in slanting_wire(0, 0, 1_000_000, 1_000_000, 5000)]
    assert math.sqrt(2) * 1e10 <= area(rectangles(wire, whole=True)) <= math.sqrt(2) * 1e10 * 1.2


def test_slanting_wire_is_the_hull_of_two_octagons() -> None:
    """Corners as KLayout writes them for a special wire of width 100."""
    corners = {(round(x), round(y)) for x, y in slanting_wire(40000, 0, 41000, 1000, 50)}
    assert corners == {
        (39979, -50), (39950, -21), (39950, 21), (40979, 1050), (41021, 1050), (41050, 1021), (41050, 979), (40021, -50)
    }  # fmt: skip


def test_against_klayout() -> None:
    """The same area and shape as KLayout's region, for unions of boxes with and without holes."""
    db = pytest.importorskip("klayout.db", reason="KLayout's Python package is not installed (pip install klayout)")
    rng = random.Random(1)
    compared = 0
    for _ in range(100):
        union = db.Region()
        for _ in range(rng.randint(1, 8)):
            x, y = rng.randint(0, 30), rng.randint(0, 30)
            union.insert(db.Box(x, y, x + rng.randint(1, 15), y + rng.randint(1, 15)))
        for polygon in union.merged().each():
            points = [(point.x, point.y) for point in polygon.to_simple_polygon().each_point()]
            boxes = rectangles(points, whole=True)
            ours = db.Region([db.Box(*map(int, box)) for box in boxes])
            assert (ours ^ db.Region(polygon)).is_empty()
            assert area(boxes) == polygon.area()
            compared += 1
    assert compared > 100
