"""What can be built: search spaces as pure values, and the torch modules that a genotype builds.

`load_space` imports a space, and with it torch, only when it is asked for.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import cast

from searchspaces.space import Choice, Genotype, Space

__all__ = ["SPACES", "Choice", "Genotype", "Space", "load_space"]

SPACES = {
    "flexible-extended": "searchspaces.flexible:extended",
    "flexible-paper": "searchspaces.flexible:paper",
}
"""The search spaces by name: ``module:function``."""


def load_space(name: str) -> Space:
    """The space that calls itself ``name``: a member of `SPACES`, with ``:N`` behind it where it takes a seed.

    Raises ValueError, naming near names, for one that is not known.
    """
    family, _, seed = name.partition(":")
    if family not in SPACES or (seed and not seed.isdecimal()):
        near = get_close_matches(family, SPACES) or sorted(SPACES)
        raise ValueError(f"no search space is called {name!r}; near names: {', '.join(near)}")
    module, _, function = SPACES[family].partition(":")
    make = getattr(import_module(module), function)
    return cast(Space, make(int(seed)) if seed else make())
