"""What makes a score doubtful: what the layout lacks, and where it is not like those that a model was trained on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Design
from placement_data.features import LIBERTY_CHANNELS
from placement_data.findings import counted
from placement_data.gaps import gaps
from placement_data.grid import Grid
from placement_data.making import LayoutFiles
from placement_data.technology import technology
from routenas.tasks.card import Card


def score_warnings(
    design: Design, grid: Grid, features: Mapping[str, NDArray[np.float32]], cards: Sequence[Card], files: LayoutFiles
) -> Iterator[tuple[str, str]]:
    """Code and text of each; ``features`` are those of each card, by its name."""
    yield from ((one.code, str(one)) for one in (*counted(design.findings), *gaps(design)))
    if files.kind == "aux":
        yield "no-units", "Bookshelf has no unit of length and no cell names: one unit counts as one micron"
    unsure = [card.name for card in cards if card.liberty is None and LIBERTY_CHANNELS.intersection(card.channels)]
    if files.liberty and unsure:
        yield "liberty-not-known", f"{', '.join(unsure)}: no word of Liberty in the model; --liberty was used"
    others = sorted({card.tile_um for card in cards} - {grid.tile_um})
    if others:
        sizes = " and ".join(f"{size:g}" for size in others)
        yield "other-tile", f"tiles of {grid.tile_um:g} um, but training was on tiles of {sizes} um"
    here = technology(design)
    for card in cards:
        if here and card.technologies and here not in card.technologies:
            known = "; ".join(card.technologies)
            yield "other-technology", f"{card.name}: the layout is in another technology ({here}), not {known}"
        if files.routing_layers not in card.routing_layers:
            used, known = _named(files.routing_layers), " and ".join(map(_named, card.routing_layers))
            text = f"signals may use {used}, but in training they could use {known}; see --routing-layers"
            yield "routing-layers", f"{card.name}: {text}"
    for card in cards:
        maps = features[card.name]
        share = card.normalisation.outside(maps if grid.outline is None else maps[:, grid.inside])
        far = [f"{name} ({part:.0%} of tiles)" for name, part in zip(card.channels, share, strict=True) if part > 0.01]
        if far:
            yield "out-of-range", f"{card.name}: outside the range seen in training: {', '.join(far)}"


def _named(layers: str) -> str:
    return layers or "all routing layers"
