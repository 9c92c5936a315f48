from __future__ import annotations

from routenas.strategies.local_search import LocalSearch
from routenas.testing.strategies import StrategyContract


class TestLocalSearch(StrategyContract):
    strategy = LocalSearch
