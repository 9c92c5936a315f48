"""Which technology a placement is in: one short text, equal for every version of one kit's LEF."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from placement_data.design import Design, LayerDirection, LayerKind, MasterClass, row_height


def technology(design: Design) -> str:
    """The technology of a design: "2 layers metal1-metal2, rows 1.4 um, 1f2e3d4c"; "" where no routing layer is known.

    The digest is of names, preferred directions and pitches (nanometres) of the routing layers in order, and of the
    height of the rows, or of the lowest standard cell where no row is known. Nothing else of a LEF counts: not its
    file, its version, its cells or its rules of spacing.
    """
    layers = design.layers
    routing = [place for place, kind in enumerate(layers.kind) if kind == LayerKind.ROUTING]
    if not routing:
        return ""
    facts = []
    for place in routing:
        direction = LayerDirection(int(layers.direction[place]))
        pitches = {
            LayerDirection.HORIZONTAL: (layers.pitch_y[place],),
            LayerDirection.VERTICAL: (layers.pitch_x[place],),
        }.get(direction, (layers.pitch_x[place], layers.pitch_y[place]))
        facts.append([str(layers.name[place]), direction.name, [_nanometres(pitch) for pitch in pitches]])
    height = row_height(design) or _lowest_cell(design)
    digest = hashlib.sha256(json.dumps([facts, _nanometres(height)]).encode()).hexdigest()[:8]
    rows = "" if height != height else f"rows {height:g} um, "
    return f"{len(routing)} layers {facts[0][0]}-{facts[-1][0]}, {rows}{digest}"


def recorded(head: Mapping[str, Any]) -> str:
    """The technology that a data set has recorded with a sample, by its head; "" where it is not known."""
    return str(head.get("provenance", {}).get("technology", ""))


def _nanometres(microns: float) -> int | None:
    return None if microns != microns else round(1000 * microns)


def _lowest_cell(design: Design) -> float:
    """Height in microns of the lowest standard cell, NaN without one."""
    core = design.masters.height[design.masters.kind == MasterClass.CORE]
    return float(core.min()) / design.dbu_per_micron if core.size else float("nan")
