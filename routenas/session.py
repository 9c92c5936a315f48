"""What the verbs of the command line do: load, run, write. One function a verb, usable from Python as well."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch

from placement_data.checks.audit import Audit, Model, audit, read_parts
from placement_data.checks.families import Families, read_families
from placement_data.circuitnet import export_circuitnet, read_circuitnet, read_designs
from placement_data.circuitnet.exporting import Preprocessing
from placement_data.circuitnet.names import FamilyRule
from placement_data.dataset import Split
from placement_data.errors import InputError
from placement_data.store import Sample, Store, check_writable, write, write_text
from routenas.baselines import baseline, baselines
from routenas.checkpoint import Bundle, build, check_folder, hand_crafted
from routenas.evaluation import baseline_row, bundle_row, compare
from routenas.executor import Execution
from routenas.recipes.routenas import Configuration, Events, data_sha256, make_bundle, resolve_split, run, start
from routenas.results import Trial
from routenas.show.progress import Bar, TensorBoard, progress_bar
from routenas.strategies import strategy_class
from routenas.tasks.routability import RoutabilityTask, TaskName
from routenas.training import budget_named, train


def use_threads(threads: int) -> None:
    """Fix torch's threads for this process; the number decides the last bits of a training."""
    torch.set_num_threads(threads)


def run_search(
    path: Path,
    out: Path,
    split_path: Path | None,
    threads: int,
    resume: bool,
    options: Mapping[str, Any],
    execution: Execution | None = None,
    tensorboard: Path | None = None,
) -> Bundle:
    """``routenas search``: a run folder at ``out``; the other options are those of :class:`Configuration`."""
    board = None if tensorboard is None else TensorBoard(tensorboard)
    execution = execution or Execution()
    execution.check()
    use_threads(threads)
    budget, final_budget = budget_named(options["budget"]), budget_named(options["final_budget"])
    strategy_class(options["strategy"])
    store = Store(path)
    split = resolve_split(store, split_path, int(options["seed"]))
    configuration = Configuration(
        data=str(path), data_sha256=data_sha256(path), split=split, threads=threads, **options
    )
    # Whatever is wrong with options or data is found before there is a run folder.
    task = RoutabilityTask(configuration.task, store, split)
    for part in ("train", "search"):
        task.examples(part)
    start(out, configuration, resume)
    finals = configuration.finalists * configuration.final_seeds
    steps = Steps(budget.epochs, final_budget.epochs, configuration.trials)
    with progress_bar(f"search {configuration.task}", steps.trial(configuration.trials) + finals * steps.final) as bar:
        watch = _Watch(bar, steps, board)
        return run(out, configuration, task, Events(watch.trial, watch.epoch, watch.final), execution)


@dataclass(frozen=True)
class Steps:
    """Epochs of a search's trials and of its retrainings."""

    candidate: int
    final: int
    trials: int

    def trial(self, count: int) -> int:
        """Epochs of the first trials."""
        return count * self.candidate


class _Watch:
    """Turns the events of a run into progress. Trials of a journal and kept finals come without epochs of their own."""

    def __init__(self, bar: Bar, steps: Steps, board: TensorBoard | None = None) -> None:
        self.bar, self.steps, self.board = bar, steps, board
        self.best, self.done, self.finals = -math.inf, 0, 0

    def epoch(self, epoch: int, epochs: int) -> None:
        self._to(self.done + 1)

    def trial(self, number: int, trial: Trial) -> None:
        value = trial.result.value
        self.best = max(self.best, -math.inf if value is None else value)
        if self.board is not None:
            self.board.trial(number, value)
        text = f"failed: {trial.result.message}" if value is None else f"{value:.4f}"
        self.bar.say(f"trial {number + 1}/{self.steps.trials}  {trial.genotype.hash}  {text}  best {self.best:.4f}")
        self._to(self.steps.trial(number + 1))

    def final(self, name: str, seed: int, value: float | None) -> None:
        self.bar.say(f"final {name}  seed {seed}  {'failed' if value is None else f'{value:.4f}'}")
        self.finals += 1
        self._to(self.steps.trial(self.steps.trials) + self.finals * self.steps.final)

    def _to(self, done: int) -> None:
        self.bar.advance(done - self.done, f"best {self.best:.4f}" if self.best > -math.inf else "")
        self.done = done


