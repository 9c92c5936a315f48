"""Properties that hold for every layout: what is written is read, however it is spelled; orientations are a group."""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from placement_data import text
from placement_data.design import Design
from placement_data.features import ROUTENAS17, feature_maps, shortest_side
from placement_data.grid import Grid
from placement_data.netlist import Wiring
from placement_data.orientation import Orientation, turned, turned_in_frame
from placement_data.readers import read_def, read_lef
from tests.placement_data import reference
from tests.placement_data.builders import moved, random_design
from tests.placement_data.random_layouts import in_order, random_layout
from tests.placement_data.tables import listing
from tests.placement_data.writer import def_text, lef_text, reworded

TILE_UM = 1.4
SEEDS = st.integers(0, 2**32 - 1)
# A failing seed is as good as the smallest one: nothing is gained by shrinking it.
PHASES = (Phase.explicit, Phase.generate)
FEW, MANY = (
    settings(max_examples=n, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
    for n in (40, 150)
)
ALL = np.array(list(Orientation), dtype=np.int64)


# --- Round trip


def read_back(folder: Path, lef: str, def_: str, *, packed: bool = False) -> Design:
    """The design of two texts."""
    paths = folder / "l.lef", folder / "d.def"
    for path, content in zip(paths, (lef, def_), strict=True):
        data = content.encode()
        path.write_bytes(gzip.compress(data, 1) if packed else data)
    design = read_def(paths[1], read_lef([paths[0]]))
    return replace(design, special_wires=in_order(design.special_wires))


def differences(expected: Design, found: Design) -> list[tuple[str, str]]:
    """The columns that differ: as they were written, and as they were read."""
    pairs = zip(listing(expected).split("\n"), listing(found).split("\n"), strict=True)
    return [pair for pair in pairs if pair[0] != pair[1]]


@MANY
@given(seed=SEEDS)
def test_what_is_written_is_read(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    design = random_layout(rng)
    assert differences(design, read_back(tmp_path, lef_text(design, rng), def_text(design, rng))) == []


@FEW
@given(seed=SEEDS)
def test_spelling_has_no_meaning(tmp_path: Path, seed: int) -> None:
    """Line breaks, blanks, comments, line ends and packing change nothing."""
    rng = random.Random(seed)
    design = random_layout(rng)
    lef, def_ = reworded(lef_text(design, rng), rng), reworded(def_text(design, rng), rng)
    assert differences(design, read_back(tmp_path, lef, def_, packed=rng.random() < 0.3)) == []


@FEW
@given(seed=SEEDS, size=st.integers(1, 400))
def test_a_file_is_read_the_same_in_pieces_of_any_size(tmp_path: Path, seed: int, size: int) -> None:
    rng = random.Random(seed)
    design = random_layout(rng)
    lef, def_ = lef_text(design, rng), def_text(design, rng)
    if rng.random() < 0.5:
        lef, def_ = reworded(lef, rng), reworded(def_, rng)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "_BLOCK", size)
        assert differences(design, read_back(tmp_path, lef, def_)) == []


# --- Orientations


def composition() -> Iterator[tuple[Orientation, Orientation, Orientation]]:
    """(first, then, both) for all pairs, from where the corner (1, 2) of a plane goes."""
    point = np.array([[1, 2, 1, 2]])
    places = {tuple(turned(point, np.array([code]))[0]): Orientation(code) for code in ALL}
    assert len(places) == 8
    for first, then in product(Orientation, Orientation):
        yield first, then, places[tuple(turned(turned(point, np.array([first])), np.array([then]))[0])]


PAIRS = np.array(list(composition()), dtype=np.int64).T


def test_orientations_are_the_symmetries_of_the_square() -> None:
    table = {(first, then): both for first, then, both in composition()}
    assert all(table[code, Orientation.N] == table[Orientation.N, code] == code for code in Orientation)
    inverse = {first: then for (first, then), both in table.items() if both == Orientation.N}
    assert len(inverse) == 8
    assert {code for code in Orientation if inverse[code] != code} == {Orientation.W, Orientation.E}
    for a, b, c in product(Orientation, repeat=3):
        assert table[table[a, b], c] == table[a, table[b, c]]
    n, w, s, e, fn, fw, fs, fe = Orientation
    assert [table[w, w], table[w, s], table[w, e]] == [s, e, n]  # quarter turns add up
    assert [table[fn, w], table[fs, w], table[fn, s], table[fn, e]] == [fe, fw, fs, fw]  # mirrored, then turned
    assert table[w, fn] != table[fn, w]


BOXES = st.tuples(*[st.integers(-(2**31), 2**31)] * 4).map(
    lambda v: (min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3]))
)


