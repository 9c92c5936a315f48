"""The wires of a routed DEF's nets: what a router did, which is never an input of a predictor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from placement_data.design import Ints, Names
from placement_data.errors import InputError
from placement_data.readers.def_.sections import ORIENTATIONS
from placement_data.text import PathLike, load_text

_SECTION = re.compile(r"^[ \t]*(SPECIALNETS|NETS)\s+\d+\s*;(.*?)^[ \t]*END\s+\1\b", re.MULTILINE | re.DOTALL)
_WIRES = frozenset(("ROUTED", "FIXED", "COVER", "NOSHIELD"))
_WITH_VALUE = frozenset(("TAPERRULE", "STYLE", "MASK", "SHAPE"))

Item = tuple[str, int, int, int, int]  # layer and both ends, or a via's name and its place twice


@dataclass(frozen=True)
class Routes:
    """Wires and vias of nets; the first column of both is a row of ``net``, the second one of ``layer`` or ``via``.

    Lengths are database units. ``special`` marks the wires of SPECIALNETS, such as the stubs to pins that qrouter adds.
    """

    net: Names
    layer: Names
    via: Names
    wire: Ints  # (n, 6) net, layer, x0, y0, x1, y1
    placed: Ints  # (n, 4) net, via, x, y
    special: Ints  # (n,) 0 or 1

    @property
    def length(self) -> int:
        """Of all wires but the special ones."""
        x0, y0, x1, y1 = self.wire[self.special == 0, 2:].T
        return int((abs(x1 - x0) + abs(y1 - y0)).sum())


class _Codes(dict[str, int]):
    def __missing__(self, name: str) -> int:
        self[name] = len(self)
        return self[name]

    @property
    def names(self) -> Names:
        return np.array(list(self), dtype=object)


def read_routes(path: PathLike) -> Routes:
    """The wires of a DEF, plain or gzip. Raises :class:`InputError` for a net whose wires are broken."""
    nets, layers, vias = _Codes(), _Codes(), _Codes()
    wires: list[tuple[int, ...]] = []
    placed: list[tuple[int, ...]] = []
    special: list[bool] = []
    for section in _SECTION.finditer(load_text(path)):
        for statement in re.split(r"\s;", section[2]):
            tokens = statement.split()
            if tokens[:1] != ["-"]:
                continue
            net = nets[tokens[1]]
            try:
                for name, x0, y0, x1, y1 in (item for begin in _begins(tokens) for item in _path(tokens, begin)):
                    if (x0, y0) == (x1, y1):
                        placed.append((net, vias[name], x0, y0))
                    else:
                        wires.append((net, layers[name], x0, y0, x1, y1))
                        special.append(section[1] == "SPECIALNETS")
            except (ValueError, IndexError):
                raise InputError(f"wires of net {tokens[1]} are broken", file=path) from None
    return Routes(
        nets.names,
        layers.names,
        vias.names,
        np.array(wires, dtype=np.int64).reshape(-1, 6),
        np.array(placed, dtype=np.int64).reshape(-1, 4),
        np.array(special, dtype=np.int64),
    )


def _begins(tokens: Sequence[str]) -> Iterator[int]:
    """Where the paths of a net begin, with their layer."""
    for at, token in enumerate(tokens):
        if token == "NEW" or (token in _WIRES and tokens[at - 1] == "+"):
            yield at + 1


def _path(tokens: Sequence[str], at: int) -> Iterator[Item]:
    """``layer [width] [TAPER | ...] point [point | via] ...``"""
    layer = tokens[at]
    x = y = 0
    begun = jumps = False
    at += 1
    while at < len(tokens) and tokens[at] != "NEW":
        token = tokens[at]
        if token == "+" and tokens[at + 1] not in _WITH_VALUE:
            return
        if token == "(":
            end = tokens.index(")", at)
            to_x, to_y = (
                int(text) if text != "*" else old for text, old in zip(tokens[at + 1 :], (x, y), strict=False)
            )
            if begun and not jumps and (to_x, to_y) != (x, y):
                yield layer, x, y, to_x, to_y
            x, y, begun, jumps, at = to_x, to_y, True, False, end + 1
        elif token == "RECT":
            at = tokens.index(")", at) + 1
        elif token == "VIRTUAL":
            jumps, at = True, at + 1
        elif token in _WITH_VALUE:
            at += 2
        elif begun and token != "+" and token not in ORIENTATIONS:
            yield token, x, y, x, y
            at += 1
        else:  # a width, TAPER, the + of SHAPE, or how the via before lies
            at += 1
