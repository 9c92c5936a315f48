"""Masters for Bookshelf, which has none: nodes of the same outline and the same pins share one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placement_data.columns import name_column, offsets, spread
from placement_data.design import Codes, Indices, Ints, MasterClass, Masters, Names, Use


@dataclass(frozen=True)
class NodePins:
    """Pins of nodes in the frame of their node, whose lower-left corner is (0, 0); database units."""

    node: Ints
    direction: Codes
    layer: Indices
    x: Ints
    y: Ints


def make_masters(
    width: Ints, height: Ints, kind: Codes, pins: NodePins, dbu_per_micron: int
) -> tuple[Masters, Indices, Indices]:
    """The masters of nodes (n,), each node's master (n,) and each pin's row in ``Masters.pin_*``.

    Two nodes share a master when size, class and the multiset of their pins (place, direction, layer) are equal: so do
    instances of one library cell whose pins are connected alike. Pins are points on their layer.
    """
    code = _codes(pins.x, pins.y, pins.direction.astype(np.int64), pins.layer.astype(np.int64))
    order = np.lexsort((code, pins.node))
    count = np.bincount(pins.node, minlength=len(width))
    start = np.cumsum(count) - count
    group = _refined(_codes(width, height, kind.astype(np.int64)), code[order], start, count)
    _, first, group = np.unique(group, return_index=True, return_inverse=True)
    by_age = np.argsort(first)
    first = first[by_age]
    master = np.argsort(by_age)[group.reshape(-1)]

    pin_offset = offsets(count[first])
    owner, rank = spread(count[first])
    model = order[start[first][owner] + rank]
    master_pin = np.empty(len(pins.node), dtype=np.int64)
    master_pin[order] = np.arange(len(order)) - start[pins.node[order]] + pin_offset[master[pins.node[order]]]
    pin_names = name_column(f"p{number}" for number in range(int(count.max(initial=0))))
    masters = Masters(
        name=_master_names(width[first], height[first], kind[first], dbu_per_micron),
        kind=kind[first],
        subclass=_empty_words(len(first)),
        width=width[first],
        height=height[first],
        symmetry=np.zeros(len(first), dtype=np.uint8),
        site=_empty_words(len(first)),
        pin_offset=pin_offset,
        pin_name=pin_names[rank],
        pin_direction=pins.direction[model],
        pin_use=np.full(len(model), Use.SIGNAL, dtype=np.uint8),
        port_offset=np.arange(len(model) + 1, dtype=np.int64),
        port_layer=pins.layer[model],
        port_box=np.stack([pins.x[model], pins.y[model], pins.x[model], pins.y[model]], axis=1),
        obstruction_offset=np.zeros(len(first) + 1, dtype=np.int64),
        obstruction_layer=np.empty(0, dtype=np.int32),
        obstruction_box=np.empty((0, 4), dtype=np.int64),
    )
    return masters, master.astype(np.int32), master_pin.astype(np.int32)


def _codes(*columns: Ints) -> Ints:
    """A number for each distinct row of the columns, from 0 without gaps."""
    code, size = np.zeros(len(columns[0]), dtype=np.int64), 1
    for column in columns:
        low, high = int(column.min(initial=0)), int(column.max(initial=0))
        if size * (high - low + 1) >= 1 << 62:
            code = _numbered(code)
            size = len(code)
        code = code * (high - low + 1) + (column - low)
        size *= high - low + 1
    return _numbered(code)


def _numbered(code: Ints) -> Ints:
    return np.unique(code, return_inverse=True)[1].reshape(-1)


def _refined(group: Ints, code: Ints, start: Ints, count: Ints) -> Ints:
    """Groups (n,) split until members of one have equal runs ``code[start:start + count]``.

    The runs are compared place by place, all of them at once. Whoever ends at a place keeps a number that nobody gets
    later, so runs of different lengths part too.
    """
    group = group.copy()
    codes = int(code.max(initial=0)) + 1
    fresh = int(group.max(initial=-1)) + 1
    alive, place = np.flatnonzero(count), 0
    while alive.size:
        found, inverse = np.unique(group[alive] * codes + code[start[alive] + place], return_inverse=True)
        group[alive] = fresh + inverse.reshape(-1)
        fresh, place = fresh + len(found), place + 1
        alive = alive[count[alive] > place]
    return group


def _master_names(width: Ints, height: Ints, kind: Codes, dbu_per_micron: int) -> Names:
    class_name = {int(code): code.name.lower() for code in MasterClass}
    sizes = zip(kind.tolist(), (width / dbu_per_micron).tolist(), (height / dbu_per_micron).tolist(), strict=True)
    names = [f"{class_name[code]}_{w:g}x{h:g}_{number}" for number, (code, w, h) in enumerate(sizes)]
    return name_column(names)


def _empty_words(count: int) -> Names:
    return np.full(count, "", dtype=object)
