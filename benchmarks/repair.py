"""Do repaired placements route better? The tables of docs/flow.md.

``python -m benchmarks.repair OUT`` places the designs of ``small_designs`` at two utilisations and three seeds, routes
them with qrouter, trains a predictor of each task on the placements of six families, repairs the designs of the other
six, and routes what came out, with the nets in several orders. Controls have as many moves, of the same kinds and
reach: at random (of these alone the wirelength has no limit: 2 % are used up by a few), at random among those that
lengthen no wires, by RUDY without a predictor, and by wirelength alone.

``--predicted MANIFEST`` instead shows the predicted effect on some placements of a manifest, by the models that ship
with routenas, for the same methods.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import small_designs
from benchmarks.needs import run
from cli import main as command
from placement_data.design import Design
from placement_data.files import write_bytes, write_text
from placement_data.grid import Grid
from placement_data.making import LayoutFiles, read_layout
from placement_data.manifest import ManifestRow, read_manifest
from placement_data.orientation import Orientation
from routenas import Scorer
from routenas.flow.repair import around
from routenas.flow.repair.def_text import DefText
from routenas.flow.repair.floor import Floor
from routenas.flow.repair.judges import Demand, Judge, Predicted, Verdict
from routenas.flow.repair.search import Ranking, Settings, State, by_heat, search, tournament
from routenas.flow.repair.wires import wirelength
from routenas.show.tables import text_table

TEST = ("alu", "checksum", "multiplier", "permuter", "registers", "sorter")
SEARCH = ("divider", "fifo")
METHODS = ("as it was", "random", "random, not longer", "rudy", "wirelength", "model")
Array = NDArray[np.float64]


class Random:
    """A control: any placement is better than the one before, and bad anywhere."""

    def __init__(self, grid: Grid, seed: int) -> None:
        self.grid, self.rng, self.value = grid, np.random.default_rng(seed), 0.0

    def __call__(self, design: Design) -> Verdict:
        """Better than the last time."""
        self.value -= 1.0
        return Verdict({"moves": self.value}, self.rng.random(self.grid.shape))


class Wirelength:
    """A control: shorter is better, and it is bad everywhere alike."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    def __call__(self, design: Design) -> Verdict:
        """The wirelength."""
        return Verdict({"wirelength": wirelength(design)}, np.ones(self.grid.shape))


def at_random(gain: Array, cost: Array, rng: np.random.Generator) -> Array:
    """Any order of moves."""
    return rng.random(len(gain))


def not_longer(gain: Array, cost: Array, rng: np.random.Generator) -> Array:
    """Any order of the moves that lengthen no wires."""
    return np.where(cost <= 0, rng.random(len(gain)), -1.0)


def repairs(design: Design, scorer: Scorer, layers: str, settings: Settings) -> dict[str, tuple[State, Verdict]]:
    """What each method makes of a placement, in as many moves as the model keeps, and what the model says of it."""
    score = scorer.score(design, routing_layers=layers)
    grid, where, floor = score.grid, around(score), Floor.of(design)
    predictors = sorted(scorer.predictors, key=lambda each: each.card.name)
    model = Predicted(predictors, grid, None, score.routing_layers)
    found = {"model": tournament(floor, model, grid, where, settings)}
    moves = found["model"].kept.total()
    controls: dict[str, tuple[Judge, Ranking, float]] = {
        "random": (Random(grid, settings.seed), at_random, float("inf")),
        "random, not longer": (Random(grid, settings.seed), not_longer, settings.max_wirelength),
        "rudy": (Demand(grid, design), by_heat, settings.max_wirelength),
        "wirelength": (Wirelength(grid), by_heat, settings.max_wirelength),
    }
    for name, (judge, ranking, longest) in controls.items():
        as_many = replace(settings, rounds=20 * settings.rounds, most_moves=moves, max_wirelength=longest)
        found[name] = search(floor, judge, grid, where, as_many, ranking)
    before = tournament(floor, model, grid, where, Settings(rounds=0))
    return {name: (state, model(state.design)) for name, state in {"as it was": before, **found}.items()}


