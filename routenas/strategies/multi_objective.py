"""Quality and cost at once: non-dominated sorting and the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routenas.results import Result, Trial
from routenas.strategies.base import AskTell, Values, at_first, value_of
from searchspaces.space import Genotype, Space

Points = NDArray[np.float64]


class MultiObjective(AskTell):
    """NSGA-II (Deb et al. 2002): parents are chosen by the front that they are on, then by how lonely they are there.

    The objectives are ``Result.value`` (more is better) and the named ``costs`` of `Result.costs` (less is better), by
    default all that results carry. A cost that a result lacks counts as the largest among the members. The best
    ``population`` of all told are the parents; each child is the crossover of two winners of a tournament of two,
    mutated in one choice.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        population: int = 20,
        costs: Sequence[str] | None = None,
        initial: Sequence[Genotype] = (),
    ) -> None:
        if population < 2:
            raise ValueError(f"a population needs two members, not {population}")
        super().__init__(space, seed, initial=initial)
        self.population = population
        self.costs = None if costs is None else tuple(costs)
        self._members: list[tuple[Values, float, dict[str, float]]] = []  # values, value, costs; in order of rank

    @classmethod
    def suited(cls, trials: int, in_flight: int, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """See `AskTell.suited`: at most a third of the trials are random."""
        return {"population": at_first(20, trials, in_flight)}

    def _propose(self) -> Values:
        if len(self._members) < self.population:
            return self.space.sample_values(self._rng)
        parents = []
        for _ in range(2):
            a, b = self._rng.choice(len(self._members), size=2, replace=False).tolist()
            parents.append(Genotype(self.space.name, self._members[min(a, b)][0]))
        child = self.space.crossover(parents[0], parents[1], self._rng)
        return self.space.mutate(child, self._rng).values

    def _learn(self, values: Values, result: Result) -> None:
        canonical = self.space.canonical(Genotype(self.space.name, values)).values
        members = [*self._members, (canonical, value_of(result), dict(result.costs))]
        points = objectives([(value, costs) for _, value, costs in members], self.costs)
        self._members = [members[i] for i in ranking(points)[: self.population]]

    def state_dict(self) -> dict[str, Any]:
        """See `Strategy.state_dict`."""
        return super().state_dict() | {"members": [[list(values), *rest] for values, *rest in self._members]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Strategy.load_state_dict`."""
        super().load_state_dict(state)
        self._members = [(tuple(values), float(value), dict(costs)) for values, value, costs in state["members"]]


def objectives(found: Sequence[tuple[float, Mapping[str, float]]], names: Sequence[str] | None = None) -> Points:
    """(n, 1 + costs) of values and costs, all larger for better; a cost that is not known is the largest that is.

    ``names`` are the costs that count, by default all that there are.
    """
    if names is None:
        names = sorted({name for _, costs in found for name in costs})
    points = np.array([[value, *(-costs.get(name, np.inf) for name in names)] for value, costs in found])
    known = np.isfinite(points)
    least = np.where(known, points, np.inf).min(axis=0)
    return np.where(known, points, np.where(np.isfinite(least), least, 0.0))


def fronts(points: Points) -> NDArray[np.int64]:
    """(n,) number of each point's front: 0 where no point is as good in every column and better in one."""
    as_good = (points[:, None] >= points[None]).all(axis=2)
    dominates = as_good & (points[:, None] > points[None]).any(axis=2)
    front = np.full(len(points), -1, dtype=np.int64)
    number = 0
    while (front < 0).any():
        open_ = front < 0
        front[open_ & ~(dominates & open_[:, None]).any(axis=0)] = number
        number += 1
    return front


def crowding(points: Points) -> Points:
    """(n,) sum over columns of the distance between a point's neighbours, infinite at the ends."""
    distance = np.zeros(len(points))
    for column in points.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        distance[order[[0, -1]]] = np.inf
        if span > 0:
            distance[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distance


def ranking(points: Points) -> NDArray[np.int64]:
    """Rows in order: by front, within a front by crowding, the loneliest first."""
    front = fronts(points)
    lonely = np.zeros(len(points))
    for number in np.unique(front):
        lonely[front == number] = crowding(points[front == number])
    return np.lexsort((-lonely, front))


def pareto_front(trials: Sequence[Trial], costs: Sequence[str] | None = None) -> list[Trial]:
    """The trials that no other one dominates in value and ``costs`` (by default all), the worst value first.

    With one cost that is the cheapest first. Failed trials are left out.
    """
    usable = [trial for trial in trials if not trial.result.failed]
    if not usable:
        return []
    points = objectives([(value_of(trial.result), trial.result.costs) for trial in usable], costs)
    best = [trial for trial, front in zip(usable, fronts(points), strict=True) if front == 0]
    return sorted(best, key=lambda trial: value_of(trial.result))
