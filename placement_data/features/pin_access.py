"""Pin access: how many places a router has to leave each pin of a cell, who else wants them, and which way it must go.

A pin is left by a via to the **access layer**: the nearest one above the pin's lowest shapes that signals may use and
that has tracks; where there is none above, the pin's own layer, or else the nearest below. An **access point** is a
crossing, on the pin's shapes, of the access layer's tracks with those of the nearest layer across (above first). It is
blocked where that stretch of the access layer's track is (see ``tracks``). Pins that lie no further apart along a track
than a row is high **compete** for it: each asks for one track and spreads its demand evenly over those that it lies on.

The counts are numbers of pins, points and tracks, so that they mean the same in every technology. They are ours; that
access decides at small pitches is what Xie et al. (RouteNet, ICCAD 2018) and Liang et al. (J-Net, ISPD 2020) found, who
let networks find out from rasters of pin shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np

from placement_data.columns import between, offsets
from placement_data.design import Ints, row_height
from placement_data.features.access import centres, crossing_tracks, lines_on, lowest_shapes
from placement_data.features.layout import Array, Indices, Layout, Map, Mask
from placement_data.features.tracks import LayerTracks, Shapes, blocked_parts, layer_tracks, obstructions, power_metal

_SHARE = 1 << 32
"""What the demand of one pin is counted in: whole numbers, so that sums know no order and no rounding."""


@dataclass(frozen=True)
class PinAccess:
    """Of each signal pin of a cell that tracks run over (n,), its row in ``Design.pins`` and what access it has.

    ``points`` are its access points, ``free_points`` those that nothing blocks, ``tracks`` the tracks that it lies on,
    and of these ``power_blocked`` are blocked by the power grid within a row's height of the pin. ``competition`` is
    the number of other pins that want its tracks, a track; ``free_competition`` is the same of tracks that nothing
    blocks within a row's height, on which alone pins spread their demand then. ``remaining`` points are the free ones,
    less the part of each one's track that others want.
    """

    pin: Indices
    tracks: Indices
    power_blocked: Indices
    points: Indices
    free_points: Indices
    competition: Array
    free_competition: Array
    remaining: Array

    @property
    def deficit(self) -> Array:
        """(n,) what a pin lacks of the one access point that it needs, 0 to 1."""
        return np.maximum(1.0 - self.remaining, 0.0)

    @property
    def blocked_share(self) -> Array:
        """(n,) share of the tracks that the power grid blocks, 0 to 1."""
        return np.asarray(self.power_blocked / np.maximum(self.tracks, 1))


@dataclass(frozen=True)
class PinEscape:
    """Of each pin of a signal net (n,), its row in ``Design.pins`` and the edges of the net's tree that leave it to the

    ``left``, ``right``, ``down`` and ``up``: an edge counts as its share of each axis, |dx| / (|dx| + |dy|).
    """

    pin: Indices
    left: Array
    right: Array
    down: Array
    up: Array


def pin_competition(layout: Layout) -> Map:
    """Sum over the pins in the tile of the other pins that want their tracks; unit pins. See ``PinAccess``. Ours."""
    access = layout.once(pin_access)
    return _sum(layout, access.pin, access.competition)


def pin_competition_free(layout: Layout) -> Map:
    """As ``pin_competition``, of tracks that nothing blocks near the pin alone; unit pins. Ours."""
    access = layout.once(pin_access)
    return _sum(layout, access.pin, access.free_competition)


def pin_competition_max(layout: Layout) -> Map:
    """The largest number of other pins that want the tracks of one pin in the tile; unit pins. Ours."""
    access, grid = layout.once(pin_access), layout.grid
    x, y = centres(layout.design.pins.box[access.pin])
    on_die = grid.contains(x, y)
    largest = np.zeros(grid.shape)
    np.maximum.at(largest, (grid.row_of(y[on_die]), grid.column_of(x[on_die])), access.competition[on_die])
    return largest


def pin_access_remaining(layout: Layout) -> Map:
    """Access points that obstructions, power grid and other pins leave to the pins in the tile; unit points. Ours."""
    access = layout.once(pin_access)
    return _sum(layout, access.pin, access.remaining)


def pin_access_deficit(layout: Layout) -> Map:
    """Sum over the pins in the tile of what each lacks of one access point; unit pins. Ours."""
    access = layout.once(pin_access)
    return _sum(layout, access.pin, access.deficit)


def blocked_pin_count(layout: Layout) -> Map:
    """Sum over the pins in the tile of the share of their tracks that the power grid blocks within a row's height of
    them; unit pins. Ours."""
    access = layout.once(pin_access)
    return _sum(layout, access.pin, access.blocked_share)


def pin_escape(layout: Layout) -> Map:
    """(2, rows, columns) edges of the nets' trees that leave the tile's pins along, each as its share of the axis:
    horizontally and vertically; unit edges. Ours."""
    found = layout.once(tree_escape)
    return np.stack([_sum(layout, found.pin, found.left + found.right), _sum(layout, found.pin, found.down + found.up)])


def pin_escape_bias(layout: Layout) -> Map:
    """(2, rows, columns) how many more of them leave to one side than to the other: the difference of right and left,
    and of up and down; unit edges. Ours."""
    found = layout.once(tree_escape)
    pairs = (found.right - found.left, found.up - found.down)
    return np.stack([np.abs(_sum(layout, found.pin, pair)) for pair in pairs])


def _sum(layout: Layout, pin: Indices, values: Array) -> Map:
    return layout.grid.point_count(*centres(layout.design.pins.box[pin]), values)


def _per_item(item: Indices, values: Indices | Array | Mask, count: int) -> Array:
    """(count,) sum of the values (n,) of each item (n,)."""
    return np.bincount(item, values, minlength=count).astype(np.float64)


def tree_escape(layout: Layout) -> PinEscape:
    """Where the edges of the nets' minimum spanning trees leave their pins."""
    nets, pins = layout.wiring, layout.design.pins
    a, b = layout.tree
    start, end = np.concatenate([a, b]), np.concatenate([b, a])
    dx, dy = nets.x[end] - nets.x[start], nets.y[end] - nets.y[start]
    length = np.abs(dx) + np.abs(dy)
    shares = [np.maximum(way, 0.0) / np.maximum(length, 1.0) for way in (-dx, dx, -dy, dy)]
    wired = np.zeros(len(layout.design.nets.name), dtype=bool)
    wired[nets.net] = True
    pin = np.flatnonzero(layout.signal_pins & wired[pins.net])
    return PinEscape(pin, *(_per_item(start, share, len(pin)) for share in shares))


