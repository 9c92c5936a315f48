"""NAS-Bench-Graph (Qin et al., NeurIPS 2022), from its package."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from routenas.tabular.files import package_folder, unpickled
from routenas.tabular.tables import ByKey, NasTable, data_set
from searchspaces.nasbench_graph import OPERATIONS, NasBenchGraphSpace

DATA = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins")


def load(data: str | None, folder: Path | None) -> NasTable:
    """See `TABLES`."""
    data = data_set("nas-bench-graph", data, DATA)
    space = NasBenchGraphSpace(5 if data == "proteins" else len(OPERATIONS))
    package = package_folder("nas_bench_graph", "nas-bench-graph")
    table = unpickled(package / "light" / f"{data}.bench")
    rows = {key: row for row, key in enumerate(table)}
    names = {"valid": "valid_perf", "test": "perf", "latency": "latency", "parameters": "para"}
    columns = {ours: np.array([float(entry[theirs]) for entry in table.values()]) for ours, theirs in names.items()}
    columns["parameters"] = columns["parameters"] * 1e6

    return NasTable("nas-bench-graph", data, space, columns, ByKey(space.key, rows), 1.0)
