"""``Plan``: what a score says of a layout, as far as a placement tool may be told of it. Every emitter writes one.

Caps are worked in here, once for all emitters: at most so many regions, at most so much of the die, nothing on macros,
nothing off the die. Boxes are whole database units.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement_data.design import Design
from placement_data.errors import InputError
from routenas.flow.exports.ground import Box, Ground, area_of, site_width, white_space
from routenas.version import __version__

SCHEMA = "routenas.score/1"
LEAST_DENSITY = 10
"""Least density in per cent that a blockage leaves: below it is a hole in the placement, not a relief."""


@dataclass(frozen=True)
class Emitted:
    """A file for a tool, and the one that takes it back: "" where the tool has no way to."""

    text: str
    undo: str = ""


@dataclass(frozen=True)
class HotRegion:
    """One region of a score. ``name`` is its own in all layouts; ``box`` (x0, y0, x1, y1) is as scored.

    ``parts`` are what is left of the box on the die, without macros and worse regions, as boxes that do not overlap:
    none where the region is beyond a cap. ``cells`` are rows of the movable standard cells of which some lies in parts,
    each in its worst region only; ``cover`` is the share of the parts that standard cells take now.
    ``cause`` is the family of channels that drives it most, "" where the score names none.
    """

    name: str
    box: Box
    score: float
    worst: float
    tiles: int
    parts: tuple[Box, ...]
    cells: NDArray[np.int64]
    cover: float
    cause: str = ""

    def density(self, stated: float | None, step: int = 1) -> int:
        """Density in whole per cent that cells may have in the parts: as ``stated``, else a tenth less than they have.

        Rounded down to a multiple of ``step``; where it is not stated it is from `LEAST_DENSITY` to 90.
        """
        wanted = max(LEAST_DENSITY, 90.0 * min(self.cover, 1.0)) if stated is None else stated
        return step * int(wanted // step)


@dataclass(frozen=True)
class Plan:
    """The worst regions of a score, the worst first, in the layout that was scored, and where all this is from.

    ``prefix`` begins every name that is given in a tool; ``provenance`` are lines for the head of a file. ``threshold``
    and ``hottest`` are the probability of a hotspot and the largest one of the score, ``tile_um`` its tile in microns.
    """

    design: Design
    regions: tuple[HotRegion, ...]
    prefix: str
    provenance: tuple[str, ...]
    threshold: float | None = None
    hottest: float | None = None
    tile_um: float | None = None
    routing_layers: str = ""

    @property
    def areas(self) -> tuple[HotRegion, ...]:
        """The regions that a tool may be told to change."""
        return tuple(region for region in self.regions if region.parts)

    def um(self, box: Box) -> tuple[str, str, str, str]:
        """The corners of a box in microns, exact."""
        x0, y0, x1, y1 = (micron_text(edge, self.design.dbu_per_micron) for edge in box)
        return x0, y0, x1, y1

    def padded(self, sites: int, added_area: float) -> list[tuple[HotRegion, list[str]]]:
        """Names of the cells to pad by so many sites on both sides, by region, the worst first.

        The area that this adds is at most the share ``added_area`` of the white space. Raises ``InputError`` where no
        row tells the width of a site.
        """
        site = site_width(self.design)
        height = self.design.cells.box[:, 3] - self.design.cells.box[:, 1]
        room = added_area * white_space(self.design)
        found = []
        for region in self.areas:
            added = np.cumsum(2 * sites * site * height[region.cells])
            cells = region.cells[added <= room]
            room -= float(added[len(cells) - 1]) if len(cells) else 0.0
            found.append((region, [str(name) for name in self.design.cells.name[cells]]))
        return [(region, names) for region, names in found if names]

    @classmethod
    def of(cls, score: Mapping[str, Any], design: Design, max_regions: int = 20, max_area: float = 0.2) -> Plan:
        """The plan of a score's JSON value and the layout that was scored.

        ``max_regions`` caps their number and ``max_area`` the area of their parts together, as a share of the die's:
        the next region that would be too much keeps no parts. Raises ``InputError`` for a value that is no score.
        """
        boxes, found = _regions(score)
        prefix = f"routenas_{_digest(score)[:8]}"
        scale = design.dbu_per_micron
        ground = Ground.of(design)
        room = max_area * ground.area
        taken: set[int] = set()
        regions: list[HotRegion] = []
        for number, (box_um, one) in enumerate(zip(boxes, found, strict=True), start=1):
            if number > max_regions:
                break
            x0, y0, x1, y1 = (round(edge * scale) for edge in box_um)
            box = (x0, y0, x1, y1)
            parts = ground.parts(box, [part for region in regions for part in region.parts])
            area = area_of(parts)
            if area > room:
                parts, area = (), 0
            room -= area
            cells, share = ground.cells(parts)
            new = cells[~np.isin(cells, list(taken))]
            taken.update(new.tolist())
            values = float(one["score"]), float(one["max"]), int(one["tiles"])
            regions.append(HotRegion(f"{prefix}_{number}", box, *values, parts, new, share, _cause(one)))
        plain = sum(bool(region.parts) for region in regions)
        caps = f"at most {max_regions} regions and {max_area:g} of the die's area"
        lines = (*_provenance(score), f"regions: {plain} acted on, of {len(boxes)} in the score ({caps})")
        hotspots, layers = score["hotspots"], str(score.get("routing_layers") or "")
        hottest, tile = hotspots.get("max"), score.get("tile_um")
        return cls(design, tuple(regions), prefix, lines, hotspots.get("threshold"), hottest, tile, layers)


def micron_text(length: int, dbu_per_micron: int) -> str:
    """Database units as microns: as short as it can be said with six decimals, which are exact for all usual units."""
    return f"{length / dbu_per_micron:.6f}".rstrip("0").rstrip(".")


def _regions(score: Mapping[str, Any]) -> tuple[list[list[float]], list[Mapping[str, Any]]]:
    """Boxes (x0, y0, x1, y1), microns, and the regions they are of. Raises ``InputError``."""
    if not isinstance(score, Mapping) or score.get("schema") != SCHEMA:
        found = score.get("schema") if isinstance(score, Mapping) else type(score).__name__
        raise InputError("this is no score", found=str(found), expected=f"the schema {SCHEMA}")
    if score.get("hotspots") is None:
        raise InputError("the score has no hotspots", expected="one that was made with a hotspot model")
    try:
        found = list(score["regions"])
        boxes = [[float(edge) for edge in one["box_um"]] for one in found]
        _ = [_cause(one) for one in found]
        numbers = [float(one[name]) for one in found for name in ("score", "max", "tiles")]
        _provenance(score)
        sound = all(len(box) == 4 and box[0] < box[2] and box[1] < box[3] for box in boxes)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            "the score is broken", found=str(error), expected="what 'routenas score --json' writes"
        ) from None
    if not sound or not np.isfinite(numbers + [edge for box in boxes for edge in box]).all():
        raise InputError(
            "the score's regions are broken", expected="finite numbers, and boxes with x0 < x1 and y0 < y1"
        )
    return boxes, found


def _cause(region: Mapping[str, Any]) -> str:
    """The family of channels that drives a region most; "" for none, as of a score from before they were told."""
    return next((str(cause["family"]) for cause in region.get("causes", ()) if float(cause["effect"]) > 0), "")


def _digest(score: Mapping[str, Any]) -> str:
    """Of what a score says, without the seconds that it took."""
    return hashlib.sha256(json.dumps({**score, "timing": None}, sort_keys=True).encode()).hexdigest()


def _provenance(score: Mapping[str, Any]) -> tuple[str, ...]:
    """Lines that say what made a file: versions, models, inputs."""
    models = [{name: value for name, value in model.items() if name != "test_metrics"} for model in score["models"]]
    return (
        f"Written by routenas {__version__} from a score of routenas {score['routenas']}, sha256 {_digest(score)}",
        f"design: {score['design']}",
        *([f"versions: {json.dumps(score['versions'], sort_keys=True)}"] if "versions" in score else []),
        *(f"model: {json.dumps(model, sort_keys=True)}" for model in models),
        *(f"input: {name} sha256 {digest}" for name, digest in score["inputs"].items()),
    )
