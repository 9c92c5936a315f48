"""Bookshelf (GSRC, ISPD 2005 to 2015, DAC and ICCAD 2012): an .aux and the files that it names become a ``Design``.

Bookshelf knows nodes, not masters, and no unit of length; what stands for what:

- One unit is one micron here. ``dbu_per_micron`` is the smallest 2^a 5^b up to 1000 at which every length,
  half width and pin offset is whole; where there is none, 1000 (or the most that fits), and rounding.
- Nodes are cells. One higher than a row is CLASS BLOCK; a terminal of another height than a row's is PAD; a
  ``terminal_NI`` or ``/FIXED_NI``, upon which cells may lie, is COVER; all else is CORE. Terminals are FIXED. Nodes of
  equal outline and pins share a master. A node that no .pl places is UNPLACED.
- Pins are points. A pin drives where its direction is O or B. All nets are signals; nothing tells registers or clocks.
- The die is the bounding box of the rows and of all fixed nodes, of all nodes where there are no rows.
- .shapes become placement blockages of their cell; the cell's own box stays the bounding one that .nodes gives.
- .route gives layers M1, M2, ... (pitch = width + spacing), tracks as dense as the capacities allow, the GCELLGRID, and
  one blockage per layer and blocked node. Its adjustments of single edges, and .wts, are stepped over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from os.path import isfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from placement_data.columns import name_column
from placement_data.design import (
    Cells,
    Codes,
    Design,
    Direction,
    Floats,
    Indices,
    Ints,
    MasterClass,
    Nets,
    Pins,
    Ports,
    SpecialNets,
    Status,
    Use,
)
from placement_data.errors import InputError
from placement_data.orientation import Orientation, turned_in_frame
from placement_data.readers.bookshelf.floor import Route, Shapes, Subrow, read_route, read_scl, read_shapes
from placement_data.readers.bookshelf.lines import texts
from placement_data.readers.bookshelf.masters import NodePins, make_masters
from placement_data.readers.bookshelf.netlist import (
    MOVABLE,
    TERMINAL_NI,
    Netlist,
    Nodes,
    Placement,
    read_nets,
    read_nodes,
    read_places,
)
from placement_data.readers.bookshelf.tables import (
    Scale,
    make_blockages,
    make_gcell_grid,
    make_layers,
    make_rows,
    make_sites,
    make_tracks,
)
from placement_data.text import PathLike, load_text

_SUFFIXES = (".nodes", ".nets", ".wts", ".pl", ".scl", ".shapes", ".route")
_KEYWORD = re.compile(r"^\s*[A-Za-z_]+\s*:")


@dataclass(frozen=True)
class _Files:
    """What the files say, in Bookshelf's units."""

    nodes: Nodes
    nets: Netlist
    places: Placement
    rows: list[Subrow]
    shapes: Shapes
    route: Route | None


def read_bookshelf(aux: PathLike, pl: PathLike | None = None) -> Design:
    """Read the placement that an .aux names, with the places of ``pl`` instead of its own .pl where that is given.

    Any file may be packed with gzip, under its own name or with ``.gz`` behind it. The .nodes and .nets must be there,
    and rows or a placement, which tell the die. See the module for what stands for what. Raises ``InputError`` naming
    file and line for files that are missing, broken or cut off.
    """
    paths = _read_aux(Path(aux))
    if pl is not None:
        paths[".pl"] = Path(pl)
    nodes = read_nodes(paths[".nodes"])
    files = _Files(
        nodes,
        read_nets(paths[".nets"], nodes),
        read_places(paths[".pl"], nodes) if ".pl" in paths else Placement.none(len(nodes.kind)),
        read_scl(paths[".scl"]) if ".scl" in paths else [],
        read_shapes(paths[".shapes"], nodes) if ".shapes" in paths else Shapes.none(),
        read_route(paths[".route"], nodes) if ".route" in paths else None,
    )
    name = re.sub(r"\.aux$", "", re.sub(r"\.gz$", "", Path(aux).name))
    # The placement comes last: errors about a whole design name its last source.
    read = [paths[suffix] for suffix in (".nodes", ".nets", ".scl", ".shapes", ".route", ".pl") if suffix in paths]
    return _design(name, files, (str(aux), *map(str, read)))


