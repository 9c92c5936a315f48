"""Seconds of a warm score, stage by stage, beside a global route of the same DEF where there is an ``openroad``.

    python -m benchmarks.scoring --lef tech.lef cells.lef --def placed.def.gz

Without a layout it makes two, of 1,000 and of 30,000 cells. Models and library are in memory, as in a batch or a
server; the rows are best and median of the repeats, in seconds of wall and of processor, which other work on the
machine does not lengthen.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

try:
    from benchmarks.needs import run
    from placement_data.making import LayoutFiles
    from routenas.api import limited_threads
    from routenas.scoring import Scorer
    from routenas.show.tables import text_table
    from tests.placement_data.synthetic import synthetic_def, synthetic_lef
except ModuleNotFoundError as error:
    sys.exit(f"needs {error.name}: run 'python -m benchmarks.scoring' in a checkout, with routenas installed")

ROUTE = """
foreach lef {{{lefs}}} {{ read_lef $lef }}
read_def {{{layout}}}
set began [clock milliseconds]
global_route -allow_congestion
puts "seconds [expr {{([clock milliseconds] - $began) / 1000.0}}]"
exit
"""


def scored(scorer: Scorer, files: LayoutFiles, repeats: int) -> tuple[str, list[tuple[str, str, str, str]], float]:
    """What the layout is, the rows of its table, and the least seconds of all stages together."""
    scorer.score_files(files)  # reads the library and whatever is loaded on first use
    stages: dict[str, list[float]] = {}
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        found = scorer.score_files(files)
        found.to_dict()
        passed, used = time.perf_counter() - wall, time.process_time() - processor
        beyond = passed - found.timings["parse"]
        every = {**found.timings, "beyond parse": beyond, "all": passed, "all, processor": used}
        for stage, seconds in every.items():
            stages.setdefault(stage, []).append(seconds)
    whole = min(stages["all"])
    rows = [
        (stage, f"{1000 * min(each):.0f}", f"{1000 * statistics.median(each):.0f}", f"{min(each) / whole:.0%}")
        for stage, each in stages.items()
    ]
    rows_, columns = found.grid.shape
    what = f"{len(found.design.cells.name):,} cells, {rows_} x {columns} tiles, {found.region_count} regions"
    return what, rows, whole


def routed(openroad: str, files: LayoutFiles, folder: Path) -> float | None:
    """Seconds of ``global_route`` alone; None where it fails, which is said."""
    names = [_plain(path, folder) for path in (*files.lef, files.layout)]
    script = folder / "route.tcl"
    script.write_text(ROUTE.format(lefs=" ".join(map(str, names[:-1])), layout=names[-1]))
    done = subprocess.run([openroad, "-exit", "-no_splash", str(script)], capture_output=True, text=True, check=False)
    told = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("seconds ")]
    if not told:
        print(f"openroad did not route {files.layout}: {(done.stdout + done.stderr).strip()[-200:]}")
        return None
    return float(told[0])


def _plain(path: Path, folder: Path) -> Path:
    """The file, not compressed."""
    if path.suffix != ".gz":
        return path
    plain = folder / path.stem
    with gzip.open(path) as source, open(plain, "wb") as target:
        shutil.copyfileobj(source, target)
    return plain


def made_up(folder: Path, sizes: Sequence[int]) -> list[LayoutFiles]:
    """Placements of so many cells."""
    lef = folder / "library.lef"
    lef.write_text(synthetic_lef())
    layouts = []
    for cells in sizes:
        def_ = folder / f"{cells}.def"
        def_.write_text(synthetic_def(cells, seed=1, utilization=0.6, memory=False))
        layouts.append(LayoutFiles("def", def_, (lef,)))
    return layouts


def main() -> None:
    """Score, route and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lef", type=Path, nargs="+", default=[])
    parser.add_argument("--def", dest="defs", type=Path, nargs="+", default=[], help="layouts of the LEF")
    parser.add_argument("--routing-layers", default="", help="as of 'routenas score'")
    parser.add_argument("--model", nargs="+", default=["pretrained"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    if bool(options.lef) != bool(options.defs):
        parser.error("give both --lef and --def, or none")
    scorer, openroad = Scorer(options.model), shutil.which("openroad")
    with tempfile.TemporaryDirectory() as name, limited_threads(options.threads):
        folder = Path(name)
        layouts = [LayoutFiles("def", each, tuple(options.lef), (), options.routing_layers) for each in options.defs]
        for files in layouts or made_up(folder, (1_000, 30_000)):
            what, rows, seconds = scored(scorer, files, options.repeats)
            print(f"{files.layout.name}: {what}, {options.threads} threads")
            print(text_table(("stage", "ms, best", "ms, median", "of all"), rows))
            route = None if openroad is None else routed(openroad, files, folder)
            if route is not None:
                print(f"global_route of openroad: {route:.2f} s, {route / seconds:.1f} times the score")
    if openroad is None:
        print("no openroad is on PATH: nothing is routed beside it")


if __name__ == "__main__":
    run(main)
