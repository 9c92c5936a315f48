"""Charts that are no map: channels against the training, calibration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, HoverTool, PanTool, ResetTool, WheelZoomTool
from bokeh.plotting import figure
from numpy.typing import NDArray

from routenas.show.pages.frame import BLUE, GREY, ORANGE, Markup, number, paragraph, place, section
from routenas.tasks.card import Card

_ROW = 17
"""Pixels that a channel has in height."""
_FAR = 6.0
"""Deviations from the mean at which the axis ends: what is further is drawn at its end."""


def plain_figure(name: str, **options: Any) -> Any:
    """A figure with the tools of all charts."""
    made = figure(name=name, sizing_mode="stretch_width", tools="box_zoom,save", border_fill_color=None, **options)
    made.add_tools(PanTool(), WheelZoomTool(), ResetTool())
    made.toolbar.logo = None
    return made


def against_training(card: Card, channels: NDArray[np.float32]) -> Any:
    """Channels (channels, tiles) of a layout beside the statistics of the tiles that ``card`` tells of, a row each."""
    normal = card.normalisation.apply(channels[:, None])[:, 0]
    ends = np.array([card.normalisation.low, card.normalisation.high], dtype=np.float32).T
    low, high = card.normalisation.apply(ends[:, None])[:, 0].T
    share = card.normalisation.outside(channels)
    quantiles = np.quantile(normal, (0.05, 0.25, 0.5, 0.75, 0.95), axis=1)
    names = list(card.channels)
    columns = {
        name: np.clip(values, -_FAR, _FAR).astype(np.float32)
        for name, values in zip(("low", "high", "q5", "q25", "q50", "q75", "q95"), (low, high, *quantiles), strict=True)
    }
    source = ColumnDataSource({
        **columns, "channel": names, "share": (100 * share).tolist(),
        "colour": [ORANGE if part > 0.01 else BLUE for part in share.tolist()],
        "median": np.median(channels, axis=1).astype(np.float32), "least": ends[:, 0], "most": ends[:, 1],
    })  # fmt: skip
    made = plain_figure(
        "training", y_range=names[::-1], height=_ROW * len(names) + 70, x_range=(-_FAR - 0.2, _FAR + 0.2),
        x_axis_label="standard deviations from the training mean",
    )  # fmt: skip
    made.ygrid.visible = False
    made.hbar(y="channel", left="low", right="high", height=0.75, color=GREY, alpha=0.25, source=source)
    made.segment(x0="q5", x1="q95", y0="channel", y1="channel", line_width=2, color="colour", source=source)
    bars = made.hbar(y="channel", left="q25", right="q75", height=0.5, color="colour", alpha=0.75, source=source)
    made.scatter(x="q50", y="channel", size=7, fill_color="white", line_color="colour", line_width=2, source=source)
    tips = [
        ("channel", "@channel"), ("median here", "@median{0.[000]}"),
        ("range in training", "@least{0.[000]} to @most{0.[000]}"), ("tiles outside", "@share{0.0} %"),
    ]  # fmt: skip
    made.add_tools(HoverTool(renderers=[bars, made.renderers[0]], tooltips=tips))
    return made


def calibration(task: str, metrics: Mapping[str, Any], figures: dict[str, Any]) -> Markup:
    """How far the probabilities are to be trusted: the reliability curve of the model, where it was recorded.

    ``metrics`` are those of a bundle. The curve goes into ``figures``.
    """
    part = next((name for name in ("test", "out_of_fold", "search") if "brier" in metrics.get(name, {})), None)
    if part is None:
        return Markup("")
    found = metrics[part]
    where = {"test": "the test split", "out_of_fold": "placements out of fold", "search": "the search split"}[part]
    text = (
        f"On {where}: expected calibration error {number(found['expected_calibration_error'], 4)}, Brier score "
        f"{number(found['brier'], 4)}, base rate {number(found.get('base_rate'), 4)}."
    )
    bins = found.get("reliability")
    if not bins:
        text += " The model records no reliability curve."
        return section(f"Calibration of {task}", paragraph(text))
    name = f"calibration-{task}"
    figures[name] = _reliability(name, bins)
    lead = " On the diagonal, of the tiles predicted with 0.3, three in ten are violated. Large points are many tiles."
    return section(f"Calibration of {task}", paragraph(text + lead), place(name))


def _reliability(name: str, bins: Mapping[str, list[float]]) -> Any:
    """Share of violated tiles over mean probability, a point a bin, as large as it has tiles (on a log scale)."""
    tiles = np.array(bins["count"], dtype=np.float64)
    source = ColumnDataSource({
        "probability": bins["probability"], "share": bins["share"], "tiles": bins["count"],
        "size": (5 + 3 * np.log10(np.maximum(tiles, 1.0))).tolist(),
    })  # fmt: skip
    made = plain_figure(
        name, height=380, max_width=520, x_range=(0, 1), y_range=(0, 1), x_axis_label="predicted probability",
        y_axis_label="share of tiles that are violated",
    )  # fmt: skip
    made.line([0, 1], [0, 1], line_dash="dashed", color=GREY)
    made.line("probability", "share", color=BLUE, source=source)
    points = made.scatter("probability", "share", size="size", color=BLUE, alpha=0.8, source=source)
    tips = [("predicted", "@probability{0.000}"), ("violated", "@share{0.000}"), ("tiles", "@tiles{0,0}")]
    made.add_tools(HoverTool(renderers=[points], tooltips=tips))
    return made
