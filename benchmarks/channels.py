"""Time of the 17 channels of a large placement and of its route estimate against loops over nets and reading the DEF.

    python -m benchmarks.channels --cells 1290000 --tiles 512

Public extractors loop over nets. Three such loops are timed: RUDY alone over the whole grid for each net, RUDY alone
over the tiles of each net's box, and the fly-line maps of the 17 channels line by line. They are timed on some nets and
multiplied up, since they take many minutes; their maps are checked against ours.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

try:
    from benchmarks.needs import run
    from placement_data.features import ROUTENAS17, Layout, feature_maps
    from placement_data.features.route_estimate import route_estimate
    from placement_data.grid import Grid
    from placement_data.netlist import PAIRWISE_PINS_MAX, Wiring, mst_edges
    from placement_data.readers import read_design
    from tests.placement_data.synthetic import synthetic_def, synthetic_lef
except ModuleNotFoundError as error:
    sys.exit(f"needs {error.name}: run 'python -m benchmarks.channels' in a checkout, with routenas installed")

Map = NDArray[np.float64]
Point = tuple[float, float]


def whole_grid_loop(boxes: Map, grid: Grid) -> Map:
    """RUDY with temporaries of the grid's size for every net."""
    x, y = _edges(grid)
    total = np.zeros(grid.shape)
    for x0, y0, x1, y1 in boxes:
        width = np.clip(np.minimum(x[1:], x1) - np.maximum(x[:-1], x0), 0, None)
        height = np.clip(np.minimum(y[1:], y1) - np.maximum(y[:-1], y0), 0, None)
        overlap = np.outer(height, width) / grid.area
        total += overlap * (1.0 / (x1 - x0) + 1.0 / (y1 - y0))
    return total


def box_loop(boxes: Map, grid: Grid) -> Map:
    """RUDY with a loop over the tiles of the box of every net, in plain Python."""
    x, y = (edges.tolist() for edges in _edges(grid))
    area = grid.area.tolist()
    tile = float(grid.tile)
    total = [[0.0] * grid.shape[1] for _ in range(grid.shape[0])]
    for x0, y0, x1, y1 in boxes.tolist():
        weight = 1.0 / (x1 - x0) + 1.0 / (y1 - y0)
        for row in range(int((y0 - y[0]) / tile), min(int((y1 - y[0]) / tile) + 1, grid.shape[0])):
            height = min(y[row + 1], y1) - max(y[row], y0)
            for column in range(int((x0 - x[0]) / tile), min(int((x1 - x[0]) / tile) + 1, grid.shape[1])):
                width = min(x[column + 1], x1) - max(x[column], x0)
                total[row][column] += weight * max(width, 0.0) * max(height, 0.0) / area[row][column]
    return np.array(total)


def wire_loop(wiring: Wiring, grid: Grid) -> Map:
    """Pairwise, star, source-sink and MST lines of every net, tile by tile in plain Python: (4, rows, columns)."""
    total = np.zeros((4, *grid.shape)).tolist()
    for start, end in zip(wiring.offset[:-1].tolist(), wiring.offset[1:].tolist(), strict=True):
        points = list(zip(wiring.x[start:end].tolist(), wiring.y[start:end].tolist(), strict=True))
        count = len(points)
        centre = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
        drivers = [row for row, drives in enumerate(wiring.drives[start:end].tolist()) if drives]
        source = points[drivers[0]] if drivers else min(points, key=lambda p: math.dist(p, centre))
        if count <= PAIRWISE_PINS_MAX:
            for row, a in enumerate(points):
                for b in points[row + 1 :]:
                    _draw(total[0], grid, a, b, 2 / count)
        for point in points:
            if count > PAIRWISE_PINS_MAX:
                _draw(total[0], grid, point, centre, 1)
            _draw(total[1], grid, point, centre, 1)
            _draw(total[2], grid, source, point, 1)
        for a, b in _tree(points):
            _draw(total[3], grid, a, b, 1)
    return np.array(total)


def _tree(points: list[Point]) -> Iterator[tuple[Point, Point]]:
    """Prim's minimum spanning tree under Manhattan distance."""
    nearest = dict.fromkeys(range(1, len(points)), 0)
    far = {row: _manhattan(points[row], points[0]) for row in nearest}
    while nearest:
        row = min(far, key=lambda row: far[row])
        yield points[nearest[row]], points[row]
        del nearest[row], far[row]
        for other in nearest:
            distance = _manhattan(points[other], points[row])
            if distance < far[other]:
                nearest[other], far[other] = row, distance


