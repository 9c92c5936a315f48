"""A batch of layouts on one and on two workers, and the memory of one of few and of one of many layouts.

    python -m benchmarks.batch --layouts 200 --few 100 --many 2000

The layouts are made up, copies of a few that differ. Rates are those of `routenas score` once its processes have
started, by the times of the files that it writes; the runs take turns. Memory is the largest sum of the resident
memory of all its processes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

try:
    from benchmarks.needs import run
    from routenas.executor import Execution
    from routenas.show.tables import text_table
    from tests.layouts import write_layout
except ModuleNotFoundError as error:
    sys.exit(f"needs {error.name}: run 'python -m benchmarks.batch' in a checkout, with routenas installed")

KINDS = 8
RUNS = {
    "in-process": ("--executor", "in-process"),
    "processes, 1": ("--executor", "processes"),
    "processes, 2": ("--executor", "processes", "--workers", "2"),
    "ray, 2": ("--executor", "ray", "--workers", "2"),
}


def made_up(folder: Path, cells: int, count: int) -> list[str]:
    """A library and a folder of so many layouts; the words that name them to ``routenas score``."""
    folder.mkdir()
    layouts = folder / "layouts"
    layouts.mkdir()
    first = write_layout(folder, "one", seed=0, cells=cells)
    kinds = [
        write_layout(folder, "one", seed=seed, cells=cells, lef=first.lef).def_.read_bytes() for seed in range(KINDS)
    ]
    for number in range(count):
        (layouts / f"{number:05}.def.gz").write_bytes(kinds[number % KINDS])
    return ["--lef", str(first.lef), "--def", str(layouts)]


def batch(words: Sequence[str], out: Path) -> tuple[list[float], int]:
    """Run it: when each layout was done, in order, and the largest resident memory of its processes, bytes."""
    command = [sys.executable, "-m", "routenas", "score", *words, "--model", "pretrained", "--out", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(map(_resident, _tree(process.pid))))
        time.sleep(0.1)
    if process.returncode:
        assert process.stderr is not None
        sys.exit(process.stderr.read())
    return sorted(path.stat().st_mtime for path in out.glob("*.json")), peak


def _tree(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:  # it ended
                continue
    return found


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def rate(done: Sequence[float]) -> float:
    """Layouts a second of the last three quarters, when all workers have long begun."""
    begun = done[len(done) // 4 :]
    return (len(begun) - 1) / (begun[-1] - begun[0])


def loop(steps: int) -> float:
    """Seconds of arithmetic that shares nothing with another process."""
    start = time.perf_counter()
    sum(number * number % 7 for number in range(steps))
    return time.perf_counter() - start


def machine() -> float:
    """What two such loops at a time do, in what one does: all that a second worker can give at this moment."""
    done = {}
    for workers in (1, 2):
        outcomes = dict(Execution("processes", workers).run(loop, [1_000_000] * workers + [8_000_000] * workers))
        done[workers] = sum(1 / seconds for number, seconds in outcomes.items() if number >= workers)  # type: ignore[operator, misc]
    return done[2] / done[1]


def throughput(folder: Path, layouts: int, cells: int, repeats: int) -> str:
    """The table of the executors."""
    words = made_up(folder, cells, layouts)
    names = [name for name in RUNS if not name.startswith("ray") or find_spec("ray")]
    rates: dict[str, list[float]] = {name: [] for name in names}
    most = []
    for _ in range(repeats):
        most.append(machine())
        for name in names:
            out = folder / "out"
            rates[name].append(rate(batch([*words, *RUNS[name]], out)[0]))
            shutil.rmtree(out)
    one = statistics.median(rates["processes, 1"])
    rows = []
    for name, found in rates.items():
        middle = statistics.median(found)
        rows.append((name, f"{middle:.1f} ({min(found):.1f} to {max(found):.1f})", f"{middle / one:.2f}"))
    rows.append(("two loops that share nothing", "", f"{statistics.median(most):.2f}"))
    return text_table((f"{layouts} layouts of {cells:,} cells", "a second", "of one process"), rows)


def memory(folder: Path, counts: Sequence[int], cells: int) -> str:
    """The table of the largest memory of batches of few and of many layouts, on two processes."""
    rows = []
    for count in counts:
        done, peak = batch(
            [*made_up(folder / str(count), cells, count), *RUNS["processes, 2"]], folder / f"{count}-out"
        )
        rows.append((f"{count:,}", f"{peak / 2**20:.0f}", f"{rate(done):.1f}"))
    return text_table((f"layouts of {cells} cells", "peak of resident memory, MB", "a second"), rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layouts", type=int, default=200)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--many", type=int, default=2000)
    parser.add_argument("--tiny", type=int, default=40, help="cells of the layouts that memory is measured with")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{os.cpu_count()} cores, load before the first run {os.getloadavg()[0]:.1f}")
        print(throughput(folder / "rates", options.layouts, options.cells, options.repeats))
        (folder / "memory").mkdir()
        print(memory(folder / "memory", (options.few, options.many), options.tiny))


if __name__ == "__main__":
    run(main)
