"""What the rasterisers, channels and labels should give, worked out one object and one tile at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Design, MasterClass, Use
from placement_data.grid import Grid

Box = Sequence[float]
Point = tuple[float, float]
Net = tuple[list[Point], list[bool]]
Map = NDArray[np.float64]


def tiles(grid: Grid) -> Iterator[tuple[int, int, Box]]:
    """Row, column and box of each tile."""
    x0, y0, x1, y1 = grid.die
    for row, low in enumerate(range(y0, y1, grid.tile)):
        for column, left in enumerate(range(x0, x1, grid.tile)):
            yield row, column, (left, low, min(left + grid.tile, x1), min(low + grid.tile, y1))


def overlap(a: Box, b: Box) -> float:
    return float(max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1])))


def _meets(low: float, high: float, first: float, last: float, edge: float) -> bool:
    """Whether closed [low, high] meets [first, last), or [first, last] where last is the die's edge."""
    return high >= first and (low <= last if last == edge else low < last)


def touches(grid: Grid, box: Box, row: int, column: int) -> bool:
    x0, y0, x1, y1 = grid.die
    left, bottom = x0 + column * grid.tile, y0 + row * grid.tile
    right, top = min(left + grid.tile, x1), min(bottom + grid.tile, y1)
    return _meets(box[0], box[2], left, right, x1) and _meets(box[1], box[3], bottom, top, y1)


def owns(grid: Grid, x: float, y: float, row: int, column: int) -> bool:
    return touches(grid, (x, y, x, y), row, column)


def clipped_length(ax: float, ay: float, bx: float, by: float, box: Box) -> float:
    """Length of the part of a segment inside a box: the parameters where both coordinates are inside."""
    low, high = 0.0, 1.0
    for start, end, first, last in ((ax, bx, box[0], box[2]), (ay, by, box[1], box[3])):
        if start == end:
            if not first <= start < last:
                return 0.0
            continue
        t = sorted(((first - start) / (end - start), (last - start) / (end - start)))
        low, high = max(low, t[0]), min(high, t[1])
    return max(0.0, high - low) * math.hypot(bx - ax, by - ay)


def is_signal(design: Design, net: int) -> bool:
    supply = int(design.nets.use[net]) in (Use.POWER, Use.GROUND)
    special = zip(design.special_nets.name, design.special_nets.use, strict=True)
    return not supply and design.nets.name[net] not in [n for n, use in special if use in (Use.POWER, Use.GROUND)]


def nets(design: Design) -> list[Net]:
    """Pin centres and driving flags of each signal net of at least two placed pins."""
    found: list[Net] = []
    for net in range(len(design.nets.name)):
        rows = range(design.nets.pin_offset[net], design.nets.pin_offset[net + 1])
        rows_placed = [row for row in rows if design.pins.placed[row]]
        if is_signal(design, net) and len(rows_placed) >= 2:
            boxes = [design.pins.box[row] for row in rows_placed]
            points = [((b[0] + b[2]) / 2, (b[1] + b[3]) / 2) for b in boxes]
            found.append((points, [bool(design.pins.drives[row]) for row in rows_placed]))
    return found


def pin_density(design: Design, grid: Grid) -> Map:
    total = np.zeros(grid.shape)
    for row, column, _ in tiles(grid):
        for pin, box in enumerate(design.pins.box):
            if design.pins.placed[pin] and is_signal(design, int(design.pins.net[pin])):
                total[row, column] += owns(grid, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, row, column)
    return total


def cell_density(design: Design, grid: Grid, counted: Callable[[int], bool]) -> Map:
    """Covered share of each tile by the cells for which ``counted`` is true."""
    total = np.zeros(grid.shape)
    for row, column, tile in tiles(grid):
        area = sum(overlap(box, tile) for cell, box in enumerate(design.cells.box) if counted(cell))
        total[row, column] = area / ((tile[2] - tile[0]) * (tile[3] - tile[1]))
    return total


def clock_cells(design: Design) -> set[int]:
    """Cells of the clock tree of a random design: walks back from the clock pins of DFF_X1, one cell at a time."""
    master_name = [str(design.masters.name[m]) for m in design.cells.master]
    pins = design.pins
    pin_name = {
        row: str(design.masters.pin_name[pins.master_pin[row]]) for row in range(len(pins.net)) if pins.cell[row] >= 0
    }
    todo = [int(pins.net[r]) for r, name in pin_name.items() if name == "CK" and master_name[pins.cell[r]] == "DFF_X1"]
    seen: set[int] = set()
    found: set[int] = set()
    while todo:
        net = todo.pop()
        if net in seen:
            continue
        seen.add(net)
        for row in pin_name:
            cell = int(pins.cell[row])
            if pins.net[row] == net and pins.drives[row] and master_name[cell] not in ("DFF_X1", "RAM"):
                found.add(cell)
                if master_name[cell] in ("INV_X1", "CLKBUF_X1"):
                    todo += [int(pins.net[r]) for r in pin_name if pins.cell[r] == cell and pin_name[r] == "A"]
    return found


