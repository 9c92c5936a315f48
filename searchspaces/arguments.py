"""Objects that tell the arguments of their constructor, and are made from them again."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any, TypeVar

Made = TypeVar("Made")


def arguments_of(item: object) -> dict[str, Any]:
    """The arguments of an object's constructor, each read from the attribute of its name, as JSON values.

    Raises ValueError where one is not kept or is no JSON value.
    """
    kind = type(item).__name__
    found = {}
    for name in names(type(item)):
        if not hasattr(item, name):
            raise ValueError(f"{kind} must keep its argument {name} as self.{name}, or have a config of its own")
        found[name] = getattr(item, name)
    try:
        result: dict[str, Any] = json.loads(json.dumps(found, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{kind} has no config: an argument is no JSON value ({error})") from None
    return result


def made(kind: type[Made], arguments: Mapping[str, Any]) -> Made:
    """The object of a class and the arguments of its constructor. Raises ValueError where these do not fit."""
    try:
        inspect.signature(kind).bind(**arguments)
    except TypeError as error:
        raise ValueError(f"{kind.__name__} takes {', '.join(names(kind)) or 'no arguments'}: {error}") from None
    return kind(**arguments)


def names(kind: type[object]) -> list[str]:
    """The names of the arguments of a class's constructor."""
    return list(inspect.signature(kind).parameters)
