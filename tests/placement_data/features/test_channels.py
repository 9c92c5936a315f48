"""The channels beyond the 17 against loops over objects, tracks and tiles; the named sets; what must be conserved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from placement_data import features
from placement_data.dataset import symmetry, transposed_channels
from placement_data.design import Design, Use
from placement_data.errors import InputError
from placement_data.features import (
    ALL,
    CHANNEL_SETS,
    CIRCUITNET9,
    CIRCUITNET_NAMES,
    FAMILIES,
    LAYER_RANGE_CHANNELS,
    ROUTABILITY,
    ROUTENAS17,
    ROUTENAS_PDN,
    UNITS,
    Layout,
    channel_groups,
    channel_maps,
    channel_set,
    feature_maps,
    same_values,
    shortest_side,
    tracks,
)
from placement_data.grid import Grid
from placement_data.making import LayoutFiles, read_layout
from placement_data.netlist import Wiring, mst_edges
from tests.layouts import write_layout
from tests.placement_data import reference_channels as reference
from tests.placement_data import reference_router
from tests.placement_data.builders import DBU, ROW, random_design, transposed
from tests.placement_data.furnished import furnished_design
from tests.placement_data.reference import pin_density

OWN_TESTS = ("pin_access", "ports")
NEW = tuple(name for group, names in channel_groups(ALL.channels[17:]) if group not in OWN_TESTS for name in names)
SHORTEST = 0.14 * DBU
SEEDS = (0, 1, 4)
MAY_BE_ZERO = ("estimated_overflow", "route_overflow", "route_history")
"""Where there is room everywhere."""


def maps_of(design: Design, grid: Grid, *channels: str) -> list[np.ndarray]:
    found = dict(channel_maps(Layout(design, grid), channels))
    return [found[channel] for channel in channels]


def expected_maps(design: Design, grid: Grid) -> dict[str, np.ndarray]:
    """Every channel beyond the 17."""
    boxes = reference.rudy_boxes(design, grid, SHORTEST)
    every = [box for box, _ in boxes]
    power, other = reference.special_shapes(design, supply=True), reference.obstruction_shapes(design)
    length, by_power = reference.track_maps(design, grid, power)
    by_others, by_any = (reference.track_maps(design, grid, shapes)[1] for shapes in (other, power + other))
    directed = [reference.rudy_map(grid, every, vertical=False), reference.rudy_map(grid, every, horizontal=False)]
    use = [reference.ratio(directed[way] * grid.area + by_any[way], length[way]) for way in (0, 1)]
    found = {
        "power_stripe_density": reference.area_map(grid, reference.stripes(design)),
        "macro_region": np.minimum(reference.touch_map(grid, reference.macros(design)), 1),
        "macro_halo_density": reference.area_map(grid, reference.macros(design)),
        "cell_count": reference.touch_map(grid, reference.room_takers(design)),
        "rudy": reference.rudy_map(grid, every),
        "rudy_long": reference.rudy_map(grid, [box for box, long in boxes if long]),
        "rudy_short": reference.rudy_map(grid, [box for box, long in boxes if not long]),
        "rudy_pin": reference.pin_rudy(design, grid, SHORTEST, only_long=False),
        "rudy_pin_long": reference.pin_rudy(design, grid, SHORTEST, only_long=True),
        "pin_area": reference.area_map(
            grid, [(b, 1.0) for _, _, shapes in reference.cell_pins(design) for b in shapes]
        ),
        "pin_track_crossings": reference.centre_map(design, grid, lambda *pin: reference.crossings(design, *pin)),
    }
    for kind, name in (("hard", "placement"), ("soft", "soft"), ("partial", "partial")):
        blocked = reference.placement_blockages(design, kind)
        found[f"{name}_blockage_density"] = reference.area_map(grid, blocked)
    for way, name in enumerate(("horizontal", "vertical")):
        found[f"power_track_use_{name}"] = reference.ratio(by_power[way], length[way])
        found[f"routing_blockage_{name}"] = reference.ratio(by_others[way], length[way])
        found[f"track_count_{name}"] = length[way] / grid.tile_um
        found[f"rudy_{name}"] = directed[way]
        found[f"estimated_utilization_{name}"] = use[way]
        found[f"estimated_overflow_{name}"] = np.maximum(use[way] - 1, 0)
    wiring = Wiring.of(design)
    edges = zip(*(ends.tolist() for ends in mst_edges(wiring)), strict=True)  # the trees have a test of their own
    wires = reference_router.wires(wiring.x.tolist(), wiring.y.tolist(), edges, grid)
    free = (np.array(length) - np.array(by_any)) / grid.tile_um - 0.3 * pin_density(design, grid)
    routed = reference_router.estimate(wires, np.maximum(free, 0.0), grid)
    found |= {f"route_{name}": map_ for name, map_ in routed.items()}
    levels = reference.routing_layers(design)
    of_level = ({levels[0]}, {levels[1]}, set(levels[2:]))
    for level in range(3):
        found[f"power_via_count_{level + 1}"] = reference.touch_map(grid, reference.vias(design, level))
        name = f"pin_count_layer_{level + 1}" + ("_up" if level == 2 else "")
        found[name] = reference.centre_map(design, grid, lambda layer, _, level=level: layer in of_level[level])
    return found


def assert_same(actual: np.ndarray, expected: np.ndarray, name: str = "") -> None:
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9 * scale, err_msg=name)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_channel_matches_loops(seed: int) -> None:
    design = furnished_design(seed, large_net=70 if seed else 0)
    grid = Grid.of(design, ROW / DBU * (1.0 if seed else 2.3))
    expected = expected_maps(design, grid)
    assert set(expected) == set(NEW)
    for name, map_ in zip(NEW, maps_of(design, grid, *NEW), strict=True):
        assert map_.dtype == np.float64
        assert_same(map_, expected[name], name)
        assert expected[name].any() or name.startswith(MAY_BE_ZERO), f"{name} is zero everywhere: nothing was tested"


@pytest.mark.parametrize("seed", SEEDS)
def test_overflow_where_tracks_are_few(seed: int) -> None:
    design = furnished_design(seed, large_net=70)
    none = np.full(8, np.nan)
    scarce = replace(
        design,
        layers=replace(design.layers, pitch_x=none, pitch_y=none),
        tracks=replace(design.tracks, step=design.tracks.step * 9),
    )
    grid = Grid.of(scarce)
    shapes = reference.special_shapes(scarce, supply=True) + reference.obstruction_shapes(scarce)
    length, blocked = reference.track_maps(scarce, grid, shapes)
    boxes = [box for box, _ in reference.rudy_boxes(scarce, grid, shortest_side(scarce, grid))]
    names = ("estimated_overflow_horizontal", "estimated_overflow_vertical")
    for way, map_ in enumerate(maps_of(scarce, grid, *names)):
        demand = reference.rudy_map(grid, boxes, horizontal=way == 0, vertical=way == 1) * grid.area
        expected = np.maximum(reference.ratio(demand + blocked[way], length[way]) - 1, 0)
        expected[length[way] == 0] = 0
        assert expected.any()
        assert_same(map_, expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_few_parts_of_tracks_at_a_time_give_the_same(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    design = furnished_design(seed)
    layout = Layout(design, Grid.of(design))
    whole = tracks.blocked_length(layout, tracks.power_metal, tracks.obstructions)
    monkeypatch.setattr(tracks, "_INTERVALS_MAX", 7)
    assert_same(tracks.blocked_length(layout, tracks.power_metal, tracks.obstructions), whole)


def test_a_wire_over_a_tile_by_hand() -> None:
    """Tracks every 0.28 um, 0.14 wide, 0.14 apart: a wire of 0.14 um on a track blocks it and no neighbour, one of 0.15
    um and its ends reach 0.21 um beyond themselves."""
    design = furnished_design(0, die=(0, 0, 5600, 5600))
    layers = replace(design.layers, width=np.full(8, 0.14), spacing=np.full(8, 0.14))
    grid = Grid((0, 0, 5600, 5600), 2800, DBU)
    for half_width, blocked in ((140, 1), (141, 3)):
        wires = replace(
            design.special_wires,
            net=np.array([1], dtype=np.int32),
            layer=np.array([4], dtype=np.int32),
            box=np.array([[1000, 1400 - half_width, 2000, 1400 + half_width]]),
            via=np.zeros(1, dtype=bool),
        )
        one = replace(
            design,
            layers=layers,
            tracks=replace(
                design.tracks,
                vertical=np.zeros(1, dtype=bool),
                start=np.array([280]),
                count=np.array([100]),
                step=np.array([560]),
                layer=np.array(["metal3"], dtype=object),
            ),
            special_wires=wires,
        )
        only = replace(one, layers=replace(layers, direction=np.where(np.arange(8) == 4, layers.direction, 0)))
        use, count = maps_of(only, grid, "power_track_use_horizontal", "track_count_horizontal")
        np.testing.assert_array_equal(count, 5)
        assert 1400 in 280 + 560 * np.arange(10)
        np.testing.assert_allclose(use[0, 0], blocked * (1000 + 2 * 420) / (5 * 2800), rtol=1e-12)
        assert not use[1].any()
        assert not use[0, 1].any()


@pytest.mark.parametrize("seed", SEEDS)
def test_directed_rudy_has_the_mass_of_the_boxes(seed: int) -> None:
    design = furnished_design(seed, large_net=70)
    grid = Grid.of(design)
    boxes = [box for box, _ in reference.rudy_boxes(design, grid, SHORTEST)]
    horizontal, vertical, whole, long, short, small, large = maps_of(
        design, grid, "rudy_horizontal", "rudy_vertical", "rudy", "rudy_long", "rudy_short", "rudy_small", "rudy_large"
    )
    assert (horizontal * grid.area).sum() == pytest.approx(sum(b[2] - b[0] for b in boxes) / DBU, rel=1e-9)
    assert (vertical * grid.area).sum() == pytest.approx(sum(b[3] - b[1] for b in boxes) / DBU, rel=1e-9)
    for parts in ((horizontal, vertical), (long, short), (small, large)):
        assert_same(parts[0] + parts[1], whole)


def moved(design: Design, dx: int, dy: int) -> Design:
    """The design with every coordinate shifted."""
    step = np.array([dx, dy, dx, dy], dtype=np.int64)
    tracks_ = design.tracks
    return replace(
        design,
        die=design.die + step,
        die_polygon=design.die_polygon + step[:2],
        cells=replace(design.cells, box=design.cells.box + step),
        pins=replace(design.pins, box=design.pins.box + step),
        tracks=replace(tracks_, start=tracks_.start + np.where(tracks_.vertical, dx, dy)),
        special_wires=replace(design.special_wires, box=design.special_wires.box + step),
        blockages=replace(design.blockages, box=design.blockages.box + step),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_moving_the_die_changes_nothing(seed: int) -> None:
    design = furnished_design(seed, large_net=70)
    far = moved(design, 1234567, -7654321)
    np.testing.assert_array_equal(feature_maps(far, Grid.of(far), ALL), feature_maps(design, Grid.of(design), ALL))


def test_sets() -> None:
    assert features.DEFAULT == features.ROUTABILITY
    assert ROUTENAS_PDN.channels[:17] == ROUTENAS17.channels
    assert ROUTENAS_PDN.channels[17:] == (
        "power_stripe_density",
        "power_via_count_1",
        "power_via_count_2",
        "power_via_count_3",
    )
    assert len(CIRCUITNET9.channels) == 9
    assert len(set(ALL.channels)) == len(ALL.channels) == len(UNITS) == sum(len(f.channels) for f in FAMILIES)
    assert set(CIRCUITNET_NAMES) < set(ALL.channels)
    for name, channels in CHANNEL_SETS.items():
        assert channel_set(name) is channels
        assert channels.units == tuple(UNITS[channel] for channel in channels.channels)
        assert channels.version.startswith(f"{name}/")


def test_channels_of_former_sets_are_still_made() -> None:
    today = [channels.version for channels in CHANNEL_SETS.values()]
    assert "all/1" not in today
    assert all(same_values(name, "all/1") and same_values(name, "all/1", ALL.version) for name in ALL.channels[:49])


def test_groups_are_in_the_order_of_the_channels() -> None:
    assert channel_groups(ALL.channels)[:3] == (
        ("densities", (*ROUTENAS17.channels[:5], "macro_region", "macro_halo_density", "cell_count")),
        ("fanout_wires", ROUTENAS17.channels[5:]),
        ("power_grid", (*ROUTENAS_PDN.channels[17:], "power_track_use_horizontal", "power_track_use_vertical")),
    )
    assert [group for group, _ in channel_groups(ALL.channels)] == [
        "densities", "fanout_wires", "power_grid", "tracks", "placement_blockages", "rudy", "estimated_use", "pins",
        "route_estimate", "pin_access", "ports",
    ]  # fmt: skip
    assert channel_groups(("RUDY", "port_count", "mst_small", "cell_density", "mst_large", "macro_density")) == (
        ("others", ("RUDY",)),
        ("ports", ("port_count",)),
        ("fanout_wires", ("mst_small", "mst_large")),
        ("densities", ("cell_density", "macro_density")),
    )
    assert channel_groups(()) == ()


def test_routability_has_whole_groups() -> None:
    kept = {group for group, _ in channel_groups(ROUTABILITY.channels)}
    of_all = [(group, names) for group, names in channel_groups(ALL.channels) if group in kept]
    assert channel_groups(ROUTABILITY.channels) == tuple(of_all)


def test_an_unknown_set_or_channel_lists_the_names() -> None:
    with pytest.raises(
        InputError, match=r"unknown channel set, found 'routenas', expected routenas17 or routenas-pdn or"
    ):
        channel_set("routenas")
    design = random_design(np.random.default_rng(0))
    with pytest.raises(InputError, match=r"unknown channel, found 'rudi', expected macro_density, cell_density,"):
        list(channel_maps(Layout(design, Grid.of(design)), ["rudi"]))


@pytest.mark.parametrize("name", list(CHANNEL_SETS))
def test_a_set_has_its_channels_in_its_order(name: str) -> None:
    design = furnished_design(1)
    grid = Grid.of(design)
    channels = channel_set(name)
    maps = feature_maps(design, grid, channels)
    assert maps.dtype == np.float32
    assert maps.shape == (len(channels.channels), *grid.shape)
    assert np.isfinite(maps).all()
    assert maps.min() >= 0
    np.testing.assert_array_equal(maps, np.stack(maps_of(design, grid, *channels.channels)).astype(np.float32))


def test_a_set_works_out_only_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(
        features,
        "FAMILIES",
        tuple(replace(f, make=lambda layout, f=f: asked.append(f.channels) or f.make(layout)) for f in FAMILIES),
    )
    design = furnished_design(1)
    feature_maps(design, Grid.of(design), CIRCUITNET9)
    assert [name for family in asked for name in family if name not in CIRCUITNET9.channels] == []
    assert len(asked) == 6


def test_a_design_of_cells_and_nets_alone_has_every_channel() -> None:
    """What a Bookshelf placement is: no layers, no tracks, no shapes."""
    design = random_design(np.random.default_rng(3))
    layers = replace(design.layers, **{name: values[:0] for name, values in vars(design.layers).items()})
    masters = replace(
        design.masters,
        port_offset=np.zeros_like(design.masters.port_offset),
        port_layer=design.masters.port_layer[:0],
        port_box=design.masters.port_box[:0],
    )
    bare = replace(design, layers=layers, masters=masters)
    found = dict(zip(ALL.channels, feature_maps(bare, Grid.of(bare), ALL), strict=True))
    for name in ("power_track_use", "routing_blockage", "track_count", "estimated_overflow", "estimated_utilization"):
        assert not found[f"{name}_horizontal"].any()
    assert not found["pin_track_crossings"].any()
    assert not found["pin_count_layer_3_up"].any()
    assert found["rudy_long"].any()


def test_a_net_of_thousands_of_pins() -> None:
    design = random_design(np.random.default_rng(4), cells=200, nets=3, die=(0, 0, 40001, 30001), large_net=3000)
    grid = Grid.of(design, 5.0)
    boxes = [box for box, _ in reference.rudy_boxes(design, grid, SHORTEST)]
    rudy, pin = maps_of(design, grid, "rudy", "rudy_pin")
    assert_same(rudy, reference.rudy_map(grid, boxes))
    assert_same(pin, reference.pin_rudy(design, grid, SHORTEST, only_long=False))


def test_without_supply_nets_there_is_no_power_grid() -> None:
    design = furnished_design(2)
    use = np.full(len(design.special_nets.name), Use.SIGNAL, dtype=np.uint8)
    signal = replace(design, special_nets=replace(design.special_nets, use=use))
    grid = Grid.of(design)
    power = [name for name in ALL.channels if name.startswith("power_")]
    assert not any(map_.any() for map_ in maps_of(signal, grid, *power))
    before, after = (maps_of(d, grid, "routing_blockage_horizontal")[0] for d in (design, signal))
    assert after.sum() > before.sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_transposed_layout_has_transposed_maps_under_swapped_names(seed: int) -> None:
    design = furnished_design(seed)
    other = transposed(design)
    turned = symmetry(np.stack(maps_of(design, Grid.of(design, 2.8), *ALL.channels)), 4)
    found = np.stack(maps_of(other, Grid.of(other, 2.8), *ALL.channels))
    order = transposed_channels(ALL.channels)
    assert len(order) == 73
    for place, (name, source) in enumerate(zip(ALL.channels, order, strict=True)):
        assert_same(found[place], turned[source])
        assert (source != place) == name.endswith(("_horizontal", "_vertical")), name
        if source != place and found[place].any():  # a layout may have room everywhere, so no overflow
            assert not np.allclose(found[place], turned[place]), name


def test_a_range_of_layers_changes_channels_of_tracks_alone(tmp_path: Path) -> None:
    files = write_layout(tmp_path, cells=200)
    design = read_layout(LayoutFiles("def", files.def_, (files.lef,)))
    grid = Grid.of(design, None)
    whole = feature_maps(design, grid, ALL)
    for layers in ("metal2-metal3", "metal1-metal2"):
        told = feature_maps(design, grid, ALL, routing_layers=layers)
        changed = {name for name, a, b in zip(ALL.channels, whole, told, strict=True) if not np.array_equal(a, b)}
        assert {"track_count_vertical", "route_capacity_horizontal"} <= changed <= LAYER_RANGE_CHANNELS
