"""The page of a score: the die and its layers, the worst regions, and how like the training the layout is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement_data.design import LibertyCells
from placement_data.features import UNITS, feature_maps
from routenas.predictor import Predictor
from routenas.scoring import Score, Scorer
from routenas.show.pages import die
from routenas.show.pages.charts import against_training, calibration
from routenas.show.pages.die import Layer
from routenas.show.pages.frame import Markup, number, page, paragraph, place, section, table, tiles

PREDICTION, UNCERTAINTY = "predicted probability of a DRC hotspot", "uncertainty of the prediction"
MOST_TILES = 500_000
"""Of a map of answers; a larger one is coarsened."""
MOST_VALUES = 1_500_000
"""Of all channels together; larger ones are coarsened."""
Features = NDArray[np.float32]


def score_page(score: Score, scorer: Scorer, liberty: LibertyCells | None = None) -> str:
    """HTML of a score that ``scorer`` gave; ``liberty`` are the cells that it was given, if any.

    The channels are made anew, which takes as long as they did in scoring.
    """
    value, told = score.to_dict(), scorer.predictors[0]
    channels = _channels(score, told, liberty)
    layers, notes = _layers(score, told, channels)
    panes, more = _panes(score, layers, value["regions"], _why(told, channels, score, value["regions"]))
    figures = {**panes, "training": against_training(told.read, channels[:, score.grid.inside])}
    parts = [
        _numbers(value),
        *(paragraph(f"{each['code']}: {each['text']}", "warning") for each in value["warnings"]),
        section("Die", die.controls(layers, panes), *(paragraph(note, "note") for note in (*notes, *more))),
        _regions(value),
        section("Channels against training", paragraph(_TRAINING), place("training")),
        *(calibration(each.card.name, each.bundle.metrics, figures) for each in scorer.predictors),
        _provenance(value),
    ]
    rows, columns = score.grid.shape
    facts = die.facts(layers, np.asarray(score.design.die) / score.design.dbu_per_micron)
    subtitle = (
        f"{len(score.design.cells.name):,} cells, {score.net_count:,} nets, {columns} x {rows} tiles of "
        f"{score.grid.tile_um:g} µm"
    )
    return page(f"{score.design.name}: predicted routability", subtitle, parts, figures, **facts)


_TRAINING = (
    "What the model reads, in standard deviations from the mean over the tiles that it was trained on (of logarithms, "
    "as the network sees them). Bar: the middle half of this layout's tiles; line: 5 % to 95 %; dot: median. Grey: the "
    "range of the training. Orange: more than 1 % of the tiles are outside of it."
)


def _channels(score: Score, told: Predictor, liberty: LibertyCells | None) -> Features:
    """Raw maps (channels, rows, columns) of the channels that a model reads, in its order."""
    wanted, used = told.channel_set, told.read.channels
    maps = feature_maps(
        score.design, score.grid, wanted, liberty=None if told.card.liberty is False else liberty,
        routing_layers=score.routing_layers, used=used,
    )  # fmt: skip
    return maps[[wanted.channels.index(name) for name in used]]


def _layers(score: Score, told: Predictor, channels: Features) -> tuple[list[Layer], list[str]]:
    """The layers to switch between, the answers first, and what a reader must know of them."""
    found = []
    if score.probability is not None:
        found.append(Layer.probability(PREDICTION, score.probability, MOST_TILES))
    if score.uncertainty is not None:
        found.append(Layer.plain(UNCERTAINTY, score.uncertainty, "std. dev.", MOST_TILES, "Viridis256"))
    most = max(1, MOST_VALUES // len(channels))
    for name, values in zip(told.read.channels, channels, strict=True):
        found.append(Layer.plain(name, np.where(score.grid.inside, values, np.nan), UNITS[name], most))
    notes = []
    if score.grid.inside.size > MOST_TILES:
        notes.append("Predictions are shown in blocks of tiles, the largest of each.")
    if score.grid.inside.size > most:
        notes.append("Channels are shown in blocks of tiles, the mean of each.")
    return found, notes


def _why(
    told: Predictor, channels: Features, score: Score, regions: Sequence[Mapping[str, Any]]
) -> tuple[NDArray[np.int16], list[str]]:
    """Of each tile (rows, columns) which of the texts says why: its region's causes, else what stands out there."""
    normal = told.read.normalisation.apply(channels)
    which = np.where(normal.max(axis=0) > 1.0, normal.argmax(axis=0) + 1, 0).astype(np.int16)
    texts = ["no channel stands out", *(f"much {name}" for name in told.read.channels)]
    x, y = (edges[:-1] / score.design.dbu_per_micron + 1e-6 for edges in (score.grid.x_edges, score.grid.y_edges))
    for index in reversed(range(len(regions))):  # the worst is drawn last
        x0, y0, x1, y1 = regions[index]["box_um"]
        which[np.ix_((y >= y0) & (y < y1), (x >= x0) & (x < x1))] = len(texts)
        texts.append(f"region {index + 1}: {causes(regions[index])}")
    return which, texts


