"""The factorised space of MnasNet: seven blocks of identical layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from searchspaces.plans import BlockPlan, Layer, scaled
from searchspaces.space import Choice, Genotype, Space, TaskShape

if TYPE_CHECKING:
    from torch import nn

FILTERS = (16, 24, 40, 80, 112, 192, 320)
STRIDES = (2, 1, 2, 2, 2, 1, 2, 1)
"""Of the stem and of each block."""

LAYERS = (3, 3, 3, 3, 3, 4, 3)
EXPANSIONS, KERNELS = (1, 4, 6), (3, 5)


class MnasNetSpace(Space):
    """The factorised hierarchical space of MnasNet (Tan et al., CVPR 2019, arXiv 1807.11626), as Accel-NASBench has it.

    Seven blocks of identical layers; each block chooses its expansion (1, 4, 6), kernel (3, 5), number of layers (1
    to 3; 1 to 4 in the sixth) and whether it has squeeze-and-excitation (a quarter of the layer's input channels).
    Filters and strides are those of EfficientNet-B0. 36^6 * 48, about 10^11 architectures. Crossover passes on whole
    blocks. ``width`` multiplies all channels of the networks that `build` makes, and of the five strides of 2 the last
    ``halvings`` are kept, for small pictures; the benchmark's are of width 1 and halve pictures five times.
    """

    table_name = "mnasnet"

    def __init__(self, width: float = 1.0, halvings: int = 5) -> None:
        most = STRIDES.count(2)
        if not 0 <= halvings <= most:
            raise ValueError(f"a network of MnasNet halves pictures 0 to {most} times, not {halvings}")
        choices = []
        for block, layers in enumerate(LAYERS):
            choices += [
                Choice(f"block{block}_e", tuple(map(str, EXPANSIONS))),
                Choice(f"block{block}_k", tuple(map(str, KERNELS))),
                Choice(f"block{block}_l", tuple(map(str, range(1, layers + 1)))),
                Choice(f"block{block}_se", ("0", "1")),
            ]
        super().__init__("mnasnet", choices, blocks=[slice(i, i + 4) for i in range(0, len(choices), 4)])
        self.width, self.halvings = width, halvings
        self.stem = scaled(32, width)

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
        channels = self.stem
        fields = self.fields(genotype)
        layers = []
        later = [STRIDES[i:].count(2) for i in range(len(STRIDES))]
        stem, *strides = (stride if count <= self.halvings else 1 for stride, count in zip(STRIDES, later, strict=True))
        for block, (filters, stride) in enumerate(zip(FILTERS, strides, strict=True)):
            expansion, kernel, count, squeeze = (fields[f"block{block}_{field}"] for field in ("e", "k", "l", "se"))
            for layer in range(count):
                out = scaled(filters, self.width)
                layers.append(Layer(channels, out, 1 if layer else stride, expansion, kernel, squeeze / 4))
                channels = out
        return BlockPlan(self.stem, stem, tuple(layers), scaled(1280, self.width))

    def build(self, genotype: Genotype, shape: TaskShape, *, seed: int) -> nn.Module:
        """The network: (B, inputs, H, W) images of any size to logits (B, outputs). Weights are drawn from ``seed``."""
        from searchspaces.blocks_network import BlockNetwork
        from searchspaces.operators import seeded

        self.check_shape(shape)
        return seeded(lambda: BlockNetwork(self.plan(genotype), shape), seed)
