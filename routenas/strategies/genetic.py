"""A genetic algorithm with generations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routenas.results import Result
from routenas.strategies.base import AskTell, Values, at_first, value_of
from searchspaces.space import Genotype, Space


class GeneticSearch(AskTell):
    """Generations of mutants and crossovers of the best so far, as SPOS and RLNAS search their supernets.

    The first ``population`` genotypes are random. Then the best ``parents`` of all told have children: of each
    ``population`` asked the first ``mutants`` are mutations of a random parent, the others crossovers of two. A mutant
    changes every choice with ``mutation_probability``, at least one. (Guo et al., ECCV 2020, arXiv 1904.00420.)
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        population: int = 20,
        parents: int = 6,
        mutants: int = 14,
        mutation_probability: float = 0.1,
        initial: Sequence[Genotype] = (),
    ) -> None:
        if not 2 <= parents <= population or not 0 <= mutants <= population or not 0 <= mutation_probability <= 1:
            raise ValueError(
                "the genetic search needs 2 <= parents <= population, 0 <= mutants <= population and a probability, "
                f"not parents {parents}, population {population}, mutants {mutants}, {mutation_probability}"
            )
        super().__init__(space, seed, initial=initial)
        self.population, self.parents, self.mutants = population, parents, mutants
        self.mutation_probability = mutation_probability
        self._best: list[tuple[float, Values]] = []  # of all told, best first
        self._children = 0

    @classmethod
    def suited(cls, trials: int, in_flight: int, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """See `AskTell.suited`: at most a third of the trials are random."""
        population = chosen.get("population", at_first(20, trials, in_flight))
        parents = max(min(3, population), round(0.3 * population))
        return {"population": population, "parents": parents, "mutants": round(0.7 * population)}

    def _propose(self) -> Values:
        if len(self._results) < self.population or len(self._best) < 2:
            return self.space.sample_values(self._rng)
        place = self._children % self.population
        self._children += 1
        first, second = (
            Genotype(self.space.name, self._best[i][1])
            for i in self._rng.choice(len(self._best), size=2, replace=False).tolist()
        )
        if place >= self.mutants:
            return self.space.crossover(first, second, self._rng).values
        changes = max(1, int(self._rng.binomial(len(self.space.choices), self.mutation_probability)))
        for _ in range(changes):
            first = self.space.mutate(first, self._rng)
        return first.values

    def _learn(self, values: Values, result: Result) -> None:
        canonical = self.space.canonical(Genotype(self.space.name, values)).values
        ranked = sorted([*self._best, (value_of(result), canonical)], key=lambda entry: -entry[0])
        self._best = ranked[: self.parents]

    def state_dict(self) -> dict[str, Any]:
        """See `Strategy.state_dict`."""
        own = {"best": [[result, list(values)] for result, values in self._best], "children": self._children}
        return super().state_dict() | own

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Strategy.load_state_dict`."""
        super().load_state_dict(state)
        self._best = [(float(result), tuple(values)) for result, values in state["best"]]
        self._children = int(state["children"])
