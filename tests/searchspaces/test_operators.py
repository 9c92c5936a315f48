"""Operators, their initial weights and their cost by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from searchspaces.operators import MixConv, initialise, multiply_adds, pad_to_multiple, seeded


class TestOperators:
    def test_mixed_convolution_is_four_depthwise_kernels(self) -> None:
        mix = MixConv(3, 8)
        initialise(mix, torch.Generator().manual_seed(0))
        assert [tuple(conv.weight.shape) for conv in mix.depthwise] == [(2, 1, k, k) for k in (7, 9, 11, 13)]  # type: ignore[arg-type]
        assert multiply_adds(mix, torch.rand(1, 3, 5, 5)) == 25 * (3 * 8 + 2 * (49 + 81 + 121 + 169) + 8 * 8)
        x = torch.rand(1, 3, 31, 31)
        changed = x.clone()
        changed[..., 15, 15] += 1
        reach = (mix(x) != mix(changed)).nonzero()[:, 2:]
        assert (reach.min(), reach.max()) == (9, 21)  # 15 - 6 and 15 + 6: the widest kernel is 13

    def test_filters_of_a_mixed_convolution_must_divide(self) -> None:
        with pytest.raises(ValueError, match="multiple of 4, not 6"):
            MixConv(3, 6)


class TestCost:
    @pytest.mark.parametrize(
        ("layer", "size", "expected"),
        [
            (nn.Conv2d(6, 4, 3, stride=2, padding=1, groups=2), (1, 6, 8, 6), (4 * 4 * 3) * 9 * 3),
            (nn.Conv1d(3, 5, 3), (2, 3, 10), (2 * 5 * 8) * 3 * 3),
            (nn.ConvTranspose2d(3, 5, 4, stride=2, padding=1), (1, 3, 6, 7), (3 * 6 * 7) * 16 * 5),
            (nn.Linear(7, 3), (4, 2, 7), (4 * 2) * 7 * 3),
            (nn.BatchNorm2d(3), (2, 3, 4, 4), 0),
            (nn.LSTM(10, 20, 2), (5, 3, 10), (5 * 3) * (80 * (10 + 20) + 80 * (20 + 20))),
            (nn.LSTM(10, 20, batch_first=True, bidirectional=True), (3, 5, 10), (5 * 3) * 2 * 80 * (10 + 20)),
            (nn.GRU(10, 20), (5, 3, 10), (5 * 3) * 60 * (10 + 20)),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_multiplications_by_hand(self, layer: nn.Module, size: tuple[int, ...], expected: int) -> None:
        assert multiply_adds(layer, torch.zeros(size)) == expected

    def test_all_inputs_and_layers_count(self) -> None:
        class Both(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.a, self.b = nn.Linear(2, 3), nn.Linear(4, 5)

            def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
                return self.a(x), self.b(self.b.weight.new_zeros(1, 4) + y)

        assert multiply_adds(Both(), torch.zeros(1, 2), torch.zeros(1, 4)) == 2 * 3 + 4 * 5
        with torch.device("meta"):
            assert multiply_adds(Both(), torch.zeros(1, 2), torch.zeros(1, 4)) == 2 * 3 + 4 * 5


def test_padding_repeats_the_border() -> None:
    x = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert pad_to_multiple(x, 4)[0, 0].tolist() == [[0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]]
    assert pad_to_multiple(x, 1) is x


def test_seeded_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    a, b, c = (seeded(lambda: nn.Linear(3, 3), seed).weight for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
