"""The trainer: reproducible, apart from the global generators, loud on divergence, and it learns what demand does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from placement_data.store import Store
from routenas.checkpoint import build, hand_crafted, searched
from routenas.results import Result
from routenas.tasks.routability import TASKS, RoutabilityTask, TaskName
from routenas.training import BUDGETS, Budget, DivergedError, Trained, budget_named, seeded, train
from searchspaces.flexible import FlexibleSpace
from searchspaces.space import Genotype, TaskShape
from tests.samples import SPLIT

SPACE = FlexibleSpace("extended")
BRIEF = Budget("brief", epochs=2, evaluations=1)
LONGER = Budget("longer", epochs=15, evaluations=3, learning_rate=5e-3)


def genotype(seed: int) -> Genotype:
    """A random genotype of at most twenty thousand weights."""
    rng = np.random.default_rng(seed)
    return next(
        found for _ in range(100) if SPACE.cost(found := SPACE.sample(rng), TaskShape(17, 1, "map")).parameters < 20_000
    )


@pytest.fixture(scope="module")
def tasks(made_up_store: Path) -> dict[str, RoutabilityTask]:
    store = Store(made_up_store)
    return {name: RoutabilityTask(name, store, SPLIT) for name in TASKS}


def factory(value: dict[str, object], task: TaskName) -> Callable[[int], nn.Module]:
    return lambda seed: build(value, task, 17, seed)


NETWORKS = {"searched": searched(SPACE, genotype(4)), "hand-crafted": hand_crafted("residual-dilated")}


def assert_same_weights(left: Trained, right: Trained) -> None:
    a, b = left.module.state_dict(), right.module.state_dict()
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("network", NETWORKS)
def test_the_same_seed_gives_the_same_weights(tasks: dict[str, RoutabilityTask], name: TaskName, network: str) -> None:
    new = factory(NETWORKS[network], name)
    first, again, other = (train(new, tasks[name], BRIEF, seed) for seed in (3, 3, 4))
    assert_same_weights(first, again)
    assert first.metrics == again.metrics
    different = zip(first.module.parameters(), other.module.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in different)


@pytest.mark.parametrize("network", NETWORKS)
def test_global_generators_neither_matter_nor_move(tasks: dict[str, RoutabilityTask], network: str) -> None:
    new, task = factory(NETWORKS[network], "hotspots"), tasks["hotspots"]
    first = train(new, task, BRIEF, 3)

    def draw(epoch: int, epochs: int) -> None:
        np.random.random(7)  # noqa: NPY002 the legacy generator is what strangers draw from

    torch.manual_seed(77)
    np.random.seed(77)  # noqa: NPY002
    before = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    second = train(new, task, BRIEF, 3)
    after = torch.random.get_rng_state(), np.random.get_state()[1]  # noqa: NPY002
    assert_same_weights(first, second)
    assert torch.equal(before[0], after[0])
    np.testing.assert_array_equal(before[1], after[1])
    torch.rand(5)
    assert_same_weights(first, train(new, task, BRIEF, 3, draw))


def test_seeded_restores_the_generator_after_an_error() -> None:
    before = torch.random.get_rng_state()

    def fail() -> None:
        with seeded(1):
            torch.rand(3)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.equal(before, torch.random.get_rng_state())


class Explosive(nn.Module):
    """Its output is what its one weight says, whatever comes in."""

    def __init__(self, value: float, training_only: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(value))
        self.training_only = training_only

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.weight * x[:, :1]
        return output


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_training(tasks: dict[str, RoutabilityTask], value: float) -> None:
    with pytest.raises(DivergedError, match=r"the loss is (nan|inf) in epoch 1"):
        train(lambda seed: Explosive(value), tasks["hotspots"], BRIEF, 0)


def test_a_prediction_that_is_not_finite_ends_the_training(tasks: dict[str, RoutabilityTask]) -> None:
    class Late(Explosive):
        def forward(self, x: Tensor) -> Tensor:
            output = super().forward(x)
            return output if self.training else output * float("nan")

    with pytest.raises(DivergedError, match="a prediction on the search split is not finite"):
        train(lambda seed: Late(0.1), tasks["hotspots"], BRIEF, 0)


def test_an_estimator_turns_divergence_into_a_result(
    tasks: dict[str, RoutabilityTask], monkeypatch: pytest.MonkeyPatch
) -> None:
    from routenas.estimators import scratch

    estimator = scratch.TrainedFromScratch(SPACE, tasks["hotspots"], BRIEF, 0)
    genotypes = [genotype(seed) for seed in (1, 2)]

    def results(error: Exception) -> list[Result]:
        def fail(*_: object) -> None:
            raise error

        monkeypatch.setattr(scratch, "train", fail)
        return estimator.estimate(genotypes)

    for error, message in ((DivergedError("the loss is nan"), "the loss is nan"), (MemoryError(), "MemoryError")):
        for result in results(error):
            assert result.value is None
            assert result.message == message
            assert result.costs["parameters"] > 0


def test_a_result_does_not_depend_on_its_neighbours(tasks: dict[str, RoutabilityTask]) -> None:
    from routenas.estimators.scratch import TrainedFromScratch

    estimator = TrainedFromScratch(SPACE, tasks["violated_nets"], BUDGETS["smoke"], 5)
    a, b = genotype(1), genotype(2)
    together, alone = estimator.estimate([a, b]), [*estimator.estimate([b]), *estimator.estimate([a])]
    assert [result.value for result in together] == [result.value for result in alone[::-1]]


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("network", NETWORKS)
def test_more_demand_gives_more_violations(tasks: dict[str, RoutabilityTask], name: TaskName, network: str) -> None:
    """The label rises with demand, so a trained network's answer rises when all raw features are scaled up."""
    task = tasks[name]
    trained = train(factory(NETWORKS[network], name), task, LONGER, 0)
    for example in task.examples("test"):
        answers = [
            task.predict(trained.module, task.normalisation.apply(scale * example.sample.features), 1000).mean()
            for scale in (0.5, 1.0, 2.0)
        ]
        assert answers[0] < answers[1] < answers[2]


def test_the_label_can_be_learned(tasks: dict[str, RoutabilityTask]) -> None:
    trained = train(factory(NETWORKS["hand-crafted"], "hotspots"), tasks["hotspots"], LONGER, 0)
    assert trained.metrics["roc_auc"] > 0.8
    assert not trained.module.training
    assert 1 <= trained.epoch <= LONGER.epochs


def test_progress_counts_epochs(tasks: dict[str, RoutabilityTask]) -> None:
    seen: list[tuple[int, int]] = []
    train(factory(NETWORKS["hand-crafted"], "hotspots"), tasks["hotspots"], BRIEF, 0, lambda *at: seen.append(at))
    assert seen == [(1, 2), (2, 2)]


def test_budgets_by_name() -> None:
    assert budget_named("smoke").epochs < budget_named("fast").epochs < budget_named("full").epochs
    with pytest.raises(Exception, match="no such budget, found 'huge', expected smoke, fast, full"):
        budget_named("huge")
