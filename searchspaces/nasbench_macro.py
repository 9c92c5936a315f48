"""NAS-Bench-Macro: eight layers in a row, each chosen on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from searchspaces.plans import BlockPlan, Layer, scaled
from searchspaces.space import Choice, Genotype, Graph, Space, TaskShape

if TYPE_CHECKING:
    from torch import nn

BLOCKS = ("identity", "mb3_k3", "mb6_k5")
FILTERS = (64, 64, 128, 128, 128, 256, 256, 256)
STRIDES = (2, 1, 2, 1, 1, 2, 1, 1)


class NasBenchMacroSpace(Space):
    """NAS-Bench-Macro (Su et al., CVPR 2021, arXiv 2103.11922): 6,561 = 3^8 MobileNet-like networks for CIFAR-10.

    Each of eight layers is the identity, an inverted bottleneck of expansion 3 and kernel 3, or one of expansion 6
    and kernel 5. ``width`` multiplies all channels of the networks that `build` makes; the benchmark's are of width 1.
    """

    table_name = "nas-bench-macro"

    def __init__(self, width: float = 1.0) -> None:
        super().__init__("nas-bench-macro", [Choice(f"layer{i}", BLOCKS) for i in range(1, 9)])
        self.width = width
        self.stem = scaled(32, width)

    def graph(self, genotype: Genotype) -> Graph:
        """Ten vertices in a chain: the input, the eight layers' blocks, the output."""
        operations = [0, *(2 + block for block in self.canonical(genotype).values), 1]
        return Graph(np.array(operations), np.eye(10, k=1, dtype=bool), ("input", "output", *BLOCKS))

    def plan(self, genotype: Genotype) -> BlockPlan:
        """What the genotype means, layer by layer."""
        channels = self.stem
        layers = []
        for block, filters, stride in zip(self.canonical(genotype).values, FILTERS, STRIDES, strict=True):
            expansion, kernel = ((0, 1), (3, 3), (6, 5))[block]
            layers.append(Layer(channels, scaled(filters, self.width), stride, expansion, kernel))
            channels = layers[-1].filters
        return BlockPlan(self.stem, 1, tuple(layers), scaled(1280, self.width))

    def build(self, genotype: Genotype, shape: TaskShape, *, seed: int) -> nn.Module:
        """The network of the benchmark: (B, inputs, H, W) images of any size to logits (B, outputs).

        Weights are torch's defaults, drawn from ``seed``.
        """
        from searchspaces.blocks_network import BlockNetwork
        from searchspaces.operators import seeded

        self.check_shape(shape)
        return seeded(lambda: BlockNetwork(self.plan(genotype), shape), seed)
