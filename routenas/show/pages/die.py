"""The die as a figure: maps as layers to switch, macros, power grid and cells above them, boxes to mark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from bokeh import palettes
from bokeh.models import (
    ColorBar,
    ColumnDataSource,
    CustomJSHover,
    HoverTool,
    LinearColorMapper,
    PanTool,
    Range1d,
    ResetTool,
    TapTool,
    WheelZoomTool,
)
from bokeh.plotting import figure
from numpy.typing import NDArray

from placement_data.design import SUPPLIES, Design
from placement_data.features.layout import cell_outlines
from placement_data.netlist import macro_masters
from routenas.show.maps import coarse
from routenas.show.pages.frame import GREY, Markup, place

Map = NDArray[np.float64]
Boxes = NDArray[np.float64]

MOST_SHAPES = 50_000
"""Cells that a page shows: of more none, since a browser would crawl."""
MOST_WIRES = 10_000
"""Boxes of the power grid that a page shows: the largest."""
MARK = "#00a5e0"
FEW_WIRES = 300
"""Boxes of the power grid that do not hide the map below them: more are drawn when they are asked for."""
SIDES = ("left", "bottom", "right", "top")
QUAD = {side: side for side in SIDES}
_SMALLEST, _LARGEST = 0.6, 2.2


@dataclass(frozen=True)
class Layer:
    """A map (rows, columns) over the die, NaN off it, with its colours from ``low`` to ``high``; ``unit`` is shown."""

    name: str
    values: NDArray[np.float32]
    unit: str
    low: float
    high: float
    palette: str

    @property
    def title(self) -> str:
        """Name and unit."""
        return self.name if self.unit == "1" else f"{self.name} ({self.unit})"

    @classmethod
    def probability(cls, name: str, values: Map, most: int) -> Layer:
        """A map of probabilities, the colours from 0 to 1 always; where it is coarsened, the largest of a block."""
        return cls(name, coarse(values, most, np.nanmax), "0 to 1", 0.0, 1.0, "Inferno256")

    @classmethod
    def plain(cls, name: str, values: NDArray[Any], unit: str, most: int, palette: str = "Cividis256") -> Layer:
        """A map of at least zero, the colours from 0 to its largest; where it is coarsened, the mean of a block."""
        made = coarse(values, most, np.nanmean)
        known = made[np.isfinite(made)]
        low, high = (float(min(0.0, known.min())), float(known.max())) if known.size else (0.0, 0.0)
        return cls(name, made, unit, low, high if high > low else low + 1.0, palette)


def facts(layers: Sequence[Layer], extent: Boxes) -> dict[str, Any]:
    """What ``page.js`` must know: the die (x0, y0, x1, y1 in microns), units and colours of layers by name."""
    used = sorted({layer.palette for layer in layers})
    return {
        "extent": extent.tolist(),
        "layers": {
            layer.name: {
                "title": layer.title,
                "low": layer.low,
                "high": layer.high,
                "palette": layer.palette,
            }
            for layer in layers
        },
        "palettes": {name: list(getattr(palettes, name)) for name in used},
    }


def pane(name: str, die: Boxes, like: figure | None = None, title: str = "") -> figure:
    """A figure of a die (x0, y0, x1, y1 in microns), panned and zoomed together with another one."""
    width, height = die[2:] - die[:2]
    made = figure(
        name=name, title=title, x_axis_label="x (µm)", y_axis_label="y (µm)", sizing_mode="stretch_width",
        aspect_ratio=float(np.clip(width / height, _SMALLEST, _LARGEST)), min_height=220,
        x_range=Range1d(*die[0::2].tolist()) if like is None else like.x_range,
        y_range=Range1d(*die[1::2].tolist()) if like is None else like.y_range, tools="box_zoom,save",
        toolbar_location="below", border_fill_color=None,
    )  # fmt: skip
    wheel = WheelZoomTool()
    made.add_tools(PanTool(), wheel, ResetTool())
    made.toolbar.active_scroll = wheel
    made.toolbar.logo = None
    made.toolbar.autohide = False
    made.grid.visible = False
    return made


def add_map(made: figure, layer: Layer, corner: Sequence[float], tile_um: float, shape: tuple[int, int]) -> Any:
    """Draw a layer over the tiles of a grid of ``shape`` whose lower-left ``corner`` is in microns; its renderer."""
    mapper = LinearColorMapper(
        palette=list(getattr(palettes, layer.palette)), low=layer.low, high=layer.high, nan_color="rgba(0,0,0,0)"
    )
    rows, columns = shape
    data = {
        "image": [layer.values], "x": [corner[0]], "y": [corner[1]], "dw": [columns * tile_um],
        "dh": [rows * tile_um], "layer": [layer.name],  "why": [""],
    }  # fmt: skip
    renderer = made.image(
        image="image", x="x", y="y", dw="dw", dh="dh", color_mapper=mapper, source=ColumnDataSource(data),
        name="map",
    )  # fmt: skip
    made.add_layout(ColorBar(color_mapper=mapper, width=14), "right")
    return renderer


def add_hover(made: figure, renderer: Any, why: CustomJSHover) -> None:
    """Tell, where the pointer is, the place in microns, the value of the layer, and why."""
    tips = [
        ("x, y (µm)", "$x{0.00}, $y{0.00}"),
        ("layer", "@layer"),
        ("value", "@image{0.[0000]}"),
        ("why", "@why{custom}"),
    ]
    made.add_tools(HoverTool(renderers=[renderer], tooltips=tips, formatters={"@why": why}))


def add_boxes(made: figure, boxes: Boxes, name: str, **style: Any) -> Any:
    """Draw boxes (n, 4) in microns."""
    told = {side: boxes[:, index].astype(np.float32) for index, side in enumerate(SIDES)}
    return made.quad(source=ColumnDataSource(told), name=name, **QUAD, **style)


def add_design(made: figure, design: Design) -> list[str]:
    """Draw the die's edge, macros, power grid and cells; what is not all shown, in a sentence each."""
    scale, notes = design.dbu_per_micron, []
    corners = np.asarray(design.die_polygon, dtype=np.float64) / scale
    wires = design.special_wires
    supply = np.isin(design.special_nets.use, [int(use) for use in SUPPLIES])
    metal = wires.box[~wires.via & supply[wires.net]] / scale if len(wires.net) else np.empty((0, 4))
    if len(metal) > MOST_WIRES:
        notes.append(f"Of the power grid the largest {MOST_WIRES:,} of {len(metal):,} boxes are shown.")
        area = (metal[:, 2:] - metal[:, :2]).prod(axis=1)
        metal = metal[np.sort(np.argsort(-area, kind="stable")[:MOST_WIRES])]
    power = add_boxes(made, metal, "power", fill_color="#b9e3c6", fill_alpha=0.35, line_color=None)
    power.visible = len(metal) <= FEW_WIRES
    is_macro = macro_masters(design.masters)[design.cells.master]
    cells, _ = cell_outlines(design, np.flatnonzero(~is_macro))
    if len(cells) > MOST_SHAPES:
        notes.append(f"The {len(cells):,} cells are too many to be drawn.")
        cells = cells[:0]
    add_boxes(
        made, cells / scale, "cells", fill_color=None, line_color="#d6d9de", line_alpha=0.8, line_width=0.6
    ).visible = False
    macros, _ = cell_outlines(design, np.flatnonzero(is_macro))
    add_boxes(
        made, macros / scale, "macros", fill_color=GREY, fill_alpha=0.25, line_color="#f4f4f4", line_width=1.4,
        hatch_pattern="/", hatch_color="#f4f4f4", hatch_alpha=0.35, hatch_scale=18,
    )  # fmt: skip
    made.patch(corners[:, 0], corners[:, 1], fill_color=None, line_color=GREY, line_width=1.2, name="edge")
    return notes


