"""Surrogates by name, imported when one is used: models that guess an architecture's value from its genotype."""

from __future__ import annotations

from collections.abc import Callable

from routenas.look_up import look_up
from routenas.surrogates.base import Surrogate

__all__ = ["SURROGATES", "Surrogate", "surrogate_class"]

SURROGATES = {
    "boosting": "routenas.surrogates.boosting:Boosting",
    "gaussian-process": "routenas.surrogates.gaussian_process:GaussianProcess",
    "graph": "routenas.surrogates.graph:GraphRegressor",
    "ridge": "routenas.surrogates.ridge:Ridge",
}
"""The surrogates: ``module:Class``, each called as ``Class(space, **its options)``."""


def surrogate_class(name: str) -> Callable[..., Surrogate]:
    """The class behind a name of `SURROGATES`, or ``module:Class`` of the user's own. Raises as `look_up` does."""
    found: Callable[..., Surrogate] = look_up("surrogate", SURROGATES, name)
    return found
