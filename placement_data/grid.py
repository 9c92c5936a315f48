"""``Grid``: the tiles laid over a die, and exact rasterisers of many boxes, points and segments at once.

Maps are ``(rows, columns)`` arrays, indexed ``[y, x]``; row 0 lies at the bottom of the die and column 0 at its left.
The last row and column are cut at the die's edge and may be slivers. Tiles are half open: a tile owns its left and
bottom border, and the last tiles own the die's right and top edge too. Coordinates given to a rasteriser are database
units; lengths and areas that come back are microns and square microns.

A die that is no rectangle has an ``Outline``, and its tiles are laid over its bounding box. A tile of which some part
lies inside the outline is on the die; the others have no area and hold nothing. What lies outside the outline is off
the die, in a tile that the outline cuts too, and of an edge the tile on the die is the owner.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from placement_data.columns import spread
from placement_data.design import Design, row_height
from placement_data.errors import InputError
from placement_data.outline import Ends, Outline, on_the_die
from placement_data.rasters import as_boxes, ramp_entries, sum_up, tile_borders, tile_of, weights_of, without_noise
from placement_data.segments import segment_lengths

Map = NDArray[np.float64]
Array = NDArray[np.float64]
Indices = NDArray[np.int64]

TILES_MAX = 4096
"""Most tiles along one side of a grid."""

_BOXES_MAX = 1 << 15
"""Boxes held at one time: few enough to stay in the processor's cache."""