def run_training(
    path: Path, out: Path, task: TaskName, predictor: str | None, architecture: Path | None, budget: str, seeds: int,
    split_path: Path | None, seed: int, threads: int,
) -> Bundle:  # fmt: skip
    """``routenas train``: one network with one or several seeds, written as a bundle."""
    use_threads(threads)
    if (predictor is None) == (architecture is None):
        raise InputError("what to train is not clear", expected="either --predictor or --architecture")
    value = hand_crafted(cast(str, predictor)) if architecture is None else _architecture(architecture, task)
    if predictor is not None and baseline(task, predictor).kind != "network":
        raise InputError("only networks can be exported as a bundle", found=predictor)
    store = Store(path)
    split = resolve_split(store, split_path, seed)
    routability = RoutabilityTask(task, store, split)
    chosen = budget_named(budget)
    channels = len(store.channels)
    states = []
    check_folder(out)
    with progress_bar(f"train {task}", chosen.epochs * seeds) as bar:
        for number in range(seeds):
            trained = train(
                lambda seed: build(value, task, channels, seed),
                routability,
                chosen,
                seed + number,
                lambda *_: bar.advance(1),
            )
            states.append(trained.module.state_dict())
            bar.say(
                f"seed {seed + number}  {routability.metric} on the search split {trained.metrics[routability.metric]}"
            )
    provenance = {"data": str(path), "data_sha256": data_sha256(path), "budget": budget, "seeds": seeds, "seed": seed}
    bundle = make_bundle(routability, value, states, split, provenance)
    bundle.save(out)
    return bundle


def _architecture(path: Path, task: TaskName) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        architecture: dict[str, Any] = value["architecture"]
        build(architecture, task, 1, seed=0)
    except OSError as error:
        raise InputError("cannot be read", file=path, found=error.strerror or "error") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("no architecture in this file", file=path, found=str(error), expected="a model.json") from None
    return architecture


def run_evaluation(
    path: Path, task: TaskName, models: tuple[str, ...], names: str, budget: str, seeds: int, part: str,
    split_path: Path | None, seed: int, threads: int,
) -> dict[str, Any]:  # fmt: skip
    """``routenas evaluate``: the comparison of models and hand-crafted predictors as a JSON-ready table."""
    use_threads(threads)
    wanted = baselines(task) if names == "all" else tuple(name for name in names.split(",") if name not in ("", "none"))
    kinds = {name: baseline(task, name).kind for name in wanted}
    chosen = budget_named(budget)
    bundles = {name: Bundle.load(folder) for name, folder in _named_models(models, wanted).items()}
    store = Store(path)
    split = (
        next(iter(bundles.values())).split if split_path is None and bundles else resolve_split(store, split_path, seed)
    )
    routability = RoutabilityTask(task, store, split)
    rows = [bundle_row(name, bundle, routability, part) for name, bundle in bundles.items()]
    networks = [name for name in wanted if kinds[name] == "network"]
    with progress_bar(f"evaluate {task}", max(1, chosen.epochs * seeds * len(networks))) as bar:
        for name in wanted:
            began = time.monotonic()

            def advance(epoch: int, epochs: int, name: str = name) -> None:
                bar.advance(1, name)

            try:
                rows.append(baseline_row(name, routability, chosen, range(seed, seed + seeds), part, advance))
            except InputError as error:
                # Of all predictors those are meant that the data set has the channels for; a named one is an error.
                if names != "all" or not baseline(task, name).by_name:
                    raise
                bar.say(f"{name}: left out: {error}")
                continue
            bar.say(f"{name}: trained in {time.monotonic() - began:.0f} s")
    return compare(routability, rows, part, next(iter(bundles), None))


