"""The eight orientations of LEF and DEF, and boxes under them."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Orientation(IntEnum):
    """The eight orientations of LEF/DEF, in the order of their usual numeric codes."""

    N = 0
    W = 1
    S = 2
    E = 3
    FN = 4
    FW = 5
    FS = 6
    FE = 7


QUARTER_TURNED = (Orientation.W, Orientation.E, Orientation.FW, Orientation.FE)

# Matrix rows (x from x, x from y, y from x, y from y) of each orientation, in the order of their codes.
_MATRICES = np.array(
    [
        (1, 0, 0, 1),  # N
        (0, -1, 1, 0),  # W: a quarter turn counter-clockwise
        (-1, 0, 0, -1),  # S
        (0, 1, -1, 0),  # E: a quarter turn clockwise
        (-1, 0, 0, 1),  # FN: mirrored at the y axis
        (0, 1, 1, 0),  # FW: mirrored at the x axis, then W
        (1, 0, 0, -1),  # FS: mirrored at the x axis
        (0, -1, -1, 0),  # FE: mirrored at the y axis, then W
    ],
    dtype=np.int64,
)


def turned(box: Ints, orientation: Ints) -> Ints:
    """Boxes (n, 4) turned and mirrored about (0, 0) by orientation codes (n,); x0 <= x1 and y0 <= y1 again."""
    a, b, c, d = (_MATRICES[:, i][orientation] for i in range(4))
    x0, y0 = a * box[:, 0] + b * box[:, 1], c * box[:, 0] + d * box[:, 1]
    x1, y1 = a * box[:, 2] + b * box[:, 3], c * box[:, 2] + d * box[:, 3]
    return np.stack([np.minimum(x0, x1), np.minimum(y0, y1), np.maximum(x0, x1), np.maximum(y0, y1)], axis=1)


def turned_in_frame(box: Ints, size: Ints, orientation: Ints) -> Ints:
    """Boxes (n, 4) in frames of ``size`` (n, 2) after the frame is turned, its lower-left corner at (0, 0)."""
    frame = turned(np.concatenate([np.zeros_like(size), size], axis=1), orientation)
    return turned(box, orientation) - np.tile(frame[:, :2], 2)
