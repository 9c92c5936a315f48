"""The table of all channels, and the named sets of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from placement_data.errors import SettingError
from placement_data.features import access, blockages, demand, densities, power, route_estimate, tracks, wires
from placement_data.features.layout import Layout, Map


@dataclass(frozen=True)
class Family:
    """Channels that one function makes: a map, or a stack of as many maps as there are channels."""

    channels: tuple[str, ...]
    unit: str
    make: Callable[[Layout], Map]

    def maps(self, layout: Layout) -> Iterator[tuple[str, Map]]:
        """Name and float64 map (rows, columns) of each channel."""
        made = self.make(layout)
        yield from zip(self.channels, made[None] if made.ndim == 2 else made, strict=True)


@dataclass(frozen=True)
class ChannelSet:
    """An ordered choice of channels. ``version`` changes whenever a channel's values or their order would."""

    name: str
    version: str
    channels: tuple[str, ...]
    units: tuple[str, ...]


def _pair(name: str, *suffixes: str) -> tuple[str, ...]:
    return tuple(f"{name}_{suffix}" for suffix in suffixes)


_FANOUT, _DIRECTION = ("small", "large"), ("horizontal", "vertical")

FAMILIES: tuple[Family, ...] = (
    Family(("macro_density",), "1", densities.macro_density),
    Family(("cell_density",), "1", densities.cell_density),
    Family(("register_density",), "1", densities.register_density),
    Family(("clock_cell_density",), "1", densities.clock_cell_density),
    Family(("pin_density",), "pins", densities.pin_density),
    Family(_pair("rudy", *_FANOUT), "1/um", wires.rudy_by_fanout),
    Family(_pair("bounding_box", *_FANOUT), "nets", wires.bounding_box),
    Family(_pair("pairwise", *_FANOUT), "1", wires.pairwise),
    Family(_pair("star", *_FANOUT), "1", wires.star),
    Family(_pair("source_sink", *_FANOUT), "1", wires.source_sink),
    Family(_pair("mst", *_FANOUT), "1", wires.mst),
    Family(("power_stripe_density",), "1", power.power_stripe_density),
    Family(_pair("power_via_count", "1", "2", "3"), "vias", power.power_via_count),
    Family(_pair("power_track_use", *_DIRECTION), "1", tracks.power_track_use),
    Family(_pair("routing_blockage", *_DIRECTION), "1", tracks.routing_blockage),
    Family(_pair("track_count", *_DIRECTION), "tracks", tracks.track_count),
    Family(("macro_region",), "1", densities.macro_region),
    Family(("macro_halo_density",), "1", densities.macro_halo_density),
    Family(("placement_blockage_density",), "1", blockages.placement_blockage_density),
    Family(("soft_blockage_density",), "1", blockages.soft_blockage_density),
    Family(("partial_blockage_density",), "1", blockages.partial_blockage_density),
    Family(("cell_count",), "cells", densities.cell_count),
    Family(("rudy",), "1/um", demand.rudy),
    Family(_pair("rudy", "long", "short"), "1/um", demand.rudy_by_span),
    Family(_pair("rudy", *_DIRECTION), "1/um", demand.rudy_by_direction),
    Family(("rudy_pin",), "1/um", demand.rudy_pin),
    Family(("rudy_pin_long",), "1/um", demand.rudy_pin_long),
    Family(_pair("estimated_utilization", *_DIRECTION), "1", demand.estimated_utilization),
    Family(_pair("estimated_overflow", *_DIRECTION), "1", demand.estimated_overflow),
    Family(_pair("pin_count_layer", "1", "2", "3_up"), "pins", access.pin_count_by_layer),
    Family(("pin_area",), "1", access.pin_area),
    Family(("pin_track_crossings",), "crossings", access.pin_track_crossings),
    Family(_pair("route_demand", *_DIRECTION), "tracks", route_estimate.route_demand),
    Family(_pair("route_capacity", *_DIRECTION), "tracks", route_estimate.route_capacity),
    Family(_pair("route_utilization", *_DIRECTION), "1", route_estimate.route_utilization),
    Family(_pair("route_overflow", *_DIRECTION), "tracks", route_estimate.route_overflow),
    Family(("route_bends",), "vias", route_estimate.route_bends),
    Family(_pair("route_history", *_DIRECTION), "1", route_estimate.route_history),
    Family(_pair("route_initial_utilization", *_DIRECTION), "1", route_estimate.route_initial_utilization),
)
"""Every channel there is; a channel's docstring is that of its family's function."""

