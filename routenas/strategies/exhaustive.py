"""Every architecture of a space, in order of what is expected of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from routenas.results import Result
from routenas.strategies.base import AskTell, Values
from searchspaces.space import Genotype, Space

Score = Callable[[Genotype], float]


class Exhaustive(AskTell):
    """All architectures of a space whose ``cost`` is at most ``limit``, best ``score`` first.

    ``score`` is anything that guesses a value (a fitted surrogate, a zero-cost proxy); without it they come in the
    order of their values. A space that is not `enumerable` is not enumerated: ``samples`` random ones stand in. Results
    change nothing.
    """

    def __init__(
        self,
        space: Space,
        seed: int,
        *,
        score: Score | None = None,
        cost: Score | None = None,
        limit: float = float("inf"),
        samples: int = 10_000,
        initial: Sequence[Genotype] = (),
    ) -> None:
        if samples < 1:
            raise ValueError(f"an exhaustive search needs samples >= 1, not {samples}")
        super().__init__(space, seed, initial=initial)
        self._score, self._cost, self._limit, self._samples = score, cost, limit, samples
        self._order: list[Values] | None = None
        self._sampled = False
        self._next = 0

    def ask(self, n: int) -> list[Genotype]:
        """See `Strategy.ask`: fewer, and then none, when all have been asked."""
        asked: list[Genotype] = []
        order = [genotype.values for genotype in self.initial] + self._ranked()
        while len(asked) < n and self._next < len(order):
            values = order[self._next]
            self._next += 1
            if values not in self._seen:
                self._seen[values] = None
                asked.append(Genotype(self.space.name, values))
        return asked

    def _ranked(self) -> list[Values]:
        if self._order is None:
            self._sampled = not self.space.enumerable
            if self.space.enumerable:
                found = list(self.space.enumerate())
            else:
                found = list(dict.fromkeys(self.space.sample_many(self._rng, self._samples)))
            if self._cost is not None:
                found = [genotype for genotype in found if self._cost(genotype) <= self._limit]
            if self._score is not None:
                scores = {genotype: self._score(genotype) for genotype in found}
                found.sort(key=lambda genotype: -scores[genotype])
            self._order = [genotype.values for genotype in found]
        return self._order

    def _propose(self) -> Values:
        raise AssertionError("the order is fixed")

    def _learn(self, values: Values, result: Result) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        """See `Strategy.state_dict`."""
        order = [list(values) for values in self._order] if self._order is not None and self._sampled else None
        return super().state_dict() | {"next": self._next, "order": order}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Strategy.load_state_dict`."""
        super().load_state_dict(state)
        self._next = int(state["next"])
        self._sampled = state["order"] is not None
        self._order = [tuple(values) for values in state["order"]] if self._sampled else None
