"""Ratios by which a placer makes cells larger where hotspots are predicted, so that they spread; and their rounds.

Loops of prediction and inflation run away unless the area that is added has a cap, the ratio does not follow every
change of the map, and the best round is what stays: :func:`inflation_map` has the cap, :class:`Rounds` the rest.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError, SettingError
from placement_data.features.densities import cell_density, macro_density
from placement_data.features.layout import Layout
from placement_data.grid import Grid
from placement_data.text import load_text
from routenas.flow.exports.ground import white_space
from routenas.flow.exports.plan import Emitted, Plan
from routenas.flow.exports.tcl import comment
from routenas.scoring import heat_map_csv

Map = NDArray[np.float64]


@dataclass(frozen=True)
class Inflation:
    """How cells are inflated.

    ``max_ratio`` is the area of an inflated cell over its own at a probability of `CERTAIN`; ``exponent`` bends the way
    from the threshold, where the ratio is 1, to there; ``added_area`` is the largest share of the white space that all
    cells may grow by together; ``hysteresis`` the change of a tile's ratio that is not followed; ``patience`` how many
    rounds may pass without a better one.
    """

    max_ratio: float = 2.0
    exponent: float = 1.0
    added_area: float = 0.1
    hysteresis: float = 0.05
    patience: int = 3

    def __post_init__(self) -> None:
        sound = self.max_ratio >= 1 and self.exponent > 0 and 0 <= self.added_area <= 1
        if not (sound and self.hysteresis >= 0 and self.patience >= 1):
            allowed = "max_ratio >= 1, exponent > 0, added_area in 0 .. 1, hysteresis >= 0, patience >= 1"
            raise SettingError("the inflation cannot be used", found=str(self), expected=allowed)


CERTAIN = 0.99
"""The probability from which on the ratio is the largest: log odds have no end."""


def inflation_map(
    probability: Map, utilisation: Map, tile_area: Map, free_area: float, threshold: float, settings: Inflation
) -> Map:
    """Ratio (rows, columns) of the area of an inflated cell to its own; 1 below the ``threshold`` and off the die.

    ``1 + (max_ratio - 1) s ** exponent`` with s the log odds of the probability, scaled to be 0 at the threshold and 1
    at `CERTAIN`. ``utilisation`` is the share of each tile that cells take, ``tile_area`` in square microns as
    ``free_area``, of which the cells may take up the share ``added_area`` more: where they would more, all excess
    ratios shrink by one factor. Ours; DREAMPlace and RePlAce raise a utilisation to a power and cap it likewise.
    """
    low, high = _log_odds(np.array([min(threshold, CERTAIN - 1e-6), CERTAIN]))
    share = np.clip((_log_odds(np.nan_to_num(probability, nan=0.0)) - low) / (high - low), 0.0, 1.0)
    excess = (settings.max_ratio - 1.0) * share**settings.exponent
    return 1.0 + _capped(excess, utilisation * tile_area, settings.added_area * free_area)


def _capped(excess: Map, cell_area: Map, allowed: float) -> Map:
    """Excess ratios, made smaller by one factor where they would add more area than is allowed."""
    added = float((excess * cell_area).sum())
    return excess * (allowed / added) if added > allowed else excess


def _log_odds(probability: Map) -> Map:
    inside = np.clip(probability, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside) - np.log1p(-inside))


@dataclass(frozen=True)
class Rounds:
    """Rounds of prediction and inflation; a value, :meth:`after` is the next one.

    ``ratio`` is the map in force: of the last round, or of the best one when :attr:`done`. ``cost`` is the expected
    hot area of the last round's probability, square microns; ``best`` and ``best_cost`` are of the best round so far,
    whose number, from 1, is ``best_round``.
    """

    settings: Inflation = field(default_factory=Inflation)
    ratio: Map | None = None
    cost: float = math.inf
    best: Map | None = None
    best_cost: float = math.inf
    best_round: int = 0
    count: int = 0

    @property
    def done(self) -> bool:
        """Whether as many rounds as patience allows brought nothing better: inflating more is not going to help."""
        return self.count - self.best_round >= self.settings.patience

    def after(self, probability: Map, utilisation: Map, tile_area: Map, free_area: float, threshold: float) -> Rounds:
        """The rounds with one more, by the map of a placement that was made with ``ratio``. Nothing once `done`.

        The ratio of a tile stays as it is unless it would change by more than ``hysteresis``. What belongs to the best
        placement is the ratio that it was made with.
        """
        if self.done:
            return self
        cost = float(np.nansum(probability * tile_area))
        count = self.count + 1
        before = np.ones_like(tile_area) if self.ratio is None else self.ratio
        kept = self if cost >= self.best_cost else replace(self, best=before, best_cost=cost, best_round=count)
        wanted = inflation_map(probability, utilisation, tile_area, free_area, threshold, self.settings)
        ratio = np.where(np.abs(wanted - before) > self.settings.hysteresis, wanted, before)
        # Tiles that keep an old, larger ratio must not lift the sum above its cap.
        ratio = 1.0 + _capped(ratio - 1.0, utilisation * tile_area, self.settings.added_area * free_area)
        after = replace(kept, ratio=ratio, cost=cost, count=count)
        return replace(after, ratio=after.best) if after.done else after


def cell_utilisation(layout: Layout) -> Map:
    """(rows, columns) share of each tile that standard cells take; unit 1."""
    return np.maximum(cell_density(layout) - macro_density(layout), 0.0)


def inflation(
    plan: Plan, *, map_csv: Path, max_ratio: float = 2.0, exponent: float = 1.0, added_area: float = 0.1
) -> Emitted:
    """The map of :func:`inflation_map` as CSV, a row a tile as ``score --csv`` writes it: the ratio in per cent.

    ``map_csv`` is the probability map that ``score --csv`` wrote of this score. Raises ``InputError`` for one of
    another.
    """
    settings = Inflation(max_ratio, exponent, added_area)
    if plan.threshold is None or plan.tile_um is None:
        raise InputError("the score has no hotspot threshold", expected="one that was made with a hotspot model")
    grid = Grid.of(plan.design, plan.tile_um)
    probability = read_heat_map(map_csv, grid)
    if plan.hottest is not None and abs(float(np.nanmax(probability)) - plan.hottest) > 2e-6:
        found = f"a largest value of {np.nanmax(probability):.6f}"
        raise InputError("the map is of another score", file=map_csv, found=found, expected=f"{plan.hottest:.6f}")
    utilisation = cell_utilisation(Layout(plan.design, grid))
    free = white_space(plan.design) / plan.design.dbu_per_micron**2
    ratio = inflation_map(probability, utilisation, grid.area, free, plan.threshold, settings)
    added = float(((ratio - 1.0) * utilisation * grid.area).sum())
    what = (
        f"Area of an inflated cell over its own, in per cent, by tile: at most {100 * max_ratio:g}.",
        f"Cells grow by {added:.3f} square microns together; the cap is {added_area:g} of a white space of {free:.3f}.",
    )
    return Emitted(comment((*plan.provenance, *what)) + heat_map_csv(grid, ratio, plan.design.dbu_per_micron))


def read_heat_map(path: Path, grid: Grid) -> Map:
    """A map (rows, columns) that ``heat_map_csv`` wrote of this grid, NaN in tiles off the die.

    Raises ``InputError`` with the line for what is no such file, or is of another grid.
    """
    map_ = np.full(grid.shape, np.nan)
    expected = "x0, y0, x1, y1 of a tile of the score, in microns, and per cent"
    for number, row in enumerate(csv.reader(load_text(path).splitlines()), start=1):
        if not row or row[0].startswith(("#", "x0")):
            continue
        try:
            x0, y0, x1, y1, value = map(float, row)
        except ValueError:
            raise InputError(
                "this is no row of a heat map", file=path, line=number, found=",".join(row), expected=expected
            ) from None
        corners = [edge * grid.dbu_per_micron if math.isfinite(edge) else math.inf for edge in (x0, y0, x1, y1)]
        column, line = (
            int(np.clip(np.searchsorted(edges, edge + 0.5) - 1, 0, len(edges) - 2))
            for edges, edge in ((grid.x_edges, corners[0]), (grid.y_edges, corners[1]))
        )
        tile = (grid.x_edges[column], grid.y_edges[line], grid.x_edges[column + 1], grid.y_edges[line + 1])
        if max(abs(edge - own) for edge, own in zip(corners, tile, strict=True)) > 1 or not 0 <= value <= 100:
            raise InputError("the row fits no tile", file=path, line=number, found=",".join(row), expected=expected)
        map_[line, column] = value / 100
    if np.isnan(map_[grid.inside]).any():
        missing = int(np.isnan(map_[grid.inside]).sum())
        raise InputError("tiles are missing", file=path, found=f"{missing} without a value", expected="all on the die")
    return map_
