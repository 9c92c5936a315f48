"""The metal of special nets: wires as boxes, vias as boxes on each of their layers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from placement_data.columns import spread
from placement_data.design import Indices, Ints, LayerKind, SpecialWires
from placement_data.errors import InputError
from placement_data.orientation import turned
from placement_data.polygons import rectangles, slanting_wire
from placement_data.readers.def_.vias import RawVias
from placement_data.readers.def_.wires import CORNER, MOST_REPEATED, RawSpecialNets
from placement_data.readers.lef import Library

_ORIENTATIONS = 8
_UNKNOWN = -1


def special_wires(
    raw: RawSpecialNets, library: Library, def_vias: RawVias, layer_index: dict[str, int], dbu: int
) -> SpecialWires:
    """The metal of special nets in database units; no order of the rows is promised.

    A wire covers its centre line widened by half its width, without extension but for the one a point gives and for
    corners, which are filled. One that slants is covered as ``polygons.rectangles`` says, its ends octagons. A wire
    goes on behind a via on the other one of its routing layers. On layers other than routing layers a via stands by one
    box round all its shapes (its cuts). A via of the DEF goes before one of the library; one that neither defines is
    left out. Raises ``InputError`` for repeated vias beyond ``MOST_REPEATED`` boxes.
    """
    vias = _Vias(raw, library, def_vias, layer_index, dbu)
    layer_of = _layers(raw, vias, layer_index)
    wire_row, wire_box = _wire_boxes(raw.segment)
    via_row, via_layer, via_box = vias.place(raw)
    net = np.concatenate([raw.segment[wire_row, 0], raw.rectangle[:, 0], raw.via[via_row, 0]])
    metal = np.concatenate([raw.segment[wire_row, 1], raw.rectangle[:, 1]])
    return SpecialWires(
        net.astype(np.int32),
        np.concatenate([layer_of[metal], via_layer]).astype(np.int32),
        np.concatenate([wire_box, raw.rectangle[:, 2:], via_box]),
        np.arange(len(net)) >= len(metal),
    )


def _layers(raw: RawSpecialNets, vias: _Vias, layer_index: dict[str, int]) -> Indices:
    """Row of ``Layers`` by code: names in order, and from the end backwards the layers behind vias (``raw.hop``)."""
    named = len(raw.layers)
    layer_of = np.full(named + len(raw.hop), _UNKNOWN, dtype=np.int32)
    layer_of[:named] = [layer_index.get(name, _UNKNOWN) for name in raw.layers]
    for row, (layer, via) in enumerate(raw.hop):
        layer_of[~row] = vias.other_side(via, int(layer_of[layer]))
    return layer_of


def _wire_boxes(segment: Ints) -> tuple[Ints, Ints]:
    """Row of ``segment`` and box of each box that is not empty."""
    width, start, end = segment[:, 2], segment[:, 3:5], segment[:, 5:7]
    slanting = (start != end).all(axis=1)
    along = np.where(start[:, 0] != end[:, 0], 0, 1)  # axis of the wire; one of no length is taken for level
    along[(start == end).all(axis=1)] = 0
    extension = segment[:, 7:9].copy()
    corner = extension == CORNER
    extension[corner] = np.broadcast_to(width[:, None] // 2, corner.shape)[corner]
    # The octagon at the end of a slanting wire fills the corner already.
    extension[1:, 0][corner[1:, 0] & slanting[:-1]] = 0
    extension[:-1, 1][corner[:-1, 1] & slanting[1:]] = 0
    rows = np.arange(len(segment))
    first, last = start[rows, along], end[rows, along]
    backwards = first > last
    first, last = np.where(backwards, last, first), np.where(backwards, first, last)
    extension[backwards] = extension[backwards, ::-1]
    box = np.empty((len(segment), 4), dtype=np.int64)
    box[rows, along], box[rows, along + 2] = first - extension[:, 0], last + extension[:, 1]
    across = start[rows, 1 - along] - width // 2
    box[rows, 1 - along], box[rows, 3 - along] = across, across + width
    kept = np.flatnonzero(~slanting & (box[:, :2] < box[:, 2:]).all(axis=1))
    more = [(row, part) for row in np.flatnonzero(slanting).tolist() for part in _slanting(segment[row].tolist())]
    row = np.array([row for row, _ in more], dtype=np.int64)
    parts = np.array([part for _, part in more], dtype=np.int64).reshape(-1, 4)
    return np.concatenate([kept, row]), np.concatenate([box[kept], parts])


def _slanting(segment: list[int]) -> list[tuple[float, float, float, float]]:
    """Boxes that cover one slanting wire; its corners are rounded to whole units."""
    if not segment[2]:
        return []
    x0, y0, x1, y1 = segment[3:7]
    corners = slanting_wire(x0, y0, x1, y1, segment[2] / 2)
    return rectangles([(round(x), round(y)) for x, y in corners], whole=True)


class _Vias:
    """The vias that special nets use: the boxes of via ``v`` are rows ``offset[v]:offset[v + 1]``."""

    def __init__(
        self, raw: RawSpecialNets, library: Library, def_vias: RawVias, layer_index: dict[str, int], dbu: int
    ) -> None:
        kind = library.layers.kind
        self._routing = {int(row) for row in np.flatnonzero(kind == LayerKind.ROUTING)}
        cut_layers = set(library.layers.name[kind == LayerKind.CUT])
        here = {name: row for row, name in enumerate(def_vias.name)}
        theirs = {name: row for row, name in enumerate(library.vias.name)}
        offset, layers, boxes = [0], [], []
        for name in raw.vias:
            if name in here:
                shapes = def_vias.boxes(here[name], cut_layers)
                layer, box = [layer_index.get(shape[0], _UNKNOWN) for shape in shapes], [shape[1] for shape in shapes]
            else:
                row = theirs.get(name)
                some = slice(0, 0) if row is None else slice(*library.vias.offset[row : row + 2])
                layer = library.vias.layer[some].tolist()
                box = np.rint(library.vias.box[some] * dbu).tolist()
            for one, around in self._merged(zip(layer, box, strict=True)):
                layers.append(one)
                boxes.append(around)
            offset.append(len(layers))
        self._offset = np.array(offset, dtype=np.int64)
        self._layer = np.array(layers, dtype=np.int32)
        self._box = np.array(boxes, dtype=np.int64).reshape(-1, 4)

    def _merged(self, shapes: Iterable[tuple[int, Iterable[float]]]) -> list[tuple[int, tuple[float, ...]]]:
        """The boxes on routing layers, and one box for each other layer."""
        kept: list[tuple[int, tuple[float, ...]]] = []
        around: dict[int, tuple[float, ...]] = {}
        for layer, shape in shapes:
            box = tuple(shape)
            if layer in self._routing:
                kept.append((layer, box))
                continue
            old = around.get(layer, box)
            around[layer] = (*map(min, old[:2], box[:2]), *map(max, old[2:], box[2:]))
        return kept + list(around.items())

    def other_side(self, via: int, layer: int) -> int:
        """The via's only other routing layer, -1 where that is not known."""
        there = set(self._layer[self._offset[via] : self._offset[via + 1]].tolist()) & self._routing
        there.discard(layer)
        return there.pop() if len(there) == 1 else _UNKNOWN

    def place(self, raw: RawSpecialNets) -> tuple[Ints, Indices, Ints]:
        """Row of ``raw.via``, layer and box of all shapes of all vias."""
        via, copies = raw.via[:, 1], raw.via[:, 5] * raw.via[:, 6]
        count = np.diff(self._offset)[via] * copies
        repeated = count[copies > 1]
        if repeated.astype(np.float64).sum() > MOST_REPEATED:
            net = int(raw.via[np.flatnonzero(copies > 1)[-1], 0])
            what = f"repeated vias of special nets, as of {raw.name[net]}, are too many"
            expected = f"at most {MOST_REPEATED} boxes"
            found = f"{int(repeated.sum())} boxes"
            raise InputError(what, file=raw.path, line=raw.line[net], found=found, expected=expected)
        row, copy = spread(copies)
        columns, step = raw.via[row, 5], raw.via[row, 7:9]
        at = raw.via[row, 2:4] + step * np.stack([copy % columns, copy // columns], axis=1)
        shapes = np.diff(self._offset)[via[row]]
        instance, shape = spread(shapes)
        shape += self._offset[via[row[instance]]]
        row = row[instance]
        codes = np.arange(_ORIENTATIONS)
        tables = [turned(self._box, np.full(len(self._box), code)) for code in codes]
        box = np.stack(tables)[raw.via[row, 4], shape] if len(row) else np.empty((0, 4), dtype=np.int64)
        box += np.tile(at[instance], 2)
        return row, self._layer[shape], box
