"""Strategies that sample guide-DAGs by walking them, with one number for each edge and for each option."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from routenas.strategies.base import AskTell, Values
from searchspaces.dags import GuideDag, all_edges, walk
from searchspaces.space import Genotype, Space

WINDOW = 50


@dataclass(frozen=True)
class Decisions:
    """The draws that an architecture came from, as choice indices.

    ``kept`` and ``dropped`` are edges out of reached vertices; ``options`` are (choice, option) of the categorical
    choices that have an effect. All other values were never drawn and earn neither credit nor blame.
    """

    kept: tuple[int, ...]
    dropped: tuple[int, ...]
    options: tuple[tuple[int, int], ...]


class WalkStrategy(AskTell):
    """Base: edges are drawn in a walk from vertex 0, other choices independently; operations only where reached.

    Of a sub-space the walk keeps the fixed edges and drops the excluded ones; other fixed choices are not drawn.
    ``numbers`` holds for every choice one number (an edge) or one number an option (any other choice).
    """

    def __init__(self, space: Space, seed: int, *, edge: float, option: float, initial: Sequence[Genotype]) -> None:
        super().__init__(space, seed, initial=initial)
        self._edges = {dag.first_edge + i for dag in space.dags for i in range(len(all_edges(dag.vertices)))}
        self._operations = {
            dag.first_operation + i
            for dag in space.dags
            if dag.first_operation is not None
            for i in range(dag.vertices)
        }
        self.numbers = [
            np.full(1, edge) if i in self._edges else np.full(choice.count, option)
            for i, choice in enumerate(space.choices)
        ]
        self._fixed = dict(space.fixed)
        self._log_prior = [np.log(np.maximum(choice.probabilities, 1e-9)) for choice in space.choices]

    @abstractmethod
    def edge_probabilities(self, dag: GuideDag) -> np.ndarray:
        """Probability that the walk keeps each edge of the DAG, in the order of `all_edges`."""

    def option_probabilities(self, choice: int) -> np.ndarray:
        """Probability of each option of a categorical choice: softmax of its numbers plus its log prior."""
        exponents = self.numbers[choice] + self._log_prior[choice]
        exps = np.exp(exponents - exponents.max())
        return np.asarray(exps / exps.sum())

    def decisions(self, values: Values) -> Decisions:
        """The draws behind the values of a genotype."""
        kept: list[int] = []
        dropped: list[int] = []
        categorical = [i for i in range(len(values)) if i not in self._edges and i not in self._operations]
        for dag in self.space.dags:
            edges = dag.kept(values)
            reached = {0} | {v for _, v in edges}
            for i, (u, v) in enumerate(all_edges(dag.vertices), dag.first_edge):
                if u in reached:
                    (kept if (u, v) in edges else dropped).append(i)
            if dag.first_operation is not None:
                categorical += [dag.first_operation + v - 1 for v in sorted(reached) if v]
        return Decisions(tuple(kept), tuple(dropped), tuple((i, values[i]) for i in categorical))

    def _propose(self) -> Values:
        values = [0] * len(self.space.choices)
        for i in range(len(values)):
            if i in self._fixed:
                values[i] = self._fixed[i]
            elif i not in self._edges:
                p = self.option_probabilities(i)
                values[i] = int(self._rng.choice(len(p), p=p))
        for dag in self.space.dags:
            keep = np.array(self.edge_probabilities(dag))
            for i in range(dag.first_edge, dag.first_edge + len(keep)):
                if i in self._fixed:
                    keep[i - dag.first_edge] = float(self._fixed[i])
            edges = walk(dag.vertices, keep, self._rng)
            for i, edge in enumerate(all_edges(dag.vertices), dag.first_edge):
                values[i] = int(edge in edges)
        return tuple(values)

    def _dag_numbers(self, dag: GuideDag) -> np.ndarray:
        count = len(all_edges(dag.vertices))
        return np.concatenate(self.numbers[dag.first_edge : dag.first_edge + count])

    def _advantage(self, result: float) -> float:
        """The result against the mean and standard deviation of the last 50, clipped to +-3."""
        last = np.asarray(self._results[-WINDOW:])
        spread = float(last.std())
        return float(np.clip((result - last.mean()) / spread, -3.0, 3.0)) if spread > 0 else 0.0

    def state_dict(self) -> dict[str, Any]:
        """See `Strategy.state_dict`."""
        return super().state_dict() | {"numbers": [numbers.tolist() for numbers in self.numbers]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Strategy.load_state_dict`."""
        super().load_state_dict(state)
        self.numbers = [np.asarray(numbers, float) for numbers in state["numbers"]]
