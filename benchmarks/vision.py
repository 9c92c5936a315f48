"""Vision: searched networks against hand-made ones and random search, transfer of cells, and the cost of a step.

    python -m benchmarks.vision speed [DATA]
    python -m benchmarks.vision search DATA OUT [--examples 2500] [--trials 12] [--seeds 3]
    python -m benchmarks.vision transfer FROM TO DATA [--examples 2500] [--seeds 3]

``search``: for each seed (of the split, the search and all trainings) regularised evolution and random search of the
NAS-Bench-201 cell with equal trials and budgets, then both, a ResNet and a plain network of as many parameters and
logistic regression on the test part. Runs are kept below OUT and gone on with. ``transfer``: the cells that evolution
found in the runs below FROM, those below TO, and random cells, each trained anew on DATA. ``speed``: an epoch of `fit`
through the adapter beside a loop written by hand, of the same network, optimiser, schedule, clipping and averaging
(``loop``), and without the last three (``bare``), in turn.
"""

from __future__ import annotations

import argparse
import copy
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

try:
    from routenas.api import search
    from routenas.architecture import Architecture
    from routenas.budgets import Budget
    from routenas.bundle import Bundle
    from routenas.comparison import compare_models, parameters_of
    from routenas.settings import Settings
    from routenas.show.tables import text_table
    from routenas.tasks.vision import VisionTask
    from routenas.training import cosine, fit
    from searchspaces.nasbench201 import NasBench201Space
except ModuleNotFoundError as error:
    sys.exit(f"needs {error.name}: run 'python -m benchmarks.vision' in a checkout, with routenas installed")

SPACE = NasBench201Space(channels=8, cells=1)
STRATEGIES = ("regularised-evolution", "random")


def task_of(data: str, seed: int, examples: int | None) -> VisionTask:
    """The task of a seed."""
    return VisionTask(data, seed=seed, examples=examples if data != "digits" else None)


def budgets(arguments: argparse.Namespace) -> tuple[Budget, Budget]:
    """That of a candidate and that of what is judged in the end."""
    short, long, size = arguments.epochs, arguments.final_epochs, arguments.batch
    return Budget("short", short, size, evaluations=1), Budget("long", long, size, evaluations=min(long, 4))


def spread(values: Sequence[float]) -> str:
    """Mean and deviation of accuracies, in per cent."""
    deviation = f" +- {100 * np.std(values, ddof=1):.2f}" if len(values) > 1 else ""
    return f"{100 * np.mean(values):.2f}{deviation}"


# ------------------------------------------------------------------------ search


def searched(arguments: argparse.Namespace) -> None:
    """Print a row for each strategy and hand-made predictor."""
    short, long = budgets(arguments)
    found: dict[str, list[tuple[float, int]]] = {}
    for seed in range(arguments.seeds):
        task = task_of(arguments.data, seed, arguments.examples)
        bundles = {}
        for strategy in STRATEGIES:
            settings = Settings(
                space=SPACE.config(), strategy=strategy, trials=arguments.trials, budget=short, final_budget=long,
                finalists=2, final_seeds=1, members=1, seed=seed, initial="none",
            )  # fmt: skip
            bundles[strategy] = search(task, arguments.out / f"{strategy}-{seed}", settings, resume=True)
        names = ("resnet8", "resnet20", "cnn", "logistic")
        table = compare_models(task, bundles, names, long, [seed])
        for row in table["rows"]:
            name = row["name"].partition("-width")[0]
            found.setdefault(name, []).append((row["ensemble"]["accuracy"], row["parameters"]))
            print(seed, row["name"], row["parameters"], row["ensemble"]["accuracy"], flush=True)
    rows = [
        (name, spread([value for value, _ in each]), f"{np.mean([size for _, size in each]):,.0f}")
        for name, each in found.items()
    ]
    print(text_table(("", "test accuracy, %", "parameters"), rows))


# ---------------------------------------------------------------------- transfer


