"""Whether a model names planted causes on real placements: the table of docs/scoring.md.

``python -m benchmarks.causes PLACEMENTS`` takes every twelfth placement of a folder with a manifest.csv and, in it, the
square of 5 x 5 tiles with most cells whose predicted probability is below 0.2. There it blocks the tracks of three
layers, leads a net along every track from side to side of the die, or puts many-pinned cells upon those that are there
and wires them to each other. Printed is which family comes first where the square became a hotspot by it.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from placement_data.features import feature_maps
from placement_data.grid import Grid
from placement_data.making import LayoutFiles, read_layout
from placement_data.netlist import signal_nets
from routenas.api import limited_threads
from routenas.causes import causes_of
from routenas.predictor import Predictor
from tests.placement_data.planted import Box, blocked, long_nets, more

SIDE = 5
PINS = ("A1", "A2", "A3", "B1", "B2", "B3")


def crowded(text: str, box: Box) -> str:
    """A cell of six inputs every 2.8 um of each row, upon those that are there; each is wired to the next."""
    x0, y0, x1, y1 = box
    places = [(x, y) for y in range(y0, y1, 2800) for x in range(x0, x1 - 5600, 5600)]
    cells = [f"- crowd{n} OAI33_X1 + PLACED ( {x} {y} ) N ;" for n, (x, y) in enumerate(places)]
    nets = [
        f"- crowded{n}{a} ( crowd{n} {a} ) ( crowd{n + 1} {b} ) ;"
        for n in range(len(places) - 1)
        for a, b in zip(PINS[::2], PINS[1::2], strict=True)
    ]
    return more(more(text, "COMPONENTS", cells), "NETS", nets)


FAULTS: dict[str, Callable[[str, Box], str]] = {"tracks": blocked, "wires": long_nets, "pins": crowded}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("placements", type=Path)
    parser.add_argument("--model", default="pretrained/hotspots")
    parser.add_argument("--every", type=int, default=12)
    options = parser.parse_args()
    model = Predictor.of(options.model)
    with (options.placements / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:: options.every]
    tried: Counter[str] = Counter()
    first: Counter[tuple[str, str]] = Counter()
    with limited_threads(1), TemporaryDirectory() as folder:
        for row in rows:
            for fault, change in FAULTS.items():
                named = _named(model, options.placements, row, change, Path(folder) / "changed.def")
                tried[fault] += 1
                if named:
                    first[fault, named] += 1
    for fault in FAULTS:
        told = ", ".join(f"{family} {count}" for (where, family), count in first.most_common() if where == fault)
        hot = sum(count for (where, _), count in first.items() if where == fault)
        print(f"planted {fault}: hot in {hot} of {tried[fault]}; first: {told}")


def _named(
    model: Predictor, folder: Path, row: dict[str, str], change: Callable[[str, Box], str], changed: Path
) -> str:
    """The family that comes first where a square was changed; "" where it did not become a hotspot by that."""
    text = gzip.decompress((folder / row["def"]).read_bytes()).decode()
    grid, before = _answer(model, folder, row, folder / row["def"])
    cells, probability = before[model.card.channels.index("cell_density")], before[-1]
    corners = [(r, c) for r in range(2, grid.shape[0] - SIDE - 2) for c in range(2, grid.shape[1] - SIDE - 2)]
    squares = [(slice(r, r + SIDE), slice(c, c + SIDE)) for r, c in corners]
    calm = [square for square in squares if probability[square].mean() < 0.2]
    if not calm or "\nBLOCKAGES " in text:
        return ""
    square = max(calm, key=lambda each: float(cells[each].mean()))
    rows, columns = square
    x0, x1 = int(grid.x_edges[columns.start]), int(grid.x_edges[columns.stop])
    y0, y1 = int(grid.y_edges[rows.start]), int(grid.y_edges[rows.stop])
    changed.write_text(change(text, (x0, y0, x1, y1)))
    _, after = _answer(model, folder, row, changed)
    labels = np.zeros(grid.shape, dtype=np.int32)
    labels[square] = 1
    if after[-1][square].mean() < (model.threshold or 0.0):
        return ""
    (causes,) = causes_of(model, after[:-1].astype(np.float32), labels)
    return causes[0].family


def _answer(model: Predictor, folder: Path, row: dict[str, str], def_: Path) -> tuple[Grid, np.ndarray]:
    """The grid, and the normalised maps with the probability behind them."""
    lef = tuple(folder / name for name in row["lef"].split(";"))
    design = read_layout(LayoutFiles("def", def_, lef))
    grid = Grid.of(design, model.card.tile_um)
    maps = model.normalised(feature_maps(design, grid, model.channel_set, routing_layers=row["routing_layers"]))
    answer = model.answer(maps, int(signal_nets(design).sum())).value
    return grid, np.concatenate([maps, answer[None]])


if __name__ == "__main__":
    main()
