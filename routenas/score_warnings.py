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
from placement_data.technology import technology
from routenas.tasks.card import Card

WARNINGS: Mapping[str, str] = {
    "duplicate": "a row, via, region, group, layer, site or macro of the same name came before; the first counts",
    "ignored": "text behind END DESIGN",
    "unknown-word": "a statement or option that LEF and DEF 5.3 to 5.8 do not have there",
    "unknown-component": "a group or blockage names a component that COMPONENTS lacks",
    "unknown-pin": "a special net names a pin that its component's macro, or PINS, lacks",
    "unknown-net": "a pin of PINS belongs to a net that neither NETS nor SPECIALNETS has",
    "unknown-site": "a row's or macro's site is in no LEF",
    "unknown-layer": "tracks, a pin, obstruction, blockage, via or special wire name a layer that is in no LEF",
    "unknown-via": "a pin, obstruction or special net names a via that nothing defines",
    "no-rows": "the layout has no rows",
    "no-tracks": "the layout has no tracks",
    "no-ports": "the layout has no pins of its own",
    "no-power-grid": "the layout has no special nets",
    "unplaced-ports": "pins of the layout are not placed",
    "no-pin-shapes": "the LEF says nothing of where pins of components are",
    "outside-die": "components that are PLACED lie wholly outside the die",
    "no-units": "Bookshelf has no unit of length: one unit counts as one micron",
    "liberty-not-known": "Liberty is used, and the model does not say whether it was in training",
    "other-tile": "tiles of another size than in training",
    "other-technology": "a technology that training had not",
    "routing-layers": "other routing layers than in training",
    "out-of-range": "more than 1 % of the tiles are outside the range of a channel in training",
}
"""Every code that a warning of a score may have, and what it means. Codes are never given another meaning."""


def score_warnings(
    design: Design,
    grid: Grid,
    features: Mapping[str, NDArray[np.float32]],
    cards: Sequence[Card],
    *,
    liberty: bool = False,
    routing_layers: str = "",
) -> Iterator[tuple[str, str]]:
    """Code, of :data:`WARNINGS`, and text of each; ``features`` are those of each card, by its name.

    ``liberty`` is whether Liberty told the registers, ``routing_layers`` are those that signals may use.
    """
    yield from ((one.code, str(one)) for one in (*counted(design.findings), *gaps(design)))
    unsure = [card.name for card in cards if card.liberty is None and LIBERTY_CHANNELS.intersection(card.channels)]
    if liberty and unsure:
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
        if routing_layers not in card.routing_layers:
            used, known = _named(routing_layers), " and ".join(map(_named, card.routing_layers))
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
