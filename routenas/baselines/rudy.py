"""Predictors of one number: RUDY for hotspots, utilisation or mean RUDY for violated nets.

They rank as that number does, so they can answer without any training; a fit makes odds and ratios of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from placement_data.errors import InputError
from searchspaces.space import TaskShape

GENTLE = 0.01
"""Slope before a fit: small enough that no answer of a placement is lost at the ends of the scale."""


def channel_index(name: str, channels: Sequence[str]) -> int:
    """Where the channel ``name`` stands in ``channels``."""
    if name not in channels:
        what = f"needs the channel {name}, which the data set lacks"
        raise InputError(what, expected="a data set that has it (ingest --channels all)")
    return list(channels).index(name)


def rudy_channels(channels: Sequence[str]) -> tuple[str, ...]:
    """The two channels whose sum is RUDY of all nets: by fan-out, or by span (as CircuitNet has them)."""
    pairs = (("rudy_small", "rudy_large"), ("rudy_long", "rudy_short"), ("RUDY_long", "RUDY_short"))
    return next((pair for pair in pairs if {*pair} <= {*channels}), pairs[0])


class _OfChannels(nn.Module):
    """A rising line of the sum of some channels, in their own units."""

    output: str
    chosen: Tensor  # (channels,) 1 for those that are summed
    scale: Tensor  # (channels,) the normalisation, which is undone
    mean: Tensor
    deviation: Tensor
    slope: Tensor  # ()
    intercept: Tensor  # ()

    def __init__(self, shape: TaskShape) -> None:
        super().__init__()
        for name in ("chosen", "scale", "mean", "deviation"):
            self.register_buffer(name, torch.zeros(shape.inputs, dtype=torch.float64))
        self.register_buffer("slope", torch.tensor(GENTLE, dtype=torch.float64))
        self.register_buffer("intercept", torch.tensor(0.0, dtype=torch.float64))

    def names(self, channels: Sequence[str]) -> tuple[str, ...]:
        """The channels to sum, of those that there are."""
        return rudy_channels(channels)

    def read(self, card: Any) -> None:
        """Look up the channels and their normalisation. Raises InputError where a channel is not there."""
        self.chosen.zero_()
        for name in self.names(card.channels):
            self.chosen[channel_index(name, card.channels)] = 1.0
        for name in ("scale", "mean", "deviation"):
            getattr(self, name).copy_(torch.tensor(getattr(card.normalisation, name)))

    def total(self, x: Tensor) -> Tensor:
        """(b, channels, h, w) normalised -> (b, h, w) float64, the sum of the channels in their own units."""
        used = self.chosen.nonzero()[:, 0]
        scale, mean, deviation = (each[used][:, None, None] for each in (self.scale, self.mean, self.deviation))
        return (torch.expm1(x[:, used] * deviation + mean) * scale).sum(dim=1)


class RudyLogistic(_OfChannels):
    """Logistic regression of a hotspot on the tile's RUDY: (b, channels, h, w) -> logits (b, 1, h, w).

    The ranking is RUDY's own; the fit only makes log-odds of it. ``slope`` per unit of RUDY, ``intercept``.
    """

    output: str = "map"

    def forward(self, x: Tensor) -> Tensor:
        return (self.intercept + self.slope * self.total(x))[:, None]

    def fit_to(self, task: Any, seed: int) -> None:
        """Fit by maximum likelihood to the training part of a hotspot task; nothing is chosen on the search part.

        Raises InputError where a channel is not there or the labels hold one class.
        """
        self.read(task.card)
        totals, labels = [], []
        for example in task.examples("train"):
            sample = example.sample
            totals.append(sample.on_die(self.total(torch.from_numpy(example.maps)[None])[0].numpy()).ravel())
            labels.append(sample.on_die(example.hotspots).ravel())
        x, y = np.concatenate(totals), np.concatenate(labels).astype(np.float64)
        if not 0 < y.mean() < 1:
            raise InputError("hotspot labels hold one class", found=float(y.mean()), expected="a rate between 0 and 1")
        centre, scale = x.mean(), x.std() or 1.0
        # The slight ridge keeps the slope finite where RUDY separates the classes.
        model = LogisticRegression(C=1e6 / y.size, solver="newton-cholesky", tol=1e-10)
        model.fit(((x - centre) / scale)[:, None], y)
        self.slope.fill_(float(model.coef_[0, 0] / scale))
        self.intercept.fill_(float(model.intercept_[0]) - float(self.slope) * centre - task.card.output_scale.offset)


class RudyMean(_OfChannels):
    """Violated nets as a rising line of the mean RUDY over the die: (b, channels, h, w) -> (b,).

    The line matches the mean and the deviation of the targets. A least-squares slope could come out negative on few
    placements and turn the ranking round; the control is meant to rank as the statistic does, so its slope is
    deviation over deviation, which cannot.
    """

    output: str = "scalar"

    def statistic(self, x: Tensor) -> Tensor:
        """(b,) the mean over the tiles on the die, where not all normalised channels are 0."""
        inside = (x != 0).any(dim=1)
        return (self.total(x) * inside).sum(dim=(1, 2)) / inside.sum(dim=(1, 2)).clamp(min=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.intercept + self.slope * self.statistic(x)

    def fit_to(self, task: Any, seed: int) -> None:
        """Fit to the training part of a task of violated nets; nothing is chosen on the search part.

        Raises InputError where a channel is not there.
        """
        self.read(task.card)
        examples = task.examples("train")
        x = np.array([float(self.statistic(torch.from_numpy(example.maps)[None])[0]) for example in examples])
        y = task.card.output_scale.standardised([example.ratio for example in examples])
        slope = float(y.std() / x.std()) if x.std() > 0 else 0.0
        self.slope.fill_(slope)
        self.intercept.fill_(float(y.mean()) - slope * float(x.mean()))


class UtilizationMean(RudyMean):
    """The same of the mean cell density over the die, a share of area."""

    def names(self, channels: Sequence[str]) -> tuple[str, ...]:
        """The one channel."""
        return ("cell_density",)
