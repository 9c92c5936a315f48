"""``Scorer``: placements become scores, by one bundle or two: hotspot map, worst regions, violated nets."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Design, LibertyCells
from placement_data.errors import InputError
from placement_data.features import LIBERTY_CHANNELS, ChannelSet, Layout, layout_maps
from placement_data.gaps import require_content
from placement_data.grid import Grid
from placement_data.layer_range import spelled
from placement_data.making import LayoutFiles, digest, read_layout, read_liberties
from placement_data.netlist import signal_nets
from placement_data.text import digests
from routenas.bundle import Bundle, ModelMismatchError
from routenas.causes import explained
from routenas.onnx_model import Runtime
from routenas.predictor import Answer, Predictor
from routenas.regions import Region, find_regions
from routenas.score_warnings import WARNINGS, score_warnings
from routenas.scored import SCHEMA, Score, heat_map_csv
from routenas.version import __version__

__all__ = ["SCHEMA", "Score", "Scorer", "heat_map_csv"]

Kind = tuple[ChannelSet, bool]
CONTENTS = 2
"""Raised where a score of the same schema comes to hold more: what is there already is then scored anew."""


class Scorer:
    """Models that are loaded once and score any number of placements: the same one always has the same answer.

    ``models`` are bundles, folders of such, ``pretrained``, or predictors, at most one a task. ``tile_um`` is by
    default the models' own; ``top`` regions are listed, the worst, with their ``causes``. ``runtime`` computes with so
    many ``threads`` (None: torch with as many as it was told, onnxruntime with one), see :class:`Predictor`, also for
    ``say``. Raises :class:`InputError` for a bundle that is damaged, and :class:`ModelMismatchError` where two answer
    the same question or were trained on tiles of different size.
    """

    def __init__(
        self,
        models: Sequence[Predictor | Bundle | Path | str] | Predictor | Bundle,
        *,
        tile_um: float | None = None,
        top: int = 20,
        causes: bool = True,
        runtime: Runtime = "auto",
        threads: int | None = None,
        say: Callable[[str], object] = lambda line: None,
    ) -> None:
        if isinstance(models, Predictor | Bundle | Path | str):
            models = (models,)
        if not models:
            raise InputError("no model is given to score with", expected="at least one")
        self.predictors: list[Predictor] = []
        for each in models:
            if isinstance(each, Predictor):
                self.predictors.append(each)
            else:
                self.predictors += Predictor.all_of([each], runtime=runtime, threads=threads, say=say)
        computing = {name: number for one in self.predictors for name, number in one.version.items()}
        self.versions = {"routenas": __version__, **computing, "numpy": np.__version__}
        self._by_task = _by_task(self.predictors)
        self.tile_um = _tile(self.predictors, tile_um)
        self.top, self.causes = top, causes

    @property
    def tasks(self) -> tuple[str, ...]:
        """What the models answer: "hotspots", "violated_nets"."""
        return tuple(self._by_task)

    def score(
        self, design: Design, *, liberty: LibertyCells | None = None, routing_layers: str = "", name: str = ""
    ) -> Score:
        """Score a placed design; ``name`` is by default its own.

        ``liberty`` are the cells of Liberty files, for models that were trained with such; ``routing_layers`` those
        that signals may use, as ``metal2-metal3`` ("" for all). Raises :class:`InputError` for a design of which
        nothing can be told and for routing layers that it has not, and :class:`ModelMismatchError` where a model wants
        Liberty and there is none, or none does and there is, or where it has no finite answer.
        """
        return self._score(design, liberty, routing_layers, name, _Laps())

    def score_files(self, files: LayoutFiles, name: str = "") -> Score:
        """Read a placed layout and score it, as :meth:`score`; LEF and Liberty known already are not read again.

        Any of the files may be a pipe. Raises :class:`InputError` for unreadable or unplaced layouts, too.
        """
        self._kinds(bool(files.liberty))  # before the reading, which takes longer
        laps = _Laps()
        with digests() as read:
            design = read_layout(files)
            cells = read_liberties(files.liberty)
        laps("parse")
        found = self._score(design, cells, files.routing_layers, name, laps, files.layout)
        inputs = {str(path): read.get(str(path)) or digest(path) for path in files.all}
        warnings = found.warnings
        if files.kind == "aux":
            warnings = (("no-units", f"{WARNINGS['no-units']}, and it has no cell names"), *warnings)
        return replace(found, inputs=inputs, warnings=warnings, key=self._key(files, name, inputs))

    def key(self, files: LayoutFiles, name: str = "") -> str:
        """SHA-256 of all that an answer depends on: what the files hold, wherever they lie, models, settings, versions.

        It is ``Score.key`` of the answer. Raises ``OSError`` for a file that is not there.
        """
        return self._key(files, name, {str(path): digest(path) for path in files.all})

    def _key(self, files: LayoutFiles, name: str, inputs: Mapping[str, str]) -> str:
        facts = {
            "schema": SCHEMA,
            "contents": CONTENTS,
            "versions": self.versions,
            "models": sorted([each.bundle.digests[0], *each.version] for each in self.predictors),
            "settings": [self.tile_um, self.top, self.causes, name, files.kind, files.routing_layers],
            "lef": [inputs[str(path)] for path in files.lef],
            "liberty": [inputs[str(path)] for path in files.liberty],
            "layout": [inputs[str(path)] for path in files.all if path not in (*files.lef, *files.liberty)],
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def _kinds(self, liberty: bool) -> dict[str, Kind]:
        """The channels of each model, and whether Liberty tells the registers of them. Raises ModelMismatchError."""
        kinds = {task: _kind(each, liberty) for task, each in self._by_task.items()}
        if liberty and not any(told for _, told in kinds.values()):
            raise ModelMismatchError("no model was trained with Liberty, expected a layout without --liberty")
        return kinds

    def _score(
        self, design: Design, cells: LibertyCells | None, text: str, name: str, laps: _Laps, file: Path | None = None
    ) -> Score:
        kinds = self._kinds(cells is not None)
        require_content(design)
        layers = spelled(design, text, file)
        grid = Grid.of(design, self.tile_um)
        layouts, features = _features(design, grid, self._by_task, kinds, cells, layers)
        laps("features")
        net_count = int(signal_nets(design).sum())
        maps, answers = self._answers(features, grid, net_count)
        laps("infer")
        features = {task: features[task][list(each.inputs_used)] for task, each in self._by_task.items()}
        hot = self._by_task.get("hotspots")
        answer, threshold = answers.get("hotspots"), None if hot is None else hot.threshold
        regions: tuple[Region, ...] = ()
        count = 0
        if hot is not None and answer is not None and threshold is not None:
            normal = maps["hotspots"]
            regions, labels, count = find_regions(
                design, grid, answer.value, threshold, hot.read.channels, normal[list(hot.inputs_used)], self.top
            )
            laps("regions")
            regions = explained(regions, labels, hot, normal, answer, layouts["hotspots"], self.causes)
            laps("causes")
        cards = [each.read for each in self.predictors]
        told = score_warnings(design, grid, features, cards, liberty=cells is not None, routing_layers=layers)
        warnings, ratio = tuple(told), answers.get("violated_nets")
        laps("regions")
        spread = None if answer is None else answer.spread(np.nansum(answer.members, axis=(1, 2)))
        return Score(
            replace(design, name=name or design.name), grid, net_count, None if answer is None else answer.value,
            threshold, regions, count, None if ratio is None else float(ratio.value[0]), layers, warnings,
            tuple(_model_summary(each) for each in self.predictors), laps.seconds, self.versions,
            uncertainty=None if answer is None else answer.spread(answer.members),
            expected_tiles_uncertainty=None if spread is None else float(spread),
            violated_net_interval=None if ratio is None else ratio.range,
        )  # fmt: skip

    def _answers(
        self, features: Mapping[str, NDArray[np.float32]], grid: Grid, net_count: int
    ) -> tuple[dict[str, NDArray[np.float32]], dict[str, Answer]]:
        """The normalised maps and the answer of each model."""
        inside = None if grid.outline is None else grid.inside
        maps, answers = {}, {}
        for task, each in self._by_task.items():
            maps[task] = each.normalised(features[task], inside)
            answers[task] = each.answer(maps[task], net_count, inside)
            value = answers[task].value
            if not np.isfinite(value[grid.inside] if task == "hotspots" else value).all():
                raise ModelMismatchError(f"the model of the task '{task}' has no finite answer for this layout")
        return maps, answers


class _Laps:
    """Seconds of each stage, from one call to the next."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._mark = time.perf_counter()

    def __call__(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._mark
        self._mark = now


def _kind(predictor: Predictor, liberty: bool) -> Kind:
    """The channels that a model wants, and whether Liberty is to tell the registers of them."""
    wanted, channels = predictor.card.liberty, predictor.channel_set
    if not LIBERTY_CHANNELS.intersection(predictor.read.channels):
        wanted = False
    if wanted and not liberty:
        what = f"the model of the task '{predictor.card.name}' was trained with registers that Liberty told"
        raise ModelMismatchError(f"{what}, expected --liberty")
    return channels, liberty if wanted is None else wanted


def _features(
    design: Design,
    grid: Grid,
    by_task: Mapping[str, Predictor],
    kinds: Mapping[str, Kind],
    cells: LibertyCells | None,
    routing_layers: str,
) -> tuple[dict[str, Layout], dict[str, NDArray[np.float32]]]:
    """The layout, and the maps (channels, rows, columns), for each model; a channel that no model reads is 0 and costs
    nothing."""
    layouts, maps = {}, {}
    for kind in set(kinds.values()):
        channels, liberty = kind
        used = {name for task, each in by_task.items() if kinds[task] == kind for name in each.read.channels}
        layouts[kind] = Layout(design, grid, liberty=cells if liberty else None, layer_range=routing_layers)
        maps[kind] = layout_maps(layouts[kind], channels, used)
    return {task: layouts[kind] for task, kind in kinds.items()}, {task: maps[kind] for task, kind in kinds.items()}


def _by_task(predictors: Sequence[Predictor]) -> dict[str, Predictor]:
    by_task: dict[str, Predictor] = {}
    for each in predictors:
        name = each.card.name
        if name in by_task:
            raise ModelMismatchError(f"two models for the task '{name}', expected at most one per task")
        by_task[name] = each
    return by_task


def _tile(predictors: Sequence[Predictor], tile_um: float | None) -> float:
    tiles = sorted({each.card.tile_um for each in predictors})
    if tile_um is not None:
        return tile_um
    if len(tiles) != 1:
        raise ModelMismatchError(
            f"the models were trained on tiles of {' and '.join(map(str, tiles))} um, expected one size; see --tile"
        )
    return tiles[0]


def _model_summary(predictor: Predictor) -> dict[str, Any]:
    architecture = predictor.bundle.architecture.to_dict()
    return {
        "task": predictor.card.name,
        "sha256": predictor.bundle.digests[0],
        "weights_sha256": predictor.bundle.digests[1],
        "architecture": {name: architecture[name] for name in ("kind", "name", "hash") if name in architecture},
        "members": len(predictor.bundle.members),
        "runtime": next(iter(predictor.version)),
        "label_kind": predictor.card.label_kind,
        "channel_version": predictor.card.channel_version,
        "liberty": predictor.card.liberty,
        "routing_layers": [layers or None for layers in predictor.card.routing_layers],
        "technologies": list(predictor.card.technologies),
        "test_metrics": predictor.bundle.metrics.get("test"),
    }
