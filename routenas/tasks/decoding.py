"""What a network puts out becomes an answer: probabilities of hotspots, or the ratio of violated nets."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from routenas.tasks.card import RATIO_FLOOR, Card


def decode(card: Card, output: Tensor, net_count: int, inside: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """A module's output for one placement as an answer.

    Hotspots: probabilities (rows, columns), NaN in tiles off the die, which are not ``inside`` (rows, columns).
    Violated nets: their ratio (1,), from a scalar or from a map of contributions, which softplus makes numbers of
    nets.
    """
    on_die = None if inside is None else torch.from_numpy(inside)
    answer = np.asarray(decoded(card, output, torch.tensor(net_count), on_die).numpy(), dtype=np.float64)
    return answer if inside is None or card.name != "hotspots" else np.where(inside, answer, np.nan)


def decoded(card: Card, output: Tensor, net_count: Tensor, inside: Tensor | None) -> Tensor:
    """The answer of :func:`decode`, float64, but for what it says of hotspots off the die, which means nothing."""
    values, scale = output.to(torch.float64), card.output_scale
    if card.name == "hotspots":
        logits = values + scale.offset
        if card.calibration is not None:
            logits = card.calibration.slope * logits + card.calibration.intercept
        return torch.sigmoid(logits)[0, 0]
    if values.ndim == 1:
        ratio = torch.exp(values * scale.log_ratio_deviation + scale.log_ratio_mean) - RATIO_FLOOR
    else:
        nets = functional.softplus(values + scale.offset)
        nets = nets if inside is None else nets * inside
        ratio = nets.sum(dim=(1, 2, 3)) / net_count.clamp(min=1)
    return ratio.clamp(0.0, 1.0)
