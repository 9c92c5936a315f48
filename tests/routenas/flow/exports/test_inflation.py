"""Inflation maps and their rounds, by hand; the CSV of one read back."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

import numpy as np
import pytest

from placement_data.errors import InputError, SettingError
from placement_data.features.layout import Layout
from placement_data.grid import Grid
from routenas.flow.exports.ground import white_space
from routenas.flow.exports.inflation import (
    CERTAIN,
    Inflation,
    Rounds,
    cell_utilisation,
    inflation,
    inflation_map,
    read_heat_map,
)
from routenas.flow.exports.plan import Plan
from routenas.scoring import heat_map_csv
from tests.routenas.flow.exports.scores import design_with_macro, score_of

TILES = np.full((1, 5), 2.0)
FULL = np.ones((1, 5))
PROBABILITY = np.array([[0.1, 0.3, 0.8, CERTAIN, 1.0]])


def log_odds(p: float) -> float:
    return math.log(p / (1 - p))


def test_ratio_by_hand() -> None:
    found = inflation_map(PROBABILITY, FULL, TILES, 1e9, 0.3, Inflation(max_ratio=3.0, exponent=2.0))
    share = (log_odds(0.8) - log_odds(0.3)) / (log_odds(CERTAIN) - log_odds(0.3))
    assert found.tolist()[0] == pytest.approx([1.0, 1.0, 1 + 2 * share**2, 3.0, 3.0], rel=1e-12)


def test_added_area_has_a_cap_and_keeps_proportions() -> None:
    free = inflation_map(PROBABILITY, FULL, TILES, 1e9, 0.3, Inflation()) - 1
    capped = inflation_map(PROBABILITY, FULL, TILES, 4.0, 0.3, Inflation(added_area=0.25)) - 1
    assert (capped * TILES).sum() == pytest.approx(1.0, rel=1e-12)
    assert capped * free.sum() == pytest.approx(free * capped.sum(), rel=1e-12)
    half_full = inflation_map(PROBABILITY, FULL / 2, TILES, 4.0, 0.3, Inflation(added_area=0.25)) - 1
    assert half_full == pytest.approx(np.minimum(2 * capped, free), rel=1e-12)
    assert (inflation_map(PROBABILITY, FULL, TILES, 0.0, 0.3, Inflation()) == 1).all()


def test_tiles_off_the_die_and_a_threshold_of_one_are_harmless() -> None:
    probability = np.array([[np.nan, 0.5, 1.0, 0.0, 1.0]])
    found = inflation_map(probability, FULL, TILES, 1e9, 1.0, Inflation())
    assert np.isfinite(found).all()
    assert found[0, [0, 1, 3]].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("change", [
    {"max_ratio": 0.9}, {"exponent": 0.0}, {"added_area": 1.5}, {"hysteresis": -1.0}, {"patience": 0},
    {"max_ratio": math.nan},
])  # fmt: skip
def test_settings_that_cannot_be(change: dict[str, float]) -> None:
    with pytest.raises(SettingError, match="the inflation cannot be used"):
        Inflation(**change)  # type: ignore[arg-type]


def run(costs: list[float], **settings: float) -> list[Rounds]:
    """Rounds of maps that are alike all over, so that cost and ratio are plain."""
    rounds = [Rounds(Inflation(**settings))]  # type: ignore[arg-type]
    for cost in costs:
        rounds.append(rounds[-1].after(np.full((1, 5), cost), FULL, TILES, 1e9, 0.3))
    return rounds


def test_the_best_round_is_restored() -> None:
    rounds = run([0.9, 0.5, 0.6, 0.7, 0.8, 0.4], patience=3)
    assert [one.done for one in rounds] == [False] * 5 + [True] * 2
    assert [one.best_round for one in rounds] == [0, 1, 2, 2, 2, 2, 2]
    assert [one.count for one in rounds] == [0, 1, 2, 3, 4, 5, 5]  # nothing happens after the end
    assert rounds[-1].best_cost == pytest.approx(0.5 * 10)
    made_with = rounds[1].ratio  # the placement of round 2 was made with the map of round 1
    assert rounds[-1].ratio is rounds[-1].best is made_with


def test_small_changes_are_not_followed() -> None:
    first, second, third = run([0.80, 0.81, 0.95], hysteresis=0.1)[1:]
    assert first.ratio is not None
    assert second.ratio is not None
    assert third.ratio is not None
    assert (second.ratio == first.ratio).all()
    assert (third.ratio > first.ratio + 0.1).all()


def test_hysteresis_does_not_lift_the_cap() -> None:
    low, high = log_odds(0.3), log_odds(CERTAIN)

    def of_excess(*wanted: float) -> np.ndarray:
        """Probabilities whose ratios are 1 more than these."""
        odds = np.exp(low + np.array([wanted]) * (high - low))
        return np.asarray(odds / (1 + odds))

    rounds = Rounds(Inflation(added_area=0.1, hysteresis=0.4))
    rounds = rounds.after(of_excess(0.6, 0.0), FULL[:, :2], TILES[:, :2], 16.0, 0.3)
    assert rounds.ratio is not None
    assert rounds.ratio.tolist()[0] == pytest.approx([1.6, 1.0])
    rounds = rounds.after(of_excess(0.3, 0.5), FULL[:, :2], TILES[:, :2], 16.0, 0.3)
    assert rounds.ratio is not None  # the first stays at 0.6, and with 0.5 of the second would be above 0.8
    assert rounds.ratio.tolist()[0] == pytest.approx([1 + 0.6 * 0.8 / 1.1, 1 + 0.5 * 0.8 / 1.1])


def test_csv_of_a_score(tmp_path: Path) -> None:
    design = design_with_macro()
    grid = Grid.of(design, 1.4)
    rng = np.random.default_rng(0)
    probability = rng.uniform(0.0, 0.95, grid.shape).round(4)
    plan = Plan.of(score_of(design, [], hotspots={"threshold": 0.3, "max": float(probability.max())}), design)
    path = tmp_path / "map.csv"
    path.write_text(heat_map_csv(grid, probability, design.dbu_per_micron))
    assert np.abs(read_heat_map(path, grid) - probability).max() < 1e-9
    text = inflation(plan, map_csv=path, max_ratio=2.5, added_area=0.05).text
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert head[: len(plan.provenance)] == [f"# {line}" for line in plan.provenance]
    rows = list(csv.reader(io.StringIO("\n".join(line for line in text.splitlines() if not line.startswith("#")))))
    assert len(rows) == 1 + grid.shape[0] * grid.shape[1]
    ratio = np.array([float(row[4]) for row in rows[1:]]).reshape(grid.shape[::-1]).T / 100
    utilisation = cell_utilisation(Layout(design, grid))
    free = white_space(design) / design.dbu_per_micron**2
    assert ((ratio - 1) * utilisation * grid.area).sum() == pytest.approx(0.05 * free, rel=1e-3)
    assert (ratio[probability < 0.3] == 1).all()


def broken(text: str, what: str) -> str:
    lines = text.splitlines()
    if what == "a tile is missing":
        del lines[5]
    elif what == "a word":
        lines[5] = lines[5].rpartition(",")[0] + ",high"
    elif what == "another grid":
        lines[5] = "0.0,0.0,9.9,9.9,1.0"
    elif what == "above":
        lines[5] = lines[5].rpartition(",")[0] + ",101"
    return "\n".join(lines)


@pytest.mark.parametrize(("what", "told"), [
    ("a tile is missing", "tiles are missing, found '1 without a value'"),
    ("a word", "map.csv:6: this is no row of a heat map"),
    ("another grid", "map.csv:6: the row fits no tile"),
    ("above", "map.csv:6: the row fits no tile"),
])  # fmt: skip
def test_maps_that_are_broken(tmp_path: Path, what: str, told: str) -> None:
    design = design_with_macro()
    grid = Grid.of(design, 1.4)
    path = tmp_path / "map.csv"
    path.write_text(broken(heat_map_csv(grid, np.full(grid.shape, 0.5), design.dbu_per_micron), what))
    with pytest.raises(InputError, match=told):
        read_heat_map(path, grid)


def test_the_map_of_another_score(tmp_path: Path) -> None:
    design = design_with_macro()
    grid = Grid.of(design, 1.4)
    path = tmp_path / "map.csv"
    path.write_text(heat_map_csv(grid, np.full(grid.shape, 0.5), design.dbu_per_micron))
    with pytest.raises(InputError, match="the map is of another score, found 'a largest value"):
        inflation(Plan.of(score_of(design, []), design), map_csv=path)
