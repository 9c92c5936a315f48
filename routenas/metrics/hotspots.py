"""Hotspots, tile by tile: pooled, by design and by placement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from numpy.typing import ArrayLike

from routenas.metrics.ranking import ScoreCounts, StreamingRanking
from routenas.metrics.values import mean_defined


@dataclass(frozen=True)
class HotspotMetrics:
    """Hotspot metrics at native tiles. ``design_mean_*`` average designs (tiles pooled within a design);
    ``placement_mean_roc_auc`` averages placements. ``*_skipped`` hold one class only and are in no mean."""

    roc_auc: float | None
    average_precision: float | None
    base_rate: float | None
    design_mean_roc_auc: float | None
    design_mean_average_precision: float | None
    placement_mean_roc_auc: float | None
    tiles: int
    placements: int
    placements_skipped: int
    designs: int
    designs_skipped: int
    by_design: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps(..., allow_nan=False)`` accepts."""
        return asdict(self)


def ranking_by_design(samples: Iterable[tuple[str, ArrayLike, ArrayLike]]) -> dict[str, ScoreCounts]:
    """Pools ``(design, label map, score map)`` within each design: what the bootstrap of pooled metrics needs."""
    rankings: dict[str, StreamingRanking] = {}
    for design, labels, scores in samples:
        rankings.setdefault(design, StreamingRanking()).add(labels, scores)
    return {design: ranking.counts() for design, ranking in rankings.items()}


def hotspot_metrics(samples: Iterable[tuple[str, ArrayLike, ArrayLike]]) -> HotspotMetrics:
    """Metrics of ``(design, label map (h, w) of 0 and 1, score map (h, w))``; maps may differ in size; streams."""
    rankings: dict[str, StreamingRanking] = {}
    placements: list[float | None] = []
    for design, labels, scores in samples:
        part = rankings.setdefault(design, StreamingRanking()).add(labels, scores)
        placements.append(part.roc_auc())
    designs = {design: ranking.counts() for design, ranking in rankings.items()}
    pooled = ScoreCounts.merge(list(designs.values()))
    positives, tiles = int(pooled.positives.sum()), int((pooled.positives + pooled.negatives).sum())
    by_design = {
        design: {"roc_auc": counts.roc_auc(), "average_precision": counts.average_precision()}
        for design, counts in sorted(designs.items())
    }
    return HotspotMetrics(
        roc_auc=pooled.roc_auc(),
        average_precision=pooled.average_precision(),
        base_rate=positives / tiles if tiles else None,
        design_mean_roc_auc=mean_defined(values["roc_auc"] for values in by_design.values()),
        design_mean_average_precision=mean_defined(values["average_precision"] for values in by_design.values()),
        placement_mean_roc_auc=mean_defined(placements),
        tiles=tiles,
        placements=len(placements),
        placements_skipped=sum(value is None for value in placements),
        designs=len(designs),
        designs_skipped=sum(values["roc_auc"] is None for values in by_design.values()),
        by_design=by_design,
    )
