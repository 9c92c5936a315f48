"""One look-up for all tables of the package: a name, or ``module:Class`` of the user's own, becomes what it stands for.

A table is an explicit mapping, ``name -> "module:Class"``; what a name stands for is imported when it is looked up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar

from placement_data.errors import SettingError

Entry = TypeVar("Entry")

SHORT = 8
"""Of a table of so many names an error lists all, of a longer one those near to what was asked for."""


def look_up(kind: str, table: Mapping[str, str], name: str) -> Any:
    """What ``name`` stands for in ``table``, or the attribute of a module, where it reads ``module:attribute``.

    ``kind`` is what the table holds, for messages ("search strategy"). A module of the user's own may lie in the
    working directory. Raises SettingError for a name that is not there, listing near ones, and for a module that cannot
    be imported or has no such attribute.
    """
    return _loaded(kind, name if is_own(name) else entry(kind, table, name))


def entry(kind: str, table: Mapping[str, Entry], name: str) -> Entry:
    """The entry of any table. Raises SettingError, listing near names or all of a few, for one that is not there."""
    if not isinstance(name, str) or name not in table:
        near = list(table) if len(table) <= SHORT else _near(str(name), table) or list(table)
        raise SettingError(f"no such {kind}", found=name, expected=" or ".join(near))
    return table[name]


def _near(name: str, table: Mapping[str, Entry]) -> list[str]:
    """Names that begin with what was written, then names that look like it."""
    begun = [each for each in table if name and each.startswith(name)]
    return list(dict.fromkeys([*begun, *get_close_matches(name, table)]))


def is_own(name: str) -> bool:
    """Whether a name is ``module:attribute`` and so needs no table."""
    return isinstance(name, str) and ":" in name


def _loaded(kind: str, target: str) -> Any:
    module, _, attribute = target.partition(":")
    try:
        found = _imported(module)
    except Exception as error:  # whatever a module of the user's own raises
        what = f"no {kind} can be imported from {module or 'a module without a name'}"
        raise SettingError(what, found=f"{type(error).__name__}: {error}", expected="module:Class") from error
    if not hasattr(found, attribute):
        raise SettingError(f"the module {module} has no such {kind}", found=attribute)
    return getattr(found, attribute)


def _imported(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        # An installed command does not look into the working directory, where a user's own module mostly is.
        if error.name != module.partition(".")[0] or os.getcwd() in sys.path:
            raise
    sys.path.append(os.getcwd())  # for good: what was imported may travel to worker processes
    return import_module(module)
