"""Placements of a data set for torch's ``DataLoader``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset, default_collate

from placement_data.store import Sample, Store


class PlacementDataset(Dataset[Sample]):
    """Random access to the samples of some families of a store, each at its native size, read when it is asked for.

    For batches, in this process or in worker processes: ``DataLoader(dataset, batch_size=8, collate_fn=collate)``.
    """

    def __init__(self, store: Store, families: Sequence[str]) -> None:
        self.store = store
        wanted = set(families)
        self.indices = [index for index, family in enumerate(store.families) if family in wanted]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Sample:
        return self.store.sample(self.indices[index])


_COLLATED = ("hotspots", "violation_density", "violated_net_map")


def collate(samples: Sequence[Sample]) -> dict[str, Any]:
    """A batch of samples of unequal sizes, for ``collate_fn`` of a ``DataLoader``.

    ``features`` float32 (n, channels, rows, columns) and the maps of labels (n, rows, columns) are tensors as large as
    the largest sample; ``inside`` (n, rows, columns) is True where a sample has tiles on its die, and everything else
    is 0 beyond them: leave those tiles out of losses and metrics. ``sample``, ``design`` and ``family`` are lists of n
    names; ``net_count`` is int64 (n), ``violated_net_ratio`` float64 (n). A label that one of the samples lacks is left
    out.
    """
    rows, columns = np.max([sample.features.shape[1:] for sample in samples], axis=0)

    def padded(array: NDArray[Any]) -> NDArray[Any]:
        outside = ((0, rows - array.shape[-2]), (0, columns - array.shape[-1]))
        return np.pad(array, ((0, 0),) * (array.ndim - 2) + outside)

    batch: dict[str, list[Any]] = {
        "features": [padded(sample.features) for sample in samples],
        "inside": [padded(_inside(sample)) for sample in samples],
        **{name: [getattr(sample, name) for sample in samples] for name in ("sample", "design", "family", "net_count")},
        "violated_net_ratio": [sample.violated_net_ratio for sample in samples],
        **{name: [getattr(sample, name) for sample in samples] for name in _COLLATED},
    }
    known = {name: values for name, values in batch.items() if not any(value is None for value in values)}
    known |= {name: [padded(value) for value in known[name]] for name in _COLLATED if name in known}
    return {name: default_collate(values) for name, values in known.items()}


def _inside(sample: Sample) -> NDArray[np.bool_]:
    return np.ones(sample.features.shape[1:], dtype=bool) if sample.inside is None else sample.inside