@dataclass(frozen=True)
class _Entries:
    """Pins (positions in a list) over tracks, each pair once, (n,). ``along`` is the pin's centre on the track, half
    database units; the last two are 1 where nothing, and where power blocks the track within a row's height of it."""

    pin: Indices
    track: Indices  # numbered over all layers
    along: Indices
    points: Indices
    free_points: Indices
    free: Indices
    power_blocked: Indices


def pin_access(layout: Layout) -> PinAccess:
    """The access that each pin has."""
    shapes, pin = layout.once(lowest_shapes)
    tracks = layout.once(layer_tracks)
    start = dict(zip([t.layer for t in tracks], offsets([len(t.position) for t in tracks]).tolist(), strict=False))
    parts = []
    for layer in np.unique(shapes.layer) if tracks else ():
        pair = crossing_tracks(tracks, _access_layer(tracks, int(layer)))
        if pair is not None:
            rows = np.flatnonzero(shapes.layer == layer)
            parts.append(_entries(layout, pair, shapes.box[rows], pin[rows], start[pair[0].layer]))
    none = np.empty(0, dtype=np.int64)
    columns = ([getattr(part, one.name) for part in parts] for one in fields(_Entries))
    return _access(_Entries(*(np.concatenate([none, *column]) for column in columns)), _reach(layout))


def _reach(layout: Layout) -> int:
    """A row's height, or a tile's side where no row tells it; half database units."""
    return round(2 * (row_height(layout.design) or layout.grid.tile_um) * layout.grid.dbu_per_micron)


def _access(entries: _Entries, reach: int) -> PinAccess:
    pin, owner = np.unique(entries.pin, return_inverse=True)

    def per_pin(values: Indices | Array) -> Array:
        return _per_item(owner, values, len(pin))

    every = np.ones(len(owner), dtype=np.int64)
    tracks, free_tracks = per_pin(every), per_pin(entries.free)
    others = _others(entries, every / np.maximum(tracks, 1)[owner], reach)
    free_others = _others(entries, entries.free / np.maximum(free_tracks, 1)[owner], reach)
    columns = (entries.power_blocked, entries.points, entries.free_points)
    blocked, points, free_points = (per_pin(column).astype(np.int64) for column in columns)
    return PinAccess(
        pin, tracks.astype(np.int64), blocked, points, free_points,
        competition=per_pin(others) / np.maximum(tracks, 1),
        free_competition=per_pin(entries.free * free_others) / np.maximum(free_tracks, 1),
        remaining=per_pin(entries.free_points * np.maximum(1.0 - others, 0.0)),
    )  # fmt: skip


