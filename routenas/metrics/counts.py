"""Violated nets: how well predicted counts rank the placements of each design."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from routenas.metrics.correlation import kendall_tau_b, spearman, top_k_rank, top_k_regret, weighted_tau
from routenas.metrics.values import mean_defined, pair

MIN_PLACEMENTS = 3
"""A design needs this many placements before its own rank correlation counts in a mean over designs."""


@dataclass(frozen=True)
class CountMetrics:
    """Rank metrics of violated nets. ``tau`` holds the tau-b of every design (None where not defined);
    ``design_mean_tau`` averages the ``designs_counted`` that have MIN_PLACEMENTS placements and a defined tau;
    ``weighted_tau`` is of all pairs of placements of one design, see `routenas.metrics.correlation.weighted_tau`.
    ``top_k_regret[k]`` averages designs that have MIN_PLACEMENTS placements and more than k of them."""

    design_mean_tau: float | None
    weighted_tau: float | None
    pooled_tau: float | None
    pooled_spearman: float | None
    top_k_regret: Mapping[int, float | None]
    top_k_rank: Mapping[int, float | None]
    placements: int
    designs: int
    designs_counted: int
    tau: Mapping[str, float | None] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A dictionary that ``json.dumps(..., allow_nan=False)`` accepts, with string keys: it reads back equal."""
        top_k = {name: {str(k): v for k, v in getattr(self, name).items()} for name in ("top_k_regret", "top_k_rank")}
        return asdict(self) | top_k


def count_metrics(design: Sequence[str], truth: ArrayLike, predicted: ArrayLike) -> CountMetrics:
    """Metrics of n placements: the name of each one's ``design``, its true and its predicted count (or ratio), (n,)."""
    true, guess = pair(truth, predicted)
    names = np.asarray(design, dtype=np.str_)
    if names.shape != true.shape:
        raise ValueError(f"{names.size} designs but {true.size} true values")
    rows = {str(name): np.flatnonzero(names == name) for name in np.unique(names)}
    tau = {name: kendall_tau_b(true[row], guess[row]) for name, row in rows.items()}
    enough = {name: row for name, row in rows.items() if row.size >= MIN_PLACEMENTS}
    counted = [value for name, value in tau.items() if name in enough and value is not None]
    rest = {k: [row for row in enough.values() if row.size > k] for k in (1, 3)}
    return CountMetrics(
        design_mean_tau=mean_defined(counted),
        weighted_tau=weighted_tau(names, true, guess),
        pooled_tau=kendall_tau_b(true, guess),
        pooled_spearman=spearman(true, guess),
        top_k_regret={k: mean_defined(top_k_regret(true[r], guess[r], k) for r in some) for k, some in rest.items()},
        top_k_rank={k: mean_defined(top_k_rank(true[r], guess[r], k) for r in some) for k, some in rest.items()},
        placements=true.size,
        designs=len(rows),
        designs_counted=len(counted),
        tau=tau,
    )
