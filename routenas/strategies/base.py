"""What a strategy is, and what all of them share: the random stream, the memory of what was asked, failed results."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from routenas.interfaces import Strategy
from routenas.results import Result
from searchspaces.space import Genotype, Space

__all__ = ["AskTell", "Strategy", "Values"]

Values = tuple[int, ...]

PROPOSALS = 100
FALLBACKS = 1000


class AskTell(ABC):
    """Base of the strategies: a subclass says how values are proposed and what a result changes.

    ``initial`` genotypes are asked first. A failed genotype counts as the worst result so far; as long as there is
    none, it changes nothing but the memory, so it is not asked again.
    """

    def __init__(self, space: Space, seed: int, *, initial: Sequence[Genotype] = ()) -> None:
        self.space = space
        self.initial = [space.canonical(genotype) for genotype in initial]
        self._rng = np.random.default_rng(seed)
        self._seen: dict[Values, None] = {}  # insertion-ordered set
        self._drawn: dict[Values, Values] = {}
        self._results: list[float] = []
        self._place = 0  # of the result that `_learn` is given, in the lists of `tell`

    @abstractmethod
    def _propose(self) -> Values:
        """Values to try next, canonical or not."""

    @abstractmethod
    def _learn(self, values: Values, result: float) -> None:
        """Take in a finite result. ``values`` are as `_propose` drew them; earlier results are in ``_results``."""

    def ask(self, n: int) -> list[Genotype]:
        """See `Strategy.ask`."""
        asked: list[Genotype] = []
        while len(asked) < n and (genotype := self._new()) is not None:
            self._seen[genotype.values] = None
            asked.append(genotype)
        return asked

    def tell(self, genotypes: Sequence[Genotype], results: Sequence[Result]) -> None:
        """See `Strategy.tell`. Raises ValueError for a foreign genotype or lists of different lengths."""
        if len(genotypes) != len(results):
            raise ValueError(f"tell needs a result for each of {len(genotypes)} genotypes, not {len(results)}")
        told = [self.space.canonical(genotype).values for genotype in genotypes]
        for place, (canonical, result) in enumerate(zip(told, results, strict=True)):
            self._place = place
            self._seen[canonical] = None
            values = self._drawn.pop(canonical, canonical)
            if result.value is not None and math.isfinite(result.value):
                value = float(result.value)
            elif self._results:
                value = min(self._results)
            else:
                continue
            self._learn(values, value)
            self._results.append(value)

    def state_dict(self) -> dict[str, Any]:
        """See `Strategy.state_dict`."""
        return {
            "strategy": type(self).__name__,
            "space": self.space.name,
            "rng": self._rng.bit_generator.state,
            "seen": [list(values) for values in self._seen],
            "drawn": [[list(key), list(values)] for key, values in self._drawn.items()],
            "results": list(self._results),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Strategy.load_state_dict`. Raises ValueError for the state of another strategy or space."""
        own = (type(self).__name__, self.space.name)
        found = (state.get("strategy"), state.get("space"))
        if found != own:
            raise ValueError(f"state of strategy and space {found}, expected {own}")
        self._rng.bit_generator.state = state["rng"]
        self._seen = {tuple(values): None for values in state["seen"]}
        self._drawn = {tuple(key): tuple(values) for key, values in state["drawn"]}
        self._results = [float(result) for result in state["results"]]

    def _new(self) -> Genotype | None:
        for genotype in self.initial:
            if genotype.values not in self._seen:
                return genotype
        for _ in range(PROPOSALS):
            drawn = self._propose()
            try:
                genotype = self.space.genotype(drawn)
            except ValueError:  # choices that were drawn one by one may break a rule of the space
                continue
            if genotype.values not in self._seen:
                # Credit goes to the choices as drawn: the canonical form may have them at other places.
                self._drawn[genotype.values] = drawn
                return genotype
        # The strategy insists on what it has tried: look around at random, then beside what was tried.
        seen = [Genotype(self.space.name, values) for values in self._seen]
        for i in range(FALLBACKS):
            near = i % 2 and seen
            genotype = (
                self.space.mutate(seen[self._rng.integers(len(seen))], self._rng)
                if near
                else self.space.sample(self._rng)
            )
            if genotype.values not in self._seen:
                return genotype
        return None
