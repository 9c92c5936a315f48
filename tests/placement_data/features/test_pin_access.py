"""Pin access, ports and the way out of pins: against loops over pins and tracks, and by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from placement_data.dataset import symmetry
from placement_data.design import Design
from placement_data.features import Layout, channel_maps, pin_access
from placement_data.grid import Grid
from tests.placement_data import reference_channels as reference
from tests.placement_data.builders import DBU, ROW, mirrored, random_design, transposed
from tests.placement_data.furnished import furnished_design
from tests.placement_data.reference import is_signal

RANGES = {"": list(range(8)), "metal2-metal3": [3, 4], "metal3-metal4": [4, 5], "metal1-metal2": [1, 3]}
NAMES = (
    *("pin_competition", "pin_competition_free", "pin_competition_max", "pin_access_remaining", "pin_access_deficit"),
    *("blocked_pin_count", "pin_escape_horizontal", "pin_escape_vertical"),
    *("pin_escape_bias_horizontal", "pin_escape_bias_vertical", "port_count"),
)


def crowded(seed: int, scale: float = 0.4) -> Design:
    """A furnished design on a small die, so that pins meet on their tracks."""
    x0, y0 = -7003, 5011
    design = furnished_design(seed, (x0, y0, x0 + round(20000 * scale), y0 + round(15000 * scale)))
    some, wires = np.arange(len(design.blockages.layer)) < 8, design.special_wires
    few = ~wires.via | (np.arange(len(wires.net)) % 4 == 0)
    return replace(
        design,
        blockages=replace(design.blockages, **{name: values[some] for name, values in vars(design.blockages).items()}),
        special_wires=replace(wires, **{name: values[few] for name, values in vars(wires).items()}),
    )


def merged(parts: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Parts of a track joined where they overlap or touch."""
    found: list[tuple[float, float]] = []
    for start, stop in sorted(parts):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found


Entry = dict[str, float]


def pins_over_tracks(design: Design, usable: list[int]) -> dict[int, dict[tuple[int, float], Entry]]:
    """Per pin, and per track (layer and place) that it lies on: its centre along it, its points, what is blocked."""
    power, other = reference.special_shapes(design, supply=True), reference.obstruction_shapes(design)
    with_tracks = {layer: found for layer in usable if (found := reference.tracks_of(design, layer))}
    table: dict[int, dict[tuple[int, float], Entry]] = {}
    for pin, lowest, boxes in reference.cell_pins(design):
        if lowest is None:
            continue
        above, below = [i for i in with_tracks if i > lowest], [i for i in with_tracks if i <= lowest]
        access = above[0] if above else below[-1]
        horizontal, places, reach = with_tracks[access]
        across_up = [i for i in with_tracks if i > access and with_tracks[i][0] != horizontal]
        across_down = [i for i in with_tracks if i < access and with_tracks[i][0] != horizontal]
        if not across_up + across_down:
            continue
        lines = with_tracks[across_up[0] if across_up else across_down[-1]][1]
        along, across = (0, 1) if horizontal else (1, 0)
        centre = (int(design.pins.box[pin, along]) + int(design.pins.box[pin, along + 2])) / 2
        low, high = int(design.die[along]), int(design.die[along + 2])

        def parts(shapes: list[reference.Shape], at: float) -> list[tuple[float, float]]:
            near = [b for layer, b in shapes if layer == access and b[across] - reach < at < b[across + 2] + reach]  # noqa: B023
            cut = [(max(b[along] - reach, low), min(b[along + 2] + reach, high)) for b in near]  # noqa: B023
            return merged([part for part in cut if part[0] < part[1]])

        for at in places:
            own = [b for b in boxes if b[across] <= at <= b[across + 2]]
            if not own:
                continue
            every, of_power = parts(power + other, at), parts(power, at)
            points = [y for b in own for y in lines if b[along] <= y <= b[along + 2]]
            free = [y for y in points if not any(a < y < b for a, b in every)]
            near = [[a < centre + ROW and b > centre - ROW for a, b in some] for some in (every, of_power)]
            table.setdefault(pin, {})[access, at] = {
                "centre": centre, "points": len(points), "free_points": len(free),
                "free": not any(near[0]), "power": any(near[1]),
            }  # fmt: skip
    return table


