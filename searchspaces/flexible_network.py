"""The torch modules of the flexible space (RouteNAS, arXiv 2012.01737, and an extension of it)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from searchspaces.operators import ConvBlock, MixConv, ZeroConv, pad_to_multiple
from searchspaces.plans import Dag, Plan
from searchspaces.values import TaskShape


class FlexibleNetwork(nn.Module):
    """Base of both presets.

    ``output`` says what forward gives: "map" (B, outputs, H, W), "scalar" (B,) or "classes" (B, outputs).
    """

    output: Literal["map", "scalar", "classes"]


class DagModule(nn.Module):
    """One sampled DAG: a vertex transforms the concatenation of its inputs; the output concatenates the sinks."""

    def __init__(self, channels: int, dag: Dag, width: int, *, batch_norm: bool) -> None:
        super().__init__()
        self.inputs = {v: sorted(u for u, head in dag.edges if head == v) for v, _ in dag.operations}
        tails = {u for u, _ in dag.edges}
        self.sinks = [v for v in sorted(self.inputs) if v not in tails] or [0]
        filters = {0: channels}
        self.vertices = nn.ModuleDict()
        for vertex, name in sorted(dag.operations):
            incoming = sum(filters[u] for u in self.inputs[vertex])
            filters[vertex] = 2 * width if name == "conv3x3_wide" else width
            self.vertices[str(vertex)] = operation(name, incoming, filters[vertex], batch_norm=batch_norm)
        self.out_channels = sum(filters[v] for v in self.sinks)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, out_channels, H, W)."""
        tensors = {0: x}
        for vertex, module in self.vertices.items():
            tensors[int(vertex)] = module(_concatenated([tensors[u] for u in self.inputs[int(vertex)]]))
        return _concatenated([tensors[v] for v in self.sinks])


