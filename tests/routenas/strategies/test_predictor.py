"""Predictor-based search: the contract, and that it finds good architectures early."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from routenas.results import Result
from routenas.strategies.base import Strategy
from routenas.strategies.evolution import RegularisedEvolution
from routenas.strategies.predictor import ACQUISITIONS, TARGETS, PredictorSearch
from routenas.strategies.random_ import RandomSearch
from routenas.testing.strategies import StrategyContract
from searchspaces.nasbench201 import NasBench201Space
from searchspaces.space import Choice, Genotype, Space

CELL = NasBench201Space()
SMALL = Space("small", [Choice(f"c{i}", 4) for i in range(5)])  # 1,024: searched in full
LARGE = Space("large", [Choice(f"c{i}", 4) for i in range(12)])  # 17 million: searched by evolution


def worth(genotype: Genotype) -> float:
    """Largest, 0, where every choice is 3, in steps that shrink towards it."""
    return -sum(float(3 - value) ** 2 * (1 + i % 3) for i, value in enumerate(genotype.values))


def best_of(strategy: Strategy, queries: int, value: Callable[[Genotype], float] = worth, batch: int = 1) -> float:
    best = -np.inf
    for _ in range(0, queries, batch):
        asked = strategy.ask(batch)
        results = [value(genotype) for genotype in asked]
        strategy.tell(asked, [Result(result) for result in results])
        best = max(best, *results)
    return best


class TestContract(StrategyContract):
    strategy = PredictorSearch

    def make(self, space: Space, seed: int, **options: object) -> Strategy:
        # A small pool and one view of the architectures: the contract is not about quality.
        return super().make(space, seed, pool=16, refit_every=4, surrogate_options={"graph": False}, **options)


class TestPredictorSearch:
    def test_expected_improvement_is_the_integral(self) -> None:
        rng = np.random.default_rng(0)
        for mean, deviation, best in ((0.0, 1.0, 0.5), (1.0, 0.1, 0.9), (-1.0, 0.5, 0.2)):
            found = ACQUISITIONS["expected-improvement"](np.array([mean]), np.array([deviation]), best, rng)
            expected, _ = quad(lambda f, b=best, m=mean, s=deviation: (f - b) * norm.pdf(f, m, s), best, best + 8)
            assert found[0] == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize("space", [SMALL, LARGE], ids=lambda space: space.name)
    @pytest.mark.parametrize("acquisition", sorted(ACQUISITIONS))
    def test_beats_evolution_and_random_search(self, space: Space, acquisition: str) -> None:
        queries = 40 if space is SMALL else 60
        found = [
            best_of(PredictorSearch(space, seed, acquisition=acquisition, refit_every=3, pool=200), queries)
            for seed in range(3)
        ]
        others = [
            best_of(kind(space, seed), queries) for kind in (RegularisedEvolution, RandomSearch) for seed in range(3)
        ]
        assert np.mean(found) > max(others)

    @pytest.mark.parametrize(
        ("surrogate", "targets"),
        [
            *(("gaussian-process", name) for name in sorted(TARGETS)),
            ("ridge", "log-regrets"),
            ("ridge", "normal-scores"),
        ],
    )
    def test_dead_architectures_do_not_hide_the_best(self, surrogate: str, targets: str) -> None:
        # An eighth of the space is far below all others: a straight line through the values themselves follows those.
        def value(genotype: Genotype) -> float:
            return -1000.0 if genotype.values[0] == 0 and genotype.values[1] < 2 else worth(genotype)

        search = PredictorSearch(SMALL, 0, surrogate=surrogate, targets=targets)
        assert best_of(search, 60, value) == 0.0

    @pytest.mark.parametrize(("name", "options"), [("boosting", {"trees": 20}), ("graph", {"steps": 30})])
    def test_slow_surrogates_work_too(self, name: str, options: dict[str, int]) -> None:
        search = PredictorSearch(
            SMALL, 0, surrogate=name, surrogate_options={"members": 2, **options}, refit_every=10, acquisition="mean"
        )
        assert best_of(search, 40) > best_of(RandomSearch(SMALL, 0), 40)

    def test_members_of_a_batch_are_not_neighbours(self) -> None:
        for space in (SMALL, LARGE):
            search = PredictorSearch(space, 0)
            best_of(search, 20)
            batch = search.ask(6)
            for a, b in combinations(batch, 2):
                assert b not in space.neighbours(a)

    @pytest.mark.parametrize("surrogate", ["gaussian-process", "ridge", "boosting", "graph"])
    def test_a_resumed_search_with_an_empty_memory_asks_the_same(self, surrogate: str) -> None:
        options = {"graph": {"steps": 20}, "boosting": {"trees": 10}}.get(surrogate, {})
        for space in (LARGE,) if surrogate == "graph" else (CELL, LARGE):
            whole, resumed = (
                PredictorSearch(space, seed, surrogate=surrogate, surrogate_options=options, refit_every=4, pool=100)
                for seed in (0, 1)
            )
            best_of(whole, 20)
            resumed.load_state_dict(json.loads(json.dumps(whole.state_dict())))
            for _ in range(3):
                asked = whole.ask(3)
                assert resumed.ask(3) == asked
                for search in (whole, resumed):
                    search.tell(asked, [Result(worth(genotype)) for genotype in asked])
            assert resumed.state_dict() == whole.state_dict()

    def test_a_small_space_is_asked_to_its_end(self) -> None:
        space = Space("tiny", [Choice("a", 5), Choice("b", 5)])
        search = PredictorSearch(space, 0, initial_samples=4)
        asked = {search.ask(1)[0] for _ in range(4)}
        search.tell(sorted(asked), [Result(worth(genotype)) for genotype in sorted(asked)])
        while batch := search.ask(3):
            search.tell(batch, [Result(worth(genotype)) for genotype in batch])
            asked |= set(batch)
        assert len(asked) == 25

    def test_refuses_options_it_does_not_know(self) -> None:
        with pytest.raises(ValueError, match="an acquisition of expected-improvement, mean, thompson"):
            PredictorSearch(SMALL, 0, acquisition="ucb")
        with pytest.raises(ValueError, match="targets of log-regrets, normal-scores, values"):
            PredictorSearch(SMALL, 0, targets="ranks")
        with pytest.raises(ValueError, match="initial_samples >= 2, refit_every >= 1 and pool >= 2, not 1, 1 and 500"):
            PredictorSearch(SMALL, 0, initial_samples=1)

    def test_nas_bench_201(self, shared_data: Path) -> None:
        """Regularised evolution has 93.91 after 50 queries, the optimum is 94.373."""
        with np.load(shared_data / "nas_tables/nas_bench_201.npz") as file:
            accuracy = dict(zip(file["key"].tolist(), file["cifar10_test_200ep"].tolist(), strict=True))
        searches = [PredictorSearch(CELL, seed, refit_every=2) for seed in range(4)]
        found = [best_of(search, 50, lambda genotype: accuracy[CELL.key(genotype)]) for search in searches]
        assert np.mean(found) > 94.2
