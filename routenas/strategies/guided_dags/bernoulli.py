"""Independent logits trained by REINFORCE."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routenas.results import Result
from routenas.strategies.base import Values, value_of
from routenas.strategies.guided_dags.walk import WalkStrategy
from searchspaces.dags import GuideDag
from searchspaces.space import Genotype, Space

BOUND = 3.0
WARM_UP = 5


class BernoulliReinforce(WalkStrategy):
    """REINFORCE (Williams 1992) on one logit for each edge and each option.

    Unlike in the published rule, edges do not compete for a softmax, so graphs may grow dense. A step is the learning
    rate times the advantage (against the last 50 results, standardised) times the gradient of the log-probability of
    what was drawn: (kept - p) for an edge, (one-hot - p) for options. Logits stay within +-3.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        learning_rate: float = 0.2,
        initial_logit: float = -0.8,
        initial: Sequence[Genotype] = (),
    ) -> None:
        if learning_rate <= 0:
            raise ValueError(f"a learning rate is positive, not {learning_rate}")
        super().__init__(space, seed, edge=initial_logit, option=0.0, initial=initial)
        self.learning_rate = learning_rate

    def edge_probabilities(self, dag: GuideDag) -> np.ndarray:
        """See `WalkStrategy`."""
        return _sigmoid(self._dag_numbers(dag))

    def _learn(self, values: Values, result: Result) -> None:
        if len(self._results) < WARM_UP:
            return
        step = self.learning_rate * self._advantage(value_of(result))
        decisions = self.decisions(values)
        for edges, drawn in ((decisions.kept, 1.0), (decisions.dropped, 0.0)):
            for edge in edges:
                self._move(edge, step * (drawn - _sigmoid(self.numbers[edge])))
        for choice, option in decisions.options:
            p = self.option_probabilities(choice)
            self._move(choice, step * (np.eye(len(p))[option] - p))

    def _move(self, choice: int, step: np.ndarray) -> None:
        self.numbers[choice] = np.clip(self.numbers[choice] + step, -BOUND, BOUND)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-logits)))
