from __future__ import annotations

import numpy as np
import pytest

from routenas.results import Result
from routenas.strategies import strategy_class
from searchspaces.dags import GuideDag, all_edges
from searchspaces.space import Choice, Space


def late_mean(name: str, seed: int, budget: int = 160) -> float:
    """Mean of the last 40 of a run on a reward that is a sum over choices, in a space of one DAG and six choices."""
    categorical = [Choice(f"c{i}", 4) for i in range(6)]
    edges = [Choice(f"edge{u}-{v}", 2) for u, v in all_edges(5)]
    space = Space("toy", [*categorical, *edges], dags=[GuideDag(5, 6)])
    worth = np.random.default_rng(100 + seed).normal(size=(len(space.choices), 4))
    strategy, results = strategy_class(name)(space, seed), []
    for _ in range(budget // 4):
        batch = strategy.ask(4)
        values = [float(worth[range(len(g.values)), g.values].sum()) for g in batch]
        strategy.tell(batch, [Result(value) for value in values])
        results += values
    return float(np.mean(results[-40:]))


@pytest.mark.parametrize(
    "name", ["bernoulli", "evolution", "genetic", "guided", "local-search", "policy-gradient", "ppo"]
)
def test_learning_strategies_beat_random_search_on_an_additive_reward(name: str) -> None:
    mean = {which: np.mean([late_mean(which, seed) for seed in range(3)]) for which in (name, "random")}
    assert mean[name] > mean["random"] + 1.0
