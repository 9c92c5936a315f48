"""Networks of blocks in a row, each chosen on its own: NAS-Bench-Macro, and the factorised space of MnasNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from searchspaces.space import Choice, Genotype, Graph, Space, TaskShape

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Layer:
    """One layer of a block network: an inverted bottleneck, or the identity where ``expansion`` is 0.

    An identity that changes shape is a 1x1 convolution. ``squeeze`` is the share of the input's channels that a
    squeeze-and-excitation keeps; 0 leaves it out.
    """

    channels: int
    filters: int
    stride: int
    expansion: int
    kernel: int = 3
    squeeze: float = 0.0


@dataclass(frozen=True)
class BlockPlan:
    """A network: stem filters and stride, layers in a row, filters of the last convolution."""

    stem: int
    stem_stride: int
    layers: tuple[Layer, ...]
    head: int


MACRO_BLOCKS = ("identity", "mb3_k3", "mb6_k5")
MACRO_FILTERS = (64, 64, 128, 128, 128, 256, 256, 256)
MACRO_STRIDES = (2, 1, 2, 1, 1, 2, 1, 1)


class NasBenchMacroSpace(Space):
    """NAS-Bench-Macro (Su et al., CVPR 2021, arXiv 2103.11922): 6,561 = 3^8 MobileNet-like networks for CIFAR-10.

    Each of eight layers is the identity, an inverted bottleneck of expansion 3 and kernel 3, or one of expansion 6
    and kernel 5. ``width`` multiplies all channels of the networks that `build` makes; the benchmark's are of width 1.
    """

    def __init__(self, width: float = 1.0) -> None:
        super().__init__("nas-bench-macro", [Choice(f"layer{i}", MACRO_BLOCKS) for i in range(1, 9)])
        self.width = _positive(width)

    def graph(self, genotype: Genotype) -> Graph:
        """Ten vertices in a chain: the input, the eight layers' blocks, the output."""
        operations = [0, *(2 + block for block in self.canonical(genotype).values), 1]
        return Graph(np.array(operations), np.eye(10, k=1, dtype=bool), ("input", "output", *MACRO_BLOCKS))

    def plan(self, genotype: Genotype) -> BlockPlan:
        """What the genotype means, layer by layer."""
        channels = stem = scaled(32, self.width)
        layers = []
        values = self.canonical(genotype).values
        for block, filters, stride in zip(values, MACRO_FILTERS, MACRO_STRIDES, strict=True):
            expansion, kernel = ((0, 1), (3, 3), (6, 5))[block]
            layers.append(Layer(channels, scaled(filters, self.width), stride, expansion, kernel))
            channels = layers[-1].filters
        return BlockPlan(stem, 1, tuple(layers), scaled(1280, self.width))

    def build(self, genotype: Genotype, task: TaskShape, *, seed: int = 0) -> nn.Module:
        """The network of the benchmark: (B, inputs, H, W) images of any size to logits (B, outputs).

        Weights are torch's defaults, drawn from ``seed``.
        """
        return _built(self.plan(genotype), task, seed)


MNASNET_FILTERS = (16, 24, 40, 80, 112, 192, 320)
MNASNET_STRIDES = (1, 2, 2, 2, 1, 2, 1)
MNASNET_LAYERS = (3, 3, 3, 3, 3, 4, 3)
EXPANSIONS, KERNELS = (1, 4, 6), (3, 5)


class MnasNetSpace(Space):
    """The factorised hierarchical space of MnasNet (Tan et al., CVPR 2019, arXiv 1807.11626), as Accel-NASBench has it.

    Seven blocks of identical layers; each block chooses its expansion (1, 4, 6), kernel (3, 5), number of layers (1
    to 3; 1 to 4 in the sixth) and whether it has squeeze-and-excitation (a quarter of the layer's input channels).
    Filters and strides are those of EfficientNet-B0. 36^6 * 48, about 10^11 architectures. Crossover passes on whole
    blocks. ``width`` multiplies all channels of the networks that `build` makes; the benchmark's are of width 1.
    """

    def __init__(self, width: float = 1.0) -> None:
        choices = []
        for block, layers in enumerate(MNASNET_LAYERS):
            choices += [
                Choice(f"block{block}_e", tuple(map(str, EXPANSIONS))),
                Choice(f"block{block}_k", tuple(map(str, KERNELS))),
                Choice(f"block{block}_l", tuple(map(str, range(1, layers + 1)))),
                Choice(f"block{block}_se", ("0", "1")),
            ]
        super().__init__("mnasnet", choices, blocks=[slice(i, i + 4) for i in range(0, len(choices), 4)])
        self.width = _positive(width)

    def fields(self, genotype: Genotype) -> dict[str, int]:
        """What the genotype says by field: ``block0_e`` (expansion), ``_k``, ``_l``, ``_se``, ``block1_e``, ..."""
        values = self.canonical(genotype).values
        return {choice.name: int(choice.names[v]) for choice, v in zip(self.choices, values, strict=True)}

    def from_fields(self, fields: dict[str, int]) -> Genotype:
        """The genotype of `fields`. Raises ValueError where a field is missing, unknown or not an option."""
        if set(fields) != set(self._index):
            wrong = sorted(set(fields) ^ set(self._index))
            raise ValueError(f"the fields of {self.name!r} must be block0_e to block6_se; missing or unknown: {wrong}")
        return self.genotype([choice.option(str(fields[choice.name])) for choice in self.choices])

    def plan(self, genotype: Genotype) -> BlockPlan:
        """What the genotype means, layer by layer."""
        channels = stem = scaled(32, self.width)
        fields = self.fields(genotype)
        layers = []
        for block, (filters, stride) in enumerate(zip(MNASNET_FILTERS, MNASNET_STRIDES, strict=True)):
            expansion, kernel, count, squeeze = (fields[f"block{block}_{field}"] for field in ("e", "k", "l", "se"))
            for layer in range(count):
                strides = 1 if layer else stride
                out = scaled(filters, self.width)
                layers.append(Layer(channels, out, strides, expansion, kernel, squeeze / 4))
                channels = out
        return BlockPlan(stem, 2, tuple(layers), scaled(1280, self.width))

    def build(self, genotype: Genotype, task: TaskShape, *, seed: int = 0) -> nn.Module:
        """The network: (B, inputs, H, W) images of any size to logits (B, outputs). Weights are drawn from ``seed``."""
        return _built(self.plan(genotype), task, seed)


def scaled(channels: int, width: float) -> int:
    """The number of channels at a width: at least 1."""
    return max(1, round(channels * width))


def _positive(width: float) -> float:
    if not width > 0:
        raise ValueError(f"the width of a network must be positive, not {width}")
    return width


def _built(plan: BlockPlan, task: TaskShape, seed: int) -> nn.Module:
    from searchspaces.blocks_network import BlockNetwork
    from searchspaces.operators import seeded

    return seeded(lambda: BlockNetwork(plan, task), seed)
