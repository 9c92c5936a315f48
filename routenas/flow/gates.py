"""Gates: ``hotspot_area_fraction > 0.02 and hotspot_max >= 0.9`` on the numbers of a score.

::

    gate       = all { "or" all }
    all        = comparison { "and" comparison }
    comparison = NAME ( ">" | ">=" | "<" | "<=" | "==" | "!=" ) NUMBER
    NUMBER     = 500, 0.02, 1e-3, 2%

A name is one of :data:`routenas.flow.values.VALUES`. A gate trips where it is true.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from placement_data.errors import SettingError
from routenas.bundle import ModelMismatchError
from routenas.flow.values import VALUES, values_of
from routenas.look_up import entry

EXIT_CODE = 10
"""What a command ends with where a gate tripped."""

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, "!=": operator.ne, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
_COMPARISON = re.compile(r"\s*([A-Za-z_]\w*)\s*([<>=!]=|[<>])\s*([^\s<>=!]+)\s*")
_FORM = "NAME > NUMBER, several with 'and' and 'or'"


@dataclass(frozen=True)
class Comparison:
    """One number of a score against a limit."""

    name: str
    sign: str
    limit: float

    def __str__(self) -> str:
        return f"{self.name} {self.sign} {self.limit:g}"


@dataclass(frozen=True)
class Gate:
    """A condition that trips: any of several conjunctions of comparisons."""

    text: str
    any_of: tuple[tuple[Comparison, ...], ...]

    @classmethod
    def of(cls, text: str) -> Gate:
        """The gate that a text means. Raises :class:`SettingError` for a name that there is not and for bad grammar."""
        words = re.split(r"\bor\b", text)
        return cls(text.strip(), tuple(tuple(map(_comparison, re.split(r"\band\b", part))) for part in words))

    def require(self, tasks: Collection[str]) -> None:
        """Raise :class:`ModelMismatchError` unless the models' ``tasks`` answer what the gate asks."""
        for name in dict.fromkeys(each.name for part in self.any_of for each in part):
            task = VALUES[name][0].partition(".")[0]
            if task in ("hotspots", "violated_nets") and task not in tasks:
                raise ModelMismatchError(f"the gate '{self.text}' needs a model of the task '{task}', expected --model")

    def tripped(self, score: Mapping[str, Any]) -> str | None:
        """Why the gate trips on a score's JSON form, with what was found; None where it does not.

        Raises :class:`ModelMismatchError` where the score has not what the gate asks.
        """
        values = values_of(score)
        for part in self.any_of:
            lacking = next((each.name for each in part if values[each.name] is None), None)
            if lacking is not None:
                raise ModelMismatchError(f"the gate '{self.text}' asks for {lacking}, which the score has not")
            found = [(each, float(values[each.name] or 0.0)) for each in part]
            if all(_OPERATORS[each.sign](value, each.limit) for each, value in found):
                return f"{self.text} ({', '.join(f'{each.name} is {value:.6g}' for each, value in found)})"
        return None


def _comparison(text: str) -> Comparison:
    match = _COMPARISON.fullmatch(text)
    if match is None:
        raise SettingError("not a gate", found=text.strip(), expected=_FORM)
    name, sign, number = match.groups()
    entry("number of a score", VALUES, name)
    try:
        limit = float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        limit = math.nan
    if not math.isfinite(limit):
        raise SettingError("the limit of a gate is no number", found=number, expected="as 0.02, 500 or 2%")
    return Comparison(name, sign, limit)
