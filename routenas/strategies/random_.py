"""Random search: the control that every report needs."""

from __future__ import annotations

from collections.abc import Sequence

from routenas.results import Result
from routenas.strategies.base import PROPOSALS, AskTell, Values
from searchspaces.space import Genotype, Space

MANY = 8


class RandomSearch(AskTell):
    """Samples of the space's own prior; results change nothing.

    With ``distinct`` no genotype is asked twice; without it they are drawn with replacement, as in most tables of the
    literature.
    """

    def __init__(self, space: Space, seed: int, *, distinct: bool = True, initial: Sequence[Genotype] = ()) -> None:
        super().__init__(space, seed, initial=initial)
        self.distinct = distinct

    def ask(self, n: int) -> list[Genotype]:
        """See `Strategy.ask`."""
        if any(genotype.values not in self._seen for genotype in self.initial):
            return super().ask(n)
        if not self.distinct:
            return self._sample(n)
        asked: list[Genotype] = []
        for _ in range(PROPOSALS):
            for genotype in self._sample(n - len(asked)):
                if genotype.values not in self._seen:
                    self._seen[genotype.values] = None
                    asked.append(genotype)
            if len(asked) == n:
                return asked
        return asked + super().ask(n - len(asked))

    def _sample(self, n: int) -> list[Genotype]:
        """Samples in whichever way is faster: one at a time, or many by one call."""
        if n < MANY:
            return [self.space.sample(self._rng) for _ in range(n)]
        return self.space.sample_many(self._rng, n)

    def _propose(self) -> Values:
        return self.space.sample_values(self._rng)

    def _learn(self, values: Values, result: Result) -> None:
        pass
