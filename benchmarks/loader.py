"""Time to load a sample beside the time to train on it: an epoch must never wait for the disk.

    python -m benchmarks.loader [data.h5] [--predictor residual-dilated] [--samples 64]

Without a data set the one inside the package is used. ``open`` is what a data set costs once (its SHA-256 is checked);
``random sample`` reads all of a placement's maps in an order without pattern, ``random features`` its feature maps
alone (one chunk), both from files that the system may have cached; ``training step`` is one step of the trainer's loss,
gradient and update on a single placement, the smallest unit that a loader has to keep up with.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

try:
    from benchmarks.needs import run
    from placement_data.dataset import draw_split
    from placement_data.store import Store
    from routenas import example
    from routenas.architecture import Architecture
    from routenas.show.tables import text_table
    from routenas.tasks.routability import RoutabilityTask
except ModuleNotFoundError as error:
    sys.exit(f"needs {error.name}: run 'python -m benchmarks.loader' in a checkout, with routenas installed")


def seconds(work: Callable[[int], object], indices: Sequence[int]) -> list[float]:
    """Wall-clock seconds of each call."""
    taken = []
    for index in indices:
        began = time.perf_counter()
        work(index)
        taken.append(time.perf_counter() - began)
    return taken


def training_step(task: RoutabilityTask, predictor: str) -> Callable[[int], object]:
    """A function that takes one step on the next batch of one placement."""
    module = Architecture(network=predictor).build(task.shape, seed=0)
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    rng = np.random.default_rng(0)
    batches = [batch for _ in range(20) for batch in task.batches("train", 1, rng)]

    def step(index: int) -> None:
        batch = batches[index % len(batches)]
        optimizer.zero_grad()
        task.loss(module, batch).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", default=example.PLACEMENTS)
    parser.add_argument("--predictor", default="residual-dilated")
    parser.add_argument("--samples", type=int, default=64)
    options = parser.parse_args()
    torch.set_num_threads(1)
    opened = seconds(lambda _: Store(options.data), range(3))
    store = Store(options.data)
    order = np.random.default_rng(0).integers(len(store), size=options.samples).tolist()
    task = RoutabilityTask("hotspots", store, draw_split(store, 0))
    step = training_step(task, options.predictor)
    work = {
        "random sample": seconds(store.sample, order),
        "random features": seconds(store.features, order),
        f"training step ({options.predictor})": seconds(step, order),
    }
    reference = float(np.median(list(work.values())[-1]))
    rows = [["open (once)", f"{1e3 * min(opened):.2f}", f"{1e3 * max(opened):.2f}", ""]]
    for name, taken in work.items():
        median = float(np.median(taken))
        rows.append([name, f"{1e3 * median:.2f}", f"{1e3 * max(taken):.2f}", f"{median / reference:.3f}"])
    megabytes = options.data.stat().st_size / 1e6
    print(f"{options.data}: {len(store)} placements, {len(store.channels)} channels, {megabytes:.1f} MB")
    print(text_table(["what", "median ms", "largest ms", "of a step"], rows))


if __name__ == "__main__":
    run(main)
