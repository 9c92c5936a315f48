"""Polygons and slanting wires as rectangles that do not overlap: one sweep from bottom to top."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

Box = tuple[float, float, float, float]
Points = Sequence[tuple[float, float]]
_Side = tuple[float, float, float, float, int]  # lower end, upper end, +1 where it leads upwards, else -1

# Steps along slanting sides: so many that each covers too much by an eighth of the inside's width, but not more.
_STEPS_A_WIDTH = 8
_MOST_STEPS = 1000
_ROUNDING = 1e-9
_TAN_OF_22_5 = math.sqrt(2) - 1


def rectangles(points: Points, whole: bool = False) -> list[Box]:
    """The inside of a polygon as boxes x0, y0, x1, y1 that do not overlap; ``points`` are its corners in order.

    Exact where all sides lie along the axes. A slanting side is covered by steps that never leave any of the inside
    out; with ``whole``, which is for whole coordinates, the steps have such, too. What the outline winds round counts
    as inside, however often. A polygon without area has no boxes.
    """
    return union([points], whole)


def union(outlines: Sequence[Points], whole: bool = False) -> list[Box]:
    """What any of several polygons covers, as :func:`rectangles` does it for one; all wind the same way round."""
    sides = [side for points in outlines for side in _sides(points)]
    found: list[Box] = []
    open_: dict[tuple[float, float], float] = {}  # interval -> y at which its box begins
    active: list[_Side] = []
    waiting = sorted(sides, key=lambda side: side[1], reverse=True)
    levels = sorted({side[1] for side in sides} | {side[3] for side in sides})
    for level, above in pairwise(levels):
        active = [side for side in active if side[3] > level]
        while waiting and waiting[-1][1] <= level:
            active.append(waiting.pop())
        cuts = _cuts(active, level, above, whole)
        for low, high in pairwise(cuts):
            kept = {interval: open_.get(interval, low) for interval in _inside(active, low, high, whole)}
            found += [(left, begin, right, low) for (left, right), begin in open_.items() if (left, right) not in kept]
            open_ = kept
    return found + [(left, begin, right, levels[-1]) for (left, right), begin in open_.items()]


def cover(boxes: Sequence[Box], without: Sequence[Box] = (), whole: bool = False) -> list[Box]:
    """What boxes cover together, as boxes that do not overlap; less what boxes ``without``, inside of them, cover."""
    kept = union([_around(box) for box in boxes], whole)
    if not without:
        return kept
    holes = [_around(box)[::-1] for box in union([_around(box) for box in without], whole)]
    return union([*(_around(box) for box in kept), *holes], whole)


def _around(box: Box) -> list[tuple[float, float]]:
    x0, y0, x1, y1 = box
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def _sides(points: Points) -> list[_Side]:
    """Sides that are not level, from their lower to their upper end."""
    sides: list[_Side] = []
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        if y0 < y1:
            sides.append((x0, y0, x1, y1, 1))
        elif y1 < y0:
            sides.append((x1, y1, x0, y0, -1))
    return sides


def _cuts(sides: Sequence[_Side], low: float, high: float, whole: bool) -> list[float]:
    """Heights from ``low`` to ``high`` between which slanting sides become steps; all ``sides`` cross both."""
    run = max((abs(_at(*side[:4], high) - _at(*side[:4], low)) for side in sides if side[0] != side[2]), default=0.0)
    middle = (low + high) / 2
    inside = _inside(sides, middle, middle, False)
    if not run or not inside:
        return [low, high]
    wanted = math.ceil(_STEPS_A_WIDTH * run / min(right - left for left, right in inside))
    count = min(wanted, _MOST_STEPS)
    if whole:
        count = min(count, int(high - low))
        return [low + (high - low) * i // count for i in range(count + 1)]
    return [*(low + (high - low) * i / count for i in range(count)), high]


def _inside(sides: Sequence[_Side], low: float, high: float, whole: bool) -> list[tuple[float, float]]:
    """The intervals of x that are inside anywhere between two heights; all ``sides`` cross both."""
    crossings = []
    for x0, y0, x1, y1, up in sides:
        a, b = _at(x0, y0, x1, y1, low), _at(x0, y0, x1, y1, high)
        crossings.append((a + b, min(a, b), max(a, b), up))
    crossings.sort()
    intervals: list[tuple[float, float]] = []
    winding = 0
    begin = end = 0.0
    for _, least, most, up in crossings:
        begin, end = (min(begin, least), max(end, most)) if winding else (least, most)
        winding += up
        if winding == 0 and begin < end:
            left, right = (math.floor(begin), math.ceil(end)) if whole else (begin, end)
            while intervals and left <= intervals[-1][1]:  # one that begins far to the left may meet several
                left, right = min(left, intervals[-1][0]), max(right, intervals[-1][1])
                intervals.pop()
            intervals.append((left, right))
    return intervals


def _at(x0: float, y0: float, x1: float, y1: float, y: float) -> float:
    if x0 == x1 or y == y0:
        return x0
    return x1 if y == y1 else x0 + (x1 - x0) * (y - y0) / (y1 - y0)


def slanting_wire(x0: float, y0: float, x1: float, y1: float, half: float) -> list[tuple[float, float]]:
    """Corners of a wire between two points: the hull of two octagons, as LEF/DEF end a wire at 45 degrees.

    ``half`` is half its width.
    """
    near = half * _TAN_OF_22_5
    octagon = [(half, near), (near, half)]
    corners = [(sx * a, sy * b) for a, b in octagon for sx in (-1, 1) for sy in (-1, 1)]
    points = sorted({(x + dx, y + dy) for x, y in ((x0, y0), (x1, y1)) for dx, dy in corners})
    return _half_hull(points) + _half_hull(points[::-1])


def _half_hull(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """One side of the convex hull of sorted points, without its last point."""
    hull: list[tuple[float, float]] = []
    for x, y in points:
        while len(hull) > 1:
            (ax, ay), (bx, by) = hull[-2:]
            left, right = (bx - ax) * (y - ay), (by - ay) * (x - ax)
            if left - right > _ROUNDING * (abs(left) + abs(right)):
                break
            hull.pop()
        hull.append((x, y))
    return hull[:-1]
