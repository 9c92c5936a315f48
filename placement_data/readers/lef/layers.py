"""LEF's LAYER, and what is stepped over of its NONDEFAULTRULE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from placement_data.columns import name_column
from placement_data.cursor import Cursor
from placement_data.design import Floats, LayerDirection, LayerKind, Layers
from placement_data.readers.words import LEF, codes_of

_LAYER_KINDS = codes_of(LayerKind, "OTHER")
_LAYER_DIRECTIONS = codes_of(LayerDirection, "NONE")
_TABLES_OF_SPACING = ("PARALLELRUNLENGTH", "TWOWIDTHS", "INFLUENCE")


@dataclass
class Layer:
    """A LAYER as written, lengths in microns."""

    kind: int = LayerKind.OTHER
    direction: int = LayerDirection.NONE
    pitch: tuple[float, float] = (np.nan, np.nan)
    offset: tuple[float, float] = (np.nan, np.nan)
    width: float = np.nan
    spacing: float = np.nan


def read_layer(cursor: Cursor, name: str) -> Layer:
    """LAYER from behind its name to its END."""
    layer = Layer()
    cursor.block("LAYER", name, lambda word: _read_statement(cursor, word, layer), outside=("LAYER", "MACRO"))
    return layer


def _read_statement(cursor: Cursor, word: str, layer: Layer) -> None:
    if word in ("SPACING", "SPACINGTABLE"):
        # Not by ``min``: either may be NaN.
        layer.spacing = float(np.fmin(layer.spacing, (_spacing if word == "SPACING" else _spacing_table)(cursor)))
        return
    if word == "TYPE":
        layer.kind = _LAYER_KINDS.get(cursor.name("the type of a LAYER").upper(), LayerKind.OTHER)
    elif word == "DIRECTION":
        # Old files give a diagonal direction (DIAG45), which has no code.
        layer.direction = _LAYER_DIRECTIONS.get(cursor.name("HORIZONTAL or VERTICAL").upper(), LayerDirection.NONE)
    elif word == "PITCH":
        layer.pitch = _one_or_two(cursor, word)
    elif word == "OFFSET":
        layer.offset = _one_or_two(cursor, word)
    elif word == "WIDTH":
        layer.width = cursor.decimal("WIDTH")
    else:
        _skip(cursor, word)
        return
    cursor.literal(";", "statement is not ended")


def _one_or_two(cursor: Cursor, word: str) -> tuple[float, float]:
    """``x y``, or one value for both."""
    first = cursor.decimal(word)
    return first, first if cursor.peek() == ";" else cursor.decimal(word)


def _skip(cursor: Cursor, word: str) -> None:
    """Step over a statement; a table of current densities goes on behind its FREQUENCY, with a WIDTH of its own."""
    start = cursor.position
    cursor.step_over(word, LEF["LAYER"])
    if word == "ACCURRENTDENSITY" and "FREQUENCY" in map(str.upper, cursor.tokens[start : cursor.position]):
        while cursor.keyword() in ("WIDTH", "CUTAREA"):
            cursor.skip_statement()


def _spacing(cursor: Cursor) -> float:
    """SPACING where it holds for all wires (or cuts); NaN for one with a condition."""
    value = cursor.decimal("SPACING")
    plain = cursor.peek() == ";"
    cursor.skip_statement()
    return value if plain else np.nan


def _spacing_table(cursor: Cursor) -> float:
    """The first spacing of a SPACINGTABLE; NaN for a kind of table that does not say how far wires stay apart."""
    start = cursor.position
    cursor.skip_statement()
    end, cursor.position = cursor.position, start
    kind = cursor.keyword()
    tokens = [token.upper() for token in cursor.tokens[start:end]]
    value = np.nan
    if kind in _TABLES_OF_SPACING and ("SPACING" if kind == "INFLUENCE" else "WIDTH") in tokens:
        cursor.position += tokens.index("SPACING" if kind == "INFLUENCE" else "WIDTH") + 1
        if kind != "INFLUENCE":
            cursor.decimal("WIDTH")
            if cursor.keyword() == "PRL":
                cursor.position += 1
                cursor.decimal("PRL")
        value = cursor.decimal("spacing")
    cursor.position = end
    return value


def skip_rule(cursor: Cursor, name: str, read_via: Callable[[Cursor], None]) -> None:
    """Step over a NONDEFAULTRULE, from behind its name to its END; ``read_via`` takes a VIA that is defined in it."""

    def read(word: str) -> None:
        if word == "LAYER":
            _skip_rule_layer(cursor, cursor.name("the name of a LAYER"))
        elif word == "VIA":
            read_via(cursor)
        elif word == "SPACING":  # the old form of SAMENET rules, up to END SPACING
            while cursor.word("END SPACING") != "END":
                cursor.skip_statement()
            cursor.literal("SPACING", "SPACING is not closed by its own name")
        else:
            cursor.step_over(word, LEF["NONDEFAULTRULE"])
        cursor.where = f"inside NONDEFAULTRULE {name}"

    cursor.block("NONDEFAULTRULE", name, read, outside=("MACRO",))


def _skip_rule_layer(cursor: Cursor, name: str) -> None:
    if cursor.peek() == ";":
        cursor.position += 1
    cursor.where += f", LAYER {name}"
    known = LEF["LAYER of a NONDEFAULTRULE"]
    cursor.block("LAYER", name, lambda word: cursor.step_over(word, known), outside=("MACRO", "LAYER"))


def layer_table(layers: dict[str, Layer]) -> Layers:
    """The columns of ``design.Layers``."""
    values = list(layers.values())

    def lengths(column: list[float]) -> Floats:
        return np.array(column, dtype=np.float64)

    return Layers(
        name_column(layers),
        np.array([layer.kind for layer in values], dtype=np.uint8),
        np.array([layer.direction for layer in values], dtype=np.uint8),
        lengths([layer.pitch[0] for layer in values]),
        lengths([layer.pitch[1] for layer in values]),
        lengths([layer.width for layer in values]),
        lengths([layer.offset[0] for layer in values]),
        lengths([layer.offset[1] for layer in values]),
        lengths([layer.spacing for layer in values]),
    )
