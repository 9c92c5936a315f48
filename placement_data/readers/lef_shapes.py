"""Shapes of a LEF pin's PORT or of a macro's OBS, as boxes."""

from __future__ import annotations

from collections.abc import Iterable

from placement_data.readers.text import Cursor

Box = tuple[float, float, float, float]
Shape = tuple[str, Box]

# More repetitions than that of one shape are a mistake, not a library.
_MOST_REPEATED = 1_000_000


def read_shapes(cursor: Cursor, widths: dict[str, float]) -> list[Shape]:
    """Shapes up to the END of the PORT or OBS, as (layer, box in microns).

    A POLYGON stands by its bounding box, a PATH by the bounding box of its points widened by half its width (the WIDTH
    statement's, or the layer's of ``widths``), a repeated shape by all its copies. A VIA is left out: its size is not
    here, and a port's own metal covers it.
    """
    shapes: list[Shape] = []
    layer = ""
    width = 0.0
    while (word := cursor.word("END")) != "END":
        if word == "LAYER":
            layer = cursor.name("the name of a LAYER")
            width = widths.get(layer, 0.0)
            width = width if width == width else 0.0  # NaN where the LAYER has no WIDTH
            cursor.skip_statement()
        elif word == "RECT":
            shapes += _repeated(cursor, layer, 0.0, corners=2)
        elif word == "POLYGON":
            shapes += _repeated(cursor, layer, 0.0)
        elif word == "PATH":
            shapes += _repeated(cursor, layer, width / 2)
        elif word == "WIDTH":
            width = cursor.decimal("WIDTH")
            cursor.literal(";", "statement is not ended")
        else:
            cursor.skip_statement()
    return shapes


def _repeated(cursor: Cursor, layer: str, margin: float, corners: int | None = None) -> Iterable[Shape]:
    """The boxes of one RECT, POLYGON or PATH; all copies where it is an ITERATE."""
    if cursor.peek() == "MASK":
        cursor.position += 1
        cursor.count("MASK")
    iterate = cursor.peek() == "ITERATE"
    cursor.position += iterate
    x, y = _points(cursor, corners)
    box = (min(x) - margin, min(y) - margin, max(x) + margin, max(y) + margin)
    if not iterate:
        cursor.literal(";", "statement is not ended")
        return [(layer, box)]
    columns, rows, step_x, step_y = _step_pattern(cursor)
    return [
        (layer, (box[0] + i * step_x, box[1] + j * step_y, box[2] + i * step_x, box[3] + j * step_y))
        for j in range(rows)
        for i in range(columns)
    ]


def _points(cursor: Cursor, corners: int | None) -> tuple[list[float], list[float]]:
    """Coordinates of a shape's points; LEF allows parentheses round a point."""
    x: list[float] = []
    y: list[float] = []
    while len(x) != corners and cursor.peek() not in (";", "DO", ""):
        parenthesis = cursor.peek() == "("
        cursor.position += parenthesis
        x.append(cursor.decimal("coordinate"))
        y.append(cursor.decimal("coordinate"))
        if parenthesis:
            cursor.literal(")", "parenthesis is not closed")
    if not x or (corners and len(x) < corners):
        raise cursor.fail("points are missing", expected="a point")
    return x, y


def _step_pattern(cursor: Cursor) -> tuple[int, int, float, float]:
    """``DO columns BY rows STEP x y ;``"""
    cursor.literal("DO", "ITERATE has no pattern")
    columns = cursor.count("count")
    cursor.literal("BY", "ITERATE has no second count")
    rows = cursor.count("count")
    if not 0 < columns * rows <= _MOST_REPEATED:
        at = cursor.position - 1
        raise cursor.fail("ITERATE count is out of range", expected=f"1 to {_MOST_REPEATED} copies", at=at)
    cursor.literal("STEP", "ITERATE has no STEP")
    step = cursor.decimal("STEP"), cursor.decimal("STEP")
    cursor.literal(";", "statement is not ended")
    return columns, rows, *step
