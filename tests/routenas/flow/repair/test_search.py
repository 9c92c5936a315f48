"""The search: what a judge says is obeyed, so are the limits, and the same seed makes the same moves."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from placement_data.design import Design
from placement_data.grid import Grid
from placement_data.making import LayoutFiles, read_layout
from placement_data.netlist import require_placed
from routenas import Scorer
from routenas.bundle import ModelMismatchError
from routenas.flow.repair import around, repair
from routenas.flow.repair.floor import Floor
from routenas.flow.repair.judges import Demand, Predicted, Verdict
from routenas.flow.repair.search import Settings, State, search, tournament
from routenas.flow.repair.wires import wirelength
from tests.layouts import Layout
from tests.routenas.flow.repair.test_floor import Blind, assert_lawful


@pytest.fixture(scope="module")
def design(layout: Layout) -> Design:
    return read_layout(LayoutFiles("def", layout.def_, (layout.lef,)))


@dataclass
class Slope:
    """Wants the pins to the right: their number in tiles, times how far left those are. Remembers what it said."""

    grid: Grid
    shown: list[float] = field(default_factory=list)

    def __call__(self, design: Design) -> Verdict:
        require_placed(design)
        columns = self.grid.shape[1]
        heat = self.grid.point_count(design.pins.x, design.pins.y) * np.arange(columns, 0, -1) / columns
        self.shown.append(float(heat.sum()))
        return Verdict({"slope": self.shown[-1]}, heat)


def run(design: Design, **options: int | float) -> tuple[State, Slope]:
    grid = Grid.of(design)
    judge = Slope(grid)
    settings = Settings(**{"rounds": 15, **options})  # type: ignore[arg-type]
    return search(Floor.of(design), judge, grid, np.ones(grid.shape, dtype=bool), settings), judge


def test_what_the_judge_minds_falls(design: Design) -> None:
    state, judge = run(design, max_wirelength=0.2, rounds=30)
    first, last = judge.shown[0], state.verdict.values["slope"]
    assert last < 0.97 * first
    assert last == min(judge.shown) == Slope(judge.grid)(state.design).values["slope"]
    assert state.wirelength == wirelength(state.design) <= 1.2 * wirelength(design)
    assert state.judged == len(judge.shown)
    assert 0 < state.kept.total() <= state.tried.total()
    assert assert_lawful(design, state.design) > 0


def test_limits(design: Design) -> None:
    length = wirelength(design)
    for most in (0.0, 0.001, 0.05):
        state, _ = run(design, max_wirelength=most)
        assert state.kept.total() > 0
        assert state.wirelength <= (1 + most) * length
    assert run(design, most_moves=7)[0].kept.total() <= 7
    assert run(design, rounds=0)[0].design.cells.box is design.cells.box
    began = time.monotonic()
    state, _ = run(design, seconds=0.3, rounds=10**6, patience=10**6)
    assert time.monotonic() - began < 3.0
    assert 0 < state.rounds < 10**6
    grid = Grid.of(design)
    everywhere, options = np.ones(grid.shape, dtype=bool), Settings(rounds=1, reach=1, max_wirelength=9.0)
    near = search(Floor.of(design), Blind(grid, 0), grid, everywhere, options)
    far = np.abs(near.design.cells.box - design.cells.box)[:, :2]
    assert 0 < far.max() <= 2800


def test_seeds(design: Design) -> None:
    one, again, other = (run(design, seed=seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(one.design.cells.box, again.design.cells.box)
    assert not np.array_equal(one.design.cells.box, other.design.cells.box)


def test_only_cells_in_the_given_tiles_and_their_partners_move(design: Design) -> None:
    grid = Grid.of(design)
    where = np.zeros(grid.shape, dtype=bool)
    where[:, :4] = True
    floor = Floor.of(design)
    options = Settings(rounds=4, reach=2, max_wirelength=9.0)
    state = search(floor, Blind(grid, 0), grid, where, options, lambda gain, cost, rng: rng.random(len(gain)))
    moved = np.flatnonzero((state.design.cells.box != design.cells.box).any(axis=1))
    assert len(moved)
    # A cell moves four times at most.
    assert (design.cells.box[moved, 0] < grid.x_edges[4] + 4 * 2 * floor.height).all()


class Content:
    """Nothing is ever better than it was."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    def __call__(self, design: Design) -> Verdict:
        return Verdict({"one": 1.0, "other": 1.0}, np.ones(self.grid.shape))


def test_patience(design: Design) -> None:
    grid = Grid.of(design)
    state = search(Floor.of(design), Content(grid), grid, np.ones(grid.shape, dtype=bool), Settings(patience=3))
    assert (state.rounds, state.kept.total()) == (3, 0)
    assert state.tried.total() > 0
    assert state.design.cells.box is design.cells.box


