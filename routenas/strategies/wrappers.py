"""Wrappers around any strategy: no repeats, repeats with averaging, a price on failures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from routenas.results import Result
from routenas.strategies.base import Strategy
from searchspaces.space import Genotype

_TRIES = 100


class Wrapper:
    """Passes everything on; the base of the wrappers."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy

    def ask(self, n: int) -> list[Genotype]:
        """See `Strategy.ask`."""
        return self.strategy.ask(n)

    def tell(self, genotypes: Sequence[Genotype], results: Sequence[Result]) -> None:
        """See `Strategy.tell`."""
        self.strategy.tell(genotypes, results)

    def state_dict(self) -> dict[str, Any]:
        """See `Strategy.state_dict`."""
        return {"wrapper": type(self).__name__, "inner": self.strategy.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Strategy.load_state_dict`. Raises ValueError for the state of another wrapper."""
        if state.get("wrapper") != type(self).__name__:
            raise ValueError(f"state of wrapper {state.get('wrapper')}, expected {type(self).__name__}")
        self.strategy.load_state_dict(state["inner"])


class Deduplicated(Wrapper):
    """Never asks a genotype twice; a strategy that asks one again is told its result at once.

    ``repeats`` counts how often that happened. After a hundred asks in a row without a new genotype none is asked: the
    strategy has converged.
    """

    def __init__(self, strategy: Strategy) -> None:
        super().__init__(strategy)
        self.repeats = 0
        self._known: dict[Genotype, Result | None] = {}  # None: asked and not told yet

    def ask(self, n: int) -> list[Genotype]:
        """See `Strategy.ask`."""
        asked: list[Genotype] = []
        for _ in range(_TRIES):
            for genotype in self.strategy.ask(n - len(asked)):
                if genotype in self._known:
                    self.repeats += 1
                    result = self._known[genotype]
                    if result is not None:
                        self.strategy.tell([genotype], [replace(result, repeated=True)])
                else:
                    self._known[genotype] = None
                    asked.append(genotype)
            if len(asked) == n:
                break
        return asked

    def tell(self, genotypes: Sequence[Genotype], results: Sequence[Result]) -> None:
        """See `Strategy.tell`."""
        self._known |= dict(zip(genotypes, results, strict=True))
        super().tell(genotypes, results)

    def state_dict(self) -> dict[str, Any]:
        """See `Strategy.state_dict`."""
        known = [[*_pair(genotype), result and _state(result)] for genotype, result in self._known.items()]
        return super().state_dict() | {"known": known, "repeats": self.repeats}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Strategy.load_state_dict`."""
        super().load_state_dict(state)
        self.repeats = int(state["repeats"])
        self._known = {
            Genotype(space, tuple(values)): result and Result.from_dict(result)
            for space, values, result in state["known"]
        }


class Repeated(Wrapper):
    """Asks every genotype ``times`` times in a row and tells the strategy the mean: for noisy estimators.

    Failed repeats are left out of the mean; it has failed when all have. All else is told of the first that has not.
    """

    def __init__(self, strategy: Strategy, times: int = 3) -> None:
        super().__init__(strategy)
        if times < 1:
            raise ValueError(f"a genotype must be asked once or more, not {times} times")
        self.times = times
        self._queue: list[Genotype] = []
        self._found: dict[Genotype, list[Result]] = {}

    def ask(self, n: int) -> list[Genotype]:
        """See `Strategy.ask`: may hold a genotype several times."""
        while len(self._queue) < n and (new := self.strategy.ask(max(1, (n - len(self._queue)) // self.times))):
            self._queue += [genotype for genotype in new for _ in range(self.times)]
        asked, self._queue = self._queue[:n], self._queue[n:]
        return asked

    def tell(self, genotypes: Sequence[Genotype], results: Sequence[Result]) -> None:
        """See `Strategy.tell`."""
        for genotype, result in zip(genotypes, results, strict=True):
            found = self._found.setdefault(genotype, [])
            found.append(result)
            if len(found) == self.times:
                usable = [each for each in found if not each.failed]
                mean = float(np.mean([each.value for each in usable])) if usable else None
                super().tell([genotype], [replace((usable or found)[0], value=mean)])
                del self._found[genotype]

    def state_dict(self) -> dict[str, Any]:
        """See `Strategy.state_dict`."""
        return super().state_dict() | {
            "queue": [_pair(genotype) for genotype in self._queue],
            "found": [[*_pair(genotype), [_state(r) for r in results]] for genotype, results in self._found.items()],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `Strategy.load_state_dict`."""
        super().load_state_dict(state)
        self._queue = [Genotype(space, tuple(values)) for space, values in state["queue"]]
        self._found = {
            Genotype(space, tuple(values)): [Result.from_dict(result) for result in results]
            for space, values, results in state["found"]
        }


class FailurePenalty(Wrapper):
    """Tells a failed trial as a value, where it otherwise counts as the worst so far."""

    def __init__(self, strategy: Strategy, value: float) -> None:
        super().__init__(strategy)
        self.value = value

    def tell(self, genotypes: Sequence[Genotype], results: Sequence[Result]) -> None:
        """See `Strategy.tell`."""
        super().tell(genotypes, [replace(r, value=self.value) if r.failed else r for r in results])


def _pair(genotype: Genotype) -> list[Any]:
    return [genotype.space, list(genotype.values)]


def _state(result: Result) -> dict[str, Any]:
    return result.finite().to_dict()