@dataclass(frozen=True)
class Grid:
    """Tiles of ``tile`` database units over ``die`` (x0, y0, x1, y1), the bounding box of ``outline`` if any."""

    die: tuple[int, int, int, int]
    tile: int
    dbu_per_micron: int
    outline: Outline | None = None

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = self.die
        if x1 <= x0 or y1 <= y0:
            raise InputError("the die has no area", found=str(self.die), expected="x0 < x1 and y0 < y1")
        if self.tile < 1:
            raise InputError("the tile is too small", found=self.tile, expected="at least one database unit")
        rows, columns = self.shape
        if max(rows, columns) > TILES_MAX:
            what = (
                f"a tile of {self.tile_um:g} um is too small for a die of {self._um(x1 - x0)} x {self._um(y1 - y0)} um"
            )
            raise InputError(
                what, found=f"{columns} x {rows} tiles", expected=f"at most {TILES_MAX} x {TILES_MAX} tiles"
            )

    @classmethod
    def of(cls, design: Design, tile_um: float | None = None) -> Grid:
        """The grid of a design. ``tile_um`` (microns) is rounded to database units; the default is the row height.

        Raises ``InputError`` where the tile is no positive number, the grid too fine, or no row height is known.
        """
        if tile_um is None:
            tile_um = row_height(design)
            if tile_um is None:
                raise InputError("no row tells the row height", expected="a tile size given with --tile (microns)")
        if not (math.isfinite(tile_um) and tile_um > 0):
            raise InputError(
                "the tile size cannot be used", found=str(tile_um), expected="a positive number of microns"
            )
        x0, y0, x1, y1 = (int(edge) for edge in design.die)
        outline = Outline.of(design.die_polygon.tolist())
        return cls((x0, y0, x1, y1), round(tile_um * design.dbu_per_micron), design.dbu_per_micron, outline)

    def to_dict(self) -> dict[str, object]:
        """JSON form; ``origin``, ``shape`` and ``tile_um`` are there for readers of the file.

        ``outline`` is there for a die that is no rectangle only.
        """
        fields: dict[str, object] = {
            "die": list(self.die),
            "tile": self.tile,
            "dbu_per_micron": self.dbu_per_micron,
            "origin": list(self.origin),
            "shape": list(self.shape),
            "tile_um": self.tile_um,
        }
        return (
            fields if self.outline is None else {**fields, "outline": [list(point) for point in self.outline.corners]}
        )

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Grid:
        """Inverse of ``to_dict``."""
        x0, y0, x1, y1 = (int(edge) for edge in fields["die"])
        outline = Outline.of(fields["outline"]) if fields.get("outline") else None
        return cls((x0, y0, x1, y1), int(fields["tile"]), int(fields["dbu_per_micron"]), outline)

    @staticmethod
    def inside_of(fields: Mapping[str, Any]) -> NDArray[np.bool_] | None:
        """``inside`` of a grid's JSON form, None where all tiles are on the die."""
        return Grid.from_dict(fields).inside if fields.get("outline") else None

    @property
    def origin(self) -> tuple[int, int]:
        """Lower-left corner of the die, database units."""
        return self.die[:2]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns); the last ones may be cut."""
        x0, y0, x1, y1 = self.die
        return -((y0 - y1) // self.tile), -((x0 - x1) // self.tile)

    @property
    def tile_um(self) -> float:
        """Side of a full tile, microns."""
        return self.tile / self.dbu_per_micron

    @cached_property
    def x_edges(self) -> Indices:
        """(columns + 1,) exact tile borders, database units."""
        return tile_borders(self.die[0], self.die[2], self.tile)

    @cached_property
    def y_edges(self) -> Indices:
        """(rows + 1,) exact tile borders, database units."""
        return tile_borders(self.die[1], self.die[3], self.tile)

    @cached_property
    def area(self) -> Map:
        """(rows, columns) area on the die of each tile, square microns; 0 for a tile off the die."""
        if self.outline is None:
            return self._tile_area
        area = np.zeros(self.shape)
        for part in self.outline.parts:
            row, column, last_row, last_column = (int(edge[0]) for edge in self._tiles_met(part[None]))
            rows, columns = slice(row, last_row + 1), slice(column, last_column + 1)
            x: Indices = np.clip(self.x_edges[column : last_column + 2], part[0], part[2])
            y: Indices = np.clip(self.y_edges[row : last_row + 2], part[1], part[3])
            area[rows, columns] += np.outer(np.diff(y), np.diff(x))
        return area / float(self.dbu_per_micron) ** 2

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """(rows, columns) True for the tiles on the die, which are all but for a die that is no rectangle."""
        return np.asarray(self.area > 0)

    def per_area(self, values: Map) -> Map:
        """A map, or a stack of maps, over the area on the die of each tile; 0 off the die."""
        if self.outline is None:
            return np.asarray(values / self.area)
        return np.divide(values, self.area, out=np.zeros_like(values), where=np.broadcast_to(self.inside, values.shape))

    def contains(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.bool_]:
        """(n,) True for the points that lie on the closed die."""
        px, py = np.asarray(x), np.asarray(y)
        if self.outline is not None:
            return self.outline.within(as_boxes(px, py))
        x0, y0, x1, y1 = self.die
        return np.asarray((px >= x0) & (px <= x1) & (py >= y0) & (py <= y1))

    def within(self, boxes: NDArray[Any], margin: float = 0.0) -> NDArray[np.bool_]:
        """(n,) True for the closed boxes (n, 4) that come as near to the die as ``margin`` along both axes."""
        if self.outline is not None:
            return self.outline.within(boxes, margin)
        x0, y0, x1, y1 = self.die
        across = (boxes[:, 0] <= x1 + margin) & (boxes[:, 2] >= x0 - margin)
        return np.asarray(across & (boxes[:, 1] <= y1 + margin) & (boxes[:, 3] >= y0 - margin))

    def clip(self, boxes: Array) -> Array:
        """Boxes (n, 4) cut to the die's bounding box; those off the die become its nearest point or border."""
        boxes = np.clip(boxes, np.tile(self.die[:2], 2), np.tile(self.die[2:], 2))
        if self.outline is not None:
            off = np.flatnonzero(~self.outline.within(boxes))
            boxes[off] = self.outline.nearest(boxes[off])
        return boxes

    def column_of(self, x: ArrayLike) -> Indices:
        """(n,) column that owns each x; an x off the die goes to the nearest column."""
        return tile_of(np.asarray(x, dtype=np.float64) - self.die[0], self.tile, self.shape[1])

    def row_of(self, y: ArrayLike) -> Indices:
        """(n,) row that owns each y; a y off the die goes to the nearest row."""
        return tile_of(np.asarray(y, dtype=np.float64) - self.die[1], self.tile, self.shape[0])

    def box_area(self, boxes: NDArray[Any], weight: ArrayLike = 1.0) -> Map:
        """Sum over boxes (n, 4) of weight times the area of the overlap with each tile, square microns.

        Boxes are clipped to the die. One that meets two rows and two columns at most is cut into its four parts. Of
        others each axis becomes four signed entries, their products are summed up twice: the work is 16 entries
        per box, however large it is. Results of these sums below their rounding noise become 0.
        """
        weights = weights_of(weight, len(boxes))
        if self.outline is not None:
            boxes, owner = self.outline.clip(boxes)
            weights = weights[owner]
        total = np.zeros((self.shape[0] + 1) * (self.shape[1] + 1))
        large = []
        for start in range(0, len(boxes), _BOXES_MAX):
            part = slice(start, start + _BOXES_MAX)
            large.append(start + self._add_small_boxes(total, boxes[part], weights[part]))
        rest = np.concatenate(large) if large else np.empty(0, dtype=np.int64)
        area = total.reshape(self.shape[0] + 1, -1)[:-1, :-1] / float(self.dbu_per_micron) ** 2
        return area + self._large_box_area(boxes[rest], weights[rest]) if len(rest) else area

    def spread_area(self, boxes: NDArray[Any], weight: ArrayLike = 1.0) -> Map:
        """As ``box_area``, but the whole area of a box is shared out evenly over what of it lies on the die."""
        if self.outline is None:
            return self.box_area(boxes, weight)
        parts, owner = self.outline.clip(boxes)
        whole, part = ((b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1]) for b in (np.asarray(boxes, dtype=np.float64), parts))
        on_die = np.bincount(owner, part, minlength=len(boxes))
        share = np.divide(whole, on_die, out=np.zeros(len(boxes)), where=on_die > 0)
        return self.box_area(boxes, weights_of(weight, len(boxes)) * share)

    def _add_small_boxes(self, total: Array, boxes: NDArray[Any], weights: Array) -> Indices:
        """Add the areas of the boxes that meet few tiles to a flat map of one row and column more; rows of the rest."""
        x0, y0, x1, y1 = (self._clip(boxes, side) for side in range(4))
        column, row = tile_of(x0, self.tile, self.shape[1]), tile_of(y0, self.tile, self.shape[0])
        right, top = (column + 1.0) * self.tile, (row + 1.0) * self.tile
        small = (x1 <= right + self.tile) & (y1 <= top + self.tile)
        width, height = np.minimum(x1, right) - x0, (np.minimum(y1, top) - y0) * weights
        beyond_x, beyond_y = np.maximum(x1 - right, 0.0), np.maximum(y1 - top, 0.0) * weights
        tile = row * (self.shape[1] + 1) + column
        for share_y, step_y in ((height, 0), (beyond_y, self.shape[1] + 1)):
            for share_x, step_x in ((width, 0), (beyond_x, 1)):
                area = share_x * share_y
                some = np.flatnonzero(small & (area != 0.0))
                np.add.at(total, tile[some] + (step_y + step_x), area[some])
        return np.flatnonzero(~small)

    def _large_box_area(self, boxes: NDArray[Any], weights: Array) -> Map:
        rows, columns = self.shape
        x_entries = ramp_entries(self._clip(boxes, 0), self._clip(boxes, 2), self.x_edges, self.tile)
        y_entries = ramp_entries(self._clip(boxes, 1), self._clip(boxes, 3), self.y_edges, self.tile)
        steps = np.zeros((rows + 1) * (columns + 1))
        for row, y_share in y_entries:
            base, y_weight = row * (columns + 1), y_share * weights
            for column, x_share in x_entries:
                steps += np.bincount(base + column, x_share * y_weight, minlength=steps.size)
        return without_noise(sum_up(steps.reshape(rows + 1, columns + 1)), weights) * self._tile_area

    def box_count(self, boxes: NDArray[Any], weight: ArrayLike = 1.0) -> Map:
        """Sum of the weights of the boxes (n, 4) that touch each tile; exact for whole weights.

        A closed box touches a half-open tile when they have a point in common, so a box of no size touches exactly one
        tile. Boxes wholly off the die touch none. Sums of other weights become 0 below their rounding noise.
        """
        rows, columns = self.shape
        on_die = self.within(boxes)
        weights = weights_of(weight, len(boxes))[on_die]
        low_row, low_column, high_row, high_column = self.tiles_touched(boxes[on_die])
        steps = np.zeros((rows + 1) * (columns + 1))
        for row, row_sign in ((low_row, 1.0), (high_row + 1, -1.0)):
            for column, sign in ((low_column, row_sign), (high_column + 1, -row_sign)):
                steps += np.bincount(row * (columns + 1) + column, sign * weights, minlength=steps.size)
        total = without_noise(sum_up(steps.reshape(rows + 1, columns + 1)), weights)
        return total if self.outline is None else np.where(self.inside, total, 0.0)

    def tiles_touched(self, boxes: NDArray[Any]) -> tuple[Indices, Indices, Indices, Indices]:
        """First row, first column, last row and last column (inclusive) that each closed box (n, 4) touches.

        Where the die is no rectangle, tiles among them may lie off the die (see ``inside``). A box that meets the die
        in a border only, which no tile on the die owns, touches the tile on the border's other side.
        """
        met = self._tiles_met(boxes)
        return met if self.outline is None else on_the_die(met, boxes, self.inside, self.x_edges, self.y_edges)

    def _tiles_met(self, boxes: NDArray[Any]) -> tuple[Indices, Indices, Indices, Indices]:
        """As ``tiles_touched``, whatever lies on the die."""
        return (
            self.row_of(boxes[:, 1]),
            self.column_of(boxes[:, 0]),
            self.row_of(boxes[:, 3]),
            self.column_of(boxes[:, 2]),
        )

    def touched(self, boxes: NDArray[Any]) -> tuple[Indices, Indices]:
        """Each tile on the die that each closed box (n, 4) touches: row of the box, place of the tile in a flat map."""
        columns = self.shape[1]
        low_row, low_column, high_row, high_column = self.tiles_touched(boxes)
        width = high_column - low_column + 1
        box, step = spread(width * (high_row - low_row + 1))
        tile = (low_row[box] + step // width[box]) * columns + low_column[box] + step % width[box]
        if self.outline is None:
            return box, tile
        on_die = self.inside.ravel()[tile]
        return box[on_die], tile[on_die]

    def point_count(self, x: ArrayLike, y: ArrayLike, weight: ArrayLike = 1.0) -> Map:
        """Sum of the weights of the points (n,) in each tile; points off the die are not counted."""
        px, py = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
        weights = None if np.ndim(weight) == 0 else np.asarray(weight, dtype=np.float64)
        on_die = self.contains(px, py)
        if not on_die.all():
            px, py = px[on_die], py[on_die]
            weights = None if weights is None else weights[on_die]
        rows, columns = self.shape
        if self.outline is None:
            row, column = self.row_of(py), self.column_of(px)
        else:
            row, column, _, _ = self.tiles_touched(as_boxes(px, py))
        count = np.bincount(row * columns + column, weights, minlength=rows * columns)
        return np.asarray(count.reshape(rows, columns) * (float(weight) if weights is None else 1.0))  # type: ignore[arg-type]

    def segment_length(
        self, x0: ArrayLike, y0: ArrayLike, x1: ArrayLike, y1: ArrayLike, weight: ArrayLike = 1.0
    ) -> Map:
        """Sum over straight segments (n,) of weight times their length inside each tile, microns.

        Segments of any angle are clipped to the die. One that runs along a tile border belongs to the tile that owns
        the border.
        """
        ax, ay, bx, by = (np.asarray(v, dtype=np.float64) for v in (x0, y0, x1, y1))
        ends, weights = (ax, ay, bx, by), weights_of(weight, len(ax)) / self.dbu_per_micron
        return self._segment_length(ends, weights) if self.outline is None else self._inner_length(ends, weights)

    def _segment_length(self, ends: Ends, weights: Array) -> Map:
        ax, ay, bx, by = (values - self.die[axis % 2] for axis, values in enumerate(ends))
        size = float(self.die[2] - self.die[0]), float(self.die[3] - self.die[1])
        return segment_lengths((ax, ay, bx, by), weights, size, self.tile, self.shape)

    def _inner_length(self, ends: Ends, weights: Array) -> Map:
        """As ``segment_length`` on a die that is no rectangle."""
        assert self.outline is not None
        ends, owner = self.outline.clip_segments(ends)
        weights = weights[owner]
        level = (ends[1] == ends[3]) & np.isin(ends[1], self.y_edges)
        upright = (ends[0] == ends[2]) & np.isin(ends[0], self.x_edges)
        total = np.zeros(self.shape)
        for rows, shift in ((level, (-1, 0)), (upright, (0, -1)), (~level & ~upright, None)):
            ax, ay, bx, by = (values[rows] for values in ends)
            part = self._segment_length((ax, ay, bx, by), weights[rows])
            if shift is not None:  # on a border that a tile off the die owns: it is the one's on its other side
                part += np.roll(np.where(self.inside, 0.0, part), shift, axis=(0, 1))
            total += part
        return np.where(self.inside, total, 0.0)

    @cached_property
    def _tile_area(self) -> Map:
        """(rows, columns) area of each tile, on the die or not, square microns."""
        area: Map = np.outer(np.diff(self.y_edges), np.diff(self.x_edges)) / float(self.dbu_per_micron) ** 2
        return area

    def _clip(self, boxes: NDArray[Any], side: int) -> Array:
        """One side of the boxes, relative to the origin and clipped to the die."""
        low, high = self.die[side % 2], self.die[side % 2 + 2]
        return np.clip(boxes[:, side].astype(np.float64) - low, 0.0, float(high - low))

    def _um(self, length: int) -> str:
        return f"{length / self.dbu_per_micron:g}"
