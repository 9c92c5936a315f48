"""Successive halving: many candidates at a low fidelity, the best of them at higher ones."""

from __future__ import annotations

import math
from collections import Counter

from routenas.estimators.fidelities import Climb, Schedule
from routenas.interfaces import Estimator, Executor


class SuccessiveHalving(Schedule):
    """The best 1/``eta`` of the candidates at a fidelity reach the next (Jamieson & Talwalkar, AISTATS 2016, arXiv
    1502.07943).

    Those compete that are submitted before the first of them is decided on: a search with ``in_flight`` n halves n at a
    time. Strategies know of no fidelities, so any of them can be halved. See `Schedule` for what a result has.
    """

    def __init__(self, executor: Executor | Estimator, fidelities: int, eta: float = 3.0) -> None:
        if eta <= 1:
            raise ValueError(f"successive halving needs eta > 1, not {eta}")
        super().__init__(executor, fidelities)
        self.eta = eta
        self._came: Counter[int] = Counter()  # candidates that came to each fidelity, those that fail there, too

    def _start(self, ticket: int) -> None:
        self._came[len(self._climbs[ticket].rungs)] += 1
        super()._start(ticket)

    def _judge(self, ticket: int, climb: Climb) -> None:
        """Undecided until all are there."""

    def _settle(self) -> None:
        came, self._came = self._came, Counter()
        for fidelity, count in came.items():
            values = {
                ticket: climb.rungs[-1].value or 0.0
                for ticket, climb in self._climbs.items()
                if len(climb.rungs) == fidelity + 1
            }
            best = sorted(values, key=lambda ticket: (-values[ticket], ticket))
            for ticket in values:
                self._decide(ticket, ticket in best[: max(1, math.floor(count / self.eta))])
