"""What Bookshelf says of rows, layers, tracks and blockages as tables of a ``Design``, and the scale of its lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement_data.columns import name_column
from placement_data.cursor import LARGEST
from placement_data.design import (
    Blockages,
    Cells,
    Floats,
    Ints,
    LayerKind,
    Layers,
    Rows,
    Sites,
    Status,
    Tracks,
)
from placement_data.errors import InputError
from placement_data.readers.bookshelf.floor import Route, Shapes, Subrow

SCALE_MAX = 1000
"""Most database units a Bookshelf unit."""

_SCALES = sorted(2**a * 5**b for a in range(10) for b in range(5) if 2**a * 5**b <= SCALE_MAX)


@dataclass(frozen=True)
class Scale:
    """Database units per Bookshelf unit, which stands for a micron."""

    dbu: int

    @classmethod
    def of(cls, lengths: list[Floats], file: str) -> Scale:
        """The smallest scale at which all lengths are whole, to a millionth of a unit; else the largest that fits.

        Raises ``InputError`` (naming ``file``) for lengths that no scale fits into 32 bits.
        """
        largest = max((float(np.abs(part).max(initial=0.0)) for part in lengths), default=0.0)
        fitting = [dbu for dbu in _SCALES if largest * dbu <= LARGEST]
        if not fitting:
            raise InputError(
                "a length is too large", file=file, line=1, found=f"{largest:g}", expected=f"at most {LARGEST}"
            )
        millionths = np.zeros(1_000_001, dtype=bool)
        for part in lengths:
            millionths[np.rint((part - np.floor(part)) * 1e6).astype(np.int64)] = True
        fractions = np.flatnonzero(millionths) / 1e6
        for dbu in fitting:
            if (np.abs(fractions * dbu - np.rint(fractions * dbu)) <= 1e-6 * dbu).all():
                return cls(dbu)
        return cls(fitting[-1])

    def whole(self, lengths: Floats) -> Ints:
        """Lengths in database units, to the nearest."""
        return np.rint(lengths * self.dbu).astype(np.int64)

    def length(self, length: float) -> int:
        """One length in database units, to the nearest."""
        return round(length * self.dbu)


def make_sites(rows: list[Subrow]) -> Sites:
    """A site for each size of the rows' sites."""
    sizes = list(dict.fromkeys((row.site_width, row.height) for row in rows))
    width, height = (np.array([size[axis] for size in sizes], dtype=np.float64) for axis in range(2))
    return Sites(name_column([_site(width, height) for width, height in sizes]), width, height)


def _site(width: float, height: float) -> str:
    return f"site_{width:g}x{height:g}"


def make_rows(rows: list[Subrow], scale: Scale) -> Rows:
    """A row for each subrow, called ``row_3``, or ``row_3_1`` for the second of its CoreRow."""
    names: list[str] = []
    before = second = -1
    for row in rows:
        second = second + 1 if row.row == before else 0
        before = row.row
        names.append(f"row_{row.row}_{second}" if second else f"row_{row.row}")
    return Rows(
        name_column(names),
        name_column([_site(row.site_width, row.height) for row in rows]),
        scale.whole(np.array([(row.x, row.y) for row in rows], dtype=np.float64).reshape(-1, 2)),
        np.array([row.orientation for row in rows], dtype=np.uint8),
        np.array([(row.sites, 1) for row in rows], dtype=np.int64).reshape(-1, 2),
        scale.whole(np.array([(row.site_spacing, 0.0) for row in rows], dtype=np.float64).reshape(-1, 2)),
    )


def make_layers(route: Route | None) -> Layers:
    """The routing layers M1, M2, ... of a .route file; none without one."""
    count = 0 if route is None else route.grid[2]
    empty: Floats = np.full(count, np.nan)
    directions = [] if route is None else route.directions
    width = empty if route is None else np.where(route.width > 0, route.width, np.nan)
    spacing = empty if route is None else np.where(route.width > 0, route.spacing, np.nan)
    pitch = width + spacing
    return Layers(
        name=name_column([_layer(layer) for layer in range(count)]),
        kind=np.full(count, LayerKind.ROUTING, dtype=np.uint8),
        direction=np.array(directions, dtype=np.uint8),
        pitch_x=pitch,
        pitch_y=pitch.copy(),
        width=width,
        offset_x=empty,
        offset_y=empty.copy(),
        spacing=spacing,
    )


def _layer(layer: int) -> str:
    return f"M{layer + 1}"


def make_tracks(route: Route | None, scale: Scale) -> Tracks:
    """Tracks as dense as the capacities allow, the first half a step from the grid's origin."""
    lines = []
    for layer, vertical, distance, count in [] if route is None else route.tracks():
        assert route is not None
        start = scale.length(route.origin[0 if vertical else 1] + distance / 2)
        lines.append((vertical, start, count, max(1, scale.length(distance)), _layer(layer)))
    return _lines(lines)


def make_gcell_grid(route: Route | None, scale: Scale) -> Tracks:
    """The borders of the global router's tiles."""
    if route is None:
        return _lines([])
    axes = ((True, 0), (False, 1))
    return _lines(
        [
            (vertical, scale.length(route.origin[axis]), route.grid[axis] + 1, scale.length(route.tile[axis]), "")
            for vertical, axis in axes
        ]
    )


def _lines(lines: list[tuple[bool, int, int, int, str]]) -> Tracks:
    return Tracks(
        np.array([line[0] for line in lines], dtype=bool),
        np.array([line[1] for line in lines], dtype=np.int64),
        np.array([line[2] for line in lines], dtype=np.int64),
        np.array([line[3] for line in lines], dtype=np.int64),
        name_column([line[4] for line in lines]),
    )


def make_blockages(route: Route | None, shapes: Shapes, cells: Cells, scale: Scale) -> Blockages:
    """One placement blockage per shape; one blockage per layer and rectangle of the nodes that the .route file lists.

    A node without shapes is its box. Blocked nodes without a place are left out. ``max_density`` of a layer's blockage
    is the porosity, the share of it that wires can still use, where that is above zero.
    """
    of_shapes = scale.whole(shapes.box)
    boxes: dict[int, list[int]] = {}
    for row, node in enumerate(shapes.node.tolist()):
        boxes.setdefault(node, []).append(row)
    layer, box, cell = [""] * len(shapes.node), [of_shapes], shapes.node.tolist()
    for node, number in [] if route is None else route.blocked:
        if cells.status[node] == Status.UNPLACED and node not in boxes:
            continue
        own = of_shapes[boxes[node]] if node in boxes else cells.box[node][None]
        layer += [_layer(number)] * len(own)
        cell += [node] * len(own)
        box.append(own)
    porosity = np.nan if route is None or route.porosity <= 0 else route.porosity
    names = name_column(layer)
    return Blockages(
        layer=names,
        box=np.concatenate(box),
        soft=np.zeros(len(names), dtype=bool),
        max_density=np.where(names == "", np.nan, porosity).astype(np.float64),
        pushdown=np.zeros(len(names), dtype=bool),
        only_fills=np.zeros(len(names), dtype=bool),
        cell=np.array(cell, dtype=np.int32),
    )