def wanted(table: dict[int, dict[tuple[int, float], Entry]], pin: int, free: bool) -> dict[tuple[int, float], float]:
    """On each track of a pin the demand of other pins within a row's height."""
    found = {}
    for track, own in table[pin].items():
        total = 0.0
        for other, tracks in table.items():
            there = tracks.get(track)
            if other == pin or there is None or abs(there["centre"] - own["centre"]) > ROW:
                continue
            counted = [t for t, entry in tracks.items() if entry["free"] or not free]
            total += (track in counted) / max(len(counted), 1)
        found[track] = total
    return found


@pytest.mark.parametrize("layers", list(RANGES))
@pytest.mark.parametrize("seed", [0, 1, 4])
def test_every_pin_matches_loops(seed: int, layers: str) -> None:
    design = crowded(seed)
    table = pins_over_tracks(design, RANGES[layers])
    found = pin_access.pin_access(Layout(design, Grid.of(design), layer_range=layers))
    assert found.pin.tolist() == sorted(table)
    for place, pin in enumerate(found.pin.tolist()):
        tracks = table[pin]
        others, free_others = wanted(table, pin, free=False), wanted(table, pin, free=True)
        free = [track for track, entry in tracks.items() if entry["free"]]
        assert found.tracks[place] == len(tracks)
        assert found.power_blocked[place] == sum(entry["power"] for entry in tracks.values())
        assert found.points[place] == sum(entry["points"] for entry in tracks.values())
        assert found.free_points[place] == sum(entry["free_points"] for entry in tracks.values())
        assert found.competition[place] == pytest.approx(np.mean(list(others.values())), abs=1e-8)
        expected = np.mean([free_others[track] for track in free]) if free else 0.0
        assert found.free_competition[place] == pytest.approx(expected, abs=1e-8)
        remaining = sum(entry["free_points"] * max(0, 1 - others[track]) for track, entry in tracks.items())
        assert found.remaining[place] == pytest.approx(remaining, abs=1e-7)


def test_the_loops_meet_every_case() -> None:
    designs = [(crowded(seed), layers) for seed in (0, 1, 4) for layers in RANGES]
    every = [pin_access.pin_access(Layout(design, Grid.of(design), layer_range=layers)) for design, layers in designs]
    assert sum(0 < one.deficit.mean() < 1 for one in every) > 2
    assert sum(bool(one.competition.any()) for one in every) > 6
    assert sum(bool((one.points > one.free_points).any()) for one in every) > 6
    assert sum(bool(one.power_blocked.any()) for one in every) > 3
    assert sum(bool(one.free_competition.any()) for one in every) > 3
    assert any(((one.competition != one.free_competition) & (one.free_competition > 0)).any() for one in every)


def test_maps_are_sums_over_the_pins_of_the_tile() -> None:
    design = crowded(1)
    grid = Grid.of(design, 0.7)
    layout = Layout(design, grid, layer_range="metal2-metal3")
    maps = dict(channel_maps(layout, NAMES))
    found = pin_access.pin_access(layout)
    columns = {
        "pin_competition": found.competition,
        "pin_competition_free": found.free_competition,
        "pin_access_remaining": found.remaining,
        "pin_access_deficit": np.maximum(1 - found.remaining, 0),
        "blocked_pin_count": found.power_blocked / found.tracks,
    }
    row = grid.row_of(design.pins.y[found.pin])
    column = grid.column_of(design.pins.x[found.pin])
    on_die = grid.contains(design.pins.x[found.pin], design.pins.y[found.pin])
    for tile in np.ndindex(grid.shape):
        inside = (row == tile[0]) & (column == tile[1]) & on_die
        for name, values in columns.items():
            assert maps[name][tile] == pytest.approx(values[inside].sum(), abs=1e-9), name
        assert maps["pin_competition_max"][tile] == found.competition[inside].max(initial=0)


