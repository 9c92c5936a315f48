"""The power grid by role. Stripes and via stacks take tracks where a look at the netlist sees none taken."""

from __future__ import annotations

import numpy as np

from placement_data.design import Use
from placement_data.features.layout import Layout, Map, Mask


def power_stripe_density(layout: Layout) -> Map:
    """Area of supply wires above the lowest routing layer that has any (the rails' layer), all layers together, over
    the tile's area; unit 1. Vias are not counted. Above 1 where wires of several layers cross. Ours."""
    wires = layout.design.special_wires
    level = layout.routing_level[wires.layer]
    wire = _supply(layout) & ~wires.via & (level >= 0)
    stripes = wire & (level > level[wire].min(initial=len(layout.routing_layers)))
    return layout.grid.per_area(layout.grid.box_area(wires.box[stripes]))


def power_via_count(layout: Layout) -> Map:
    """(3, rows, columns) number of boxes of supply vias' metal on the first, second and third routing layer that touch
    the tile; unit vias. A box of a via stack's middle layer counts once for the via above and once for that below.
    Ours."""
    wires = layout.design.special_wires
    level = np.where(_supply(layout) & wires.via, layout.routing_level[wires.layer], -1)
    return np.stack([layout.grid.box_count(wires.box[level == number]) for number in range(3)])


def _supply(layout: Layout) -> Mask:
    """(special wires,) True for the metal of POWER and GROUND nets."""
    design = layout.design
    return np.asarray(np.isin(design.special_nets.use, (Use.POWER, Use.GROUND))[design.special_wires.net])
