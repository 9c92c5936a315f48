"""Regularised evolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routenas.results import Result
from routenas.strategies.base import AskTell, Values, at_first, value_of
from searchspaces.space import Genotype, Space


class RegularisedEvolution(AskTell):
    """Regularised evolution (Real et al., AAAI 2019, arXiv 1802.01548): the oldest dies, not the worst.

    Random samples until the population is full; then the best of a random tournament has a child, which differs from
    it by ``mutations`` changed choices.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        population: int = 40,
        tournament: int = 8,
        mutations: int = 2,
        initial: Sequence[Genotype] = (),
    ) -> None:
        if not 1 <= tournament <= population or mutations < 1:
            raise ValueError(
                "evolution needs 1 <= tournament <= population and mutations >= 1, "
                f"not tournament {tournament}, population {population}, mutations {mutations}"
            )
        super().__init__(space, seed, initial=initial)
        self.population = population
        self.tournament = tournament
        self.mutations = mutations
        self._living: list[tuple[Values, float]] = []  # oldest first

    @classmethod
    def suited(cls, trials: int, in_flight: int, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """See `AskTell.suited`: at most a third of the trials are random."""
        population = chosen.get("population", at_first(30 if trials >= 100 else 10, trials, in_flight))
        return {"population": population, "tournament": max(1, round(population / 3))}

    def _propose(self) -> Values:
        if len(self._living) < self.population:
            return self.space.sample_values(self._rng)
        rivals = self._rng.choice(len(self._living), size=self.tournament, replace=False)
        parent, _ = max((self._living[i] for i in rivals), key=lambda living: living[1])
        child = Genotype(self.space.name, parent)
        for _ in range(self.mutations):
            child = self.space.mutate(child, self._rng)
        return child.values

    def _learn(self, values: Values, result: Result) -> None:
        self._living = [*self._living, (values, value_of(result))][-self.population :]

    def state_dict(self) -> dict[str, Any]:
        """See `Strategy.state_dict`."""
        return super().state_dict() | {"living": [[list(values), result] for values, result in self._living]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Strategy.load_state_dict`."""
        super().load_state_dict(state)
        self._living = [(tuple(values), float(result)) for values, result in state["living"]]
