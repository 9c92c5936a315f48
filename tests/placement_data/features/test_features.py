"""Every channel against loops over nets and tiles, and what the channels must conserve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from placement_data import netlist
from placement_data.design import Design, Status, Use
from placement_data.errors import InputError
from placement_data.features import ROUTENAS17, Layout, feature_maps, shortest_side
from placement_data.features import densities as density_maps
from placement_data.features import wires as wire_maps
from placement_data.grid import Grid
from placement_data.netlist import Wiring, clock_cells, mst_edges, register_masters
from tests.placement_data import reference
from tests.placement_data.builders import DBU, PITCH_UM, mirrored, moved, names, random_design, transposed

CHANNELS = ROUTENAS17.channels
DENSITIES = CHANNELS[:4]
WIRE_MAPS = ("rudy", "bounding_box", "pairwise", "star", "source_sink", "mst")
FLY_LINES = ("pairwise", "star", "source_sink", "mst")
EVEN_DIE = (-7003, 5011, -7003 + 12 * 2800, 5011 + 8 * 2800)


def make(seed: int, large_net: int = 0) -> tuple[Design, Grid]:
    """A design and a grid whose last row and column are cut."""
    design = random_design(
        np.random.default_rng(seed), cells=25, nets=30, die=(-7003, 5011, 22222, 23456), large_net=large_net
    )
    return design, Grid.of(design)


def split(design: Design) -> tuple[list[reference.Net], list[reference.Net]]:
    nets = reference.nets(design)
    return [n for n in nets if len(n[0]) <= 4], [n for n in nets if len(n[0]) > 4]


def made(kind: str, design: Design, grid: Grid) -> np.ndarray:
    """Float64 map of a density, or the two of a kind of wire map."""
    module, name = (density_maps, kind) if kind in CHANNELS[:5] else (wire_maps, kind)
    map_: np.ndarray = getattr(module, "rudy_by_fanout" if name == "rudy" else name)(Layout(design, grid))
    return map_


def all_maps(design: Design, grid: Grid) -> dict[str, np.ndarray]:
    """Every channel family's float64 maps by name."""
    return {kind: made(kind, design, grid) for kind in CHANNELS[:5] + WIRE_MAPS}


def assert_same(actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9 * max(1.0, float(np.abs(expected).max())))


def test_channels_are_the_published_order() -> None:
    assert len(CHANNELS) == len(ROUTENAS17.units) == 17
    assert ROUTENAS17.version == "routenas17/1"
    assert CHANNELS[:7] == (
        "macro_density",
        "cell_density",
        "register_density",
        "clock_cell_density",
        "pin_density",
        "rudy_small",
        "rudy_large",
    )
    assert CHANNELS[-2:] == ("mst_small", "mst_large")
    assert dict(zip(CHANNELS, ROUTENAS17.units, strict=True))["bounding_box_large"] == "nets"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("channel", DENSITIES)
def test_densities(seed: int, channel: str) -> None:
    design, grid = make(seed)
    expected = reference.cell_density(design, grid, reference.density_filter(design, channel))
    assert_same(made(channel, design, grid), expected)


@pytest.mark.parametrize("seed", range(4))
def test_pin_density(seed: int) -> None:
    design, grid = make(seed)
    np.testing.assert_array_equal(made("pin_density", design, grid), reference.pin_density(design, grid))


@pytest.mark.parametrize("seed", range(4))
def test_rudy(seed: int) -> None:
    design, grid = make(seed)
    expected = [reference.rudy(nets, grid, PITCH_UM * DBU) for nets in split(design)]
    assert_same(made("rudy", design, grid), np.stack(expected))


@pytest.mark.parametrize("seed", range(4))
def test_bounding_box(seed: int) -> None:
    design, grid = make(seed)
    expected = [reference.bounding_box(nets, grid) for nets in split(design)]
    np.testing.assert_array_equal(made("bounding_box", design, grid), np.stack(expected))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", FLY_LINES)
def test_fly_lines(seed: int, kind: str) -> None:
    design, grid = make(seed)
    expected = [reference.fly_lines(nets, grid, kind) for nets in split(design)]
    assert_same(made(kind, design, grid), np.stack(expected))