def add_regions(made: figure, shared: Mapping[str, ColumnDataSource], color: str = MARK) -> None:
    """Draw the boxes of `shared_sources` by their number, and the mark that a click in the table moves."""
    drawn = made.quad(
        source=shared["regions"], name="regions", **QUAD, fill_color=color, fill_alpha=0.0, line_color=color,
        line_width=1.5, nonselection_fill_alpha=0.0, nonselection_line_alpha=1.0,
    )  # fmt: skip
    made.text(
        x="left", y="top", text="number", source=shared["regions"], name="regions", text_color="#001018",
        text_font_size="11px", text_baseline="bottom", background_fill_color=color, padding=2,
        text_font_style="bold", nonselection_text_alpha=1.0, y_offset=-2,
    )  # fmt: skip
    tap = TapTool(renderers=[drawn])
    made.add_tools(tap)
    made.toolbar.active_tap = tap
    add_mark(made, shared, "#ffffff")


def add_mark(made: figure, shared: Mapping[str, ColumnDataSource], line_color: str) -> None:
    """Draw the mark of `shared_sources`, which a click in the table moves."""
    made.quad(source=shared["mark"], name="mark", **QUAD, fill_color=None, line_color=line_color, line_width=4)
    made.tags = list(shared.values())


def shared_sources(boxes: Boxes, layers: Sequence[Layer] = ()) -> dict[str, ColumnDataSource]:
    """What all panes share: the boxes to be marked, with their numbers, the mark, and all maps by name."""
    columns = {side: boxes[:, index].tolist() for index, side in enumerate(SIDES)}
    return {
        "regions": ColumnDataSource({**columns, "number": [str(i + 1) for i in range(len(boxes))]}, name="regions"),
        "mark": ColumnDataSource({side: [] for side in SIDES}, name="mark"),
        "layers": ColumnDataSource({layer.name: [layer.values] for layer in layers}, name="layers"),
    }


def controls(layers: Sequence[Layer], panes: Mapping[str, figure]) -> Markup:
    """The panes with a choice of the layer above each, and switches of what is drawn above it."""
    first = next(iter(panes.values()))
    on = {each.name: " checked" if each.visible else "" for each in first.renderers}
    shown = {"macros": "macros", "power": "power grid", "cells": "cells", "regions": "regions"}
    boxes = "".join(
        f'<label><input type="checkbox" data-show="{name}"{on[name]}> {text}</label>' for name, text in shown.items()
    )
    parts = []
    for name, made in panes.items():
        options = "".join(
            f"<option{' selected' if layer.title == made.title.text else ''}>{escape(layer.name)}</option>"
            for layer in layers
        )
        parts.append(f'<div><select data-pane="{name}" aria-label="layer">{options}</select>{place(name).html}</div>')
    bar = f'<div class="bar">{boxes}<button type="button" id="whole">whole die</button></div>'
    return Markup(f'{bar}<div class="panes">{"".join(parts)}</div>')


def why_hook(which: NDArray[np.int16], texts: Sequence[str], corner: Sequence[float], tile_um: float) -> CustomJSHover:
    """What the pointer is told of why: of each tile (rows, columns) one of the texts."""
    rows, columns = which.shape
    code = f"""
        const column = Math.floor((special_vars.x - {corner[0]}) / {tile_um})
        const row = Math.floor((special_vars.y - {corner[1]}) / {tile_um})
        const inside = row >= 0 && column >= 0 && row < {rows} && column < {columns}
        return inside ? texts[source.data.which[0][row * {columns} + column]] : "-"
    """
    source = ColumnDataSource({"which": [which]})
    return CustomJSHover(args={"source": source, "texts": list(texts)}, code=code)
