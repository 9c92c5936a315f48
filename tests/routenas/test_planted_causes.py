"""What a region is blamed on, where the cause was planted: blocked tracks, a pin cluster, a bundle of long nets.

Small models learn from made-up layouts that each of the three leaves hotspots; in layouts that they have not seen
the family that comes first must be the one that was planted.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from placement_data.dataset import Split
from placement_data.features import ROUTABILITY, feature_maps
from placement_data.grid import Grid
from placement_data.making import LayoutFiles, read_layout
from placement_data.netlist import signal_nets
from placement_data.store import Sample, write
from routenas import train
from routenas.causes import causes_of
from routenas.predictor import Predictor
from routenas.training import BUDGETS
from tests.placement_data.planted import Box, Fault, planted_def, planted_lef
from tests.placement_data.synthetic import synthetic_def

TILE = 2800
EXPECTED: dict[Fault, str] = {"blocked tracks": "tracks", "pin cluster": "pins", "long nets": "wires"}
LEARNT, JUDGED = 14, 5


@dataclass(frozen=True)
class Planted:
    """Feature maps of a layout, the tiles (rows, columns) of each fault by number from 1, and those that are hot."""

    grid: Grid
    net_count: int
    features: np.ndarray
    faults: np.ndarray
    hot: np.ndarray


def boxes_of(seed: int, columns: int, rows: int) -> dict[Fault, Box]:
    """Squares of 4 x 4 tiles, one for each fault, none at the heights of the long nets of another."""
    rng = np.random.default_rng(seed)
    low = rng.permutation([2, 9, 16])[:3] + rng.integers(0, max(1, rows - 21), size=3)
    left = rng.integers(3, columns - 7, size=3)
    corners = zip(EXPECTED, low.tolist(), left.tolist(), strict=True)
    return {fault: (x * TILE, y * TILE, (x + 4) * TILE, (y + 4) * TILE) for fault, y, x in corners}


def planted(folder: Path, seed: int) -> Planted:
    corner = re.search(r"DIEAREA \( 0 0 \) \( (\d+) (\d+) \)", synthetic_def(300, seed, utilization=0.6, memory=False))
    assert corner is not None
    boxes = boxes_of(seed, *(int(side) // TILE for side in corner.groups()))
    def_, lef = folder / f"{seed}.def", folder / "planted.lef"
    def_.write_text(planted_def(300, seed, boxes))
    lef.write_text(planted_lef())
    design = read_layout(LayoutFiles("def", def_, (lef,)))
    grid = Grid.of(design, TILE / 2000)
    faults = np.zeros(grid.shape, dtype=np.int32)
    hot = np.zeros(grid.shape, dtype=bool)
    for number, (fault, (x0, y0, x1, y1)) in enumerate(boxes.items(), start=1):
        rows, columns = slice(y0 // TILE, y1 // TILE), slice(x0 // TILE, x1 // TILE)
        faults[rows, columns] = number
        hot[rows, slice(None) if fault == "long nets" else columns] = True
    return Planted(grid, int(signal_nets(design).sum()), feature_maps(design, grid, ROUTABILITY), faults, hot)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    samples = []
    for number in range(LEARNT):
        one = planted(folder, number)
        hot = one.hot.astype(np.float32)
        samples.append(
            Sample(
                sample=f"f{number}/0", design=f"f{number}", family=f"f{number}", features=one.features,
                net_count=one.net_count, grid=one.grid.to_dict(), label_kind="planted", hotspots=hot.astype(np.uint8),
                violation_density=hot, violated_net_map=hot, violated_nets=int(hot.sum()),
            )
        )  # fmt: skip
    write(folder / "planted.h5", samples, ROUTABILITY.channels, ROUTABILITY.version)
    return folder / "planted.h5"


@pytest.mark.parametrize("name", ["gradient-boosting", "fcn"])
def test_the_planted_cause_is_named_first(data: Path, tmp_path: Path, name: str) -> None:
    families = [f"f{number}" for number in range(LEARNT)]
    split = Split(tuple(families[:-3]), (families[-3],), tuple(families[-2:]))
    model = Predictor.of(train(data, name, budget=BUDGETS["full"], split=split))
    first: dict[Fault, Counter[str]] = {fault: Counter() for fault in EXPECTED}
    for seed in range(100, 100 + JUDGED):
        one = planted(tmp_path, seed)
        maps = model.normalised(one.features)
        probability = model.answer(maps, one.net_count).value
        assert probability[one.faults > 0].mean() > max(0.4, 2 * probability[~one.hot].mean())
        for fault, causes in zip(EXPECTED, causes_of(model, maps, one.faults), strict=True):
            first[fault][causes[0].family] += 1
    for fault, expected in EXPECTED.items():
        assert first[fault][expected] >= JUDGED - 1, (fault, first[fault])