def test_three_inverters_on_one_track_by_hand() -> None:
    """Two pins within a row's height on the same two tracks want them once a piece; the third stands too far off."""
    layout = three_pins()
    found = pin_access.pin_access(layout)
    assert found.tracks.tolist() == [2, 2, 2]  # at 0.97 and 1.16 um
    assert found.points.tolist() == [6, 4, 4]  # lines across at 1.02, 1.16 and 1.30 um, of the others two
    assert found.competition.tolist() == [0.5, 0.5, 0]
    assert found.remaining.tolist() == [3, 2, 4]  # half of each track is wanted


def three_pins() -> Layout:
    """Pins of 0.40 by 0.30 um on metal1 under tracks of metal2 every 0.19 um and of metal3 every 0.14 um."""
    design = furnished_design(0, die=(0, 0, 8000, 16000))
    masters = replace(
        design.masters,
        width=np.array([2000]), height=np.array([2800]), kind=design.masters.kind[:1], name=design.masters.name[:1],
        subclass=design.masters.subclass[:1], symmetry=design.masters.symmetry[:1], site=design.masters.site[:1],
        pin_offset=np.array([0, 1]), pin_name=design.masters.pin_name[:1],
        pin_direction=design.masters.pin_direction[:1], pin_use=np.zeros(1, dtype=np.uint8),
        port_offset=np.array([0, 1]), port_layer=np.array([1], dtype=np.int32),
        port_box=np.array([[600, 1000, 1400, 1600]]), obstruction_offset=np.zeros(2, dtype=np.int64),
        obstruction_layer=np.empty(0, dtype=np.int32), obstruction_box=np.empty((0, 4), dtype=np.int64),
    )  # fmt: skip
    corner = np.array([[1000, 1000], [1000, 3500], [1000, 9000]])
    cell_box = np.concatenate([corner, corner + np.array([2000, 2800])], axis=1)
    shape = np.array([600, 1000, 1400, 1600]) + np.tile(corner, 2)
    none = np.zeros(0, dtype=np.int32)
    cells = replace(
        design.cells,
        name=design.cells.name[:3], master=np.zeros(3, dtype=np.int32), orientation=np.zeros(3, dtype=np.uint8),
        status=design.cells.status[:3], box=cell_box, source=design.cells.source[:3], halo_cell=none,
        halo=np.empty((0, 4), dtype=np.int64), route_halo_cell=none, route_halo=np.empty(0, dtype=np.int64),
        route_halo_layers=np.empty((0, 2), dtype=np.int64),
    )  # fmt: skip
    count = np.arange(3, dtype=np.int32)
    pins = replace(
        design.pins, net=np.zeros(3, dtype=np.int32), cell=count, port=np.full(3, -1, dtype=np.int32),
        master_pin=np.zeros(3, dtype=np.int32), box=shape, drives=np.array([True, False, False]),
        placed=np.ones(3, dtype=bool),
    )  # fmt: skip
    nets = replace(design.nets, name=design.nets.name[:1], use=np.zeros(1, np.uint8), pin_offset=np.array([0, 3]))
    tracks = replace(
        design.tracks, vertical=np.array([True, False]), start=np.array([40, 80]), count=np.array([100, 100]),
        step=np.array([380, 280]), layer=design.tracks.layer[[2, 5]],
    )  # fmt: skip
    bare = replace(
        design, masters=masters, cells=cells, pins=pins, nets=nets, tracks=tracks,
        special_wires=type(design.special_wires).empty(),
        blockages=replace(design.blockages, layer=np.array([""] * len(design.blockages.layer), dtype=object)),
    )  # fmt: skip
    return Layout(bare, Grid((0, 0, 8000, 16000), 2800, DBU), layer_range="metal2-metal3")


def edges(design: Design) -> Iterator[tuple[int, int]]:
    """The edges of each signal net's tree, as rows of ``Design.pins``: joined one by one, the shortest first."""
    for net in range(len(design.nets.name)):
        rows = range(design.nets.pin_offset[net], design.nets.pin_offset[net + 1])
        pins = [row for row in rows if design.pins.placed[row]]
        if not is_signal(design, net) or len(pins) < 2:
            continue
        part = {pin: pin for pin in pins}
        pairs = [(a, b) for i, a in enumerate(pins) for b in pins[:i]]
        x, y = design.pins.x, design.pins.y
        for a, b in sorted(pairs, key=lambda p: abs(x[p[0]] - x[p[1]]) + abs(y[p[0]] - y[p[1]])):
            if part[a] != part[b]:
                old, new = part[a], part[b]
                part = {pin: new if value == old else value for pin, value in part.items()}
                yield a, b