def routenas(*words: object) -> None:
    """Run the command, in this process. Raises SystemExit where it fails."""
    print("routenas", *words, file=sys.stderr)
    try:
        command([str(word) for word in words])
    except SystemExit as end:
        if end.code:
            raise


def models(out: Path) -> list[Path]:
    """Predictors of qrouter's failed nets, trained on other families than those that are repaired."""
    found = [out / task for task in ("hotspots", "violated_nets")]
    if all((path / "model.json").exists() for path in found):
        return found
    if not (out / "placed" / "manifest.csv").exists():
        small_designs.write(out / "placed", list(small_designs.DESIGNS), (0.8, 0.9), (0, 1, 2))
    routenas(
        "label", out / "placed" / "manifest.csv", "-o", out / "labelled", "--time-limit", 120, "--workers", 2, "-q"
    )
    routenas("ingest", out / "labelled" / "manifest.csv", "-o", out / "data.h5", "--force")
    families = {module for module, _ in small_designs.DESIGNS.values()}
    train = sorted(families - {*TEST, *SEARCH})
    write_text(out / "split.json", json.dumps({"train": train, "search": SEARCH, "test": TEST}))
    for path in found:
        words = ("--predictor", "gradient-boosting", "--split", out / "split.json", "--out", path)
        routenas("train", out / "data.h5", "--task", path.name, *words)
    return found


def repaired(out: Path, seeds: Sequence[int], settings: Callable[[int], Settings]) -> list[dict[str, Any]]:
    """Repair the densest placement of each design of the test families by all methods and seeds; a row each.

    What was routed is in ``out``/repaired with its manifest.
    """
    scorer = Scorer(models(out), top=0)
    chosen = [row for row in read_manifest(out / "placed" / "manifest.csv") if _chosen(row)]
    (out / "repaired").mkdir(exist_ok=True)
    rows = []
    for row in chosen:
        files = LayoutFiles("def", row.layout, row.lef, routing_layers=row.routing_layers)
        design, text = read_layout(files), DefText(row.layout)
        for seed in seeds:
            for method, (state, verdict) in repairs(design, scorer, row.routing_layers, settings(seed)).items():
                name = f"{row.sample}-{method.replace(', ', '-').replace(' ', '-')}-{seed}"
                write_bytes(out / "repaired" / f"{name}.def", text.moved(_places(design, state.design)))
                rows.append({
                    "sample": name, "design": row.sample, "family": row.family, "lef": row.lef[0],
                    "def": f"{name}.def", "routing_layers": row.routing_layers, "method": method, "repair_seed": seed,
                    "moves": state.kept.total(), "hpwl": state.wirelength, **verdict.values,
                })  # fmt: skip
                print(name, dict(verdict.values), state.kept.total(), file=sys.stderr)
    _write_table(out / "repaired" / "manifest.csv", rows)
    return rows


def _chosen(row: ManifestRow) -> bool:
    return row.family in TEST and row.attributes["seed"] == "0" and row.attributes["utilisation"] == "0.9"


def _places(before: Design, after: Design) -> dict[str, tuple[int, int, str]]:
    cells = after.cells
    moved = (before.cells.box != cells.box).any(axis=1) | (before.cells.orientation != cells.orientation)
    return {
        str(cells.name[row]): (*cells.box[row, :2].tolist(), Orientation(cells.orientation[row]).name)
        for row in np.flatnonzero(moved)
    }


def _write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def routed(out: Path, rows: Sequence[dict[str, Any]], orders: int) -> None:
    """Route what was repaired and add to each row the means over the orders of the nets."""
    words = ("--orders", orders, "--time-limit", 300, "--workers", 2, "-q")
    routenas("label", out / "repaired" / "manifest.csv", "-o", out / "routed", *words)
    summary = json.loads((out / "routed" / "summary.json").read_text(encoding="utf-8"))
    found = {one["sample"]: one for one in summary["samples"]}
    for row in rows:
        one = found[row["sample"]]
        row["failed nets"], row["wires (um)"], row["vias"] = (
            float(np.mean(one[name])) for name in ("violated_nets", "wirelength_um", "vias")
        )