def test_no_number_may_rise_and_one_must_fall() -> None:
    heat = np.zeros((1, 1))
    before = Verdict({"tiles": 4.0, "nets": 4.0}, heat)
    assert Verdict({"tiles": 3.0, "nets": 3.9}, heat).better(before)
    assert Verdict({"tiles": 1.0, "nets": 4.0}, heat).better(before)
    assert not Verdict({"tiles": 1.0, "nets": 4.1}, heat).better(before)
    assert not Verdict({"tiles": 4.0, "nets": 4.0}, heat).better(before)
    assert Verdict({"tiles": 1.0, "nets": 3.0}, heat).ratio(before) == pytest.approx(0.5)


@dataclass
class Jury:
    """Says what it is told, one after the other, and remembers what it saw."""

    grid: Grid
    says: list[tuple[float, float]]
    seen: list[Design] = field(default_factory=list)

    def __call__(self, design: Design) -> Verdict:
        tiles, nets = self.says[len(self.seen)]
        self.seen.append(design)
        return Verdict({"tiles": tiles, "nets": nets}, np.ones(self.grid.shape))


def test_the_judge_chooses_among_candidates(design: Design) -> None:
    grid = Grid.of(design)
    everywhere = np.ones(grid.shape, dtype=bool)
    first = [(4.0, 4.0), (3.0, 4.1), (3.0, 4.0), (2.0, 4.0), (2.5, 4.0), (4.0, 4.0)]
    # Of ten rounds each: the third candidate wins; then one is no better, one in one number worse than at first.
    jury = Jury(grid, [*first, (2.0, 4.0), (1.0, 4.1), (2.2, 4.0), (1.9, 3.9), (1.9, 4.0)])
    state = tournament(Floor.of(design), jury, grid, everywhere, Settings(rounds=13))
    assert state.design is jury.seen[9]
    assert (state.judged, state.rounds) == (11, 13)
    assert 0 < state.kept.total() < state.tried.total()
    assert state.wirelength == wirelength(state.design) <= 1.02 * wirelength(design)
    # The second stage went on from the third candidate: those hardly moved again are where that one had them.
    moved = [(state.design.cells.box != other.cells.box).any(axis=1).sum() for other in (jury.seen[3], design)]
    assert 0 < moved[0] < moved[1]
    assert_lawful(design, state.design)
    nothing = Jury(grid, [(4.0, 4.0)] * 11)
    state = tournament(Floor.of(design), nothing, grid, everywhere, Settings(patience=11))
    assert (state.judged, state.kept.total()) == (11, 0)
    assert state.design.cells.box is design.cells.box


def test_demand_counts_tiles_as_a_map_has_it(design: Design) -> None:
    grid = Grid.of(design)
    plain = Demand(grid, design)(design)
    half = np.zeros(grid.shape)
    half[: grid.shape[0] // 2] = 7.0
    weighted = Demand(grid, design, half, 0.8)(design)
    assert plain.values["rudy"] == pytest.approx(plain.heat.sum())
    assert plain.heat.sum() > 0
    assert weighted.heat == pytest.approx(plain.heat * (0.2 + 0.8 * half / half.mean()))
    assert Demand(grid, design, 0 * half, 0.8)(design).heat == pytest.approx(plain.heat)


def test_the_judge_says_what_a_score_says(design: Design, bundles: dict[str, Path]) -> None:
    scorer = Scorer(list(bundles.values()))
    score = scorer.score(design)
    verdict = Predicted(scorer.predictors, score.grid)(design)
    value = score.to_dict()
    assert verdict.values == {
        "expected_hotspot_tiles": pytest.approx(value["hotspots"]["expected_tiles"]),
        "violated_nets": pytest.approx(value["violated_nets"]["predicted"]),
    }
    assert np.array_equal(verdict.heat, score.probability)  # type: ignore[arg-type]


def test_repair_of_a_design(design: Design, bundles: dict[str, Path]) -> None:
    scorer = Scorer(list(bundles.values()))
    done = repair(design, scorer, Settings(rounds=6))
    value = done.to_dict()
    for one in value["predicted"].values():
        assert set(one) == {"before", "after"}
    for name in ("expected_hotspot_tiles", "violated_nets"):
        assert value["predicted"][name]["after"] <= value["predicted"][name]["before"]
    assert value["cells"]["moved"] == len(done.places()) == assert_lawful(design, done.design)
    assert value["routed"] is None
    with pytest.raises(ModelMismatchError, match="expected a model of the task 'hotspots'"):
        repair(design, Scorer([bundles["violated_nets"]]))


def test_around(design: Design, bundles: dict[str, Path]) -> None:
    from dataclasses import replace

    score = Scorer([bundles["hotspots"]]).score(design)
    probability = np.zeros(score.grid.shape)
    probability[5, 6] = 1.0
    found = around(replace(score, probability=probability, threshold=0.5))
    assert found.sum() == 25
    assert found[3:8, 4:9].all()
