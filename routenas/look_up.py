"""Stub until STRAT lands."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from placement_data.errors import InputError


def look_up(kind: str, table: Mapping[str, str], name: str) -> Any:
    """The object behind a name."""
    target = table.get(name, name)
    module, colon, attribute = target.partition(":")
    if not colon:
        near = get_close_matches(name, table) or sorted(table)
        raise InputError(f"no such {kind}", found=name, expected=" or ".join(near))
    return getattr(import_module(module), attribute)