def density_filter(design: Design, channel: str) -> Callable[[int], bool]:
    """Which cells a density channel of a random design counts."""
    master = [int(m) for m in design.cells.master]
    name = [str(design.masters.name[m]) for m in master]
    tree = clock_cells(design)
    return {
        "macro_density": lambda cell: design.masters.kind[master[cell]] == MasterClass.BLOCK,
        "cell_density": lambda cell: name[cell] not in ("FILLCELL_X1", "BUMP"),
        "register_density": lambda cell: name[cell] == "DFF_X1",
        "clock_cell_density": lambda cell: cell in tree,
    }[channel]


def net_box(points: list[Point]) -> tuple[float, float, float, float]:
    xs, ys = zip(*points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def rudy_box(points: list[Point], grid: Grid, shortest: float) -> tuple[float, float, float, float]:
    """The net's box on the die, its sides at least ``shortest``."""
    ends = []
    for low, high, first, last in zip(
        net_box(points)[:2], net_box(points)[2:], grid.die[:2], grid.die[2:], strict=True
    ):
        low, high = min(max(low, first), last), min(max(high, first), last)
        if high - low < shortest:
            middle = (low + high) / 2
            low, high = middle - shortest / 2, middle + shortest / 2
            shift = max(0.0, first - low) - max(0.0, high - last)
            low, high = low + shift, high + shift
        ends.append((low, high))
    return ends[0][0], ends[1][0], ends[0][1], ends[1][1]


def rudy(nets_: list[Net], grid: Grid, shortest: float) -> Map:
    total = np.zeros(grid.shape)
    dbu = grid.dbu_per_micron
    for points, _ in nets_:
        box = rudy_box(points, grid, shortest)
        weight = dbu / (box[2] - box[0]) + dbu / (box[3] - box[1])
        for row, column, tile in tiles(grid):
            total[row, column] += weight * overlap(box, tile) / ((tile[2] - tile[0]) * (tile[3] - tile[1]))
    return total


def bounding_box(nets_: list[Net], grid: Grid) -> Map:
    total = np.zeros(grid.shape)
    for points, _ in nets_:
        for row, column, _ in tiles(grid):
            total[row, column] += touches(grid, net_box(points), row, column)
    return total


def _centroid(points: list[Point]) -> Point:
    return sum(x for x, _ in points) / len(points), sum(y for _, y in points) / len(points)


def star_lines(points: list[Point], _: list[bool]) -> list[tuple[Point, Point, float]]:
    return [(point, _centroid(points), 1.0) for point in points]


def pairwise_lines(points: list[Point], drives: list[bool]) -> list[tuple[Point, Point, float]]:
    if len(points) > 64:
        return star_lines(points, drives)
    return [(a, b, 2 / len(points)) for a, b in itertools.combinations(points, 2)]


def source_sink_lines(points: list[Point], drives: list[bool]) -> list[tuple[Point, Point, float]]:
    if any(drives):
        source = drives.index(True)
    else:
        x, y = _centroid(points)
        distance = [math.hypot(px - x, py - y) for px, py in points]
        source = min(range(len(points)), key=lambda i: (round(distance[i], 6), i))
    return [(points[source], point, 1.0) for i, point in enumerate(points) if i != source]


def mst_lines(points: list[Point], _: list[bool]) -> list[tuple[Point, Point, float]]:
    """Kruskal's algorithm."""
    parent = list(range(len(points)))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    def distance(pair: tuple[int, int]) -> float:
        (ax, ay), (bx, by) = points[pair[0]], points[pair[1]]
        return abs(ax - bx) + abs(ay - by)

    lines = []
    for a, b in sorted(itertools.combinations(range(len(points)), 2), key=distance):
        if root(a) != root(b):
            parent[root(a)] = root(b)
            lines.append((points[a], points[b], 1.0))
    return lines


LINES = {"pairwise": pairwise_lines, "star": star_lines, "source_sink": source_sink_lines, "mst": mst_lines}


def fly_lines(nets_: list[Net], grid: Grid, kind: str) -> Map:
    total = np.zeros(grid.shape)
    for points, drives in nets_:
        for (ax, ay), (bx, by), weight in LINES[kind](points, drives):
            for row, column, tile in tiles(grid):
                total[row, column] += weight * clipped_length(ax, ay, bx, by, tile) / grid.tile
    return total