def _others(entries: _Entries, demand: Array, reach: int) -> Array:
    """(n,) demand (n,) of other pins for the track within ``reach``."""
    share = np.rint(_SHARE * demand).astype(np.int64)
    along = entries.along - entries.along.min(initial=0)
    place = along + entries.track * (int(along.max(initial=0)) + reach + 1)
    order = np.argsort(place, kind="stable")
    total = np.concatenate([[0], np.cumsum(share[order])])
    first, last = np.searchsorted(place[order], place - reach), np.searchsorted(place[order], place + reach, "right")
    return np.asarray((total[last] - total[first] - share) / _SHARE, dtype=np.float64)


def _access_layer(tracks: list[LayerTracks], layer: int) -> int:
    """The layer by which a pin on ``layer`` is left."""
    above, below = [t.layer for t in tracks if t.layer > layer], [t.layer for t in tracks if t.layer <= layer]
    return above[0] if above else below[-1]


def _entries(layout: Layout, pair: tuple[LayerTracks, LayerTracks], box: Ints, pin: Indices, start: int) -> _Entries:
    """The pins of shapes (n, 4) over the tracks of the first of a pair, numbered from ``start``; points are crossings
    with the second."""
    own, other = pair
    along, across = (0, 1) if own.horizontal else (1, 0)
    box, count = 2 * box, len(own.position)
    first = np.searchsorted(own.position, box[:, across], side="left")
    track, shape = between(first, np.searchsorted(own.position, box[:, across + 2], side="right"))
    low, high = box[shape, along], box[shape, along + 2]
    power, every = (_Blocked.of(layout, own, parts) for parts in ((power_metal,), (power_metal, obstructions)))
    points = lines_on(other, low, high)
    free_points = points - every.lines(other.position, track, low, high)
    pair_key, entry = np.unique(pin[shape] * count + track, return_inverse=True)
    owner, track = pair_key // count, pair_key % count
    centre = layout.design.pins.box[owner][:, [along, along + 2]].sum(axis=1)
    around = track, centre - _reach(layout), centre + _reach(layout)
    points, free_points = (_per_item(entry, each, len(pair_key)).astype(np.int64) for each in (points, free_points))
    free, blocked = (flags.astype(np.int64) for flags in (~every.meets(*around), power.meets(*around)))
    return _Entries(owner, track + start, centre, points, free_points, free, blocked)


@dataclass(frozen=True)
class _Blocked:
    """Blocked parts (m,) of a layer's tracks, which do not overlap, by track and start. A part is open: what lies on
    its ends is not blocked."""

    track: Indices
    start: Ints
    stop: Ints
    low: int  # of the die along the tracks, half database units as all lengths
    high: int

    @classmethod
    def of(cls, layout: Layout, own: LayerTracks, parts: tuple[Callable[[Layout], Shapes], ...]) -> _Blocked:
        """What some shapes block."""
        shapes = [layout.once(part) for part in parts]
        box = np.concatenate([part.box[part.layer == own.layer] for part in shapes])
        found = [np.stack(part) for part in blocked_parts(own, box, layout.grid)]
        at, start, stop = np.concatenate([np.empty((3, 0), dtype=np.int64), *found], axis=1)
        along = 0 if own.horizontal else 1
        die = layout.grid.die
        return cls(np.searchsorted(own.position, at), start, stop, 2 * die[along], 2 * die[along + 2])

    def meets(self, track: Indices, low: Ints, high: Ints) -> Mask:
        """(n,) True where a part of the track lies in the stretch from low to high."""
        part = self._last(track, high)
        return np.asarray(self._same(part, track) & (np.append(self.stop, 0)[part] > low))

    def lines(self, lines: Ints, track: Indices, low: Ints, high: Ints) -> Indices:
        """(n,) how many of the sorted lines across meet a part in the closed stretch from low to high of the track."""
        inner = np.searchsorted(lines, self.stop, "left") - np.searchsorted(lines, self.start, "right")
        total = np.concatenate([[0], np.cumsum(inner)])
        stop = np.append(np.searchsorted(lines, self.stop, "left"), 0)

        def before(end: Ints, side: Literal["left", "right"]) -> Indices:
            """On all tracks before, and on this one up to its end."""
            part = self._last(track, end)
            beyond = np.maximum(stop[part] - np.searchsorted(lines, end, side), 0)
            return np.asarray(total[part + 1] - np.where(self._same(part, track), beyond, 0))

        return before(high, "right") - before(low, "left")

    def _last(self, track: Indices, end: Ints) -> Indices:
        """(n,) the last part that starts before an end on a track, or on the tracks before it; -1 for none."""
        pitch = self.high - self.low + 2
        end = np.clip(end, self.low, self.high)
        key = self.track * pitch + self.start - self.low
        return np.asarray(np.searchsorted(key, track * pitch + end - self.low, "left") - 1)

    def _same(self, part: Indices, track: Indices) -> Mask:
        """(n,) True where a part lies on its track."""
        return np.asarray(np.append(self.track, -1)[part] == track)
