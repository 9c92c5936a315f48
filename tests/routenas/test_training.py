"""The trainer: reproducible, apart from the global generators, loud on divergence, and it learns what demand does."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from placement_data.errors import InputError
from placement_data.store import Store
from routenas.architecture import Architecture
from routenas.interfaces import Task
from routenas.tasks.decoding import decode
from routenas.tasks.routability import TASKS, RoutabilityTask, TaskName
from routenas.training import BUDGETS, Budget, DivergedError, Schedule, Trained, budget_named, fit, moved, placed
from searchspaces.flexible import FlexibleSpace
from searchspaces.space import Genotype, TaskShape
from tests.samples import SPLIT, made_up_sample

SPACE = FlexibleSpace("extended")
BRIEF = Budget("brief", epochs=2, evaluations=1)
LONGER = Budget("longer", epochs=15, evaluations=3, learning_rate=5e-3)
SHAPE = TaskShape(17, 1, "map")


def weights(genotype: Genotype) -> int:
    return sum(parameter.numel() for parameter in SPACE.build(genotype, SHAPE, seed=0).parameters())


def genotype(seed: int) -> Genotype:
    """A random genotype of at most twenty thousand weights."""
    rng = np.random.default_rng(seed)
    samples = (SPACE.sample(rng) for _ in range(100))
    return next(found for found in samples if weights(found) < 20_000)


@pytest.fixture(scope="module")
def tasks(made_up_store: Path) -> dict[str, RoutabilityTask]:
    store = Store(made_up_store)
    return {name: RoutabilityTask(name, store, SPLIT) for name in TASKS}


NETWORKS = {"searched": Architecture.of(SPACE, genotype(4)), "hand-crafted": Architecture(network="residual-dilated")}


def train(
    architecture: Architecture | Callable[[], nn.Module], task: Task, budget: Budget, seed: int, **options: Any
) -> Trained:
    module = architecture.build(task.shape, seed) if isinstance(architecture, Architecture) else architecture()
    return fit(module, task, budget, seed, **options)


def assert_same_weights(left: Trained, right: Trained) -> None:
    a, b = left.module.state_dict(), right.module.state_dict()
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("network", NETWORKS)
def test_the_same_seed_gives_the_same_weights(tasks: dict[str, RoutabilityTask], name: TaskName, network: str) -> None:
    first, again, other = (train(NETWORKS[network], tasks[name], BRIEF, seed) for seed in (3, 3, 4))
    assert_same_weights(first, again)
    assert first.metrics == again.metrics
    assert first.curve == again.curve
    different = zip(first.module.parameters(), other.module.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in different)


@pytest.mark.parametrize("network", NETWORKS)
def test_global_generators_neither_matter_nor_move(tasks: dict[str, RoutabilityTask], network: str) -> None:
    new, task = NETWORKS[network], tasks["hotspots"]
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
    assert_same_weights(first, train(new, task, BRIEF, 3, progress=draw))


class Explosive(nn.Module):
    """Its output is what its one weight says, whatever comes in."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(value))

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.weight * x[:, :1]
        return output


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_training(tasks: dict[str, RoutabilityTask], value: float) -> None:
    with pytest.raises(DivergedError, match=r"the loss is (nan|inf) in epoch 1"):
        train(lambda: Explosive(value), tasks["hotspots"], BRIEF, 0)


def test_a_prediction_that_is_not_finite_ends_the_training(tasks: dict[str, RoutabilityTask]) -> None:
    class Late(Explosive):
        def forward(self, x: Tensor) -> Tensor:
            output = super().forward(x)
            return output if self.training else output * float("nan")

    with pytest.raises(DivergedError, match="a prediction on the search split is not finite"):
        train(lambda: Late(0.1), tasks["hotspots"], BRIEF, 0)


