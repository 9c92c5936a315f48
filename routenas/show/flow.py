"""What the terminal shows of scores in a flow: the order of candidates, what changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from routenas.show.tables import text_table
from routenas.show.text import SHOWN_REGIONS

_SHOWN = ("violated_nets", "expected_hotspot_tiles", "hotspot_tiles", "hotspot_regions", "hotspot_max")


def rank_table(ranking: Mapping[str, Any]) -> str:
    """What ``routenas rank`` shows: a row a candidate, best first."""
    names = list(dict.fromkeys((ranking["by"], *_SHOWN)))
    candidates = ranking["candidates"]
    names = [name for name in names if any(one[name] is not None for one in candidates)]
    rows = [[str(one["rank"]), one["name"], *(_number(one[name]) for name in names)] for one in candidates]
    table = text_table(["rank", "placement", *names], rows)
    return f"{ranking['design']}: {len(rows)} placements by {ranking['by']}, least predicted harm first\n{table}"


def changes_table(changes: Mapping[str, Any]) -> str:
    """What ``routenas compare`` shows: the totals, then regions that are not as they were."""
    rows = [
        [name, _number(one["before"]), _number(one["after"]), f"{one['change']:+.4g}", one["verdict"]]
        for name, one in changes["totals"].items()
    ]
    lines = [
        f"{changes['design']}: from {changes['before']} to {changes['after']}",
        text_table(["", "before", "after", "change", ""], rows),
        "regions: " + ", ".join(f"{count} {change}" for change, count in changes["region_changes"].items()),
    ]
    moved = [one for one in changes["regions"] if one["change"] != "same"]
    if moved:
        shown = [_region_row(one) for one in moved[:SHOWN_REGIONS]]
        lines.append(text_table(["region", "box (um)", "tiles before", "after", "score before", "after"], shown))
    if len(moved) > SHOWN_REGIONS:
        lines.append(f"(+{len(moved) - SHOWN_REGIONS} more regions; see --json)")
    if not changes["complete"]:
        lines.append("the scores list their worst regions alone: one that vanished or appeared may be further down")
    return "\n".join(lines)


def repair_table(repaired: Mapping[str, Any]) -> str:
    """What ``routenas repair`` shows: the predicted effect, what it cost, the moves."""
    wires, far, cells = repaired["wirelength_um"], repaired["displacement_um"], repaired["cells"]
    numbers = {name: one for name, one in repaired["predicted"].items() if name in _SHOWN}
    numbers["wirelength (um)"] = wires
    changes = [
        [name, _number(one["before"]), _number(one["after"]), f"{one['after'] - one['before']:+.4g}"]
        for name, one in numbers.items()
    ]
    moves = [[kind, str(one["tried"]), str(one["kept"])] for kind, one in repaired["moves"].items()]
    lines = [
        f"{repaired['design']}: {cells['moved']} of {cells['movable']} movable cells moved"
        + (f", by {far['mean']:.2f} um on average and {far['max']:.2f} um at most" if cells["moved"] else ""),
        text_table(["predicted, not routed", "before", "after", ""], changes),
        text_table(["moves", "tried", "kept"], moves),
    ]
    if not cells["moved"]:
        lines.append("nothing helped: the layout is as it was")
    return "\n".join(lines)


def _region_row(one: Mapping[str, Any]) -> list[str]:
    before, after = one["before"], one["after"]
    box = "{:.1f} {:.1f} {:.1f} {:.1f}".format(*(after or before)["box_um"])
    tiles = ["-" if side is None else str(side["tiles"]) for side in (before, after)]
    scores = ["-" if side is None else f"{side['score']:.3f}" for side in (before, after)]
    return [one["change"], box, *tiles, *scores]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
