"""What got better and what worse between two scores of one design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from routenas.flow.values import VALUES, require_comparable, values_of
from routenas.version import __version__

SCHEMA = "routenas.compare/1"
Change = Literal["appeared", "grew", "same", "shrank", "vanished"]
CHANGES: tuple[Change, ...] = ("appeared", "grew", "same", "shrank", "vanished")


def compare(before: Mapping[str, Any], after: Mapping[str, Any], names: tuple[str, str]) -> dict[str, Any]:
    """JSON-ready: each number of :data:`routenas.flow.values.VALUES` before, after and its change, and the regions.

    ``before`` and ``after`` are JSON forms of scores, ``names`` what a person calls them. Regions of the two are one
    where their boxes overlap, those with the largest overlap first; such a one ``grew`` or ``shrank`` by its tiles.
    ``complete`` says whether both scores list all of their regions. Raises as
    :func:`routenas.flow.values.require_comparable`.
    """
    require_comparable(dict(zip(names, (before, after), strict=True)))
    old, new = values_of(before), values_of(after)
    totals = {}
    for name in VALUES:
        was, now = old[name], new[name]
        if was is not None and now is not None:
            verdict = "same" if now == was else "worse" if now > was else "better"
            totals[name] = {"before": was, "after": now, "change": now - was, "verdict": verdict}
    regions = _regions(before["regions"], after["regions"])
    return {
        "schema": SCHEMA,
        "routenas": __version__,
        "design": before["design"],
        "before": names[0],
        "after": names[1],
        "totals": totals,
        "regions": regions,
        "region_changes": {change: sum(each["change"] == change for each in regions) for change in CHANGES},
        "complete": all(
            score.get("hotspots") is None or len(score["regions"]) == values["hotspot_regions"]
            for score, values in ((before, old), (after, new))
        ),
    }  # fmt: skip


def _regions(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What became of each region; those that appeared and grew first, the largest change of them first."""
    pairs = _pairs(_boxes(before), _boxes(after))
    changes = [_changed(before[old], after[new]) for old, new in pairs]
    changes += [_changed(before[old], None) for old in sorted(set(range(len(before))) - {old for old, _ in pairs})]
    changes += [_changed(None, after[new]) for new in sorted(set(range(len(after))) - {new for _, new in pairs})]
    return sorted(changes, key=lambda each: (CHANGES.index(each["change"]), -abs(each["tiles_change"])))


def _changed(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> dict[str, Any]:
    was, now = 0 if old is None else old["tiles"], 0 if new is None else new["tiles"]
    change: Change = "same" if was == now else "grew" if now > was else "shrank"
    if old is None or new is None:
        change = "appeared" if old is None else "vanished"
    kept = ("box_um", "tiles", "score", "max")
    sides = {"before": old, "after": new}
    told = {name: side and {key: side[key] for key in kept} for name, side in sides.items()}
    return {"change": change, "tiles_change": now - was, **told}


def _boxes(regions: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    return np.array([region["box_um"] for region in regions], dtype=np.float64).reshape(-1, 4)


def _pairs(a: NDArray[np.float64], b: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Rows of boxes (n, 4) and (m, 4) that overlap, each row once, the largest overlap first."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    area = np.clip(high - low, 0, None).prod(axis=2)
    pairs: list[tuple[int, int]] = []
    left, right = set(range(len(a))), set(range(len(b)))
    for place in np.argsort(-area, axis=None, kind="stable").tolist():
        row, column = divmod(place, len(b))
        if area[row, column] <= 0:
            break
        if row in left and column in right:
            pairs.append((row, column))
            left.remove(row)
            right.remove(column)
    return pairs
