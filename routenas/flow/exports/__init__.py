"""What goes back into placement tools: one pure function an emitter, ``(plan, **options) -> Emitted``.

Options of an emitter are its arguments by keyword; those without a default have to be stated, since a wrong guess would
do harm.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from routenas.look_up import look_up

if TYPE_CHECKING:
    from routenas.flow.exports.plan import Emitted, Plan

EMITTERS = {
    "openroad-blockages": "routenas.flow.exports.openroad:blockages",
    "openroad-obstructions": "routenas.flow.exports.openroad:obstructions",
    "openroad-padding": "routenas.flow.exports.openroad:padding",
    "openroad-adjustments": "routenas.flow.exports.openroad:adjustments",
    "openroad-drc": "routenas.flow.exports.reports:drc",
    "openroad-markers": "routenas.flow.exports.reports:markers",
    "innovus-blockages": "routenas.flow.exports.innovus:blockages",
    "innovus-padding": "routenas.flow.exports.innovus:padding",
    "def-blockages": "routenas.flow.exports.def_:blockages",
    "inflation": "routenas.flow.exports.inflation:inflation",
}


def options_of(kind: str) -> dict[str, bool]:
    """Names of the options that an emitter takes, and whether each has to be stated."""
    signature = inspect.signature(look_up("kind of export", EMITTERS, kind))
    own = [one for one in signature.parameters.values() if one.kind is inspect.Parameter.KEYWORD_ONLY]
    return {one.name: one.default is inspect.Parameter.empty for one in own}


def emit(kind: str, plan: Plan, **options: Any) -> Emitted:
    """What the emitter of a kind makes of a plan. Raises ``SettingError`` for a kind that there is not."""
    emitted: Emitted = look_up("kind of export", EMITTERS, kind)(plan, **options)
    return emitted
