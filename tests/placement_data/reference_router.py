"""What the route estimate should give, worked out one wire, one path and one tile at a time."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from placement_data.grid import Grid
from tests.placement_data.reference import Map, Point

Tile = tuple[int, int]  # row, column
Stop = tuple[Tile, Point]  # a tile, and a place (y, x) in it
Path = list[Stop]  # where runs begin and end
Wire = tuple[Stop, Stop]

FIRST, SECOND, LEVEL, UPRIGHT = range(4)  # the two L shapes, and the paths over three runs


def wires(x: Iterable[float], y: Iterable[float], edges: Iterable[tuple[int, int]], grid: Grid) -> list[Wire]:
    """From coordinates in database units; a tile reaches from its number to the next, however large it is."""

    def place(value: float, borders: list[int]) -> tuple[int, float]:
        value = min(max(value, borders[0]), borders[-1])
        tile = max(i for i in range(len(borders) - 1) if borders[i] <= value)
        return tile, tile + (value - borders[tile]) / (borders[tile + 1] - borders[tile])

    columns = [place(value, grid.x_edges.tolist()) for value in x]
    rows = [place(value, grid.y_edges.tolist()) for value in y]
    stops = [((r[0], c[0]), (r[1], c[1])) for r, c in zip(rows, columns, strict=True)]
    return [(stops[a], stops[b]) for a, b in edges]


def other_tiles(a: int, b: int, count: int) -> list[int]:
    """Columns (rows) in which a path between two others may change its row (column)."""
    outward = -1 if b < a else 1
    found = [a + outward * int(abs(b - a) * share) for share in (0.25, 0.5, 0.75)]
    for reach in (1, 4):
        found += [a - outward * reach, b + outward * reach]
    found = [min(max(place, 0), count - 1) for place in found]
    return [place for place in found if place not in (a, b)]


def paths(wire: Wire, shape: Tile) -> list[list[Path]]:
    """The paths of a wire by kind: each L alone, then those over three runs that start horizontally, then the rest."""
    (a, at), (b, to) = wire
    corners: list[list[list[Stop]]] = [[[((a[0], b[1]), (at[0], to[1]))]], [[((b[0], a[1]), (to[0], at[1]))]], [], []]
    if a[0] != b[0]:
        for m in other_tiles(a[1], b[1], shape[1]):
            corners[LEVEL].append([((a[0], m), (at[0], m + 0.5)), ((b[0], m), (to[0], m + 0.5))])
    if a[1] != b[1]:
        for m in other_tiles(a[0], b[0], shape[0]):
            corners[UPRIGHT].append([((m, a[1]), (m + 0.5, at[1])), ((m, b[1]), (m + 0.5, to[1]))])
    return [[[(a, at), *stops, (b, to)] for stops in kind] for kind in corners]


def price(path: Path, cost: Map) -> float:
    """From tile centre to tile centre, and 1 for each bend; ``cost`` (2, rows, columns) is that of crossing a tile."""
    total, before = 0.0, None
    for (tile, _), (goal, _) in pairwise(path):
        if tile == goal:
            continue
        axis = 0 if tile[0] == goal[0] else 1
        total += before is not None and before != axis
        before, here = axis, list(tile)
        while tuple(here) != goal:
            total += cost[axis][here[0], here[1]] / 2
            here[1 - axis] += 1 if goal[1 - axis] > here[1 - axis] else -1
            total += cost[axis][here[0], here[1]] / 2
    return total


def lay(path: Path, weight: float, total: Map) -> None:
    """Add the wire and the bends of a path to (3, rows, columns): horizontal, vertical, bends."""
    runs: list[tuple[int, int]] = []
    for (tile, start), (goal, stop) in pairwise(path):
        axis = 0 if tile[0] == goal[0] and start[0] == stop[0] else 1
        along = 1 - axis
        low, high = sorted((start[along], stop[along]))
        for place in range(min(tile[along], goal[along]), max(tile[along], goal[along]) + 1):
            row, column = (tile[0], place) if axis == 0 else (place, tile[1])
            total[axis, row, column] += weight * (min(high, place + 1) - max(low, place))
        runs.append((axis, 0 if low == high else 1))
    for (tile, _), one, two in zip(path[1:-1], runs[:-1], runs[1:], strict=True):
        if one[1] and two[1]:
            total[2, tile[0], tile[1]] += weight


def choose(wire: Wire, cost: Map) -> list[tuple[float, Path]]:
    """Paths of the wire with the share of each: of each kind the first that is not dearer, and of those the shares of
    what they are cheaper than the cheapest with a bend more."""
    found = []
    for kind in paths(wire, cost.shape[1:]):
        best, chosen = math.inf, None
        for path in kind:
            if price(path, cost) < best - 1e-9:
                best, chosen = price(path, cost), path
        if chosen is not None:
            found.append((best, chosen))
    low = min(cost for cost, _ in found)
    weights = [max(0.0, 1 - (cost - low)) for cost, _ in found]
    return [(w / sum(weights), path) for w, (_, path) in zip(weights, found, strict=True) if w > 1e-9]


def estimate(wires_: list[Wire], capacity: Map, grid: Grid, rounds: int = 10) -> dict[str, Map]:
    """Maps by name, of a capacity (2, rows, columns) in tracks. Tiles off the die are not dealt with."""
    width, height = np.diff(grid.x_edges) / grid.tile, np.diff(grid.y_edges) / grid.tile
    sides = np.array([[list(width) for _ in height], [[h] * len(width) for h in height]])
    total, history = np.zeros((3, *grid.shape)), np.zeros((2, *grid.shape))
    initial = np.zeros((2, *grid.shape))
    for turn in range(1, rounds + 1):
        cost = np.ones((2, *grid.shape))
        for axis, row, column in np.ndindex(*cost.shape):
            side, tracks = sides[axis, row, column], capacity[axis, row, column]
            if turn > 1 and capacity[axis].any():
                use = (total[axis, row, column] + max(side - tracks, 0)) / max(tracks, side)
                history[axis, row, column] += max(use - 1, 0) / 2
                cost[axis, row, column] += 4 / (1 + math.exp(-8 * (use - 0.9))) + 2 * history[axis, row, column]
            elif turn > 1:
                cost[axis, row, column] += 4 / (1 + math.exp(8 * 0.9))
            cost[axis, row, column] *= side
        made = np.zeros_like(total)
        for wire in wires_:
            halves = [(0.5, kind[0]) for kind in paths(wire, grid.shape)[:2]]
            for weight, path in halves if turn == 1 else choose(wire, cost):
                lay(path, weight, made)
        made[:2] *= sides
        total += max(0.15, 1 / turn) * (made - total)
        if turn == 1:
            initial = total[:2] / np.maximum(capacity, sides)
    known = capacity.any(axis=(1, 2))[:, None, None]
    found = {
        "demand": total[:2],
        "capacity": capacity,
        "utilization": np.where(known, total[:2] / np.maximum(capacity, sides), 0),
        "overflow": np.where(known, np.maximum(total[:2] - capacity, 0), 0),
        "history": history,
        "initial_utilization": np.where(known, initial, 0),
    }
    named = {
        f"{name}_{way}": maps[i] for name, maps in found.items() for i, way in enumerate(("horizontal", "vertical"))
    }
    return {**named, "bends": total[2]}
