"""What worker processes give: equal CPU-bound trials on one and on two of them, in turns; and how long four workers
take for trials of very different lengths, in batch order and in order of arrival.

python -m benchmarks.executors --repeats 3
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

try:
    from benchmarks.needs import run
    from routenas.executor import Processes, estimate_all
    from routenas.interfaces import Estimator
    from routenas.loop import ORDERS, search
    from routenas.results import Result
    from routenas.show.tables import text_table
    from routenas.strategies import strategy_class
    from searchspaces.space import Choice, Genotype, Space
except ModuleNotFoundError as error:
    sys.exit(f"needs {error.name}: run 'python -m benchmarks.executors' in a checkout, with routenas installed")

SPACE = Space("numbers", [Choice("a", 4096)])
WORKERS = 4


class Busy(Estimator):
    """An estimator whose every trial counts for about a second."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``."""
        return [Result(float(sum(i * i % 7 for i in range(self.steps)))) for _ in genotypes]


class Sleepy(Estimator):
    """An estimator whose trials sleep: log-normal with sigma 1 around ``median`` seconds, drawn from the genotype."""

    def __init__(self, median: float) -> None:
        self.median = median

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``."""
        return [self._one(genotype) for genotype in genotypes]

    def _one(self, genotype: Genotype) -> Result:
        seconds = self.median * float(np.exp(np.random.default_rng(genotype.values[0]).standard_normal()))
        time.sleep(seconds)
        return Result(-seconds, seconds=seconds)


def equal_trials(trials: int, steps: int, repeats: int) -> str:
    """The table of one worker against two."""
    batch = [SPACE.genotype([i]) for i in range(trials)]
    seconds: dict[int, list[float]] = {1: [], 2: []}
    executors = {workers: Processes(Busy(steps), workers) for workers in seconds}
    for executor in executors.values():  # every process is there and has imported everything
        estimate_all(executor, batch[:2])
    for _ in range(repeats):
        for workers, executor in executors.items():
            start = time.perf_counter()
            estimate_all(executor, batch)
            seconds[workers].append(time.perf_counter() - start)
    for executor in executors.values():
        executor.close()
    one = min(seconds[1])
    rows = [
        (
            f"{workers} worker{'s' * (workers > 1)}",
            f"{min(values):.2f}",
            f"{max(values):.2f}",
            f"{min(values) / one:.2f}",
        )
        for workers, values in seconds.items()
    ]
    return text_table((f"{trials} trials", "s, best", "s, worst", "of one worker"), rows)


def unequal_trials(trials: int, median: float, repeats: int) -> str:
    """The table of batch order against order of arrival."""
    executor = Processes(Sleepy(median), WORKERS)
    estimate_all(executor, [SPACE.genotype([i]) for i in range(2 * WORKERS)])
    rows = []
    for seed in range(repeats):
        for order in ORDERS:
            start = time.perf_counter()
            found = search(strategy_class("random")(SPACE, seed), executor, trials, in_flight=WORKERS, order=order)
            passed = time.perf_counter() - start
            shared = sum(trial.result.seconds or 0.0 for trial in found) / WORKERS
            rows.append((order, str(seed), f"{passed:.2f}", f"{shared:.2f}", f"{passed / shared:.2f}"))
    executor.close()
    return text_table((f"{trials} trials, {WORKERS} workers", "seed", "s", "sum / workers, s", "ratio"), rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--steps", type=int, default=12_000_000)
    parser.add_argument("--sleeping-trials", type=int, default=200)
    parser.add_argument("--median", type=float, default=0.2, help="seconds of a sleeping trial")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(equal_trials(options.trials, options.steps, options.repeats))
    print(unequal_trials(options.sleeping_trials, options.median, options.repeats))


if __name__ == "__main__":
    run(main)
