"""A search that is killed by the system at any moment ends, when it is run again, as one that was not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from routenas.journal import Journal
from routenas.strategies import STRATEGIES

SEARCH = """
import sys, time
from pathlib import Path
from routenas.estimators.cached import Cached
from routenas.estimators.early_stop import MedianStopped
from routenas.estimators.fidelities import Fidelities
from routenas.executor import Processes
from routenas.interfaces import Estimator
from routenas.journal import Journal
from routenas.loop import search
from routenas.results import Result
from routenas.strategies import strategy_class
from searchspaces.space import Choice, Space

space = Space("kill", [Choice(f"c{i}", 4) for i in range(5)])
options = {"evolution": {"population": 4, "tournament": 2}, "regularised-evolution": {"population": 4, "tournament": 2}}

class Slow(Estimator):
    def __init__(self, seconds):
        self.seconds = seconds

    def estimate(self, genotypes):
        time.sleep(self.seconds)
        return [self.one(genotype.values) for genotype in genotypes]

    def one(self, values):
        worth = sum(value * (i + 1) for i, value in enumerate(values)) / 60
        return Result(None if values[0] == 3 else worth, costs={"cost": 1.0}, seconds=1.0)

if __name__ == "__main__":
    path, name, seconds, where = sys.argv[1:]
    strategy, slow = strategy_class(name)(space, 5, **options.get(name, {})), Slow(float(seconds))
    work = slow
    if where == "processes":
        work = Cached(MedianStopped(Processes(Fidelities([slow, slow]), 2), 2, 3))
    search(strategy, work, 18, Journal(Path(path)), in_flight=2)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(SEARCH)
    return path


def start(program: Path, path: Path, strategy: str, seconds: float, where: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    return subprocess.Popen([sys.executable, str(program), str(path), strategy, str(seconds), where], env=environment)


# Those whose state is more than what they were told; the others share their base class.
@pytest.mark.parametrize(
    ("strategy", "where"),
    [
        ("regularised-evolution", "here"),
        ("local-search", "here"),
        ("ppo", "here"),
        ("predictor", "here"),
        ("evolution", "processes"),
    ],
)
def test_killed_at_random_moments(tmp_path: Path, program: Path, strategy: str, where: str) -> None:
    assert strategy in STRATEGIES
    whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
    assert start(program, whole, strategy, 0.0, where).wait() == 0
    rng = random.Random(strategy)
    for _ in range(2):
        process = start(program, killed, strategy, 0.1, where)
        deadline = time.monotonic() + 60
        before = killed.stat().st_size if killed.exists() else 0
        while (killed.stat().st_size if killed.exists() else 0) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.3))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert start(program, killed, strategy, 0.0, where).wait() == 0
    assert killed.read_bytes() == whole.read_bytes()
    assert len(Journal(killed).records) >= 18
