"""The losses and schedules of papers: values worked out by hand, an adversary that stays apart, and that all learn."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from placement_data.errors import SettingError
from placement_data.store import Store
from routenas.api import train
from routenas.architecture import Architecture
from routenas.baselines import BASELINES, PUBLISHED
from routenas.bundle import Bundle
from routenas.estimators.scratch import in_silence
from routenas.published import (
    AdversarialStep,
    cross_entropy,
    euclidean,
    hundredfold_squares,
    map_step,
    quartile_step,
    train_network,
)
from routenas.tasks.card import RATIO_FLOOR
from routenas.tasks.routability import Batch, RoutabilityTask
from routenas.training import Budget
from searchspaces.space import TaskShape
from tests.samples import SPLIT

LOG3 = math.log(3)
LOGITS = torch.tensor([[[0.0, LOG3], [-LOG3, 0.0]]])  # probabilities 1/2, 3/4, 1/4, 1/2
TARGET = torch.tensor([[[1.0, 1.0], [0.0, 0.0]]])
INSIDE = torch.tensor([[[1.0, 1.0], [0.0, 1.0]]])
BUDGET = Budget("learning", epochs=10, evaluations=2)
HOTSPOT_NETWORKS = ["pros", "pix2pix", "jnet", "flnet", "gpdl", "fcn-paper", "pros-paper", "flnet-paper", "gpdl-paper"]


@pytest.fixture(scope="module")
def hotspots(made_up_store: Path) -> RoutabilityTask:
    return RoutabilityTask("hotspots", Store(made_up_store), SPLIT)


class Given(nn.Module):
    """A module whose answer is the same map whatever it is given, and is learned."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(logits.clone())

    def forward(self, x: Tensor) -> Tensor:
        return self.logits[None]


def task_of(inputs: int = 3, offset: float = 0.0) -> Any:
    card = SimpleNamespace(output_scale=SimpleNamespace(offset=offset))
    return SimpleNamespace(shape=TaskShape(inputs, 1, "map"), card=card)


def batch_of(inside: Tensor | None = None) -> Batch:
    return Batch((torch.rand(1, 3, 2, 2),), (TARGET,), torch.zeros(1), (inside,))


@pytest.mark.parametrize(
    ("loss", "whole", "on_die"),
    [
        (cross_entropy, (2 * math.log(2) + 2 * math.log(4 / 3)) / 4, (2 * math.log(2) + math.log(4 / 3)) / 3),
        (euclidean, 0.5 * (1 / 4 + 1 / 16 + 1 / 16 + 1 / 4), 0.5 * (1 / 4 + 1 / 16 + 1 / 4)),
        (hundredfold_squares, 100 * (5 / 8) / 4, 100 * (9 / 16) / 3),
    ],
)
def test_losses_of_two_by_two_tiles(loss: Any, whole: float, on_die: float) -> None:
    assert float(loss(LOGITS, TARGET, None)) == pytest.approx(whole)
    assert float(loss(LOGITS, TARGET, INSIDE)) == pytest.approx(on_die)
    task = task_of(offset=1.0)
    for inside, wanted in ((None, whole), (INSIDE, on_die)):
        of_batch = map_step(loss)(task, 0)(Given(LOGITS - 1.0), task, batch_of(inside))
        assert float(of_batch.detach()) == pytest.approx(wanted)


@pytest.mark.parametrize("inside", [None, INSIDE])
def test_the_loss_of_the_generator(inside: Tensor | None) -> None:
    step = AdversarialStep(task_of(), seed=0)
    for parameter in step.discriminator.parameters():
        nn.init.zeros_(parameter)
    step.optimiser.param_groups[0]["lr"] = 0.0  # a discriminator that says one half, and goes on saying it
    # As images from -1 to 1 predictions and labels differ by 1, 1/2, 1/2 (off the die) and 1.
    distance = 3 / 4 if inside is None else (1 + 1 / 2 + 1) / 3
    loss = float(step(Given(LOGITS), task_of(), batch_of(inside)).detach())
    assert loss == pytest.approx(math.log(2) + 50 * distance)


def test_generator_and_discriminator_learn_apart() -> None:
    step, generator = AdversarialStep(task_of(), seed=0, l1_weight=0.0), Given(LOGITS)
    before = copy.deepcopy(step.discriminator.state_dict())
    loss = step(generator, task_of(), batch_of())
    assert generator.logits.grad is None  # the discriminator's own loss went no further than the discriminator
    assert all(not torch.equal(before[name], value) for name, value in step.discriminator.state_dict().items())
    own = [parameter.grad.clone() for parameter in step.discriminator.parameters() if parameter.grad is not None]
    loss.backward()  # type: ignore[no-untyped-call]
    assert generator.logits.grad is not None
    assert float(generator.logits.grad.abs().sum()) > 0  # the adversary alone moves the generator,
    after = [parameter.grad for parameter in step.discriminator.parameters()]
    assert len(own) == len(after)
    assert all(torch.equal(mine, now) for mine, now in zip(own, after, strict=True) if now is not None)  # not itself


