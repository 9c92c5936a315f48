"""The table of all channels, and the named sets of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from placement_data import DEFAULT_CHANNELS
from placement_data.errors import SettingError
from placement_data.features import (
    access,
    blockages,
    demand,
    densities,
    pin_access,
    power,
    route_estimate,
    tracks,
    wires,
)
from placement_data.features.layout import Layout, Map


@dataclass(frozen=True)
class Family:
    """Channels that one function makes: a map, or a stack of as many maps as there are channels.

    ``group`` names what they are about: channels of one group are kept or left out together.
    """

    channels: tuple[str, ...]
    unit: str
    make: Callable[[Layout], Map]
    group: str

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
    Family(("macro_density",), "1", densities.macro_density, "densities"),
    Family(("cell_density",), "1", densities.cell_density, "densities"),
    Family(("register_density",), "1", densities.register_density, "densities"),
    Family(("clock_cell_density",), "1", densities.clock_cell_density, "densities"),
    Family(("pin_density",), "pins", densities.pin_density, "densities"),
    Family(_pair("rudy", *_FANOUT), "1/um", wires.rudy_by_fanout, "fanout_wires"),
    Family(_pair("bounding_box", *_FANOUT), "nets", wires.bounding_box, "fanout_wires"),
    Family(_pair("pairwise", *_FANOUT), "1", wires.pairwise, "fanout_wires"),
    Family(_pair("star", *_FANOUT), "1", wires.star, "fanout_wires"),
    Family(_pair("source_sink", *_FANOUT), "1", wires.source_sink, "fanout_wires"),
    Family(_pair("mst", *_FANOUT), "1", wires.mst, "fanout_wires"),
    Family(("power_stripe_density",), "1", power.power_stripe_density, "power_grid"),
    Family(_pair("power_via_count", "1", "2", "3"), "vias", power.power_via_count, "power_grid"),
    Family(_pair("power_track_use", *_DIRECTION), "1", tracks.power_track_use, "power_grid"),
    Family(_pair("routing_blockage", *_DIRECTION), "1", tracks.routing_blockage, "tracks"),
    Family(_pair("track_count", *_DIRECTION), "tracks", tracks.track_count, "tracks"),
    Family(("macro_region",), "1", densities.macro_region, "densities"),
    Family(("macro_halo_density",), "1", densities.macro_halo_density, "densities"),
    Family(("placement_blockage_density",), "1", blockages.placement_blockage_density, "placement_blockages"),
    Family(("soft_blockage_density",), "1", blockages.soft_blockage_density, "placement_blockages"),
    Family(("partial_blockage_density",), "1", blockages.partial_blockage_density, "placement_blockages"),
    Family(("cell_count",), "cells", densities.cell_count, "densities"),
    Family(("rudy",), "1/um", demand.rudy, "rudy"),
    Family(_pair("rudy", "long", "short"), "1/um", demand.rudy_by_span, "rudy"),
    Family(_pair("rudy", *_DIRECTION), "1/um", demand.rudy_by_direction, "rudy"),
    Family(("rudy_pin",), "1/um", demand.rudy_pin, "rudy"),
    Family(("rudy_pin_long",), "1/um", demand.rudy_pin_long, "rudy"),
    Family(_pair("estimated_utilization", *_DIRECTION), "1", demand.estimated_utilization, "estimated_use"),
    Family(_pair("estimated_overflow", *_DIRECTION), "1", demand.estimated_overflow, "estimated_use"),
    Family(_pair("pin_count_layer", "1", "2", "3_up"), "pins", access.pin_count_by_layer, "pins"),
    Family(("pin_area",), "1", access.pin_area, "pins"),
    Family(("pin_track_crossings",), "crossings", access.pin_track_crossings, "pins"),
    Family(_pair("route_demand", *_DIRECTION), "tracks", route_estimate.route_demand, "route_estimate"),
    Family(_pair("route_capacity", *_DIRECTION), "tracks", route_estimate.route_capacity, "route_estimate"),
    Family(_pair("route_utilization", *_DIRECTION), "1", route_estimate.route_utilization, "route_estimate"),
    Family(_pair("route_overflow", *_DIRECTION), "tracks", route_estimate.route_overflow, "route_estimate"),
    Family(("route_bends",), "vias", route_estimate.route_bends, "route_estimate"),
    Family(_pair("route_history", *_DIRECTION), "1", route_estimate.route_history, "route_estimate"),
    Family(
        _pair("route_initial_utilization", *_DIRECTION), "1", route_estimate.route_initial_utilization, "route_estimate"
    ),
    Family(("pin_competition",), "pins", pin_access.pin_competition, "pin_access"),
    Family(("pin_competition_free",), "pins", pin_access.pin_competition_free, "pin_access"),
    Family(("pin_competition_max",), "pins", pin_access.pin_competition_max, "pin_access"),
    Family(("pin_access_remaining",), "points", pin_access.pin_access_remaining, "pin_access"),
    Family(("pin_access_deficit",), "pins", pin_access.pin_access_deficit, "pin_access"),
    Family(("blocked_pin_count",), "pins", pin_access.blocked_pin_count, "pin_access"),
    Family(_pair("pin_escape", *_DIRECTION), "edges", pin_access.pin_escape, "pin_access"),
    Family(_pair("pin_escape_bias", *_DIRECTION), "edges", pin_access.pin_escape_bias, "pin_access"),
    Family(("port_count",), "ports", access.port_count, "ports"),
)
"""Every channel there is; a channel's docstring is that of its family's function."""

UNITS: dict[str, str] = {name: family.unit for family in FAMILIES for name in family.channels}
"""Unit of each channel."""

GROUPS: dict[str, str] = {name: family.group for family in FAMILIES for name in family.channels}
"""Group of each channel."""

OTHERS = "others"
"""Group of the channels that are not made here, such as those of an imported data set."""


def channel_groups(channels: Sequence[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The groups of some channels, each with those of them that are in it; groups and channels in the order given."""
    groups: dict[str, list[str]] = {}
    for name in channels:
        groups.setdefault(GROUPS.get(name, OTHERS), []).append(name)
    return tuple((group, tuple(members)) for group, members in groups.items())


LIBERTY_CHANNELS = frozenset({"register_density", "clock_cell_density"})
"""Channels that come out otherwise where a Liberty library tells which cells are registers and clock gates."""

LAYER_RANGE_CHANNELS = frozenset(
    name
    for name, group in GROUPS.items()
    if group in ("tracks", "estimated_use", "route_estimate", "pin_access")
    or name in (*_pair("power_track_use", *_DIRECTION), "pin_track_crossings")
)
"""Channels that may come out otherwise where other layers are told for signals."""

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

_LEFT_OUT: tuple[str, ...] = ("fanout_wires", "placement_blockages", "rudy", "estimated_use")

ROUTABILITY = _set("routability", 1, [name for name in _ALL if GROUPS[name] not in _LEFT_OUT])
"""What predicts routability best: every channel but those of the groups that do not help."""

ALL = _set("all", 2, _ALL)
"""Every channel."""

CHANNEL_SETS: dict[str, ChannelSet] = {
    channels.name: channels for channels in (ROUTENAS17, ROUTENAS_PDN, CIRCUITNET9, ROUTABILITY, ALL)
}
"""The sets by name."""

DEFAULT = CHANNEL_SETS[DEFAULT_CHANNELS]
"""The set where none is named."""

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