def _manhattan(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _draw(total: list[list[float]], grid: Grid, a: Point, b: Point, weight: float) -> None:
    """Add the length of the line from a to b in each tile, in tile sides."""
    tile, rows, columns = float(grid.tile), *grid.shape
    x, y = (a[0] - grid.die[0]) / tile, (a[1] - grid.die[1]) / tile
    dx, dy = (b[0] - a[0]) / tile, (b[1] - a[1]) / tile
    cuts = [0.0, 1.0]
    for origin, step in ((x, dx), (y, dy)):
        if step:
            low, high = sorted((origin, origin + step))
            cuts += [(line - origin) / step for line in range(math.floor(low) + 1, math.ceil(high))]
    cuts.sort()
    length = math.hypot(dx, dy) * weight
    for start, end in pairwise(cuts):
        middle = (start + end) / 2
        row, column = int(y + dy * middle), int(x + dx * middle)
        if 0 <= row < rows and 0 <= column < columns:
            total[row][column] += (end - start) * length


def _edges(grid: Grid) -> tuple[Map, Map]:
    rows, columns = grid.shape
    x = np.minimum(grid.die[0] + grid.tile * np.arange(columns + 1), grid.die[2]).astype(np.float64)
    y = np.minimum(grid.die[1] + grid.tile * np.arange(rows + 1), grid.die[3]).astype(np.float64)
    return x, y


def check(answers: list[Map], nets: Wiring, grid: Grid) -> None:
    """The loops give what they are said to give."""
    assert np.allclose(answers[0], answers[1])
    ours = grid.segment_length(nets.x, nets.y, *(centre[nets.net_of_pin] for centre in nets.centroids())) / grid.tile_um
    assert np.allclose(answers[2][1], ours)
    edges = mst_edges(nets)
    ours = grid.segment_length(*(axis[rows] for rows in edges for axis in (nets.x, nets.y))) / grid.tile_um
    assert np.allclose(answers[2][3], ours)


def main() -> None:
    """Make a placement, time all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1_290_000)
    parser.add_argument("--tiles", type=int, default=512)
    parser.add_argument("--sampled", type=int, default=1000, help="nets that the loops are timed on")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lef, def_ = Path(folder) / "cells.lef", Path(folder) / "placed.def"
        lef.write_text(synthetic_lef())
        def_.write_text(synthetic_def(options.cells, seed=1))
        start = time.perf_counter()
        design = read_design([lef], def_)
        reading = time.perf_counter() - start
    side = max(design.die[2] - design.die[0], design.die[3] - design.die[1]) / design.dbu_per_micron
    grid = Grid.of(design, side / options.tiles + 0.5 / design.dbu_per_micron)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        feature_maps(design, grid, ROUTENAS17)
        seconds.append(time.perf_counter() - start)
    channels = sorted(seconds)[1]
    start = time.perf_counter()
    route_estimate(Layout(design, grid))
    estimate = time.perf_counter() - start
    wiring = Wiring.of(design)
    boxes = wiring.boxes + np.array([0, 0, 1, 1])  # no flat ones
    chosen = np.zeros(len(boxes), dtype=bool)
    chosen[np.random.default_rng(0).choice(len(boxes), options.sampled, replace=False)] = True
    some, few = boxes[chosen], wiring.select(chosen)
    print(f"{len(design.cells.name):,} cells, {len(boxes):,} nets, {grid.shape[0]} x {grid.shape[1]} tiles")
    print("| what | maps | s | times the 17 channels |")
    print("| --- | --- | --- | --- |")
    print(f"| reading the DEF | - | {reading:.1f} | {reading / channels:.2f} |")
    print(f"| the 17 channels, median of 3 ({min(seconds):.1f} to {max(seconds):.1f}) | 17 | {channels:.1f} | 1 |")
    print(f"| the route estimate | 13 | {estimate:.1f} | {estimate / channels:.2f} |")
    loops: list[tuple[str, int, Callable[[], Map]]] = [
        ("loop over nets, whole grid each", 1, lambda: whole_grid_loop(some, grid)),
        ("loop over nets and tiles", 1, lambda: box_loop(some, grid)),
        ("loop over nets, lines and tiles", 4, lambda: wire_loop(few, grid)),
    ]
    answers = []
    whole_sum = 0.0
    for name, maps, loop in loops:
        start = time.perf_counter()
        answers.append(loop())
        whole = (time.perf_counter() - start) * len(boxes) / len(some)
        whole_sum += whole * (maps > 1 or loop is loops[1][2])
        print(f"| {name}, from {len(some)} nets | {maps} | {whole:,.0f} | {whole / channels:,.0f} |")
    print(f"| the last two together (5 maps, fan-outs together) | 5 | {whole_sum:,.0f} | {whole_sum / channels:,.0f} |")
    check(answers, few, grid)


if __name__ == "__main__":
    run(main)
