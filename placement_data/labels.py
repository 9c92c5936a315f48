"""Labels of a placement from the design-rule violations of its detailed routing: hotspots and violated nets."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement_data.columns import owners
from placement_data.design import Design
from placement_data.errors import InputError
from placement_data.findings import Finding
from placement_data.grid import Grid
from placement_data.matching import MISMATCH, match_nets
from placement_data.netlist import signal_nets
from placement_data.violations import Violations

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """Labels of one placement on one grid; maps are (rows, columns).

    ``kind`` says where the violations come from (router, stage), since labels of different kinds must not be mixed.
    """

    hotspot: NDArray[np.uint8]  # 1 where a violation touches the tile
    density: NDArray[np.float32]  # number of violations that touch the tile
    net_map: NDArray[np.float32] | None  # violated nets spread over the tiles of their violations
    violated_nets: int | None  # None, as ``net_map``, where the report has violations and names no net
    net_count: int  # signal nets of the design
    kind: str
    findings: tuple[Finding, ...] = ()  # those of the report, and what of it does not match the design


def make_labels(
    design: Design,
    grid: Grid,
    violations: Violations,
    kind: str,
    report_path: str | PathLike[str] | None = None,
) -> Labels:
    """Labels of a placement. Violated nets are the distinct signal nets of the design that the report names.

    Many a tool names no nets at all (KLayout, Magic, Calibre): a report with violations and without any net says
    nothing of violated nets, not that there are none.

    Raises ``InputError`` (naming ``report_path``) where the report does not belong to the layout: a violation lies more
    than one tile off the die, or the design lacks most of the nets that the report names.
    """
    signal = signal_nets(design)
    net_count = int(signal.sum())
    if not net_count:
        raise InputError("the design has no signal nets", file=design.sources[-1] if design.sources else None)
    _require_on_die(violations, grid, report_path)
    net, findings = match_nets(design, violations, report_path)
    violated = (net >= 0) & signal[net]
    count = len(np.unique(net[violated]))
    of = _violation_of_net(violations)
    named = (net >= 0).any() or not violations.may_be_pin.issuperset(violations.net_name)
    silent = bool(len(violations)) and not named
    return Labels(
        hotspot=hotspot_map(violations, grid),
        density=violation_density(violations, grid),
        net_map=None if silent else _spread(net[violated], of[violated], _boxes(violations, grid), grid),
        violated_nets=None if silent else count,
        net_count=net_count,
        kind=kind,
        findings=(*violations.findings, *findings),
    )


def violation_density(violations: Violations, grid: Grid) -> NDArray[np.float32]:
    """(rows, columns) number of violations whose closed box touches the half-open tile (the last tiles are closed).

    A box that only touches a tile border counts for the tile that owns the border, the one above or to the right. Boxes
    off the die count for the nearest tile at its edge.
    """
    return grid.box_count(_boxes(violations, grid)).astype(np.float32)


def hotspot_map(violations: Violations, grid: Grid) -> NDArray[np.uint8]:
    """(rows, columns) 1 where a violation touches the tile as in ``violation_density``, else 0."""
    return (violation_density(violations, grid) > 0).astype(np.uint8)


def violated_nets(violations: Violations) -> int:
    """Number of distinct nets that the violations name, supply nets too."""
    return len(set(violations.net_name))


def violated_net_map(violations: Violations, grid: Grid) -> NDArray[np.float32]:
    """(rows, columns) sum over violated nets of 1 / number of tiles that the net's violations touch.

    Sums to the number of violated nets: a dense target for the count.
    """
    names = {name: i for i, name in enumerate(dict.fromkeys(violations.net_name))}
    net = np.array([names[name] for name in violations.net_name], dtype=np.int64)
    return _spread(net, _violation_of_net(violations), _boxes(violations, grid), grid)


def _spread(net: Indices, of: Indices, boxes: NDArray[Any], grid: Grid) -> NDArray[np.float32]:
    """Share out each net over the distinct tiles of its violations; row i says that net[i] is in violation of[i]."""
    rows, columns = grid.shape
    item, tile = grid.touched(boxes[of])
    distinct = np.unique(net[item] * (rows * columns) + tile)
    owner, tile = np.divmod(distinct, rows * columns)
    share = 1.0 / np.bincount(owner)[owner] if len(owner) else np.zeros(0)
    return np.bincount(tile, share, minlength=rows * columns).reshape(rows, columns).astype(np.float32)


def _boxes(violations: Violations, grid: Grid) -> NDArray[np.float64]:
    """Boxes (n, 4) in database units, clipped to the die."""
    return grid.clip(_unclipped(violations, grid))


def _unclipped(violations: Violations, grid: Grid) -> NDArray[np.float64]:
    """Boxes in database units. The rounding undoes the error of decimal microns, which would matter on tile borders."""
    return np.rint(violations.box * grid.dbu_per_micron * 1024) / 1024


def _require_on_die(violations: Violations, grid: Grid, report_path: str | PathLike[str] | None) -> None:
    box = _unclipped(violations, grid)
    off = ~(grid.within(box, grid.tile) & np.isfinite(box).all(axis=1))
    if off.any():
        what = f"{MISMATCH}: {int(off.sum())} of {len(box)} violations lie off the die"
        first = " ".join(f"{v:g}" for v in violations.box[np.flatnonzero(off)[0]])
        die = " ".join(f"{edge / grid.dbu_per_micron:g}" for edge in grid.die)
        shape = "" if grid.outline is None else f", in its outline of {len(grid.outline.corners)} corners"
        raise InputError(what, file=report_path, found=first, expected=f"a box on the die {die} (microns){shape}")


def _violation_of_net(violations: Violations) -> Indices:
    """(named nets,) the violation that names each net."""
    return owners(violations.net_offset)
