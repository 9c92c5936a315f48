"""Extra targets of the hotspot task: what the same router had left after earlier iterations.

They are learnt beside the label and dropped with it: no input, and no part of an answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from placement_data.errors import InputError, SettingError
from placement_data.store import Sample, Store
from routenas.tasks.card import TaskName


def iterations_of(store: Store, name: TaskName, indices: Sequence[int]) -> tuple[int, ...]:
    """The earlier iterations that some of these placements have reports of, in order.

    Raises :class:`SettingError` for another task than hotspots and :class:`InputError` where none has any.
    """
    if name != "hotspots":
        raise SettingError("extra targets are maps of hotspots", found=name, expected="the task hotspots")
    found = sorted({number for index in indices for number in store.heads[index].get("earlier_iterations", ())})
    if not found:
        what = "no training placement has a report of an earlier iteration, to be an extra target"
        expected = "columns report_iteration_0, report_iteration_1 of the manifest"
        raise InputError(what, file=store.path, expected=expected)
    return tuple(found)


def earlier_targets(sample: Sample, iterations: Sequence[int]) -> NDArray[np.float32] | None:
    """(iterations, rows, columns) hotspots after each, NaN after those that the placement has no report of."""
    if not iterations:
        return None
    targets = np.full((len(iterations), *sample.features.shape[1:]), np.nan, dtype=np.float32)
    for place, number in enumerate(iterations):
        if sample.earlier_hotspots is not None and number in sample.earlier_iterations:
            targets[place] = sample.earlier_hotspots[sample.earlier_iterations.index(number)]
    return targets


def earlier_loss(logits: Tensor, targets: Tensor, inside: Tensor | None) -> Tensor:
    """Mean binary cross-entropy of logits (1, n, h, w) over the tiles on the die that have a target."""
    known = ~torch.isnan(targets)
    weight = known.to(logits.dtype) if inside is None else known * inside[:, None]
    loss = functional.binary_cross_entropy_with_logits(logits, torch.where(known, targets, 0.0), reduction="none")
    return (loss * weight).sum() / weight.sum().clamp(min=1.0)
