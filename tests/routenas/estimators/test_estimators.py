"""Estimators around estimators: the contract for each, and what each adds."""

from __future__ import annotations

import pytest
import torch

from routenas.estimators.cached import Cached
from routenas.estimators.costed import Costed, latency, multiply_adds, parameters
from routenas.estimators.early_stop import MedianStopped
from routenas.estimators.halving import SuccessiveHalving
from routenas.estimators.noisy import Noisy
from routenas.estimators.parallel import Parallel
from routenas.executor import InProcess
from routenas.interfaces import Estimator
from routenas.results import Result, Trial
from routenas.search import search
from routenas.strategies import strategy_class
from routenas.strategies.wrappers import Deduplicated, FailurePenalty, Repeated
from searchspaces.flexible import FlexibleSpace
from searchspaces.nasbench201 import NasBench201Space
from searchspaces.space import Genotype, TaskShape
from tests.contracts.estimators import BAD, GOOD, SPACE, EstimatorContract, Quality


class TestCached(EstimatorContract):
    def make(self, inner: Quality) -> Estimator:
        return Cached(inner)

    def test_a_repeat_costs_nothing_and_is_counted(self) -> None:
        inner = Quality()
        cached = Cached(inner)
        first = cached.estimate([GOOD[0], GOOD[1], GOOD[0]])
        again = cached.estimate([GOOD[1], GOOD[2]])
        assert [result.repeated for result in first + again] == [False, False, True, True, False]
        assert inner.asked == [GOOD[0], GOOD[1], GOOD[2]]
        assert cached.hits == 2
        assert first[2].value == first[0].value

    def test_a_strategy_that_repeats_itself_ends(self) -> None:
        class Stubborn:
            def ask(self, n: int) -> list[Genotype]:
                return [GOOD[0]] * n

            def tell(self, genotypes: object, results: object) -> None:
                pass

        trials = search(Stubborn(), Cached(Quality()), 5)  # type: ignore[arg-type]
        assert sum(not trial.result.repeated for trial in trials) == 1
        assert len(trials) == 1001

    def test_known_trials(self) -> None:
        inner = Quality()
        cached = Cached(inner, [Trial(GOOD[0], Result(0.5))])
        assert cached.estimate([GOOD[0]]) == [Result(0.5, repeated=True)]
        assert inner.asked == []


class TestCosted(EstimatorContract):
    def make(self, inner: Quality) -> Estimator:
        return Costed(inner, lambda genotype: 1.0 + genotype.values[1], 2.0)

    def test_the_reward_by_hand(self) -> None:
        (plain,) = Quality().estimate([GOOD[1]])
        (soft,) = Costed(Quality(), {GOOD[1]: 8.0}, 2.0).estimate([GOOD[1]])
        (hard,) = Costed.hard(Quality(), {GOOD[1]: 8.0}, 2.0).estimate([GOOD[1]])
        (cheap,) = Costed.hard(Quality(), {GOOD[1]: 1.0}, 2.0).estimate([GOOD[1]])
        assert plain.value is not None
        assert soft.value == pytest.approx(plain.value * 4**-0.07)
        assert hard.value == pytest.approx(plain.value / 4)
        assert cheap.value == plain.value
        assert (soft.costs["cost"], soft.metrics["quality"]) == (8.0, plain.value)

    def test_what_has_no_cost_fails(self) -> None:
        (result,) = Costed(Quality(), {}, 2.0).estimate([GOOD[0]])
        assert result.value is None
        assert result.message == "no cost is known, found None"

    def test_costs_of_networks(self) -> None:
        space = NasBench201Space(channels=4, cells=1)
        small, large = space.from_key("111111"), space.from_key("333333")
        task, image = TaskShape(3, 10), torch.zeros(1, 3, 8, 8)
        for cost in (parameters(space, task), multiply_adds(space, task, image)):
            assert 0 < cost(small) < cost(large)
        layer = torch.nn.Conv2d(3, 4, 3, padding=1)
        single = type("One", (), {"build": lambda self, genotype, shape, seed: layer})()
        assert multiply_adds(single, task, image)(small) == 4 * 8 * 8 * 3 * 9
        threads = torch.get_num_threads()
        assert latency(space, task, image, repeats=3, warm_up=1)(large) > 0
        assert torch.get_num_threads() == threads

    def test_networks_have_the_inputs_of_the_task(self) -> None:
        space = FlexibleSpace()
        genotype = space.residual_dilated(16)
        # The network of one tile has 32 weights an input, whatever else there is.
        five, seventeen = (parameters(space, TaskShape(inputs, 1, "map"))(genotype) for inputs in (5, 17))
        assert seventeen - five == 12 * 32