@pytest.mark.parametrize("kind", FLY_LINES)
def test_fly_lines_of_a_net_with_hundreds_of_pins(kind: str) -> None:
    design = random_design(np.random.default_rng(8), cells=120, nets=3, die=(0, 0, 40001, 30001), large_net=300)
    grid = Grid.of(design, 5.0)
    expected = [reference.fly_lines(nets, grid, kind) for nets in split(design)]
    assert_same(made(kind, design, grid), np.stack(expected))


@pytest.mark.parametrize("seed", range(3))
def test_feature_maps_stack_the_channels(seed: int) -> None:
    design, grid = make(seed, large_net=70)
    maps = feature_maps(design, grid, ROUTENAS17)
    assert maps.dtype == np.float32
    assert maps.shape == (17, *grid.shape)
    assert maps.min() >= 0
    single = all_maps(design, grid)
    stacked = [single[name][None] for name in CHANNELS[:5]] + [single[name] for name in WIRE_MAPS]
    np.testing.assert_array_equal(maps, np.concatenate(stacked).astype(np.float32))
    np.testing.assert_array_equal(maps, feature_maps(design, grid, ROUTENAS17))


@pytest.mark.parametrize("seed", range(3))
def test_what_is_conserved(seed: int) -> None:
    design, grid = make(seed, large_net=70)
    x0, y0, x1, y1 = grid.die
    pins = design.pins
    on_die = grid.contains(pins.x, pins.y) & pins.placed
    counted = sum(bool(on_die[i]) and reference.is_signal(design, int(pins.net[i])) for i in range(len(pins.net)))
    assert made("pin_density", design, grid).sum() == counted

    keep = reference.density_filter(design, "cell_density")
    area = sum(reference.overlap(box, grid.die) for cell, box in enumerate(design.cells.box) if keep(cell)) / DBU**2
    assert (made("cell_density", design, grid) * grid.area).sum() == pytest.approx(area, rel=1e-9)

    mass = 0.0
    for points, _ in reference.nets(design):
        box = reference.rudy_box(points, grid, PITCH_UM * DBU)
        mass += (box[2] - box[0] + box[3] - box[1]) / DBU
    assert (made("rudy", design, grid) * grid.area).sum() == pytest.approx(mass, rel=1e-9)

    closed = (x0, y0, x1 + 1e-9, y1 + 1e-9)
    for kind in FLY_LINES:
        lines = [line for net in reference.nets(design) for line in reference.LINES[kind](*net)]
        length = sum(weight * reference.clipped_length(*a, *b, closed) for a, b, weight in lines) / DBU
        assert made(kind, design, grid).sum() * grid.tile_um == pytest.approx(length, rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_moving_the_die_changes_nothing(seed: int) -> None:
    design, grid = make(seed, large_net=70)
    far = moved(design, 1234567, -7654321)
    np.testing.assert_array_equal(feature_maps(far, Grid.of(far)), feature_maps(design, grid))


@pytest.mark.parametrize("seed", range(3))
def test_mirroring_a_design_mirrors_its_maps(seed: int) -> None:
    design = random_design(np.random.default_rng(seed), die=EVEN_DIE, large_net=70)
    grid = Grid.of(design)
    maps = all_maps(design, grid)
    for horizontally, axis in ((True, -1), (False, -2)):
        other = all_maps(mirrored(design, horizontally), grid)
        for kind, map_ in maps.items():
            assert_same(np.flip(other[kind], axis), map_)
    diagonal = transposed(design)
    other = all_maps(diagonal, Grid.of(diagonal))
    for kind, map_ in maps.items():
        assert_same(np.swapaxes(other[kind], -1, -2), map_)


@pytest.mark.parametrize("seed", range(3))
def test_fine_maps_coarsen_to_coarse_maps(seed: int) -> None:
    design, coarse = make(seed, large_net=70)
    fine = Grid.of(design, coarse.tile_um / 4)

    def coarsened(map_: np.ndarray) -> np.ndarray:
        rows, columns = np.arange(0, fine.shape[0], 4), np.arange(0, fine.shape[1], 4)
        return np.add.reduceat(np.add.reduceat(map_, rows, axis=-2), columns, axis=-1)

    for kind in (*DENSITIES, "rudy"):
        mass = coarsened(made(kind, design, fine) * fine.area)
        assert_same(mass, made(kind, design, coarse) * coarse.area)
    assert_same(coarsened(made("pin_density", design, fine)), made("pin_density", design, coarse))
    for kind in FLY_LINES:
        length = coarsened(made(kind, design, fine) * fine.tile_um)
        assert_same(length, made(kind, design, coarse) * coarse.tile_um)


def test_spanning_trees_of_nets_beyond_the_exact_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    sizes = np.array([3, 200, 2, 90])
    x, y = rng.integers(0, 10**6, size=(2, sizes.sum())).astype(np.float64)
    offset = np.concatenate([[0], np.cumsum(sizes)])
    wiring = Wiring(np.arange(4), offset, x, y, np.zeros(len(x), dtype=bool))
    exact = mst_edges(wiring)
    monkeypatch.setattr(netlist, "MST_PINS_MAX", 80)
    monkeypatch.setattr(netlist, "_MST_BLOCK", 25)
    near = mst_edges(wiring)

    def lengths(edges: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        a, b = edges
        net = np.searchsorted(offset, a, side="right") - 1
        np.testing.assert_array_equal(net, np.searchsorted(offset, b, side="right") - 1)
        np.testing.assert_array_equal(np.bincount(net), sizes - 1)
        return np.bincount(net, np.abs(x[a] - x[b]) + np.abs(y[a] - y[b]))

    root = list(range(len(x)))
    for a, b in zip(*near, strict=True):
        while root[a] != a:
            a = root[a]
        while root[b] != b:
            b = root[b]
        assert a != b, "a cycle"
        root[a] = b
    ratio = lengths(near) / lengths(exact)
    assert ratio[0] == ratio[2] == 1.0
    assert (ratio >= 1.0).all()
    assert (ratio < 1.25).all()


def test_a_net_on_one_spot_has_the_mass_of_the_smallest_box() -> None:
    design, grid = make(0)
    x0, y0, x1, y1 = grid.die
    for spot in ((x0, y0), (x1, y1), (x0 + 2800, y0 + 2800), (x1 + 999, y0 - 999)):
        box = np.array([[spot[0], spot[1], spot[0], spot[1]]] * 2, dtype=np.int64)
        pins = replace(
            design.pins,
            net=np.zeros(2, dtype=np.int32),
            cell=np.full(2, -1, dtype=np.int32),
            port=np.zeros(2, dtype=np.int32),
            master_pin=np.full(2, -1, dtype=np.int32),
            box=box,
            drives=np.ones(2, dtype=bool),
            placed=np.ones(2, dtype=bool),
        )
        one = replace(design, pins=pins)
        assert (made("rudy", one, grid) * grid.area).sum() == pytest.approx(2 * PITCH_UM, rel=1e-9)
        assert made("mst", one, grid).sum() == 0.0


def test_without_a_pitch_the_smallest_box_is_a_tenth_of_a_tile() -> None:
    design, grid = make(0)
    assert shortest_side(design, grid) == pytest.approx(PITCH_UM * DBU)
    none = np.full(3, np.nan)
    bare = replace(design, layers=replace(design.layers, pitch_x=none, pitch_y=none))
    assert shortest_side(bare, grid) == 280.0


def test_a_design_without_nets_or_cells() -> None:
    design, grid = make(0)
    supply = replace(design, nets=replace(design.nets, use=np.full(len(design.nets.name), Use.GROUND, dtype=np.uint8)))
    maps = feature_maps(supply, grid, ROUTENAS17)
    assert not maps[4:].any()
    assert maps[1].any()


def test_unplaced_cells_are_refused() -> None:
    design, grid = make(0)
    status = design.cells.status.copy()
    status[[3, 7]] = Status.UNPLACED
    half = replace(design, cells=replace(design.cells, status=status))
    with pytest.raises(InputError, match=r"random.def: 2 of 25 cells are not placed, the first one, found 'c3'"):
        feature_maps(half, grid)


@pytest.mark.parametrize("seed", range(6))
def test_clock_cells(seed: int) -> None:
    design = random_design(np.random.default_rng(seed), cells=60, nets=150)
    assert set(np.flatnonzero(clock_cells(design))) == reference.clock_cells(design)


def test_nets_of_use_clock_make_clock_cells() -> None:
    design = random_design(np.random.default_rng(1), cells=60, nets=150)
    drivers = design.pins.cell[(design.pins.cell >= 0) & design.pins.drives]
    master = np.array([str(design.masters.name[m]) for m in design.cells.master])
    all_clock = replace(
        design, nets=replace(design.nets, use=np.full(len(design.nets.name), Use.CLOCK, dtype=np.uint8))
    )
    special = design.pins.cell[
        (design.pins.cell >= 0) & design.pins.drives & (design.pins.net == len(design.nets.name) - 1)
    ]
    found = set(np.flatnonzero(clock_cells(all_clock)))
    expected = {int(cell) for cell in drivers if master[cell] not in ("DFF_X1", "RAM")}
    assert expected - set(special.tolist()) <= found <= expected


REGISTERS = [
    "DFF_X1",
    "SDFFRS_X2",
    "DFFHQNx1_ASAP7_75t_R",
    "DFCNQD1BWP",
    "SDFQD2",
    "DFFPOSX1",
    "DLH_X1",
    "DLL_X2",
    "LATCH",
    "LHQD1",
    "FD1",
    "FDRE",
    "sky130_fd_sc_hd__dfxtp_1",
    "sky130_fd_sc_hd__edfxtp_1",
    "sky130_fd_sc_hd__sdfrtp_4",
    "sky130_fd_sc_hd__dlxtp_1",
    "gf180mcu_fd_sc_mcu7t5v0__dffq_1",
    "gf180mcu_fd_sc_mcu7t5v0__sdffrnq_2",
    "gf180mcu_fd_sc_mcu7t5v0__latq_1",
]
OTHERS = [
    "INV_X1",
    "NAND2_X1",
    "FA_X1",
    "AOI21_X1",
    "CLKBUF_X1",
    "BUF_X1",
    "MUX2_X1",
    "TBUF_X1",
    "OAI22_X1",
    "DECAP",
    "FILL",
    "sky130_fd_sc_hd__dlygate4sd1_1",
    "sky130_fd_sc_hd__nand2_1",
    "sky130_fd_sc_hd__clkdlybuf4s15_1",
    "DEL0",
    "DCCKND4",
    "CKLNQD1",
    "CLKGATE_X1",
]


@pytest.mark.parametrize(("name", "register"), [(n, True) for n in REGISTERS] + [(n, False) for n in OTHERS])
def test_registers_by_name(name: str, register: bool) -> None:
    masters = random_design(np.random.default_rng(0)).masters
    masters = replace(masters, name=names([name] + ["x"] * (len(masters.name) - 1)))
    assert register_masters(masters)[0] == register


def test_registers_by_pins_and_by_the_users_names() -> None:
    masters = random_design(np.random.default_rng(0)).masters
    anonymous = replace(masters, name=names([f"cell{i}" for i in range(len(masters.name))]))
    np.testing.assert_array_equal(np.flatnonzero(register_masters(anonymous)), [3])
    np.testing.assert_array_equal(np.flatnonzero(register_masters(anonymous, [])), [3])
    np.testing.assert_array_equal(np.flatnonzero(register_masters(anonymous, ["CELL2$"])), [2, 3])
    pin_name = anonymous.pin_name.copy()
    pin_name[pin_name == "CK"] = "T"
    no_clock = replace(anonymous, pin_name=pin_name)
    assert not register_masters(no_clock).any()
    use = np.where(pin_name == "T", Use.CLOCK, no_clock.pin_use).astype(np.uint8)
    np.testing.assert_array_equal(np.flatnonzero(register_masters(replace(no_clock, pin_use=use))), [3])
    gate = replace(anonymous, name=names(["a", "b", "c", "CLKGATE_X1", "e", "f", "g"]))
    assert not register_masters(gate).any()
