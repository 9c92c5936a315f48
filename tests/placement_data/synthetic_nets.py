"""The nets of a made-up placement: mostly short, a few long, none with more than thirty sinks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from placement_data.design import Ints

MOST_SINKS = 30
MOST_CLOCKED = MOST_SINKS - 1  # by one buffer; the clock's own net takes a memory besides
_ROW_HEIGHT, _SITE_WIDTH = 2800, 380
_REACH = 2.0  # mean distance of a sink from its driver, in rows
_FAR = 0.01  # share of sinks whose driver may be anywhere
_SAMPLED = 2000  # sinks that a driver outside the gates takes the nearest of
_HUBS, _TO_HUB = 0.02, 0.03  # share of drivers with many sinks, and of sinks that go to one of them

Terminal = tuple[str, str]  # component (or PIN) and pin


class GateLike(Protocol):
    """What is asked of a gate here."""

    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def output(self) -> str: ...
    @property
    def clock(self) -> str: ...


@dataclass(frozen=True)
class Driver:
    """A driver that is no gate: a port or a memory's output, and where it lies."""

    terminal: Terminal
    place: tuple[int, int]


def connect(
    gates: Sequence[GateLike],
    kind: Ints,
    x: Ints,
    y: Ints,
    drivers: Sequence[Driver],
    sinks_outside: Sequence[Terminal],
    rng: np.random.Generator,
) -> tuple[list[str], dict[str, str]]:
    """NETS statements for the gates of ``kind`` (n,) at ``x`` and ``y`` (n,), which stand in rows in the order given.

    The first of ``drivers`` is the clock. Every input has one driver; a gate whose output nothing takes has no net. The
    second value is the net of each port.
    """
    is_buffer = np.array([bool(gate.clock) and not gate.inputs for gate in gates])[kind]
    logic = np.flatnonzero(~is_buffer)
    sink_cell, sink_pin = _inputs(gates, kind)
    driver = _choose_drivers(x, y, logic, sink_cell, rng)
    driver = _from_outside(driver, sink_cell, logic, drivers, x, y, len(kind), rng)
    sinks: list[list[Terminal]] = [[] for _ in range(len(kind) + len(drivers))]
    for source, cell, pin in zip(driver.tolist(), sink_cell.tolist(), sink_pin, strict=True):
        sinks[source].append((f"u{cell}", pin))
    _add_clock(sinks, gates, kind, is_buffer)
    idle = [cell for cell in logic.tolist() if not sinks[cell]]
    spread = rng.permutation(idle or logic.tolist() or [len(kind) + 1]).tolist()
    for index, sink in enumerate(sinks_outside):
        clock_pin = sink[1] == "CK"
        sinks[len(kind) if clock_pin else spread[index % len(spread)]].append(sink)
    return _statements(sinks, gates, kind, drivers)


def _inputs(gates: Sequence[GateLike], kind: Ints) -> tuple[Ints, list[str]]:
    """Every data input: its cell (m,) and its name."""
    count = np.array([len(gate.inputs) for gate in gates], dtype=np.int64)[kind]
    names = [name for index in kind.tolist() for name in gates[index].inputs]
    return np.repeat(np.arange(len(kind)), count), names


