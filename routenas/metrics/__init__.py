"""Exact ranking metrics of predicted hotspots and violated nets.

A metric that is not defined (one class only, a constant side, fewer than two values) is ``None``, which JSON writes as
``null``; it is never 0 and never NaN. A NaN among the inputs raises ``ValueError``: divergence is not a ranking.
"""

from routenas.metrics.ceiling import ceiling_count, ceiling_scores, share_of_way
from routenas.metrics.correlation import kendall_tau_b, spearman, top_k_rank, top_k_regret, weighted_tau
from routenas.metrics.counts import CountMetrics, count_metrics
from routenas.metrics.hotspots import HotspotMetrics, hotspot_metrics, ranking_by_design
from routenas.metrics.ranking import ScoreCounts, StreamingRanking, average_precision, roc_auc

__all__ = [
    "CountMetrics", "HotspotMetrics", "ScoreCounts", "StreamingRanking", "average_precision", "ceiling_count",
    "ceiling_scores", "count_metrics", "hotspot_metrics", "kendall_tau_b", "ranking_by_design", "roc_auc",
    "share_of_way", "spearman", "top_k_rank", "top_k_regret", "weighted_tau",
]  # fmt: skip