def _means(rows: Sequence[dict[str, Any]], name: str) -> dict[str, Array]:
    """Of each method, the mean over the seeds of a number: (designs,)."""
    designs = list(dict.fromkeys(row["design"] for row in rows))
    return {
        method: np.array([
            np.mean([row[name] for row in rows if (row["design"], row["method"]) == (design, method)])
            for design in designs
        ])
        for method in METHODS
    }  # fmt: skip


def show(rows: Sequence[dict[str, Any]], names: Sequence[str]) -> None:
    """Print the means by method, and the paired differences of the model from the others, over designs."""
    designs = list(dict.fromkeys(row["design"] for row in rows))
    means = {name: _means(rows, name) for name in names}
    table = [[method, *(f"{means[name][method].mean():.2f}" for name in names)] for method in METHODS]
    print(text_table([f"mean of {len(designs)} placements", *names], table))
    for name in names:
        lines = []
        for method in METHODS[:-1]:
            change = means[name]["model"] - means[name][method]
            error = change.std(ddof=1) / np.sqrt(len(change)) if len(change) > 1 else float("nan")
            counts = [int((change < 0).sum()), int((change == 0).sum()), int((change > 0).sum())]
            lines.append([method, f"{change.mean():+.2f}", f"{error:.2f}", *map(str, counts)])
        print(text_table([f"{name}: model less", "mean", "standard error", "fewer", "equal", "more"], lines))
    first = names[0]
    rows_of = [
        [design, *(f"{means[first][method][at]:.1f}" for method in METHODS)] for at, design in enumerate(designs)
    ]
    print(text_table([first, *METHODS], rows_of))


def predicted(
    manifest: Path, samples: Sequence[str], seeds: Sequence[int], settings: Callable[[int], Settings]
) -> None:
    """Print the predicted effect on some placements of a manifest."""
    scorer = Scorer(["pretrained"], top=0)
    rows = []
    for row in read_manifest(manifest):
        if row.sample in samples:
            design = read_layout(row)
            for seed in seeds:
                for method, (state, verdict) in repairs(design, scorer, row.routing_layers, settings(seed)).items():
                    length = state.wirelength / design.dbu_per_micron
                    moves = float(state.kept.total())
                    rows.append({
                        "design": row.sample, "method": method, **verdict.values, "moves": moves, "HPWL (um)": length,
                    })  # fmt: skip
                    print(rows[-1], file=sys.stderr)
    show(rows, [name for name in rows[0] if name not in ("design", "method")])


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, nargs="?", metavar="OUT")
    parser.add_argument("--predicted", type=Path, metavar="MANIFEST")
    parser.add_argument("--samples", nargs="+", default=[], metavar="SAMPLE")
    parser.add_argument("--seed", nargs="+", type=int, default=[0], metavar="SEED")
    parser.add_argument("--orders", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--max-wirelength", type=float, default=0.02)
    options = parser.parse_args()

    def settings(seed: int) -> Settings:
        return Settings(seed, options.rounds, max_wirelength=options.max_wirelength)

    if options.predicted:
        predicted(options.predicted, options.samples, options.seed, settings)
        return
    if options.out is None:
        parser.error("give OUT or --predicted")
    if absent := small_designs.missing():
        parser.error(f"needs {absent}: apt install {absent}")
    options.out.mkdir(parents=True, exist_ok=True)
    rows = repaired(options.out, options.seed, settings)
    routed(options.out, rows, options.orders)
    for row in rows:
        row["moves"] = float(row["moves"])
        row["HPWL (um)"] = row["hpwl"] / small_designs.DBU
    show(rows, ["failed nets", "wires (um)", "vias", "expected_hotspot_tiles", "violated_nets", "moves", "HPWL (um)"])


if __name__ == "__main__":
    run(main, "coloquinte")
