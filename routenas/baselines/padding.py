"""Maps of any size through networks that halve them."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Pads (b, c, h, w) at the bottom and right to multiples of ``multiple`` by repeating the edge tiles.

    The edge is repeated because 0 may be any demand once channels are normalised. Crop the output to [..., :h, :w].
    """
    height, width = x.shape[-2:]
    below, right = -height % multiple, -width % multiple
    return functional.pad(x, (0, right, 0, below), mode="replicate") if below or right else x
