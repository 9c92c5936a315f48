"""What a strategy is, and what all of them share: the random stream, the memory of what was asked, failed results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from routenas.interfaces import Strategy
from routenas.results import Result
from searchspaces.space import Genotype, Space

__all__ = ["AskTell", "Strategy", "Values", "at_first", "value_of"]

Values = tuple[int, ...]

PROPOSALS = 100
FALLBACKS = 1000
REPAIRS = 8


class AskTell(ABC):
    """Base of the strategies: a subclass says how values are proposed and what a result changes.

    ``initial`` genotypes are asked first. A failed genotype counts as the worst result so far, at costs that nobody
    knows; as long as there is none, it changes nothing but the memory, so it is not asked again. ``fallbacks`` counts
    the genotypes that were drawn at random because no new one was proposed.
    """

    def __init__(self, space: Space, seed: int, *, initial: Sequence[Genotype] = ()) -> None:
        self.space = space
        self.initial = [space.canonical(genotype) for genotype in initial]
        self._rng = np.random.default_rng(seed)
        self._seen: dict[Values, None] = {}  # insertion-ordered set
        self._drawn: dict[Values, Values] = {}
        self._results: list[float] = []
        self.fallbacks = 0

    @classmethod
    def suited(cls, trials: int, in_flight: int, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Options of the constructor for a search of ``trials``, to go with those that are ``chosen``.

        None where the defaults suit any number.
        """
        return {}

    @abstractmethod
    def _propose(self) -> Values:
        """Values to try next, canonical or not; what a sub-space fixes need not be in them."""

    @abstractmethod
    def _learn(self, values: Values, result: Result) -> None:
        """Take in a result whose value is finite (see `value_of`).

        ``values`` are as `_propose` drew them; the values of earlier results are in ``_results``.
        """

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
        for canonical, result in zip(told, results, strict=True):
            self._seen[canonical] = None
            values = self._drawn.pop(canonical, canonical)
            if result.failed:
                if not self._results:
                    continue
                result = replace(result, value=min(self._results), costs={})
            self._learn(values, result)
            self._results.append(value_of(result))

    def state_dict(self) -> dict[str, Any]:
        """See `Strategy.state_dict`."""
        return {
            "strategy": type(self).__name__,
            "space": self.space.name,
            "rng": self._rng.bit_generator.state,
            "seen": [list(values) for values in self._seen],
            "drawn": [[list(key), list(values)] for key, values in self._drawn.items()],
            "results": list(self._results),
            "fallbacks": self.fallbacks,
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
        self.fallbacks = int(state["fallbacks"])

    def _new(self) -> Genotype | None:
        for genotype in self.initial:
            if genotype.values not in self._seen:
                return genotype
        for _ in range(PROPOSALS):
            meant = self._meant(self._propose())
            if meant is not None and meant[0].values not in self._seen:
                # Credit goes to the choices as drawn: the canonical form may have them at other places.
                self._drawn[meant[0].values] = meant[1]
                return meant[0]
        return self._fallback()

    def _meant(self, drawn: Values) -> tuple[Genotype, Values] | None:
        """The genotype of values, and the values; None where they break a rule of the space.

        In a sub-space the fixed choices are set. The canonical form may have something else at their places: then they
        are set in that form, some times in turn, until it is a member.
        """
        if not self.space.fixed:
            try:
                return self.space.genotype(drawn), drawn
            except ValueError:  # choices that were drawn one by one may break a rule
                return None
        for _ in range(REPAIRS):
            drawn = self._with_fixed(drawn)
            if not self.space.valid_values(drawn):
                return None
            canonical = self.space.canonical_values(drawn)
            if self._with_fixed(canonical) == canonical:
                return Genotype(self.space.name, canonical), drawn
            drawn = canonical
        return None

    def _with_fixed(self, values: Values) -> Values:
        changed = list(values)
        for choice, option in self.space.fixed:
            changed[choice] = option
        return tuple(changed)

    def _fallback(self) -> Genotype | None:
        """The strategy insists on what it has tried: look around at random, then beside what was tried."""
        self.fallbacks += 1
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


def at_first(published: int, trials: int, in_flight: int = 1, least: int = 2) -> int:
    """How many results a strategy should wait for before it learns: as published, but at most a third of the trials.

    While it waits, up to ``in_flight - 1`` more are asked than are told.
    """
    return max(least, min(published, trials // 3 - in_flight + 1))


def value_of(result: Result) -> float:
    """The value of a result that has not failed."""
    assert result.value is not None
    return float(result.value)