def _choose_drivers(x: Ints, y: Ints, logic: Ints, sink_cell: Ints, rng: np.random.Generator) -> Ints:
    """A gate for each sink, near it most often; -1 where none is left but the sink's own."""
    if len(logic) < 2:
        return np.full(len(sink_cell), -1, dtype=np.int64)
    stride = int(x.max() - x.min()) + 4 * _SITE_WIDTH
    key = (y[logic] // _ROW_HEIGHT) * stride + (x[logic] - x.min())
    reach = rng.laplace(0.0, _REACH, size=(2, len(sink_cell)))
    row = np.clip(y[sink_cell] // _ROW_HEIGHT + np.rint(reach[0]), y.min() // _ROW_HEIGHT, y.max() // _ROW_HEIGHT)
    at = np.clip(x[sink_cell] + reach[1] * _ROW_HEIGHT, x.min(), x.max()) - x.min()
    found = np.searchsorted(key, row * stride + at)
    far = rng.random(len(found)) < _FAR
    found[far] = rng.integers(0, len(logic), size=int(far.sum()))
    hubs = np.sort(rng.choice(len(logic), size=max(1, round(_HUBS * len(logic))), replace=False))
    to_hub = rng.random(len(found)) < _TO_HUB
    found[to_hub] = hubs[np.minimum(np.searchsorted(hubs, found[to_hub]), len(hubs) - 1)]
    found = np.minimum(found, len(logic) - 1)
    found = np.where(logic[found] == sink_cell, (found + 1) % len(logic), found)
    own = np.searchsorted(logic, sink_cell)
    while (crowded := _crowded(found)).size:
        found[crowded] = rng.integers(0, len(logic) - 1, size=len(crowded))
        found[crowded] += found[crowded] >= own[crowded]  # any gate but the sink's own
    return np.asarray(logic[found], dtype=np.int64)


def _crowded(driver: Ints) -> Ints:
    """Sinks beyond the most that a driver may have."""
    order = np.argsort(driver, kind="stable")
    group = driver[order]
    rank = np.arange(len(group)) - np.searchsorted(group, group)
    return np.asarray(order[rank >= MOST_SINKS - 1], dtype=np.int64)  # one place is kept for a sink outside the gates


def _from_outside(
    driver: Ints,
    sink_cell: Ints,
    logic: Ints,
    drivers: Sequence[Driver],
    x: Ints,
    y: Ints,
    cells: int,
    rng: np.random.Generator,
) -> Ints:
    """Give each driver outside the gates (but the clock) one to four of the sinks near it; those keep their number."""
    driver = driver.copy()
    others = list(range(1, len(drivers)))
    for index, sink in enumerate(np.flatnonzero(driver < 0).tolist()):
        driver[sink] = cells + others[index % len(others)]
    for number in others if len(logic) >= 2 else []:
        wanted = int(rng.integers(1, 5))
        among = np.unique(rng.integers(0, len(driver), size=min(len(driver), _SAMPLED)))
        among = among[driver[among] < cells]
        near = sink_cell[among]
        distance = np.abs(x[near] - drivers[number].place[0]) + np.abs(y[near] - drivers[number].place[1])
        driver[among[np.argsort(distance, kind="stable")[:wanted]]] = cells + number
    return driver


def _add_clock(sinks: list[list[Terminal]], gates: Sequence[GateLike], kind: Ints, is_buffer: Ints) -> None:
    """A tree of clock buffers over the flip-flops, with the clock's port (the first driver outside) at its root."""
    cells = len(kind)
    level = [cell for cell in range(cells) if gates[int(kind[cell])].clock and not is_buffer[cell]]
    buffers = np.flatnonzero(is_buffer).tolist()
    while len(level) > MOST_CLOCKED and buffers:
        groups = -(-len(level) // MOST_CLOCKED)
        above = [buffers.pop() for _ in range(min(groups, len(buffers)))][::-1]
        for index, cell in enumerate(level):
            sinks[above[index * len(above) // len(level)]].append((f"u{cell}", gates[int(kind[cell])].clock))
        level = above
    for cell in [*level, *buffers]:
        sinks[cells].append((f"u{cell}", gates[int(kind[cell])].clock))


def _statements(
    sinks: list[list[Terminal]], gates: Sequence[GateLike], kind: Ints, drivers: Sequence[Driver]
) -> tuple[list[str], dict[str, str]]:
    """NETS statements and the net of each port; a net that reaches ports has the first port's name."""
    cells = len(kind)
    lines = []
    net_of_port: dict[str, str] = {}
    for index, taken in enumerate(sinks):
        source = (f"u{index}", gates[int(kind[index])].output) if index < cells else drivers[index - cells].terminal
        ports = [pin for owner, pin in (source, *taken) if owner == "PIN"]
        if not taken and not ports:
            continue
        name = ports[0] if ports else f"n{index}"
        net_of_port |= dict.fromkeys(ports, name)
        use = "CLOCK" if index == cells or (taken and taken[0][1] == "CK") else "SIGNAL"
        pins = " ".join(f"( {owner} {pin} )" for owner, pin in (source, *taken))
        lines.append(f"- {name} {pins} + USE {use} ;")
    return lines, net_of_port