@pytest.mark.parametrize("seed", [0, 3])
def test_edges_leave_pins_to_their_sides(seed: int) -> None:
    design = random_design(np.random.default_rng(seed), large_net=30)
    found = pin_access.tree_escape(Layout(design, Grid.of(design)))
    sides = np.zeros((4, len(design.pins.net)))
    for pair in edges(design):
        for a, b in (pair, pair[::-1]):
            dx, dy = design.pins.x[b] - design.pins.x[a], design.pins.y[b] - design.pins.y[a]
            share = np.array([max(-dx, 0), max(dx, 0), max(-dy, 0), max(dy, 0)])
            sides[:, a] += share / max(abs(dx) + abs(dy), 1)
    for values, expected in zip((found.left, found.right, found.down, found.up), sides, strict=True):
        np.testing.assert_allclose(values, expected[found.pin], atol=1e-12)
        assert values.any()
    grid = Grid.of(design, 2.1)
    maps = dict(channel_maps(Layout(design, grid), NAMES))
    at = design.pins.x[found.pin], design.pins.y[found.pin]
    level = grid.point_count(*at, found.left + found.right)
    np.testing.assert_allclose(maps["pin_escape_horizontal"], level, atol=1e-9)
    bias = grid.point_count(*at, found.up) - grid.point_count(*at, found.down)
    np.testing.assert_allclose(maps["pin_escape_bias_vertical"], np.abs(bias), atol=1e-9)


def test_ports_count_in_their_tile_even_over_the_edge() -> None:
    design = random_design(np.random.default_rng(2))
    grid = Grid.of(design)
    pins = design.pins
    box = pins.box.copy()
    first = np.flatnonzero((pins.port >= 0) & pins.placed)[0]
    box[first] = (design.die[2] + 100, 20000, design.die[2] + 300, 20200)
    design = replace(design, pins=replace(pins, box=box))
    expected = np.zeros(grid.shape)
    for pin in np.flatnonzero((pins.port >= 0) & pins.placed):
        if is_signal(design, int(pins.net[pin])):
            x, y = (box[pin, 0] + box[pin, 2]) / 2, (box[pin, 1] + box[pin, 3]) / 2
            column = min(max(int(x - grid.die[0]) // grid.tile, 0), grid.shape[1] - 1)
            expected[min(max(int(y - grid.die[1]) // grid.tile, 0), grid.shape[0] - 1), column] += 1
    (found,) = dict(channel_maps(Layout(design, grid), ["port_count"])).values()
    np.testing.assert_array_equal(found, expected)
    assert found.sum() >= 5


@pytest.mark.parametrize("code", range(4))
def test_ways_out_of_pins_and_ports_turn_with_the_placement(code: int) -> None:
    """Of the eight symmetries the four mirrorings; the transposition is tested with all channels, and both below."""
    design = random_design(np.random.default_rng(5), die=(0, 0, 14 * ROW, 9 * ROW))
    turned = mirrored(design, horizontally=False) if code & 1 else design
    turned = mirrored(turned) if code & 2 else turned
    names = NAMES[6:]
    straight = np.stack(list(dict(channel_maps(Layout(design, Grid.of(design)), names)).values()))
    found = np.stack(list(dict(channel_maps(Layout(turned, Grid.of(turned)), names)).values()))
    inner = (Ellipsis, slice(1, -1), slice(1, -1))  # a pin on a border belongs to the other tile in the mirror
    np.testing.assert_allclose(found[inner].sum(), symmetry(straight, code)[inner].sum(), rtol=0.02)
    other = transposed(turned)
    again = np.stack(list(dict(channel_maps(Layout(other, Grid.of(other)), names)).values()))
    order = [1, 0, 3, 2, 4]
    np.testing.assert_allclose(again[order], found.swapaxes(1, 2), atol=1e-12)
