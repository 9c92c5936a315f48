"""Routing tracks: how many a tile has in each direction, and how many of them are blocked, by what.

The layers that signals may use count (``Layout.signal_layers``; all routing layers where nothing is said). A layer
counts in its preferred direction. Its tracks are those of the DEF's TRACKS; where the DEF has none for a layer, they
follow from the LEF's pitch and offset, counted from the die's lower-left corner. A shape blocks the part of a track on
which a wire of the layer's width would come nearer to it than the layer's spacing, half a width before the wire's end
included: that is the part strictly inside the shape widened by half the width and the spacing. Where several shapes
block the same part it counts once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from placement_data.columns import between
from placement_data.design import Design, Ints, LayerDirection, Use
from placement_data.features.layout import Array, Indices, Layout, Map, cell_outlines, on_die, rows_of
from placement_data.grid import Grid
from placement_data.polygons import cover
from placement_data.segments import chunks

_INTERVALS_MAX = 1 << 20
"""Blocked parts of tracks held at one time."""


@dataclass(frozen=True)
class LayerTracks:
    """Tracks of a layer on the die, in half database units so that half a width is a whole number."""

    layer: int
    horizontal: bool
    position: Ints  # sorted, each once
    reach: int  # half the width plus the spacing


@dataclass(frozen=True)
class Shapes:
    """Boxes (n, 4) with their layers (n,)."""

    layer: Indices
    box: Ints


def track_count(layout: Layout) -> Map:
    """(2, rows, columns) horizontal and vertical: length of the tracks in the tile over its side; unit
    tracks. A full tile has as many as cross it. Ours, after the capacities of global routers."""
    return layout.once(track_length) / layout.grid.tile_um


def routing_blockage(layout: Layout) -> Map:
    """(2, rows, columns) horizontal and vertical: share of the tile's track length that is blocked by the OBS of cells
    and macros, BLOCKAGES of layers, ROUTEHALOs, and special wires of other nets than supplies; unit 1. Ours."""
    return _share(blocked_length(layout, obstructions), layout.once(track_length))


def power_track_use(layout: Layout) -> Map:
    """(2, rows, columns) horizontal and vertical: share of the tile's track length that is blocked by the wires and
    vias of POWER and GROUND nets; unit 1. Ours."""
    return _share(blocked_length(layout, power_metal), layout.once(track_length))


def track_length(layout: Layout) -> Map:
    """(2, rows, columns) length of horizontal and of vertical tracks in each tile, microns."""
    grid, tracks = layout.grid, layout.once(layer_tracks)
    if grid.outline is not None:
        return _traced(grid, tracks)
    total = np.zeros((2, *grid.shape))
    width, height = np.diff(grid.x_edges), np.diff(grid.y_edges)
    for one in tracks:
        if one.horizontal:
            count = np.bincount(grid.row_of(one.position / 2), minlength=grid.shape[0])
            total[0] += np.outer(count, width)
        else:
            count = np.bincount(grid.column_of(one.position / 2), minlength=grid.shape[1])
            total[1] += np.outer(height, count)
    return total / grid.dbu_per_micron


def _traced(grid: Grid, tracks: list[LayerTracks]) -> Map:
    """As ``track_length`` on a die that is no rectangle: tracks end where it does."""
    total = np.zeros((2, *grid.shape))
    for one in tracks:
        ends = grid.die[0::2] if one.horizontal else grid.die[1::2]
        start, stop = (np.full(len(one.position), float(end)) for end in ends)
        total[0 if one.horizontal else 1] += _length(grid, one, one.position / 2, start, stop)
    return total


def blocked_length(layout: Layout, *parts: Callable[[Layout], Shapes]) -> Map:
    """(2, rows, columns) length of the horizontal and of the vertical tracks that the shapes block, microns."""
    shapes = [layout.once(part) for part in parts]
    layer, box = np.concatenate([s.layer for s in shapes]), np.concatenate([s.box for s in shapes])
    total = np.zeros((2, *layout.grid.shape))
    for tracks in layout.once(layer_tracks):
        for part in blocked_parts(tracks, box[layer == tracks.layer], layout.grid):
            total[0 if tracks.horizontal else 1] += _length(layout.grid, tracks, *(values / 2 for values in part))
    return total


def taken_length(layout: Layout) -> Map:
    """(2, rows, columns) length of tracks that supplies, obstructions or blockages take from signals, microns."""
    return blocked_length(layout, power_metal, obstructions)


def _length(grid: Grid, tracks: LayerTracks, at: Array, start: Array, stop: Array) -> Map:
    """(rows, columns) length on the die of pieces of tracks, microns."""
    ends = (start, at, stop, at) if tracks.horizontal else (at, start, at, stop)
    return grid.segment_length(*ends)


def power_metal(layout: Layout) -> Shapes:
    """Wires and vias of the special nets of USE POWER and GROUND on routing layers."""
    return _special_metal(layout, supply=True)


def obstructions(layout: Layout) -> Shapes:
    """OBS of cells, BLOCKAGES of layers, ROUTEHALOs, and special wires of nets that are no supplies."""
    shapes = (
        _cell_obstructions(layout),
        _layer_blockages(layout.design),
        _route_halos(layout),
        _special_metal(layout, supply=False),
    )
    return Shapes(np.concatenate([s.layer for s in shapes]), np.concatenate([s.box for s in shapes]))


def layer_tracks(layout: Layout) -> list[LayerTracks]:
    """The tracks of each layer that signals may use, that has a preferred direction and that has tracks on the die."""
    found = []
    layers, dbu = layout.design.layers, layout.design.dbu_per_micron
    for layer in layout.signal_layers:
        direction = layers.direction[layer]
        if direction == LayerDirection.NONE:
            continue
        horizontal = bool(direction == LayerDirection.HORIZONTAL)
        pitch = float((layers.pitch_y if horizontal else layers.pitch_x)[layer])
        position = _def_tracks(layout, str(layers.name[layer]), horizontal)
        if not len(position) and pitch > 0:
            position = _lef_tracks(
                layout.grid, horizontal, pitch, float(layers.offset_y[layer] if horizontal else layers.offset_x[layer])
            )
        if not len(position):
            continue
        if not pitch > 0:
            pitch = float(np.diff(position).min(initial=2 * layout.grid.tile)) / (2 * dbu)
        width, spacing = float(layers.width[layer]), float(layers.spacing[layer])
        width = width if width > 0 else pitch / 2
        spacing = spacing if spacing >= 0 else max(pitch - width, 0.0)
        found.append(LayerTracks(int(layer), horizontal, position, round((width + 2 * spacing) * dbu)))
    return found


def _def_tracks(layout: Layout, layer: str, horizontal: bool) -> Ints:
    """Positions on the die of the layer's tracks after the DEF, half database units."""
    tracks, die = layout.design.tracks, layout.grid.die
    low, high = (die[1], die[3]) if horizontal else (die[0], die[2])
    lines = [np.empty(0, dtype=np.int64)]
    for i in np.flatnonzero((tracks.vertical != horizontal) & (tracks.layer == layer)):
        start, step, count = int(tracks.start[i]), max(1, int(tracks.step[i])), int(tracks.count[i])
        first, stop = max(0, -((start - low) // step)), min(count, (high - start) // step + 1)
        lines.append(start + step * np.arange(first, max(first, stop), dtype=np.int64))
    return 2 * np.unique(np.concatenate(lines))


def _lef_tracks(grid: Grid, horizontal: bool, pitch: float, offset: float) -> Ints:
    """Positions on the die of tracks of a pitch and offset (half a pitch where not given), half database units."""
    low, high = (grid.die[1], grid.die[3]) if horizontal else (grid.die[0], grid.die[2])
    pitch = max(pitch * grid.dbu_per_micron, 1.0)
    offset = (offset * grid.dbu_per_micron if math.isfinite(offset) else pitch / 2) % pitch
    steps = np.arange(math.floor((high - low - offset) / pitch + 1e-6) + 1)
    return np.unique(2 * low + np.rint(2 * (offset + pitch * steps)).astype(np.int64))


def blocked_parts(tracks: LayerTracks, box: Ints, grid: Grid) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Position, start and stop of the blocked parts of a layer's tracks on the die, which do not overlap; a bounded
    number at a time. All in half database units."""
    along, across = (0, 1) if tracks.horizontal else (1, 0)
    low, high = 2 * grid.die[along], 2 * grid.die[along + 2]
    start = np.maximum(2 * box[:, along] - tracks.reach, low)
    stop = np.minimum(2 * box[:, along + 2] + tracks.reach, high)
    first = np.searchsorted(tracks.position, 2 * box[:, across] - tracks.reach, side="right")
    last = np.searchsorted(tracks.position, 2 * box[:, across + 2] + tracks.reach, side="left")
    kept = (start < stop) & (first < last)
    start, stop, first, last = start[kept] - low, stop[kept] - low, first[kept], last[kept]
    # Tracks are laid end to end, a gap between them, so that one sort and one running maximum join the parts of all.
    pitch = high - low + 1
    for begin, end in _bands(first, last, len(tracks.position)):
        inside = (first < end) & (last > begin)
        track, owner = between(np.maximum(first[inside], begin), np.minimum(last[inside], end))
        left = start[inside][owner] + track * pitch
        order = np.argsort(left)
        left, right = left[order], np.maximum.accumulate((stop[inside][owner] + track * pitch)[order])
        fresh = np.ones(len(left), dtype=bool)
        fresh[1:] = left[1:] > right[:-1]
        left, right = left[fresh], right[np.append(fresh[1:], True)]
        track = left // pitch
        yield tracks.position[track], left - track * pitch + low, right - track * pitch + low


def _bands(first: Indices, last: Indices, count: int) -> Iterator[tuple[int, int]]:
    """Consecutive bands of tracks that hold ``_INTERVALS_MAX`` parts at most; a track that has more stands alone."""
    parts = np.cumsum(np.bincount(first, minlength=count + 1) - np.bincount(last, minlength=count + 1))[:count]
    for band in chunks(parts, _INTERVALS_MAX):
        if parts[band].any():
            yield band.start, band.stop


def _special_metal(layout: Layout, supply: bool) -> Shapes:
    wires = layout.design.special_wires
    is_supply = np.isin(layout.design.special_nets.use, (Use.POWER, Use.GROUND))[wires.net]
    rows = np.flatnonzero((layout.routing_level[wires.layer] >= 0) & (is_supply == supply))
    return Shapes(wires.layer[rows].astype(np.int64), wires.box[rows])


def _cell_obstructions(layout: Layout) -> Shapes:
    cells, masters = layout.design.cells, layout.design.masters
    rows, cell = rows_of(masters.obstruction_offset, cells.master.astype(np.int64))
    metal = layout.routing_level[masters.obstruction_layer[rows]] >= 0
    rows, cell = rows[metal], cell[metal]
    return Shapes(
        masters.obstruction_layer[rows].astype(np.int64), on_die(layout.design, cell, masters.obstruction_box[rows])
    )


def _layer_blockages(design: Design) -> Shapes:
    blockages = design.blockages
    row = {str(name): i for i, name in enumerate(design.layers.name)}
    layer = np.array([row.get(str(name), -1) for name in blockages.layer], dtype=np.int64)
    rows = np.flatnonzero((layer >= 0) & ~blockages.only_fills)
    return Shapes(layer[rows], blockages.box[rows])


def _route_halos(layout: Layout) -> Shapes:
    """The rings round cells in which ROUTEHALO forbids wires, one ring per routing layer."""
    cells = layout.design.cells
    low, high = cells.route_halo_layers[:, 0], cells.route_halo_layers[:, 1]
    layer = layout.routing_layers
    box, halo = _rings(layout.design)
    covers = (layer[:, None] >= low[halo]) & (layer[:, None] <= high[halo]) & (low[halo] >= 0)
    which, ring = np.nonzero(covers)
    return Shapes(layer[which], box[ring])


def _rings(design: Design) -> tuple[Ints, Indices]:
    """Boxes (n, 4) of the rings of the route halos, and the halo (n,) that each belongs to."""
    cells = design.cells
    outline, owner = cell_outlines(design, cells.route_halo_cell)
    plain = np.bincount(owner, minlength=len(cells.route_halo_cell))[owner] == 1
    width = cells.route_halo[owner]
    x0, y0, x1, y1 = outline[plain].T
    w = width[plain]
    sides = (
        (x0 - w, y0 - w, x0, y1 + w),
        (x1, y0 - w, x1 + w, y1 + w),
        (x0, y0 - w, x1, y0),
        (x0, y1, x1, y1 + w),
    )
    boxes, halos = [np.stack(side, axis=1) for side in sides], [owner[plain]] * 4
    for halo in np.unique(owner[~plain]).tolist():
        shape = outline[owner == halo]
        grown = shape + width[owner == halo, None] * (-1, -1, 1, 1)
        ring = np.array(cover(grown.tolist(), shape.tolist(), whole=True), dtype=np.int64).reshape(-1, 4)
        boxes.append(ring)
        halos.append(np.full(len(ring), halo))
    return np.concatenate(boxes), np.concatenate(halos)


def _share(part: Map, whole: Map) -> Map:
    return np.minimum(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0), 1.0)
