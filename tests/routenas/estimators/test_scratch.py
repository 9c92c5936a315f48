"""Training from scratch keeps the contract of an estimator, on a task and a space that the package does not know."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from routenas.architecture import Architecture
from routenas.estimators.scratch import Retrained, Retraining, TrainedFromScratch
from routenas.interfaces import Estimator
from routenas.testing.estimators import EstimatorContract
from routenas.training import Budget
from searchspaces.operators import seeded
from searchspaces.space import Choice, Genotype, Space, TaskShape
from tests.adapters.digits import Digits

BUDGET = Budget("brief", epochs=2, batch=16, evaluations=1)


class Scaled(nn.Sequential):
    def __init__(self, width: int, scale: float) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * self.scale  # type: ignore[no-any-return]


class Widths(Space):
    """Perceptrons of several widths; the last option of the second choice diverges."""

    def __init__(self) -> None:
        super().__init__("widths", [Choice("width", 3), Choice("scale", 2)])

    def build(self, genotype: Genotype, shape: TaskShape, *, seed: int) -> nn.Module:
        width, wild = self.canonical(genotype).values
        return seeded(lambda: Scaled(4 << width, float("nan") if wild else 1.0), seed)


SPACE = Widths()


class TestTrainedFromScratch(EstimatorContract):
    space = SPACE
    good = tuple(SPACE.genotype((width, 0)) for width in range(3))
    bad = SPACE.genotype((1, 1))
    costs = ("parameters", "multiplications")

    def make(self) -> Estimator:
        return TrainedFromScratch(Digits(150), BUDGET, SPACE, 3)


def test_costs_epochs_and_curve() -> None:
    good, bad = TrainedFromScratch(Digits(150), BUDGET, SPACE, 0).estimate(
        [SPACE.genotype((2, 0)), SPACE.genotype((2, 1))]
    )
    assert good.costs == bad.costs == {"parameters": 64 * 16 + 16 + 16 * 10 + 10, "multiplications": 64 * 16 + 16 * 10}
    assert (good.epochs, len(good.metrics["curve"]["loss"]), good.metrics["curve"]["value"][-1]) == (2.0, 2, good.value)
    assert (bad.value, bad.epochs, bad.message) == (None, 1.0, "the loss is nan in epoch 1")


def test_a_retraining_is_kept_and_not_repeated(tmp_path: Path) -> None:
    estimator = Retrained(Digits(150), BUDGET, tmp_path)
    item = Retraining(Architecture.of(SPACE, SPACE.genotype((0, 0))), 7)
    (first,) = estimator.estimate([item])
    assert first.value is not None
    state = estimator.state(item)
    (again,) = dataclasses.replace(estimator, task=None).estimate([item])  # type: ignore[arg-type]
    assert (again.value, again.epochs) == (first.value, 0.0)
    module = item.architecture.build(Digits.shape, 0)
    module.load_state_dict(state)
    assert Digits(150).score(module.eval(), "search")["accuracy"] == pytest.approx(first.value)
    assert all(isinstance(tensor, torch.Tensor) for tensor in state.values())
