"""Stopping hopeless trials early: the median rule."""

from __future__ import annotations

import numpy as np

from routenas.estimators.fidelities import Climb, Schedule, recorded
from routenas.interfaces import Estimator, Executor, Outcome


class MedianStopped(Schedule):
    """Stops a candidate where it is worse than the median of those before it (Golovin et al., KDD 2017).

    Before it are those whose results had been handed out when it was submitted: nobody waits, and it does not matter
    which of those that run together is the first. The rule needs ``least`` values at a fidelity before it stops
    anything. See `Schedule` for what a result has.
    """

    def __init__(self, executor: Executor | Estimator, fidelities: int, least: int = 5) -> None:
        if least < 1:
            raise ValueError(f"the median rule needs least >= 1, not {least}")
        super().__init__(executor, fidelities)
        self.least = least
        self._values: list[list[float]] = [[] for _ in range(fidelities)]  # handed out, by fidelity
        self._before: dict[int, list[int]] = {}  # how many of them each candidate is judged by

    def _start(self, ticket: int) -> None:
        self._before.setdefault(ticket, [len(values) for values in self._values])
        super()._start(ticket)

    def _judge(self, ticket: int, climb: Climb) -> None:
        fidelity = len(climb.rungs) - 1
        before = self._values[fidelity][: self._before[ticket][fidelity]]
        hopeless = len(before) >= self.least and (climb.rungs[-1].value or 0.0) < float(np.median(before))
        message = f"stopped at fidelity {fidelity}: below the median of {len(before)}" if hopeless else ""
        self._decide(ticket, not hopeless, message)

    def wait(self) -> Outcome:
        """See ``Executor``."""
        ticket, result = super().wait()
        del self._before[ticket]
        for values, rung in zip(self._values, recorded(result), strict=False):
            if rung.value is not None:
                values.append(rung.value)
        return ticket, result

    def close(self) -> None:
        """See ``Executor``."""
        super().close()
        self._before = {}
