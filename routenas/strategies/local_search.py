"""Local search: walk to a better neighbour, start anew where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routenas.results import Result
from routenas.strategies.base import AskTell, Values, at_first, value_of
from searchspaces.space import Genotype, Space


class LocalSearch(AskTell):
    """First-improvement local search with restarts (White et al., UAI 2021, arXiv 2005.02960).

    The neighbours of the current architecture, one choice away, are tried in random order; the first that is better
    becomes the current one. Where all have been tried, the walk starts again from the best of ``starts`` random ones.
    """

    def __init__(self, space: Space, seed: int, *, starts: int = 10, initial: Sequence[Genotype] = ()) -> None:
        if starts < 1:
            raise ValueError(f"the local search needs at least one start, not {starts}")
        super().__init__(space, seed, initial=initial)
        self.starts = starts
        self._left = starts  # random samples until the walk begins
        self._current: tuple[Values, float] | None = None
        self._queue: list[Values] = []  # neighbours of the current one, not tried yet

    @classmethod
    def suited(cls, trials: int, in_flight: int, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """See `AskTell.suited`: at most a third of the trials come before the first walk."""
        return {"starts": at_first(10, trials, in_flight)}

    def _propose(self) -> Values:
        if self._left > 0:
            return self.space.sample_values(self._rng)
        while self._queue:
            values = self._queue.pop()
            if values not in self._seen:
                return values
        self._left, self._current = self.starts, None
        return self.space.sample_values(self._rng)

    def _learn(self, values: Values, result: Result) -> None:
        value = value_of(result)
        canonical = self.space.canonical(Genotype(self.space.name, values)).values
        starting = self._left > 0
        self._left = max(0, self._left - 1)
        better = self._current is None or value > self._current[1]
        if better:
            self._current = canonical, value
        if self._left == 0 and (better or starting) and self._current is not None:
            found = self.space.neighbours(Genotype(self.space.name, self._current[0]))
            self._queue = [found[i].values for i in self._rng.permutation(len(found))]

    def state_dict(self) -> dict[str, Any]:
        """See `Strategy.state_dict`."""
        current = None if self._current is None else [list(self._current[0]), self._current[1]]
        return super().state_dict() | {
            "left": self._left,
            "current": current,
            "queue": [list(values) for values in self._queue],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Strategy.load_state_dict`."""
        super().load_state_dict(state)
        current = state["current"]
        self._left = int(state["left"])
        self._current = None if current is None else (tuple(current[0]), float(current[1]))
        self._queue = [tuple(values) for values in state["queue"]]
