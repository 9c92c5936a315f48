"""The search: rounds of moves from where a judge finds it bad to where it is better, kept in batches that help.

A judge that such a search can fool is better asked to choose: see :func:`tournament`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from placement_data.design import Design
from placement_data.grid import Grid
from placement_data.moving import placed
from routenas.flow.repair.floor import Floor, Spots
from routenas.flow.repair.judges import Demand, Judge, Map, Verdict
from routenas.flow.repair.moves import KINDS, Moves, Neighbourhood, batch
from routenas.flow.repair.wires import Wires, wirelength

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Ranking = Callable[[Array, Array, np.random.Generator], Array]

_LEAST_BATCH, _MOST_BATCH, _SOURCES = 4, 256, 4
_TRIES = 3  # of a batch: all of it, and twice the part that seems to help
_SHARES = (0.0, 0.2, 0.4, 0.6, 0.8)  # of the judge's map in what each candidate of a tournament lowers
_STAGE = 10  # rounds


@dataclass(frozen=True)
class Settings:
    """What a search may do. ``max_wirelength`` is the largest rise as a share; ``reach`` the longest move along x and

    y, in rows; ``most_moves`` ends the search, and so do ``rounds``, ``seconds`` and ``patience`` rounds in a row that
    kept nothing. The same seed makes the same moves, unless ``seconds`` end the search.
    """

    seed: int = 0
    rounds: int = 100
    seconds: float = float("inf")
    max_wirelength: float = 0.02
    reach: int = 8
    patience: int = 20
    most_moves: int | None = None


@dataclass
class State:
    """Where a search stands."""

    spots: Spots
    design: Design
    verdict: Verdict
    wirelength: float
    tried: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    judged: int = 1


def by_heat(gain: Array, cost: Array, rng: np.random.Generator) -> Array:
    """Rank moves: heat that pins leave against wirelength, in tiles; what the one is worth in the other is drawn anew

    in each round, since it differs from model to model.
    """
    return np.asarray(np.exp(rng.uniform(np.log(0.2), np.log(2.0))) * gain - cost)


def tournament(floor: Floor, judge: Judge, grid: Grid, where: Mask, settings: Settings) -> State:
    """The best placement by a judge of those that searches by :class:`Demand` make, stage by stage.

    Each stage begins several searches at the best placement so far, with more and less weight on where the judge finds
    it bad, and goes on from the one whose numbers are the least of all, if none of them is above what it was at first.
    A search by the judge alone finds what fools it. ``settings.rounds`` are those of one search in all stages together.
    """
    rng, end = np.random.default_rng(settings.seed), time.monotonic() + settings.seconds
    first = judge(floor.design)
    best = State(floor.spots, floor.design, first, wirelength(floor.design))
    tried: Counter[str] = Counter()
    rounds, judged, idle, longest = 0, 1, 0, 0.0
    while rounds < settings.rounds and idle < settings.patience:
        stage = min(settings.rounds - rounds, _STAGE)
        start, worth = best, best.verdict.ratio(first)
        for share in _SHARES:
            began = time.monotonic()
            if began + longest > end:
                return replace(best, tried=tried, rounds=rounds, judged=judged)
            aim = Demand(grid, floor.design, start.verdict.heat, share)
            some = replace(settings, seed=int(rng.integers(2**32)), rounds=stage, seconds=end - began)
            found = search(floor, aim, grid, where, some, start=start)
            found = replace(found, verdict=judge(found.design))
            tried, judged = tried + found.tried, judged + 1
            if found.verdict.better(first) and found.verdict.ratio(first) < worth:
                best, worth = found, found.verdict.ratio(first)
            longest = max(longest, time.monotonic() - began)
        rounds += stage
        idle = 0 if best is not start else idle + stage
    return replace(best, tried=tried, rounds=rounds, judged=judged)


def search(
    floor: Floor, judge: Judge, grid: Grid, where: Mask, settings: Settings, ranking: Ranking = by_heat,
    start: State | None = None,
) -> State:  # fmt: skip
    """The best placement found, by moves of cells in the tiles ``where`` (rows, columns) and of their partners.

    From where another search ended, if there is a ``start``: its moves count as kept.
    """
    rng = np.random.default_rng(settings.seed)
    end = time.monotonic() + settings.seconds
    wires = Wires(floor.design)
    length = wirelength(floor.design)
    if start is None:
        state = State(floor.spots, floor.design, judge(floor.design), length)
    else:
        state = replace(start, verdict=judge(start.design), tried=Counter(), kept=Counter(start.kept), rounds=0)
    limit, size, idle = length * (1.0 + settings.max_wirelength), 64, 0
    longest = 0.0
    while state.rounds < settings.rounds and idle < settings.patience:
        began = time.monotonic()
        left = size if settings.most_moves is None else min(size, settings.most_moves - sum(state.kept.values()))
        if began + longest > end or left < 1:
            break
        moves = _proposed(floor, wires, state, grid, where, settings, ranking, left, rng)
        room = np.cumsum(moves.cost) <= limit - state.wirelength
        moves = moves.take(room)
        kept = len(moves) > 0 and _keep_what_helps(floor, judge, grid, state, moves, limit)
        size = min(2 * size, _MOST_BATCH) if kept else max(size // 2, _LEAST_BATCH)
        idle = 0 if kept else idle + 1
        state.rounds += 1
        longest = max(longest, time.monotonic() - began)
    return state


def _proposed(
    floor: Floor, wires: Wires, state: State, grid: Grid, where: Mask, settings: Settings, ranking: Ranking, size: int,
    rng: np.random.Generator,
) -> Moves:  # fmt: skip
    """A batch of moves of cells that are drawn by the heat they lie in and their pins."""
    heat = uniform_filter(state.verdict.heat, 3, mode="nearest")
    centre = state.design.cells.box.reshape(-1, 2, 2).sum(axis=1) / 2.0
    row, column = grid.row_of(centre[:, 1]), grid.column_of(centre[:, 0])
    weight = np.where(floor.movable & where[row, column], heat[row, column] * wires.pins, 0.0)
    some = int(min(_SOURCES * size, (weight > 0).sum()))
    if not some:
        none = np.empty((0, 2), dtype=np.int64)
        return Moves(none[:, 0], none, none, none, none.astype(np.uint8), none[:, 0].astype(np.float64))
    cell = rng.choice(len(weight), some, replace=False, p=weight / weight.sum())
    near = Neighbourhood(
        floor, state.spots, floor.free(state.spots), wires.rest(state.design), settings.reach * floor.height
    )
    moves = near.moves(cell, rng)
    gain = _heat_left(floor, wires, grid, heat, (row, column), moves) / heat[row[cell], column[cell]].mean()
    rank = ranking(gain, moves.cost / grid.tile, rng)
    order = np.argsort(-rank, kind="stable")
    _, best = np.unique(moves.cell[order, 0], return_index=True)
    order = order[np.sort(best)]
    return batch(moves, order[rank[order] > 0], size, floor)


def _heat_left(
    floor: Floor, wires: Wires, grid: Grid, heat: Map, home: tuple[NDArray[np.int64], NDArray[np.int64]], moves: Moves
) -> Array:
    """(n,) heat that the pins of the cells of moves lie in now, less that where they would."""
    total = np.zeros(len(moves))
    for side in (0, 1):
        rows = np.flatnonzero(moves.cell[:, side] >= 0)
        cell, band, column = (each[rows, side] for each in (moves.cell, moves.band, moves.column))
        x = floor.x[band] + (column + floor.width[cell] / 2.0) * floor.step
        y = floor.y[band] + floor.bands[cell] * floor.height / 2.0
        there = heat[grid.row_of(y), grid.column_of(x)]
        total[rows] += wires.pins[cell] * (heat[home[0][cell], home[1][cell]] - there)
    return total


def _keep_what_helps(floor: Floor, judge: Judge, grid: Grid, state: State, moves: Moves, limit: float) -> bool:
    """Try a batch, and then those of it alone near which the map fell; keep the best try, if it is better at all."""
    state.tried.update(KINDS[kind] for kind in moves.kind.tolist())
    before = state.verdict
    best: tuple[Moves, Spots, Design, Verdict, float] | None = None
    for _ in range(_TRIES):
        spots = moves.applied(state.spots)
        design = placed(floor.design, floor.corner(spots), spots.orientation)
        length, verdict = wirelength(design), judge(design)
        state.judged += 1
        better = length <= limit and verdict.better(before)
        if better and (best is None or verdict.ratio(before) < best[3].ratio(before)):
            best = moves, spots, design, verdict, length
        near = _change_near(grid, verdict.heat - before.heat, state.design, design, moves)
        fell = near < 0
        if fell.all():
            if better or len(moves) == 1:
                break
            fell = near < np.median(near)  # the map fell near all of them, and rose elsewhere
        if not fell.any():
            break
        moves = moves.take(fell)
    if best is None:
        return False
    moves, state.spots, state.design, state.verdict, state.wirelength = best
    state.kept.update(KINDS[kind] for kind in moves.kind.tolist())
    return True


def _change_near(grid: Grid, change: Map, before: Design, after: Design, moves: Moves) -> Array:
    """(n,) sum of a map's change within two tiles of where the cells of a move were, and of where they are."""
    near = uniform_filter(change, 5, mode="constant") * 25.0
    total = np.zeros(len(moves))
    for side in (0, 1):
        rows = np.flatnonzero(moves.cell[:, side] >= 0)
        for design in (before, after):
            centre = design.cells.box[moves.cell[rows, side]].reshape(-1, 2, 2).sum(axis=1) / 2.0
            total[rows] += near[grid.row_of(centre[:, 1]), grid.column_of(centre[:, 0])]
    return total
