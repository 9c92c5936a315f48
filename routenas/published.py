"""The losses and schedules that papers trained their networks with, where they differ from the shared trainer's.

A hotspot label is 1 where a tile has a violation, which is the papers' density of violations clipped at one. The output
of a network is a logit as everywhere; a loss on densities sees its sigmoid, as does a tanh image (2 sigmoid - 1), so
that the answers of all rows are read alike. What is the same for all rows: data, mirrorings, number of epochs (that of
the budget, for data sets of a few hundred maps), maps a step where the paper's number is not 1, and that the best state
on the search split is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from placement_data.errors import SettingError
from routenas.architecture import Architecture
from routenas.baselines import PUBLISHED
from routenas.baselines.pix2pix import PatchDiscriminator
from routenas.interfaces import Task
from routenas.look_up import look_up
from routenas.tasks.card import RATIO_FLOOR
from routenas.training import Budget, Progress, Schedule, Step, Trained, cosine, fit, plain
from searchspaces.operators import seeded

MapLoss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""The loss of one map: logits and labels (1, h, w), and 1 in the tiles on the die (None: all) -> a number."""


@dataclass(frozen=True)
class Published:
    """How a paper trained: for which ``task``, the step (made anew for each training) and the schedule.

    ``batch`` maps a step, or None for as many as the budget has.
    """

    task: str
    step: Callable[[Any, int], Step]
    schedule: Schedule
    batch: int | None = None


def train_network(
    architecture: Architecture,
    task: Task,
    budget: Budget,
    seed: int,
    progress: Progress,
    device: str = "cpu",
    weights: Mapping[str, Tensor] | None = None,
) -> Trained:
    """Build an architecture and train it: as its paper did where it is a ``-paper`` baseline, else by `fit` alone.

    With ``weights`` it starts from these and not from those that the seed draws.
    Raises SettingError for a published training of another task, and DivergedError.
    """
    module = architecture.build(task.shape, seed)
    if weights:
        module.load_state_dict(dict(weights))
    if architecture.network not in PUBLISHED:
        return fit(module, task, budget, seed, progress=progress, device=device)
    published: Published = look_up("published training", PUBLISHED, architecture.network)
    if task.name != published.task:
        raise SettingError(
            f"{architecture.network} is trained for another task", found=task.name, expected=published.task
        )
    if published.batch is not None:
        budget = replace(budget, batch=published.batch)
    step, schedule = published.step(task, seed), published.schedule
    return fit(module, task, budget, seed, step, progress, device, schedule)


# --------------------------------------------------------------------------- losses


def cross_entropy(logits: Tensor, target: Tensor, inside: Tensor | None) -> Tensor:
    """Binary cross-entropy, mean over tiles."""
    return _mean(functional.binary_cross_entropy_with_logits(logits, target, reduction="none"), inside)


def euclidean(logits: Tensor, target: Tensor, inside: Tensor | None) -> Tensor:
    """Half the squared distance of the maps of densities: half the sum over tiles of squared differences."""
    squares = (torch.sigmoid(logits) - target) ** 2
    return 0.5 * (squares if inside is None else squares * inside).sum()


def hundredfold_squares(logits: Tensor, target: Tensor, inside: Tensor | None) -> Tensor:
    """A hundred times the mean squared difference of densities."""
    return 100 * _mean((torch.sigmoid(logits) - target) ** 2, inside)


def _mean(values: Tensor, inside: Tensor | None) -> Tensor:
    return values.mean() if inside is None else (values * inside).sum() / inside.sum().clamp(min=1.0)


def _logits(module: nn.Module, task: Any, maps: Tensor) -> Tensor:
    """(1, h, w): the logits of hotspots; other outputs have no part in what papers learn."""
    logits: Tensor = module(maps)[:, 0] + task.card.output_scale.offset
    return logits


# ---------------------------------------------------------------------------- steps


def map_step(loss: MapLoss) -> Callable[[Any, int], Step]:
    """Training by a loss of maps, mean over those of a batch."""

    def step(module: nn.Module, task: Any, batch: Any) -> Tensor:
        each = zip(batch.maps, batch.targets, batch.inside, strict=True)
        return torch.stack([loss(_logits(module, task, maps), target, inside) for maps, target, inside in each]).mean()

    return lambda task, seed: step


