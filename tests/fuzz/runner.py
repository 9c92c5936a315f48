"""Runs cases in worker processes, with a watchdog, and sums up what became of them."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from tests.fuzz.worker import Outcome, build

_ROOT = Path(__file__).resolve().parents[2]
_STARTUP = 60.0
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
    """Outcomes of the cases, in order. A worker that hangs or dies is started again behind the case that did it."""
    shares = [cases[job::jobs] for job in range(jobs)]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, ThreadPoolExecutor(jobs) as pool:
        done = pool.map(lambda share: list(_run_share(share, seed, limits, folder, progress)), shares)
        outcomes = {(outcome.target, outcome.index): outcome for share in done for outcome in share}
    return [outcomes[case] for case in cases]


def _run_share(
    cases: Sequence[Case], seed: int, limits: Limits, folder: str, progress: Callable[[Outcome], object]
) -> Iterator[Outcome]:
    done = 0
    while done < len(cases):
        for outcome in _run_worker(cases[done:], seed, limits, folder):
            if outcome.good and outcome.seconds > limits.seconds:
                outcome = replace(outcome, kind="slow", detail=f"{outcome.seconds:.1f} s")
            done += 1
            progress(outcome)
            yield outcome


def _run_worker(cases: Sequence[Case], seed: int, limits: Limits, folder: str) -> Iterator[Outcome]:
    """Outcomes of one worker process, up to the case that ends it."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}
    with tempfile.TemporaryFile() as trouble:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker"],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=trouble,
        )
        arguments = {"cases": cases, "seed": seed, "folder": folder, "bombs": limits.bombs}
        with process:
            assert process.stdin is not None
            process.stdin.write(json.dumps(arguments | {"memory_mb": limits.memory_mb}).encode())
            process.stdin.close()
            lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
            threading.Thread(target=_forward, args=(process, lines), daemon=True).start()
            ready = _next_line(lines, _STARTUP)
            for case in cases:
                line = _next_line(lines, 2 * limits.seconds) if ready else ready
                if line:
                    yield Outcome(**json.loads(line))
                    continue
                hangs = line is None
                if hangs:
                    process.kill()
                process.wait()
                trouble.seek(0)
                last = ascii(trouble.read().decode(errors="replace")[-1000:])
                detail = f"no answer in {2 * limits.seconds:g} s" if hangs else f"exit {process.returncode}: {last}"
                mutation = build(*case, seed, limits.bombs, Path(folder))[1]
                yield Outcome(*case, mutation, "hangs" if hangs else "dies", detail, 2 * limits.seconds)
                return


def _forward(process: subprocess.Popen[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    """Put each line of the worker's output into a queue, and an empty one behind the last."""
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(b"")


def _next_line(lines: queue.SimpleQueue[bytes], seconds: float) -> bytes | None:
    """The next line; empty where the output ends, None where no line comes in time."""
    try:
        return lines.get(timeout=seconds)
    except queue.Empty:
        return None


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