def _read_aux(aux: Path) -> dict[str, Path]:
    """The files that an .aux names, by suffix. A .wts need not exist: nothing is read from it."""
    found: dict[str, Path] = {}
    for line, text in enumerate(load_text(aux).splitlines(), start=1):
        for word in _KEYWORD.sub("", text.split("#")[0]).split():
            suffix = Path(re.sub(r"\.gz$", "", word)).suffix.lower()
            if suffix not in _SUFFIXES:
                continue
            if suffix in found:
                raise InputError(f"a second {suffix} file is named", file=aux, line=line, found=word)
            beside = [aux.parent / word, aux.parent / f"{word}.gz", aux.parent / re.sub(r"\.gz$", "", word)]
            existing = [path for path in beside if isfile(path)]
            if not existing and suffix != ".wts":
                raise InputError("file does not exist", file=aux, line=line, found=word, expected="a file beside it")
            found[suffix] = existing[0] if existing else beside[0]
    for suffix in (".nodes", ".nets"):
        if suffix not in found:
            expected = "a line such as RowBasedPlacement : a.nodes a.nets a.wts a.pl a.scl"
            raise InputError(f"no {suffix} file is named", file=aux, line=1, expected=expected)
    return found


def _design(name: str, files: _Files, sources: tuple[str, ...]) -> Design:
    scale = _scale(files, sources[0])
    route, nodes = files.route, files.nodes
    kind = _classes(files)
    pin_layer = np.full(len(nodes.kind), -1, dtype=np.int32)
    if route is not None:
        pin_layer[list(route.pin_layer)] = list(route.pin_layer.values())
    size = np.stack([scale.whole(nodes.width), scale.whole(nodes.height)], axis=1)
    nets = files.nets
    node_pins = NodePins(
        nets.node,
        nets.direction,
        pin_layer[nets.node],
        scale.whole(nodes.width[nets.node] / 2 + nets.dx),
        scale.whole(nodes.height[nets.node] / 2 + nets.dy),
    )
    masters, master, master_pin = make_masters(size[:, 0], size[:, 1], kind, node_pins, scale.dbu)
    cells = _cells(files, size, master, scale)
    die = _die(cells, files.rows, scale, sources[-1])
    x0, y0, x1, y1 = die.tolist()
    return Design(
        name,
        scale.dbu,
        die,
        np.array([(x0, y0), (x0, y1), (x1, y1), (x1, y0)], dtype=np.int64),
        make_layers(route),
        make_sites(files.rows),
        masters,
        cells,
        _no_ports(),
        Nets(name_column(nets.name), np.full(len(nets.name), Use.SIGNAL, dtype=np.uint8), nets.pin_offset),
        _pins(nets, node_pins, cells, size, master_pin),
        SpecialNets(name_column([]), np.empty(0, dtype=np.uint8)),
        make_rows(files.rows, scale),
        make_tracks(route, scale),
        make_gcell_grid(route, scale),
        make_blockages(route, files.shapes, cells, scale),
        sources=sources,
    )


def _scale(files: _Files, file: str) -> Scale:
    nodes, nets, places, route = files.nodes, files.nets, files.places, files.route
    lengths = [nodes.width, nodes.height, nodes.width / 2, nodes.height / 2, places.x, places.y, nets.dx, nets.dy]
    lengths.append(files.shapes.box.reshape(-1))
    rows = [(row.x, row.y, row.right, row.height, row.site_width, row.site_spacing) for row in files.rows]
    lengths.append(np.array(rows, dtype=np.float64).reshape(-1))
    if route is not None:
        ends = [route.origin[axis] + route.grid[axis] * route.tile[axis] for axis in range(2)]
        lengths.append(np.array([*route.origin, *route.tile, *ends]))
        lengths.append(np.array([distance / 2 for _, _, distance, _ in route.tracks()]))
    return Scale.of(lengths, file)


