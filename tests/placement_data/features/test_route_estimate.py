"""The route estimate against a router of single wires in plain loops, and what must hold of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from placement_data.dataset import symmetry
from placement_data.features import Layout, feature_maps, patterns, route_estimate
from placement_data.features.patterns import Load, Pairs, Prices, load_cheapest
from placement_data.features.route_estimate import RouteEstimate, estimate, pin_pairs
from placement_data.features.sets import ALL
from placement_data.features.tracks import blocked_length, obstructions, power_metal, track_length
from placement_data.grid import Grid
from placement_data.netlist import Wiring, mst_edges
from placement_data.outline import Outline
from tests.placement_data import reference_router as reference
from tests.placement_data.furnished import furnished_design
from tests.placement_data.reference import pin_density

TILE = 1000
SHAPES = ((7, 9), (1, 12), (12, 1), (2, 2), (1, 1))


def grid_of(rows: int, columns: int) -> Grid:
    return Grid((0, 0, columns * TILE, rows * TILE), TILE, TILE)


def pairs_of(grid: Grid, x: np.ndarray, y: np.ndarray) -> Pairs:
    """Nets of two pins each: x and y (2, nets)."""
    count = x.shape[1]
    offset = 2 * np.arange(count + 1)
    nets = Wiring(np.arange(count), offset, x.T.ravel(), y.T.ravel(), np.zeros(2 * count, dtype=bool))
    return pin_pairs(nets, mst_edges(nets), grid)


def random_pairs(rng: np.random.Generator, grid: Grid, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pins of nets of two pins, in the middle of no tile and on no border."""
    x0, y0, x1, y1 = grid.die
    x, y = rng.uniform(x0 + 1, x1 - 1, (2, count)), rng.uniform(y0 + 1, y1 - 1, (2, count))
    level = rng.random(count) < 0.2
    y[1, level] = y[0, level]
    return x, y


def loops(grid: Grid, x: np.ndarray, y: np.ndarray) -> list[reference.Wire]:
    edges = [(2 * i, 2 * i + 1) for i in range(x.shape[1])]
    return reference.wires(x.T.ravel().tolist(), y.T.ravel().tolist(), edges, grid)


