"""Quality against cost: the reward of MnasNet, and what an architecture costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from routenas.interfaces import Estimator
from routenas.results import Result
from searchspaces import operators
from searchspaces.space import Genotype, Space, TaskShape

Cost = Callable[[Genotype], float]

SOFT_WEIGHT = -0.07


class Costed(Estimator):
    """Multiplies every value with (cost / target)^w (Tan et al., CVPR 2019, arXiv 1807.11626, equation 2).

    ``below`` is w where the cost is at most the target, ``above`` where it is larger: both -0.07 trade quality
    smoothly for cost (soft), ``below`` 0 and ``above`` -1 make the target a constraint (hard). ``cost`` is a function,
    or a table by genotype; an architecture without a cost fails. The quality itself is in ``metrics["quality"]``, the
    cost in ``Result.costs`` under ``name``. Values must not be negative: a reward that multiplies would turn them.
    """

    def __init__(
        self,
        estimator: Estimator,
        cost: Cost | Mapping[Genotype, float],
        target: float,
        below: float = SOFT_WEIGHT,
        above: float = SOFT_WEIGHT,
        name: str = "cost",
    ) -> None:
        if not target > 0:
            raise ValueError(f"the target cost must be above 0, not {target}")
        self.estimator, self.target, self.below, self.above, self.name = estimator, target, below, above, name
        self._cost: Callable[[Genotype], float | None] = cost.get if isinstance(cost, Mapping) else cost

    @classmethod
    def hard(cls, estimator: Estimator, cost: Cost | Mapping[Genotype, float], target: float) -> Costed:
        """The target as a constraint: no reward for less, a proportional penalty for more."""
        return cls(estimator, cost, target, 0.0, -1.0)

    def estimate(self, genotypes: Sequence[Genotype]) -> list[Result]:
        """See ``Estimator``."""
        results = self.estimator.estimate(genotypes)
        return [self._rewarded(*pair) for pair in zip(genotypes, results, strict=True)]

    def _rewarded(self, genotype: Genotype, result: Result) -> Result:
        if result.value is None:
            return result
        cost = self._cost(genotype)
        if cost is None or not cost > 0:
            return replace(result, value=None, message=f"no cost is known, found {cost}")
        costs = {**result.costs, self.name: cost}
        if result.value < 0:
            return replace(result, value=None, costs=costs, message=f"the quality is negative, found {result.value}")
        ratio = cost / self.target
        reward = result.value * ratio ** (self.below if ratio <= 1 else self.above)
        return replace(result, value=reward, costs=costs, metrics={**result.metrics, "quality": result.value})


def parameters(space: Space, shape: TaskShape) -> Cost:
    """Trainable parameters of the network that a genotype builds."""

    def cost(genotype: Genotype) -> float:
        module = space.build(genotype, shape, seed=0)
        return float(sum(weight.numel() for weight in module.parameters() if weight.requires_grad))

    return cost


def multiply_adds(space: Space, shape: TaskShape, *example: Tensor) -> Cost:
    """Multiplications of convolutions and linear layers in one forward pass of ``example``, a batch of one."""

    def cost(genotype: Genotype) -> float:
        return float(operators.multiply_adds(space.build(genotype, shape, seed=0).eval(), *example))

    return cost


def latency(
    space: Space, shape: TaskShape, *example: Tensor, repeats: int = 9, warm_up: int = 3, threads: int = 1
) -> Cost:
    """Milliseconds of one forward pass of ``example`` here: the median of ``repeats``, after ``warm_up`` passes.

    The number of threads is fixed while it measures and put back afterwards.
    """

    def cost(genotype: Genotype) -> float:
        module = space.build(genotype, shape, seed=0).eval()
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            with torch.inference_mode():
                for _ in range(warm_up):
                    module(*example)
                seconds = [_seconds(module, *example) for _ in range(repeats)]
        finally:
            torch.set_num_threads(before)
        return 1000.0 * float(np.median(seconds))

    return cost


def _seconds(module: nn.Module, *example: Tensor) -> float:
    start = time.perf_counter()
    module(*example)
    return time.perf_counter() - start
