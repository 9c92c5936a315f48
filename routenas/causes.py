"""Why a region is hot: which channels drive it, which cells and pins are hard to reach, and how far members agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from placement_data.features import channel_groups
from placement_data.features.access import centres
from placement_data.features.layout import Layout
from placement_data.features.pin_access import pin_access
from placement_data.features.route_estimate import REPRICED, repriced
from routenas.predictor import Answer, Predictor
from routenas.regions import AccusedCell, AccusedPin, Cause, Map, Region
from routenas.tasks.card import Card

AROUND = 3
"""Tiles around a region that are changed with it: what is just beside it drives it too."""
CELLS, PINS = 5, 4
"""At most so many cells of a region are accused, and so many pins of each."""

Labels = NDArray[np.int32]


def explained(
    regions: Sequence[Region], labels: Labels, predictor: Predictor, maps: NDArray[np.float32], answer: Answer,
    layout: Layout, causes: bool = True,
) -> tuple[Region, ...]:  # fmt: skip
    """The regions with their uncertainty, causes and accused cells.

    ``labels`` (rows, columns) has the number of the region that each tile is in, from 1, and 0 elsewhere; ``maps`` are
    the normalised maps (channels, rows, columns) that had this ``answer``. Without ``causes`` those are left out, which
    take the time of a pass of the model for each family of channels.
    """
    if not regions:
        return ()
    means = np.stack([region_means(labels, member[labels > 0]) for member in answer.members])
    spread = answer.spread(means)
    found = causes_of(predictor, maps, labels) if causes else [()] * len(regions)
    accused = accused_cells(layout, labels)
    return tuple(
        replace(
            region, uncertainty=None if spread is None else float(spread[place]), causes=found[place],
            accused=accused[place],
        )
        for place, region in enumerate(regions)
    )  # fmt: skip


def region_means(labels: Labels, values: Map) -> Map:
    """(regions,) mean of the values (n,) of the tiles in each region, which are told in the order of the tiles."""
    number = labels[labels > 0]
    return np.asarray(np.bincount(number, values)[1:] / np.bincount(number)[1:])


def families(channels: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The families of some channels, each with the places of those that are in it.

    They are the groups of `placement_data.features`, but that all that is told of ``pins`` is one. Of the route
    estimate the capacity belongs to the ``tracks`` and the demand to the ``wires``, as do the numbers of both, which
    follow either: see `occluded`.
    """
    found: dict[str, list[int]] = {}
    for group, members in channel_groups(channels):
        for name in members:
            found.setdefault(_family(name, group), []).append(channels.index(name))
    return {family: tuple(places) for family, places in found.items()}


def _family(channel: str, group: str) -> str:
    if group == "route_estimate":
        return "tracks" if channel.startswith("route_capacity") else "wires"
    return "pins" if group == "pin_access" or channel == "pin_density" else group


def causes_of(predictor: Predictor, maps: NDArray[np.float32], labels: Labels) -> list[tuple[Cause, ...]]:
    """Of each region what drives it, by occlusion: the families of channels by their effect, the largest first.

    The effect is the fall of the region's mean probability when the family is `occluded` in the region and
    :data:`AROUND` it. All regions are changed at once, so there is one pass a family (M. Zeiler, R. Fergus,
    "Visualizing and understanding convolutional networks", ECCV 2014, slide a patch in the place of that). What shows
    in two families falls to neither alone: effects need not add up to the probability.
    """
    from scipy import ndimage

    tiles = labels > 0
    near = ndimage.binary_dilation(tiles, np.ones((3, 3)), iterations=AROUND)
    before = region_means(labels, predictor.at(maps, tiles))
    used = set(predictor.inputs_used)
    effects = {
        family: before - region_means(labels, predictor.at(occluded(predictor.card, maps, family, near), tiles))
        for family, places in families(predictor.card.channels).items()
        if used.intersection(places)
    }
    return [
        tuple(sorted((Cause(family, float(effect[place])) for family, effect in effects.items()), key=_by_effect))
        for place in range(len(before))
    ]


def _by_effect(cause: Cause) -> float:
    return -cause.effect


def occluded(card: Card, maps: NDArray[np.float32], family: str, near: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Normalised maps (channels, rows, columns) with a family set to what is usual in training, in the tiles ``near``.

    That is 0 of a normalised map, the mean of the logarithm that it is. Without ``tracks`` or ``wires`` the numbers of
    the route estimate that are made of both are worked out anew: overfull tiles are no fault of the tracks that a usual
    number of wires would find enough, and none of the wires for which usual tracks would be.
    """
    changed = maps.copy()
    changed[list(families(card.channels)[family])] *= ~near
    for direction in ("horizontal", "vertical") if family in ("tracks", "wires") else ():
        names = [f"route_{part}_{direction}" for part in REPRICED]
        if all(name in card.channels for name in names):
            _reprice(card, maps, changed, [card.channels.index(name) for name in names], near, family)
    return changed


def _reprice(
    card: Card, maps: NDArray[np.float32], changed: NDArray[np.float32], places: list[int], near: NDArray[np.bool_],
    family: str,
) -> None:  # fmt: skip
    """Set the channels of a direction, at these places, to what they are with a usual capacity or a usual demand."""
    columns = card.normalisation.only(places)
    scale, mean, deviation = (np.array(value)[:, None] for value in (columns.scale, columns.mean, columns.deviation))
    # What was 0 may be as far below it, by rounding.
    known = np.maximum(scale * np.expm1(maps[places][:, near] * deviation + mean), 0.0)
    usual = np.broadcast_to(scale * np.expm1(mean), known.shape)
    demand, capacity = (known[0], usual[1]) if family == "tracks" else (usual[0], known[1])
    found = repriced(known, demand, capacity)[..., None].astype(np.float32)
    for place, values in zip(places, columns.apply(found)[..., 0], strict=True):
        changed[place, near] = values


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
