"""The layers that signals may use: what a text means, and which layers channels count."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from placement_data.design import Design, LayerDirection
from placement_data.errors import InputError
from placement_data.features import ALL, Layout, channel_maps, feature_maps
from placement_data.grid import Grid
from placement_data.layer_range import signal_layers, spelled
from tests.placement_data import reference_channels as reference
from tests.placement_data.builders import DBU, ROW, names, transposed
from tests.placement_data.furnished import furnished_design

OTHER = ("poly", "M-1", "via1", "M-2", "M-2-M-3", "M-3", "METAL5", "metal6")


def named(*layers: str) -> Design:
    design = furnished_design(0)
    return replace(design, layers=replace(design.layers, name=names(layers)))


@pytest.mark.parametrize(
    ("text", "rows", "name"),
    [
        ("", [1, 3, 4, 5, 6, 7], ""),
        ("metal2-metal4", [3, 4, 5], "metal2-metal4"),
        (" metal2 - metal4", [3, 4, 5], "metal2-metal4"),
        ("metal3", [4], "metal3"),
        ("metal3-metal3", [4], "metal3"),
        ("metal1-metal6", [1, 3, 4, 5, 6, 7], "metal1-metal6"),
    ],
)
def test_what_a_text_means(text: str, rows: list[int], name: str) -> None:
    design = furnished_design(0)
    assert signal_layers(design, text).tolist() == rows
    assert spelled(design, text) == name


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("M-1-M-3", [1, 3, 4, 5]),
        ("M-2-M-3", [4]),
        ("M-3", [5]),
        ("M-1-M-2-M-3", [1, 3, 4]),
        ("M-2-METAL5", [3, 4, 5, 6]),
    ],
)
def test_names_may_hold_the_hyphen(text: str, rows: list[int]) -> None:
    assert signal_layers(named(*OTHER), text).tolist() == rows


def test_case_counts_unless_the_design_says_that_it_does_not() -> None:
    design = named(*OTHER)
    with pytest.raises(InputError, match="found 'metal5'"):
        spelled(design, "M-1-metal5")
    free = replace(design, spelling=replace(design.spelling, any_case=True))
    assert spelled(free, "m-1-metal5") == "M-1-METAL5"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("metal9", "m.csv:7: there is no such routing layer, found 'metal9', expected routing layers, lowest-highest, "
         "of metal1, metal2, metal3, metal4, metal5, metal6"),
        ("metal2-met3", "there is no such routing layer, found 'met3'"),
        ("met2-metal3", "there is no such routing layer, found 'met2'"),
        ("all", "there is no such routing layer, found 'all'"),
        ("metal2-", "there is no such routing layer, found 'metal2-'"),
        ("metal2-via1", "signals cannot use a layer that is no routing layer, found 'via1'"),
        ("poly-metal2", "signals cannot use a layer that is no routing layer, found 'poly'"),
        ("metal4-metal2", "the highest routing layer lies below the lowest, found 'metal4-metal2'"),
    ],
)  # fmt: skip
def test_what_no_layout_has(text: str, what: str) -> None:
    with pytest.raises(InputError, match=re.escape(what)):
        spelled(furnished_design(0), text, "m.csv", 7)


def test_a_layout_without_routing_layers() -> None:
    design = furnished_design(0)
    bare = replace(design, layers=replace(design.layers, **{k: v[:0] for k, v in vars(design.layers).items()}))
    assert signal_layers(bare, "").tolist() == []
    with pytest.raises(InputError, match="found 'metal1', expected a layout with routing layers"):
        signal_layers(bare, "metal1")


def only(design: Design, rows: list[int]) -> Design:
    """The design where the other layers have no tracks."""
    kept = np.isin(np.arange(len(design.layers.name)), rows)
    direction = np.where(kept, design.layers.direction, LayerDirection.NONE)
    return replace(design, layers=replace(design.layers, direction=direction))


@pytest.mark.parametrize(
    ("text", "rows"), [("metal2-metal3", [3, 4]), ("metal3-metal6", [4, 5, 6, 7]), ("metal2", [3])]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_tracks_and_capacity_are_of_these_layers_alone(text: str, rows: list[int], seed: int) -> None:
    design = furnished_design(seed)
    grid = Grid.of(design, 2.3 * ROW / DBU)
    power, other = reference.special_shapes(design, supply=True), reference.obstruction_shapes(design)
    length, by_power = reference.track_maps(only(design, rows), grid, power)
    by_others, by_any = (reference.track_maps(only(design, rows), grid, shapes)[1] for shapes in (other, power + other))
    found = dict(channel_maps(Layout(design, grid, layer_range=text), ALL.channels))
    usual = dict(channel_maps(Layout(design, grid), ALL.channels))
    expected = {
        "pin_track_crossings": reference.centre_map(
            design, grid, lambda *pin: reference.crossings(design, *pin, usable=rows)
        )
    }
    for way, name in enumerate(("horizontal", "vertical")):
        demand = usual[f"rudy_{name}"] * grid.area + by_any[way]
        use = reference.ratio(demand, length[way])
        expected |= {
            f"track_count_{name}": length[way] / grid.tile_um,
            f"power_track_use_{name}": reference.ratio(by_power[way], length[way]),
            f"routing_blockage_{name}": reference.ratio(by_others[way], length[way]),
            f"estimated_utilization_{name}": use,
            f"estimated_overflow_{name}": np.maximum(use - 1, 0),
        }
    for name in ALL.channels[:49]:
        np.testing.assert_allclose(found[name], expected.get(name, usual[name]), rtol=1e-9, atol=1e-9, err_msg=name)
    assert not np.allclose(found["track_count_vertical"], usual["track_count_vertical"])


def test_the_whole_range_is_what_counts_where_nothing_is_said() -> None:
    design = furnished_design(1)
    grid = Grid.of(design)
    whole = feature_maps(design, grid, ALL, routing_layers="metal1-metal6")
    np.testing.assert_array_equal(whole, feature_maps(design, grid, ALL))


def test_a_transposed_layout_with_a_range() -> None:
    design = furnished_design(1)
    grid, other = Grid.of(design, 2.8), transposed(design)
    ways = "track_count_horizontal", "track_count_vertical", "pin_track_crossings"
    straight = dict(channel_maps(Layout(design, grid, layer_range="metal2-metal3"), ways))
    turned = dict(channel_maps(Layout(other, Grid.of(other, 2.8), layer_range="metal2-metal3"), ways))
    for name, partner in zip(ways, (ways[1], ways[0], ways[2]), strict=True):
        np.testing.assert_allclose(turned[name], straight[partner].T, rtol=1e-12, err_msg=name)
