"""The dilated residual network with pixel-shuffle refinement of PROS."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from routenas.baselines.resnet import BasicBlock, optional_norm
from searchspaces.operators import pad_to_multiple
from searchspaces.space import TaskShape


class Refinement(nn.Module):
    """A 1x1 convolution to ``outputs`` channels and two 3x3 convolutions beside a shortcut, then ReLU.

    The ``last`` has no ReLU: each of its eight channels is a quarter of all tiles, which is lost where a channel dies.
    """

    def __init__(self, inputs: int, outputs: int, norm: bool, last: bool = False) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(inputs, outputs, 1, bias=not norm)
        self.conv1 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=not norm)
        self.norm1 = optional_norm(outputs, norm)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=not norm)
        self.last = nn.Identity() if last else nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = self.reduce(x)
        refined: Tensor = self.last(x + self.conv2(functional.relu(self.norm1(self.conv1(x)))))
        return refined


class PROS(nn.Module):
    """PROS (Chen et al., ICCAD 2020): a ResNet whose last stages are dilated, and refinement blocks back to full size.

    ``forward``: (b, channels, h, w) of any size -> logits (b, outputs, h, w). ``multiplier`` scales the widths of the
    four stages (1 in the paper: 256, 512, 1024, 2048; 170 million weights are too many for a few hundred placements)
    and ``stem`` is that of the first layer (64 in the paper), the finest there is, at half size. ``norm`` adds the
    published batch normalisation, see `RouteNetFCN`; without it the residual blocks start as their shortcuts.
    """

    output: str = "map"

    def __init__(self, shape: TaskShape, multiplier: float = 0.0625, stem: int = 32, norm: bool = False) -> None:
        super().__init__()
        stages = [int(multiplier * width) for width in (256, 512, 1024, 2048)]
        self.stem = nn.Sequential(
            nn.Conv2d(shape.inputs, stem, 7, stride=2, padding=3, bias=not norm), optional_norm(stem, norm), nn.ReLU()
        )
        self.pool = nn.MaxPool2d(2)
        inputs = [stem, *stages]
        blocks = [
            nn.Sequential(BasicBlock(i, o, stride, norm, dilation), BasicBlock(o, o, 1, norm, dilation))
            for i, o, stride, dilation in zip(inputs, stages, (1, 2, 1, 1), (1, 1, 2, 4), strict=False)
        ]
        self.quarter, self.eighth = blocks[0], nn.Sequential(*blocks[1:])
        self.shuffle = nn.PixelShuffle(2)  # four channels become one of twice the height and width
        self.refine_eighth = Refinement(stages[-1], stages[1], norm)
        self.skip_quarter = Refinement(stages[0], stages[0] // 2, norm)
        self.refine_quarter = Refinement(stages[1] // 4, 2 * stem, norm)
        self.skip_half = Refinement(stem, stem // 2, norm)
        self.refine_half = Refinement(stem // 2, 8, norm, last=True)
        self.head = nn.Conv2d(2, shape.outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        half = self.stem(pad_to_multiple(x, 8))
        quarter = self.quarter(self.pool(half))
        deep = self.shuffle(self.refine_eighth(self.eighth(quarter))) + self.skip_quarter(quarter)
        deep = self.shuffle(self.refine_quarter(deep)) + self.skip_half(half)
        logits: Tensor = self.head(self.shuffle(self.refine_half(deep)))
        return logits[..., :height, :width]
