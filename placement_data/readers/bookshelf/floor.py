"""The small files of Bookshelf: .scl (rows), .shapes (nodes of several rectangles) and .route (routing resources)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from placement_data.design import Floats, Ints, LayerDirection
from placement_data.errors import InputError
from placement_data.orientation import Orientation
from placement_data.readers.bookshelf.lines import number, read_rows, whole
from placement_data.readers.bookshelf.netlist import Nodes
from placement_data.text import PathLike

_ROW_KEYS = ("coordinate", "height", "sitewidth", "sitespacing", "siteorient", "sitesymmetry", "subroworigin")
_ORIENTATIONS = {orientation.name: int(orientation) for orientation in Orientation}


@dataclass(frozen=True)
class Subrow:
    """A stretch of sites of a CoreRow, in Bookshelf's units."""

    row: int  # number of its CoreRow, from 0
    x: float
    y: float
    height: float
    site_width: float
    site_spacing: float
    sites: int
    orientation: int

    @property
    def right(self) -> float:
        """Right end of the last site."""
        return self.x + (self.sites - 1) * self.site_spacing + self.site_width


@dataclass(frozen=True)
class Shapes:
    """Rectangles (x0, y0, x1, y1) on the die that make up the nodes that are not rectangular."""

    node: Ints
    box: Floats  # (n, 4)

    @classmethod
    def none(cls) -> Shapes:
        """All nodes are rectangular."""
        return cls(np.zeros(0, dtype=np.int64), np.zeros((0, 4)))


@dataclass
class Route:
    """A .route file. Capacities, widths and spacings have one row per layer; capacities are a tile edge's."""

    grid: tuple[int, int, int]  # columns, rows, layers
    origin: tuple[float, float]
    tile: tuple[float, float]
    vertical: Floats
    horizontal: Floats
    width: Floats
    spacing: Floats
    porosity: float = 0.0  # share of a blocked area that wires can still use
    pin_layer: dict[int, int] = field(default_factory=dict)  # node to layer (from 0), for terminal_NI
    blocked: list[tuple[int, int]] = field(default_factory=list)  # node, layer

    @property
    def directions(self) -> list[LayerDirection]:
        """Directions of the layers: that of the only capacity. A layer without any lies across its neighbour."""
        found = [
            LayerDirection.NONE if (across > 0) == (along > 0) else LayerDirection(1 if across > 0 else 2)
            for across, along in zip(self.horizontal, self.vertical, strict=True)
        ]
        empty = (self.horizontal <= 0) & (self.vertical <= 0)
        for order, step in ((range(1, len(found)), -1), (range(len(found) - 2, -1, -1), 1)):
            for layer in order:
                neighbour = found[layer + step]
                if empty[layer] and not found[layer] and neighbour:
                    found[layer] = LayerDirection(3 - neighbour)
        return found

    def tracks(self) -> list[tuple[int, bool, float, int]]:
        """(layer, vertical, distance, count) of the tracks that a layer's capacity stands for.

        A capacity is a length of wire and spacing across a tile's edge: it holds capacity / (width + spacing) tracks.
        """
        found = []
        for layer in range(self.grid[2]):
            pitch = float(self.width[layer] + self.spacing[layer])
            for vertical, capacity in ((True, self.vertical[layer]), (False, self.horizontal[layer])):
                if capacity > 0 and pitch > 0:
                    axis = 0 if vertical else 1
                    distance = self.tile[axis] * pitch / float(capacity)
                    count = int(self.grid[axis] * self.tile[axis] / distance + 1e-6)
                    found.append((layer, vertical, distance, count))
        return found


