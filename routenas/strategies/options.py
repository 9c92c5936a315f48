"""What a user sets of a strategy by name and value, held against the annotations of its constructor."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from placement_data.errors import SettingError

_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", NoneType: "null"}


def check_options(what: str, make: Callable[..., object], chosen: Mapping[str, Any]) -> None:
    """Raise SettingError for a value of another kind than the constructor of ``what`` says.

    An option without annotation is left to the constructor. So are values that are not JSON's, which only a Python
    program can give.
    """
    init = make.__init__ if isinstance(make, type) else make  # type: ignore[misc]
    try:
        hints = get_type_hints(init)
    except NameError:  # names that are imported for the checker of types alone
        return
    for option, value in chosen.items():
        wanted = hints.get(option, Any)
        if isinstance(value, int | float | str | list | dict | None) and not _fits(value, wanted):
            raise SettingError(f"the option {option} of {what} must be {_described(wanted)}", found=value)


def _fits(value: Any, wanted: Any) -> bool:
    kind, inner = get_origin(wanted) or wanted, get_args(wanted)
    if kind in (Union, UnionType):
        return any(_fits(value, each) for each in inner)
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    if kind in _WORDS:
        return type(value) is kind
    if kind is tuple:
        return isinstance(value, list) and len(value) == len(inner) and all(map(_fits, value, inner))
    if kind is Sequence:
        return isinstance(value, list) and all(_fits(each, inner[0]) for each in value)
    if kind is Mapping:
        return isinstance(value, dict)
    return kind is Any


def _described(wanted: Any) -> str:
    kind, inner = get_origin(wanted) or wanted, get_args(wanted)
    if kind in (Union, UnionType):
        return " or ".join(_described(each) for each in inner)
    if kind in (tuple, Sequence):
        return f"a list of {_described(inner[0]).removeprefix('a ')}s" if inner[0] in _WORDS else "set in Python"
    return _WORDS.get(kind, "a table of options" if kind is Mapping else "set in Python")
