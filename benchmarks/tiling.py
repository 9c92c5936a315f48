"""Memory and seconds of an ensemble's answer for a large map, as a whole and in windows.

    python -m benchmarks.tiling --whole 1280 --windows 1280 2560

Each answer is worked out in a process of its own; what is told is by how much its resident memory grew at most,
beyond the maps themselves.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

try:
    import numpy as np

    from benchmarks.needs import run
    from placement_data import processes
    from routenas import tiling
    from routenas.predictor import Predictor
    from routenas.show.tables import text_table
except ModuleNotFoundError as error:
    sys.exit(f"needs {error.name}: run 'python -m benchmarks.tiling' in a checkout, with routenas installed")


def answered(task: tuple[str, int, bool]) -> tuple[float, float, float]:
    """Megabytes that the process grew by, seconds of wall and of processor."""
    model, side, whole = task
    if whole:
        tiling.SIDE = side
    predictor = Predictor.of(model)
    small = np.zeros((len(predictor.card.channels), 64, 64), np.float32)
    predictor.answer(small, 1000)
    noise = np.random.default_rng(0).standard_normal((len(small), side, 64), np.float32)
    maps = np.tile(noise, (1, 1, side // 64))
    before, wall, processor = _peak(), time.perf_counter(), time.process_time()
    predictor.answer(maps, 1000)
    return (_peak() - before) / 1024, time.perf_counter() - wall, time.process_time() - processor


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="pretrained/hotspots")
    parser.add_argument("--whole", type=int, nargs="*", default=[1280], help="sides of maps, multiples of 64")
    parser.add_argument("--windows", type=int, nargs="*", default=[1280, 2560])
    options = parser.parse_args()
    print(f"reaches of the members: {Predictor.of(options.model).reaches}")
    rows = []
    for whole, sides in ((True, options.whole), (False, options.windows)):
        for side in sides:
            pool: processes.Pool[tuple[str, int, bool], tuple[float, float, float]] = processes.Pool(answered, 1)
            ((_, found),) = processes.stream(pool, [(options.model, side, whole)])
            if isinstance(found, Exception):
                raise found
            memory, wall, processor = found
            how = "whole" if whole else "windows"
            rows.append(
                (
                    f"{side} x {side}",
                    how,
                    f"{memory:,.0f}",
                    f"{1e6 * memory / side**2:.0f}",
                    f"{wall:.0f}",
                    f"{processor:.0f}",
                )
            )
    print(text_table(("tiles", "answered", "MB more", "bytes a tile", "s", "s, processor"), rows))


if __name__ == "__main__":
    run(main)
