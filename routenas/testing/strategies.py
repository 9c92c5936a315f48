"""The contract of a search strategy: subclass `StrategyContract`, set ``strategy``, and have all tests."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from routenas.results import Result
from routenas.strategies import Strategy
from routenas.testing.above import check_resume
from routenas.testing.estimators import SPACE, Quality
from searchspaces.flexible import FlexibleSpace
from searchspaces.space import Choice, Genotype, Space


def conditional() -> Space:
    """Fourteen choices, six of which are active under one of the options of the first."""
    left = [Choice(f"left{i}", 4, when=("kind", ("a", "b"))) for i in range(3)]
    right = [Choice(f"right{i}", 4, when=("kind", ("c",))) for i in range(3)]
    both = [Choice(f"both{i}", 4) for i in range(7)]
    return Space("conditional", [Choice("kind", ("a", "b", "c")), *left, *right, *both])


SPACES: dict[str, Callable[[], Space]] = {
    "extended": lambda: FlexibleSpace(inputs=("wires", "pins", "cells")),
    "paper": lambda: FlexibleSpace("paper", 3),
    "categorical": lambda: Space("categorical", [Choice(f"edge{i}", 5) for i in range(10)]),
    "conditional": conditional,
}


def part_of(space: Space, seed: int, choices: int = 5) -> Space:
    """A sub-space in which some random choices are fixed, to what a random architecture has there."""
    rng = np.random.default_rng(seed)
    member = space.sample(rng)
    for i in rng.choice(len(space.choices), size=choices, replace=False).tolist():
        space = space.fix(space.choices[i].name, member.values[i])
    return space


def reward(genotype: Genotype) -> float:
    """A number that depends on every choice."""
    return sum(value * ((7 * i) % 11 - 5) for i, value in enumerate(genotype.values)) / 1000


def found(genotype: Genotype) -> Result:
    """The reward with two costs; one of seven architectures fails, some of these without a cost."""
    number = sum(genotype.values)
    costs = {"parameters": 10.0 + number, "latency": 1.0 + genotype.values[-1]}
    if number % 7 == 0:
        return Result(None, {}, "failed", costs if number % 2 else {})
    return Result(reward(genotype), {"number": number}, "", costs)


class StrategyContract:
    """Every strategy keeps these. It asks at least 79 different genotypes of spaces that have so many."""

    strategy: Callable[..., Strategy]
    """Called with a space, a seed and options."""

    @pytest.fixture(params=sorted(SPACES))
    def space(self, request: pytest.FixtureRequest) -> Space:
        """A space that the strategy must cope with."""
        return SPACES[request.param]()

    def make(self, space: Space, seed: int, **options: object) -> Strategy:
        """The strategy under test, a new one each time."""
        return type(self).strategy(space, seed, **options)

    def run(self, strategy: Strategy, rounds: int, result: Callable[[Genotype], Result] = found) -> list[Genotype]:
        """Ask 1, 2, 3, 1, ... genotypes and tell their results; all that were asked."""
        asked = []
        for i in range(rounds):
            batch = strategy.ask(1 + i % 3)
            strategy.tell(batch, [result(genotype) for genotype in batch])
            asked += batch
        return asked

    def test_asks_canonical_members_of_the_space_and_none_twice(self, space: Space) -> None:
        asked = self.run(self.make(space, 0), 40)
        assert len(asked) == 79  # 1 + 2 + 3 + 1 + ...: 13 times 6, and 1
        assert len(set(asked)) == 79
        assert all(space.canonical(genotype) == genotype for genotype in asked)

    def test_same_seed_same_run(self, space: Space) -> None:
        first, again, other = (self.run(self.make(space, seed), 15) for seed in (5, 5, 6))
        assert first == again != other

    def test_kill_and_resume_equals_an_uninterrupted_run(self, space: Space) -> None:
        whole = self.make(space, 1)
        self.run(whole, 12)
        open_ = whole.ask(3)  # the run dies while three are being trained
        state = json.loads(json.dumps(whole.state_dict(), allow_nan=False))
        resumed = self.make(space, 99)
        resumed.load_state_dict(state)
        for strategy in (whole, resumed):
            strategy.tell(open_, [found(genotype) for genotype in open_])
        assert self.run(whole, 9) == self.run(resumed, 9)
        assert whole.state_dict() == resumed.state_dict()

    def test_kill_and_resume_by_a_journal(self, tmp_path: Path) -> None:
        check_resume(lambda: self.make(SPACE, 1), Quality, tmp_path, trials=9)

    @pytest.mark.parametrize("seed", range(3))
    def test_its_own_policy_answers_on_a_sub_space(self, space: Space, seed: int) -> None:
        part = part_of(space, seed)
        strategy = self.make(part, seed)
        asked = self.run(strategy, 10)
        assert len(set(asked)) == len(asked) == 19
        assert all(part.contains(genotype) for genotype in asked)
        # Strategies of one's own that do not build on `AskTell` have no fallback.
        assert getattr(strategy, "fallbacks", 0) <= 1

    def test_state_of_another_strategy_or_space_is_refused(self, space: Space) -> None:
        state = self.make(space, 0).state_dict()
        for key in ("strategy", "space"):
            with pytest.raises(ValueError, match="expected"):
                self.make(space, 0).load_state_dict(state | {key: "other"})

    @pytest.mark.parametrize("failure", [None, float("nan"), float("-inf"), float("inf")])
    def test_survives_failures(self, space: Space, failure: float | None) -> None:
        outcomes = iter([failure] * 4 + [0.5, failure, 0.25, failure] * 50)
        strategy = self.make(space, 2)
        asked = self.run(strategy, 30, lambda _: Result(next(outcomes)))
        assert len(set(asked)) == len(asked) == 60
        json.dumps(strategy.state_dict(), allow_nan=False)

    def test_a_failure_counts_as_the_worst_result(self, space: Space) -> None:
        failed, worst = self.make(space, 3), self.make(space, 3)
        for strategy in (failed, worst):
            self.run(strategy, 15)
        batch = failed.ask(2)
        assert batch == worst.ask(2)
        lowest = min(failed.state_dict()["results"])
        other = Result(0.1, costs={"parameters": 20.0, "latency": 3.0})
        failed.tell(batch, [Result(None, costs={"parameters": 0.0}), other])  # cheap, and worth nothing
        worst.tell(batch, [Result(lowest), other])
        assert failed.state_dict() == worst.state_dict()

    def test_an_exhausted_space_gives_fewer_and_then_none(self) -> None:
        tiny = Space("tiny", [Choice("a", 2), Choice("b", ("x", "y", "z"))])
        strategy = self.make(tiny, 0)
        asked = strategy.ask(4)
        strategy.tell(asked, [Result(value) for value in (0.1, None, 0.3, 0.2)])
        asked += strategy.ask(10)
        assert sorted(genotype.values for genotype in asked) == [(a, b) for a in range(2) for b in range(3)]
        assert strategy.ask(1) == []

    def test_told_genotypes_are_not_asked(self) -> None:
        tiny = Space("tiny", [Choice("a", 2), Choice("b", 3)])
        strategy = self.make(tiny, 0)
        known = [tiny.genotype((0, b)) for b in range(3)]
        strategy.tell(known, [Result(value) for value in (0.3, 0.2, None)])
        assert {genotype.values for genotype in strategy.ask(10)} == {(1, 0), (1, 1), (1, 2)}

    def test_asks_initial_genotypes_first(self) -> None:
        extended = SPACES["extended"]()
        initial = list(extended.controls)
        assert len(initial) == 4
        assert self.make(extended, 0, initial=initial).ask(5)[:4] == initial

    def test_refuses_what_is_not_a_result_of_this_space(self, space: Space) -> None:
        strategy = self.make(space, 0)
        with pytest.raises(ValueError, match="a result for each of 2 genotypes, not 1"):
            strategy.tell(strategy.ask(2), [Result(0.5)])
        with pytest.raises(ValueError, match="expected"):
            strategy.tell([Genotype("elsewhere", (0,))], [Result(0.5)])

    def test_no_global_randomness(self, space: Space) -> None:
        def streams() -> Sequence[object]:
            return random.getstate(), pickle.dumps(np.random.get_state()), torch.get_rng_state().tolist()  # noqa: NPY002

        before = streams()
        self.run(self.make(space, 0), 10)
        assert streams() == before
