"""Random search: the control that every report needs."""

from __future__ import annotations

from routenas.strategies.base import AskTell, Values


class RandomSearch(AskTell):
    """Samples of the space's own prior; results change nothing."""

    def _propose(self) -> Values:
        return self.space.sample_values(self._rng)

    def _learn(self, values: Values, result: float) -> None:
        pass
