"""Candidate placements of one design in the order of their predicted harm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from placement_data.errors import InputError
from routenas.bundle import ModelMismatchError
from routenas.flow.values import HARM, VALUES, require_comparable, values_of
from routenas.look_up import entry
from routenas.version import __version__

SCHEMA = "routenas.rank/1"


def rank(scores: Mapping[str, Mapping[str, Any]], by: str | None = None) -> dict[str, Any]:
    """JSON-ready: the candidates, best first, each with its place, name and numbers; equal ones share a place.

    ``scores`` are JSON forms of scores by the candidates' names, ``by`` the number that is to be small: by default the
    first of :data:`routenas.flow.values.HARM` that all have. Raises :class:`InputError` for none and for candidates of
    several designs, :class:`placement_data.errors.SettingError` for a number that there is not, and
    :class:`ModelMismatchError` for scores by other models and for a number that they have not.
    """
    if not scores:
        raise InputError("nothing is given to rank", expected="at least one placement")
    if by is not None:
        entry("number of a score", VALUES, by)
    require_comparable(scores)
    values = {name: values_of(score) for name, score in scores.items()}
    known = [key for key in ([by] if by else HARM) if all(each[key] is not None for each in values.values())]
    if not known:
        raise ModelMismatchError(f"the scores have no {by or ' or '.join(HARM)}, expected a model that answers it")
    harm = {name: float(each[known[0]] or 0.0) for name, each in values.items()}
    first = next(iter(scores.values()))
    return {
        "schema": SCHEMA,
        "routenas": __version__,
        "design": first["design"],
        "by": known[0],
        "candidates": [
            {"rank": 1 + sum(other < harm[name] for other in harm.values()), "name": name, **values[name]}
            for name in sorted(harm, key=lambda name: harm[name])
        ],
    }
