"""The main job on the data inside the package, in a few minutes: search, train, compare, score, draw."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from placement_data.errors import InputError
from placement_data.store import write_text
from routenas import example
from routenas.checkpoint import Bundle
from routenas.journal import Journal
from routenas.session import run_evaluation, run_scoring, run_search
from routenas.show.pictures import search_png
from routenas.show.text import comparison_table

TRIALS = {"hotspots": 8, "violated_nets": 6}
BASELINES = {
    "hotspots": "rudy,gradient-boosting,tile-mlp,residual-dilated",
    "violated_nets": "utilization,rudy-mean,tile-mlp",
}
SEEDS = 2


def quickstart(
    out: Path, seed: int, say: Callable[[str], object], budget: str = "fast", final_budget: str = "fast"
) -> None:
    """Run everything and leave tables, pictures, runs and models in ``out`` (an unfinished one is gone on with).

    Candidates are trained at ``budget``, the finalists and the hand-crafted networks at ``final_budget``.
    """
    began = time.monotonic()
    if not example.PLACEMENTS.exists():
        raise InputError("the example data set is missing from the installation", file=example.PLACEMENTS)
    say("Data: feature maps and DRC labels of real placements, split by design family (see 'routenas data show').")
    for task in ("hotspots", "violated_nets"):
        say(f"\n== {task}: search {TRIALS[task]} architectures, retrain the best 2, compare on unseen designs")
        _search(out / task, task, seed, budget, final_budget)
        table = run_evaluation(
            example.PLACEMENTS, task=task, models=(f"searched={out / task / 'model'}",), names=BASELINES[task],
            budget=final_budget, seeds=SEEDS, part="test", split_path=None, seed=seed, threads=1,
        )  # fmt: skip
        say(comparison_table(table))
        write_text(out / f"{task}.json", json.dumps(table, indent=1, allow_nan=False) + "\n")
        _draw(out / task, task, out / f"{task}-search.png")
    say("\n== score a placed layout (LEF + DEF) with both models")
    text = run_scoring(
        lef=(example.LEF,), def_=example.DEF, models=(out / "hotspots" / "model", out / "violated_nets" / "model"),
        tile=None, top=20, json_path=out / "score.json", csv_path=out / "score.csv", png_path=out / "score.png",
        show_timings=False,
    )  # fmt: skip
    say(text)
    pictures = ", ".join(str(out / name) for name in ("score.png", "hotspots-search.png", "hotspots.json"))
    say(f"\nDone in {time.monotonic() - began:.0f} s. Look at: {pictures}")
    say("Your own data: routenas ingest manifest.csv -o data.h5, then routenas search data.h5 --out runs/hotspots")


def _search(folder: Path, task: str, seed: int, budget: str, final_budget: str) -> Bundle:
    options: dict[str, Any] = {
        "task": task, "preset": "extended", "strategy": "evolution", "trials": TRIALS[task], "budget": budget,
        "final_budget": final_budget, "finalists": 2, "final_seeds": SEEDS, "seed": seed,
    }  # fmt: skip
    return run_search(example.PLACEMENTS, folder, None, 1, (folder / "config.json").exists(), options)


def _draw(run: Path, task: str, path: Path) -> None:
    values = [record["value"] for record in Journal(run / "journal.jsonl").records]
    metric = {"hotspots": "ROC-AUC", "violated_nets": "Kendall's tau"}[task]
    search_png(values, metric, path)
