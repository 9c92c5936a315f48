"""The violated-net network of RouteNet: a ResNet-18 with a scalar output."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from searchspaces.space import TaskShape


def optional_norm(channels: int, norm: bool) -> nn.Module:
    """Batch normalisation, or nothing."""
    return nn.BatchNorm2d(channels) if norm else nn.Identity()


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al., CVPR 2016); the shortcut is a 1x1 convolution on a change.

    (B, inputs, H, W) to (B, outputs, H / stride, W / stride), rounded up.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, norm: bool, dilation: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation, bias=not norm)
        self.norm1 = optional_norm(outputs, norm)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=dilation, dilation=dilation, bias=not norm)
        self.norm2 = optional_norm(outputs, norm)
        if not norm:
            # Without normalisation eight blocks double the variance each; starting as the shortcut keeps it level.
            nn.init.zeros_(self.conv2.weight)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=not norm), optional_norm(outputs, norm)
            )

    def forward(self, x: Tensor) -> Tensor:
        inner = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(inner)) + self.shortcut(x))


class RouteNetCount(nn.Module):
    """ResNet-18 for violated nets, as RouteNet uses it: (b, channels, h, w) -> (b,).

    ``resize``: the size that every map is brought to first (averaged where smaller, bilinear where larger). ``width``:
    channels of the first stage (64 in ResNet-18); the stages have 1, 2, 4 and 8 times as many. ``norm``: batch
    normalisation, as published; it needs batches of several placements.
    """

    output: str = "scalar"
    resize: tuple[int, int] | None

    def __init__(
        self, shape: TaskShape, width: int = 64, resize: tuple[int, int] | None = (64, 64), norm: bool = True
    ) -> None:
        super().__init__()
        self.resize = resize
        self.stem = nn.Sequential(
            nn.Conv2d(shape.inputs, width, 7, stride=2, padding=3, bias=not norm),
            optional_norm(width, norm),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        blocks: list[nn.Module] = []
        inputs = width
        for stage in range(4):
            outputs = width << stage
            blocks.append(BasicBlock(inputs, outputs, 1 if stage == 0 else 2, norm))
            blocks.append(BasicBlock(outputs, outputs, 1, norm))
            inputs = outputs
        self.stages = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) of any size to (B,)."""
        if self.resize is not None:
            x = functional.interpolate(x, size=self.resize, mode="bilinear", antialias=True, align_corners=False)
        counts: Tensor = self.head(self.stages(self.stem(x)).mean(dim=(2, 3)))
        return counts.squeeze(1)
