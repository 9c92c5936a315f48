"""A layout and one or two bundles become a ``Score``: hotspot map, worst regions, violated nets."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Design, LibertyCells
from placement_data.errors import InputError
from placement_data.features import LIBERTY_CHANNELS, ChannelSet, feature_maps
from placement_data.features.layout import cell_outlines
from placement_data.gaps import require_content
from placement_data.grid import Grid
from placement_data.layer_range import spelled
from placement_data.making import LayoutFiles, read_layout, read_liberties
from placement_data.netlist import signal_nets
from placement_data.store import sha256
from placement_data.text import digests
from routenas.bundle import ModelMismatchError
from routenas.predictor import Predictor
from routenas.score_warnings import score_warnings
from routenas.tasks.card import Card
from routenas.version import __version__

SCHEMA = "routenas.score/1"
LARGE_REGION = 64
Map = NDArray[np.float64]


@dataclass(frozen=True)
class Region:
    """Connected hotspot tiles: ``box_um`` (x0, y0, x1, y1), mean and largest probability, and what lies in the box."""

    box_um: tuple[float, float, float, float]
    score: float
    max: float
    tiles: int
    cells: int
    pins: int
    nets_crossing: int
    dominant_features: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {**self.__dict__, "box_um": list(self.box_um), "dominant_features": list(self.dominant_features)}


@dataclass(frozen=True)
class Score:
    """The answer for one layout.

    ``probability`` is (rows, columns), NaN in tiles off the die, or None without a hotspot model;
    ``violated_net_ratio`` None without a violated-net model. ``routing_layers`` are those that tracks were counted of,
    as ``metal2-metal3``, "" for all. ``timings`` are seconds a stage, in the order they ran.
    """

    design: Design
    grid: Grid
    net_count: int
    probability: Map | None
    threshold: float | None
    regions: tuple[Region, ...]
    violated_net_ratio: float | None
    routing_layers: str
    warnings: tuple[tuple[str, str], ...]
    models: tuple[Mapping[str, Any], ...]
    inputs: Mapping[str, str]
    timings: Mapping[str, float]

    @property
    def violated_nets(self) -> float | None:
        """Predicted number of nets with a violation."""
        return None if self.violated_net_ratio is None else self.violated_net_ratio * self.net_count

    def to_dict(self) -> dict[str, Any]:
        """JSON form, schema ``routenas.score/1``."""
        scale = self.design.dbu_per_micron
        value: dict[str, Any] = {
            "schema": SCHEMA,
            "routenas": __version__,
            "design": self.design.name,
            "inputs": dict(self.inputs),
            "models": [dict(model) for model in self.models],
            "die_um": [float(edge) / scale for edge in self.design.die],
            "tile_um": self.grid.tile_um,
            "grid": list(self.grid.shape),
            "nets": self.net_count,
            "routing_layers": self.routing_layers or None,
            "violated_nets": None,
            "hotspots": None,
            "regions": [region.to_dict() for region in self.regions],
            "warnings": [{"code": code, "text": text} for code, text in self.warnings],
            "timing": {f"{stage}_s": round(seconds, 4) for stage, seconds in self.timings.items()},
        }
        if self.grid.outline is not None:
            value["outline_um"] = [[x / scale, y / scale] for x, y in self.grid.outline.corners]
        if self.violated_net_ratio is not None:
            value["violated_nets"] = {"predicted": self.violated_nets, "ratio": self.violated_net_ratio}
        if self.probability is not None and self.threshold is not None:
            value["hotspots"] = _hotspot_summary(self.probability, self.grid, self.threshold)
        return value


def _hotspot_summary(probability: Map, grid: Grid, threshold: float) -> dict[str, Any]:
    hot = probability >= threshold
    ordered = np.sort(probability[grid.inside])[::-1]

    def top(share: float) -> float:
        return float(ordered[: max(1, round(share * ordered.size))].mean())

    return {
        "threshold": threshold,
        "tiles": int(hot.sum()),
        "area_frac": float(grid.area[hot].sum() / grid.area.sum()),
        "max": float(ordered[0]),
        "mean": float(ordered.mean()),
        "mean_top_0p5pct": top(0.005),
        "mean_top_1pct": top(0.01),
        "mean_top_2pct": top(0.02),
        "mean_top_5pct": top(0.05),
    }


def score_layout(
    files: LayoutFiles, predictors: Sequence[Predictor], tile_um: float | None = None, top: int = 20, name: str = ""
) -> Score:
    """Read a placed layout and score it. ``tile_um`` defaults to the models' tile, ``name`` to the design's own.

    Each file is read once, so it may be a pipe. Raises :class:`placement_data.errors.InputError` for unreadable or
    unplaced layouts, those without the routing layers that signals may use, and :class:`ModelMismatchError` where two
    bundles answer the same question, were trained on tiles of different size, or want a Liberty library that is not
    there, or none where one is.
    """
    if not predictors:
        raise InputError("no model is given to score with", expected="at least one")
    by_task = _by_task(predictors)
    tile = _tile(predictors, tile_um)
    kinds: dict[str, tuple[ChannelSet, bool]] = {each.card.name: _kind(each, files) for each in predictors}
    if files.liberty and not any(liberty for _, liberty in kinds.values()):
        raise ModelMismatchError("no model was trained with Liberty, expected a layout without --liberty")
    timings: dict[str, float] = {}
    mark = time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal mark
        now = time.perf_counter()
        timings[stage], mark = now - mark, now

    with digests() as read:
        design = read_layout(files)
        cells = read_liberties(files.liberty)
    require_content(design)
    design = replace(design, name=name or design.name)
    lap("parse")
    layers = spelled(design, files.routing_layers, files.layout)
    grid = Grid.of(design, tile)
    features = _features(design, grid, by_task, kinds, cells, layers)
    lap("features")
    net_count = int(signal_nets(design).sum())
    inside = None if grid.outline is None else grid.inside
    answers = {task: each.predict(features[task], net_count, inside) for task, each in by_task.items()}
    for task, answer in answers.items():
        if not np.isfinite(answer[grid.inside] if task == "hotspots" else answer).all():
            raise ModelMismatchError(f"the model of the task '{task}' has no finite answer for this layout")
    lap("infer")
    features = {task: features[task][list(each.bundle.inputs_used)] for task, each in by_task.items()}
    hot = by_task.get("hotspots")
    probability, threshold = answers.get("hotspots"), None if hot is None else hot.threshold
    regions: tuple[Region, ...] = ()
    if hot is not None and probability is not None and threshold is not None:
        regions = find_regions(design, grid, probability, threshold, hot.read, features["hotspots"], top)
    files = replace(files, routing_layers=layers)
    warnings = tuple(score_warnings(design, grid, features, [each.read for each in predictors], files))
    inputs = {str(path): read.get(str(path)) or sha256(path) for path in files.all}
    ratio = answers.get("violated_nets")
    lap("regions")
    return Score(
        design, grid, net_count, probability, threshold, regions, None if ratio is None else float(ratio[0]),
        layers, warnings, tuple(_model_summary(each) for each in predictors), inputs, timings,
    )  # fmt: skip


def _kind(predictor: Predictor, files: LayoutFiles) -> tuple[ChannelSet, bool]:
    """The channels that a model wants, and whether Liberty is to tell the registers of them."""
    wanted, channels = predictor.card.liberty, predictor.channel_set
    if not LIBERTY_CHANNELS.intersection(predictor.read.channels):
        wanted = False
    if wanted and not files.liberty:
        what = f"the model of the task '{predictor.card.name}' was trained with registers that Liberty told"
        raise ModelMismatchError(f"{what}, expected --liberty")
    return channels, bool(files.liberty) if wanted is None else wanted


def _features(
    design: Design,
    grid: Grid,
    by_task: Mapping[str, Predictor],
    kinds: Mapping[str, tuple[ChannelSet, bool]],
    cells: LibertyCells | None,
    routing_layers: str,
) -> dict[str, NDArray[np.float32]]:
    """The maps (channels, rows, columns) for each model; a channel that no model reads is 0 and costs nothing."""
    made = {}
    for kind in set(kinds.values()):
        channels, liberty = kind
        used = {name for task, each in by_task.items() if kinds[task] == kind for name in each.read.channels}
        told = cells if liberty else None
        made[kind] = feature_maps(design, grid, channels, liberty=told, routing_layers=routing_layers, used=used)
    return {task: made[kind] for task, kind in kinds.items()}


def _by_task(predictors: Sequence[Predictor]) -> dict[str, Predictor]:
    by_task: dict[str, Predictor] = {}
    for each in predictors:
        name = each.card.name
        if name in by_task:
            raise ModelMismatchError(f"two models for the task '{name}', expected at most one per task")
        by_task[name] = each
    return by_task


def _tile(predictors: Sequence[Predictor], tile_um: float | None) -> float:
    tiles = sorted({each.card.tile_um for each in predictors})
    if tile_um is not None:
        return tile_um
    if len(tiles) != 1:
        raise ModelMismatchError(
            f"the models were trained on tiles of {' and '.join(map(str, tiles))} um, expected one size; see --tile"
        )
    return tiles[0]


def _model_summary(predictor: Predictor) -> dict[str, Any]:
    architecture = predictor.bundle.architecture.to_dict()
    return {
        "task": predictor.card.name,
        "architecture": {name: architecture[name] for name in ("kind", "name", "hash") if name in architecture},
        "members": len(predictor.bundle.members),
        "label_kind": predictor.card.label_kind,
        "channel_version": predictor.card.channel_version,
        "liberty": predictor.card.liberty,
        "routing_layers": [layers or None for layers in predictor.card.routing_layers],
        "technologies": list(predictor.card.technologies),
        "test_metrics": predictor.bundle.metrics.get("test"),
    }


def find_regions(
    design: Design,
    grid: Grid,
    probability: Map,
    threshold: float,
    card: Card,
    features: NDArray[np.float32],
    top: int,
) -> tuple[Region, ...]:
    """Connected tiles (edges and corners) at or above the threshold, the largest sum of probability first.

    A region too large to act on is narrowed to the worst tiles in it, see :func:`label_regions`.
    """
    from scipy import ndimage

    labels, count = label_regions(probability, threshold)
    if count == 0:
        return ()
    index = np.arange(1, count + 1)
    mass = ndimage.sum_labels(probability, labels, index)
    boxes = ndimage.find_objects(labels)
    normal = card.normalisation.apply(features)  # only of tiles with a probability, which are on the die
    pieces = _Pieces.of(design)
    return tuple(
        _region(design, pieces, grid, probability, labels == number, boxes[number - 1], normal, card.channels)
        for number in index[np.argsort(-mass, kind="stable")][:top]
    )


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


def heat_map_csv(grid: Grid, values: Map, dbu_per_micron: int) -> str:
    """CSV of a map, a row a tile on the die, as OpenROAD dumps a heat map: microns and per cent, column by column.

    The leftmost column comes first, and in each the lowest tile.
    """
    x, y = (np.round(edges / dbu_per_micron, 6).tolist() for edges in (grid.x_edges, grid.y_edges))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["x0", "y0", "x1", "y1", "value (%)"])
    for column, line in enumerate(np.round(100 * values.T, 4).tolist()):
        writer.writerows(
            [x[column], y[row], x[column + 1], y[row + 1], value]
            for row, value in enumerate(line)
            if grid.inside[row, column]
        )
    return text.getvalue()
