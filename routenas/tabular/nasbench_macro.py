"""NAS-Bench-Macro (Su et al., CVPR 2021), from a folder of arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from routenas.tabular.files import arrays_of, folder_of
from routenas.tabular.tables import ByDigits, NasTable, data_set
from searchspaces.nasbench_macro import NasBenchMacroSpace

DATA = ("cifar10",)
COSTS = (("parameters", "params"), ("flops", "flops"))


def load(data: str | None, folder: Path | None) -> NasTable:
    """See `TABLES`."""
    data = data_set("nas-bench-macro", data, DATA)
    arrays = arrays_of(folder_of("nas-bench-macro", folder), "nas_bench_macro.npz")
    order = np.argsort(arrays["arch"].astype(np.int64) @ 3 ** np.arange(7, -1, -1))
    runs = arrays["test_acc"][order].astype(np.float64)
    columns = {"test": runs.mean(axis=1)}
    columns |= {f"test_run{run}": runs[:, run] for run in range(runs.shape[1])}
    columns |= {name: arrays[theirs][order].astype(np.float64) for name, theirs in COSTS}
    return NasTable("nas-bench-macro", data, NasBenchMacroSpace(), columns, ByDigits(3), 1.0)
