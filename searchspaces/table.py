"""The spaces by name, and a space from the values that tell it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from searchspaces.space import Space

SPACES = {
    "auto-gnn": "searchspaces.auto_gnn:AutoGnnSpace",
    "darts": "searchspaces.darts:DartsSpace",
    "darts-recurrent": "searchspaces.recurrent:RecurrentSpace",
    "flexible": "searchspaces.flexible:FlexibleSpace",
    "mnasnet": "searchspaces.mnasnet:MnasNetSpace",
    "nas-bench-101": "searchspaces.nasbench101:NasBench101Space",
    "nas-bench-201": "searchspaces.nasbench201:NasBench201Space",
    "nas-bench-graph": "searchspaces.nasbench_graph:NasBenchGraphSpace",
    "nas-bench-macro": "searchspaces.nasbench_macro:NasBenchMacroSpace",
}
"""``module:Class`` of each space; a module is imported when its space is asked for."""


def space_class(name: str) -> type[Space]:
    """The class of a space in `SPACES`, or of the user's own given as ``module:Class``.

    Raises ValueError, listing near names or all, for a name that is neither.
    """
    target = SPACES.get(name, name) if isinstance(name, str) else ""
    module, colon, attribute = target.partition(":")
    if not colon:
        near = get_close_matches(str(name), SPACES) or SPACES
        raise ValueError(f"no space has the name {name!r}, expected {' or '.join(near)}, or module:Class")
    try:
        found = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise ValueError(f"the space {name!r} is in a module {error.name!r} that is not there") from None
    except AttributeError:
        raise ValueError(f"the module {module!r} has no class {attribute!r}") from None
    if not (isinstance(found, type) and issubclass(found, Space)):
        raise ValueError(f"{name!r} is not a class of spaces")
    return found


def space_named(name: str, **options: Any) -> Space:
    """A space by name, with arguments of its constructor. Raises ValueError for a name or option that it lacks."""
    return space_class(name).from_config(options)


def space_from_config(config: Mapping[str, Any]) -> Space:
    """The space that `Space.config` told, here or in another process.

    Raises ValueError for a value that no space of this version has.
    """
    if not isinstance(config, Mapping) or not {"space", "name"} & set(config):
        raise ValueError(f"the config of a space must be an object with the key 'space', not {config!r}")
    # Saved models from before this table hold flexible spaces only, and do not say so.
    return space_class(config.get("space", "flexible")).from_config(config)
