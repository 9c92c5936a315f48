"""Shapes of a LEF pin's PORT, of a macro's OBS and of a VIA, as boxes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from placement_data.cursor import Cursor
from placement_data.polygons import Box, rectangles, slanting_wire
from placement_data.readers.via_shapes import GeneratedVia, Shape
from placement_data.readers.words import LEF

Points = list[tuple[float, float]]

# More repetitions than that of one shape are a mistake, not a library.
_MOST_REPEATED = 1_000_000

_BEHIND_POINTS = frozenset(("", ";", "DO", "Do", "dO", "do"))
_MASK_OR_ITERATE = frozenset("MmIi")


@dataclass(frozen=True)
class PlacedVia:
    """A via of a port or obstruction; where its shapes are defined may be read only later."""

    name: str
    at: Points  # one row per copy


@dataclass(frozen=True)
class DefaultPath:
    """A PATH of its layer's default width, which may be read only later."""

    layer: str
    points: Points
    moves: Points


Item = Shape | PlacedVia | DefaultPath


def read_shapes(cursor: Cursor) -> list[Item]:
    """Shapes up to the END of the PORT or OBS, as (layer, box in microns); vias and some paths for ``resolved``.

    A POLYGON becomes rectangles (``polygons.rectangles``); a PATH covers its points widened by half the width of the
    WIDTH statement, or else of the layer, and is extended by as much; a repeated shape stands by all its copies.
    """
    shapes: list[Item] = []
    layer = ""
    width: float | None = None

    def read(word: str) -> None:
        nonlocal layer, width
        if word == "LAYER":
            layer = cursor.refer("LAYER", "the name of a LAYER")
            width = None
            cursor.skip_statement()
        elif word == "WIDTH":
            width = cursor.decimal("WIDTH")
            cursor.literal(";", "statement is not ended")
        elif word == "VIA":
            shapes.append(_read_via(cursor))
        elif word == "RECT" and (plain := cursor.decimals(4)) is not None:
            shapes.append((layer, _box(*plain)))
        elif word in ("RECT", "POLYGON", "PATH"):
            points, moves = _read_points(cursor, corners=2 if word == "RECT" else None)
            if word == "PATH" and width is None:
                shapes.append(DefaultPath(layer, points, moves))
                return
            boxes = path_boxes(points, width or 0.0) if word == "PATH" else shape_boxes(word, points)
            shapes.extend(_repeated(layer, boxes, moves))
        else:
            cursor.step_over(word, LEF["PORT and OBS"])

    cursor.block("PORT or OBS", "", read, outside=("PIN", "OBS", "PORT", "MACRO"))
    return shapes


def shape_boxes(word: str, points: Points) -> list[Box]:
    """The boxes of a RECT or POLYGON."""
    if word == "POLYGON":
        return rectangles(points)
    (x0, y0), (x1, y1) = points
    return [_box(x0, y0, x1, y1)]


def _box(x0: float, y0: float, x1: float, y1: float) -> Box:
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def path_boxes(points: Sequence[tuple[float, float]], width: float) -> list[Box]:
    """The boxes of a PATH, whose ends and corners are extended by half its width."""
    half = width / 2
    boxes: list[Box] = []
    for (x0, y0), (x1, y1) in zip(points, points[1:] or points, strict=False):
        if x0 != x1 and y0 != y1:
            boxes += rectangles(slanting_wire(x0, y0, x1, y1, half))
        else:
            boxes.append((min(x0, x1) - half, min(y0, y1) - half, max(x0, x1) + half, max(y0, y1) + half))
    return boxes


def resolved(items: Iterable[Item], vias: dict[str, list[Shape]], widths: dict[str, float]) -> list[Shape]:
    """The shapes, now that all vias and default widths are known. A via that nothing defines has none."""
    shapes: list[Shape] = []
    for item in items:
        if isinstance(item, PlacedVia):
            for layer, box in vias.get(item.name, []):
                shapes += _repeated(layer, [box], item.at)
        elif isinstance(item, DefaultPath):
            width = widths.get(item.layer, 0.0)
            width = width if width == width else 0.0  # NaN where the LAYER has no WIDTH
            shapes += _repeated(item.layer, path_boxes(item.points, width), item.moves)
        else:
            shapes.append(item)
    return shapes


