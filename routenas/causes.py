"""Why a region is hot: which channels drive it, which cells and pins are hard to reach, and how far members agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from placement_data.features.access import centres
from placement_data.features.layout import Layout
from placement_data.features.pin_access import pin_access
from routenas.predictor import Answer, Predictor
from routenas.regions import AccusedCell, AccusedPin, Cause, Map, Region

AROUND = 3
"""Tiles around a region that are changed with it: what is just beside it drives it too."""
CELLS, PINS = 5, 4
"""At most so many cells of a region are accused, and so many pins of each."""

Labels = NDArray[np.int32]


def explained(
    regions: Sequence[Region], labels: Labels, predictor: Predictor, maps: NDArray[np.float32], answer: Answer,
    layout: Layout,
) -> tuple[Region, ...]:  # fmt: skip
    """The regions with their uncertainty, causes and accused cells.

    ``labels`` (rows, columns) has the number of the region that each tile is in, from 1, and 0 elsewhere; ``maps`` are
    the normalised maps (channels, rows, columns) that had this ``answer``.
    """
    if not regions:
        return ()
    means = np.stack([region_means(labels, member[labels > 0]) for member in answer.members])
    spread = answer.spread(means)
    causes = causes_of(predictor, maps, labels)
    accused = accused_cells(layout, labels)
    return tuple(
        replace(
            region, uncertainty=None if spread is None else float(spread[place]), causes=causes[place],
            accused=accused[place],
        )
        for place, region in enumerate(regions)
    )  # fmt: skip


def region_means(labels: Labels, values: Map) -> Map:
    """(regions,) mean of the values (n,) of the tiles in each region, which are told in the order of the tiles."""
    number = labels[labels > 0]
    return np.asarray(np.bincount(number, values)[1:] / np.bincount(number)[1:])


def causes_of(predictor: Predictor, maps: NDArray[np.float32], labels: Labels) -> list[tuple[Cause, ...]]:
    """Of each region what drives it, by occlusion: the families of channels by their effect, the largest first.

    The effect is the fall of the region's mean probability when the family's channels are set, in the region and
    :data:`AROUND` it, to what is usual in training: 0 of the normalised maps (channels, rows, columns), the mean of the
    logarithm that they are. All regions are changed at once, so there is one pass a family (M. Zeiler, R. Fergus,
    "Visualizing and understanding convolutional networks", ECCV 2014, slides a patch in the place of that). A cause
    that shows in two families falls to neither alone: effects are lower bounds, and need not add up to the probability.
    """
    from scipy import ndimage

    tiles = labels > 0
    near = ndimage.binary_dilation(tiles, np.ones((3, 3)), iterations=AROUND)
    before = region_means(labels, predictor.at(maps, tiles))
    used = set(predictor.inputs_used)
    names, effects = [], []
    for name, channels in predictor.card.shape.groups:
        read = [channel for channel in channels if channel in used]
        if read:
            changed = maps.copy()
            changed[read] *= ~near
            names.append(name)
            effects.append(before - region_means(labels, predictor.at(changed, tiles)))
    order = np.argsort(-np.stack(effects), axis=0, kind="stable").T
    return [
        tuple(Cause(names[family], float(effects[family][region])) for family in ranked)
        for region, ranked in enumerate(order)
    ]


def accused_cells(layout: Layout, labels: Labels) -> list[tuple[AccusedCell, ...]]:
    """Of each region the cells with a pin in it that other pins and blockages leave less than one access point.

    The cells that lack most come first, and of a cell the pins; see ``pin_access``. Nothing is accused where the LEF
    does not say where pins are, or there are no tracks.
    """
    access, design = layout.once(pin_access), layout.design
    x, y = centres(design.pins.box[access.pin])
    on_die = layout.grid.contains(x, y)
    region = np.zeros(len(x), dtype=np.int64)
    region[on_die] = labels[layout.grid.row_of(y[on_die]), layout.grid.column_of(x[on_die])]
    found: list[tuple[AccusedCell, ...]] = []
    for number in range(1, int(labels.max()) + 1):
        rows = np.flatnonzero((region == number) & (access.deficit > 0))
        rows = rows[np.lexsort((-access.competition[rows], access.remaining[rows]))]
        cell, first, owner = np.unique(design.pins.cell[access.pin[rows]], return_index=True, return_inverse=True)
        lack = np.bincount(owner, access.deficit[rows], minlength=len(cell))
        worst = np.lexsort((first, -lack))[:CELLS]
        found.append(tuple(_accused(layout, rows[owner == place][:PINS]) for place in worst))
    return found


def _accused(layout: Layout, rows: NDArray[np.int64]) -> AccusedCell:
    """The cell of some pins, rows of ``pin_access``."""
    access, design, scale = layout.once(pin_access), layout.design, layout.design.dbu_per_micron
    cell = int(design.pins.cell[access.pin[rows[0]]])
    x, y = centres(design.pins.box[access.pin[rows]])
    names = design.masters.pin_name[design.pins.master_pin[access.pin[rows]]]
    pins = tuple(
        AccusedPin(str(name), (px / scale, py / scale), int(access.free_points[row]), float(access.remaining[row]))
        for row, name, px, py in zip(rows, names, x.tolist(), y.tolist(), strict=True)
    )
    x0, y0, x1, y1 = (design.cells.box[cell] / scale).tolist()
    master = str(design.masters.name[design.cells.master[cell]])
    return AccusedCell(str(design.cells.name[cell]), master, (x0, y0, x1, y1), pins)
