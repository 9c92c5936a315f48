"""Values of KLayout's report databases as text: shapes, placements, quoted words (see its class ``RdbItemValue``)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from placement_data.reports.rows import NUMBER

_POINT = rf"{NUMBER},{NUMBER}"
_POINTS = rf"\((?:{_POINT}(?:;{_POINT})*+(?:/{_POINT}(?:;{_POINT})*+)*+)?+\)"
_SHAPE = re.compile(rf"{_POINTS}(?:[/|]{_POINTS})?+")
_PATH = re.compile(
    rf"(\({_POINT}(?:;{_POINT})*+\)) w=({NUMBER}) bx=({NUMBER}) ex=({NUMBER}) r=(?:true|false)", re.IGNORECASE
)
_LABEL = re.compile(
    rf"\((?:'(?:[^'\\]|\\.)*+'|[^,']*+),(?:[rm]{NUMBER} )?({NUMBER}),({NUMBER})(?: [^()]*+)?\)", re.DOTALL
)
_TO_BLANKS = str.maketrans("();/|,", "      ")
_NUMBERS_OF = {"box": (0, 4), "edge": (4,), "edge-pair": (8,)}
_WORD = re.compile(r"""'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"|[^.]++""", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_CONTROL = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_TURN = re.compile(rf"([rm])({NUMBER})")
_SHIFT = re.compile(rf"({NUMBER}),({NUMBER})")
_QUARTERS = {0.0: (1.0, 0.0), 90.0: (0.0, 1.0), 180.0: (-1.0, 0.0), 270.0: (0.0, -1.0)}


class Affine(NamedTuple):
    """x' = a x + c y + dx, y' = b x + d y + dy."""

    a: float
    b: float
    c: float
    d: float
    dx: float
    dy: float

    def apply(self, points: Sequence[float]) -> list[float]:
        """The image of x, y, x, y, ..."""
        a, b, c, d, dx, dy = self
        pairs = zip(points[::2], points[1::2], strict=True)
        return [value for x, y in pairs for value in (a * x + c * y + dx, b * x + d * y + dy)]

    def after(self, first: Affine) -> Affine:
        """``first``, then this."""
        origin = self.apply([first.dx, first.dy])
        u = self.a * first.a + self.c * first.b, self.b * first.a + self.d * first.b
        v = self.a * first.c + self.c * first.d, self.b * first.c + self.d * first.d
        return Affine(*u, *v, *origin)


IDENTITY = Affine(1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def placement(text: str) -> Affine | None:
    """A placement such as ``m45 *1 3,4``: mirror or turn, magnification, offset, each of them optional.

    ``r30`` turns by 30 degrees counter-clockwise; ``m30`` mirrors at an axis of that direction, which is to mirror at
    the x axis and to turn by 60 degrees.
    """
    angle, mirrored, scale, dx, dy = 0.0, 1.0, 1.0, 0.0, 0.0
    for word in text.split():
        if turn := _TURN.fullmatch(word):
            mirrored = -1.0 if turn[1] == "m" else 1.0
            angle = float(turn[2]) * (2.0 if turn[1] == "m" else 1.0)
        elif word.startswith("*") and re.fullmatch(NUMBER, word[1:]):
            scale = float(word[1:])
        elif shift := _SHIFT.fullmatch(word):
            dx, dy = float(shift[1]), float(shift[2])
        else:
            return None
    turned = math.radians(angle)
    cos, sin = _QUARTERS.get(angle % 360.0) or (math.cos(turned), math.sin(turned))
    return Affine(scale * cos, scale * sin, -mirrored * scale * sin, mirrored * scale * cos, dx, dy)


def shape_points(text: str) -> list[float] | None:
    """Points x, y, ... that span the value ``KIND: SHAPE``: none for a number, None where it is broken."""
    kind, colon, shape = text.partition(":")
    shape = shape.strip()
    if kind in ("polygon", "box", "edge", "edge-pair"):
        if not _SHAPE.fullmatch(shape):
            return None
        points = list(map(float, shape.translate(_TO_BLANKS).split()))
        if len(points) not in _NUMBERS_OF.get(kind, (len(points),)):
            return None
        if kind == "box" and points:  # its other corners count where it is turned
            points += [points[0], points[3], points[2], points[1]]
        return points
    if kind == "path":
        path = _PATH.fullmatch(shape)
        return path and _path_points(path)
    if kind == "label":
        label = _LABEL.fullmatch(shape)
        return label and [float(label[1]), float(label[2])]
    return [] if colon and kind.isidentifier() else None


def _path_points(path: re.Match[str]) -> list[float]:
    """Corners of each straight part of a path, made longer at its ends, and at bends by the mitre of the outline."""
    numbers = list(map(float, path[1].translate(_TO_BLANKS).split()))
    half, begin, end = float(path[2]) / 2.0, float(path[3]), float(path[4])
    parts: list[tuple[float, float, float, float, float]] = []  # start, unit direction, length
    for x0, y0, x1, y1 in zip(numbers[::2], numbers[1::2], numbers[2::2], numbers[3::2], strict=False):
        if length := math.hypot(x1 - x0, y1 - y0):
            parts.append((x0, y0, (x1 - x0) / length, (y1 - y0) / length, length))
    parts = parts or [(numbers[0], numbers[1], 1.0, 0.0, 0.0)]
    mitres = [half * _half_turn(*before[2:4], *after[2:4]) for before, after in pairwise(parts)]
    points: list[float] = []
    for (x, y, ux, uy, length), back, on in zip(parts, [begin, *mitres], [*mitres, end], strict=True):
        for along in (-back, length + on):
            for across in (-half, half):
                points += [x + along * ux - across * uy, y + along * uy + across * ux]
    return points


def _half_turn(ux: float, uy: float, vx: float, vy: float) -> float:
    """Tangent of half the angle between two unit vectors; 1, as at a right angle, where it is sharper."""
    cosine = ux * vx + uy * vy
    return 1.0 if cosine <= 0.0 else abs(ux * vy - uy * vx) / (1.0 + cosine)


def words(path: str) -> Iterator[str]:
    """The names in a category's path: ``'M1.x'.'a'`` holds ``M1.x`` and ``a``."""
    return (unquoted(found[0]) for found in _WORD.finditer(path))


def unquoted(text: str) -> str:
    """A word without its quotes and escapes (octal ones are bytes of UTF-8); as it is where it has no quotes."""
    if len(text) < 2 or text[0] not in "'\"" or text[-1] != text[0]:
        return text
    inner = text[1:-1]
    if "\\" not in inner:
        return inner
    return _ESCAPE.sub(_escaped, inner.encode()).decode(errors="replace")


def _escaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code, 8) & 255]) if len(code) == 3 else _CONTROL.get(code, code)
