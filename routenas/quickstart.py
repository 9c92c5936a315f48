"""The main job on the data inside the package, in a few minutes: search, train, compare, score, draw."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from placement_data.errors import InputError
from placement_data.files import write_text
from routenas import example
from routenas.api import evaluate, score, search, task_of
from routenas.run import CONFIG, MODEL
from routenas.scoring import heat_map_csv
from routenas.settings import Settings
from routenas.show import pictures
from routenas.show.progress import progress_bar
from routenas.show.text import comparison_table, score_table, verdict
from routenas.show.watch import watched
from routenas.tasks.routability import TaskName
from routenas.training import budget_named

TRIALS: dict[TaskName, int] = {"hotspots": 12, "violated_nets": 10}
BASELINES: dict[TaskName, tuple[str, ...]] = {
    "hotspots": ("gradient-boosting", "tile-mlp", "residual-dilated"),
    "violated_nets": ("utilization", "tile-mlp"),
}
SEEDS = 2
ROUTING_LAYERS = "metal2-metal3"  # those that signals could use in the data set


def quickstart(
    out: Path, seed: int, say: Callable[[str], object], budget: str = "fast", final_budget: str = "fast"
) -> None:
    """Run everything and leave tables, pictures, runs and models in ``out`` (an unfinished one is gone on with).

    Candidates are trained at ``budget``, the finalists and the hand-crafted networks at ``final_budget``. Without
    matplotlib there are no pictures, and a line says so.
    """
    began = time.monotonic()
    if not example.PLACEMENTS.exists():
        raise InputError("the example data set is missing from the installation", file=example.PLACEMENTS)
    say("Data: feature maps and DRC labels of real placements, split by design family (see 'routenas data show').")
    for task, trials in TRIALS.items():
        say(f"\n== {task}: search {trials} architectures, retrain the best 2, compare on unseen designs")
        settings = Settings(
            trials=trials, budget=budget_named(budget), final_budget=budget_named(final_budget), finalists=2,
            final_seeds=SEEDS, seed=seed,
        )  # fmt: skip
        _search(task, settings, out / task)
        _compare(task, settings, out, say)
    say("\n== score a placed layout (LEF + DEF) with both models")
    seen = _score(out, say)
    say(f"\nDone in {time.monotonic() - began:.0f} s. Look at: {', '.join(map(str, seen))}")
    say("Your own data: routenas ingest manifest.csv -o data.h5, then routenas search data.h5 --out runs/hotspots")


def _search(task: TaskName, settings: Settings, folder: Path) -> None:
    chosen = task_of(example.PLACEMENTS, task, None, settings.seed)
    with watched(chosen, settings, folder) as events:
        search(chosen, folder, settings, events=events, resume=(folder / CONFIG).exists())


def _compare(task: TaskName, settings: Settings, out: Path, say: Callable[[str], object]) -> None:
    seeds = range(settings.seed, settings.seed + SEEDS)
    with progress_bar(f"evaluate {task}", settings.final_budget.epochs * SEEDS * 2) as bar:
        table = evaluate(
            example.PLACEMENTS, {"searched": out / task / MODEL}, BASELINES[task], budget=settings.final_budget,
            seeds=seeds, task=task, progress=lambda *_: bar.advance(1),
        )  # fmt: skip
    say(f"{comparison_table(table)}\n{verdict(table)}")
    write_text(out / f"{task}.json", json.dumps(table, indent=1, allow_nan=False) + "\n")


def _score(out: Path, say: Callable[[str], object]) -> list[Path]:
    """Score the example layout; return what there is to look at."""
    found = score((example.LEF,), example.DEF, [out / task / MODEL for task in TRIALS], routing_layers=ROUTING_LAYERS)
    say(score_table(found))
    write_text(out / "score.json", json.dumps(found.to_dict(), indent=1, allow_nan=False) + "\n")
    assert found.probability is not None
    write_text(out / "score.csv", heat_map_csv(found.grid, found.probability, found.design.dbu_per_micron))
    seen = [out / "score.json", out / "hotspots.json"]
    if not pictures.available():
        say("no pictures: they need matplotlib (pip install 'routenas[plot]')")
        return seen
    pictures.heat_map_png(found, out / "score.png")
    return [out / "score.png", *(out / task / "search.png" for task in TRIALS), *seen]
