"""Hand-made predictors of a picture's class: (b, channels, rows, columns) to logits (b, classes)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression as Fitted
from torch import Tensor, nn

from routenas.baselines.resnet import BasicBlock
from searchspaces.space import TaskShape


def width_of(make: Callable[[int], nn.Module], parameters: int, most: int = 1024) -> int:
    """The width, 1 to ``most``, at which what ``make`` gives is nearest to so many trained parameters."""

    def distance(width: int) -> int:
        with torch.device("meta"):
            module = make(width)
        return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad) - parameters

    low, high = 1, most
    while low < high:  # the smallest that is not below
        middle = (low + high) // 2
        low, high = (middle + 1, high) if distance(middle) < 0 else (low, middle)
    return min((max(low - 1, 1), low), key=lambda width: abs(distance(width)))


class ResNet8(nn.Sequential):
    """A residual network for small pictures (He et al., CVPR 2016, section 4.2): 6 ``blocks`` + 2 layers.

    A 3x3 convolution, three stages of ``width``, 2 and 4 times as many channels, the last two of stride 2, the mean.
    """

    output: str = "classes"
    depth = 1

    def __init__(self, shape: TaskShape, width: int = 16) -> None:
        parts: list[nn.Module] = [nn.Conv2d(shape.inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)]
        parts.append(nn.ReLU())
        inputs = width
        for stage in range(3):
            for number in range(self.depth):
                parts.append(BasicBlock(inputs, width << stage, 2 if stage and not number else 1, norm=True))
                inputs = width << stage
        super().__init__(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, shape.outputs))

    @classmethod
    def sized(cls, shape: TaskShape, parameters: int) -> Mapping[str, Any]:
        """The options at which it has about so many parameters."""
        return {"width": width_of(lambda width: cls(shape, width), parameters)}


class ResNet20(ResNet8):
    """The same of twenty layers: three blocks a stage."""

    depth = 3


class PlainCNN(nn.Sequential):
    """Two 3x3 convolutions with 2x2 max-pooling, the mean, a linear layer: a control without any finesse."""

    output: str = "classes"

    def __init__(self, shape: TaskShape, width: int = 32) -> None:
        super().__init__(
            nn.Conv2d(shape.inputs, width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(2 * width, shape.outputs),
        )

    @classmethod
    def sized(cls, shape: TaskShape, parameters: int) -> Mapping[str, Any]:
        """The options at which it has about so many parameters."""
        return {"width": width_of(lambda width: cls(shape, width), parameters)}


class LogisticRegression(nn.Module):
    """Multinomial logistic regression on the normalised pixels: what no look at neighbours is worth.

    ``weight`` (classes, pixels) and ``bias`` are fitted at once. Before it, all logits are 0.
    """

    output: str = "classes"
    weight: Tensor
    bias: Tensor

    def __init__(self, shape: TaskShape) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(shape.outputs, 0))
        self.register_buffer("bias", torch.zeros(shape.outputs))

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, : self.weight.shape[1]] @ self.weight.T + self.bias

    def fit_to(self, task: Any, seed: int) -> None:
        """Fit to the training pictures, with the ridge, of 1, 10 and 100, that is best on the search part."""
        x, y = task.examples_of("train")
        flat = x.flatten(1).numpy()
        best = -np.inf
        kept = self.weight, self.bias
        for ridge in (1.0, 10.0, 100.0):
            found = Fitted(C=1 / ridge, max_iter=300).fit(flat, y.numpy())
            weight, bias = (torch.from_numpy(each).float() for each in (found.coef_, found.intercept_))
            if len(found.classes_) == 2:  # one row of log-odds
                weight, bias = torch.cat([-weight / 2, weight / 2]), torch.cat([-bias / 2, bias / 2])
            self.weight, self.bias = weight, bias
            value = task.score(self, "search")[task.metric]
            if value is None or value > best:
                best, kept = value or 0.0, (weight, bias)
        self.weight, self.bias = kept

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Take weights of whatever number of pixels."""
        if (weight := state_dict.get(f"{prefix}weight")) is not None:
            self.weight = torch.empty_like(weight)
        super()._load_from_state_dict(state_dict, prefix, *rest)