class TestNoisy(EstimatorContract):
    def make(self, inner: Quality) -> Estimator:
        return Noisy(inner, 0.1, 3)

    def test_noise_follows_the_genotype_and_the_repeat_not_the_order(self) -> None:
        forth, back = Noisy(Quality(), 0.1, 3), Noisy(Quality(), 0.1, 3)
        assert forth.estimate(GOOD) == back.estimate(GOOD[::-1])[::-1]
        again = forth.estimate(GOOD)
        assert again != Noisy(Quality(), 0.1, 3).estimate(GOOD)
        assert Noisy(Quality(), 0.0).estimate(GOOD) == Quality().estimate(GOOD)


class TestParallel(EstimatorContract):
    def make(self, inner: Quality) -> Estimator:
        return Parallel(InProcess(inner))


class TestHalving(EstimatorContract):
    def make(self, inner: Quality) -> Estimator:
        return SuccessiveHalving([inner], 2)

    def test_the_best_reach_the_last_fidelity_and_are_charged_for_all(self) -> None:
        low, high = Quality(), Quality()
        results = SuccessiveHalving([low, high], 2).estimate([*GOOD, BAD])
        assert len(low.asked) == 5
        assert high.asked == [GOOD[1], GOOD[3]]
        assert [result.metrics["fidelity"] for result in results] == [0, 1, 0, 1, 0]
        assert [result.epochs for result in results] == [1.0, 2.0, 1.0, 2.0, 1.0]


class TestMedianStopped(EstimatorContract):
    def make(self, inner: Quality) -> Estimator:
        return MedianStopped([inner])

    def test_the_hopeless_are_stopped(self) -> None:
        low, high = Quality(), Quality()
        results = MedianStopped([low, high], least=2).estimate([GOOD[1], GOOD[3], GOOD[0], BAD])
        assert [result.epochs for result in results] == [2.0, 2.0, 1.0, 1.0]
        assert results[2].message == "stopped at fidelity 0: below the median of 2"

    def test_a_resumed_search_knows_what_was_seen(self) -> None:
        whole = MedianStopped([Quality(), Quality()], least=2)
        first = whole.estimate(GOOD[:3])
        resumed = MedianStopped([Quality(), Quality()], 2, [Trial(*pair) for pair in zip(GOOD, first, strict=False)])
        assert resumed.estimate(GOOD[3:]) == whole.estimate(GOOD[3:])


class TestWrappers:
    def test_deduplicated(self) -> None:
        strategy = Deduplicated(strategy_class("random")(SPACE, 0, distinct=False))
        trials = search(strategy, Quality(), 50)
        assert len({trial.genotype for trial in trials}) == 50
        assert strategy.repeats > 0

    def test_repeated(self) -> None:
        noisy = Noisy(Quality(), 0.5, 1)
        strategy = Repeated(strategy_class("random")(SPACE, 0), 3)
        trials = search(strategy, noisy, 12)
        assert [trial.genotype for trial in trials[:3]] == [trials[0].genotype] * 3
        usable = [trial.result.value for trial in trials[:3] if trial.result.value is not None]
        told = strategy.strategy.state_dict()["results"]
        if usable:
            assert told[0] == pytest.approx(sum(usable) / 3)

    def test_failure_penalty(self) -> None:
        strategy = FailurePenalty(strategy_class("random")(SPACE, 0), -1.0)
        strategy.tell([BAD], [Result(None)])
        assert strategy.strategy.state_dict()["results"] == [-1.0]

    @pytest.mark.parametrize("wrapper", [Deduplicated, Repeated])
    def test_resume(self, wrapper: type[Deduplicated]) -> None:
        def make(seed: int) -> Deduplicated:
            return wrapper(strategy_class("evolution")(SPACE, seed, population=4, tournament=2))

        whole = make(1)
        search(whole, Quality(), 10)
        resumed = make(7)
        resumed.load_state_dict(whole.state_dict())
        first, second = (search(strategy, Quality(), 12) for strategy in (whole, resumed))
        assert [trial.genotype for trial in first] == [trial.genotype for trial in second]
