"""Whatever moves are made, the placement is legal where it was, and what may not move has not: by brute force."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from placement_data.design import Design
from placement_data.grid import Grid
from placement_data.making import LayoutFiles, read_layout
from placement_data.moving import placed
from placement_data.orientation import Orientation
from routenas.flow.repair.floor import Floor, Spots
from routenas.flow.repair.judges import Verdict
from routenas.flow.repair.moves import KINDS, Neighbourhood
from routenas.flow.repair.search import Settings, State, search
from routenas.flow.repair.wires import Wires, wirelength
from tests.routenas.flow.repair.floors import def_text, illegal, lef, may_move

UPSIDE_DOWN = (Orientation.S, Orientation.FS)


class Blind:
    """Likes every placement better than the one before, and finds it bad at random."""

    def __init__(self, grid: Grid, seed: int) -> None:
        self.rng, self.grid, self.value = np.random.default_rng(seed), grid, 0.0

    def __call__(self, design: Design) -> Verdict:
        self.value -= 1.0
        return Verdict({"value": self.value}, self.rng.random(self.grid.shape))


def stirred(design: Design, seed: int, rounds: int, fixed: tuple[str, ...] = ()) -> tuple[Floor, State]:
    """A design after many moves that nothing but the law guides."""
    floor, grid = Floor.of(design, fixed), Grid.of(design)
    options = Settings(seed, rounds, max_wirelength=1e9)
    everywhere = np.ones(grid.shape, dtype=bool)
    return floor, search(
        floor, Blind(grid, seed), grid, everywhere, options, lambda gain, cost, rng: rng.random(len(gain))
    )


def assert_lawful(before: Design, after: Design) -> int:
    """Check every cell of a design against everything in it; the number of those that have moved."""
    old, new = before.cells, after.cells
    moved = np.flatnonzero((old.box != new.box).any(axis=1) | (old.orientation != new.orientation))
    for cell in moved.tolist():
        assert may_move(before, cell), old.name[cell]
        assert illegal(before, cell) == [], old.name[cell]
        assert illegal(after, cell) == [], new.name[cell]
        if before.masters.name[old.master[cell]] == "TALL":  # its rails are those of its lowest row
            assert (new.orientation[cell] in UPSIDE_DOWN) == (old.orientation[cell] in UPSIDE_DOWN)
    assert np.array_equal(old.box[:, 2:] - old.box[:, :2], new.box[:, 2:] - new.box[:, :2])
    assert np.array_equal(old.status, new.status)
    assert np.array_equal(before.pins.net, after.pins.net)
    return len(moved)


def drawn(folder: Path, seed: int) -> Design:
    (folder / "cells.lef").write_text(lef())
    path = folder / f"{seed}.def"
    path.write_text(def_text(seed))
    return read_layout(LayoutFiles("def", path, (folder / "cells.lef",)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("floors")


@given(seed=st.integers(0, 10**6))
@settings(max_examples=12, deadline=None)
def test_moves_are_lawful(folder: Path, seed: int) -> None:
    design = drawn(folder, seed)
    _, state = stirred(design, seed, rounds=12)
    assert assert_lawful(design, state.design) > 5


def test_all_kinds_and_heights_move(folder: Path) -> None:
    kept: Mapping[str, int] = {}
    masters, crossed = set(), False
    for seed in range(6):
        design = drawn(folder, seed)
        _, state = stirred(design, seed, rounds=12)
        kept = {kind: kept.get(kind, 0) + state.kept[kind] for kind in KINDS}
        moved = (design.cells.box != state.design.cells.box).any(axis=1)
        masters |= set(design.masters.name[design.cells.master[moved]])
        crossed |= bool((design.cells.orientation % 4 != state.design.cells.orientation % 4)[moved].any())
    assert all(kept.values()), kept
    assert masters == {"W1", "W2", "W3", "W4", "TALL", "STIFF", "N"}
    assert crossed


@pytest.mark.parametrize("seed", range(4))
def test_who_may_move_is_who_lies_legally(folder: Path, seed: int) -> None:
    """Nobody is held who could move: of the cells that nothing ties, the legal ones are movable, and no others."""
    design = drawn(folder, seed)
    floor = Floor.of(design)
    wired = set(design.pins.cell.tolist())
    guide = set(design.regions.cell[design.regions.cell_offset[1] :].tolist())
    for cell in range(len(design.cells.name)):
        lawful = may_move(design, cell) and cell in wired and not illegal(design, cell)
        # A site that is only partly in the guide is nobody's.
        if cell not in guide and not _on_guide_border(design, cell):
            assert floor.movable[cell] == lawful, (design.cells.name[cell], illegal(design, cell))


@pytest.mark.parametrize("seed", range(3))
def test_a_place_fits_where_it_is_legal(folder: Path, seed: int) -> None:
    """Any cell anywhere, one at a time: what fits is what the slow check finds nothing wrong with."""
    design = drawn(folder, seed)
    floor, rng = Floor.of(design), np.random.default_rng(seed)
    free, fine = floor.free(floor.spots), 0
    movable = np.flatnonzero(floor.movable)
    for _ in range(700):
        cell = int(rng.choice(movable))
        band, column = rng.integers(0, 8), rng.integers(0, 40)
        one, at, left = (np.array([value]) for value in (cell, band, column))
        turned, allowed = floor.turned(one, at, design.cells.orientation[one])
        fits = bool((allowed & free.fits(one, at, left)).all())
        spots = Spots(*(column.copy() for column in (floor.spots.band, floor.spots.column, floor.spots.orientation)))
        spots.band[cell], spots.column[cell], spots.orientation[cell] = band, column, turned[0]
        after = placed(design, floor.corner(spots), spots.orientation)
        wrong = illegal(after, cell)
        old, new = design.cells.box[cell], after.cells.box[cell]  # its own sites are not free
        own = bool(((old[:2] < new[2:]) & (new[:2] < old[2:])).all())
        if fits:
            assert not wrong, (design.cells.name[cell], band, column)
            fine += 1
        elif not wrong and floor.bands[cell] == 1 and not own and not _guided(design, cell, after):
            raise AssertionError((design.cells.name[cell], band, column))
    assert fine > 20


def _guided(before: Design, cell: int, after: Design) -> bool:
    """Whether a cell lies in the guide, or on its border, before or after."""
    x0, y0, x1, y1 = before.regions.box[1].tolist()
    boxes = (design.cells.box[cell].tolist() for design in (before, after))
    return any(box[0] < x1 and x0 < box[2] and box[1] < y1 and y0 < box[3] for box in boxes)


def _on_guide_border(design: Design, cell: int) -> bool:
    x0, y0, x1, y1 = design.regions.box[1].tolist()
    left, bottom, right, top = design.cells.box[cell].tolist()
    met = left < x1 and x0 < right and bottom < y1 and y0 < top
    return met and not (left >= x0 and right <= x1 and bottom >= y0 and top <= y1)


def test_cells_that_are_kept_stay(folder: Path) -> None:
    design = drawn(folder, 1)
    names = tuple(str(name) for name in design.cells.name[:20])
    _, state = stirred(design, 1, 8, names)
    assert np.array_equal(state.design.cells.box[:20], design.cells.box[:20])
    assert assert_lawful(design, state.design) > 0


def test_a_design_without_rows_stays(folder: Path) -> None:
    text = "\n".join(line for line in def_text(1).splitlines() if not line.startswith("ROW"))
    (folder / "bare.def").write_text(text)
    design = read_layout(LayoutFiles("def", folder / "bare.def", (folder / "cells.lef",)))
    floor = Floor.of(design)
    assert not floor.movable.any()
    grid = Grid.of(design, 1.0)
    state = search(floor, Blind(grid, 0), grid, np.ones(grid.shape, dtype=bool), Settings(rounds=3))
    assert state.design.cells.box is design.cells.box


@pytest.mark.parametrize("seed", range(3))
def test_cost_of_moves_is_the_change_of_the_wirelength(folder: Path, seed: int) -> None:
    """Each move by itself; a swap's is that of its two parts, which the nets that they share make inexact."""
    design = drawn(folder, seed)
    floor, wires, rng = Floor.of(design), Wires(design), np.random.default_rng(seed)
    near = Neighbourhood(floor, floor.spots, floor.free(floor.spots), wires.rest(design), 4000)
    moves = near.moves(np.flatnonzero(floor.movable), rng)
    nets = [set(design.pins.net[design.pins.cell == cell].tolist()) for cell in range(len(design.cells.name))]
    before, compared = wirelength(design), 0
    for row in rng.permutation(len(moves))[:150].tolist():
        one, other = moves.cell[row].tolist()
        if other < 0 or not nets[one] & nets[other]:
            spots = moves.take([row]).applied(floor.spots)
            after = wirelength(placed(design, floor.corner(spots), spots.orientation))
            assert after - before == pytest.approx(moves.cost[row], abs=1e-6)
            compared += 1
    assert compared > 50


def test_wirelength_by_hand(folder: Path) -> None:
    design = drawn(folder, 2)
    total = 0.0
    for net in range(len(design.nets.name)):
        rows = np.flatnonzero(design.pins.net == net)
        x, y = design.pins.x[rows], design.pins.y[rows]
        total += x.max() - x.min() + y.max() - y.min()
    assert wirelength(design) == pytest.approx(total)


@pytest.mark.parametrize("sample", ["c432/101", "b03/100"])
def test_real_placements(shared_data: Path, sample: str) -> None:
    folder = shared_data / "placements"
    files = LayoutFiles(
        "def", folder / f"{sample}.def.gz",
        tuple(folder / "lef" / f"{name}.lef.gz" for name in ("nangate45_tech", "nangate45_cells", "hard_blocks")),
    )  # fmt: skip
    design = read_layout(files)
    floor, state = stirred(design, 0, rounds=8)
    assert floor.movable.mean() > 0.6
    assert assert_lawful(design, state.design) > 30
