"""The hand-crafted predictors: any size, known structure, and that more demand is never read as less."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import nn

from placement_data.errors import InputError
from routenas.baselines import BASELINES, baseline, baselines, load
from routenas.baselines.boosting import CountBoosting, GradientBoosting, local_mean, map_summary, tile_columns
from routenas.baselines.fcn import RouteNetFCN
from routenas.baselines.gpdl import GPDL
from routenas.baselines.jnet import JNet
from routenas.baselines.pix2pix import Pix2Pix
from routenas.baselines.pros import PROS
from routenas.baselines.residual_dilated import ResidualDilated
from routenas.baselines.resnet import RouteNetCount
from routenas.baselines.rudy import RudyLogistic, RudyMean, UtilizationMean, channel_index
from routenas.baselines.tile import TileMLP
from routenas.baselines.unet import UNet
from routenas.metrics import roc_auc
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
    network = load("hotspots", name)(SHAPE)
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


@pytest.mark.parametrize("size", [1, 3, 7])
def test_local_mean_equals_a_loop(size: int) -> None:
    features = np.random.default_rng(0).random((2, 5, 8)).astype(np.float32)
    result = local_mean(features, size)
    for (c, i, j), value in np.ndenumerate(result):
        r = size // 2
        window = features[c, max(0, i - r) : i + r + 1, max(0, j - r) : j + r + 1]
        assert value == pytest.approx(window.mean(), rel=1e-5)
    with pytest.raises(ValueError, match="positive odd number, not 4"):
        local_mean(features, 4)


def test_columns_and_summary() -> None:
    features = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    columns = tile_columns(features)
    assert columns.shape == (12, 6)
    assert columns[5, :2].tolist() == [5.0, 17.0]  # tile (1, 1) of both channels
    assert columns[5, 2] == features[0, 0:3, 0:3].mean()
    summary = map_summary(features)
    assert summary.shape == (13,)
    assert summary[:2].tolist() == [5.5, 17.5]
    assert summary[4:6].tolist() == [11.0, 23.0]
    assert summary[-1] == pytest.approx(np.log(13))


def test_boosting_beats_chance_and_stops_on_the_search_split() -> None:
    train, search, test = (demand_maps(number, seed) for number, seed in ((16, 0), (6, 1), (6, 2)))
    model = GradientBoosting(seed=0, iterations=40).fit(*train, *search)
    assert 1 <= model.trees_ <= 40
    scores = [model.predict(each) for each in test[0]]
    assert scores[0].shape == (12, 12)
    auc = roc_auc(np.stack(test[1]), np.stack(scores))
    assert auc is not None
    assert auc > 0.8
    again = GradientBoosting(seed=0, iterations=40).fit(*train, *search)
    np.testing.assert_array_equal(again.predict(test[0][0]), scores[0])
    # As many trees as were chosen, trained alone, are the same model.
    alone = GradientBoosting(seed=0, iterations=model.trees_).fit(*train)
    np.testing.assert_allclose(alone.predict(test[0][0]), scores[0], atol=1e-9)


@pytest.mark.parametrize("model", [GradientBoosting(), RudyLogistic(CHANNELS)])
def test_tile_predictors_refuse_one_class(model: GradientBoosting | RudyLogistic) -> None:
    features, labels = demand_maps(2, seed=0)
    with pytest.raises(InputError, match="hotspot labels hold one class"):
        model.fit(features, [np.zeros_like(label) for label in labels])


def test_rudy_logistic_finds_the_odds_and_keeps_the_ranking() -> None:
    features, labels = demand_maps(120, seed=3)
    model = RudyLogistic(CHANNELS).fit(features, labels)
    assert model.slope_ == pytest.approx(6, rel=0.1)
    assert -model.intercept_ / model.slope_ == pytest.approx(1.2, rel=0.05)
    rudy = [each[2] + each[3] for each in features]
    x, y = np.concatenate([each.ravel() for each in rudy]), np.concatenate([each.ravel() for each in labels])
    p = 1 / (1 + np.exp(-(model.intercept_ + model.slope_ * x.astype(float))))
    assert p.mean() == pytest.approx(y.mean(), abs=1e-6)  # both scores of the likelihood are 0 at its maximum
    assert (p * x).mean() == pytest.approx((y * x).mean(), abs=1e-5)
    assert roc_auc(labels, [model.predict(each) for each in features]) == pytest.approx(roc_auc(labels, rudy), abs=1e-6)


def test_rudy_logistic_survives_perfect_separation() -> None:
    features, _ = demand_maps(4, seed=3)
    model = RudyLogistic(CHANNELS).fit(features, [each[2] + each[3] > 1 for each in features])
    assert np.isfinite(model.slope_)
    assert model.slope_ > 0


def count_data(number: int, seed: int) -> tuple[list[np.ndarray], list[float]]:
    features, _ = demand_maps(number, seed)
    return features, [float(each[1].mean() + each[2].mean()) for each in features]


@pytest.mark.parametrize(
    ("model", "statistic"),
    [
        (UtilizationMean(CHANNELS), lambda each: each[1].mean()),
        (RudyMean(CHANNELS), lambda each: each[2].mean() + each[3].mean()),
    ],
)
def test_placement_controls_match_mean_and_deviation(model, statistic) -> None:  # type: ignore[no-untyped-def]
    features, targets = count_data(20, seed=1)
    for sign in (1, -1):  # the ranking is the statistic's own even where the targets run against it
        wanted = sign * np.array(targets)
        predicted = np.array([model.fit(features, wanted).predict(each) for each in features])
        assert predicted.mean() == pytest.approx(wanted.mean())
        assert predicted.std() == pytest.approx(wanted.std())
        assert np.argsort(predicted).tolist() == np.argsort([statistic(each) for each in features]).tolist()
    with pytest.raises(InputError, match="differ in number"):
        model.fit(features, targets[:-1])


def test_count_boosting_explains_targets() -> None:
    model = CountBoosting(seed=0, iterations=80).fit(*count_data(60, 0), *count_data(20, 1))
    features, targets = count_data(20, 2)
    error = np.mean((np.array([model.predict(each) for each in features]) - targets) ** 2)
    assert 1 <= model.trees_ <= 80
    assert error < 0.3 * np.var(targets)


def test_channel_by_name() -> None:
    assert channel_index("rudy_small", CHANNELS) == 2
    with pytest.raises(InputError, match="channel not among the features, found 'rudy', expected one of macro_density"):
        channel_index("rudy", CHANNELS)


def test_channel_order_of_the_features() -> None:
    names: Sequence[str] = pytest.importorskip("placement_data.features", reason="no extractor").CHANNELS
    for name in ("cell_density", "rudy_small", "rudy_large"):
        assert names[channel_index(name)] == name


@pytest.mark.parametrize("task", list(BASELINES))
def test_every_name_loads_and_builds(task: str) -> None:
    for name in baselines(task):
        kind = baseline(task, name).kind
        model = load(task, name)(*[SHAPE] * (kind == "network"))
        assert isinstance(model, nn.Module) if kind == "network" else callable(model.fit) and callable(model.predict)


def test_unknown_names_list_the_near_ones() -> None:
    with pytest.raises(InputError, match="no such baseline, found 'u-net', expected unet or"):
        load("hotspots", "u-net")
    with pytest.raises(InputError, match="no such task, found 'hotspot', expected hotspots"):
        baselines("hotspot")


def test_rudy_of_circuitnet_is_found_by_name() -> None:
    features = np.random.default_rng(0).random((3, 4, 5)).astype(np.float32)
    model = RudyMean(channels=("RUDY_short", "cell_density", "RUDY_long"))
    assert model.statistic(features) == pytest.approx(float(features[0].mean() + features[2].mean()))
