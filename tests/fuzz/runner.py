"""Runs cases in worker processes, with a watchdog, and sums up what became of them."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from placement_data.processes import EndedError, Pool
from tests.fuzz.worker import Cases, Outcome, build, described
from tests.fuzz.writes import WRITERS

Case = tuple[str, int]


@dataclass(frozen=True)
class Limits:
    """What a case may take: seconds, and megabytes above what the process has when it begins."""

    seconds: float = 10.0
    memory_mb: int = 700
    bombs: float = 0.01


def run(
    cases: Sequence[Case], seed: int, limits: Limits, jobs: int = 1, progress: Callable[[Outcome], object] = id
) -> list[Outcome]:
    """Outcomes of the cases, in order. A case that hangs or kills its process costs itself alone."""
    found: dict[Case, Outcome] = {}
    names = tuple(dict.fromkeys(name for name, _ in cases))
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        function = Cases(names, seed, limits.bombs, Path(folder))
        with closing(Pool(function, jobs, 2 * limits.seconds, limits.memory_mb)) as pool:
            for ticket, case in enumerate(cases):
                pool.submit(ticket, case)
            for _ in cases:
                ticket, outcome = pool.wait()
                if isinstance(outcome, Exception):
                    outcome = _ended(cases[ticket], function, limits, outcome)
                elif outcome.good and outcome.seconds > limits.seconds:
                    outcome = replace(outcome, kind="slow", detail=f"{outcome.seconds:.1f} s")
                found[cases[ticket]] = outcome
                progress(outcome)
    return [found[case] for case in cases]


def _ended(case: Case, cases: Cases, limits: Limits, error: Exception) -> Outcome:
    """The outcome of a case that has none of its own."""
    if not isinstance(error, EndedError):
        raise error
    if case[0] in WRITERS:
        mutation = described(*case, cases.seed)
    else:
        mutation = build(*case, cases.seed, limits.bombs, cases.folder)[1]
    kind = "hangs" if "longer than" in error.what else "dies"
    return Outcome(*case, mutation, kind, error.what, 2 * limits.seconds)


def summary(outcomes: Sequence[Outcome], seed: int) -> str:
    """Counts by target and outcome, the slowest case, the one that took most memory, and every failure."""
    lines = []
    for target in dict.fromkeys(outcome.target for outcome in outcomes):
        own = [outcome for outcome in outcomes if outcome.target == target]
        counts = Counter(outcome.kind for outcome in own)
        slowest, largest = max(own, key=lambda o: o.seconds), max(own, key=lambda o: o.peak_mb)
        found = ", ".join(f"{kind} {count}" for kind, count in counts.most_common())
        lines.append(
            f"{target:11} {len(own):6} cases: {found}; slowest {slowest.seconds:.2f} s ({seed}:{slowest.index} "
            f"{slowest.mutation}), peak {largest.peak_mb:.0f} MB ({seed}:{largest.index} {largest.mutation})"
        )
    return "\n".join([*lines, *(failure(outcome, seed) for outcome in outcomes if not outcome.good)])


def failure(outcome: Outcome, seed: int) -> str:
    """What went wrong, and the options that run the case again."""
    again = f"--targets {outcome.target} --only {seed}:{outcome.index}"
    return f"FAILURE {again} ({outcome.mutation}): {outcome.kind}: {outcome.detail}"