class Pair(nn.ModuleList):
    """Parallel DAGs of one stage; the output concatenates theirs."""

    def __init__(self, channels: int, dags: tuple[Dag, ...], width: int, *, batch_norm: bool) -> None:
        modules = [DagModule(channels, dag, width, batch_norm=batch_norm) for dag in dags]
        super().__init__(modules)
        self.out_channels = sum(module.out_channels for module in modules)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, out_channels, H, W)."""
        return _concatenated([module(x) for module in self])


class Merge(nn.Module):
    """A pair with a shortcut around it: ReLU(convolution of the pair's output + projection of its input).

    Stride 1: a 1x1 convolution and the input itself. Stride 2, ``kernel`` 3: the paper's strided convolutions, 3x3
    and 1x1; ``kernel`` 4: centred between tiles, the shortcut averages 2x2 tiles.
    """

    def __init__(self, pair: Pair, channels: int, *, kernel: int, stride: int, batch_norm: bool) -> None:
        super().__init__()
        self.pair = pair
        self.main = ConvBlock(pair.out_channels, channels, kernel, stride=stride, batch_norm=batch_norm, relu=False)
        self.shortcut = nn.Sequential()
        if stride == 2 and kernel % 2 == 0:
            self.shortcut.append(nn.AvgPool2d(2))
        if stride == 2:
            step = 1 if kernel % 2 == 0 else 2
            self.shortcut.append(ConvBlock(channels, channels, 1, stride=step, batch_norm=batch_norm, relu=False))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to (B, channels, H / stride, W / stride)."""
        return functional.relu(self.main(self.pair(x)) + self.shortcut(x))


class Residual(nn.Module):
    """The input plus a zero-initialised projection of the pair's non-empty DAGs: it starts as the identity."""

    def __init__(self, pair: Pair, channels: int) -> None:
        super().__init__()
        self.pair = pair
        self.project = ZeroConv(pair.out_channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) to the same shape."""
        result: Tensor = x + self.project(self.pair(x))
        return result


class PaperNetwork(FlexibleNetwork):
    """Three strided stages of two DAGs each, as published; vertex widths 32 and 64, all else as far as it is known.

    Maps are padded to a multiple of 8 by repeating the border and the result is cropped back.
    """

    channels = 64

    def __init__(self, dags: tuple[Dag, ...], shape: TaskShape) -> None:
        super().__init__()
        assert shape.output in ("map", "scalar", "classes")
        self.output = shape.output
        trunk: list[nn.Module] = [ConvBlock(shape.inputs, self.channels, 3, stride=2, batch_norm=True)]
        for first in (0, 2, 4):
            pair = Pair(self.channels, dags[first : first + 2], 32, batch_norm=True)
            kernel, stride = (1, 1) if first == 4 else (3, 2)
            trunk.append(Merge(pair, self.channels, kernel=kernel, stride=stride, batch_norm=True))
        self.trunk = nn.Sequential(*trunk)
        if self.output == "map":
            up = (_doubling(c, f) for c, f in ((64, 32), (32, 16), (16, 16)))
            self.head = nn.Sequential(*up, ZeroConv(16, shape.outputs, 3))
        else:
            last = ZeroConv(32, shape.outputs)
            self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), ConvBlock(self.channels, 32, 1), last)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to a map (B, outputs, H, W), a scalar (B,) or logits (B, outputs)."""
        result: Tensor = self.head(self.trunk(pad_to_multiple(x, 8)))
        if self.output == "map":
            return result[..., : x.shape[-2], : x.shape[-1]]
        return result.flatten() if self.output == "scalar" else result.flatten(1)


class Decoder(nn.ModuleList):
    """Back to full size by doublings, each joined to what went into the halving of that size (after U-Net).

    Ronneberger et al., MICCAI 2015. A doubling is bilinear; a 3x3 convolution of the concatenation follows.
    """

    def __init__(self, skipped: Sequence[int], channels: int, *, batch_norm: bool) -> None:
        blocks = [ConvBlock(channels + skip, channels, 3, batch_norm=batch_norm) for skip in reversed(skipped)]
        super().__init__(blocks)

    def forward(self, x: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """(B, channels, H, W) and what was halved, the largest first, to (B, channels) of the largest's size."""
        for block, skip in zip(self, reversed(skips), strict=True):
            x = block(torch.cat([_enlarged(x, 2), skip], dim=1))
        return x


class ExtendedNetwork(FlexibleNetwork):
    """Stem (1x1 convolutions) at full size, trunk of three stages, head of 1x1 convolutions.

    The stem, where there is one, feeds the trunk and, unless the trunk itself passes it on, beside the trunk's enlarged
    output the head. For a scalar the network gives a map, each tile's contribution; for classes the head works on the
    average of all tiles. ``inputs_used`` are the indices of the inputs that it reads; it looks at no other.
    """

    def __init__(self, plan: Plan, shape: TaskShape, inputs: Sequence[int]) -> None:
        super().__init__()
        self.output = "classes" if shape.output == "classes" else "map"
        self.inputs_used = tuple(inputs)
        self.selected: Tensor | None
        chosen = torch.tensor(self.inputs_used) if len(inputs) < shape.inputs else None
        self.register_buffer("selected", chosen, persistent=False)
        channels, hidden = len(inputs), plan.channels
        self.scale = 2**plan.halvings
        self.one_tile: nn.Sequential | None = None
        if plan.stem:
            widths = (channels, *[hidden] * (plan.stem - 1))
            self.one_tile = nn.Sequential(*(ConvBlock(c, hidden, 1, batch_norm=plan.batch_norm) for c in widths))
            channels = hidden
        self.trunk = nn.Sequential(*_trunk(plan, channels))
        skipped = [channels if stage == 0 else hidden for stage in range(3 - plan.halvings, 3)]
        self.decoder = Decoder(skipped, hidden, batch_norm=plan.batch_norm) if plan.skips else None
        # A 1x1 convolution of a concatenation is the sum of one for each part, and commutes with up-sampling.
        self.head_trunk = nn.Conv2d(hidden, hidden, 1)
        self.head_tile = nn.Conv2d(hidden, hidden, 1, bias=False) if plan.beside else None
        self.head = ZeroConv(hidden, shape.outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to a map (B, outputs, H, W) or logits (B, outputs)."""
        height, width = x.shape[-2:]
        if self.selected is not None:
            x = x.index_select(1, self.selected)
        if self.one_tile is not None:
            x = self.one_tile(x)
        y, halved = pad_to_multiple(x, self.scale), []
        for part in self.trunk:
            before, y = y, part(y)
            if y.shape[-1] < before.shape[-1]:
                halved.append(before)
        if self.decoder is not None:
            y = self.head_trunk(self.decoder(y, halved))
        else:
            y = _enlarged(self.head_trunk(y), self.scale)
        y = y[..., :height, :width]
        if self.head_tile is not None:
            y = y + self.head_tile(x)
        y = functional.relu(y)
        if self.output == "classes":
            y = y.mean((-2, -1), keepdim=True)
        result: Tensor = self.head(y)
        return result.flatten(1) if self.output == "classes" else result


def operation(name: str, channels: int, filters: int, *, batch_norm: bool) -> nn.Module:
    """The module of a member of `OPERATIONS`: (B, channels, H, W) to (B, filters, H, W)."""
    if name == "mix":
        return MixConv(channels, filters, batch_norm=batch_norm)
    kernel = 1 if name == "conv1x1" else 3
    dilation = int(name.removeprefix("dilated")) if name.startswith("dilated") else 1
    return ConvBlock(channels, filters, kernel, dilation=dilation, batch_norm=batch_norm)


def _trunk(plan: Plan, channels: int) -> list[nn.Module]:
    # Stage i begins at half the size if it is one of the last `halvings` stages.
    halves = [stage >= 3 - plan.halvings for stage in range(3)] + [False]
    hidden = plan.channels
    trunk: list[nn.Module] = []
    if halves[0] or not plan.stem:
        kernel, stride = (4, 2) if halves[0] else (3, 1)
        trunk.append(ConvBlock(channels, hidden, kernel, stride=stride, batch_norm=plan.batch_norm))
    for stage in range(3):
        dags = plan.dags[2 * stage : 2 * stage + 2]
        kernel, stride = (4, 2) if halves[stage + 1] else (1, 1)
        if not plan.residual:
            pair = Pair(hidden, dags, plan.filters, batch_norm=plan.batch_norm)
            trunk.append(Merge(pair, hidden, kernel=kernel, stride=stride, batch_norm=plan.batch_norm))
            continue
        if kept := tuple(dag for dag in dags if dag.edges):
            trunk.append(Residual(Pair(hidden, kept, plan.filters, batch_norm=plan.batch_norm), hidden))
        if stride == 2:
            trunk.append(ConvBlock(hidden, hidden, kernel, stride=2, batch_norm=plan.batch_norm))
    return trunk


def _enlarged(x: Tensor, scale: int) -> Tensor:
    if scale == 1:
        return x
    return functional.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)


def _concatenated(tensors: list[Tensor]) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors, dim=1)


def _doubling(channels: int, filters: int) -> nn.Module:
    conv = nn.ConvTranspose2d(channels, filters, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(filters), nn.ReLU(inplace=True))
