from __future__ import annotations

from routenas.strategies.genetic import GeneticSearch
from routenas.testing.strategies import StrategyContract


class TestGeneticSearch(StrategyContract):
    strategy = GeneticSearch