def causes(region: Mapping[str, Any]) -> str:
    """What drives a region, largest first, for people."""
    found = region.get("causes") or ()
    told = [f"{one['family'].replace('_', ' ')} {one['effect']:+.2f}" for one in found[:3]]
    return ", ".join(told or region.get("dominant_features", ())) or "no channel stands out"


def _panes(
    score: Score, layers: Sequence[Layer], regions: Sequence[Mapping[str, Any]],
    why: tuple[NDArray[np.int16], list[str]],
) -> tuple[dict[str, Any], list[str]]:  # fmt: skip
    """Two panes of one range and one mark, on the first layer and on what the worst region asks for, and notes."""
    scale = score.design.dbu_per_micron
    names = [layer.name for layer in layers]
    wanted = [name for region in regions[:1] for name in region.get("dominant_features", ())]
    beside = next(name for name in (*wanted, *names[1:], *names) if name in names)
    boxes = np.array([region["box_um"] for region in regions], dtype=np.float64).reshape(-1, 4)
    x, y = (edge / scale for edge in score.grid.origin)
    shared, hook = die.shared_sources(boxes, layers), die.why_hook(*why, (x, y), score.grid.tile_um)
    figures: dict[str, Any] = {}
    notes: list[str] = []
    for pane, layer in (("left", layers[0]), ("right", layers[names.index(beside)])):
        made = die.pane(pane, np.asarray(score.design.die) / scale, figures.get("left"), layer.title)
        renderer = die.add_map(made, layer, (x, y), score.grid.tile_um, score.grid.shape)
        notes = die.add_design(made, score.design)
        die.add_regions(made, shared)
        die.add_hover(made, renderer, hook)
        figures[pane] = made
    return figures, notes


def _numbers(value: Mapping[str, Any]) -> Markup:
    """What a reader looks for first."""
    told: list[tuple[str, object]] = []
    hot, nets = value["hotspots"], value["violated_nets"]
    if hot is not None:
        told += [
            ("hotspot tiles", f"{hot['tiles']:,}"),
            ("of the die", f"{100 * hot['area_frac']:.1f} %"),
            ("violated tiles expected", number(hot["expected_tiles"], 1)),
            ("worst tile", number(hot["max"])),
            ("hotspot threshold", number(hot["threshold"])),
            ("regions", f"{hot['regions']:,}"),
        ]
    if nets is not None:
        told += [("violated nets", number(nets["predicted"], 1)), ("of all nets", f"{100 * nets['ratio']:.1f} %")]
    return tiles(told)


def _regions(value: Mapping[str, Any]) -> Markup:
    """The table of regions: a click marks one on the die."""
    regions, hot = value["regions"], value["hotspots"]
    if hot is None:
        return section("Regions", paragraph("No model of hotspots was asked: there is no map of predictions."))
    if not regions:
        return section("Regions", paragraph(
            f"No tile reaches the probability {hot['threshold']:.3f}: there is no region of hotspots to look at."
        ))  # fmt: skip
    unsure = any(region.get("uncertainty") is not None for region in regions)
    accused = any(region.get("accused") for region in regions)
    header = [
        "region", "box (µm)", "mean prob.", "worst", *(["uncertainty"] if unsure else []), "tiles", "cells", "pins",
        "nets", "causes", *(["accused cells"] if accused else []),
    ]  # fmt: skip
    rows = [
        [
            index, "{:.1f}\u00a0{:.1f}\u00a0{:.1f}\u00a0{:.1f}".format(*region["box_um"]), number(region["score"]),
            number(region["max"]), *([number(region.get("uncertainty"))] if unsure else []),
            *(number(region[name]) for name in ("tiles", "cells", "pins", "nets_crossing")), causes(region),
            *([_accused(region)] if accused else []),
        ]
        for index, region in enumerate(regions, 1)
    ]  # fmt: skip
    more = hot["regions"] - len(regions)
    notes = [paragraph(f"{more:,} more regions are not listed (see --top).", "note")] if more > 0 else []
    lead = paragraph("Click a row to see the region on the die, once more to see the whole die.")
    return section("Regions, worst first", lead, table(header, rows, marks="region"), *notes)


def _accused(region: Mapping[str, Any]) -> str:
    cells = (region.get("accused") or {}).get("cells", ())
    names = [str(cell["name"]) for cell in cells]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _provenance(value: Mapping[str, Any]) -> Markup:
    """What the answer depends on."""
    models = [
        [model["task"], model["architecture"].get("name", model["architecture"].get("hash", "")), model["members"],
         model["label_kind"], model["channel_version"], model["sha256"]]
        for model in value["models"]
    ]  # fmt: skip
    heads = ["model", "architecture", "members", "label", "channels", "SHA-256"]
    inputs = [[name, digest] for name, digest in value["inputs"].items()]
    return section(
        "Where this comes from",
        table(heads, models),
        *([table(["input", "SHA-256"], inputs)] if inputs else []),
        table(["version", ""], list(value["versions"].items())),
    )