@pytest.mark.parametrize("shape", SHAPES)
def test_single_wires_against_a_router_in_loops(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    grid = grid_of(*shape)
    shaped = 0
    for _ in range(40):
        x, y = random_pairs(rng, grid, 1)
        cost = rng.uniform(0.2, 5.0, (2, *shape)) ** 2
        load = Load(shape)
        load_cheapest(load, pairs_of(grid, x, y), Prices.of(*cost))
        expected = np.zeros((3, *shape))
        chosen = reference.choose(loops(grid, x, y)[0], cost)
        for weight, path in chosen:
            reference.lay(path, weight, expected)
        np.testing.assert_allclose(load.maps(), expected, atol=1e-9)
        shaped += max(len(path) for _, path in chosen) > 3
    assert shaped > 10 or min(shape) < 3, "no wire took a Z or a U: nothing was tested"


@pytest.mark.parametrize("tracks", [3.0, 5.0])
def test_a_crowd_of_wires_against_a_router_in_loops(tracks: float) -> None:
    rng = np.random.default_rng(2)
    grid = Grid((-300, 500, -300 + 11 * TILE - 400, 500 + 8 * TILE - 700), TILE, TILE)
    x, y = random_pairs(rng, grid, 90)
    capacity = rng.uniform(0.0, tracks, (2, *grid.shape)) * (rng.random((2, *grid.shape)) < 0.9)
    found = named(estimate(pairs_of(grid, x, y), capacity, grid))
    expected = reference.estimate(loops(grid, x, y), capacity, grid)
    for name, map_ in expected.items():
        np.testing.assert_allclose(found[name], map_, rtol=1e-7, atol=1e-7, err_msg=name)
        assert map_.any(), name


def named(found: RouteEstimate) -> dict[str, np.ndarray]:
    maps = {"initial_utilization" if name == "initial" else name: value for name, value in vars(found).items()}
    bends = maps.pop("bends")
    ways = ("horizontal", "vertical")
    return {f"{name}_{way}": both[i] for name, both in maps.items() for i, way in enumerate(ways)} | {"bends": bends}


def stacked(found: RouteEstimate) -> np.ndarray:
    """(13, rows, columns)"""
    return np.concatenate([maps if maps.ndim == 3 else maps[None] for maps in vars(found).values()])


def test_demand_sums_to_the_length_of_what_was_routed() -> None:
    rng = np.random.default_rng(3)
    grid = Grid((-300, 500, -300 + 30 * TILE - 400, 500 + 20 * TILE - 700), TILE, TILE)
    x, y = random_pairs(rng, grid, 300)
    direct = np.abs(np.diff(x, axis=0)).sum() / TILE, np.abs(np.diff(y, axis=0)).sum() / TILE
    spare = estimate(pairs_of(grid, x, y), np.full((2, *grid.shape), 1e6), grid)
    tight = estimate(pairs_of(grid, x, y), np.full((2, *grid.shape), 4.0), grid)
    for axis in (0, 1):
        assert spare.demand[axis].sum() == pytest.approx(direct[axis], rel=1e-9)
        assert direct[axis] * (1 + 1e-6) < tight.demand[axis].sum() < 2 * direct[axis]
    outside = x + np.array([[-70 * TILE], [0]]), y  # half of the pins lie left of the die: they count at its edge
    clipped = np.clip(outside[0], *grid.die[0::2]), y
    np.testing.assert_array_equal(
        *(stacked(estimate(pairs_of(grid, *pins), np.full((2, *grid.shape), 4.0), grid)) for pins in (outside, clipped))
    )


def test_with_capacity_to_spare_a_wire_is_half_of_each_l() -> None:
    """From (0.25, 0.5) to (3.75, 2.25): 0.75 + 1 + 1 + 0.75 along row 0 and along row 2, 0.5 + 1 + 0.25 up."""
    grid = grid_of(4, 5)
    pairs = pairs_of(grid, np.array([[250.0], [3750.0]]), np.array([[500.0], [2250.0]]))
    found = estimate(pairs, np.full((2, 4, 5), 1e6), grid)
    expected = np.zeros((2, 4, 5))
    expected[0, 0, :4] = expected[0, 2, :4] = np.array([0.75, 1, 1, 0.75]) / 2
    expected[1, :3, 0] = expected[1, :3, 3] = np.array([0.5, 1, 0.25]) / 2
    np.testing.assert_allclose(found.demand, expected, atol=1e-5)
    np.testing.assert_allclose(found.initial, expected / 1e6, atol=1e-12)
    bends = np.zeros((4, 5))
    bends[0, 3] = bends[2, 0] = 0.5
    np.testing.assert_allclose(found.bends, bends, atol=1e-5)
    assert not found.overflow.any()
    assert not found.history.any()


def test_with_capacity_to_spare_many_wires_are_halves_of_ls() -> None:
    rng = np.random.default_rng(4)
    grid = grid_of(9, 13)
    x, y = random_pairs(rng, grid, 200)
    found = estimate(pairs_of(grid, x, y), np.full((2, *grid.shape), 1e6), grid)
    expected = np.zeros((3, *grid.shape))
    for wire in loops(grid, x, y):
        for kind in reference.paths(wire, grid.shape)[:2]:
            reference.lay(kind[0], 0.5, expected)
    np.testing.assert_allclose(found.demand, expected[:2], atol=0.02)
    np.testing.assert_allclose(found.bends, expected[2], atol=0.02)


def test_demand_moves_round_a_bottleneck() -> None:
    """Twenty wires along five rows; in two columns the middle three rows have tracks for one wire."""
    grid = grid_of(15, 20)
    row = np.repeat(np.arange(5, 10), 4) * TILE + np.tile([100.0, 300.0, 600.0, 800.0], 5)
    pairs = pairs_of(grid, np.array([[2500.0], [17500.0]]) * np.ones(20), np.stack([row, row]))
    capacity = np.full((2, 15, 20), 8.0)
    capacity[0, 6:9, 9:11] = 1.0
    found = estimate(pairs, capacity, grid)
    narrow = found.demand[0, 6:9, 9:11]
    assert (found.initial[0, 6:9, 9:11] == 4).all()
    assert (narrow < 2.5).all()
    assert found.demand[0, :, 9].sum() == pytest.approx(20), "all wires still cross"
    assert found.demand[0, [4, 5, 9, 10], 9].sum() > 8 + 6, "outside the bottleneck there was room for more"
    assert found.demand[1].sum() > 5
    assert (found.history[0, 6:9, 9:11] > 0).all()
    wall = capacity.copy()
    wall[0, :, 9] = 1.0  # no way round: the overflow stays, and stays where it is
    blocked = estimate(pairs, wall, grid)
    assert blocked.demand[0, :, 9].sum() == pytest.approx(20)
    assert blocked.overflow[0, :, 9].sum() >= 20 - 15
    assert not blocked.overflow[0, :, :8].any()
    assert not blocked.overflow[0, :, 12:].any()


@pytest.mark.parametrize("code", range(8))
def test_a_turned_layout_has_turned_maps(code: int) -> None:
    rng = np.random.default_rng(5)
    grid = grid_of(16, 11)
    x, y = random_pairs(rng, grid, 400)
    capacity = rng.uniform(0.0, 12.0, (2, *grid.shape))
    found = estimate(pairs_of(grid, x, y), capacity, grid)
    turned_x, turned_y = (11 * TILE - x if code & 2 else x), (16 * TILE - y if code & 1 else y)
    turned_capacity, turned = symmetry(capacity, code), grid
    if code & 4:
        turned_x, turned_y, turned = turned_y, turned_x, grid_of(11, 16)
        turned_capacity = turned_capacity[::-1]
    other = estimate(pairs_of(turned, turned_x, turned_y), np.ascontiguousarray(turned_capacity), turned)
    for name, maps in vars(other).items():
        expected = symmetry(getattr(found, name), code)
        expected = expected[::-1] if code & 4 and expected.ndim == 3 else expected
        np.testing.assert_allclose(maps, expected, rtol=1e-6, atol=1e-6, err_msg=name)


def test_the_same_twice_and_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    design = furnished_design(1, large_net=70)
    grid = Grid.of(design, 2.1)
    first = feature_maps(design, grid, ALL)[49:]
    np.testing.assert_array_equal(first, feature_maps(design, grid, ALL)[49:])
    monkeypatch.setattr(patterns, "_HELD", 7)
    monkeypatch.setattr(patterns, "_PARTS_OF_A_MAP", 10**9)
    np.testing.assert_allclose(feature_maps(design, grid, ALL)[49:], first, rtol=1e-5, atol=1e-6)


def test_tiles_without_tracks() -> None:
    rng = np.random.default_rng(6)
    grid = Grid((0, 0, 12 * TILE + 3, 9 * TILE + 3), TILE, TILE)  # slivers at the far edges
    x, y = random_pairs(rng, grid, 200)
    capacity = rng.uniform(0.0, 5.0, (2, *grid.shape))
    capacity[:, 3:6, 4:8] = 0.0
    holed = estimate(pairs_of(grid, x, y), capacity, grid)
    assert all(np.isfinite(maps).all() and maps.min() >= 0 for maps in vars(holed).values())
    np.testing.assert_array_equal(holed.overflow[:, 3:6, 4:8], holed.demand[:, 3:6, 4:8])
    assert (
        holed.demand[:, 3:6, 4:8].sum() < estimate(pairs_of(grid, x, y), capacity + 50, grid).demand[:, 3:6, 4:8].sum()
    )
    none = estimate(pairs_of(grid, x, y), np.zeros((2, *grid.shape)), grid)
    assert not any(maps.any() for maps in (none.utilization, none.overflow, none.history, none.initial))
    assert none.demand.any()


def test_no_wires_at_all() -> None:
    grid = grid_of(3, 4)
    none = np.zeros((2, 0))
    found = estimate(pairs_of(grid, none, none), np.full((2, 3, 4), 5.0), grid)
    assert (found.capacity == 5).all()
    assert not any(maps.any() for name, maps in vars(found).items() if name != "capacity")


def test_wires_keep_to_a_die_that_is_no_rectangle() -> None:
    """An L: the upper right quarter is off the die. Of the two L shapes of a wire between its arms one leads over it.

    It has half of the first round, which has 1/6 x 0.85^4 of the running mean: a part of 4.4 % of the wire is lost."""
    grid = grid_of(10, 10)
    corners = [(0, 0), (0, 10000), (5000, 10000), (5000, 5000), (10000, 5000), (10000, 0)]
    notched = replace(grid, outline=Outline.of(corners))
    rng = np.random.default_rng(7)
    x = np.stack([rng.uniform(0, 5000, 60), rng.uniform(5000, 10000, 60)])
    y = np.stack([rng.uniform(5000, 10000, 60), rng.uniform(0, 5000, 60)])
    found = estimate(pairs_of(notched, x, y), np.full((2, 10, 10), 1e6) * notched.inside, notched)
    assert not any(maps[..., ~notched.inside].any() for maps in vars(found).values())
    length = (np.abs(np.diff(x, axis=0)).sum() + np.abs(np.diff(y, axis=0)).sum()) / TILE
    assert (1 - 0.044) * length < found.demand.sum() < length


def test_the_trees_and_tracks_of_a_layout() -> None:
    design = furnished_design(4, large_net=70)
    layout = Layout(design, Grid.of(design))
    found = layout.once(route_estimate.route_estimate)
    assert layout.once(route_estimate.route_estimate) is found
    a, b = mst_edges(layout.wiring)
    x0, y0, x1, y1 = layout.grid.die
    x, y = np.clip(layout.wiring.x, x0, x1), np.clip(layout.wiring.y, y0, y1)
    for axis, length in ((0, np.abs(x[a] - x[b]).sum()), (1, np.abs(y[a] - y[b]).sum())):
        assert found.demand[axis].sum() >= length / layout.grid.tile * (1 - 1e-9)


def test_capacity_is_what_supplies_obstructions_and_pins_leave() -> None:
    """Of the free tracks each pin takes 0.3 of either direction in the tile of its centre, down to none."""
    design = furnished_design(4, large_net=70)
    layout = Layout(design, Grid.of(design))
    free = (track_length(layout) - blocked_length(layout, power_metal, obstructions)) / layout.grid.tile_um
    expected = np.maximum(np.maximum(free, 0) - 0.3 * pin_density(design, layout.grid), 0)
    assert (expected < free).any()
    np.testing.assert_allclose(layout.once(route_estimate.route_estimate).capacity, expected, atol=1e-9)


def test_repriced_numbers_follow_the_demand_and_the_capacity() -> None:
    """By hand: 9 rounds at a use of 1.2 add 9 * 0.5 * 0.2 of history; half the capacity doubles all use."""
    known = np.array(
        [[12.0, 10.0, 1.2, 2.0, 0.9, 1.1], [4.0, 8.0, 0.5, 0.0, 0.0, 0.6], [0.0, 8.0, 0.0, 0.0, 0.0, 0.0]]
    ).T
    same = route_estimate.repriced(known, known[0], known[1])
    np.testing.assert_allclose(same, known, atol=1e-12)
    halved = route_estimate.repriced(known, known[0], known[1] / 2)
    np.testing.assert_allclose(halved[:, 0], [12.0, 5.0, 2.4, 7.0, 9 * 0.5 * 1.4, 2.2])
    np.testing.assert_allclose(halved[:, 1], [4.0, 4.0, 1.0, 0.0, 0.0, 1.2])
    other = route_estimate.repriced(known, np.full(3, 0.25), np.array([0.5, 0.0, 0.5]))
    np.testing.assert_allclose(other[:, 2], [0.25, 0.5, 0.25, 0.0, 0.0, 0.25])  # at least one track
    np.testing.assert_allclose(other[3], [0.0, 0.25, 0.0])
