"""A search that is killed by the system at any moment ends, when it is run again, as one that was not."""

from __future__ import annotations

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
from routenas.journal import Journal
from routenas.results import Result
from routenas.loop import search
from routenas.strategies import strategy_class
from searchspaces.space import Choice, Space

space = Space("kill", [Choice(f"c{i}", 4) for i in range(5)])
options = {"evolution": {"population": 4, "tournament": 2}, "regularised-evolution": {"population": 4, "tournament": 2}}

class Slow:
    def estimate(self, genotypes):
        time.sleep(float(sys.argv[3]))
        return [self.one(genotype.values) for genotype in genotypes]

    def one(self, values):
        worth = sum(value * (i + 1) for i, value in enumerate(values)) / 60
        return Result(None if values[0] == 3 else worth, costs={"cost": 1.0}, seconds=1.0)

strategy = strategy_class(sys.argv[2])(space, 5, **options.get(sys.argv[2], {}))
search(strategy, Slow(), 18, Journal(Path(sys.argv[1])), in_flight=2)
"""


def start(path: Path, strategy: str, seconds: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SEARCH, str(path), strategy, str(seconds)])


# Those whose state is more than what they were told; the others share their base class.
@pytest.mark.parametrize("strategy", ["regularised-evolution", "local-search", "ppo", "predictor"])
def test_killed_at_random_moments(tmp_path: Path, strategy: str) -> None:
    assert strategy in STRATEGIES
    whole, killed = tmp_path / "whole.jsonl", tmp_path / "killed.jsonl"
    assert start(whole, strategy, 0.0).wait() == 0
    rng = random.Random(strategy)
    for _ in range(2):
        process = start(killed, strategy, 0.1)
        deadline = time.monotonic() + 60
        before = killed.stat().st_size if killed.exists() else 0
        while (killed.stat().st_size if killed.exists() else 0) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.3))
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert start(killed, strategy, 0.0).wait() == 0
    assert killed.read_bytes() == whole.read_bytes()
    assert len(Journal(killed).records) == 18
