"""Made-up samples whose label follows from the features, so that something can be learned from a small data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from placement_data.dataset import Split
from placement_data.features import ROUTENAS17
from placement_data.grid import Grid
from placement_data.store import Sample, write

KIND = "made-up/iteration-0"
DBU, TILE = 2000, 2800
CHANNELS, CHANNEL_VERSION = ROUTENAS17.channels, ROUTENAS17.version  # the smallest set that every baseline can read


def made_up_sample(
    name: str, family: str, seed: int, shape: tuple[int, int] = (13, 16), labelled: bool = True, design: str = ""
) -> Sample:
    """Demand is a smooth field; every channel is its multiple with noise, and hotspots are where it is high."""
    rng = np.random.default_rng(seed)
    rows, columns = shape
    y, x = np.mgrid[0:rows, 0:columns]
    demand = np.full(shape, rng.uniform(0.5, 1.5))
    for _ in range(3):
        peak, width = rng.uniform((0, 0), shape), rng.uniform(2.0, 4.0)
        demand += rng.uniform(0.5, 2.0) * np.exp(-((y - peak[0]) ** 2 + (x - peak[1]) ** 2) / (2 * width**2))
    gain = np.linspace(0.2, 3.0, len(CHANNELS))[:, None, None]
    features = (gain * demand * np.exp(0.1 * rng.standard_normal((len(CHANNELS), *shape)))).astype(np.float32)
    grid = Grid((0, 0, columns * TILE, rows * TILE), TILE, DBU)
    net_count = 4 * rows * columns
    common = {"sample": name, "design": design or family, "family": family, "features": features}
    if not labelled:
        return Sample(**common, net_count=net_count, grid=grid.to_dict())
    hot = rng.random(shape) < 1 / (1 + np.exp(-4 * (demand - 2.0)))
    violations = (hot * rng.integers(1, 4, shape)).astype(np.float32)
    count = int(violations.sum())
    return Sample(
        **common,
        net_count=net_count,
        grid=grid.to_dict(),
        label_kind=KIND,
        hotspots=hot.astype(np.uint8),
        violation_density=violations,
        violated_net_map=violations.copy(),
        violated_nets=count,
        repeat_hotspots=np.stack([hot, hot[::-1]]).astype(np.uint8) if seed % 2 else None,
        repeat_violated_nets=(count, max(count - 1, 0)) if seed % 2 else (),
        sources={"placed.def.gz": "0" * 64},
        attributes={"density": f"{seed}"},
    )


def made_up_samples(families: int = 6, placements: int = 4) -> list[Sample]:
    """``placements`` of each of ``families`` families f0, f1, ..., of various sizes."""
    return [
        made_up_sample(f"f{family}/{number}", f"f{family}", 31 * family + number, (10 + number, 12 + family))
        for family in range(families)
        for number in range(placements)
    ]


def write_made_up_store(path: Path, families: int = 6, placements: int = 4) -> Path:
    """A data set of :func:`made_up_samples`."""
    write(path, made_up_samples(families, placements), CHANNELS, CHANNEL_VERSION)
    return path


SPLIT = Split(("f0", "f1", "f2"), ("f3",), ("f4", "f5"))
