"""The networks of papers: layers counted by hand, what they see, and what a norm does to the level of demand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from routenas.baselines.flnet import FLNet
from routenas.baselines.gpdl import GPDL
from routenas.baselines.jnet import JNet
from routenas.baselines.pix2pix import PatchDiscriminator, Pix2Pix
from routenas.baselines.pros import PROS
from searchspaces.space import TaskShape

SHAPE = TaskShape(5, 1, "map")
NETWORKS = (FLNet, GPDL, JNet, Pix2Pix, PROS)
WITH_NORM = (GPDL, JNet, Pix2Pix, PROS)


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def convolutions(*layers: tuple[int, int, int]) -> int:
    return sum(inputs * outputs * kernel**2 + outputs for inputs, outputs, kernel in layers)


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("outputs", [1, 3])
def test_a_map_of_each_output(network: type[nn.Module], outputs: int) -> None:
    module = network(TaskShape(5, outputs, "map")).eval()
    assert module(torch.randn(2, 5, 9, 14)).shape == (2, outputs, 9, 14)


@pytest.mark.parametrize("network", WITH_NORM)
@pytest.mark.parametrize("size", [(1, 1), (9, 14)])
def test_norm_takes_any_size(network: type[nn.Module], size: tuple[int, int]) -> None:
    module = network(SHAPE, norm=True)
    assert any(isinstance(part, nn.BatchNorm2d | nn.InstanceNorm2d) for part in module.modules())
    assert module(torch.randn(2, 5, *size)).shape == (2, 1, *size)


def test_flnet_has_two_layers_and_sees_eight_tiles() -> None:
    network = FLNet(SHAPE)
    assert parameters(network) == convolutions((5, 64, 9), (64, 1, 9))
    x = torch.randn(1, 5, 25, 25, requires_grad=True)
    network(x)[0, 0, 12, 12].backward()
    assert x.grad is not None
    rows = torch.nonzero(x.grad[0].abs().sum(dim=(0, 2))).ravel()
    assert (int(rows.min()), int(rows.max())) == (12 - 8, 12 + 8)


@pytest.mark.parametrize("network", [GPDL, JNet, Pix2Pix, PROS])
def test_deeper_networks_see_twelve_tiles(network: type[nn.Module]) -> None:
    torch.manual_seed(0)
    module = network(SHAPE).double().eval()
    x = torch.randn(1, 5, 48, 48, dtype=torch.float64)
    y = x.clone()
    y[..., 24 + 12, 24] += 3
    with torch.no_grad():
        change = (module(x) - module(y)).abs()[0, 0, 24, 20:29]
    assert float(change.max()) > 0


def test_gpdl_has_the_published_layers() -> None:
    layers = [(5, 32, 3), (32, 32, 3), (32, 64, 3), (64, 64, 3), (64, 32, 3), (32, 32, 3), (32, 32, 3)]
    layers += [(32, 16, 4), (16, 16, 3), (16, 16, 3), (48, 4, 4), (4, 1, 3)]
    assert parameters(GPDL(SHAPE)) == convolutions(*layers)
    normed = 2 * (32 + 32 + 64 + 64 + 32 + 32 + 32 + 16 + 16 + 16 + 4)
    assert parameters(GPDL(SHAPE, norm=True)) == convolutions(*layers) + normed


def test_jnet_joins_its_arm_with_the_tile_maps() -> None:
    arm, top = [(5, 16, 3), (16, 16, 3)], [(5 + 16, 16, 3), (16, 16, 3)]
    down = [(16, 32, 3), (32, 32, 3), (32, 64, 3), (64, 64, 3)]
    up = [(64, 32, 2), (64, 32, 3), (32, 32, 3), (32, 16, 2), (32, 16, 3), (16, 16, 3)]
    assert parameters(JNet(SHAPE)) == convolutions(*arm, *top, *down, *up, (16, 1, 1))


def test_pix2pix_has_a_skip_at_every_level() -> None:
    down = [(5, 16, 4), (16, 32, 4), (32, 64, 4), (64, 128, 4)]
    up = [(128, 64, 4), (2 * 64, 32, 4), (2 * 32, 16, 4), (2 * 16, 1, 4)]
    assert parameters(Pix2Pix(SHAPE)) == convolutions(*down, *up)
    # The published generator: 8 levels, 64 to 512 channels, 3 channels in and out.
    widths = [64, 128, 256, 512, 512, 512, 512, 512]
    down = [(i, o, 4) for i, o in zip([3, *widths], widths, strict=False)]
    up = [(512, 512, 4), *((2 * widths[level], widths[level - 1], 4) for level in range(6, 0, -1)), (128, 3, 4)]
    published = Pix2Pix(TaskShape(3, 3, "map"), width=64, depth=8)
    assert parameters(published) == convolutions(*down, *up)


def test_pix2pix_drops_only_in_training() -> None:
    torch.manual_seed(0)
    network, x = Pix2Pix(SHAPE), torch.randn(1, 5, 16, 16)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


@pytest.mark.parametrize(("halvings", "side"), [(1, 16), (3, 70)])
def test_the_discriminator_judges_patches(halvings: int, side: int) -> None:
    discriminator = PatchDiscriminator(6, halvings=halvings)
    x = torch.randn(1, 6, 128, 128, requires_grad=True)
    judged = discriminator(x)
    judged[0, 0, judged.shape[2] // 2, judged.shape[3] // 2].backward()
    assert x.grad is not None
    rows = torch.nonzero(x.grad[0].abs().sum(dim=(0, 2))).ravel()
    assert int(rows.max()) - int(rows.min()) + 1 == side
    assert discriminator(torch.randn(2, 6, 1, 3)).shape[:2] == (2, 1)


def test_the_published_discriminator_counts() -> None:
    layers = [(6, 64, 4), (64, 128, 4), (128, 256, 4), (256, 512, 4), (512, 1, 4)]
    assert parameters(PatchDiscriminator(6, width=64, halvings=3)) == convolutions(*layers)


@pytest.mark.parametrize(("a", "multiplier", "norm"), [(32, 0.0625, False), (64, 0.125, False), (8, 0.125, True)])
def test_pros_is_a_resnet_and_refinements(a: int, multiplier: float, norm: bool) -> None:
    b, c, d, e = (int(multiplier * width) for width in (256, 512, 1024, 2048))
    layers = [(5, a, 7)]
    for inputs, outputs in ((a, b), (b, c), (c, d), (d, e)):
        layers += [(inputs, outputs, 3), (outputs, outputs, 3), (inputs, outputs, 1)]
        layers += [(outputs, outputs, 3), (outputs, outputs, 3)]
    refinements = [(e, c), (b, b // 2), (c // 4, 2 * a), (a, a // 2), (a // 2, 8)]
    for inputs, outputs in refinements:
        layers += [(inputs, outputs, 1), (outputs, outputs, 3), (outputs, outputs, 3)]
    expected = convolutions(*layers)
    if norm:  # no biases, and two weights a channel of each norm (stem, five a stage, one a refinement)
        expected -= sum(outputs for _, outputs, _ in layers)
        expected += 2 * (a + 5 * (b + c + d + e) + sum(outputs for _, outputs in refinements))
    assert parameters(PROS(SHAPE, multiplier, a, norm)) == expected + convolutions((2, 1, 1))


def test_instance_norm_hides_the_level_of_demand() -> None:
    torch.manual_seed(0)
    x = torch.rand(1, 5, 32, 32)
    for norm, hidden in ((True, True), (False, False)):
        network = GPDL(SHAPE, norm=norm).eval()
        with torch.no_grad():
            change = float((network(3 * x) - network(x)).abs().mean())
        assert (change < 0.01) == hidden
