"""Feature maps: a placement becomes channels, chosen by a named ``ChannelSet``.

A channel is made by one function of a ``Layout`` (a design on its grid); its docstring has unit, formula and source.
``sets.FAMILIES`` is the table of all of them. What comes from a router is no channel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Design, LibertyCells
from placement_data.errors import InputError
from placement_data.features.layout import Layout, Map, shortest_side
from placement_data.features.sets import (
    ALL,
    CHANNEL_SETS,
    CIRCUITNET9,
    CIRCUITNET_NAMES,
    DEFAULT,
    FAMILIES,
    LAYER_RANGE_CHANNELS,
    LIBERTY_CHANNELS,
    ROUTABILITY,
    ROUTENAS17,
    ROUTENAS_PDN,
    UNITS,
    ChannelSet,
    channel_groups,
    channel_places,
    channel_set,
    same_values,
)
from placement_data.grid import Grid
from placement_data.netlist import REGISTER_PATTERNS, require_placed

__all__ = [
    "ALL",
    "CHANNEL_SETS",
    "CIRCUITNET9",
    "CIRCUITNET_NAMES",
    "DEFAULT",
    "FAMILIES",
    "LAYER_RANGE_CHANNELS",
    "LIBERTY_CHANNELS",
    "ROUTABILITY",
    "ROUTENAS17",
    "ROUTENAS_PDN",
    "UNITS",
    "ChannelSet",
    "Layout",
    "channel_groups",
    "channel_maps",
    "channel_places",
    "channel_set",
    "feature_maps",
    "layout_maps",
    "same_values",
    "shortest_side",
]


def feature_maps(
    design: Design,
    grid: Grid,
    channels: ChannelSet = DEFAULT,
    *,
    register_patterns: Sequence[str] = REGISTER_PATTERNS,
    liberty: LibertyCells | None = None,
    routing_layers: str = "",
    used: Collection[str] | None = None,
) -> NDArray[np.float32]:
    """The channels of a set, (channels, rows, columns) float32 in its order; only what they need is worked out.

    Where only some are ``used``, the others are 0 and cost nothing.
    ``register_patterns`` are regular expressions for names of registers, ``liberty`` is what a Liberty library says of
    its cells; see ``netlist.register_masters``. ``routing_layers`` are the layers that signals may use, as
    ``metal2-metal3`` (default: all); tracks and capacity are of these alone. Raises ``InputError`` where a cell is not
    placed, and for layers that there are not.
    """
    return layout_maps(Layout(design, grid, tuple(register_patterns), liberty, routing_layers), channels, used)


def layout_maps(
    layout: Layout, channels: ChannelSet = DEFAULT, used: Collection[str] | None = None
) -> NDArray[np.float32]:
    """As :func:`feature_maps`, of a layout; what the channels share stays in it."""
    require_placed(layout.design)
    place = {name: position for position, name in enumerate(channels.channels)}
    maps = np.zeros((len(place), *layout.grid.shape), dtype=np.float32)
    for name, values in channel_maps(layout, [name for name in place if used is None or name in used]):
        maps[place[name]] = values
    return maps


def channel_maps(layout: Layout, channels: Sequence[str]) -> Iterator[tuple[str, Map]]:
    """Name and float64 map (rows, columns) of each of the channels, one after another in the order of the table.

    Raises ``InputError`` for a channel that there is not.
    """
    unknown = [name for name in channels if name not in UNITS]
    if unknown:
        raise InputError("unknown channel", found=unknown[0], expected=", ".join(UNITS))
    wanted = set(channels)
    for family in FAMILIES:
        if wanted.intersection(family.channels):
            yield from (made for made in family.maps(layout) if made[0] in wanted)
