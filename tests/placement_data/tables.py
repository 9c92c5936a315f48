"""A ``Design`` as text, so that two of them can be compared and a difference can be seen."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def listing(value: Any, path: str = "design") -> str:
    """Every table, one line per column; the paths of the files, and so findings, are left out."""
    lines = []
    for field in fields(value):
        if field.name in ("sources", "findings"):
            continue
        column = getattr(value, field.name)
        name = f"{path}.{field.name}"
        if is_dataclass(column):
            lines.append(listing(column, name))
        elif isinstance(column, np.ndarray):
            lines.append(f"{name} {column.dtype} {column.shape} {column.tolist()}")
        else:
            lines.append(f"{name} {column!r}")
    return "\n".join(lines)