class Strided(nn.Module):
    """Makes a single tile of a map of up to 8 x 8, in front of batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        layers = [nn.Conv2d(17 if i == 0 else 4, 4, 3, stride=2, padding=1) for i in range(3)]
        self.layers = nn.Sequential(*layers, nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        small: Tensor = self.layers(x)
        return nn.functional.interpolate(small, size=x.shape[-2:])


def test_one_value_a_channel_does_not_stop_batch_normalisation(tmp_path: Path) -> None:
    from placement_data.store import write
    from tests.samples import CHANNEL_VERSION, CHANNELS

    samples = [made_up_sample(f"f{i}/0", f"f{i}", i, (8, 8) if i < 3 else (20, 24)) for i in range(6)]
    write(tmp_path / "small.h5", samples, CHANNELS, CHANNEL_VERSION)
    task = RoutabilityTask("hotspots", tmp_path / "small.h5", SPLIT)
    for batch in (1, 2):
        trained = train(Strided, task, Budget("brief", epochs=2, batch=batch, evaluations=1), 0)
        assert np.isfinite(trained.metrics["roc_auc"])
        # The hooks have gone with the training: torch's own refusal is back.
        with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
            trained.module.train()(torch.rand(1, 17, 8, 8))
        norm = next(layer for layer in trained.module.modules() if isinstance(layer, nn.BatchNorm2d))
        assert norm.training


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("network", NETWORKS)
def test_more_demand_gives_more_violations(tasks: dict[str, RoutabilityTask], name: TaskName, network: str) -> None:
    """The label rises with demand, so a trained network's answer rises when all raw features are scaled up."""
    task = tasks[name]
    trained = train(NETWORKS[network], task, LONGER, 0)
    for example in task.examples("test"):
        answers = []
        for scale in (0.5, 1.0, 2.0):
            maps = torch.from_numpy(task.card.normalisation.apply(scale * example.sample.features))[None]
            with torch.inference_mode():
                answers.append(decode(task.card, trained.module(maps), 1000).mean())
        assert answers[0] < answers[1] < answers[2]


def test_the_label_can_be_learned(tasks: dict[str, RoutabilityTask]) -> None:
    trained = train(NETWORKS["hand-crafted"], tasks["hotspots"], LONGER, 0)
    assert trained.metrics["roc_auc"] > 0.8
    assert not trained.module.training
    assert 1 <= trained.epoch <= LONGER.epochs
    losses = [loss for loss, _ in trained.curve]
    assert len(losses) == LONGER.epochs
    assert losses[-1] < losses[0]
    judged = [epoch for epoch, (_, value) in enumerate(trained.curve, 1) if value is not None]
    assert judged == [5, 10, 15]
    assert trained.curve[trained.epoch - 1][1] == max(value for _, value in trained.curve if value is not None)


def test_progress_counts_epochs(tasks: dict[str, RoutabilityTask]) -> None:
    seen: list[tuple[int, int]] = []
    train(NETWORKS["hand-crafted"], tasks["hotspots"], BRIEF, 0, progress=lambda *at: seen.append(at))
    assert seen == [(1, 2), (2, 2)]


def test_the_step_is_where_trainings_differ(tasks: dict[str, RoutabilityTask]) -> None:
    """Half the loss has half the gradient, which AdamW does not see, but the curve does."""
    plain = train(NETWORKS["hand-crafted"], tasks["hotspots"], BRIEF, 0)
    halved = train(
        NETWORKS["hand-crafted"],
        tasks["hotspots"],
        BRIEF,
        0,
        step=lambda module, task, batch: task.loss(module, batch) / 2,
    )
    assert halved.curve[0][0] == pytest.approx(plain.curve[0][0] / 2, rel=0.1)


def test_module_and_batches_go_to_a_device_together(tasks: dict[str, RoutabilityTask]) -> None:
    """On torch's device without data an operation of two devices fails, so all of a step must have been moved."""
    seen: list[str] = []

    def step(module: nn.Module, task: Task, batch: Any) -> Tensor:
        loss = task.loss(module, batch)
        seen.append(loss.device.type)
        raise StopIteration

    with pytest.raises((StopIteration, RuntimeError)):
        train(NETWORKS["hand-crafted"], tasks["hotspots"], BRIEF, 0, step=step, device="meta")
    assert seen == ["meta"]


