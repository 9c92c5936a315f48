"""Steps for LibreLane 3, which finds this package by its name: score a placement, and end the flow before routing.

``Routenas.Score`` runs ``routenas score`` on the DEF of the state: a process of its own, so that LibreLane starts
without torch. Its numbers become metrics: ``hotspots.area_frac`` of the JSON is ``routenas__hotspot__area_frac``.
``Checker.RoutenasHotspots`` is a gate on one of them.
"""

from __future__ import annotations

import json
import os
import sys
from decimal import Decimal
from typing import Any, ClassVar

from librelane.common import Path
from librelane.config import Variable
from librelane.state import DesignFormat, State
from librelane.steps import Step
from librelane.steps.checker import MetricChecker

from routenas.version import __version__ as __version__

_TASKS = {"hotspots": "hotspot", "violated_nets": "violated_net"}


@Step.factory.register()
class Score(Step):
    """Predicts where routing will hurt in the placement, in ``score.json`` of the step's folder and in metrics."""

    id = "Routenas.Score"
    name = "Routability"
    long_name = "Predicted Routability"
    inputs: ClassVar[list[Any]] = [DesignFormat.DEF]
    outputs: ClassVar[list[Any]] = []
    config_vars: ClassVar[list[Any]] = [
        Variable(
            "ROUTENAS_MODELS",
            list[str],
            "Model bundles, at most one a task, or those that ship with routenas.",
            default=["pretrained/hotspots"],
        ),
        Variable(
            "ROUTENAS_LIBERTY",
            list[Path] | None,
            "Liberty that tells the registers, for models that were trained with such.",
        ),
        Variable(
            "ROUTENAS_ROUTING_LAYERS",
            str | None,
            "Lowest and highest layer that signals may use, as met1-met4, as in training.",
        ),
    ]

    def run(self, state_in: State, **kwargs: Any) -> tuple[dict[Any, Any], dict[str, Any]]:
        """Score the placement; an error of ``routenas score`` is one of the step."""
        kwargs, env = self.extract_env(kwargs)
        path = os.path.join(self.step_dir, "score.json")
        command = [sys.executable, "-m", "routenas", "score", "--lef", *self._lefs(), "--json", path]
        command += ["--def", state_in[DesignFormat.DEF], "--model", *self.config["ROUTENAS_MODELS"]]
        if liberty := self.config["ROUTENAS_LIBERTY"]:
            command += ["--liberty", *liberty]
        if layers := self.config["ROUTENAS_ROUTING_LAYERS"]:
            command += ["--routing-layers", layers]
        self.run_subprocess(command, env=env, **kwargs)
        with open(path, encoding="utf-8") as file:
            score = json.load(file)
        for warning in score["warnings"]:
            self.warn(f"{warning['code']}: {warning['text']}")
        return {}, metrics(score)

    def _lefs(self) -> list[Any]:
        """Technology, cells, macros and pads."""
        lefs = list(self.toolbox.filter_views(self.config, self.config["TECH_LEFS"]))
        for name in ("CELL_LEFS", "EXTRA_LEFS", "PAD_LEFS"):
            lefs += self.config.get(name) or ()
        return lefs + list(self.toolbox.get_macro_views(self.config, DesignFormat.LEF))


def metrics(score: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a score by the names that metrics have: ``routenas__hotspot__area_frac``."""
    found: dict[str, Any] = {"routenas__warning__count": len(score["warnings"])}
    for task, name in _TASKS.items():
        numbers = {key: value for key, value in (score[task] or {}).items() if isinstance(value, int | float)}
        found |= {f"routenas__{name}__{key}": value for key, value in numbers.items()}
    return found


@Step.factory.register()
class Hotspots(MetricChecker):
    """Ends the flow where more of the die than ``ROUTENAS_MAX_HOTSPOT_AREA`` is in predicted hotspots."""

    id = "Checker.RoutenasHotspots"
    name = "Predicted Hotspot Checker"
    deferred = False
    metric_name = "routenas__hotspot__area_frac"
    metric_description = "of the die's area in predicted hotspots"
    error_on_var = Variable(
        "ERROR_ON_ROUTENAS_HOTSPOTS",
        bool,
        "Ends the flow where the placement has too many predicted hotspots; else that is a warning.",
        default=True,
    )
    config_vars: ClassVar[list[Any]] = [
        error_on_var,
        Variable(
            "ROUTENAS_MAX_HOTSPOT_AREA",
            Decimal,
            "Largest share of the die's area that may be in predicted hotspots, from 0 to 1.",
            default=Decimal("0.02"),
        ),
    ]

    def get_threshold(self) -> Decimal:
        """See ``MetricChecker``."""
        return Decimal(self.config["ROUTENAS_MAX_HOTSPOT_AREA"])

    def get_threshold_description(self) -> str:
        """See ``MetricChecker``, which asks the class for it."""
        return "ROUTENAS_MAX_HOTSPOT_AREA"
