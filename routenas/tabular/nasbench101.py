"""NAS-Bench-101 (Ying et al., ICML 2019), from a folder of arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from routenas.tabular.files import arrays_of, folder_of
from routenas.tabular.tables import ByKey, NasTable, data_set
from searchspaces.nasbench101 import NasBench101Space, fingerprints, unpacked

DATA = ("cifar10",)


def load(data: str | None, folder: Path | None) -> NasTable:
    """See `TABLES`."""
    data = data_set("nas-bench-101", data, DATA)
    space = NasBench101Space()
    arrays = arrays_of(folder_of("nas-bench-101", folder), "nas_bench_101.npz")
    prints = fingerprints(*unpacked(arrays["V"], arrays["adj_bits"], arrays["ops_base3"])).tolist()
    rows: dict[int, int] = dict(zip(prints, range(len(prints)), strict=True))
    columns = {
        "test": arrays["test_acc_108ep"].astype(np.float64),
        "parameters": arrays["params"].astype(np.float64),
    }
    if float(columns["test"].max()) <= 1.0:
        columns["test"] = columns["test"] * 100.0

    return NasTable("nas-bench-101", data, space, columns, ByKey(space.fingerprint, rows), 108.0)
