"""The layers that signals may use, as a flow sets them: a text, ``metal2-metal3``, that no DEF holds.

It names the lowest and the highest layer, both included, or a single one; an empty text is all routing layers. Names
are found as :mod:`placement_data.names` says and may hold ``-`` themselves.
"""

from __future__ import annotations

from os import PathLike

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Design, LayerKind
from placement_data.errors import InputError
from placement_data.names import rows_of


def signal_layers(design: Design, text: str) -> NDArray[np.int64]:
    """Rows of ``Design.layers`` that a text means, from the lowest. Raises :class:`InputError`, see `_ends`."""
    routing = np.flatnonzero(design.layers.kind == LayerKind.ROUTING)
    if not text:
        return routing
    low, high = _ends(design, text)
    return routing[(routing >= low) & (routing <= high)]


def spelled(design: Design, text: str, file: str | PathLike[str] | None = None, line: int | None = None) -> str:
    """The text in the design's own names, so that two texts of one meaning are one.

    Raises as :func:`signal_layers`; ``file`` and ``line`` are where the text stands.
    """
    if not text:
        return ""
    try:
        low, high = (str(design.layers.name[row]) for row in _ends(design, text))
    except InputError as error:
        raise InputError(error.what, file=file, line=line, found=error.found, expected=error.expected) from None
    return low if low == high else f"{low}-{high}"


def _ends(design: Design, text: str) -> tuple[int, int]:
    """Rows of the lowest and of the highest layer.

    Raises :class:`InputError` for a layer that there is not, one that is no routing layer, and a highest layer that
    lies below the lowest.
    """
    names = design.layers.name.tolist()
    routing = [name for name, kind in zip(names, design.layers.kind, strict=True) if kind == LayerKind.ROUTING]
    allowed = f"routing layers, lowest-highest, of {', '.join(routing)}" if routing else "a layout with routing layers"
    splits = [(text[:at].strip(), text[at + 1 :].strip()) for at, letter in enumerate(text) if letter == "-"]
    pairs = [(text, text), *splits]
    row = rows_of({name for pair in pairs for name in pair}, names, design.spelling)
    known = [(row[low], row[high]) for low, high in pairs if low in row and high in row]
    if not known:
        halves = [high if low in row else low for low, high in splits if low in row or high in row]
        raise InputError("there is no such routing layer", found=next(filter(None, halves), text), expected=allowed)
    low, high = known[0]
    for end in (low, high):
        if design.layers.kind[end] != LayerKind.ROUTING:
            raise InputError("signals cannot use a layer that is no routing layer", found=names[end], expected=allowed)
    if high < low:
        raise InputError("the highest routing layer lies below the lowest", found=text, expected=allowed)
    return low, high
