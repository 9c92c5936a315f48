"""Windows of a map are answered as the whole map, by every operator, or the map is not cut."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from routenas import tiling
from routenas.baselines import BASELINES, predictor_class
from routenas.predictor import Predictor
from routenas.tiling import STEP, joined, reach_of, tiled
from searchspaces.flexible import OPERATIONS, FlexibleSpace
from searchspaces.space import TaskShape
from tests.searchspaces.test_flexible import make

SHAPE = TaskShape(3, 1, "map", (("a", (0,)), ("b", (1, 2))))
EXTENDED = FlexibleSpace().for_task(SHAPE)


def loud(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with no weight at zero and answers of about 1, so that everything it reads is in its answer."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in module.parameters():
            fan_in = max(1, weight[0].numel())
            weight.copy_(torch.randn(weight.shape, generator=generator) / fan_in**0.5)
    return module.eval()


def answer(module: nn.Module, maps: NDArray[np.float32]) -> NDArray[np.float32]:
    with torch.inference_mode():
        found: Tensor = module(torch.from_numpy(np.ascontiguousarray(maps))[None])[0]
    return found.numpy()


def reach(module: nn.Module) -> int | None:
    return reach_of(partial(answer, module), SHAPE.inputs)


def check(module: nn.Module, known: int) -> None:
    """Windows of which little is kept, over a map whose sides are no multiples of anything."""
    maps = np.random.default_rng(1).standard_normal(
        (SHAPE.inputs, 2 * STEP + 37, 2 * known + 3 * STEP + 51), np.float32
    )
    read: list[tuple[int, ...]] = []

    def noted(window: NDArray[np.float32]) -> NDArray[np.float32]:
        read.append(window.shape[1:])
        return answer(module, window)

    parts, whole = joined(noted, maps, known, STEP), answer(module, maps)
    assert len(read) >= 3 * 4
    assert max(width for _, width in read) < maps.shape[2]
    assert np.abs(whole).max() > 0.01
    assert np.abs(parts - whole).max() <= 1e-5 * max(1.0, float(np.abs(whole).max()))


REACHES = dict(zip(OPERATIONS, (0, 1, 1, 2, 4, 8, 6), strict=True))
"""Half of each kernel's side, times its dilation; the largest kernel of a mixed convolution is 13."""


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("halvings", [0, 3])
def test_every_operator(operation: str, halvings: int) -> None:
    dags = {4: ([operation], [(0, 1)])}  # of the last stage, at an eighth of the size with three halvings
    genotype = EXTENDED.canonical(
        make(EXTENDED, halvings=halvings, skips=halvings % 2, stem=1, join=1, dags=dags, **{"input.a": 1, "input.b": 1})
    )
    module = loud(EXTENDED.build(genotype, SHAPE, seed=0))
    found = reach(module)
    assert found is not None
    if halvings:
        assert found >= 8 * REACHES[operation]
    else:
        assert found == REACHES[operation]
    check(module, found)


@pytest.mark.parametrize("seed", range(6))
def test_random_networks(seed: int) -> None:
    space = EXTENDED if seed % 3 else FlexibleSpace("paper")
    module = loud(space.build(space.sample(np.random.default_rng(seed)), SHAPE, seed=seed), seed)
    found = reach(module)
    assert found is not None
    check(module, found)


HAND_MADE = {
    name: known for name, known in BASELINES["hotspots"].items() if known.kind == "network" and not known.training
}  # those with a training of their own are the same networks


@pytest.mark.parametrize("name", HAND_MADE)
def test_hand_made_networks(name: str) -> None:
    module = loud(predictor_class(name)(SHAPE))
    found = reach(module)
    assert found is not None
    assert {"tile-mlp": 0, "flnet": 8, "residual-dilated": 15}.get(name, found) == found
    check(module, found)


class Whole(nn.Module):
    """Something of the whole map, beside a convolution."""

    def __init__(self, part: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 3, padding=1)
        self.part = part

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.conv(x) + self.part(x)
        return found