def test_answers_come_back_from_a_device() -> None:
    module = nn.Linear(3, 2)
    forward = placed(module, "cpu")
    assert forward is module
    batch = {"x": (torch.ones(2), [torch.zeros(1)]), "name": "kept"}
    assert moved(batch, "cpu") is batch
    there = moved(batch, "meta")
    assert there["x"][0].device.type == there["x"][1][0].device.type == "meta"
    assert there["name"] == "kept"


def test_budgets_by_name_and_by_value() -> None:
    assert budget_named("smoke").epochs < budget_named("fast").epochs < budget_named("full").epochs
    with pytest.raises(InputError, match="no such budget, found 'huge', expected smoke, fast, full"):
        budget_named("huge")
    full = BUDGETS["full"]
    assert full.changed(epochs=None, batch=None) is full
    assert full.changed(epochs=30) is full
    assert full.changed(epochs=4).changed(epochs=4).name == "full-epochs-4"
    changed = full.changed(epochs=4, learning_rate=0.01)
    assert changed == Budget("full-epochs-4-learning-rate-0.01", epochs=4, learning_rate=0.01, evaluations=4)
    for wrong in ({"epochs": 0}, {"batch": 0}, {"learning_rate": -1.0}, {"learning_rate": float("nan")}):
        with pytest.raises(InputError, match="a budget needs positive epochs"):
            full.changed(**wrong)


class OneWeight(nn.Module):
    """A map of one learned number."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * x[:, :1]


class TwoNames(OneWeight):
    """The same, and its number goes by a second name, as that of tied layers does."""

    def __init__(self) -> None:
        super().__init__()
        self.again = self.weight


@pytest.mark.parametrize("kind", [OneWeight, TwoNames])
@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, -4.0 * 0.1 * 12),  # two epochs of six batches, each a step of rate times slope
        ({"clip": 1.0}, -0.1 * 12),
        ({"warm_up": 4}, -4.0 * 0.1 * (0.25 + 0.5 + 0.75 + 9)),
        ({"rate": lambda done: float(done < 0.5)}, -4.0 * 0.1 * 6),
        # The mean of the weights after each step as long as it is plain (2 x 6 steps), which is all of this training.
        ({"averaged": True}, -4.0 * 0.1 * (1 + 12) / 2),
    ],
)
def test_a_schedule_moves_weights_as_it_says(
    tasks: dict[str, RoutabilityTask], options: dict[str, Any], wanted: float, kind: type[OneWeight]
) -> None:
    plain: dict[str, Any] = {"rate": lambda done: 1.0, "warm_up": 0, "clip": math.inf, "averaged": False}
    schedule = Schedule(lambda parameters, budget: torch.optim.SGD(parameters, lr=0.1), **{**plain, **options})

    def slope_of_four(module: nn.Module, task: Task, batch: Any) -> Tensor:
        return 4 * next(module.parameters())

    budget = Budget("two", epochs=2, evaluations=1)
    trained = fit(kind(), tasks["hotspots"], budget, 0, slope_of_four, schedule=schedule)
    assert float(trained.module.state_dict()["weight"]) == pytest.approx(wanted, rel=1e-5)


def test_weights_are_averaged_as_a_loop_over_the_state_does_it() -> None:
    from routenas import training

    module = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 3, 1))
    average = training._Average(module)
    wanted = {name: value.clone() for name, value in module.state_dict().items()}
    for step in range(1, 6):
        module(torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(step)))  # moves the running statistics
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(step)
        average.update(horizon=3)
        for name, value in module.state_dict().items():
            wanted[name] = (
                wanted[name].lerp(value, max(1 / 3, 1 / step)) if value.is_floating_point() else value.clone()
            )
    found = average.module.state_dict()
    assert found["1.num_batches_tracked"] == 5
    assert all(torch.equal(found[name], value) for name, value in wanted.items())
