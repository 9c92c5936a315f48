"""What a warm server saves: the same layout by ``routenas score`` in a process of its own and by ``routenas serve``.

python -m benchmarks.serving --repeats 5
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

try:
    from benchmarks.needs import run
    from routenas import example
    from routenas.show.tables import text_table
except ModuleNotFoundError as error:
    sys.exit(f"needs {error.name}: run 'python -m benchmarks.serving' in a checkout, with routenas installed")

ROUTENAS = [sys.executable, "-m", "routenas"]


def timed(work: Callable[[], object], repeats: int) -> list[float]:
    """Seconds of each of so many calls."""
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return found


def table(lef: list[Path], def_: Path, model: str, repeats: int) -> str:
    """Medians of both, in turns, and their ratio."""
    with TemporaryDirectory() as name:
        root = Path(name)
        for path in (*lef, def_):
            shutil.copy(path, root)
        body = json.dumps({"lef": [path.name for path in lef], "def": def_.name}).encode()
        server = subprocess.Popen(
            [*ROUTENAS, "serve", "--root", name, "--model", model, "--port", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        try:
            assert server.stdout is not None
            address = server.stdout.readline().strip()

            def served() -> None:
                headers = {"content-type": "application/json"}
                with urllib.request.urlopen(urllib.request.Request(f"{address}/score", body, headers)) as answer:
                    answer.read()

            words = ["score", "--lef", *map(str, lef), "--def", str(def_), "--model", model, "--json", f"{name}/s.json"]

            def cold() -> None:
                subprocess.run([*ROUTENAS, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

            served()
            rounds = [(timed(cold, 1)[0], statistics.median(timed(served, 5))) for _ in range(repeats)]
        finally:
            server.terminate()
            server.wait()
            if server.stdout is not None:
                server.stdout.close()
    colds, warms = (sorted(column) for column in zip(*rounds, strict=True))
    cold_s, warm_s = statistics.median(colds), statistics.median(warms)
    rows = [
        ["routenas score", f"{cold_s:.2f} ({colds[0]:.2f} to {colds[-1]:.2f})", f"{cold_s / warm_s:.1f}"],
        ["POST /score", f"{warm_s:.3f} ({warms[0]:.3f} to {warms[-1]:.3f})", "1"],
    ]
    return text_table(["what", "s (range)", "ratio"], rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lef", type=Path, nargs="+", default=[example.LEF])
    parser.add_argument("--def", dest="def_", type=Path, default=example.DEF)
    parser.add_argument("--model", default="pretrained/hotspots")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(table(options.lef, options.def_, options.model, options.repeats))


if __name__ == "__main__":
    run(main, "starlette", "uvicorn")
