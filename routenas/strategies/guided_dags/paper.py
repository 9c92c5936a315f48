"""The search rule of RouteNAS, to the letter."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from routenas.results import Result
from routenas.strategies.base import Values, value_of
from routenas.strategies.guided_dags.walk import WalkStrategy
from searchspaces.dags import GuideDag, softmax_out
from searchspaces.space import Genotype, Space

BEST = 5


class PaperRule(WalkStrategy):
    """RouteNAS (Chang et al., ICCAD 2021, arXiv 2012.01737): each edge's weight starts at 1.

    The walk keeps an edge with the softmax of the weights of all edges out of its tail. After an evaluation with
    metric mu the weight of every selected edge is multiplied by exp(alpha (mu - beta)), beta being the mean of the
    five best metrics before it; the first five evaluations change nothing. Choices that are not edges, which the
    paper has none of, follow the same rule with the softmax over their options. The paper does not give alpha;
    weights are clipped to ``bounds``.

    On smooth toy rewards this rule stays at random search: almost every metric lies below the mean of the five best,
    so weights decay together (see `guided`).
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        alpha: float = 10.0,
        bounds: tuple[float, float] = (1e-3, 20.0),
        initial: Sequence[Genotype] = (),
    ) -> None:
        if alpha <= 0 or not 0 < bounds[0] <= 1 <= bounds[1]:
            raise ValueError(f"the rule needs alpha > 0 and positive bounds about 1, not {alpha} and {bounds}")
        super().__init__(space, seed, edge=1.0, option=1.0, initial=initial)
        self.alpha = alpha
        self.bounds = bounds

    def edge_probabilities(self, dag: GuideDag) -> np.ndarray:
        """See `WalkStrategy`."""
        return softmax_out(dag.vertices, self._dag_numbers(dag))

    def _learn(self, values: Values, result: Result) -> None:
        if len(self._results) >= BEST:
            beta = math.fsum(sorted(self._results)[-BEST:]) / BEST
            self._multiply(values, self.alpha * (value_of(result) - beta))

    def _multiply(self, values: Values, exponent: float) -> None:
        """Multiply the weights of all selected edges and options by exp(exponent), within the bounds."""
        decisions = self.decisions(values)
        factor = math.exp(min(max(exponent, -50.0), 50.0))  # far beyond the bounds, and no overflow
        for choice, option in (*((edge, 0) for edge in decisions.kept), *decisions.options):
            self.numbers[choice][option] = np.clip(self.numbers[choice][option] * factor, *self.bounds)