def _classes(files: _Files) -> Codes:
    """CLASS of each node, see the module."""
    nodes = files.nodes
    height = _row_height(files)
    terminal = (nodes.kind != MOVABLE) & (nodes.height != height)
    kind = np.where(terminal, MasterClass.PAD, MasterClass.CORE)
    kind[nodes.height > height] = MasterClass.BLOCK
    kind[(nodes.kind == TERMINAL_NI) | files.places.no_image] = MasterClass.COVER
    return kind.astype(np.uint8)


def _row_height(files: _Files) -> float:
    """The commonest height of the rows, of the movable nodes where there are no rows."""
    heights: Floats = np.array([row.height for row in files.rows], dtype=np.float64)
    if not heights.size:
        heights = files.nodes.height[files.nodes.kind == MOVABLE]
    values, counts = np.unique(heights, return_counts=True)
    return float(values[np.argmax(counts)]) if values.size else float("inf")


def _cells(files: _Files, size: Ints, master: Indices, scale: Scale) -> Cells:
    nodes, places = files.nodes, files.places
    box = _outlines(size, places.orientation) + np.tile(np.stack([scale.whole(places.x), scale.whole(places.y)], 1), 2)
    box[~places.placed] = 0
    fixed = places.fixed | (nodes.kind != MOVABLE)
    status = np.where(places.placed, np.where(fixed, Status.FIXED, Status.PLACED), Status.UNPLACED).astype(np.uint8)
    names = name_column(texts(list(nodes.index)))
    return Cells(names, master, places.orientation, status, box, np.full(len(names), "", dtype=object))


def _outlines(size: Ints, orientation: Codes) -> Ints:
    turned = np.isin(orientation, (Orientation.W, Orientation.E, Orientation.FW, Orientation.FE))
    return np.concatenate([np.zeros_like(size), np.where(turned[:, None], size[:, ::-1], size)], axis=1)


def _pins(nets: Netlist, at: NodePins, cells: Cells, size: Ints, master_pin: Indices) -> Pins:
    box = np.stack([at.x, at.y, at.x, at.y], axis=1)
    orientation = cells.orientation[nets.node]
    turned = np.flatnonzero(orientation != Orientation.N)
    box[turned] = turned_in_frame(box[turned], size[nets.node[turned]], orientation[turned].astype(np.int64))
    box += np.tile(cells.box[nets.node, :2], 2)
    placed: NDArray[np.bool_] = (cells.status != Status.UNPLACED)[nets.node]
    box[~placed] = 0
    return Pins(
        net=np.repeat(np.arange(len(nets.name), dtype=np.int32), np.diff(nets.pin_offset)),
        cell=nets.node.astype(np.int32),
        port=np.full(len(nets.node), -1, dtype=np.int32),
        master_pin=master_pin,
        box=box,
        drives=np.isin(nets.direction, (Direction.OUTPUT, Direction.INOUT)),
        placed=placed,
    )


def _die(cells: Cells, rows: list[Subrow], scale: Scale, file: str) -> Ints:
    ends = np.array([(row.x, row.y, row.right, row.y + row.height) for row in rows], dtype=np.float64).reshape(-1, 4)
    counted = cells.status == Status.FIXED if rows else cells.status != Status.UNPLACED
    boxes = np.concatenate([scale.whole(ends), cells.box[counted]])
    if not len(boxes):
        raise InputError(
            "nothing tells the die", file=file, line=1, expected="rows in a .scl file, or places in a .pl file"
        )
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _no_ports() -> Ports:
    codes = np.empty(0, dtype=np.uint8)
    return Ports(name_column([]), name_column([]), codes, codes, codes, np.empty((0, 4), dtype=np.int64))