UNITS: dict[str, str] = {name: family.unit for family in FAMILIES for name in family.channels}
"""Unit of each channel."""

LIBERTY_CHANNELS = frozenset({"register_density", "clock_cell_density"})
"""Channels that come out otherwise where a Liberty library tells which cells are registers and clock gates."""

CIRCUITNET_NAMES: dict[str, str] = {
    "macro_region": "macro_region",
    "cell_count": "cell_density",
    "rudy": "RUDY",
    "rudy_long": "RUDY_long",
    "rudy_short": "RUDY_short",
    "rudy_pin": "RUDY_pin",
    "rudy_pin_long": "RUDY_pin_long",
}
"""CircuitNet's names of the channels that follow its extractor."""


def _set(name: str, revision: int, channels: Sequence[str]) -> ChannelSet:
    return ChannelSet(name, f"{name}/{revision}", tuple(channels), tuple(UNITS[channel] for channel in channels))


_ALL = tuple(UNITS)

ROUTENAS17 = _set("routenas17", 1, _ALL[:17])
"""RouteNAS's five densities and twelve wire maps (arXiv 2012.01737)."""

ROUTENAS_PDN = _set("routenas-pdn", 1, _ALL[:21])
"""``routenas17`` and four maps of the power grid: stripes, and vias on the three lowest routing layers."""

CIRCUITNET9 = _set(
    "circuitnet9",
    1,
    (
        *("macro_region", "cell_count", "rudy_long", "rudy_short", "rudy_pin_long"),
        *_pair("estimated_overflow", *_DIRECTION),
        *_pair("estimated_utilization", *_DIRECTION),
    ),
)
"""Nine channels after the DRC task of CircuitNet: its five that are known before routing, and in the place of its four
overflow maps, which come from a router and would leak the label, two estimates of overflow and two of utilization."""

ALL = _set("all", 2, _ALL)
"""Every channel."""

CHANNEL_SETS: dict[str, ChannelSet] = {
    channels.name: channels for channels in (ROUTENAS17, ROUTENAS_PDN, CIRCUITNET9, ALL)
}
"""The sets by name."""

CHANGED_SINCE: dict[str, frozenset[str]] = {"all/1": frozenset()}
"""Former versions of the sets, and the channels of each whose values are others today.

A change of a channel's values raises the version of every set that has it, and enters the former versions here; so
that a channel of a data set or model of another version, or of another set, can be known to mean the same.
"""


def same_values(channel: str, version: str, other: str | None = None) -> bool:
    """Whether a channel of a data set of one version has the values of that name in another (default: those of today).

    A version that is none of ours (an imported data set's) is like itself alone.
    """
    if version == other:
        return True
    today = {channels.version for channels in CHANNEL_SETS.values()}

    def current(each: str) -> bool:
        return channel in UNITS and (each in today or channel not in CHANGED_SINCE.get(each, (channel,)))

    return current(version) and (other is None or current(other))


def channel_places(
    wanted: Sequence[str], version: str, channels: Sequence[str], other: str
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Where the ``wanted`` channels of a ``version`` stand among the ``channels`` of another, and those that do not."""
    there = {name: place for place, name in enumerate(channels) if same_values(name, version, other)}
    return tuple(there[name] for name in wanted if name in there), tuple(name for name in wanted if name not in there)


def channel_set(name: str) -> ChannelSet:
    """The channel set of a name; raises ``InputError`` that lists the names where there is none."""
    if name not in CHANNEL_SETS:
        raise SettingError("unknown channel set", found=name, expected=" or ".join(CHANNEL_SETS))
    return CHANNEL_SETS[name]
