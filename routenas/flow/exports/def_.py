"""A DEF of nothing but partial placement blockages, to be read on top of a design. Database units."""

from __future__ import annotations

from routenas.flow.exports.plan import Emitted, Plan
from routenas.flow.exports.tcl import comment


def blockages(plan: Plan, *, density: float | None = None) -> Emitted:
    """``BLOCKAGES ... + PARTIAL``: the per cent of a region that cells may take, by LEF/DEF 5.8."""
    design = plan.design
    statements = [
        f"- PLACEMENT + PARTIAL {region.density(density)} RECT ( {x0} {y0} ) ( {x1} {y1} ) ;\n"
        for region in plan.areas
        for x0, y0, x1, y1 in region.parts
    ]
    what = "Partial placement blockages: PARTIAL is the per cent of the box that cells may take (LEF/DEF 5.8)."
    corners = " ".join(f"( {x} {y} )" for x, y in design.die_polygon.tolist())
    if len(design.die_polygon) == 4:
        x0, y0, x1, y1 = design.die.tolist()
        corners = f"( {x0} {y0} ) ( {x1} {y1} )"
    return Emitted(
        comment((*plan.provenance, what))
        + f'VERSION 5.8 ;\nDIVIDERCHAR "{design.spelling.divider}" ;\nBUSBITCHARS "{design.spelling.bus_bits}" ;\n'
        + f"DESIGN {design.name} ;\nUNITS DISTANCE MICRONS {design.dbu_per_micron} ;\nDIEAREA {corners} ;\n"
        + f"BLOCKAGES {len(statements)} ;\n{''.join(statements)}END BLOCKAGES\nEND DESIGN\n"
    )
