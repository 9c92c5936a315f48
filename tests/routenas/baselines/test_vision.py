"""The hand-made predictors of a picture's class."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression as Fitted
from torch import nn

from routenas.baselines.vision import LogisticRegression, PlainCNN, ResNet8, ResNet20
from routenas.comparison import parameters_of
from routenas.tasks.vision import VisionTask
from searchspaces.space import TaskShape

SHAPE = TaskShape(3, 10, "classes")


def test_the_residual_network_is_the_published_one() -> None:
    """Table 6 of the paper: 0.27 million parameters with 20 layers."""
    module = ResNet20(SHAPE)
    assert parameters_of(module) == pytest.approx(0.27e6, rel=0.02)
    layers = [part for part in module.modules() if isinstance(part, nn.Conv2d) and part.kernel_size == (3, 3)]
    assert len(layers) + 1 == 20
    assert module.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("kind", [ResNet8, ResNet20, PlainCNN])
@pytest.mark.parametrize("parameters", [1, 5_000, 40_000])
def test_the_nearest_width(kind: type[ResNet8] | type[PlainCNN], parameters: int) -> None:
    found = abs(parameters_of(kind(SHAPE, **kind.sized(SHAPE, parameters))) - parameters)
    assert found == min(abs(parameters_of(kind(SHAPE, width)) - parameters) for width in range(1, 48))


def test_logistic_regression_is_the_one_of_scikit_learn() -> None:
    task = VisionTask("digits")
    module = LogisticRegression(task.shape)
    module.fit_to(task, 0)
    (x, y), (search, labels) = task.examples_of("train"), task.examples_of("search")
    found = [Fitted(C=1 / ridge, max_iter=300).fit(x.flatten(1), y) for ridge in (1, 10, 100)]
    best = max(model.score(search.flatten(1), labels) for model in found)
    assert task.score(module, "search")["accuracy"] == pytest.approx(best)
    again = LogisticRegression(task.shape)
    again.load_state_dict(module.state_dict())
    assert np.array_equal(again(search), module(search))