def read_scl(path: PathLike) -> list[Subrow]:
    """A .scl file: the subrows of all its CoreRows.

    Raises ``InputError`` for broken, cut-off and vertical rows, and for another number of rows than NumRows says.
    """
    head, lines = read_rows(path, "scl", ("NumRows",))
    subrows: list[Subrow] = []
    fields: dict[str, list[tuple[str, int]]] | None = None
    start = rows = 0
    for line, words in lines:
        first = words[0].lower()
        if fields is None:
            if first != "corerow":
                raise InputError("no row begins here", file=path, line=line, found=words[0], expected="CoreRow")
            if len(words) > 1 and words[1].lower() != "horizontal":
                raise InputError("row is not horizontal", file=path, line=line, found=words[1], expected="Horizontal")
            fields, start = {}, line
        elif first == "end":
            subrows += _subrows(path, start, rows, fields)
            fields, rows = None, rows + 1
        else:
            _read_row_line(path, line, words, fields)
    if fields is not None:
        raise InputError("file ends inside a row", file=path, line=start, expected="End")
    head.check("NumRows", rows)
    return subrows


def _read_row_line(path: PathLike, line: int, words: list[str], fields: dict[str, list[tuple[str, int]]]) -> None:
    """A line of keyword and value; ``SubrowOrigin x NumSites n`` has two."""
    if len(words) % 2:
        raise InputError(
            "line of a row is broken", file=path, line=line, found=" ".join(words), expected="keyword : value"
        )
    for key, value in zip(words[::2], words[1::2], strict=True):
        if key.lower() not in (*_ROW_KEYS, "numsites"):
            raise InputError(
                "keyword of a row is unknown", file=path, line=line, found=key, expected="End or one such as Height"
            )
        fields.setdefault(key.lower(), []).append((value, line))


def _subrows(path: PathLike, start: int, row: int, fields: dict[str, list[tuple[str, int]]]) -> list[Subrow]:
    def value(key: str, at: int = 0, default: float | None = None) -> float:
        if key not in fields or at >= len(fields[key]):
            if default is not None:
                return default
            raise InputError("row is not complete", file=path, line=start, expected=key)
        word, line = fields[key][at]
        return number([word], 0, key, path, line)

    height = value("height")
    spacing = value("sitespacing", default=value("sitewidth", default=1.0))
    width = value("sitewidth", default=spacing)
    if min(height, width, spacing) <= 0:
        raise InputError("size of a row is not positive", file=path, line=start)
    orientation = _ORIENTATIONS.get(fields.get("siteorient", [("N", 0)])[0][0].upper(), int(Orientation.N))
    found = []
    for at in range(max(1, len(fields.get("subroworigin", [])))):
        x, sites = value("subroworigin", at), value("numsites", at)
        if sites < 0 or sites != int(sites):
            line = fields["numsites"][at][1]
            raise InputError("NumSites is no count", file=path, line=line, found=f"{sites:g}")
        if sites:
            found.append(Subrow(row, x, value("coordinate"), height, width, spacing, int(sites), orientation))
    return found


def read_shapes(path: PathLike, nodes: Nodes) -> Shapes:
    """A .shapes file: ``node : k``, then k rectangles ``name x y width height``, x and y on the die.

    Raises ``InputError`` for broken lines, unknown nodes and counts that are not kept.
    """
    head, lines = read_rows(path, "shapes", ("NumNonRectangularNodes",))
    owners: list[int] = []
    boxes: list[tuple[float, float, float, float]] = []
    at = found = 0
    while at < len(lines):
        line, words = lines[at]
        node = _node(nodes, words[0], path, line)
        count = whole(words, 1, "number of shapes", path, line)
        for line_of_shape, shape in _listed(path, lines, at, count):
            x, y, width, height = (number(shape, column, "shape", path, line_of_shape) for column in range(1, 5))
            if width < 0 or height < 0:
                raise InputError("size of a shape is negative", file=path, line=line_of_shape)
            owners.append(node)
            boxes.append((x, y, x + width, y + height))
        at, found = at + 1 + count, found + 1
    head.check("NumNonRectangularNodes", found)
    return Shapes(np.array(owners, dtype=np.int64), np.array(boxes, dtype=np.float64).reshape(-1, 4))