class AdversarialStep:
    """A step of pix2pix: the discriminator's own, then the loss of the generator, cross-entropy + 50 L1 of images.

    The discriminator sees the maps with an image, labels or predictions as -1 to 1. It and its optimiser (Adam, 2e-4,
    beta1 0.5) last for one training; its weights are drawn from the seed.
    """

    def __init__(self, task: Task, seed: int, l1_weight: float = 50.0) -> None:
        self.l1_weight = l1_weight
        self.discriminator = seeded(lambda: PatchDiscriminator(task.shape.inputs + 1), seed)
        self.optimiser = _adam(2e-4, beta1=0.5)(list(self.discriminator.parameters()))

    def __call__(self, module: nn.Module, task: Any, batch: Any) -> Tensor:
        each = zip(batch.maps, batch.targets, batch.inside, strict=True)
        return torch.stack([self._loss(module, task, *one) for one in each]).mean()

    def _loss(self, module: nn.Module, task: Any, maps: Tensor, target: Tensor, inside: Tensor | None) -> Tensor:
        fake = torch.tanh(0.5 * _logits(module, task, maps))[:, None]
        real = 2 * target[:, None] - 1
        distance = self.l1_weight * _mean((fake - real).abs(), None if inside is None else inside[:, None])
        if inside is not None:  # off the die both images are empty, so that nothing there tells them apart
            fake, real = (torch.where(inside[:, None] > 0, image, -1.0) for image in (fake, real))
        self.discriminator.to(maps.device).requires_grad_(True)
        self.optimiser.zero_grad(set_to_none=True)
        told = 0.5 * (self._judged(maps, real, 1.0) + self._judged(maps, fake.detach(), 0.0))
        told.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.discriminator.requires_grad_(False)
        return self._judged(maps, fake, 1.0) + distance

    def _judged(self, maps: Tensor, image: Tensor, truth: float) -> Tensor:
        """Cross-entropy of the discriminator's answers for the patches, all of one truth."""
        answers = self.discriminator(torch.cat([maps, image], dim=1))
        return functional.binary_cross_entropy_with_logits(answers, torch.full_like(answers, truth))


def quartile_step(task: Any, seed: int) -> Step:
    """RouteNet's count: squared error on the best and the worst quarter of the training placements alone.

    The quarters are of violated nets per net; the target is the standardised log of it, as in the shared trainer. The
    maps go through the network together, brought to its size, so that its batch normalisation sees several.
    """
    low, high = np.quantile([example.ratio for example in task.examples("train")], (0.25, 0.75)).tolist()

    def step(module: Any, task: Any, batch: Any) -> Tensor:
        scale = task.card.output_scale
        wanted = (torch.log(batch.ratios + RATIO_FLOOR) - scale.log_ratio_mean) / scale.log_ratio_deviation
        chosen = ((batch.ratios <= low) | (batch.ratios >= high)).to(wanted.dtype)
        answers: Tensor = module(torch.cat([_resized(maps, module.resize) for maps in batch.maps]))
        return _mean((answers - wanted) ** 2, chosen)

    return step


def _resized(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return functional.interpolate(maps, size=size, mode="bilinear", antialias=True, align_corners=False)


# ------------------------------------------------------------------------ schedules


def _adam(rate: float, l2: float = 0.0, beta1: float = 0.9) -> Callable[..., torch.optim.Optimizer]:
    return lambda parameters, budget=None: torch.optim.Adam(parameters, lr=rate, betas=(beta1, 0.999), weight_decay=l2)


def constant(done: float) -> float:
    """The learning rate as it is."""
    return 1.0


_PLAIN = partial(Schedule, rate=constant, warm_up=0, clip=math.inf, averaged=False)

FCN = Published("hotspots", map_step(euclidean), _PLAIN(_adam(1e-3, l2=1e-4)))
"""RouteNet (Xie et al., ICCAD 2018): Euclidean loss on clipped density, L2, Adam; its rates are not published."""

CROSS_ENTROPY = Published("hotspots", map_step(cross_entropy), _PLAIN(_adam(1e-3, l2=1e-3)))
"""PROS and FLNet: cross-entropy, L2 and Adam at a constant rate, as the authors of FLNet train both."""

GPDL = Published(
    "hotspots",
    map_step(hundredfold_squares),
    _PLAIN(lambda parameters, budget: torch.optim.AdamW(parameters, lr=2e-4, weight_decay=0.0), rate=cosine),
)
"""As CircuitNet trains it: a hundred times the squared error, AdamW at 2e-4, a cosine."""

PIX2PIX = Published("hotspots", AdversarialStep, _PLAIN(_adam(2e-4, beta1=0.5)), batch=1)
"""Yu and Zhang (DAC 2019): a discriminator and 50 times the L1 distance; Adam 2e-4, beta1 0.5, one map a step."""

RESNET18 = Published(
    "violated_nets",
    quartile_step,
    _PLAIN(lambda parameters, budget: torch.optim.SGD(parameters, lr=1e-4, momentum=0.9)),
    batch=8,
)
"""RouteNet's count: squared error on the outer quarters, SGD; rate, momentum and batch are not published."""


def _plain(task: Any, seed: int) -> Step:
    return plain


def _first_layer_decays(parameters: Sequence[nn.Parameter], budget: Budget) -> torch.optim.Optimizer:
    """Adam with L2 on the first of two layers alike."""
    half = len(parameters) // 2
    groups: list[dict[str, Any]] = [{"params": parameters[:half], "weight_decay": 5e-4}, {"params": parameters[half:]}]
    return torch.optim.Adam(groups, lr=1e-2)


GCN = Published("nodes", _plain, _PLAIN(_first_layer_decays))
"""Kipf and Welling (ICLR 2017): Adam at 0.01, L2 of 5e-4 on the first layer; 200 epochs are the full budget's."""

GAT = Published("nodes", _plain, _PLAIN(_adam(5e-3, l2=5e-4)))
"""Velickovic et al. (ICLR 2018): Adam at 0.005, L2 of 5e-4."""
