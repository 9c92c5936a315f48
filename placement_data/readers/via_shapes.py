"""Vias: fixed ones as boxes per layer, and generated ones (``VIARULE`` with its parameters) of LEF and DEF."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from placement_data.cursor import Cursor
from placement_data.polygons import Box

Shape = tuple[str, Box]  # layer's name, box about the via's own (0, 0)

# More cuts than that in one via are a mistake.
_MOST_CUTS = 100_000
_PARAMETERS = {"CUTSIZE": 2, "CUTSPACING": 2, "ENCLOSURE": 4, "ORIGIN": 2, "OFFSET": 4}
_PATTERN_ROW = re.compile(r"(?:R[0-9A-F])?[0-9A-F]")


@dataclass
class GeneratedVia:
    """A via by its parameters, in the units of its file (LEF: microns, DEF: database units)."""

    layers: tuple[str, ...] = ("", "", "")  # bottom metal, cut, top metal
    rows: int = 1
    columns: int = 1
    pattern: str = ""
    lengths: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def read(self, cursor: Cursor, word: str) -> bool:
        """Read the values of parameter ``word``; False, with nothing read, where it is none."""
        if word in _PARAMETERS:
            self.lengths[word] = tuple(cursor.decimal(word) for _ in range(_PARAMETERS[word]))
        elif word == "LAYERS":
            self.layers = tuple(cursor.refer("LAYER", "the name of a layer") for _ in range(3))
        elif word == "ROWCOL":
            self.rows, self.columns = cursor.count("number of rows"), cursor.count("number of columns")
            if not 0 < self.rows * self.columns <= _MOST_CUTS:
                expected = f"1 to {_MOST_CUTS} cuts"
                raise cursor.fail("ROWCOL is out of range", expected=expected, at=cursor.position - 1)
        elif word == "PATTERN":
            self.pattern = cursor.name("a pattern of cuts").upper()
            if not self._is_pattern():
                expected = "rows such as 2_FF70_3_R4F"
                raise cursor.fail("PATTERN is broken", expected=expected, at=cursor.position - 1)
        else:
            return False
        return True

    def boxes(self, cut_layers: set[str]) -> list[Shape]:
        """Its cuts, centred about ORIGIN, and the metal that encloses them below and above.

        The one of LAYERS that is in ``cut_layers`` is the cut, wherever it stands among them; else the middle one.
        """
        names = list(self.layers)
        cut = next((name for name in names if name in cut_layers), names[1])
        if cut != names[1]:
            names.remove(cut)
            names.insert(1, cut)
        cutsize, cutspacing, enclosure, origin, offset = (
            self.lengths.get(word, (0.0,) * count) for word, count in _PARAMETERS.items()
        )
        (width, height), (space_x, space_y) = cutsize, cutspacing
        across = self.columns * (width + space_x) - space_x
        along = self.rows * (height + space_y) - space_y
        x, y = origin[0] - across / 2, origin[1] - along / 2
        found: list[Shape] = []
        for metal, at in ((names[0], 0), (names[2], 2)):
            dx, dy = enclosure[at : at + 2]
            left, bottom = x + offset[at], y + offset[at + 1]
            found.append((metal, (left - dx, bottom - dy, left + across + dx, bottom + along + dy)))
        for row, column in self._cuts():
            left, bottom = x + column * (width + space_x), y + row * (height + space_y)
            found.append((names[1], (left, bottom, left + width, bottom + height)))
        return found

    def _cuts(self) -> Iterator[tuple[int, int]]:
        """Row (from below) and column of each cut; PATTERN gives rows of bits, the first bit to the left."""
        if not self.pattern:
            yield from ((row, column) for row in range(self.rows) for column in range(self.columns))
            return
        words = self.pattern.split("_")
        row = 0
        for count, definition in zip(words[0::2], words[1::2], strict=True):
            bits = ""
            for part in _PATTERN_ROW.findall(definition):
                bits += format(int(part[-1], 16), "04b") * (int(part[1], 16) if part[0] == "R" else 1)
            for _ in range(min(int(count, 16), self.rows - row)):
                yield from ((row, column) for column, bit in enumerate(bits[: self.columns]) if bit == "1")
                row += 1

    def _is_pattern(self) -> bool:
        row = rf"[0-9A-F]{{1,4}}_(?:{_PATTERN_ROW.pattern})+"
        return re.fullmatch(rf"{row}(?:_{row})*", self.pattern) is not None