def test_what_is_off_the_die_tells_no_image_apart() -> None:
    step = AdversarialStep(task_of(), seed=0)
    seen: list[Tensor] = []
    step.discriminator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0][:, -1].detach()))
    step(Given(LOGITS), task_of(), batch_of(INSIDE))
    assert len(seen) == 3
    assert all(float(image[0, 1, 0]) == -1.0 for image in seen)


def test_the_count_learns_from_the_outer_quarters() -> None:
    ratios = [0.0, 0.1, 0.2, 0.3, 0.4]  # the quarters end at 0.1 and 0.3
    scale = SimpleNamespace(log_ratio_mean=-1.0, log_ratio_deviation=2.0)
    task = SimpleNamespace(
        card=SimpleNamespace(output_scale=scale),
        examples=lambda part: [SimpleNamespace(ratio=ratio) for ratio in ratios] if part == "train" else [],
    )

    class Half(nn.Module):
        resize = (4, 4)

        def forward(self, x: Tensor) -> Tensor:
            assert x.shape == (5, 3, 4, 4)
            return torch.full((5,), 0.5)

    maps = tuple(torch.rand(1, 3, size, 6) for size in (2, 5, 4, 9, 3))
    batch = Batch(maps, (), torch.tensor(ratios), (None,) * 5)
    wanted = [(0.5 - (math.log(ratio + RATIO_FLOOR) + 1) / 2) ** 2 for ratio in (0.0, 0.1, 0.3, 0.4)]
    assert float(quartile_step(task, 0)(Half(), task, batch)) == pytest.approx(np.mean(wanted))
    middle = Batch(maps, (), torch.full((5,), 0.2), (None,) * 5)
    assert float(quartile_step(task, 0)(Half(), task, middle)) == 0.0


@pytest.mark.parametrize("name", HOTSPOT_NETWORKS)
def test_hotspots_are_learned(hotspots: RoutabilityTask, name: str) -> None:
    trained = train_network(Architecture(network=name), hotspots, BUDGET, 0, in_silence)
    assert hotspots.score(trained.module, "test")["roc_auc"] > 0.75


def test_counts_are_learned(made_up_store: Path) -> None:
    task = RoutabilityTask("violated_nets", Store(made_up_store), SPLIT)
    trained = train_network(
        Architecture(network="resnet18-paper"), task, Budget("some", epochs=3, evaluations=1), 0, in_silence
    )
    assert trained.curve[-1][0] < trained.curve[0][0]


def test_the_same_seed_gives_the_same_adversary(hotspots: RoutabilityTask) -> None:
    brief = Budget("brief", epochs=1, evaluations=1)
    first, again, other = (
        train_network(Architecture(network="pix2pix-paper"), hotspots, brief, seed, in_silence).module.state_dict()
        for seed in (3, 3, 4)
    )
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_every_paper_stands_beside_the_shared_trainer() -> None:
    for table in BASELINES.values():
        for name, known in table.items():
            assert bool(known.training) == name.endswith("-paper")
            if known.training:
                assert table[name.removesuffix("-paper")].target == known.target
    on_placements = {"fcn-paper", "pros-paper", "pix2pix-paper", "flnet-paper", "gpdl-paper", "resnet18-paper"}
    assert on_placements | {"gcn-paper", "gat-paper"} == {*PUBLISHED}


def test_a_paper_is_trained_for_its_task(made_up_store: Path, tmp_path: Path) -> None:
    brief = Budget("brief", epochs=1, evaluations=1)
    with pytest.raises(SettingError, match="no such baseline, found 'gpdl-paper', expected resnet18"):
        train(made_up_store, "gpdl-paper", budget=brief, task="violated_nets", split=SPLIT)
    counts = RoutabilityTask("violated_nets", made_up_store, SPLIT)
    with pytest.raises(
        SettingError, match="gpdl-paper is trained for another task, found 'violated_nets', expected ho"
    ):
        train_network(Architecture(network="gpdl-paper"), counts, brief, 0, in_silence)
    train(made_up_store, "gpdl-paper", tmp_path / "model", budget=brief, split=SPLIT)
    assert Bundle.load(tmp_path / "model").members[0].architecture.name == "gpdl-paper"
