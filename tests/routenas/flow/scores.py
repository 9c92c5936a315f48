"""Made-up scores in their JSON form."""

from __future__ import annotations

from typing import Any


def region(x0: float, y0: float, x1: float, y1: float, tiles: int, score: float = 0.5) -> dict[str, Any]:
    return {"box_um": [x0, y0, x1, y1], "tiles": tiles, "score": score, "max": score, "cells": 1, "pins": 1}


def made_up(*regions: dict[str, Any], nets: float | None = None, expected: float | None = 10.0, **changes: Any) -> Any:
    """A score with so many expected violated tiles and nets, and these regions of all that there are."""
    hotspots = {
        "threshold": 0.3, "tiles": sum(one["tiles"] for one in regions), "area_frac": 0.01, "max": 0.5, "mean": 0.1,
        "regions": len(regions), "expected_tiles": expected,
    }  # fmt: skip
    return {
        "schema": "routenas.score/1", "design": "gcd", "tile_um": 1.4, "nets": 100, "key": "0",
        "models": [{"task": "hotspots", "sha256": "a"}], "regions": list(regions), "warnings": [],
        "hotspots": None if expected is None else hotspots,
        "violated_nets": None if nets is None else {"predicted": nets, "ratio": nets / 100}, **changes,
    }  # fmt: skip