def read_route(path: PathLike, nodes: Nodes) -> Route:
    """A .route file (ISPD 2011, DAC 2012). NumEdgeCapacityAdjustments is stepped over.

    Raises ``InputError`` for missing and broken statements, unknown nodes and layers, and counts that are not kept.
    """
    _, lines = read_rows(path, "route")
    values: dict[str, tuple[int, list[str]]] = {}
    lists: dict[str, list[tuple[int, list[str]]]] = {}
    at = 0
    while at < len(lines):
        line, words = lines[at]
        key, at = words[0].lower(), at + 1
        if key.startswith("num"):
            count = whole(words, 1, words[0], path, line)
            lists[key] = _listed(path, lines, at - 1, count)
            at += count
        else:
            values[key] = line, words
    return _route(path, nodes, values, lists)


def _route(
    path: PathLike,
    nodes: Nodes,
    values: dict[str, tuple[int, list[str]]],
    lists: dict[str, list[tuple[int, list[str]]]],
) -> Route:
    def numbers(key: str, count: int, default: float | None = None) -> Floats:
        line, words = values.get(key.lower(), (0, []))
        if not words:
            if default is None:
                raise InputError("statement is missing", file=path, line=1, expected=key)
            return np.full(count, default)
        if len(words) != count + 1:
            what = f"{key} has another number of values"
            raise InputError(what, file=path, line=line, found=str(len(words) - 1), expected=str(count))
        return np.array([number(words, column, key, path, line) for column in range(1, count + 1)])

    grid = numbers("Grid", 3)
    tile = numbers("TileSize", 2)
    layers = int(grid[2])
    if (grid < 1).any() or (grid != np.rint(grid)).any() or layers > 255 or (tile <= 0).any():
        raise InputError("Grid or TileSize cannot be used", file=path, line=values["grid"][0], found=f"{grid} {tile}")
    origin = numbers("GridOrigin", 2, 0.0)
    porosity = float(numbers("BlockagePorosity", 1, 0.0)[0])
    route = Route(
        (int(grid[0]), int(grid[1]), layers),
        (float(origin[0]), float(origin[1])),
        (float(tile[0]), float(tile[1])),
        numbers("VerticalCapacity", layers),
        numbers("HorizontalCapacity", layers),
        numbers("MinWireWidth", layers, 0.0),
        numbers("MinWireSpacing", layers, 0.0),
        min(max(porosity / 100 if porosity > 1 else porosity, 0.0), 1.0),
    )

    def layer(words: list[str], column: int, line: int) -> int:
        found = whole(words, column, "layer", path, line)
        if not 1 <= found <= layers:
            raise InputError("layer is unknown", file=path, line=line, found=words[column], expected=f"1 to {layers}")
        return found - 1

    for line, words in lists.get("numniterminals", []):
        route.pin_layer[_node(nodes, words[0], path, line)] = layer(words, 1, line)
    for line, words in lists.get("numblockagenodes", []):
        node = _node(nodes, words[0], path, line)
        count = whole(words, 1, "number of layers", path, line)
        route.blocked += [(node, layer(words, 2 + column, line)) for column in range(count)]
    return route


def _listed(path: PathLike, lines: list[tuple[int, list[str]]], at: int, count: int) -> list[tuple[int, list[str]]]:
    """The ``count`` lines behind line ``at``, which announces them."""
    if at + 1 + count > len(lines):
        line, words = lines[at]
        what = f"file ends inside the lines of {words[0]}"
        raise InputError(what, file=path, line=line, found=str(len(lines) - at - 1), expected=f"{count} lines")
    return lines[at + 1 : at + 1 + count]


def _node(nodes: Nodes, name: str, path: PathLike, line: int) -> int:
    node = nodes.index.get(name.encode(), -1)
    if node < 0:
        raise InputError("node is unknown", file=path, line=line, found=name, expected="one of the .nodes file")
    return node
