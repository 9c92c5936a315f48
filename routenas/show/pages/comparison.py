"""The page of a comparison: the regions of two scores side by side, and what got better and worse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool

from routenas.show.pages import die
from routenas.show.pages.frame import BLUE, GREY, ORANGE, Markup, number, page, paragraph, place, section, table, tiles

_COLOURS = {"appeared": ORANGE, "grew": ORANGE, "same": GREY, "shrank": BLUE, "vanished": BLUE}
_SHOWN = ("violated_nets", "expected_hotspot_tiles", "hotspot_tiles", "hotspot_regions", "hotspot_max")


def comparison_page(changes: Mapping[str, Any], scores: Sequence[Mapping[str, Any]]) -> str:
    """HTML of what `routenas.flow.comparing.compare` found between two scores in their JSON form."""
    totals, regions = changes["totals"], changes["regions"]
    first = [
        (name.replace("_", " "), Markup(f"{number(one['after'])} <small>{_verdict(one).html}</small>"))
        for name, one in totals.items() if name in _SHOWN
    ]  # fmt: skip
    rows = [
        [name.replace("_", " "), number(one["before"]), number(one["after"]), f"{one['change']:+.4g}", _verdict(one)]
        for name, one in totals.items()
    ]  # fmt: skip
    extent, panes = _panes(regions, scores)
    parts = [
        tiles(first),
        section("Regions on the die", _legend(), _beside(panes)),
        _regions(changes),
        section("All numbers, of which less is better", table(["", "before", "after", "change", ""], rows)),
    ]  # fmt: skip
    subtitle = f"from {changes['before']} to {changes['after']}"
    return page(f"{changes['design']}: what changed", subtitle, parts, panes, extent=extent.tolist(), layers={})


def _verdict(one: Mapping[str, Any]) -> Markup:
    sign = {"better": "&#9660; better", "worse": "&#9650; worse"}.get(one["verdict"], "= same")
    return Markup(f'<span class="{escape(one["verdict"])}">{sign}</span>')


def _panes(
    regions: Sequence[Mapping[str, Any]], scores: Sequence[Mapping[str, Any]]
) -> tuple[die.Boxes, dict[str, Any]]:
    """The corners of both dies, and a pane a score: its regions, by the numbers of the table."""
    boxes = [np.array([one[side]["box_um"] for side in ("before", "after") if one[side]]) for one in regions]
    hulls = np.array([[*box[:, :2].min(axis=0), *box[:, 2:].max(axis=0)] for box in boxes]).reshape(-1, 4)
    known = [np.array(one.get("die_um") or _around(hulls), dtype=np.float64) for one in scores]
    extent = _around(np.array(known))
    shared = die.shared_sources(hulls)
    panes: dict[str, Any] = {}
    for name, side, own in zip(("left", "right"), ("before", "after"), known, strict=True):
        made = die.pane(name, extent, panes.get("left"), f"{side}: predicted regions of hotspots")
        x0, y0, x1, y1 = own
        made.patch([x0, x1, x1, x0], [y0, y0, y1, y1], fill_color=None, line_color=GREY, line_width=1.2)
        shown = [index for index, one in enumerate(regions) if one[side]]
        told = np.array([regions[index][side]["box_um"] for index in shown]).reshape(-1, 4)
        source = ColumnDataSource({
            **{edge: told[:, place_].tolist() for place_, edge in enumerate(die.SIDES)},
            "number": [str(index + 1) for index in shown],
            "colour": [_COLOURS[regions[index]["change"]] for index in shown],
            "score": [regions[index][side]["score"] for index in shown],
            "tiles": [regions[index][side]["tiles"] for index in shown],
            "change": [regions[index]["change"] for index in shown],
        })  # fmt: skip
        drawn = made.quad(
            source=source, **die.QUAD, fill_color="colour", fill_alpha="score", line_color="colour", line_width=2
        )
        made.text(
            x="left", y="top", text="number", source=source, text_color="white", text_font_size="11px",
            text_font_style="bold", text_baseline="bottom", background_fill_color="colour", padding=2, y_offset=-2,
        )  # fmt: skip
        die.add_mark(made, shared, line_color="#f0a30a")
        tips = [("region", "@number, @change"), ("mean probability", "@score{0.000}"), ("tiles", "@tiles")]
        made.add_tools(HoverTool(renderers=[drawn], tooltips=tips))
        panes[name] = made
    return extent, panes


def _around(boxes: die.Boxes) -> die.Boxes:
    """A box around others, and something where there are none."""
    return np.array([*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)]) if len(boxes) else np.array([0.0, 0, 1, 1])


def _legend() -> Markup:
    words = ((ORANGE, "appeared or grew"), (BLUE, "shrank or vanished"), (GREY, "the same"))
    marks = "".join(f'<span><i style="background:{colour}"></i>{text}</span>' for colour, text in words)
    return Markup(f'<p class="legend">{marks}<span>the fuller, the higher the mean probability</span></p>')


def _beside(panes: Mapping[str, Any]) -> Markup:
    inside = "".join(f"<div>{place(name).html}</div>" for name in panes)
    return Markup(
        f'<div class="bar"><button type="button" id="whole">whole die</button></div><div class="panes">{inside}</div>'
    )


def _regions(changes: Mapping[str, Any]) -> Markup:
    regions = changes["regions"]
    if not regions:
        return section("Regions", paragraph("Neither score has a region of hotspots."))
    counts = ", ".join(f"{count} {change}" for change, count in changes["region_changes"].items() if count)
    rows = []
    for index, one in enumerate(regions, 1):
        before, after = one["before"] or {}, one["after"] or {}
        box = "{:.1f}\u00a0{:.1f}\u00a0{:.1f}\u00a0{:.1f}".format(*(after or before)["box_um"])
        rows.append([
            index, one["change"], box, number(before.get("tiles")), number(after.get("tiles")),
            number(before.get("score")), number(after.get("score")),
        ])  # fmt: skip
    header = ["region", "change", "box (µm)", "tiles before", "after", "mean prob. before", "after"]
    parts = [paragraph(f"{counts}. Click a row to see the region on the die."), table(header, rows, marks="region")]
    if not changes["complete"]:
        parts.append(paragraph(
            "The scores list their worst regions alone: one that vanished or appeared may be further down.", "note"
        ))  # fmt: skip
    return section("Regions", *parts)
