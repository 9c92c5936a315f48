"""The hand-crafted predictors: any size, known structure, and that more demand is never read as less."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from placement_data.errors import InputError
from routenas.baselines import BASELINES, baseline, baselines, predictor_class
from routenas.baselines.fcn import RouteNetFCN
from routenas.baselines.gpdl import GPDL
from routenas.baselines.jnet import JNet
from routenas.baselines.pix2pix import Pix2Pix
from routenas.baselines.pros import PROS
from routenas.baselines.residual_dilated import ResidualDilated
from routenas.baselines.resnet import RouteNetCount
from routenas.baselines.tile import TileMLP
from routenas.baselines.unet import UNet
from routenas.interfaces import SelfFitting
from searchspaces.space import TaskShape

CHANNELS = ("macro_density", "cell_density", "rudy_small", "rudy_large")
SHAPE = TaskShape(17, 1, "map")
FCN = RouteNetFCN(SHAPE)
MAP_NETWORKS = [name for name in baselines("hotspots") if baseline("hotspots", name).kind == "network"]


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def convolution(inputs: int, outputs: int, kernel: int) -> int:
    return inputs * outputs * kernel**2 + outputs


@pytest.mark.parametrize("name", MAP_NETWORKS)
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (16, 24), (33, 18)])
def test_map_networks_take_any_size(name: str, size: tuple[int, int]) -> None:
    network = predictor_class(name)(SHAPE)
    assert network.output == "map"
    assert isinstance(network.head, nn.Conv2d | nn.ConvTranspose2d)
    logits = network(torch.randn(2, 17, *size))
    assert logits.shape == (2, 1, *size)
    logits.sum().backward()
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize("size", [(64, 64), (40, 71)])
@pytest.mark.parametrize("norm", [True, False])
def test_count_network_gives_one_number_a_map(size: tuple[int, int], norm: bool) -> None:
    network = RouteNetCount(TaskShape(5, 1, "scalar"), width=8, norm=norm)
    assert network.output == "scalar"
    assert network.resize == (64, 64)
    assert network(torch.randn(3, 5, *size)).shape == (3,)


def test_count_network_is_resnet_18() -> None:
    # 11,689,512 is the published size of ResNet-18 with 3 channels and 1,000 classes; ours has one output.
    assert parameters(RouteNetCount(TaskShape(3, 1, "scalar"))) == 11_689_512 - (512 * 1000 + 1000) + 513


def test_fcn_has_the_published_layers() -> None:
    layers = [(17, 32, 9), (32, 64, 7), (64, 32, 9), (32, 32, 7), (32, 16, 9), (48, 16, 5), (16, 4, 5), (4, 1, 3)]
    expected = sum(convolution(*layer) for layer in layers)
    assert parameters(RouteNetFCN(SHAPE)) == expected
    assert parameters(RouteNetFCN(SHAPE, norm=True)) == expected + 2 * (17 + 32 + 64 + 32 + 32 + 16 + 16 + 4)


def test_small_networks_have_the_stated_sizes() -> None:
    assert parameters(TileMLP(SHAPE)) == 17 * 64 + 64 + 64 * 64 + 64 + 65
    blocks = 4 * (convolution(32, 32, 3) + convolution(32, 32, 1))
    assert parameters(ResidualDilated(SHAPE)) == 17 * 64 + 64 + 64 * 32 + 32 + blocks + 33
    widths = [(17, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64), (64, 128), (128, 128)]
    down = sum(convolution(i, o, 3) for i, o in widths)
    up = sum(convolution(2 * w, w, 2) + convolution(2 * w, w, 3) + convolution(w, w, 3) for w in (16, 32, 64))
    assert parameters(UNet(SHAPE)) == down + up + 17


@pytest.mark.parametrize(
    ("network", "multiple"),
    [(FCN, 4), (JNet(SHAPE), 4), (UNet(SHAPE), 8), (GPDL(SHAPE), 8), (PROS(SHAPE), 8), (Pix2Pix(SHAPE).eval(), 16)],
)
def test_padding_to_even_sizes_repeats_the_edge(network: nn.Module, multiple: int) -> None:
    x = torch.randn(1, 17, 13, 11)
    rows, columns = np.minimum(np.arange(16), 12), np.minimum(np.arange(12 if multiple == 4 else 16), 10)
    padded = x[:, :, rows][:, :, :, columns]
    torch.testing.assert_close(network(x), network(padded)[..., :13, :11])


def test_tile_network_sees_one_tile_and_dilated_blocks_start_as_one() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 17, 9, 12)
    shuffled = torch.randperm(12)
    tile = TileMLP(SHAPE)
    torch.testing.assert_close(tile(x)[..., shuffled], tile(x[..., shuffled]))
    dilated = ResidualDilated(SHAPE)
    assert torch.equal(dilated(x), dilated.one_tile(x))
    nn.init.normal_(dilated.blocks[0].gate.weight)
    assert not torch.allclose(dilated(x), dilated.one_tile(x))


def test_dilated_blocks_see_the_sum_of_dilations() -> None:
    torch.manual_seed(0)
    network = ResidualDilated(TaskShape(1, 1, "map"), dilations=(1, 2))
    for block in network.blocks:
        nn.init.normal_(block.gate.weight)
    x = torch.randn(1, 1, 15, 15, requires_grad=True)
    network(x)[0, 0, 7, 7].backward()
    assert x.grad is not None
    seen = x.grad[0, 0].abs() > 0
    rows = torch.nonzero(seen.any(dim=1)).ravel()
    assert (int(rows.min()), int(rows.max())) == (7 - 3, 7 + 3)


def demand_maps(number: int, seed: int, size: int = 12) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Placements of differing demand; a tile is a hotspot with a probability that rises with its two RUDY channels."""
    rng = np.random.default_rng(seed)
    features, labels = [], []
    for _ in range(number):
        demand = (rng.random((len(CHANNELS), size, size)) * rng.uniform(0.5, 1.5)).astype(np.float32)
        odds = 6 * (demand[2] + demand[3] - 1.2)
        features.append(demand)
        labels.append(rng.random((size, size)) < 1 / (1 + np.exp(-odds)))
    return features, labels


@pytest.mark.parametrize("network_class", [TileMLP, ResidualDilated])
def test_prediction_rises_with_all_demand(network_class: type[nn.Module]) -> None:
    torch.manual_seed(0)
    network = network_class(TaskShape(4, 1, "map"))
    features, labels = demand_maps(24, seed=0)
    x = torch.from_numpy(np.stack(features))
    y = torch.from_numpy(np.stack(labels)).float()[:, None]
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(x), y).backward()
        optimiser.step()
    with torch.no_grad():
        levels = [float(network(scale * x).mean()) for scale in (0.6, 0.8, 1.0, 1.2)]
    assert levels == sorted(levels)
    assert levels[-1] > levels[0] + 0.5


@pytest.mark.parametrize("task", list(BASELINES))
def test_every_name_loads_and_builds(task: str) -> None:
    for name in baselines(task):
        model = predictor_class(name)(SHAPE)
        assert isinstance(model, nn.Module)
        assert isinstance(model, SelfFitting) == (baseline(task, name).kind != "network")


def test_unknown_names_list_the_near_ones() -> None:
    with pytest.raises(InputError, match="no such baseline, found 'u-net', expected unet or"):
        baseline("hotspots", "u-net")
    with pytest.raises(InputError, match="the task digits has no hand-made predictors, found 'unet'"):
        baseline("digits", "unet")
    assert baselines("digits") == ()
