"""VIAS of a DEF."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from placement_data.cursor import Cursor
from placement_data.polygons import Box, rectangles
from placement_data.readers.def_.sections import options, read_point, read_points, skip_option
from placement_data.readers.via_shapes import GeneratedVia, Shape


@dataclass
class RawVias:
    """VIAS as written, one row per via: its boxes about (0, 0), or the parameters of a generated one."""

    name: list[str] = field(default_factory=list)
    via: list[list[Shape] | GeneratedVia] = field(default_factory=list)

    def boxes(self, row: int, cut_layers: set[str]) -> list[Shape]:
        """The shapes of a via in whole database units; ``cut_layers`` as in ``GeneratedVia.boxes``."""
        via = self.via[row]
        if not isinstance(via, GeneratedVia):
            return via
        return [(layer, _whole(box)) for layer, box in via.boxes(cut_layers)]


def _whole(box: Box) -> Box:
    """All corners rounded down, which keeps the size of a box that is centred on half a unit."""
    return math.floor(box[0]), math.floor(box[1]), math.floor(box[2]), math.floor(box[3])


def read_vias(statements: Iterable[Cursor]) -> RawVias:
    """VIAS. A polygon becomes rectangles (``polygons.rectangles``). Raises ``InputError`` for broken statements."""
    vias = RawVias()
    for cursor in statements:
        vias.name.append(cursor.name("the name of a via"))
        shapes: list[Shape] = []
        generated = GeneratedVia()
        for word in options(cursor):
            if word in ("RECT", "POLYGON"):
                layer = cursor.name("the name of a layer")
                if cursor.peek() == "+":
                    cursor.position += 1
                    cursor.literal("MASK", "option of a shape is unknown")
                    cursor.count("MASK")
                shapes += [(layer, box) for box in read_boxes(cursor, word)]
            elif not generated.read(cursor, word):
                skip_option(cursor, properties=word == "PROPERTY")
        vias.via.append(generated if generated.layers[0] and not shapes else shapes)
    return vias


def read_boxes(cursor: Cursor, word: str) -> list[Box]:
    """The points of a RECT or POLYGON as boxes."""
    if word == "POLYGON":
        return rectangles(read_points(cursor, 3), whole=True)
    first = read_point(cursor)
    (x0, y0), (x1, y1) = first, read_point(cursor, first)
    return [(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))]
