"""Time of a batch of equal CPU-bound trials on one and on two worker processes, in turns.

python -m benchmarks.executors --repeats 3
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from routenas.executor import Processes, estimate_all
from routenas.results import Result
from routenas.show.text import text_table
from searchspaces.space import Choice, Genotype, Space

SPACE = Space("numbers", [Choice("a", 64)])


class Busy:
    """An estimator whose every trial counts for about a second."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``."""
        return [Result(float(sum(i * i % 7 for i in range(self.steps)))) for _ in genotypes]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--steps", type=int, default=12_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    batch = [SPACE.genotype([i]) for i in range(options.trials)]
    seconds: dict[int, list[float]] = {1: [], 2: []}
    executors = {workers: Processes(Busy(options.steps), workers) for workers in seconds}
    for executor in executors.values():  # every process is there and has imported everything
        estimate_all(executor, batch[:2])
    for _ in range(options.repeats):
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
    print(text_table((f"{options.trials} trials", "s, best", "s, worst", "of one worker"), rows))


if __name__ == "__main__":
    main()