@MANY
@given(box=BOXES)
def test_boxes_turn_as_the_orientations_compose(box: tuple[int, int, int, int]) -> None:
    first, then, both = PAIRS
    boxes = np.array([box] * len(first), dtype=np.int64)
    twice = turned(turned(boxes, first), then)
    np.testing.assert_array_equal(twice, turned(boxes, both))
    assert (twice[:, :2] <= twice[:, 2:]).all()


@MANY
@given(box=BOXES, width=st.integers(0, 2**31), height=st.integers(0, 2**31))
def test_a_frame_turns_into_itself(box: tuple[int, int, int, int], width: int, height: int) -> None:
    """A frame keeps its corner at (0, 0), what is inside stays inside, and the inverse brings everything back."""
    size, boxes = np.array([[width, height]] * 8), np.array([box] * 8, dtype=np.int64)
    swapped = np.array([size[0, ::-1] if code % 2 else size[0] for code in ALL])
    frame = turned_in_frame(np.concatenate([np.zeros_like(size), size], axis=1), size, ALL)
    np.testing.assert_array_equal(frame, np.concatenate([np.zeros_like(size), swapped], axis=1))
    back = np.array([{1: 3, 3: 1}.get(int(code), int(code)) for code in ALL])
    np.testing.assert_array_equal(turned_in_frame(turned_in_frame(boxes, size, ALL), swapped, back), boxes)
    inside = np.clip(boxes, 0, np.tile(size, 2))
    placed = turned_in_frame(inside, size, ALL)
    assert (placed >= 0).all()
    assert (placed <= np.tile(swapped, 2)).all()


# --- Maps

DIES = st.tuples(
    st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6), st.integers(9000, 60_000), st.integers(9000, 60_000)
).map(lambda v: (v[0], v[1], v[0] + v[2], v[1] + v[3]))


@settings(max_examples=20, deadline=None, phases=PHASES)
@given(seed=SEEDS, die=DIES, step=st.tuples(*[st.integers(-(10**8), 10**8)] * 2))
def test_moving_everything_moves_only_the_origin(
    seed: int, die: tuple[int, int, int, int], step: tuple[int, int]
) -> None:
    design = random_design(np.random.default_rng(seed), cells=15, nets=20, die=die)
    far = moved(design, *step)
    grid, far_grid = Grid.of(design, TILE_UM), Grid.of(far, TILE_UM)
    assert far_grid.origin == (grid.origin[0] + step[0], grid.origin[1] + step[1])
    np.testing.assert_array_equal(feature_maps(far, far_grid), feature_maps(design, grid))


@settings(max_examples=30, deadline=None, phases=PHASES)
@given(seed=SEEDS, die=DIES, tile_um=st.floats(0.35, 20.0))
def test_the_mass_of_rudy(seed: int, die: tuple[int, int, int, int], tile_um: float) -> None:
    """RUDY times area sums to w + h over the nets' boxes, as clipped and widened, whatever the die and the tile."""
    design = random_design(np.random.default_rng(seed), cells=15, nets=25, die=die)
    grid = Grid.of(design, tile_um)
    boxes = [reference.rudy_box(points, grid, shortest_side(design, grid)) for points, _ in reference.nets(design)]
    mass = sum(box[2] - box[0] + box[3] - box[1] for box in boxes) / grid.dbu_per_micron
    assert len(boxes) == len(Wiring.of(design).net)
    maps = feature_maps(design, grid, ROUTENAS17)[5:7]
    assert (maps * grid.area).sum() == pytest.approx(mass, rel=1e-6, abs=1e-9)  # the maps are float32
