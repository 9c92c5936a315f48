"""Surrogates by name, imported when one is used: models that guess an architecture's value from its genotype."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib import import_module
from typing import cast

from placement_data.errors import InputError
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
    """The class behind a name of `SURROGATES`. Raises InputError, listing near names, for another."""
    if name not in SURROGATES:
        near = get_close_matches(name, SURROGATES) or sorted(SURROGATES)
        raise InputError("no such surrogate", found=name, expected=" or ".join(near))
    module, _, attribute = SURROGATES[name].partition(":")
    return cast(Callable[..., Surrogate], getattr(import_module(module), attribute))
