"""Hotspot tiles that lie together become regions: boxes that a person can look at, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Design
from placement_data.features.layout import cell_outlines
from placement_data.grid import Grid
from placement_data.netlist import signal_nets

LARGE_REGION = 64
Map = NDArray[np.float64]


@dataclass(frozen=True)
class Cause:
    """A family of channels, and how far the region's mean probability falls without it; below 0 it keeps it down."""

    family: str
    effect: float


@dataclass(frozen=True)
class AccusedPin:
    """A pin, its middle, its access points that nothing blocks, and how many of these are left by other pins."""

    name: str
    at_um: tuple[float, float]
    access_points: int
    remaining: float


@dataclass(frozen=True)
class AccusedCell:
    """A cell with pins that are hard to reach; ``box_um`` (x0, y0, x1, y1)."""

    name: str
    master: str
    box_um: tuple[float, float, float, float]
    pins: tuple[AccusedPin, ...]


@dataclass(frozen=True)
class Region:
    """Connected hotspot tiles: ``box_um`` (x0, y0, x1, y1), mean and largest probability, and what lies in the box.

    ``uncertainty`` is the standard deviation of the mean over the members of the model, None for a single one;
    ``causes`` are those of the whole model, the largest first, and ``accused`` the cells that lack access most.
    """

    box_um: tuple[float, float, float, float]
    score: float
    max: float
    tiles: int
    cells: int
    pins: int
    nets_crossing: int
    dominant_features: tuple[str, ...]
    uncertainty: float | None = None
    causes: tuple[Cause, ...] = ()
    accused: tuple[AccusedCell, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        value = asdict(self)
        return {**value, "accused": {"cells": value["accused"]}}


def find_regions(
    design: Design,
    grid: Grid,
    probability: Map,
    threshold: float,
    channels: Sequence[str],
    normal: NDArray[np.float32],
    top: int,
) -> tuple[tuple[Region, ...], NDArray[np.int32], int]:
    """Connected tiles (edges and corners) at or above the threshold, the ``top`` first of them; the number (rows,
    columns) of the one that each tile is in, from 1, 0 for none of these; and how many there are.

    The largest sum of probability comes first. A region too large to act on is narrowed to the worst tiles in it, see
    :func:`label_regions`. ``normal`` are the normalised maps (channels, rows, columns) of the ``channels``.
    """
    from scipy import ndimage

    labels, count = label_regions(probability, threshold)
    if count == 0:
        return (), labels, 0
    index = np.arange(1, count + 1)
    mass = ndimage.sum_labels(probability, labels, index)
    boxes = ndimage.find_objects(labels)
    pieces = _Pieces.of(design)
    worst = index[np.argsort(-mass, kind="stable")][:top]
    found = tuple(
        _region(design, pieces, grid, probability, labels == number, boxes[number - 1], normal, channels)
        for number in worst
    )
    place = np.zeros(count + 1, dtype=np.int32)
    place[worst] = np.arange(1, len(worst) + 1)
    return found, place[labels], count


def label_regions(probability: Map, threshold: float) -> tuple[NDArray[np.int32], int]:
    """Number (rows, columns) of the region that each tile is in, 0 for none, and how many regions there are.

    Where a crowded layout is one region from edge to edge, nobody can act on it: a region of more than 1 % of the tiles
    (and of :data:`LARGE_REGION`) is narrowed to its worst half, again and again, until its parts are no larger.
    """
    from scipy import ndimage

    limit = max(LARGE_REGION, int(np.count_nonzero(~np.isnan(probability))) // 100)
    hot = probability >= threshold
    while True:
        labels, count = ndimage.label(hot, structure=np.ones((3, 3)))
        large = np.flatnonzero(np.bincount(labels.ravel(), minlength=count + 1)[1:] > limit) + 1
        before = int(hot.sum())
        for number in large:
            inside = labels == number
            worst = inside & (probability > np.median(probability[inside]))
            if worst.any():  # else all of it is equally bad
                hot &= ~inside | worst
        if int(hot.sum()) == before:
            return labels, int(count)


@dataclass(frozen=True)
class _Pieces:
    """What is counted in a region: boxes of cells (k, 4) with their cells, centres of placed signal pins (n, 2) and
    corners of signal nets (m, 2)."""

    box: NDArray[np.int64]
    cell: NDArray[np.int64]
    pins: Map
    net_low: Map
    net_high: Map

    @classmethod
    def of(cls, design: Design) -> _Pieces:
        """The pieces of a design; supply nets and unplaced pins are not counted."""
        signal = signal_nets(design)
        counted = design.pins.placed & signal[design.pins.net]
        pins = np.stack([design.pins.x, design.pins.y], axis=1)[counted]
        # A net without placed pins keeps an inverted box, which crosses nothing.
        low, high = np.full((len(signal), 2), np.inf), np.full((len(signal), 2), -np.inf)
        np.minimum.at(low, design.pins.net[counted], pins)
        np.maximum.at(high, design.pins.net[counted], pins)
        return cls(*cell_outlines(design, np.arange(len(design.cells.name))), pins, low, high)


def _region(
    design: Design,
    pieces: _Pieces,
    grid: Grid,
    probability: Map,
    inside: NDArray[np.bool_],
    window: tuple[slice, slice],
    normal: NDArray[np.float32],
    channels: Sequence[str],
) -> Region:
    rows, columns = window
    x0, x1 = int(grid.x_edges[columns.start]), int(grid.x_edges[columns.stop])
    y0, y1 = int(grid.y_edges[rows.start]), int(grid.y_edges[rows.stop])
    box = pieces.box
    low, high = np.array([x0, y0]), np.array([x1, y1])
    meets = (box[:, 0] < x1) & (box[:, 2] > x0) & (box[:, 1] < y1) & (box[:, 3] > y0)
    pin_inside = ((pieces.pins >= low) & (pieces.pins < high)).all(axis=1)
    crossing = ((pieces.net_low < high) & (pieces.net_high > low)).all(axis=1)
    mean = normal[:, inside].mean(axis=1)
    strongest = [channels[index] for index in np.argsort(-mean)[:3] if mean[index] > 1.0]
    scale = design.dbu_per_micron
    return Region(
        box_um=(x0 / scale, y0 / scale, x1 / scale, y1 / scale),
        score=float(probability[inside].mean()),
        max=float(probability[inside].max()),
        tiles=int(inside.sum()),
        cells=len(np.unique(pieces.cell[meets])),
        pins=int(pin_inside.sum()),
        nets_crossing=int(crossing.sum()),
        dominant_features=tuple(strongest),
    )
