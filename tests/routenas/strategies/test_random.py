from __future__ import annotations

from routenas.strategies.random_ import RandomSearch
from routenas.testing.strategies import StrategyContract


class TestRandomSearch(StrategyContract):
    strategy = RandomSearch