def attention(x: Tensor) -> Tensor:
    """Every tile looks at all others of its column."""
    tokens = x.permute(0, 3, 2, 1)
    return functional.scaled_dot_product_attention(tokens, tokens, tokens).permute(0, 3, 2, 1)


def squeeze(x: Tensor) -> Tensor:
    return x[:, :1] * torch.sigmoid(x.mean((2, 3), keepdim=True).sum(1, keepdim=True))


def resized(x: Tensor) -> Tensor:
    """By way of a fixed size: far tiles do not matter, but how many there are does."""
    small = functional.interpolate(x[:, :1], (40, 40), mode="bilinear")
    return functional.interpolate(small, x.shape[-2:], mode="bilinear")


def halved_seven_times(x: Tensor) -> Tensor:
    padded = functional.pad(x[:, :1], (0, -x.shape[-1] % 128, 0, -x.shape[-2] % 128))
    return functional.interpolate(functional.max_pool2d(padded, 128), scale_factor=128)[..., : x.shape[2], : x.shape[3]]


def hidden(x: Tensor) -> Tensor:
    """A comparison of a mean over 401 x 401 tiles, which does not tell that it read what is no number."""
    return (functional.avg_pool2d(x[:, :1], 401, 1, 200) > 0).float()


@pytest.mark.parametrize(
    "part",
    [
        nn.AdaptiveAvgPool2d(1), squeeze, nn.InstanceNorm2d(3), nn.BatchNorm2d(3, track_running_stats=False),
        attention, lambda x: x.flip(2), lambda x: x.cumsum(3), resized, halved_seven_times, hidden,
    ],
)  # fmt: skip
def test_what_sees_the_whole_map_is_not_cut(part: Callable[[Tensor], Tensor]) -> None:
    assert reach(Whole(part).eval()) is None


def test_what_has_no_reach_is_answered_as_a_whole() -> None:
    maps = np.zeros((1, 3, 1 << 19), np.float32)
    seen: list[tuple[int, ...]] = []
    for known in (None, 0, 70):
        tiled(lambda part: seen.append(part.shape) or part, maps, lambda: known)  # type: ignore[func-returns-value]  # noqa: B023
    assert seen[0] == maps.shape
    assert len(seen) == 1 + 512 + 683  # of the latter 768 tiles are kept
    assert {shape[2] for shape in seen[1:513]} == {1024}
    assert max(shape[2] for shape in seen[513:]) == 768 + 2 * 128


@pytest.mark.parametrize(
    "module", [nn.Sequential(nn.Conv2d(3, 1, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten()), nn.Conv2d(3, 1, 3)]
)
def test_answers_that_are_no_map_are_not_cut(module: nn.Module) -> None:
    assert reach(module) is None


def test_a_stated_reach_that_is_too_short_is_found_out() -> None:
    module = loud(nn.Conv2d(3, 1, 9, padding=80, dilation=20))
    assert reach(module) == 80
    assert reach_of(partial(answer, module), SHAPE.inputs, 80) == 80
    assert reach_of(partial(answer, module), SHAPE.inputs, 60) is None


def test_small_maps_are_not_measured() -> None:
    def fail() -> int:
        raise AssertionError

    maps = np.zeros((1, 1024, 1024), np.float32)
    assert tiled(lambda maps: maps, maps, fail) is maps


@pytest.mark.parametrize("name", ["hotspots", "violated_nets"])
def test_a_predictor_answers_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped ensembles, trees among them, on a die that is no rectangle."""
    predictor = Predictor.of(f"pretrained/{name}")
    features = np.random.default_rng(0).gamma(0.5, 1.0, (len(predictor.card.channels), 130, 135)).astype(np.float32)
    inside = np.ones(features.shape[1:], bool)
    inside[:70, 100:] = False
    whole = predictor.predict(features, 5000, inside)
    assert None not in predictor.reaches
    monkeypatch.setattr(tiling, "SIDE", 2 * STEP)
    parts = predictor.predict(features, 5000, inside)
    assert np.nanmax(np.abs(parts - whole)) <= 1e-5
    assert np.array_equal(np.isnan(parts), np.isnan(whole))