def transferred(arguments: argparse.Namespace) -> None:
    """Print a row for the cells from elsewhere, those found on the data, and random ones."""
    _, long = budgets(arguments)
    found: dict[str, list[tuple[float, int]]] = {}
    for seed in range(arguments.seeds):
        task = task_of(arguments.data, seed, arguments.examples)
        rng = np.random.default_rng([seed, 0x72616E64])
        cells = {
            name: Bundle.load(folder / f"{STRATEGIES[0]}-{seed}" / "model").architecture
            for name, folder in (("found elsewhere", arguments.source), ("found here", arguments.target))
        }
        cells |= {f"random {number}": Architecture.of(SPACE, SPACE.sample(rng)) for number in (1, 2)}
        for name, architecture in cells.items():
            module = fit(architecture.build(task.shape, seed), task, long, seed).module
            value = task.score(module, "test")["accuracy"]
            label = "random" if name.startswith("random") else name
            found.setdefault(label, []).append((value, parameters_of(module)))
            print(seed, name, architecture.name, parameters_of(module), value, flush=True)
    rows = [
        (name, len(each), spread([value for value, _ in each]), f"{np.mean([size for _, size in each]):,.0f}")
        for name, each in found.items()
    ]
    print(text_table(("cells", "trainings", "test accuracy, %", "parameters"), rows))


# ------------------------------------------------------------------------- speed


def by_hand(module: nn.Module, x: Tensor, y: Tensor, budget: Budget, *, bare: bool) -> nn.Module:
    """The training of `fit` as one writes it for one network: tensors in memory, nothing general."""
    parameters = list(module.parameters())
    optimiser = torch.optim.AdamW(parameters, lr=budget.learning_rate, weight_decay=budget.weight_decay)
    mean = copy.deepcopy(module)
    pairs = list(zip(mean.state_dict().values(), module.state_dict().values(), strict=True))
    rng, steps = np.random.default_rng(0), 0
    of_epoch = math.ceil(len(x) / budget.batch)
    for _ in range(budget.epochs):
        module.train()
        order = torch.from_numpy(rng.permutation(len(x)))
        for start in range(0, len(x), budget.batch):
            chosen = order[start : start + budget.batch]
            steps += 1
            if not bare:
                rate = min(1.0, steps / 30) * cosine(steps / of_epoch / budget.epochs)
                optimiser.param_groups[0]["lr"] = budget.learning_rate * rate
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(module(x[chosen]), y[chosen])
            loss.backward()  # type: ignore[no-untyped-call]
            if not bare:
                nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            if not bare:
                share = max(1 / (2 * of_epoch), 1 / steps)
                with torch.no_grad():
                    for average, value in pairs:
                        if average.dtype.is_floating_point:
                            average.lerp_(value, share)
    return module if bare else mean


def speed(arguments: argparse.Namespace) -> None:
    """Print seconds an epoch of each, the least of several turns, and the median ratio to each loop within a turn."""
    task = task_of(arguments.data, 0, arguments.examples)
    x, y = task.examples_of("train")
    budget = Budget("speed", arguments.epochs, arguments.batch, evaluations=1)
    taken: dict[str, list[float]] = {"fit": [], "loop": [], "bare": []}
    for turn in range(arguments.turns + 1):
        for name, seconds in taken.items():
            module = SPACE.build(SPACE.from_key(arguments.cell), task.shape, seed=0)
            began = time.process_time()
            if name == "fit":
                fit(module, task, budget, 0)
            else:
                task.score(by_hand(module, x, y, budget, bare=name == "bare").eval(), "search")
            if turn:  # the first one warms up
                seconds.append((time.process_time() - began) / budget.epochs)
    rows = []
    for name, seconds in taken.items():
        ratio = np.median(np.array(taken["fit"]) / np.array(seconds))
        least = min(taken["fit"]) / min(seconds)
        rows.append((name, f"{min(seconds):.3f}", f"{np.median(seconds):.3f}", f"{ratio:.3f}", f"{least:.3f}"))
    print(text_table(("", "least s", "median s", "fit / this, median", "of the least"), rows))


def main() -> None:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words = parser.add_subparsers(dest="verb", required=True)
    one = words.add_parser("speed")
    one.add_argument("data", nargs="?", default="digits")
    one.add_argument("--turns", type=int, default=9)
    one.add_argument("--cell", default="333132", help="the cell of the network, by its key")
    two = words.add_parser("search")
    two.add_argument("data")
    two.add_argument("out", type=Path)
    two.add_argument("--trials", type=int, default=12)
    three = words.add_parser("transfer")
    three.add_argument("source", type=Path)
    three.add_argument("target", type=Path)
    three.add_argument("data")
    for each in (one, two, three):
        each.add_argument("--examples", type=int, default=2500, help="training and search pictures, not of digits")
        each.add_argument("--batch", type=int, default=64)
        each.add_argument("--epochs", type=int, default=8)
        each.add_argument("--final-epochs", type=int, default=30)
        each.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    {"speed": speed, "search": searched, "transfer": transferred}[arguments.verb](arguments)


if __name__ == "__main__":
    main()
