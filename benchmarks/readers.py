"""Time and memory of reading a large DEF, ours and klayout's side by side, and of the 17 channels against a net loop.

    pip install klayout
    python -m benchmarks.readers --cells 1290000 --repeats 3

Every reading is a process of its own, whose peak of resident memory is read from /proc; the two readers take turns.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    from benchmarks.needs import run
    from tests.placement_data.synthetic import synthetic_def, synthetic_lef
except ModuleNotFoundError as error:
    sys.exit(f"needs {error.name}: run 'python -m benchmarks.readers' in a checkout, with routenas installed")

OURS = """
import json, sys, time
from placement_data.readers import read_design
start = time.perf_counter()
design = read_design([sys.argv[1]], sys.argv[2])
seconds = time.perf_counter() - start
peak = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024
print(json.dumps([seconds, peak, len(design.cells.name), len(design.nets.name), len(design.pins.net)]))
"""

KLAYOUT = """
import json, sys, time
import klayout.db as db
options = db.LoadLayoutOptions()
options.lefdef_config.lef_files = [sys.argv[1]]
options.lefdef_config.read_lef_with_def = False
options.lefdef_config.dbu = 1 / 2000
layout = db.Layout()
start = time.perf_counter()
layout.read(sys.argv[2], options)
seconds = time.perf_counter() - start
peak = int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) * 1024
print(json.dumps([seconds, peak, layout.top_cell().child_instances(), 0, 0]))
"""


def routed(text: str) -> str:
    """The DEF with five segments and three vias of detailed routing on every net, as a router writes them."""
    wires = (
        "\n  + ROUTED metal2 ( {x} {y} ) ( * {z} ) via2_0\n    NEW metal3 ( {x} {z} ) ( {w} * ) via3_0\n"
        "    NEW metal4 ( {w} {y} ) ( * {z} )\n    NEW metal2 ( {w} {y} ) ( * {z} ) via2_0\n"
        "    NEW metal3 TAPER ( {x} {y} ) ( {w} * ) ;\n"
    )
    head, nets = text.split("\nNETS ", 1)
    lines = nets.split("\n")
    for row, line in enumerate(lines):
        if line.startswith("- ") and line.endswith(" ;"):
            x, y = 2000 + row * 37 % 2_000_000, 2000 + row * 53 % 2_000_000
            lines[row] = line[:-2] + wires.format(x=x, y=y, z=y + 2800, w=x + 5600).rstrip("\n")
    return head + "\nNETS " + "\n".join(lines)


def measure(code: str, lef: Path, def_: Path) -> list[float]:
    """Seconds, bytes of peak memory, cells, nets and pins of one reading."""
    done = subprocess.run([sys.executable, "-c", code, str(lef), str(def_)], capture_output=True, text=True, check=True)
    answer: list[float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def compare(name: str, lef: Path, def_: Path, repeats: int) -> None:
    """Print one row for each reader."""
    readers = {"routenas": OURS, "klayout": KLAYOUT}
    runs: dict[str, list[list[float]]] = {reader: [] for reader in readers}
    for _ in range(repeats):
        for reader, code in readers.items():
            runs[reader].append(measure(code, lef, def_))
    size = def_.stat().st_size
    ours = statistics.median(run[0] for run in runs["routenas"])
    for reader, values in runs.items():
        seconds = sorted(run[0] for run in values)
        median = statistics.median(seconds)
        print(
            f"| {name}, {size / 1e6:.0f} MB | {reader} | {median:.2f} ({seconds[0]:.2f} to {seconds[-1]:.2f}) | "
            f"{median / ours:.2f} | {size / median / 1e6:.0f} | {max(run[1] for run in values) / size:.2f} |",
            flush=True,
        )
    cells, nets, pins = runs["routenas"][0][2:]
    print(f"  ({cells:,.0f} components, {nets:,.0f} nets, {pins:,.0f} pins)")


def main() -> None:
    """Make the files in a temporary folder and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1_290_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lef, placed, wired = (Path(folder) / name for name in ("cells.lef", "placed.def", "routed.def"))
        lef.write_text(synthetic_lef())
        text = synthetic_def(options.cells, seed=1)
        placed.write_text(text)
        wired.write_text(routed(text))
        print("| file | reader | s, median (range) | time ratio | MB/s | peak memory, bytes per byte of DEF |")
        print("| --- | --- | --- | --- | --- | --- |")
        compare("placed", lef, placed, options.repeats)
        compare("routed", lef, wired, options.repeats)


if __name__ == "__main__":
    run(main, "klayout")
