"""The numbers of a score by name: what gates test, ``rank`` orders by, ``compare`` sets side by side.

They are read from the JSON form (``Score.to_dict``), so that a file of yesterday serves as well as a score of now.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from placement_data.errors import InputError
from placement_data.text import load_text
from routenas.bundle import ModelMismatchError
from routenas.scoring import SCHEMA

VALUES: Mapping[str, tuple[str, str]] = {
    "hotspot_area_fraction": ("hotspots.area_frac", "share of the die's area in hotspot tiles"),
    "hotspot_tiles": ("hotspots.tiles", "tiles at or above the model's threshold"),
    "expected_hotspot_tiles": ("hotspots.expected_tiles", "sum of the probabilities of all tiles"),
    "hotspot_regions": ("hotspots.regions", "connected regions of hotspot tiles, listed or not"),
    "hotspot_max": ("hotspots.max", "probability of the worst tile"),
    "hotspot_mean": ("hotspots.mean", "mean probability of all tiles"),
    "hotspot_mean_top_0p5pct": ("hotspots.mean_top_0p5pct", "mean probability of the worst 0.5 % of tiles"),
    "hotspot_mean_top_1pct": ("hotspots.mean_top_1pct", "of the worst 1 %"),
    "hotspot_mean_top_2pct": ("hotspots.mean_top_2pct", "of the worst 2 %"),
    "hotspot_mean_top_5pct": ("hotspots.mean_top_5pct", "of the worst 5 %"),
    "violated_nets": ("violated_nets.predicted", "predicted number of nets with a violation"),
    "violated_net_fraction": ("violated_nets.ratio", "its ratio to all signal nets"),
    "warnings": ("warnings", "number of warnings"),
}
"""Where each number stands in the JSON, and what it is. Of all of them less is better."""

HARM = ("violated_nets", "expected_hotspot_tiles", "hotspot_mean")
"""The predicted harm of a placement: the first of these that the models answer."""


def values_of(score: Mapping[str, Any]) -> dict[str, float | None]:
    """Each named number of a score's JSON form, None for what no model answered."""
    return {name: _at(score, path) for name, (path, _) in VALUES.items()}


def _at(score: Mapping[str, Any], path: str) -> float | None:
    found: Any = score
    for name in path.split("."):
        found = None if found is None else found.get(name)
    return len(found) if isinstance(found, list) else found


def read_score(path: Path) -> dict[str, Any]:
    """A score from its JSON file. Raises :class:`InputError` for a file that is none, or that is damaged."""
    try:
        value = json.loads(load_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError("not JSON", file=path, found=str(error)) from None
    schema = value.get("schema") if isinstance(value, dict) else None
    if schema != SCHEMA:
        raise InputError("not a score", file=path, found=schema, expected=f"the schema {SCHEMA}")
    try:
        _check(value)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise InputError("the score is incomplete or damaged", file=path, found=found) from None
    return dict(value)


def _check(value: Mapping[str, Any]) -> None:
    """Raise what it is that a score cannot be used for."""
    numbers = [number for number in values_of(value).values() if number is not None]
    for region in value["regions"]:
        numbers += [*map(float, region["box_um"]), region["score"], region["tiles"]]
        x0, y0, x1, y1 = region["box_um"]
        if x0 >= x1 or y0 >= y1:
            raise ValueError(f"a region of no area, {region['box_um']}")
    numbers.append(value["tile_um"])
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise ValueError("a number is none")
    for text in (value["design"], *(model["task"] for model in value["models"])):
        if not isinstance(text, str):
            raise TypeError("a name is none")


def require_comparable(scores: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse scores, by what a person calls them, that say nothing about each other.

    Raises :class:`InputError` for other designs and :class:`ModelMismatchError` for other models or tiles.
    """
    (first, one), *others = scores.items()
    for name, other in others:
        if other["design"] != one["design"]:
            raise InputError(
                f"{name}: another design than that of {first}", found=other["design"], expected=f"'{one['design']}'"
            )
        if other["tile_um"] != one["tile_um"]:
            sizes = f"{other['tile_um']:g} um, not {one['tile_um']:g} um"
            raise ModelMismatchError(f"{name}: tiles of {sizes} as {first}, expected scores of one tile size")
        if _models(other) != _models(one):
            raise ModelMismatchError(f"{name}: scored by other models than {first}, expected scores by the same models")


def _models(score: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return sorted((model["task"], str(model.get("sha256"))) for model in score["models"])
