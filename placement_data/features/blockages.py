"""Blockages of placement: what BLOCKAGES take from the room for cells."""

from __future__ import annotations

import numpy as np

from placement_data.features.layout import Layout, Map, Mask


def placement_blockage_density(layout: Layout) -> Map:
    """Area of hard placement blockages over the tile's area; unit 1. Above 1 where they overlap. Ours."""
    blockages = layout.design.blockages
    return _density(layout, ~blockages.soft & np.isnan(blockages.max_density))


def soft_blockage_density(layout: Layout) -> Map:
    """Area of soft placement blockages (open to the optimiser's cells only) over the tile's area; unit 1. Ours."""
    blockages = layout.design.blockages
    return _density(layout, blockages.soft & np.isnan(blockages.max_density))


def partial_blockage_density(layout: Layout) -> Map:
    """Area of partial placement blockages times the share that they block (1 - maximum density) over the tile's area;
    unit 1. Ours."""
    return _density(layout, ~np.isnan(layout.design.blockages.max_density))


def _density(layout: Layout, chosen: Mask) -> Map:
    blockages = layout.design.blockages
    rows = np.flatnonzero(np.array([not layer for layer in blockages.layer], dtype=bool) & chosen)
    share = 1.0 - np.clip(np.nan_to_num(blockages.max_density[rows], nan=0.0), 0.0, 1.0)
    return layout.grid.per_area(layout.grid.box_area(blockages.box[rows], share))
