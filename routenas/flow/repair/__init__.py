"""``routenas repair``: a placed design in, a better placed one out, by legal moves among which the models choose.

What comes out has been predicted, not routed.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from placement_data.design import Design, Ints, LibertyCells
from placement_data.orientation import Orientation
from routenas.bundle import ModelMismatchError
from routenas.flow.repair.floor import Floor
from routenas.flow.repair.judges import Predicted
from routenas.flow.repair.moves import KINDS
from routenas.flow.repair.search import Settings, State, tournament
from routenas.flow.repair.wires import wirelength
from routenas.flow.values import values_of
from routenas.scoring import Score, Scorer
from routenas.version import __version__

__all__ = ["SCHEMA", "Repaired", "Settings", "around", "repair"]

SCHEMA = "routenas.repair/1"
_AROUND = 2  # tiles round the regions whose cells move, too


@dataclass(frozen=True)
class Repaired:
    """What a repair did. ``before`` and ``after`` are the scores; wirelength in database units; ``seconds`` in all."""

    before: Score
    after: Score
    floor: Floor
    state: State
    settings: Settings
    wirelength: float
    seconds: float

    @property
    def design(self) -> Design:
        """The repaired design: that which came in, as it was, where nothing helped."""
        return self.state.design

    @property
    def moved(self) -> Ints:
        """Rows of the cells that are elsewhere, or turned, in the end."""
        old, new = self.floor.design.cells, self.design.cells
        return np.flatnonzero((old.box != new.box).any(axis=1) | (old.orientation != new.orientation))

    def places(self) -> dict[str, tuple[int, int, str]]:
        """Name, lower-left corner (database units) and orientation of each cell that is elsewhere, or turned."""
        cells, rows = self.design.cells, self.moved
        table = zip(cells.name[rows], cells.box[rows, :2].tolist(), cells.orientation[rows].tolist(), strict=True)
        return {str(name): (x, y, Orientation(turn).name) for name, (x, y), turn in table}

    def to_dict(self) -> dict[str, Any]:
        """JSON form, schema ``routenas.repair/1``. Lengths are in microns. Infinite settings are null."""
        score, state, scale = self.before.to_dict(), self.state, self.design.dbu_per_micron
        corner = self.design.cells.box[:, :2] - self.floor.design.cells.box[:, :2]
        far = np.abs(corner[self.moved]).sum(axis=1) / scale
        rise = state.wirelength / self.wirelength - 1.0 if self.wirelength else 0.0
        settings = {name: None if value == float("inf") else value for name, value in asdict(self.settings).items()}
        return {
            "schema": SCHEMA,
            "routenas": __version__,
            **{name: score[name] for name in ("versions", "design", "inputs", "models", "warnings")},
            "settings": settings,
            "cells": {
                "all": len(self.design.cells.name),
                "movable": int(self.floor.movable.sum()),
                "moved": len(self.moved),
            },
            "moves": {
                kind: {"tried": state.tried[kind], "kept": state.kept[kind]} for kind in KINDS
            } | {"all": {"tried": state.tried.total(), "kept": state.kept.total()}},
            "wirelength_um": {"before": self.wirelength / scale, "after": state.wirelength / scale, "rise": rise},
            "displacement_um": {
                "mean": float(far.mean()) if len(far) else 0.0,
                "max": float(far.max(initial=0.0)),
                "sum": float(far.sum()),
            },
            "predicted": _changes(score, self.after.to_dict()),
            "routed": None,
            "rounds": state.rounds,
            "judged": state.judged,
            "seconds": round(self.seconds, 3),
        }  # fmt: skip


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    old, new = values_of(before), values_of(after)
    known = [(name, value, new[name]) for name, value in old.items() if name != "warnings"]
    return {name: {"before": a, "after": b} for name, a, b in known if a is not None and b is not None}


def around(score: Score, tiles: int = _AROUND) -> NDArray[np.bool_]:
    """(rows, columns) the hotspots of a score and what is so many tiles from them. Raises ``ModelMismatchError``."""
    if score.probability is None or score.threshold is None:
        raise ModelMismatchError("repair needs to know where it is bad, expected a model of the task 'hotspots'")
    hot = np.nan_to_num(score.probability) >= score.threshold
    return np.asarray(binary_dilation(hot, np.ones((3, 3)), iterations=tiles))


def repair(
    design: Design,
    scorer: Scorer,
    settings: Settings | None = None,
    *,
    liberty: LibertyCells | None = None,
    routing_layers: str = "",
    fixed: Collection[str] = (),
) -> Repaired:
    """Move cells of a placed design, in and around its predicted hotspots, to where its models predict less.

    ``fixed`` are names of cells that stay, beside those that the design ties to their places; the rest as
    :meth:`Scorer.score`. Raises as that does, and :class:`ModelMismatchError` without a hotspot model.
    """
    began, settings = time.monotonic(), settings or Settings()
    before = scorer.score(design, liberty=liberty, routing_layers=routing_layers)
    where = around(before)
    predictors = sorted(scorer.predictors, key=lambda each: each.card.name)
    judge = Predicted(predictors, before.grid, liberty, before.routing_layers)
    floor = Floor.of(design, fixed)
    left = settings.seconds - (time.monotonic() - began)
    state = tournament(floor, judge, before.grid, where, replace(settings, seconds=left))
    after = scorer.score(state.design, liberty=liberty, routing_layers=routing_layers) if state.kept else before
    return Repaired(before, after, floor, state, settings, wirelength(design), time.monotonic() - began)
