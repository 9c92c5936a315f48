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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from placement_data.errors import SettingError
from routenas.look_up import look_up
from searchspaces.space import Genotype, Space

Array = NDArray[np.float64]

TABLES = {
    "nas-bench-201": "routenas.tabular.nasbench201:load",
    "nas-bench-101": "routenas.tabular.nasbench101:load",
    "nas-bench-macro": "routenas.tabular.nasbench_macro:load",
    "nas-bench-graph": "routenas.tabular.nasbench_graph:load",
}
"""The tables: ``module:function``, called with a data set, None for the default, and the folder of tables or None."""


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
            raise SettingError(where, expected=" or ".join(self.columns))
        return self.columns[name]


def load_table(name: str, data: str | None = None, folder: Path | None = None) -> NasTable:
    """A table of `TABLES`, or of ``module:function`` of the user's own.

    Raises ``InputError`` for unknown names and for files that are absent or damaged.
    """
    table: NasTable = look_up("table", TABLES, name)(data, folder)
    return table


def data_set(name: str, data: str | None, known: Sequence[str]) -> str:
    """One of the ``known`` data sets of a table, by default the first. Raises ``InputError`` for another."""
    if data is not None and data not in known:
        raise SettingError(f"{name} has no such data set", found=data, expected=" or ".join(known))
    return data or known[0]


@dataclass(frozen=True)
class ByDigits:
    """Row of values that are the digits of a number: an object, since no closure travels to a worker process."""

    base: int

    def __call__(self, genotype: Genotype) -> int:
        number = 0
        for value in genotype.values:
            number = number * self.base + value
        return number


class ByKey:
    """Row of the benchmark's own key, which takes longer than a look into a dictionary: each is made once."""

    def __init__(self, key: Callable[[Genotype], Any], rows: Mapping[Any, int]) -> None:
        self._key, self._rows = key, rows
        self._found: dict[tuple[int, ...], int] = {}

    def __call__(self, genotype: Genotype) -> int:
        if genotype.values not in self._found:
            self._found[genotype.values] = self._rows.get(self._key(genotype), -1)
        return self._found[genotype.values]
