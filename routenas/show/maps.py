"""Maps for people: blocks of tiles where there are more tiles than room, and a small heat map for the terminal."""

from __future__ import annotations

import io
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from routenas.show.tables import text_width

_COLUMNS, _LINES = 64, 20
"""Most characters of a heat map in the terminal, without its frame."""
_RAMP = " .:-=+*#%@"
_INFERNO = np.array([
    (0, 0, 4), (22, 11, 57), (66, 10, 104), (106, 23, 110), (147, 38, 103), (188, 55, 84), (221, 81, 58),
    (243, 120, 25), (252, 165, 10), (246, 215, 70), (252, 255, 164),
])  # fmt: skip
"""Colours of 0, 0.1, ..., 1: of the map "inferno" (Smith and van der Walt, 2015)."""
Map = NDArray[np.float32]


def blocks(values: NDArray[Any], sides: tuple[int, int], of: Any) -> Map:
    """``of`` (`np.nanmax`, ...) each block of so many rows and columns of a map; NaN where all of a block is.

    Blocks are counted from row and column 0; the last ones are cut.
    """
    tall, wide = sides
    if tall == wide == 1:
        return np.asarray(values, dtype=np.float32)
    rows, columns = (-(-size // side) for size, side in zip(values.shape, sides, strict=True))
    padded = np.full((rows * tall, columns * wide), np.nan, dtype=np.float32)
    padded[: values.shape[0], : values.shape[1]] = values
    parts = padded.reshape(rows, tall, columns, wide).swapaxes(1, 2).reshape(rows * columns, tall * wide)
    found = np.full(len(parts), np.nan, dtype=np.float32)
    known = ~np.isnan(parts).all(axis=1)
    found[known] = of(parts[known], axis=1)
    return found.reshape(rows, columns)


def coarse(values: NDArray[Any], most: int, of: Any) -> Map:
    """A map of at most ``most`` values: square `blocks` of it."""
    side = 1
    while -(-values.shape[0] // side) * -(-values.shape[1] // side) > most:
        side += 1
    return blocks(values, (side, side), of)


def heat_map(probability: NDArray[np.float64], stream: TextIO) -> str:
    """A map (rows, columns) of probabilities, NaN off the die, as text for ``stream``, the die's top first.

    A terminal of 256 colours or more is shown two tiles, or blocks of them, a character; letters stand for them where
    there is none or NO_COLOR is set. It is never wider than the terminal. Of a block the largest counts.
    """
    colours = _colours(stream)
    half = 2 if colours else 1  # what lies above each other in a character
    room = min(_COLUMNS, text_width() - 2)
    rows, columns = probability.shape
    side = 1
    while -(-columns // side) > room or -(-rows // (side * 2 // half)) > _LINES * half:
        side += 1
    tall = side * 2 // half  # a character is twice as high as wide
    shown = blocks(probability, (tall, side), np.nanmax)[::-1]
    what = "largest of each " + (f"{side} x {tall} tiles" if side * tall > 1 else "tile")
    title = f"hotspot probability, {what.replace('largest of each tile', 'a tile each')}:"
    return _coloured(shown, title, colours) if colours else _letters(shown, title)


def _colours(stream: TextIO) -> Any:
    """The colours that a stream shows as rich calls them, None where there are too few of them."""
    if not stream.isatty():
        return None
    from rich.console import Console

    console = Console(file=stream)
    unfit = console.no_color or console.is_dumb_terminal or "utf" not in console.encoding.lower()
    return console.color_system if not unfit and console.color_system in ("256", "truecolor") else None


def _letters(shown: Map, title: str) -> str:
    steps = np.clip((np.nan_to_num(shown) * len(_RAMP)).astype(int), 0, len(_RAMP) - 1)
    edge = f"+{'-' * shown.shape[1]}+"
    lines = [f"|{''.join(_RAMP[step] for step in line)}|" for line in steps.tolist()]
    return "\n".join([f"{title} 0 [{_RAMP}] 1", edge, *lines, edge])


def _coloured(shown: Map, title: str, colours: Any) -> str:
    from rich.console import Console
    from rich.text import Text

    if len(shown) % 2:
        shown = np.concatenate([shown, np.full((1, shown.shape[1]), np.nan, dtype=np.float32)])
    text = Text(f"{title} 0 ")
    for value in np.linspace(0, 1, 16).tolist():
        text.append("\u2588", _ink(value))
    text.append(" 1")
    for upper, lower in zip(shown[::2].tolist(), shown[1::2].tolist(), strict=True):
        text.append("\n ")
        for above, below in zip(upper, lower, strict=True):
            if np.isnan(above) and np.isnan(below):
                text.append(" ")
            elif np.isnan(above):
                text.append("\u2584", _ink(below))
            else:
                text.append("\u2580", _ink(above) + ("" if np.isnan(below) else f" on {_ink(below)}"))
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=True, color_system=colours, no_color=False, legacy_windows=False)
    console.print(text, end="", soft_wrap=True, highlight=False)
    return drawn.getvalue()


def _ink(value: float) -> str:
    place = np.linspace(0, 1, len(_INFERNO))
    return "rgb({},{},{})".format(*(round(float(np.interp(value, place, part))) for part in _INFERNO.T))
