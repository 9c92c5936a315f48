"""Searched against hand-crafted: one table, same data, same trainer, same budget, with the label's noise ceiling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from placement_data.errors import InputError
from placement_data.features import LAYER_RANGE_CHANNELS
from placement_data.store import Store
from routenas.architecture import Architecture
from routenas.baselines import baseline
from routenas.bundle import ModelMismatchError
from routenas.estimators.scratch import in_silence
from routenas.metrics import (
    ceiling_count,
    ceiling_scores,
    count_metrics,
    hotspot_metrics,
    ranking_by_design,
    share_of_way,
)
from routenas.metrics.bootstrap import (
    bootstrap_over_designs,
    mean_over_designs,
    paired_bootstrap_difference,
    pooled_average_precision,
    pooled_roc_auc,
)
from routenas.networks.ensemble import Ensemble
from routenas.predictor import Predictor
from routenas.published import train_network
from routenas.tasks.routability import Answers, Card, Example, RoutabilityTask
from routenas.training import Budget, Progress

Part = Literal["search", "test", "unseen"]
"""What is judged: a part of a split, or all placements of families that no model was trained or chosen on."""

CEILING = "ceiling (other net orders)"
COLUMNS = {
    "hotspots": ("roc_auc", "average_precision", "design_mean_roc_auc", "design_mean_average_precision"),
    "violated_nets": ("design_mean_tau", "weighted_tau", "pooled_tau"),
}
# Predictors without context or training: the share of the way to the ceiling starts at the best of them.
CONTROLS = {"hotspots": ("rudy", "tile-mlp"), "violated_nets": ("utilization", "rudy-mean")}


@dataclass(frozen=True)
class Row:
    """One predictor: the answers of each seed (``members``) for the placements of one part, and of their ensemble.

    ``notes``, a code and a text each, say what is other than in the predictor's training.
    """

    name: str
    members: tuple[Answers, ...]
    ensemble: Answers
    notes: tuple[tuple[str, str], ...] = ()


def baseline_row(
    name: str, task: RoutabilityTask, budget: Budget, seeds: Sequence[int], part: str, progress: Progress = in_silence
) -> Row:
    """Train a hand-crafted predictor with each seed, a fitted one with the first, and answer for a ``part``."""
    architecture = Architecture(network=name)
    if baseline(task.name, name).kind != "network":
        seeds = seeds[:1]
    modules = [train_network(architecture, task, budget, seed, progress).module for seed in seeds]
    return _network_row(name, task, Ensemble(modules), part)


def _network_row(name: str, task: RoutabilityTask, ensemble: Ensemble, part: str) -> Row:
    members = tuple(task.answers(module, part) for module in ensemble.members)
    return Row(name, members, members[0] if len(members) == 1 else task.answers(ensemble, part))


def untrained_row(name: str, task: RoutabilityTask, part: str) -> Row:
    """A hand-crafted predictor of the kind ``ranking``, as it ranks without a fit."""
    if baseline(task.name, name).kind != "ranking":
        raise InputError("cannot answer without training, for which --split tells the placements", found=name)
    module: Any = Architecture(network=name).build(task.shape, 0)
    module.read(task.card)
    return _network_row(name, task, Ensemble([module]), part)


def unseen_families(store: Store, predictors: Mapping[str, Predictor]) -> tuple[str, ...]:
    """The families of labelled placements that no predictor was trained or chosen on. InputError for none."""
    labelled, known = _families(store, predictors)
    if not predictors or labelled <= known:
        raise InputError(
            "no labelled placement is of a family that the models have not seen", file=store.path,
            found=f"{len(predictors)} models, {len(labelled)} families", expected="placements of other designs",
        )  # fmt: skip
    return tuple(sorted(labelled - known))


def require_unseen(store: Store, predictors: Mapping[str, Predictor]) -> None:
    """Raise InputError where a predictor was trained or chosen on a family of the labelled placements."""
    labelled, known = _families(store, predictors)
    if labelled & known:
        first, *others = sorted(labelled & known)
        raise InputError(
            "the data set has families that a model was trained or chosen on", file=store.path,
            found=f"{first} and {len(others)} others" if others else first,
            expected="--part unseen, which leaves them out, or --split with a test part of others",
        )  # fmt: skip


def _families(store: Store, predictors: Mapping[str, Predictor]) -> tuple[frozenset[str], frozenset[str]]:
    """Those of labelled placements, and those that a predictor was trained or chosen on."""
    labelled = frozenset(family for family, known in zip(store.families, store.labelled, strict=True) if known)
    return labelled, frozenset().union(*(predictor.card.known for predictor in predictors.values()))


def bundle_row(name: str, predictor: Predictor, task: RoutabilityTask, part: str) -> Row:
    """Answers of a bundle's members, which take their channels out of the data set's by name.

    Raises :class:`InputError` where the bundle was trained or chosen on a family of ``part``, and
    :class:`routenas.bundle.ModelMismatchError` where it is for another task or the data set lacks one of its channels.
    """
    card, store = predictor.card, task.store
    if card.name != task.name:
        raise ModelMismatchError(f"the model {name} is for another task: {card.name}, expected {task.name}")
    if None not in (card.liberty, task.card.liberty) and card.liberty != task.card.liberty:
        used = "with" if card.liberty else "without"
        raise ModelMismatchError(f"the model {name} was trained on placements read {used} Liberty, unlike the data set")
    counted = ("" in card.routing_layers, "" in task.card.routing_layers)
    if counted[0] != counted[1] and LAYER_RANGE_CHANNELS.intersection(card.channels):
        trained, here = ("all routing layers" if every else "those that signals may use" for every in counted)
        raise ModelMismatchError(
            f"the model {name} has channels of tracks, counted on {trained} in training and on {here} in the data set, "
            "expected one that was ingested alike; see ingest --routing-layers"
        )
    leaked = sorted(card.known & {*task.families(part)})
    if leaked:
        raise InputError(f"the model {name} was trained or chosen on a family of the {part} split", found=leaked[0])
    # Answers depend on the model's own normalisation, so its card decodes them, not the task's.
    try:
        own = RoutabilityTask(task.name, store, card=replace(card, split=task.card.split))
    except InputError as error:
        raise ModelMismatchError(f"the model {name} does not fit the data set: {error}") from None
    row = _network_row(name, own, predictor.bundle.ensemble, part)
    return replace(row, notes=tuple(_differences(card, task.card)))


def _differences(trained: Card, here: Card) -> Iterator[tuple[str, str]]:
    """Code and text for whatever a model was trained on and the data set has not."""
    if here.label_kind != trained.label_kind:
        yield "other-label", f"labels are {here.label_kind}, but training was on {trained.label_kind}"
    if here.tile_um != trained.tile_um:
        yield "other-tile", f"tiles of {here.tile_um:g} um, but training was on tiles of {trained.tile_um:g} um"
    if trained.technologies and (others := [each for each in here.technologies if each not in trained.technologies]):
        yield "other-technology", f"trained in {'; '.join(trained.technologies)}, judged in {'; '.join(others)}"
    elif more := [
        layers or "all routing layers" for layers in here.routing_layers if layers not in trained.routing_layers
    ]:
        known = " and ".join(layers or "all routing layers" for layers in trained.routing_layers)
        yield "routing-layers", f"signals may use {' and '.join(more)}, but in training they could use {known}"


def compare(task: RoutabilityTask, rows: Sequence[Row], part: str, reference: str | None = None) -> dict[str, Any]:
    """Table of the rows as a JSON-ready value.

    A row has mean, deviation and number of seeds a metric, the ensemble's metrics with 95 % bootstrap intervals over
    designs, and on the placements with repeats the share of the way from the best control to the ceiling. With
    ``reference`` (a row's name), every row has the interval of the reference's ensemble minus its own.
    """
    examples = task.examples(part)
    columns = COLUMNS[task.name]
    table = []
    for row in rows:
        singles = [_metrics(task, examples, answers) for answers in row.members]
        entry: dict[str, Any] = {"name": row.name, "seeds": len(singles), "metrics": {}, "ensemble": {}}
        pooled = _metrics(task, examples, row.ensemble)
        for column in columns:
            values = [float(single[column]) for single in singles if single[column] is not None]
            deviation = float(np.std(values, ddof=1)) if len(values) > 1 else None
            entry["metrics"][column] = {"mean": float(np.mean(values)) if values else None, "deviation": deviation}
            entry["ensemble"][column] = pooled[column]
        entry["interval"] = interval(task, examples, row.ensemble)
        entry["notes"] = [{"code": code, "text": text} for code, text in row.notes]
        entry["by_design"] = pooled.get("by_design") or pooled.get("tau")
        table.append(entry)
    _add_differences(task, examples, rows, table, reference)
    ceiling = _add_ceiling(task, examples, rows, table)
    return {
        "task": task.name,
        "part": part,
        "placements": len(examples),
        "designs": len({example.sample.design for example in examples}),
        "technologies": list(task.card.technologies),
        "base_rate": _base_rate(task, examples),
        "rows": table,
        "ceiling": ceiling,
    }


def _base_rate(task: RoutabilityTask, examples: Sequence[Example]) -> float:
    if task.name == "hotspots":
        return float(np.concatenate([example.sample.on_die(example.hotspots) for example in examples]).mean())
    return float(np.mean([example.ratio for example in examples]))


def _metrics(task: RoutabilityTask, examples: Sequence[Example], answers: Answers) -> dict[str, Any]:
    designs = [example.sample.design for example in examples]
    if task.name == "hotspots":
        return hotspot_metrics(_tiles(examples, answers)).to_json()
    return count_metrics(designs, [example.ratio for example in examples], [float(a[0]) for a in answers]).to_json()


def _tiles(examples: Sequence[Example], answers: Answers) -> Iterator[tuple[str, ArrayLike, ArrayLike]]:
    """Design, labels and answers of each placement, in the tiles on the die."""
    for example, answer in zip(examples, answers, strict=True):
        sample = example.sample
        yield sample.design, sample.on_die(example.hotspots), sample.on_die(answer)


def _by_design(task: RoutabilityTask, examples: Sequence[Example], answers: Answers) -> Mapping[str, Any]:
    if task.name == "hotspots":
        return ranking_by_design(_tiles(examples, answers))
    tau: Mapping[str, Any] = _metrics(task, examples, answers)["tau"]
    return tau


def _statistics(task: RoutabilityTask) -> dict[str, Any]:
    if task.name == "hotspots":
        return {"roc_auc": pooled_roc_auc, "average_precision": pooled_average_precision}
    return {"design_mean_tau": mean_over_designs}


def interval(task: RoutabilityTask, examples: Sequence[Example], answers: Answers) -> dict[str, Any]:
    """95 % bootstrap intervals over designs of the task's main metrics."""
    values = _by_design(task, examples, answers)
    return {name: bootstrap_over_designs(values, statistic) for name, statistic in _statistics(task).items()}


def _add_differences(
    task: RoutabilityTask,
    examples: Sequence[Example],
    rows: Sequence[Row],
    table: list[dict[str, Any]],
    reference: str | None,
) -> None:
    chosen = next((row for row in rows if row.name == reference), None)
    if chosen is None:
        return
    ours = _by_design(task, examples, chosen.ensemble)
    for row, entry in zip(rows, table, strict=True):
        theirs = _by_design(task, examples, row.ensemble)
        entry["reference_minus_this"] = {
            name: paired_bootstrap_difference(ours, theirs, statistic) for name, statistic in _statistics(task).items()
        }


def _add_ceiling(
    task: RoutabilityTask, examples: Sequence[Example], rows: Sequence[Row], table: list[dict[str, Any]]
) -> dict[str, Any] | None:
    repeated = [index for index, example in enumerate(examples) if example.sample.repeat_hotspots is not None]
    if not repeated:
        return None
    subset = [examples[index] for index in repeated]
    headline = COLUMNS[task.name][0] if task.name == "hotspots" else "pooled_tau"
    value = _metrics(task, subset, [_ceiling_answer(task, example) for example in subset])[headline]
    here = {row.name: _metrics(task, subset, [row.ensemble[index] for index in repeated])[headline] for row in rows}
    controls = [here[name] for name in CONTROLS[task.name] if here.get(name) is not None]
    control = max(controls, default=None)
    for entry in table:
        own = here[entry["name"]]
        entry["on_repeated"] = own
        entry["share_of_way"] = share_of_way(own, control, value)
    return {"name": CEILING, "metric": headline, "value": value, "placements": len(subset), "control": control}


def _ceiling_answer(task: RoutabilityTask, example: Example) -> NDArray[np.float64]:
    sample = example.sample
    if task.name == "hotspots":
        assert sample.repeat_hotspots is not None
        return np.asarray(ceiling_scores(list(sample.repeat_hotspots)), dtype=np.float64)
    return np.array([ceiling_count([count / max(sample.net_count, 1) for count in sample.repeat_violated_nets])])