def read_via_shapes(cursor: Cursor, name: str) -> list[Shape] | GeneratedVia:
    """VIA from behind its name to its END: its boxes about (0, 0), or its parameters."""
    shapes: list[Shape] = []
    generated = GeneratedVia()
    layer = ""
    while cursor.keyword() in ("DEFAULT", "GENERATED", "TOPOFSTACKONLY"):
        cursor.position += 1

    def read(word: str) -> None:
        nonlocal layer
        at = cursor.position - 1
        if word == "LAYER":
            layer = cursor.refer("LAYER", "the name of a LAYER")
        elif word in ("RECT", "POLYGON"):
            points, _ = _read_points(cursor, corners=2 if word == "RECT" else None)
            shapes.extend((layer, box) for box in shape_boxes(word, points))
            return
        elif not generated.read(cursor, word):
            cursor.step_over(word, LEF["VIA"], at=at)
            return
        cursor.literal(";", "statement is not ended")

    cursor.block("VIA", name, read, outside=("MACRO", "VIA"))
    return generated if generated.layers[0] and not shapes else shapes


def _repeated(layer: str, boxes: Iterable[Box], moves: Points) -> list[Shape]:
    return [(layer, (x0 + x, y0 + y, x1 + x, y1 + y)) for x, y in moves for x0, y0, x1, y1 in boxes]


def _read_points(cursor: Cursor, corners: int | None) -> tuple[Points, Points]:
    """``[MASK n] [ITERATE] points [pattern] ;``: the points, and the moves of all copies (one without ITERATE)."""
    iterate = _mask_and_iterate(cursor)
    points = _points(cursor, corners)
    return points, _moves(cursor, iterate)


def _read_via(cursor: Cursor) -> PlacedVia:
    """``[MASK n] [ITERATE] x y name [pattern] ;``"""
    iterate = _mask_and_iterate(cursor)
    [(x, y)] = _points(cursor, 1)
    name = cursor.refer("VIA", "the name of a VIA")
    return PlacedVia(name, [(x + dx, y + dy) for dx, dy in _moves(cursor, iterate)])


def _mask_and_iterate(cursor: Cursor) -> bool:
    iterate = False
    if cursor.peek()[:1] not in _MASK_OR_ITERATE:  # as most points begin with a number
        return False
    while cursor.keyword() in ("MASK", "ITERATE"):
        if cursor.next("a shape").upper() == "ITERATE":
            iterate = True
        else:
            cursor.count("MASK")
    return iterate


def _points(cursor: Cursor, corners: int | None) -> Points:
    """A shape's points; LEF allows parentheses round a point."""
    points: Points = []
    while len(points) != corners and cursor.peek() not in _BEHIND_POINTS:
        points.append(read_pair(cursor))
    if not points or (corners and len(points) < corners):
        raise cursor.fail("points are missing", expected="a point")
    return points


def read_pair(cursor: Cursor, what: str = "coordinate") -> tuple[float, float]:
    """``x y`` or ``( x y )``"""
    parenthesis = cursor.peek() == "("
    cursor.position += parenthesis
    pair = cursor.decimal(what), cursor.decimal(what)
    if parenthesis:
        cursor.literal(")", "parenthesis is not closed")
    return pair


def _moves(cursor: Cursor, iterate: bool) -> Points:
    """``DO columns BY rows STEP x y ;`` as the moves of all copies."""
    if not iterate:
        cursor.literal(";", "statement is not ended")
        return [(0.0, 0.0)]
    cursor.literal("DO", "ITERATE has no pattern")
    columns = cursor.count("count")
    cursor.literal("BY", "ITERATE has no second count")
    rows = cursor.count("count")
    if not 0 < columns * rows <= _MOST_REPEATED:
        at = cursor.position - 1
        raise cursor.fail("ITERATE count is out of range", expected=f"1 to {_MOST_REPEATED} copies", at=at)
    cursor.literal("STEP", "ITERATE has no STEP")
    x, y = cursor.decimal("STEP"), cursor.decimal("STEP")
    cursor.literal(";", "statement is not ended")
    return [(i * x, j * y) for j in range(rows) for i in range(columns)]