def _named_models(models: Sequence[str], taken: Sequence[str]) -> dict[str, Path]:
    """Folders by name; a bundle without a name is called as the folder that it is in."""
    named: dict[str, Path] = {}
    for text in models:
        name, equals, folder = text.partition("=")
        path = Path(folder if equals else text)
        name = name if equals else path.absolute().parent.name
        if not name or name in named or name in taken:
            raise InputError("two rows of one name", found=name, expected="NAME=FOLDER with names of their own")
        named[name] = path
    return named


def run_audit(path: Path, split_path: Path, families: Path | None, models: tuple[Path, ...]) -> Audit:
    """``routenas data audit``: the findings on a split of a data set, and on models that were trained with it."""
    known = Families(None if families is None else read_families(families))
    parts, normalisation = read_parts(split_path)
    facts = []
    for folder in models:
        bundle = Bundle.load(folder)
        seen = {name: tuple(value) for name, value in bundle.split.to_dict().items()}
        facts.append(Model(str(folder), seen, bundle.normalisation, bundle.channel_version, bundle.label_kind))
    store = Store(path)
    named = {family for names in parts.values() for family in names}
    with progress_bar("audit", sum(family in named for family in store.families)) as bar:
        return audit(
            store, parts, families=known, normalisation=normalisation, models=facts, split_name=str(split_path),
            progress=bar.advance,
        )  # fmt: skip


def run_import(
    output: Path, skip: Callable[[InputError], object] | None, folder: Path, layout: Literal["auto", "raw", "training"],
    channels: str | None, router_maps: bool, label: str, threshold: float | None, families: FamilyRule,
    designs: Path | None, tile: float | None,
) -> int:  # fmt: skip
    """``routenas data import-circuitnet``: the number of samples that were written."""
    check_writable(output)
    found = read_circuitnet(
        folder, layout=layout, include_router_maps=router_maps, label=label, threshold=threshold, families=families,
        channels=None if channels is None else [name.strip() for name in channels.split(",")],
        designs=None if designs is None else read_designs(designs), tile_um=tile, on_defect=skip,
    )  # fmt: skip
    with progress_bar("import", len(found)) as bar:

        def samples() -> Iterator[Sample]:
            for sample in found:
                yield sample
                bar.advance(1, sample.sample)

        return write(output, samples(), found.channels, found.channel_version)


def run_export(
    path: Path, output: Path, layout: Literal["training", "raw"], preprocessing: Preprocessing, size: int,
    split_path: Path | None,
) -> int:  # fmt: skip
    """``routenas data export-circuitnet``: the number of samples that were written."""
    split = None if split_path is None else Split.load(split_path)
    with progress_bar("export", len(Store(path))) as bar:
        return export_circuitnet(
            path, output, layout=layout, preprocessing=preprocessing, resize=size, split=split, progress=bar.advance
        )


def run_scoring(
    lef: tuple[Path, ...], def_: Path, models: tuple[Path, ...], tile: float | None, top: int,
    json_path: Path | None, csv_path: Path | None, png_path: Path | None, show_timings: bool,
) -> str:  # fmt: skip
    """``routenas score``: score one layout, write what is asked for, and return the text to print."""
    from routenas.scoring import heat_map_csv, score_layout
    from routenas.show.text import score_table, timing_table

    began = time.perf_counter()
    for path in filter(None, (json_path, csv_path, png_path)):
        check_writable(path)
    bundles = [Bundle.load(model) for model in models]
    if (csv_path or png_path) and all(bundle.task != "hotspots" for bundle in bundles):
        raise InputError("a map can only be written by a hotspot model", expected="--model of the task 'hotspots'")
    loaded = time.perf_counter() - began
    score = score_layout(lef, def_, bundles, tile, top)
    mark = time.perf_counter()
    if png_path is not None:
        from routenas.show.pictures import heat_map_png

        heat_map_png(score, png_path)
    if csv_path is not None and score.probability is not None:
        write_text(csv_path, heat_map_csv(score.grid, score.probability, score.design.dbu_per_micron))
    if json_path is not None:
        write_text(json_path, json.dumps(score.to_dict(), indent=1, allow_nan=False) + "\n")
    text = score_table(score)
    if show_timings:
        stages = {"load models": loaded, **score.timings, "write": time.perf_counter() - mark}
        text += "\n" + timing_table(stages)
    return text
