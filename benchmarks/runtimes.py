"""Seconds and memory of a score by torch and by onnxruntime: a cold ``routenas score``, and warm answers.

    python -m benchmarks.runtimes

Cold is the whole process, on the example of the package; warm are the networks' answers alone, for layouts of 1,000
and of 30,000 cells that are made up. The runtimes take turns; rows are medians of the repeats, in seconds of wall and
of processor, which other work on the machine does not lengthen.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

try:
    from benchmarks.needs import run
    from benchmarks.scoring import made_up
    from placement_data.features import feature_maps
    from placement_data.grid import Grid
    from placement_data.making import LayoutFiles, read_layout
    from placement_data.netlist import signal_nets
    from routenas import example
    from routenas.onnx_model import Runtime
    from routenas.predictor import Predictor
    from routenas.show.tables import text_table
except ModuleNotFoundError as error:
    sys.exit(f"needs {error.name}: run 'python -m benchmarks.runtimes' in a checkout, with routenas installed")

RUNTIMES: tuple[Runtime, ...] = ("torch", "onnx")


TOLD = """
import atexit, cli
def told():
    print([line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")][0])
atexit.register(told)
cli.main(prog_name="routenas")
"""


def cold(runtime: Runtime) -> tuple[float, float, float]:
    """Seconds of wall and of processor, and megabytes at most, of one process."""
    words = ["score", "--lef", example.LEF, "--def", example.DEF, "--model", "pretrained", "--runtime", runtime]
    began, used = time.perf_counter(), _of_children()
    done = subprocess.run(
        [sys.executable, "-c", TOLD, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    )
    passed, processor = time.perf_counter() - began, _of_children() - used
    return passed, processor, int(done.stdout.split()[-1]) / 1024


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def warm(files: LayoutFiles, repeats: int) -> tuple[str, dict[Runtime, list[tuple[float, float]]]]:
    """What the layout is, and seconds of wall and of processor of each answer of the shipped hotspot model."""
    design = read_layout(files)
    models = {each: Predictor.of("pretrained/hotspots", runtime=each, threads=1) for each in RUNTIMES}
    grid = Grid.of(design, models["torch"].card.tile_um)
    features = feature_maps(design, grid, models["torch"].channel_set)
    maps, nets = models["torch"].normalised(features), int(signal_nets(design).sum())
    found: dict[Runtime, list[tuple[float, float]]] = {each: [] for each in RUNTIMES}
    for number in range(repeats + 1):
        for each, model in models.items():
            began, used = time.perf_counter(), time.process_time()
            model.answer(maps, nets)
            if number:  # the first loads what is loaded late
                found[each].append((time.perf_counter() - began, time.process_time() - used))
    return f"{len(design.cells.name):,} cells, {grid.shape[0]} x {grid.shape[1]} tiles", found


def main() -> None:
    """Measure, in turns, and print the table."""
    parser = argparse.ArgumentParser(description="A score by torch and by onnxruntime, cold and warm.")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    runs: dict[Runtime, list[tuple[float, float, float]]] = {each: [] for each in RUNTIMES}
    for _ in range(options.repeats):
        for each in RUNTIMES:
            runs[each].append(cold(each))
    rows = [("cold score", each, *_medians(runs[each])) for each in RUNTIMES]
    with tempfile.TemporaryDirectory() as name:
        for files in made_up(Path(name), (1_000, 30_000)):
            what, found = warm(files, options.repeats)
            rows += [(what, each, *_medians(found[each]), "") for each in RUNTIMES]
    print(text_table(("what", "runtime", "s", "s of processor", "MB at most"), rows))


def _medians(rows: Sequence[Sequence[float]]) -> list[str]:
    return [f"{statistics.median(column):.3f}" for column in zip(*rows, strict=True)]


if __name__ == "__main__":
    run(main)
