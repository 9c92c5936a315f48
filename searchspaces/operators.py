"""The operator modules that spaces share, their initial weights and their cost. Tensors are (B, C, H, W)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

Module = TypeVar("Module", bound=nn.Module)


class ConvBlock(nn.Sequential):
    """Convolution, batch normalisation if asked for, ReLU; "same" padding, so stride 1 keeps the map's size.

    A stride-2 block with an even kernel is centred between tiles and therefore commutes with mirroring the map.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel: int,
        *,
        dilation: int = 1,
        stride: int = 1,
        batch_norm: bool = False,
        relu: bool = True,
    ) -> None:
        padding = dilation * (kernel - 1) // 2
        conv = nn.Conv2d(channels, filters, kernel, stride, padding, dilation, bias=not batch_norm)
        parts: list[nn.Module] = [conv]
        if batch_norm:
            parts.append(nn.BatchNorm2d(filters))
        if relu:
            parts.append(nn.ReLU(inplace=True))
        super().__init__(*parts)


class MixConv(nn.Module):
    """Mixed depth-wise convolution (Tan & Le, arXiv 1907.09595) between two 1x1 convolutions, then ReLU.

    The channels go in four groups through kernels of 7, 9, 11 and 13 tiles.
    """

    kernels = (7, 9, 11, 13)

    def __init__(self, channels: int, filters: int, *, batch_norm: bool = False) -> None:
        super().__init__()
        if filters % len(self.kernels):
            raise ValueError(f"filters of a mixed convolution must be a multiple of 4, not {filters}")
        group = filters // len(self.kernels)
        self.reduce = nn.Conv2d(channels, filters, 1)
        self.depthwise = nn.ModuleList(nn.Conv2d(group, group, k, padding=k // 2, groups=group) for k in self.kernels)
        self.project = ConvBlock(filters, filters, 1, batch_norm=batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, filters, H, W)."""
        groups = self.reduce(x).chunk(len(self.kernels), dim=1)
        mixed = [conv(group) for conv, group in zip(self.depthwise, groups, strict=True)]
        result: Tensor = self.project(torch.cat(mixed, dim=1))
        return result


class ZeroConv(nn.Conv2d):
    """A "same" convolution whose weights start at zero, so that its output starts at zero."""

    def __init__(self, channels: int, filters: int, kernel: int = 1) -> None:
        super().__init__(channels, filters, kernel, padding=kernel // 2)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """The map with its last rows and columns repeated until both sides are multiples of ``multiple``."""
    down, right = -x.shape[-2] % multiple, -x.shape[-1] % multiple
    return functional.pad(x, (0, right, 0, down), mode="replicate") if down or right else x


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights: He's normal for convolutions followed by ReLU, zero for `ZeroConv` and biases.

    (He et al., arXiv 1502.01852.) The generator alone decides, so equal seeds give equal weights.
    """
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_parameters()
        elif isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
            with torch.no_grad():
                part.weight.zero_()
                if not isinstance(part, ZeroConv):
                    part.weight.normal_(0.0, math.sqrt(2.0 / _fan_in(part)), generator=generator)
                if part.bias is not None:
                    part.bias.zero_()


def seeded(make: Callable[[], Module], seed: int) -> Module:
    """The module that ``make`` builds on the CPU, with torch's own initial weights drawn from ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would also reset other devices
        return make()


def multiply_adds(module: nn.Module, *inputs: Tensor | None) -> int:
    """Multiplications of all convolutions and matrix products in one forward pass (which may be on the meta device).

    Linear layers and the steps of recurrent ones are matrix products; what is done to each element does not count.
    """
    counter = FlopCounterMode(display=False, custom_mapping={torch.ops.aten.mkldnn_rnn_layer: _recurrent_layer})
    with torch.no_grad(), counter:
        module(*inputs)
    return counter.get_total_flops() // 2  # an addition goes with every multiplication


def _recurrent_layer(x: torch.Size, inputs: torch.Size, states: torch.Size, *rest: object, **out: object) -> int:
    """The operations of a whole layer of an LSTM, a single step for torch: sizes of its input and of its weights."""
    return 2 * math.prod(x[:2]) * (inputs.numel() + states.numel())


def _fan_in(conv: nn.Conv2d | nn.ConvTranspose2d) -> float:
    area = math.prod(conv.kernel_size)
    if isinstance(conv, nn.ConvTranspose2d):  # of the kernel's weights, an output tile sees one in stride^2
        return conv.in_channels * area / math.prod(conv.stride)
    return conv.in_channels // conv.groups * area
