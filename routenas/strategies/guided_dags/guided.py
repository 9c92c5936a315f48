"""The rule of RouteNAS with a standardised advantage: the default strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from routenas.results import Result
from routenas.strategies.base import Values, at_first, value_of
from routenas.strategies.guided_dags.paper import PaperRule
from searchspaces.dags import GuideDag
from searchspaces.space import Genotype, Space


class GuidedRule(PaperRule):
    """The walk and the multiplicative update of `PaperRule`, with three changes that let it learn.

    The metric is measured against the mean and standard deviation of the last 50 results, so that good architectures
    gain as much as bad ones lose; the first ``warm_up`` architectures are random samples of the space and change no
    weight; no edge and no option falls below the probability ``floor``.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        alpha: float = 0.1,
        bounds: tuple[float, float] = (0.05, 8.0),
        warm_up: int = 10,
        floor: float = 0.02,
        initial: Sequence[Genotype] = (),
    ) -> None:
        if not 0 <= floor <= 0.5 or warm_up < 0:
            raise ValueError(f"the guided rule needs 0 <= floor <= 0.5 and warm_up >= 0, not {floor} and {warm_up}")
        super().__init__(space, seed, alpha=alpha, bounds=bounds, initial=initial)
        self.warm_up = warm_up
        self.floor = floor

    @classmethod
    def suited(cls, trials: int, in_flight: int, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """See `AskTell.suited`: at most a third of the trials are random."""
        return {"warm_up": at_first(10, trials, in_flight)}

    def edge_probabilities(self, dag: GuideDag) -> np.ndarray:
        """See `WalkStrategy`."""
        return np.asarray(np.maximum(super().edge_probabilities(dag), self.floor))

    def option_probabilities(self, choice: int) -> np.ndarray:
        """See `WalkStrategy`."""
        p = super().option_probabilities(choice)
        floor = min(self.floor, 1.0 / len(p))
        return np.asarray(floor + (1.0 - floor * len(p)) * p)

    def _propose(self) -> Values:
        return self.space.sample_values(self._rng) if len(self._results) < self.warm_up else super()._propose()

    def _learn(self, values: Values, result: Result) -> None:
        if len(self._results) >= max(self.warm_up, 2):
            self._multiply(values, self.alpha * self._advantage(value_of(result)))
